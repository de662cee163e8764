"""Checks of lesson 11: how many iterations, the loop for any size, its computing, its gradient."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.checks import Stages, Wrong, exercise, expect, expect_shape, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.blocks import pad_to_multiple

Iterate = Callable[[Tensor, Tensor, Tensor], Tensor]


@exercise(first="try I = 1: is length / 2 at most `reach`? If not, try the next I.")
def iterations_for(answer: Callable[[float, float], int]) -> Stages:
    yield "it runs"
    found = answer(100, 5)
    yield "a long blur"
    _expect_number(
        found,
        5,
        "100 pixels, and a reach of 5",
        {
            4: "with I = 4 the blur still has 6.25 pixels: round up, not down.",
            3: "2.996 is the *natural* logarithm of 20; lengths are halved, so take base 2.",
            2: "each level *halves* the length: take the logarithm of base 2.",
            20: "that is how many times too long the blur is. How often must it be halved?",
            10: "each level halves what the level before has left; you take a fixed piece away.",
            6: "that is one too many: with I = 5 the blur has 3.125 pixels.",
            7: "halve until it fits into `reach` pixels, not until it is shorter than one.",
        },
    )
    yield "a blur that just fits"
    _expect_number(
        answer(24, 3),
        3,
        "24 pixels, and a reach of 3",
        {
            4: "24 / 2³ is 3, and 3 is *at most* 3: equal will do.",
            2: "with I = 2 it has 6 pixels.",
        },
    )
    yield "lengths between whole pixels"
    _expect_number(
        answer(49, 3),
        5,
        "49 pixels, and a reach of 3",
        {
            4: "you round on the way: 49 / 2⁴ is 3.06, a little more than 3. Divide with `/`.",
        },
    )
    yield "a short blur"
    _expect_number(
        answer(2, 5),
        1,
        "2 pixels, and a reach of 5",
        dict.fromkeys((0, -1), "the network makes at least one iteration."),
    )
    yield "other numbers"
    for length, reach in ((24, 1), (30.0, 0.9), (640, 2.5), (6, 3), (1, 1)):
        wanted = max(1, math.ceil(math.log2(length / reach)))
        found = answer(length, reach)
        expect(
            found == wanted,
            f"right so far, but for {length} pixels and a reach of {reach}: {wanted} expected,"
            f" {found!r} found.",
        )
        _expect_int(
            found,
            f"{length} pixels, and a reach of {reach}",
            "`range` takes nothing else. `math.ceil` gives one; `max` of it and `1.0` may not",
        )


@exercise(first="pad `blurred` with `pad_to_multiple`: which multiple fits at *every* level?")
def climb_any_size(answer: Callable[[Iterate, Tensor, int, int], Sequence[Tensor]]) -> Stages:
    network = _Network(4)
    blurred = torch.rand(2, 3, 45, 70)
    kept = blurred.clone()
    yield "it runs"
    found = answer(network, blurred, 3, 4)
    yield "iterations"
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(bool(network.calls), "`iterate` was never called.")
    levels = gaussian_pyramid(pad_to_multiple(kept, 32), 3)
    expect(
        network.calls[0][0].shape[-1] <= network.calls[-1][0].shape[-1],
        "you climb down: begin at B_3, the smallest, and end at B_0.",
    )
    expect(
        len(network.calls) == 3,
        f"I = 3 means three calls of `iterate`; yours makes {len(network.calls)}.",
    )
    yield "what an iteration sees"
    _expect_seen(network.calls, levels, kept)
    yield "shape"
    expect(
        not isinstance(found, Tensor),
        "that is one image: return all of them, S_2, S_1 and S_0, in a list.",
    )
    expect(
        len(found) == 3,
        f"three images should come back, S_2, S_1 and S_0; you return {len(found)}."
        + (" S_3 = B_3 is where it begins, not a result." if len(found) == 4 else ""),
    )
    expect(
        found[0].shape[-1] < found[-1].shape[-1],
        "return the images coarse to fine: S_2 first.",
    )
    sizes = {2: (12, 18), 1: (23, 35), 0: (45, 70)}
    for i, image in zip((2, 1, 0), found, strict=True):
        hints = {(2, 3, *levels[i].shape[-2:]): f"S_{i} is not cropped yet."}
        if i:
            hints |= {
                (2, 3, 45 // 2**i, 70 // 2**i): f"S_{i} is cropped too far: sides round *up*.",
            }
        expect_shape(image, (2, 3, *sizes[i]), hints)
    yield "values"
    with torch.no_grad():
        for i, image, wanted in zip((2, 1, 0), found, _climbed(network, kept, 3, 4), strict=True):
            size = sizes[i]
            middle = [
                (level - side) // 2 for level, side in zip(levels[i].shape[-2:], size, strict=True)
            ]
            uncropped = network.outputs[2 - i]
            mistakes = {
                f"S_{i} is cropped around its middle; padding was added on the right and below.": (
                    uncropped[
                        ...,
                        middle[0] : middle[0] + size[0],
                        middle[1] : middle[1] + size[1],
                    ]
                ),
                f"S_{i} is cropped at its end: keep the *first* rows and columns.": uncropped[
                    ..., -size[0] :, -size[1] :
                ],
                f"S_{i} is shrunk to its size; cut the padding off instead.": (
                    functional.interpolate(uncropped, size=size, mode="bilinear")
                ),
                f"S_{i} is clipped to [0, 1]; hand on what `iterate` gives.": wanted.clamp(0, 1),
            }
            expect_values(image.detach(), wanted, mistakes, 1e-5)
    expect(torch.equal(blurred, kept), "your code changes `blurred` itself, in place.")
    yield "gradient"
    expect(
        all(image.requires_grad for image in found),
        "an image has no gradient: is there a `detach` or a `no_grad`?",
    )
    steps = list(network.steps)[:3]
    for i, image in zip((2, 1, 0), found, strict=True):
        gradients = torch.autograd.grad(image.sum(), steps, retain_graph=True, allow_unused=True)
        reached = [made >= i for made in (2, 1, 0)]
        expect(
            [gradient is not None for gradient in gradients] == reached,
            "the gradient is cut between scales: here S_0 must reach the first iteration, so"
            " leave out `detach`, or call `climb` with `through=True`.",
        )
    yield "other sizes"
    for height, width, iterations, multiple in ((33, 20, 3, 8), (9, 7, 2, 1), (64, 96, 4, 2)):
        network, blurred = _Network(multiple), torch.rand(1, 3, height, width)
        case = f"{height} × {width}, I = {iterations}, multiples of {multiple}"
        try:
            with torch.no_grad():
                found = answer(network, blurred, iterations, multiple)
                right = _climbed(network, blurred, iterations, multiple)
            same = len(found) == iterations and all(
                one.shape == other.shape and torch.allclose(one, other, atol=1e-5)
                for one, other in zip(found, right, strict=True)
            )
        except (Wrong, RuntimeError, IndexError):
            same = False
        expect(
            same,
            f"right for 45 × 70, I = 3, multiples of 4, but not for {case}. Is a number written in"
            " that should be an argument?",
        )


@exercise(first="count for one iteration: per_pixel, times height, times width.")
def computing(answer: Callable[[int, int, int, int, int], int]) -> Stages:
    yield "it runs"
    found = answer(10, 64, 96, 2, 4)
    yield "sides that fit"
    pixels = 10 * 64 * 96
    _expect_number(
        found,
        pixels * 5 // 4,
        "10 a pixel, 64 × 96 pixels, I = 2, multiples of 4",
        {
            pixels * 5 // 16: "you count the pixels of B_2 and B_1; an iteration is paid for the"
            " pixels of its result: S_1 and S_0.",
            pixels * 21 // 16: "that is one iteration too many: S_2 = B_2 costs nothing.",
            pixels * 3 // 2: "both sides are halved: a quarter of the pixels is left, not half.",
            pixels * 2: "every iteration costs the same in your code; the coarse ones have fewer"
            " pixels.",
            pixels: "that is the last iteration alone.",
            pixels // 4: "that is the first iteration alone: add the last.",
            pixels * 4 // 3: "that is the limit for many iterations; I = 2 is a little below.",
            pixels // 8: "`per_pixel` is missing.",
            10 * 80 * 112 * 5 // 4: "you add a whole multiple where nothing is missing.",
        },
    )
    yield "sides that do not fit"
    _expect_number(
        answer(1, 50, 75, 3, 4),
        64 * 96 * 21 // 16,
        "1 a pixel, 50 × 75 pixels, I = 3, multiples of 4",
        {
            50 * 75 + 25 * 38 + 13 * 19: "the sides are padded first, and the padding is"
            " computed, too.",
            50 * 75 * 21 / 16: "the sides are padded first, and the padding is computed, too.",
            50 * 75 * 21 // 16: "the sides are padded first, and the padding is computed, too;"
            " and you have parts of pixels.",
            50 * 75 + 25 * 37 + 12 * 18: "you round down; the sides are padded *up* to a multiple.",
            52 * 76 + 26 * 38 + 13 * 19: "you pad to multiples of 4. The sides of B_3 must be"
            " such multiples: B_0's of 4 · 2³.",
            56 * 80 * 21 // 16: "you pad to multiples of 2³: that lets the pyramid halve, but at"
            " B_3 the network needs multiples of 4 as well.",
            64 * 80 * 21 // 16: "you pad to multiples of 4 · 2²: B_3 is halved once more.",
            52 * 76 + 28 * 40 + 16 * 20: "you pad every level by itself; the photograph is padded"
            " once, before the pyramid.",
            32 * 64 * 21 // 16: "you round down to a multiple: that would cut the photograph.",
        },
    )
    yield "other networks"
    for given, wanted in (
        ((642_683, 768, 1280, 3, 4), 829_215_313_920),
        ((7, 64, 96, 1, 4), 7 * 64 * 96),
        ((3, 64, 96, 3, 8), 3 * 64 * 128 * 21 // 16),
        ((2, 1, 1, 5, 4), 2 * 16384 * 341 // 256),
    ):
        found = answer(*given)
        expect(
            found == wanted,
            f"right so far, but for {given}: {wanted:,} expected, {found!r} found.",
        )
        _expect_int(found, f"{given}", "divide with `//`")


@exercise(first="make the losses with S detached after each iteration, as for `back` = 0.")
def truncated_losses(
    answer: Callable[[Iterate, Sequence[Tensor], Sequence[Tensor], int], Sequence[Tensor]],
) -> Stages:
    yield "it runs"
    case = _Case(4)
    given = [*case.blurred, *case.sharp]
    try:
        found = answer(case.iterate, case.blurred, case.sharp, 1)
    except (KeyError, IndexError) as error:
        raise Wrong(
            f"{type(error).__name__}: {error}. The losses of I = 4 were asked for, with `back` = 1."
            " Nothing stands above S_4: is there an index of 5? A coarse S begins at I at most."
        ) from error
    yield "shape"
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        not isinstance(found, Tensor),
        "that is one loss: return one for each scale, in a list.",
    )
    expect(len(found) == 4, f"four losses are expected for I = 4; {len(found)} came back.")
    for loss in found:
        expect_shape(loss, (), {(1, 3, 4, 4): "That is a map: take its mean."})
    yield "values"
    expect(
        all(one is other for one, other in zip(given, [*case.blurred, *case.sharp], strict=True)),
        "your code writes into the list B (or GT): then the next iteration finds S where B was."
        " Keep what you know in a dictionary of your own.",
    )
    right = case.losses(1)
    values, wanted = (torch.stack([loss.detach() for loss in of]) for of in (found, right))
    expect_values(
        values,
        wanted,
        {
            "the losses stand fine to coarse; begin with the coarsest, that of S_3.": wanted.flip(
                0
            ),
            "those are mean *squared* differences; take absolute ones.": case.values(norm="square"),
            "those are sums over pixels; take the mean.": case.values(norm="sum"),
            "`iterate` begins with B, not with the S that the iteration before has made: S is"
            " lost where the gradient is cut.": case.values(forget=1),
            "S climbs along nowhere: each iteration gets B twice.": case.values(forget=0),
            "each S is held against the sharp image of the next coarser size.": case.values(
                shift=1
            ),
        },
    )
    yield "gradient"
    expect(
        all(loss.requires_grad for loss in found),
        "a loss has no gradient: is it detached, or made under `no_grad`?",
    )
    band = case.reached(found)
    explanations = {
        _band(4, 0): "every loss reaches its own iteration only, as with `back` = 0.",
        _band(4, 4): "every loss reaches back to the first iteration: where does your code cut?",
        _band(4, 2): "every loss reaches back over two iterations before its own; with `back` = 1"
        " one is right.",
        _blocks(4, 2): "you cut after every second iteration: so S_2 and S_0 reach back over one"
        " iteration, S_3 and S_1 over none. Each loss needs a cut of its own.",
        _blocks(4, 2, 1): "you cut after every second iteration: so S_1 reaches back over one"
        " iteration, S_2 and S_0 over none. Each loss needs a cut of its own.",
    }
    expect(
        band == _band(4, 1),
        explanations.get(
            band,
            "with `back` = 1 the loss of S_i must reach iteration i and the one before; yours"
            f" reach, from coarse to fine, {[sum(row) for row in band]} iterations.",
        ),
    )
    gradients = [case.gradient(loss) for loss in found]
    for i, gradient, wanted in zip((3, 2, 1, 0), gradients, map(case.gradient, right), strict=True):
        expect(
            torch.allclose(gradient, wanted, atol=1e-5),
            f"the loss of S_{i} reaches the right iterations, but its gradient has wrong values.",
        )
    yield "other numbers"
    for iterations, back in ((4, 0), (4, 2), (4, 3), (4, 9), (2, 1), (1, 0)):
        case = _Case(iterations)
        found, right = answer(case.iterate, case.blurred, case.sharp, back), case.losses(back)
        same = len(found) == iterations and all(
            torch.allclose(one, other, atol=1e-5)
            and torch.allclose(case.gradient(one), case.gradient(other), atol=1e-5)
            for one, other in zip(found, right, strict=True)
        )
        expect(
            same,
            f"right for I = 4 and `back` = 1, but not for I = {iterations} and `back` = {back}.",
        )


def _expect_number(found: Any, wanted: int, what: str, mistakes: Mapping[float, str]) -> None:
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, int | float) and (found in mistakes or found == found // 1),
        f"{what}: a whole number should come back, not {found!r}.",
    )
    message = f"{what}: {wanted:,} expected, {found:,} found"
    said = mistakes.get(found)
    expect(found == wanted, f"{message}; {said}" if said else f"{message}.")


def _expect_int(found: Any, what: str, hint: str) -> None:
    expect(
        isinstance(found, int),
        f"{what}: {found!r} is the right number, but a `float`; return an `int`: {hint}.",
    )


class _Network(nn.Module):
    """An `iterate` that says what it was given, with a weight for each of its calls in turn."""

    def __init__(self, multiple: int) -> None:
        super().__init__()
        self.multiple = multiple
        self.steps = nn.ParameterList(nn.Parameter(torch.tensor(0.5)) for _ in range(8))
        self.calls: list[tuple[Tensor, Tensor, Tensor]] = []
        self.outputs: list[Tensor] = []

    def forward(self, blurred: Tensor, sharp: Tensor, next_blurred: Tensor) -> Tensor:
        sizes = [tuple(image.shape[-2:]) for image in (blurred, sharp, next_blurred)]
        number = len(self.calls) + 1
        said = f"call {number} of `iterate` got B_{{i+1}} of {_size(sizes[0])}, "
        said += f"S_{{i+1}} of {_size(sizes[1])} and B_i of {_size(sizes[2])}: "
        if sizes[1] != sizes[0]:
            hint = "S_{i+1} must have B_{i+1}'s size."
            if number > 1:
                hint += " Crop what you return, and hand on what is not cropped."
            raise Wrong(said + hint)
        if any(large == side for large, side in zip(sizes[2], sizes[0], strict=True)):
            raise Wrong(said + "B_i must be twice as large. Is its index i?")
        if any(side % self.multiple for side in sizes[0]):
            raise Wrong(
                said + f"the network needs multiples of {self.multiple} at *every* level. What must"
                " B_0 be a multiple of?"
            )
        if any(large != 2 * side for large, side in zip(sizes[2], sizes[0], strict=True)):
            raise Wrong(said + "B_i must be twice as large in both directions.")
        out = self.iterate(number - 1, blurred, sharp, next_blurred)
        self.calls.append((blurred.detach(), sharp.detach(), next_blurred.detach()))
        self.outputs.append(out.detach())
        return out

    def iterate(self, number: int, blurred: Tensor, sharp: Tensor, next_blurred: Tensor) -> Tensor:
        # It looks at neighbours, so that a border that is not the right one is noticed; and it
        # leaves [0, 1].
        up = _twice(1.5 * sharp - blurred)
        return self.steps[min(number, 7)] * up + 1.2 * next_blurred


def _expect_seen(calls: list[Any], levels: list[Tensor], blurred: Tensor) -> None:
    """Expect that the iterations were given the right B and S."""
    single = gaussian_pyramid(blurred, 3)
    before = None
    for i, (coarse, sharp, fine) in zip((2, 1, 0), calls, strict=True):
        name = f"the iteration that makes S_{i}"
        for level, image in ((i + 1, coarse), (i, fine)):
            wanted = levels[level]
            if image.shape == wanted.shape and torch.allclose(image, wanted, atol=1e-5):
                continue
            message = f"{name} should get B_{level}, {_size(wanted.shape[-2:])}"
            if image.shape != wanted.shape:
                message += f"; it gets {_size(image.shape[-2:])}"
                if image.shape not in [one.shape for one in levels] and all(
                    mine >= side for mine, side in zip(image.shape, wanted.shape, strict=True)
                ):
                    message += ": you pad further than needed. With `multiple` = 4 and I = 3,"
                    message += " multiples of 32 are enough for the photograph"
            elif torch.equal(image, pad_to_multiple(single[level], 32 // 2**level)):
                message += "; yours was padded by itself. Pad once, *before* the pyramid is made"
            else:
                message += "; its size is right, its values are not. Is it from `gaussian_pyramid`"
                message += " of what `pad_to_multiple` gives"
            raise Wrong(f"{message}.")
        if before is None:
            expect(bool(sharp.any()), "you begin with S_3 = 0; it begins with S_3 = B_3.")
            expect(
                torch.allclose(sharp, levels[3], atol=1e-5),
                "the first iteration should get S_3 = B_3.",
            )
        else:
            expect(
                not torch.allclose(sharp, coarse, atol=1e-5),
                f"{name} gets B_{i + 1} twice: S_{i + 1}, the image just made, is forgotten.",
            )
            expect(
                torch.allclose(sharp, before, atol=1e-5),
                f"{name} should get S_{i + 1} as the iteration before has made it, unchanged.",
            )
        before = _Network(4).iterate(2 - i, coarse, sharp, fine).detach()


def _climbed(network: _Network, blurred: Tensor, iterations: int, multiple: int) -> list[Tensor]:
    levels = gaussian_pyramid(pad_to_multiple(blurred, multiple * 2**iterations), iterations)
    sharp, images = levels[iterations], []
    for i in reversed(range(iterations)):
        sharp = network.iterate(iterations - 1 - i, levels[i + 1], sharp, levels[i])
        height, width = (-(-side // 2**i) for side in blurred.shape[-2:])
        images.append(sharp[..., :height, :width])
    return images


class _Case:
    """A climb over `iterations` scales, with a weight for each."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations
        self.blurred = gaussian_pyramid(torch.rand(1, 3, 32, 32), iterations)
        self.sharp = gaussian_pyramid(torch.rand(1, 3, 32, 32), iterations)
        self.weights = [torch.tensor(0.3 + 0.1 * i, requires_grad=True) for i in range(iterations)]

    def iterate(self, blurred: Tensor, sharp: Tensor, next_blurred: Tensor) -> Tensor:
        i = round(math.log2(32 / next_blurred.shape[-1]))
        return self.weights[i] * _twice(2 * sharp - blurred) + 0.7 * next_blurred

    def losses(
        self, back: int, norm: str = "mean", forget: int | None = None, shift: int = 0
    ) -> list[Tensor]:
        known = {self.iterations: self.blurred[self.iterations]}
        losses = []
        for i in reversed(range(self.iterations)):
            start = min(self.iterations, i + 1 + back)
            if forget is not None:
                start = min(self.iterations, i + 1 + forget)
                known[start] = self.blurred[start]
            sharp = known[start]
            for j in reversed(range(i, start)):
                sharp = self.iterate(self.blurred[j + 1], sharp, self.blurred[j])
            known[i] = sharp.detach()
            target = self.sharp[i + shift]
            error = (_twice(target) if shift else target) - sharp
            if norm == "sum":
                losses.append(error.abs().sum())
            else:
                losses.append((error.square() if norm == "square" else error.abs()).mean())
        return losses

    def values(self, **changes: Any) -> Tensor:
        return torch.stack([loss.detach() for loss in self.losses(1, **changes)])

    def gradient(self, loss: Tensor) -> Tensor:
        """Of a loss, for each iteration's weight, coarse to fine."""
        found = torch.autograd.grad(loss, self.weights[::-1], retain_graph=True, allow_unused=True)
        return torch.stack([torch.zeros(()) if one is None else one for one in found])

    def reached(self, losses: Sequence[Tensor]) -> tuple[tuple[bool, ...], ...]:
        """Which loss reaches which iteration, both coarse to fine."""
        return tuple(tuple((self.gradient(loss) != 0).tolist()) for loss in losses)


def _band(iterations: int, back: int) -> tuple[tuple[bool, ...], ...]:
    n = range(iterations)
    return tuple(tuple(0 <= row - column <= back for column in n) for row in n)


def _blocks(iterations: int, length: int, first: int = 0) -> tuple[tuple[bool, ...], ...]:
    n = range(iterations)
    return tuple(
        tuple(
            column <= row and (column + first) // length == (row + first) // length for column in n
        )
        for row in n
    )


def _twice(image: Tensor) -> Tensor:
    """Twice the size, smoothly: an output pixel depends on its neighbours."""
    return functional.interpolate(image, scale_factor=2, mode="bilinear")


def _size(sides: Any) -> str:
    return " × ".join(str(side) for side in sides)


quiz = Quiz(
    __name__,
    Question(
        "A hand-held photograph of 1000 × 1500 pixels is smeared over 60 pixels. Your network was"
        " trained with I = 3 on smears of up to 24 pixels. Which I do you try first?",
        (
            Choice(
                "I = 3, as in training: other scales were never trained.",
                "There are no weights that belong to a scale. At I = 3 the coarsest smear is 7.5"
                " pixels long; in training it was at most 3.",
            ),
            Choice(
                "I = 5: there the coarsest smear is as short as the network is used to.",
                "60 / 2⁵ is 1.9; I = 4 leaves 3.75, more than the 3 pixels of the training. Then"
                " measure: a coarse success need not reach the full size.",
                right=True,
            ),
            Choice(
                "I = 10: the more, the better.",
                "B_10 would have 1 × 2 pixels: there is nothing left to deblur, and a network"
                " that sees no blur may do harm.",
            ),
        ),
    ),
    Question(
        "A colleague's network has 2.0 million parameters at I = 1, and 8.0 million at I = 4."
        " What has happened?",
        (
            Choice(
                "Nothing unusual: every iteration needs parameters.",
                "Every iteration needs the *same* ones. In scale iteration, the count does not"
                " contain I.",
            ),
            Choice(
                "The coarser images need more channels.",
                "All levels have three colours, and the features as many channels as before.",
            ),
            Choice(
                "Every scale was given a network of its own.",
                "Then I = 5 cannot be run either: nobody has trained a fifth one.",
                right=True,
            ),
        ),
    ),
    Question(
        "Training with I = 3 and `detach` between scales. Only the loss at S_0 is kept. What"
        " does the network learn from?",
        (
            Choice(
                "From the last iteration alone",
                "The two before it only provide an input, and nothing asks them to be good.",
                right=True,
            ),
            Choice(
                "From all three iterations: the weights are the same.",
                "The weights are; but the gradient of S_0's loss passes through one use of them"
                " only.",
            ),
            Choice(
                "From nothing: `detach` removes the gradient.",
                "It removes the way back through S_1. The last iteration is still on the way.",
            ),
        ),
    ),
    Question(
        "You load weights that were trained with TensorFlow's padding (1, 2) into a U-Net with"
        " padding (2, 2). All shapes fit. What do you expect?",
        (
            Choice(
                "The same result: the padding only concerns the border.",
                "It decides which pixel each coarse one stands on: everywhere, by one pixel.",
            ),
            Choice(
                "An error: the number of weights differs.",
                "Padding has no weights; that is why nothing warns you.",
            ),
            Choice(
                "Other values all over the picture, and no error message",
                "Coarse features stand a pixel beside where the weights expect them. In a network"
                " trained that way from the start, either padding is fine.",
                right=True,
            ),
        ),
    ),
    Question(
        "You write your own pyramid with `image[..., ::2, ::2]`. On which photograph do you notice"
        " first?",
        (
            Choice(
                "On one with a fence of thin bars, far away",
                "Bars narrower than two pixels turn into broad ones, which the climb then takes for"
                " evidence.",
                right=True,
            ),
            Choice(
                "On one that is blurred over 40 pixels in every direction",
                "Nothing in it changes from pixel to pixel: leaving some out loses nothing.",
            ),
            Choice(
                "On none: the sizes are the same.",
                "The sizes are; what stands in the pixels is not.",
            ),
        ),
    ),
)
