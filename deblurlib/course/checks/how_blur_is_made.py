"""Checks and quiz of lesson 01: shifts of a row, a GoPro pair, a Wiener filter."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from deblurlib.course.checks import Stages, Wrong, exercise, expect, expect_shape, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz


@exercise(first="make the row of one moment: place i sees pixel i - shift, for shift = 1.")
def smear(answer: Callable[[Tensor, list[int]], Tensor]) -> Stages:
    row, shifts = torch.rand(12), [0, 3, 3, -2, 1]
    yield "it runs"
    given = row.clone()
    try:
        out = answer(row, shifts)
    except RuntimeError as error:
        expect(
            "equal size" not in str(error),
            "the moments are not all as long as the row. With slices: `row[:-0]` is empty, and a"
            " shift to the left needs slices of its own.",
        )
        raise
    yield "shape"
    expect_shape(
        out,
        (12,),
        {
            (5, 12): "Those are the moments; their mean is wanted, over the first dimension.",
            (5,): "That is a mean over the places. Take it over the moments: dim=0.",
            (): "One number came back. Take the mean over the moments only: dim=0.",
            (7,): "The ends are cut off: repeat the outermost pixels instead.",
        },
    )
    yield "values"
    expect(torch.equal(row, given), "your code changes the row that it is given: work on a copy.")
    moments = [_moved(row, shift) for shift in shifts]
    rolled = [row.roll(shift) for shift in shifts]
    zeros = [_moved(functional.pad(row, (9, 9)), shift)[9:-9] for shift in shifts]
    running, at = [], 0
    for shift in shifts:
        at += shift
        running.append(_moved(row, at))
    one_by_one = _chain(row, shifts, _moved)
    in_a_circle = _chain(row, shifts, torch.roll)
    expect_values(
        out,
        _mean(moments),
        {
            "what leaves on one side comes back on the other: `roll` goes round in a circle. Repeat"
            " the outermost pixel instead.": _mean(rolled),
            "zeros come in from outside; the outermost pixel should be repeated.": _mean(zeros),
            "the row moves the wrong way: plus is to the right, so place i sees pixel i *minus* the"
            " shift.": _mean([_moved(row, -shift) for shift in shifts]),
            "that is the sum. It must be divided by the number of moments.": (
                torch.stack(moments).sum(0)
            ),
            "a shift that comes twice counts twice: the camera stayed there for longer.": _mean(
                [_moved(row, shift) for shift in set(shifts)]
            ),
            "each shift is added to the one before; all of them count from the row as it is.": (
                _mean(running)
            ),
            "each moment is made from the moment before, as the toy's were; make each from the row"
            " as it is.": _mean(one_by_one),
            "each moment is made from the moment before; make each from the row as it is. And the"
            " list begins empty: the row itself is no moment, unless a shift is 0.": (
                _mean([row, *one_by_one])
            ),
            "each moment is made from the moment before; make each from the row as it is. And"
            " `roll` brings back on one side what leaves on the other.": _mean(in_a_circle),
            "three slips: each moment is made from the one before, the row itself went in as one"
            " more, and `roll` brings back what leaves.": _mean([row, *in_a_circle]),
            "the signs are lost: -2 is a move to the left.": _mean(
                [_moved(row, abs(shift)) for shift in shifts]
            ),
            "that is the last moment alone; all of them belong to the mean.": moments[-1],
            "the row as it is was put into the mean as one more moment; only the shifts given are"
            " moments.": _mean([*moments, row]),
        },
    )
    yield "other motions"
    for shifts in ([0], [-1, -4], [30, 0]):
        try:
            out = answer(row, shifts)
        except (RuntimeError, IndexError) as error:
            expect(
                max(shifts) < len(row),
                f"right until a shift exceeds the row: {shifts}, of {len(row)} pixels. Then the"
                " whole moment is the outermost pixel, repeated; slices alone don't give that.",
            )
            raise error
        expected = _mean([_moved(row, shift) for shift in shifts])
        expect_shape(out, (12,))
        place = int((out - expected).abs().argmax())
        expect(
            torch.allclose(out, expected, atol=1e-5),
            f"right for the first motion, not for shifts {shifts} of a row of 12 pixels: place"
            f" {place} should be {expected[place]:.3f}, it is {out[place]:.3f}.",
        )


@exercise(first="bring the frames into [0, 1], `frames.double() / 255`, and raise them to gamma.")
def gopro_pair(answer: Callable[[Tensor, float], tuple[Tensor, Tensor]]) -> Stages:
    frames = torch.randint(0, 256, (5, 3, 8, 10), dtype=torch.uint8)
    yield "it runs"
    try:
        pair = answer(frames.clone(), 2.2)
    except ValueError:
        expect(
            _refuses(answer, frames[:4]),
            "five frames raise a ValueError, and four do not: it should be the other way round."
            " `len(frames) % 2` is 1 for odd numbers.",
        )
        raise
    yield "a pair"
    expect(pair is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(pair, tuple | list) and len(pair) == 2,
        "two pictures should come back: `return blurred, sharp`.",
    )
    blurred, sharp = pair
    yield "shape"
    for name, out in (("blurred", blurred), ("sharp", sharp)):
        expect(isinstance(out, Tensor), f"{name} should be a tensor, not {type(out).__name__}.")
        wanted, found = (3, 8, 10), tuple(out.shape)
        hint = {
            (5, 8, 10): " The mean runs over the frames, dimension 0, not over the colours.",
            (1, 3, 8, 10): " Drop the dimension of the frames.",
            (5, 3, 8, 10): " All frames came back.",
        }.get(found, "")
        expect(found == wanted, f"{name}: expected {wanted}, got {found}.{hint}")
    yield "sharp"
    if torch.equal(blurred, frames[2]):
        expect(False, "sharp came first: return blurred, then sharp.")
    expect(
        not torch.equal(sharp, frames[0]) and not torch.equal(sharp, frames[4]),
        "sharp is a frame at one end; the middle one stands where the blur is centred.",
    )
    expect(
        not torch.equal(sharp, frames[1]) and not torch.equal(sharp, frames[3]),
        "sharp is one frame beside the middle: of five frames, counted from 0, the middle is 2.",
    )
    expect(
        sharp.dtype == torch.uint8,
        f"sharp is the middle frame untouched, {torch.uint8}; yours is {sharp.dtype}.",
    )
    expect(torch.equal(sharp, frames[2]), "sharp is the middle frame, as the file has it.")
    yield "blurred"
    expect(
        blurred.dtype == torch.uint8,
        f"blurred has the type {blurred.dtype}: turn it into `torch.uint8`, as a file has it.",
    )
    values = frames.double() / 255
    light = (values**2.2).mean(0)
    expected = _levels(light ** (1 / 2.2))
    _expect_levels(
        blurred,
        expected,
        {
            "that is the mean of the coded values. Turn them into light first, and back after.": (
                _levels(values.mean(0))
            ),
            "that is light: it must be coded again, with the power 1 / gamma.": _levels(light),
            "the two powers are swapped: light is the value to the power of gamma, so gamma comes"
            " first.": _levels((values ** (1 / 2.2)).mean(0) ** 2.2),
            "1 / gamma comes before the mean: take the mean of the light itself, and code after"
            " it.": _levels((values ** (1 / 2.2)).mean(0)),
            "the fraction is cut off: `.to(torch.uint8)` does that. Call `.round()` before it.": (
                (light ** (1 / 2.2) * 255).to(torch.uint8)
            ),
            "it is all but black: values in [0, 1] were turned into whole numbers. Multiply by 255"
            " first.": (light ** (1 / 2.2)).round().to(torch.uint8),
            "values of [0, 1] were cut down to 0. Multiply by 255 first, and round.": (
                (light ** (1 / 2.2)).to(torch.uint8)
            ),
            "that is the sum of the light, not its mean: far too bright.": _levels(
                (light * 5).clamp(max=1) ** (1 / 2.2)
            ),
        },
    )
    yield "another gamma"
    for gamma in (1.0, 1.8):
        other = answer(frames[:5].clone(), gamma)[0]
        _expect_levels(
            other,
            _levels((values**gamma).mean(0) ** (1 / gamma)),
            {
                f"with gamma={gamma} it still uses 2.2: is that number written into your code?": (
                    expected
                )
            },
        )
    yield "other numbers of frames"
    for number in (7, 3, 1):
        dark = torch.randint(0, 150, (number, 3, 8, 10), dtype=torch.uint8)
        middle = number // 2
        written_in = (
            f"of {number} frame{'s' * (number > 1)} the middle is frame {middle}: is a 2 written"
            " into your code? It depends on `len(frames)`."
        )
        try:
            blurred, sharp = answer(dark.clone(), 2.2)
        except IndexError as error:
            raise Wrong(written_in) from error
        expect(torch.equal(sharp, dark[middle]), written_in)
        light = ((dark.double() / 255) ** 2.2).mean(0) ** (1 / 2.2)
        _expect_levels(
            blurred,
            _levels(light),
            {
                "without white in them frames come out too bright: divide by 255, not by the"
                " largest level.": (_levels(light * 255 / dark.max())),
                f"with {number} frames the mean is wrong: is a 5 written into your code?": (
                    _levels(light * (number / 5) ** (1 / 2.2))
                ),
            },
        )
    yield "an even number"
    for number, word in ((4, "four"), (2, "two"), (6, "six")):
        even = torch.randint(0, 256, (number, 3, 8, 10), dtype=torch.uint8)
        try:
            refused = _refuses(answer, even)
        except Exception as error:
            raise Wrong(
                f"for {word} frames comes {type(error).__name__}; a `ValueError` is asked for, so"
                " that whoever calls it can tell what was wrong."
            ) from error
        expect(
            refused,
            "four frames have no middle, yet a pair came back: raise a ValueError where"
            " `len(frames) % 2 == 0`."
            if number == 4
            else f"four frames are refused, {word} are not: even is what leaves nothing when"
            " divided by 2.",
        )


@exercise(first="continue the picture by its mirror image, `n` pixels on each side.")
def wiener_filter(answer: Callable[[Tensor, Tensor, float], Tensor]) -> Stages:
    picture = torch.rand(18, 25, dtype=torch.float64)
    kernel = torch.rand(5, 5, dtype=torch.float64).tril()  # not its own mirror image
    kernel /= kernel.sum()
    balance = 0.05
    yield "it runs"
    try:
        given = picture.clone(), kernel.clone()
        out = answer(*given, balance)
    except NotImplementedError as error:
        if not error.args:
            raise  # the stub's
        raise Wrong(
            "`functional.pad` mirrors the last two dimensions of a tensor of three, not of two:"
            " give it `blurred[None]`, and take `[0]` of what comes back."
        ) from error
    except RuntimeError as error:
        expect(
            "must match" not in str(error),
            "two sizes don't fit. The kernel must lie in zeros of the *padded* picture's size"
            " before it is transformed.",
        )
        raise
    yield "shape"
    expect_shape(
        out,
        (18, 25),
        {
            (28, 35): "The margin is still there: cut it off, `[n:-n, n:-n]`.",
            (1, 18, 25): "Drop the dimension that `pad` wanted: `[0]`.",
            (1, 28, 35): "Drop the dimension that `pad` wanted, and cut the margin off.",
            (8, 15): "The margin is cut off, but was never added: pad before you filter.",
        },
    )
    yield "values"
    expect(
        not out.is_complex(),
        "complex numbers came back: take the inverse transform's `.real`.",
    )
    for name, before, after in zip(("blurred", "kernel"), (picture, kernel), given, strict=True):
        expect(
            torch.equal(before, after),
            f"your code writes into `{name}`, which belongs to the caller: work on a new tensor.",
        )
    expected = _wiener(picture, kernel, balance)
    fixed = torch.equal(out, answer(picture.clone(), kernel.clone(), 10 * balance))
    expect_values(
        out,
        expected,
        {
            "without a margin the left border touches the right one. Pad first.": _wiener(
                picture, kernel, balance, mode=None
            ),
            "the margin is black: pad with the mirror image, `mode='reflect'`.": _wiener(
                picture, kernel, balance, mode="constant"
            ),
            "the margin repeats the outermost pixel (`replicate`); the mirror image is wanted.": (
                _wiener(picture, kernel, balance, mode="replicate")
            ),
            f"the margin is only n // 2 = {len(kernel) // 2} pixels wide: take n on each side.": (
                _wiener(picture, kernel, balance, margin=len(kernel) // 2)
            ),
            "the margin repeats the picture (`circular`); the mirror image is wanted.": (
                _wiener(picture, kernel, balance, mode="circular")
            ),
            f"the margin is 2n = {2 * len(kernel)} pixels wide: take n on each side.": (
                _wiener(picture, kernel, balance, margin=2 * len(kernel))
            ),
            "the picture is shifted: roll the kernel's middle, n // 2, to pixel (0, 0).": _wiener(
                picture, kernel, balance, roll=0
            ),
            "the kernel was rolled down and right; its middle goes up and left, by -(n // 2).": (
                _wiener(picture, kernel, balance, roll=1)
            ),
            "the conjugate is missing above the line, or the kernel is flipped: that blurs once"
            " more instead of less.": (_wiener(picture, kernel, balance, conjugate=False)),
            "the balance is missing: that is the plain division, and noise will drown it.": (
                _wiener(picture, kernel, 0.0)
            ),
            "below the line stands |K|; its square belongs there.": _wiener(
                picture, kernel, balance, power=1
            ),
            "below the line the square stands without absolute value: K² of a complex number is"
            " not |K|².": _wiener(picture, kernel, balance, absolute=False),
            "the root of the balance is added. Add the balance as it is.": (
                _wiener(picture, kernel, balance**0.5)
            ),
            "take `.real` of the inverse transform, not `.abs()`: that loses the signs.": (
                expected.abs()
            ),
            "the balance is squared. It is added as it is.": _wiener(picture, kernel, balance**2),
            "the kernel's transform is missing above the line: waves come back too strong or too"
            " weak.": _wiener(picture, kernel, balance, above=False),
            "that is the blurred picture, blurred again: divide by |K|² + balance.": _wiener(
                picture, kernel, balance, below=False
            ),
            "another balance changes nothing: is a number written in its place?": (
                out.clone() if fixed else torch.empty(0)
            ),
        },
    )
    yield "other sizes"
    for height, width, n in ((16, 9, 3), (20, 20, 7), (12, 12, 1)):
        picture, kernel = torch.rand(height, width), torch.rand(n, n)
        kernel /= kernel.sum()
        out = answer(picture, kernel, 0.1)
        expect_shape(out, (height, width))
        expected = _wiener(picture, kernel, 0.1)
        expect(
            torch.allclose(out.float(), expected, atol=1e-4),
            f"right for a kernel of 5 × 5, not for {n} × {n} on a picture of {height} × {width}:"
            " is a number written in that should come from the kernel?",
        )


def _moved(row: Tensor, shift: int) -> Tensor:
    return row[(torch.arange(len(row)) - shift).clamp(0, len(row) - 1)]


def _chain(row: Tensor, shifts: list[int], move: Callable[[Tensor, int], Tensor]) -> list[Tensor]:
    """Moments that are each made from the one before."""
    moments = [row]
    for shift in shifts:
        moments.append(move(moments[-1], shift))
    return moments[1:]


def _mean(rows: list[Tensor]) -> Tensor:
    return torch.stack(rows).mean(dim=0)


def _refuses(answer: Callable[[Tensor, float], tuple[Tensor, Tensor]], frames: Tensor) -> bool:
    try:
        answer(frames.clone(), 2.2)
    except ValueError:
        return True
    return False


def _levels(values: Tensor) -> Tensor:
    return (values * 255).round().to(torch.uint8)


def _expect_levels(out: Tensor, expected: Tensor, mistakes: dict[str, Tensor]) -> None:
    # A value that falls between two levels may be rounded to either.
    def close(levels: Tensor) -> bool:
        apart = (out.int() - levels.int()).abs()
        return bool(apart.max() <= 1) and bool((apart > 0).float().mean() <= 0.01)

    if close(expected):
        return
    for message, levels in mistakes.items():
        if close(levels):
            expect(False, message)
    apart = (out.int() - expected.int()).abs()
    place = tuple(int(n) for n in torch.unravel_index(apart.argmax(), apart.shape))
    expect(
        False,
        f"right shape, wrong levels. The largest difference is at {list(place)}:"
        f" {expected[place]} expected, {out[place]} found.",
    )


def _wiener(
    picture: Tensor,
    kernel: Tensor,
    balance: float,
    *,
    mode: str | None = "reflect",
    margin: int | None = None,
    roll: int = -1,
    conjugate: bool = True,
    absolute: bool = True,
    power: int = 2,
    above: bool = True,
    below: bool = True,
) -> Tensor:
    """The filter of exercise 3, or what a slip makes of it."""
    n = len(kernel)
    margin = n if margin is None else margin
    padded = functional.pad(picture[None], (margin,) * 4, mode)[0] if mode else picture
    placed = torch.zeros_like(padded)
    placed[:n, :n] = kernel
    transfer = torch.fft.fft2(placed.roll((roll * (n // 2),) * 2, dims=(0, 1)))
    strength = transfer.abs() ** power if absolute else transfer**power
    numerator = transfer.conj() if conjugate else transfer
    inverse = numerator if above else torch.ones_like(transfer)
    if below:
        inverse = inverse / (strength + balance)
    filtered = torch.fft.ifft2(inverse * torch.fft.fft2(padded)).real
    return filtered[margin:-margin, margin:-margin] if mode else filtered


quiz = Quiz(
    __name__,
    Question(
        "Lamps leave dim streaks in the blurred pictures of a data set; all else looks right. What"
        " happened?",
        (
            Choice(
                "The camera's path was not centred.",
                "That would shift blurred against sharp everywhere, and dim nothing.",
            ),
            Choice(
                "The mean was taken of coded values.",
                "Where a pixel sees very unequal values, and only there, the order of coding and"
                " mean matters.",
                right=True,
            ),
            Choice(
                "There was too much noise.",
                "Noise has no mean: streaks would be grainy, not dim.",
            ),
        ),
    ),
    Question(
        "A camera rolls around its axis while the shutter is open. Where is the picture sharp?",
        (
            Choice("Nowhere", "A roll has a point that it does not move."),
            Choice("In the corners", "They are the furthest from the axis, and move the most."),
            Choice(
                "In the middle",
                "Points move on arcs around the middle, the longer the further out.",
                right=True,
            ),
        ),
    ),
    Question(
        "Somebody makes pairs out of 8 frames each, with frame 4, counted from 0, as the sharp"
        " one. What will be seen?",
        (
            Choice(
                "The training does not begin at all.",
                "It begins, and the loss falls. That is what makes the slip expensive.",
            ),
            Choice(
                "Scores stop at a ceiling, and the answers stay soft.",
                "The mean stands at 3.5. The same picture could come from a film run backwards,"
                " with another answer; the safest guess is between the two.",
                right=True,
            ),
            Choice(
                "Nothing: half a frame is too little to be seen.",
                "At a pixel a frame it capped the score at 27 to 31 dB in the table.",
            ),
        ),
    ),
    Question(
        "Division by the kernel's transform was perfect without noise, and poor on a photograph of"
        " 8 bits. Why?",
        (
            Choice(
                "Rounding moves the picture.",
                "Rounding changes values, by half a level at most. Nothing moves.",
            ),
            Choice(
                "The Fourier transform is not exact.",
                "The first line of the experiment was: it is exact to far more than 8 bits.",
            ),
            Choice(
                "Waves that the blur all but removed are multiplied by a hundred and more, and"
                " their errors too.",
                "Division cannot tell what is left of a wave from what is error.",
                right=True,
            ),
        ),
    ),
    Question(
        "What does a restoration with a kernel 20 percent too long look like?",
        (
            Choice(
                "Echoes along the edges",
                "Ringing: waves are made strong that the blur never made weak.",
                right=True,
            ),
            Choice(
                "A little less sharp, and else right",
                "A kernel too short does no better than one too long: see the table. Either way"
                " most of the gain is gone.",
            ),
            Choice(
                "Shifted by the difference",
                "A kernel off its centre shifts. A longer one that is centred does not.",
            ),
        ),
    ),
)
