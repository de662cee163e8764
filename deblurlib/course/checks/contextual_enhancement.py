"""Checks of lesson 08: details that are left, a gain with another limit, MPRNet's relative."""

import math
from collections.abc import Callable
from typing import Any

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor, nn

from deblurlib.course.checks import (
    Stages,
    Wrong,
    copy_weights,
    exercise,
    expect,
    expect_gradients,
    expect_parameters,
    expect_shape,
    expect_values,
)
from deblurlib.course.quiz import Choice, Question, Quiz


@exercise(first="blur `blurred` with `gaussian_blur2d`, and subtract what comes out from it.")
def details_left(answer: Callable[[Tensor, Tensor, float], Tensor]) -> Stages:
    yield "it runs"
    # Each picture has its own contrast, so that a mean over the batch shows.
    contrast = torch.tensor([1.0, 0.5, 0.2])[:, None, None, None]
    sharp = contrast * torch.rand(3, 3, 17, 19)
    blurred = 0.7 * _blur(sharp.flip(0), 1.5) + 0.1 * torch.rand(3, 3, 17, 19)
    out = _untouched(answer, blurred=blurred, sharp=sharp, sigma=1.0)

    yield "shape"
    expect_shape(
        out,
        (3,),
        {
            (): "One number a picture: keep the batch, take the mean over dimensions 1, 2 and 3.",
            (3, 3): "That is one number a channel: the mean goes over the channels as well.",
            (3, 1, 1, 1): "The numbers are there; leave `keepdim` out.",
            (3, 1, 17, 19): "That is one number a pixel: take the mean over height and width.",
            (3, 3, 17, 19): "That is one number a pixel and channel: the mean is missing.",
            (17, 19): "The batch is gone, the pixels are left: mean over dimensions 1, 2 and 3.",
        },
    )

    yield "values"
    details = [picture - _blur(picture, 1.0) for picture in (blurred, sharp)]
    expected = _ratio(_rms, *details)
    reflected = [picture - _blur(picture, 1.0, "reflect") for picture in (blurred, sharp)]
    difference = blurred - sharp
    mistakes = {
        "that is sharp over blurred: the other way round.": 1 / expected,
        "the root is missing: that is the ratio of the mean squares.": expected.square(),
        "that is the strength of the pictures themselves: subtract their Gaussian blur.": _ratio(
            _rms, blurred, sharp
        ),
        "that is the strength of what the Gaussian leaves; details are what it takes away: the "
        "picture minus its blur.": _ratio(_rms, _blur(blurred, 1.0), _blur(sharp, 1.0)),
        "you took the mean of the sizes; here strength is the root of the mean square.": _ratio(
            lambda d: d.abs().mean((1, 2, 3)), *details
        ),
        "the details are not squared: bright and dark ones cancel in the mean.": _ratio(
            lambda d: d.mean((1, 2, 3)), *details
        ),
        "the pictures' border must repeat: `gaussian_blur2d` reflects it unless you say "
        '`border_type="replicate"`.': _ratio(_rms, *reflected),
        "that compares the *difference* of the two pictures with the sharp one; each picture has "
        "details of its own.": _ratio(_rms, difference - _blur(difference, 1.0), details[1]),
        "the mean of the pixels' ratios is not the ratio of strengths: take each picture's "
        "strength first, divide at the end.": (details[0] / details[1])
        .square()
        .mean((1, 2, 3))
        .sqrt(),
        "that is in percent; the part itself is asked for, ⅓ and not 33.": 100 * expected,
        "ten times too large: one picture's details are enlarged, the other's not. Here neither "
        "is.": 10 * expected,
    }
    expect_values(out, expected, mistakes)

    yield "another sigma"
    wide = _ratio(_rms, *(picture - _blur(picture, 2.0) for picture in (blurred, sharp)))
    expect_values(
        answer(blurred[:2], sharp[:2], 2.0),
        wide[:2],
        {
            "right for sigma 1, and the same for sigma 2: is a 1 written into your code?": expected[
                :2
            ]
        },
    )


def _blur(picture: Tensor, sigma: float, border: str = "replicate") -> Tensor:
    size = 2 * round(2 * sigma) + 1
    return gaussian_blur2d(picture, size, (sigma, sigma), border_type=border)


def _rms(details: Tensor) -> Tensor:
    return details.square().mean((1, 2, 3)).sqrt()


def _ratio(strength: Callable[[Tensor], Tensor], blurred: Tensor, sharp: Tensor) -> Tensor:
    return strength(blurred) / strength(sharp)


class _BoundedGain(nn.Module):
    def __init__(self, channels: int, most: float) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.most = most

    def forward(self, features: Tensor, details: Tensor) -> Tensor:
        return self.gain(self.look(details)) * features

    def gain(self, z: Tensor) -> Tensor:
        return self.most * torch.sigmoid(z - math.log(self.most - 1))


@exercise(
    first="in `__init__` make the 3×3 convolution from 3 channels to `channels`; in `forward`, "
    "call what it makes of the details z, and print `torch.sigmoid(z)` to see its range."
)
def bounded_gain(answer: Callable[[int, float], nn.Module]) -> Stages:
    most = 5.0
    features, details = torch.randn(2, 6, 9, 11), torch.randn(2, 3, 9, 11)
    yield "it runs"
    module = answer(6, most)
    try:
        out = _untouched(module, features=features, details=details)
    except RuntimeError as error:
        expect(
            "must match the size" not in str(error),
            "the gain is smaller than the features: a 3×3 convolution without padding takes off "
            "a pixel on each side.",
        )
        raise

    yield "shape"
    expect_shape(out, (2, 6, 9, 11), {(2, 6, 7, 9): "Pad the convolution by one pixel."})

    yield "parameters"
    expect_parameters(
        module,
        9 * 3 * 6,
        {
            9 * 3 * 6 + 6: "There is a bias: then z is not 0 where the details are 0, and flat "
            "areas are not left alone.",
            9 * 6 * 6: "Your convolution looks at the features; the gain comes from the details.",
            9 * 6 * 6 + 6: "Your convolution looks at the features; the gain comes from the "
            "details. And a bias would move flat areas.",
            9 * 3: "One gain for all channels: each channel is to have its own.",
            3 * 6: "Your convolution is 1×1; make it 3×3, with padding 1.",
            9 * 3 * 6 + 1: "s is no parameter: it follows from `most`.",
            0: "No convolution is registered: make it in `__init__` and keep it in `self`.",
        },
    )

    yield "untouched where the details are 0"
    with torch.no_grad():
        still = module(features, torch.zeros_like(details))
    expect(
        not _same(still, torch.ones_like(still)),
        "you return the gain alone: the result is the features *times* the gain.",
    )
    expect(
        not _same(still, features + 1),
        "you add the gain to the features; it is a factor.",
    )
    expect(
        not _same(still, 2 * features),
        "features where the details are 0 are doubled: is x added to gain times x? Here the gain "
        "itself is 1.",
    )
    factor = (still / features).flatten()
    expect(
        factor.isfinite().all() and _same(factor, factor[:1].expand_as(factor)),
        "where the details are 0, the gain should be the same everywhere; yours is not. Does "
        "anything but the details go into it?",
    )
    found = factor[0].item()
    said = {
        most / 2: "With s = 0 the sigmoid's middle, `most` / 2, lies at z = 0.",
        most * (most - 1) / most: "s has the wrong sign.",
        most / 4: "s = ln 3 fits a limit of 4 only; s must follow from `most`.",
        most / (1 + most): "That is s = ln(m); solve m · sigmoid(-s) = 1 once more.",
        most
        / (
            1 + math.exp(most - 1)
        ): "The logarithm is missing: m - 1 is e to the power of s, not s.",
        most / (1 + math.exp(math.log10(most - 1))): "That is the logarithm to base "
        "10; `math.log` is the natural one.",
        most
        / (1 + math.exp(math.log2(most - 1))): "That is the logarithm to base 2; `math.log` is "
        "the natural one.",
        0.5: "That is a plain sigmoid: the factor `most` is missing.",
        1 / most: "That is sigmoid(-s) alone: the factor `most` is missing, s is right.",
        0.0: "Is the gain's 1 in the wrong place? 0 removes the features.",
    }
    reason = next((text for value, text in said.items() if abs(value - found) < 1e-3), None)
    expect(
        abs(found - 1) < 1e-4,
        f"for most = {most:.0f} and details of 0 the gain is {found:.3f}; it must be 1. "
        f"{reason or 's must follow from `most`: solve m · sigmoid(-s) = 1.'}",
    )

    yield "range"
    with torch.no_grad():
        gains = module(torch.ones_like(features), 1e3 * details)
    low, top = gains.min().item(), gains.max().item()
    expect(
        low > -1e-3,
        f"with large details the gain falls to {low:.2f}, and turns the features' sign. It is to "
        "stay above 0: the shift belongs inside the sigmoid.",
    )
    expect(
        abs(top - 2) > 1e-3,
        "with large details the gain reaches 2 and not `most`, as in the lesson. Stretch the "
        "sigmoid by `most`, and shift it until z = 0 gives 1.",
    )
    expect(
        top < most + 1e-3,
        f"with large details the gain reaches {top:.2f}, above `most` = {most:.0f}.",
    )
    expect(
        top > most - 0.1,
        f"with large details the gain does not get beyond {top:.2f}; `most` is {most:.0f}.",
    )
    expect(
        low < 0.1,
        f"with large details the gain does not fall below {low:.2f}; it is to come close to 0. Is "
        "something before or after the sigmoid cut off?",
    )

    yield "values"
    reference = _BoundedGain(6, most)
    copy_weights(reference, module, features, details)
    with torch.no_grad():
        z = reference.look(details)
        expect_values(
            module(features, details),
            reference(features, details),
            {
                "the range is right and the middle, but it is no shift: you took a power of the "
                "lesson's gain. Shift z instead.": (2 * torch.sigmoid(z)) ** math.log2(most)
                * features,
                "z has the wrong sign: large z must raise the features.": reference.gain(-z)
                * features,
                "the gain is applied twice.": reference.gain(z) ** 2 * features,
            },
        )

    yield "gradient"
    expect_gradients(module, module(features, details))
    asked = details.clone().requires_grad_()
    module(features, asked).square().sum().backward()
    expect(
        asked.grad is not None and asked.grad.any(),
        "no gradient comes back to the details: is there a `detach`? On this way the restoration "
        "is to teach the image that they were taken from.",
    )

    yield "another limit"
    other = answer(4, 2.5)
    with torch.no_grad():
        x = torch.randn(1, 4, 5, 6)
        still = other(x, torch.zeros(1, 3, 5, 6))
    expect(
        _same(still, x),
        "right for most = 5, but for most = 2.5 features where the details are 0 do not stay as "
        "they are: is a number written in that depends on `most`?",
    )


class _SupervisedAttention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.predict = nn.Conv2d(channels, 3, 1, bias=False)
        self.attend = nn.Conv2d(3, channels, 1, bias=False)
        self.body = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, features: Tensor, blurred: Tensor) -> tuple[Tensor, Tensor]:
        predicted = blurred + self.predict(features)
        attention = 2 * torch.sigmoid(self.attend(_enlarged(predicted))) - 1
        return features + attention * self.body(features), predicted


def _enlarged(image: Tensor, border: str = "replicate") -> Tensor:
    return 10 * (image - _blur(image, 1.0, border))


@exercise(
    first="make the three convolutions in `__init__`; then write `predicted = blurred + ...`, the "
    "first equation."
)
def supervised_attention(answer: Callable[[int], nn.Module]) -> Stages:
    x, b = torch.randn(2, 5, 7, 9), torch.rand(2, 3, 7, 9)
    yield "it runs"
    module = answer(5)
    out = _untouched(module, features=x, blurred=b)

    yield "what comes back"
    expect(out is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(out, tuple | list) and len(out) == 2,
        "two things should come back, the features Y and the image P: `return y, predicted`.",
    )
    y, p = out
    expect(
        not (_shape(y) == b.shape and _shape(p) == x.shape),
        "P comes first in what you return; the features come first.",
    )

    yield "shape"
    expect_shape(
        y,
        tuple(x.shape),
        {(2, 3, 7, 9): "Y are features: as many channels as X, not an image's three."},
    )
    expect_shape(
        p, tuple(b.shape), {(2, 5, 7, 9): "P is an image: three channels. Did you return A?"}
    )

    yield "parameters"
    expect_parameters(
        module,
        55,
        {
            55 + 5 + 3 + 5: "The biases are to be left out: `bias=False`, three times.",
            55 + 3: "W_P has a bias; here all are to be left out.",
            55 + 5: "W_A or W_X has a bias; with one in W_A, flat areas are not left alone.",
            9 * 55: "These convolutions are 3×3; here all are 1×1.",
            55 + 8 * 15: "One convolution between image and features is 3×3, as W_P is in the CEM; "
            "here all are 1×1.",
            55 + 8 * 25: "W_X is 3×3; here all are 1×1.",
            55 + 2: "α and β are two fixed numbers, no parameters: work them out.",
            30: "W_X is missing: the attention multiplies W_X * X, not X itself.",
            40: "A convolution of 15 weights is missing: W_P and W_A are two, one back to three "
            "channels, one out again.",
            55 - 15 + 25: "A convolution takes the features where it should take the image: W_A "
            "has three channels coming in.",
            55 - 15 + 3: "W_A makes one channel; every channel of X has an attention of its own.",
        },
    )
    reference = _SupervisedAttention(5)
    _copy_by_shape(reference, module)

    with torch.no_grad():
        y, p = module(x, b)
        predicted, residual = reference(x, b)[1], reference.predict(x)
        yield "the image P"
        expect_values(
            p,
            predicted,
            {
                "P is W_P * X alone: add the blurred image.": residual,
                "that is the blurred image alone: add W_P * X.": b,
                "P is the blurred image minus W_P * X; the equation has a plus.": b - residual,
                "that is a sigmoid of P: P itself is compared with the ground truth.": (
                    torch.sigmoid(predicted)
                ),
                "P is cut off to [0, 1]: leave it as it comes; where it is cut off, no gradient "
                "would lead it back.": predicted.clamp(0, 1),
                "those are P's details: give back P itself.": _enlarged(predicted),
            },
        )
        yield "the features Y"
        for message, values in _slips(reference, x, b).items():
            expect(not _same(y, values), message)
        level = torch.tensor([0.2, 0.9])[:, None, None, None].expand_as(b)
        for weight in module.parameters():
            if weight.shape == reference.predict.weight.shape:
                kept, flat = weight.clone(), weight.zero_()
        still, _ = module(x, level)
        flat.copy_(kept)
        expect(
            _same(still, x),
            "where P is flat, Y should be X; yours is not. Which A does that take, and which z has "
            "a flat P?",
        )
        expect_values(y, reference(x, b)[0])
    yield "gradient"
    y, p = module(x, b)
    expect(p.requires_grad, "no gradient reaches P: is there a `detach` or a `no_grad`?")
    module.zero_grad()
    y.square().sum().backward()
    learns = {
        tuple(w.shape): w.grad is not None and bool(w.grad.any()) for w in module.parameters()
    }
    expect(
        learns[3, 5, 1, 1],
        "no gradient comes from Y to W_P: P is detached before the attention. The restoration is "
        "to teach it as well.",
    )
    expect_gradients(module, module(x, b)[0])

    yield "another number of channels"
    y, _ = answer(8)(torch.randn(1, 8, 4, 6), torch.rand(1, 3, 4, 6))
    expect_shape(y, (1, 8, 4, 6))


def _slips(right: _SupervisedAttention, x: Tensor, b: Tensor) -> dict[str, Tensor]:
    """What is wrong -> the features that it gives: slips of structure, of what is seen, of A."""
    predicted, body = right(x, b)[1], right.body(x)
    details = _enlarged(predicted)
    attention = 2 * torch.sigmoid(right.attend(details)) - 1
    slips = {
        "X is not added: Y is the product alone.": attention * body,
        "A multiplies X, and W_X * X is added: the other way round.": attention * x + body,
        "A multiplies X in both parts: it belongs to W_X * X only.": x + attention * x,
        "A multiplies the sum: X itself is to pass untouched.": attention * (x + body),
        "W_X is applied to A · X; A multiplies W_X * X.": x + right.body(attention * x),
        "A is added to W_X * X; it is a factor.": x + attention + body,
        "the attention is not used: Y is X + W_X * X.": x + body,
        "A · (W_X * X) is taken away from X, not added, or A has the wrong sign: details are P "
        "minus its blur.": x - attention * body,
    }
    seen = {
        "": details,
        "The attention looks at P itself, so a bright and a dark wall differ: give it P's "
        "details.": predicted,
        "The details are not enlarged: g = 10 is missing.": details / 10,
        "The attention looks at P's Gaussian blur; details are what the blur takes away.": _blur(
            predicted, 1.0
        ),
        "The attention has the details of W_P * X alone; P has the blurred image in it.": _enlarged(
            right.predict(x)
        ),
        "The attention has the details of the blurred image; it is to have those of P.": _enlarged(
            b
        ),
        'The blur must repeat the border: `border_type="replicate"`.': _enlarged(
            predicted, "reflect"
        ),
    }
    shaped: dict[str, Callable[[Tensor], Tensor]] = {
        "": lambda z: 2 * torch.sigmoid(z) - 1,
        "A is a plain sigmoid: ½ at z = 0, so that flat areas get half of W_X * X on "
        "top.": torch.sigmoid,
        "A is 2 sigmoid, 1 at z = 0. That leaves features alone where A multiplies X, as in the "
        "CEM. Here A · (W_X * X) is *added*.": lambda z: 2 * torch.sigmoid(z),
        "A gets to ½ at most: β is right for α = 1, but both follow together.": lambda z: (
            torch.sigmoid(z) - 0.5
        ),
        "The sigmoid is missing: A is to stay between -1 and 1.": lambda z: z,
        "tanh(z) is 2 sigmoid(2 z) - 1: twice as steep as asked.": torch.tanh,
        "A is a softmax over channels; here it is made of a sigmoid.": lambda z: z.softmax(1),
    }
    for looks, source in seen.items():
        for has, gain in shaped.items():
            if message := f"{looks} {has}".strip():
                slips.setdefault(message, x + gain(right.attend(source)) * body)
    return slips


def _copy_by_shape(source: nn.Module, target: nn.Module) -> None:
    # The three shapes differ, so that order and names don't matter.
    own = {tuple(weight.shape): weight for weight in target.parameters()}
    for name, weight in source.named_parameters():
        expect(
            tuple(weight.shape) in own,
            f"no convolution from {weight.shape[1]} to {weight.shape[0]} channels with a kernel of "
            f"1×1 is there (`{name}` in the solution).",
        )
        with torch.no_grad():
            own[tuple(weight.shape)].copy_(weight)


def _untouched(answer: Callable[..., Any], **given: Any) -> Any:
    """What `answer` makes of copies of its inputs, which must come out as they went in."""
    copies = [v.clone() if isinstance(v, Tensor) else v for v in given.values()]
    out = answer(*copies)
    for (name, before), after in zip(given.items(), copies, strict=True):
        if isinstance(before, Tensor):
            expect(
                torch.equal(before, after),
                f"you changed the input `{name}` in place (with `+=`, `*=` or a method that ends "
                "in `_`). It belongs to whoever called you: make a new tensor.",
            )
    return out


def _shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, Tensor):
        raise Wrong(f"two tensors should come back; one of yours is a {type(value).__name__}.")
    return tuple(value.shape)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-4)


quiz = Quiz(
    __name__,
    Question(
        "Somebody tests their CEM as above. On a flat image A is 0.91 to 1.12, dark or bright; "
        "when an image gets brighter, A does not change. Which slip is it?",
        (
            Choice(
                "The factor 2 is forgotten.",
                "Then A would be 0.50 in every channel: without biases, z = 0 on a flat image.",
            ),
            Choice(
                "The context has a bias.",
                "z is then the same on any flat image, but not 0, and each channel has its own.",
                right=True,
            ),
            Choice(
                "The attention looks at P itself.",
                "Then dark and bright would differ, and so would A where the image gets brighter.",
            ),
        ),
    ),
    Question(
        "In P, brightness rises evenly from left to right over 60 pixels. What is A in the middle?",
        (
            Choice(
                "Above 1 in all channels: something changes there.",
                "A change alone is no detail. What does a Gaussian do to an even slope?",
            ),
            Choice(
                "Exactly 1.",
                "A Gaussian leaves an even slope as it is, so D = 0 and z = 0.",
                right=True,
            ),
            Choice(
                "Above 1 in some channels, below 1 in others.",
                "That is so at an edge. On an even slope D = 0, for every channel.",
            ),
        ),
    ),
    Question(
        "You write `3 * sigmoid(z)` and change nothing else. What becomes of features where P is "
        "flat?",
        (
            Choice("They stay as they are.", "For that sigmoid(0) would have to be ⅓."),
            Choice("They become three times as large.", "Only where z is very large."),
            Choice(
                "They become one and a half times as large.",
                "z = 0 there, and sigmoid(0) = ½. A shift of z would mend it, as in exercise 2.",
                right=True,
            ),
        ),
    ),
    Question(
        "You train a CEM with the loss on P *only*. What becomes of its context?",
        (
            Choice(
                "It stays as it was drawn at random.",
                "The loss on P reaches W_P; no gradient goes from there into the context.",
                right=True,
            ),
            Choice(
                "It learns to raise features at the edges of P.",
                "Who would tell it? A has no say in P, so the loss on P gives it no gradient.",
            ),
            Choice(
                "It learns to leave everything alone.",
                "It learns nothing: A has no say in P, so the loss on P gives it no gradient.",
            ),
        ),
    ),
    Question(
        "On a skip of some network, P has 2 dB more than B, but an agreement of 0.20 where B has "
        "0.19. What follows?",
        (
            Choice(
                "P has found the true details.",
                "It is closer to the sharp image, but its details are hardly better placed.",
            ),
            Choice(
                "The gains are still steered by details in the wrong places.",
                "They see P's details only, and these agree with the true ones hardly more than "
                "B's.",
                right=True,
            ),
            Choice(
                "The network would be as good without the module.",
                "That may be, but only trainings with the module and without can tell.",
            ),
        ),
    ),
)
