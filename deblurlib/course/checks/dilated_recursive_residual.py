"""Checks of lesson 07: reach, a dilated convolution, DRRN's block, paths through a block."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

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


@exercise(first="write the reach of one convolution to one side: its dilation, for three taps.")
def receptive_field(answer: Callable[..., int]) -> Stages:
    yield "it runs"
    found = answer([2, 5, 1], 3, "parallel")
    yield "parallel"
    _expect_side(
        found,
        31,
        "dilations [2, 5, 1] side by side, three recursions",
        {
            49: "you add the reaches up, as if one convolution came after the other; side by side "
            "the largest counts.",
            16: "you count one side only: 1 + 2 · reach.",
            30: "the pixel in the middle is missing: 1 + 2 · reach.",
            15: "that is the reach to one side; the square has it on both, and a middle.",
            33: "three squares of 11 share their middle: add up reaches, not sides.",
            11: "that is one recursion: each further one adds its reach.",
            7: "you took the last dilation; the *largest* counts, wherever it stands.",
            13: "you took the first dilation; the *largest* counts, wherever it stands.",
            91: "you reach `kernel_size` times the dilation to each side; three taps are the"
            " middle and *one* on each side.",
            61: "kernel_size - 1 counts the taps on *both* sides of the middle, and then you take "
            "both sides again.",
            37: "the 1×1 convolution sees no neighbours: it adds no reach.",
        },
    )
    yield "cascaded"
    _expect_side(
        answer([2, 5, 1], 3, "cascaded"),
        49,
        "dilations [2, 5, 1] one after the other, three recursions",
        {
            31: "`arrangement` makes no difference in your code; one after the other, reaches add "
            "up.",
            17: "here your recursions are lost: each repeats the whole cascade.",
            81: "convolutions in a row share the middle: their reaches add up, not their sides.",
        },
    )
    yield "kernel size"
    _expect_side(
        answer([2, 5, 1], 3, "parallel", 5),
        61,
        "kernels of 5, dilations [2, 5, 1] side by side, three recursions",
        {
            31: "`kernel_size` makes no difference in your code; five taps reach twice as far as "
            "three.",
            121: "five taps are the middle and *two* on each side; you count four.",
            91: "five taps are the middle and *two* on each side; you count three.",
        },
    )
    yield "other blocks"
    for given, wanted in (
        (([1], 1, "parallel"), 3),
        (((3, 3), 2, "parallel"), 13),
        (((1, 2, 5), 1, "cascaded", 7), 49),
        (((4, 1), 5, "cascaded", 1), 1),
    ):
        found = answer(*given)
        expect(
            found == wanted, f"right so far, but for {given}: {wanted} expected, {found!r} found."
        )


@exercise(first="pad x by `dilation` on all four sides with `functional.pad`.")
def dilated_convolution(answer: Callable[[Tensor, Tensor, int], Tensor]) -> Stages:
    x, weight = torch.randn(2, 3, 9, 11), torch.randn(4, 3, 3, 3)
    yield "it runs"
    with _without_dilation():
        try:
            out = answer(x, weight, 2)
        except RuntimeError as error:
            if "must match the size" not in str(error):
                raise
            raise Wrong(
                "the slices have different sizes: one of them runs over the edge. Is x padded by"
                " `dilation`, and on all four sides?"
            ) from None
    yield "shape"
    expect_shape(
        out,
        (2, 4, 9, 11),
        {
            (2, 4, 5, 7): "The border is lost: pad x by `dilation` on all four sides.",
            (2, 4, 7, 9): "A pixel too little on each side: a dilation of 2 needs 2 of padding.",
            (2, 4, 13, 15): "That is the padded size: take slices as high and wide as x was.",
            (
                2,
                3,
                9,
                11,
            ): "There are x's channels; each channel out is a sum over all channels in.",
            (2, 4, 3, 9, 11): "The channels that go in are still apart: add up over them.",
        },
    )
    yield "values"
    right = _dilated(x, weight, 2)
    flipped, transposed = weight.flip(2, 3), weight.transpose(2, 3)
    without_middle = weight.clone()
    without_middle[:, :, 1, 1] = 0
    expect_values(
        out,
        right,
        {
            "the dilation makes no difference: your taps lie next to each other.": _dilated(
                x, weight, 1
            ),
            "your taps lie 3 apart: dilation 2 leaves *one* pixel out between them.": _dilated(
                x, weight, 3
            ),
            "the kernel is turned by 180°: weight [0, 0] belongs to the tap at the top *left*.": (
                _dilated(x, flipped, 2)
            ),
            "rows and columns of the kernel are exchanged: a goes down, b to the right.": _dilated(
                x, transposed, 2
            ),
            "outside of the picture you repeat its border; there it is to be 0.": _dilated(
                x, weight, 2, "replicate"
            ),
            "outside of the picture you mirror it; there it is to be 0.": _dilated(
                x, weight, 2, "reflect"
            ),
            "outside of the picture you go on at its other side; there it is to be 0.": _dilated(
                x, weight, 2, "circular"
            ),
            "the picture has moved down and to the right: pad right and below as well.": (
                functional.conv2d(functional.pad(x, (4, 0, 4, 0)), weight, dilation=2)
            ),
            "the picture has moved up and to the left: pad left and above as well.": (
                functional.conv2d(functional.pad(x, (0, 4, 0, 4)), weight, dilation=2)
            ),
            "the tap in the middle is missing.": _dilated(x, without_middle, 2),
            "only the last tap is left: *add* each one to those before.": _dilated(
                x, weight * torch.eye(9)[8].view(3, 3), 2
            ),
            "that is the mean over the channels that go in: add them up.": right / 3,
            "that is the mean of the nine taps: add them up.": right / 9,
        },
    )
    yield "gradient"
    weight.requires_grad_()
    out = answer(x, weight, 2)
    expect(out.requires_grad, "the weights get no gradient: is there a `detach` or a `no_grad`?")
    (gradient,) = torch.autograd.grad(out.sum(), weight)
    expect(gradient.abs().sum((0, 1)).all(), "some of the nine taps get no gradient.")
    yield "other sizes"
    for size, dilation in (((1, 3, 9, 11), 1), ((1, 3, 12, 7), 3), ((1, 3, 4, 5), 6)):
        x = torch.randn(*size)
        wanted = _dilated(x, weight, dilation)
        try:
            with torch.no_grad():
                out = answer(x, weight, dilation)
            same = out.shape == wanted.shape and torch.allclose(out, wanted, atol=1e-4)
        except (RuntimeError, IndexError):
            same = False
        expect(
            same,
            f"right for dilation 2, not for dilation {dilation} and a picture of"
            f" {size[2]} × {size[3]}. Is a number written in that should be an argument?",
        )


@exercise(first="make the three 3×3 convolutions in `__init__`, each with padding=1.")
def recursive_block(answer: Callable[[int, int], nn.Module]) -> Stages:
    x = torch.randn(2, 6, 21, 23)
    yield "it runs"
    module = answer(6, 3)
    try:
        with torch.no_grad():
            out = module(x)
    except RuntimeError as error:
        if "must match the size" not in str(error):
            raise
        raise Wrong(
            "what is added has another size: does each 3×3 convolution have padding=1?"
        ) from None
    yield "shape"
    expect_shape(
        out,
        (2, 6, 21, 23),
        {(2, 6, 7, 9): "The border is lost: pad each convolution by a pixel."},
    )
    yield "parameters"
    one, used = 9 * 6 * 6 + 6, _used(module, x)
    uses = len(used)
    expect_parameters(
        module,
        3 * one,
        {
            7 * one: "Every recursion has weights of its own: make the convolutions once, and call"
            " them in a loop.",
            2 * one: (
                "The first convolution, W_0, is missing."
                if uses == 6
                else "One convolution stands in two places: W_0, W_1 and W_2 are three."
                if uses == 7
                else "That is two convolutions: W_0, W_1 and W_2 are three."
            ),
            one: "Convolutions in a plain list, or made in `forward`, are not found: make them in"
            " `__init__`, as attributes.",
            0: "Convolutions in a plain list, or made in `forward`, are not found: make them in"
            " `__init__`, as attributes.",
            3 * (one - 6): "The biases are missing.",
            3 * (6 * 6 + 6): "Those are 1×1 convolutions; DRRN's are 3×3.",
        },
    )
    yield "recursions"
    explanations = {
        3: "the loop over recursions is missing: W_1 and W_2 are used once each.",
        5: "for three recursions your loop runs twice.",
        9: "for three recursions your loop runs four times.",
    }
    expect(
        uses == 7,
        explanations.get(
            uses, f"W_0 is used once, W_1 and W_2 three times: 7 uses in all; yours has {uses}."
        ),
    )
    expect(
        len(set(used)) == 3,
        "you make three convolutions and use two: one of them works in another's place.",
    )
    for layer in used:
        expect(
            layer.dilation == (1, 1),
            f"DRRN's convolutions have dilation 1, yours has {layer.dilation[0]}.",
        )
    yield "values"
    reference = _RecursiveBlock(6, 3)
    copy_weights(reference, module, x)
    with torch.no_grad():
        out = module(x)
        expect_values(
            out,
            reference(x),
            {
                "you add x; DRRN adds H_0, what the first convolution makes of it.": reference(
                    x, add="x"
                ),
                "you add the h before, as a chain of residual blocks does: add H_0 each time.": (
                    reference(x, add="h")
                ),
                "nothing is added: the recursive residual H_0 is missing.": reference(
                    x, add="nothing"
                ),
                "H_0 is added only at the end: each recursion adds it.": reference(x, add="last"),
                "H_0 is added in each recursion, and once more at the end.": (
                    reference(x) + reference.first(x)
                ),
                "x is added at the end as well; only H_0 is added, in each recursion.": (
                    reference(x) + x
                ),
                "H_0 has lost what was negative in it: an in-place ReLU (`inplace=True`, `relu_`)"
                " changes H_0, which you still need.": reference(x, cut=True),
                "the first recursion begins with x; it begins with H_0.": reference(x, begin="x"),
                "there is no activation at all.": reference(x, slopes=(1, 1)),
                "the first ReLU is missing, before W_1.": reference(x, slopes=(1, 0)),
                "the second ReLU is missing, between W_1 and W_2.": reference(x, slopes=(0, 1)),
                "that is a leaky ReLU of slope 0.2; DRRN's is plain.": reference(
                    x, slopes=(0.2, 0.2)
                ),
                "your ReLUs come *after* the convolutions; here each comes before one.": reference(
                    x, after=True
                ),
                "no activation after the sum: H_t must be free to go below 0.": reference(
                    x, after_sum=True
                ),
            },
        )
    yield "gradient"
    expect_gradients(module, module(x))
    yield "other recursions"
    for recursions in (1, 5):
        module, reference = answer(6, recursions), _RecursiveBlock(6, recursions)
        expect_parameters(module, 3 * one)
        uses = len(_used(module, x))
        expect(
            uses != 7,
            "your loop runs 3 times whatever `recursions` is.",
        )
        expect(
            uses == 1 + 2 * recursions,
            f"right for 3 recursions; for {recursions} your loop runs another number of times.",
        )
        copy_weights(reference, module, x)
        with torch.no_grad():
            expect(
                torch.allclose(module(x), reference(x), atol=1e-4),
                f"right for 3 recursions, not for {recursions}.",
            )


@exercise(first="make the empty picture of side 1 + 2 · reach, with a 1 in the middle.")
def count_paths(answer: Callable[[Sequence[int], int, str], Tensor]) -> Stages:
    yield "it runs"
    found = answer([1, 2], 1, "parallel")
    yield "shape"
    expect_shape(
        found,
        (5, 5),
        {
            (1, 1, 5, 5): "That is a batch of pictures; return the one, `[0, 0]`.",
            (1, 5, 5): "That has a channel; return the picture, `[0]`.",
            (3, 3): "The side is 1 + 2 · reach: both sides count.",
        },
    )
    yield "one recursion, in parallel"
    right = _paths([1, 2], 1, "parallel")
    map_only = (right > 0).double()
    expect_values(
        found,
        right,
        {
            "x itself is not added: one path goes past all convolutions.": right - _dot(5),
            "that is a map of 0 and 1: count the paths.": map_only,
            "x is added once for each dilation; it is added once a recursion.": right + _dot(5),
            "the fusion sees the last convolution only: add up what all of them give.": _paths(
                [2], 1, "parallel"
            ),
            "in parallel each convolution sees h; here each sees the one before.": _crop(
                _paths([1, 2], 1, "cascaded"), 5
            ),
            "in parallel each convolution sees h; here the second sees the first, and the fusion"
            " only the last.": _crop(_paths([1, 2], 1, "cascaded", last_only=True), 5),
            "only x came back. h begins as x, not at 0; and the features are added to x.": _dot(5),
            "your 1 stands in the corner; put it into the middle, at [reach, reach].": _paths(
                [1, 2], 1, "parallel", corner=True
            ),
            "the counts are a share of all paths; return whole numbers.": right / right.sum(),
        },
        1e-6,
    )
    yield "several recursions"
    right = _paths([1, 2], 3, "parallel")
    found = answer([1, 2], 3, "parallel")
    expect_shape(found, (13, 13))
    expect_values(
        found,
        right,
        {
            "you add h, as a chain of residual blocks does: each recursion adds x.": _paths(
                [1, 2], 3, "parallel", add="h"
            ),
            "x enters at the first recursion only; paths may enter at each.": (
                _paths([1, 2], 3, "parallel", add="nothing")
            ),
            "x is added only at the end; paths may enter at each recursion.": (
                _paths([1, 2], 3, "parallel", add="nothing") + _dot(13)
            ),
            "each of your recursions begins with x again: the second works on what the first"
            " gave.": _grow(_paths([1, 2], 1, "parallel"), 13),
            "that is a map of 0 and 1: count the paths.": (right > 0).double(),
        },
        1e-6,
    )
    yield "cascaded"
    # Three dilations: with two, the sum of the features so far is the last feature.
    three = [1, 2, 3]
    right = _paths(three, 2, "cascaded")
    found = answer(three, 2, "cascaded")
    expect_shape(found, (25, 25))
    expect_values(
        found,
        right,
        {
            "cascaded, your fusion sees the last convolution only: it sees all of them.": _paths(
                three, 2, "cascaded", last_only=True
            ),
            "`arrangement` makes no difference: cascaded, each convolution sees the one"
            " before.": _grow(_paths(three, 2, "parallel"), 25),
            "you use dilations 1 and 2 only; they are [1, 2, 3]. Is a number written in that should"
            " be an argument?": _grow(_paths([1, 2], 2, "cascaded"), 25),
            "the second recursion goes on from the last convolution; it begins with h.": _paths(
                three, 2, "cascaded", restart=False
            ),
            "cascaded, the next convolution sees the last feature, not the sum.": _paths(
                three, 2, "cascaded", of="sum"
            ),
            "cascaded, the next convolution sees the last feature only; yours sees h and all"
            " features before.": _paths(three, 2, "cascaded", of="h and sum"),
        },
        1e-6,
    )
    yield "other blocks"
    for given in (([4], 3, "parallel"), ([1, 2, 5], 2, "cascaded"), ([3, 1], 2, "cascaded")):
        found, wanted = answer(*given), _paths(*given)
        expect(
            found.shape == wanted.shape and torch.allclose(found.double(), wanted, rtol=1e-6),
            f"right for dilations [1, 2, 3], not for {given}. Is a number written in that should be"
            " an argument, or their order changed?",
        )


def _expect_side(found: Any, wanted: int, what: str, mistakes: dict[int, str]) -> None:
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, int | float) and found == int(found),
        f"a whole number should come back, not {found!r}.",
    )
    message = f"{what}: {wanted} expected, {found} found"
    message += f"; {mistakes[int(found)]}" if found in mistakes else "."
    expect(found == wanted, message)
    expect(
        isinstance(found, int),
        f"the number is right, but {found!r} is a float, and `-> int` promises a whole number:"
        " divide by `//`, not by `/`.",
    )


@contextmanager
def _without_dilation() -> Iterator[None]:
    """Forbid what the exercise is about: PyTorch's own dilation."""

    def forbidding(function: Callable[..., Any], place: int) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            dilation = args[place] if len(args) > place else kwargs.get("dilation", 1)
            expect(
                dilation in (1, (1, 1), [1, 1]),
                f"`dilation={dilation}` is PyTorch's: here you are to space the taps yourself.",
            )
            return function(*args, **kwargs)

        return called

    with ExitStack() as stack:
        for module, name, place in (
            (functional, "conv2d", 5),
            (torch, "conv2d", 5),
            (functional, "unfold", 2),
        ):
            wrapped = forbidding(getattr(module, name), place)
            stack.enter_context(mock.patch.object(module, name, wrapped))
        yield


def _dilated(x: Tensor, weight: Tensor, dilation: int, border: str = "constant") -> Tensor:
    padded = functional.pad(x, (dilation,) * 4, border)
    return functional.conv2d(padded, weight, dilation=dilation)


def _used(module: nn.Module, x: Tensor) -> list[nn.Conv2d]:
    """The convolutions in the order in which they are called."""
    used: list[nn.Conv2d] = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_: used.append(layer))
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    with torch.no_grad():
        module(x)
    for hook in hooks:
        hook.remove()
    return used


class _RecursiveBlock(nn.Module):
    def __init__(self, channels: int, recursions: int) -> None:
        super().__init__()
        self.recursions = recursions
        self.first, self.second, self.third = (
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(3)
        )

    def forward(
        self,
        x: Tensor,
        add: str = "H_0",
        begin: str = "H_0",
        slopes: tuple[float, float] = (0, 0),
        after: bool = False,
        after_sum: bool = False,
        cut: bool = False,
    ) -> Tensor:
        start = functional.relu(self.first(x)) if cut else self.first(x)
        h = x if begin == "x" else start
        for t in range(self.recursions):
            if after:
                new = functional.relu(self.third(functional.relu(self.second(h))))
            else:
                new = self.second(functional.leaky_relu(h, slopes[0]))
                new = self.third(functional.leaky_relu(new, slopes[1]))
            added = {"H_0": start, "x": x, "h": h, "nothing": torch.zeros_like(x)}
            last = start if t == self.recursions - 1 else torch.zeros_like(x)
            h = new + (last if add == "last" else added[add])
            if after_sum:
                h = functional.relu(h)
        return h


def _paths(
    dilations: Sequence[int],
    recursions: int,
    arrangement: str,
    add: str = "x",
    last_only: bool = False,
    restart: bool = True,
    of: str = "last",
    corner: bool = False,
) -> Tensor:
    cascaded = arrangement == "cascaded"
    reach = recursions * (sum(dilations) if cascaded else max(dilations))
    ones = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    h = x = _dot(1 + 2 * reach)[None, None]
    if corner:
        h = x = x.roll((-reach, -reach), (2, 3))
    seen = h
    for _ in range(recursions):
        if restart:
            seen = h
        total = torch.zeros_like(x)
        for d in dilations:
            feature = functional.conv2d(seen, ones, padding=d, dilation=d)
            total = feature if last_only else total + feature
            if cascaded:
                seen = {"last": feature, "sum": total, "h and sum": h + total}[of]
        h = total + {"x": x, "h": h, "nothing": torch.zeros_like(x)}[add]
    return h[0, 0]


def _dot(side: int) -> Tensor:
    dot = torch.zeros(side, side, dtype=torch.float64)
    dot[side // 2, side // 2] = 1
    return dot


def _crop(counts: Tensor, side: int) -> Tensor:
    margin = (len(counts) - side) // 2
    return counts[margin : margin + side, margin : margin + side]


def _grow(counts: Tensor, side: int) -> Tensor:
    return functional.pad(counts, ((side - len(counts)) // 2,) * 4)


quiz = Quiz(
    __name__,
    Question(
        "A 3×3 convolution gets dilation 4 in place of 1. What changes?",
        (
            Choice(
                "It has more weights, to cover 9 × 9 pixels.",
                "Nine taps still, four pixels apart: what lies between is left out.",
            ),
            Choice(
                "Its taps lie 4 apart; weights and multiply-adds stay.",
                "It looks 4 pixels far to each side, at nine places.",
                right=True,
            ),
            Choice(
                "The picture becomes 4 times smaller.",
                "That is *stride* 4. With a padding of 4, the size stays.",
            ),
        ),
    ),
    Question(
        "You raise the recursions of a block from 3 to 6. What doubles?",
        (
            Choice(
                "Parameters and computing",
                "All recursions share their weights: the parameters stay.",
            ),
            Choice(
                "Computing and reach",
                "Every weight works twice as often, and each round looks further.",
                right=True,
            ),
            Choice(
                "Only the computing",
                "Each recursion looks at what the one before has gathered: the reach grows too.",
            ),
        ),
    ),
    Question(
        "Dilations 2, 4 and 6 in parallel, any number of recursions. What does an output see?",
        (
            Choice(
                "A full square: three dilations fill each other's gaps.",
                "They share the factor 2: sums of even steps are even.",
            ),
            Choice(
                "Only pixels an even number of rows and columns away",
                "No sum of even steps is odd. One dilation of 1 would help.",
                right=True,
            ),
            Choice(
                "A full square, once there are enough recursions.",
                "Repetition widens the grid, and never fills it.",
            ),
        ),
    ),
    Question(
        "Somebody adds h_{t-1} in place of x. How can you tell?",
        (
            Choice(
                "From the number of parameters",
                "A sum has none: the count is the same.",
            ),
            Choice(
                "From the values, with one recursion",
                "With one recursion both are x + g(x). Two are needed to see a difference.",
            ),
            Choice(
                "From the values, with two recursions or more",
                "From the second on, h_{t-1} is no longer x.",
                right=True,
            ),
        ),
    ),
    Question(
        "A block has a receptive field of 49 × 49. Can it undo a blur of 24 pixels?",
        (
            Choice(
                "Yes: it sees the whole smear on both sides.",
                "Seeing is needed, not enough: there may be holes, and weights must be learned.",
            ),
            Choice(
                "Its reach allows it; holes, weights and the blur decide the rest.",
                "The lesson's windows show that reach is needed. A frequency that is wiped out "
                "comes back by no reach.",
                right=True,
            ),
            Choice(
                "No: it would need more parameters.",
                "The measured filter of 49 taps has 49, and wins several dB.",
            ),
        ),
    ),
)
