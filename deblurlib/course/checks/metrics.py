"""Checks of lesson 03: PSNR as reported, a mean in batches, a uniform SSIM, PSNR when aligned."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from deblurlib.course.checks import Stages, Wrong, exercise, expect, expect_shape, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.imaging.exposure import quantize


@exercise(first="round both pictures to 256 levels: `quantize(image.float())`.")
def reported_psnr(answer: Callable[[Tensor, Tensor], Tensor]) -> Stages:
    sharp = 0.9 * torch.rand(3, 3, 6, 8)  # no picture reaches the peak
    # Each picture and each colour has an error of its own; some values leave [0, 1].
    sizes = torch.tensor([0.005, 0.1, 0.3]).view(3, 1, 1, 1) * torch.tensor([0.3, 1, 2]).view(
        3, 1, 1
    )
    restored = sharp + sizes * torch.randn(3, 3, 6, 8)
    kept = restored.clone(), sharp.clone()
    yield "it runs"
    out = answer(restored, sharp)
    yield "shape"
    expect_shape(
        out,
        (3,),
        {
            (): "One number for the whole batch: take the mean over each picture alone, "
            "`dim=(1, 2, 3)`.",
            (3, 3): "The colours are still apart: the mean goes over them too.",
            (3, 1, 1, 1): "Four dimensions are left: without `keepdim` there is one.",
            (3, 6, 8): "Rows and columns are still there: the mean goes over them too.",
        },
    )
    expect(
        torch.equal(restored, kept[0]) and torch.equal(sharp, kept[1]),
        "your code changes the pictures that it is given: `clamp_`, `mul_` and the like work in"
        " place.",
    )
    yield "values"
    a, b = quantize(restored), quantize(sharp)
    mse = (a - b).square()
    right = _decibels(a, b)
    expect_values(
        out,
        right,
        {
            "the pictures are not rounded to 256 levels: `quantize` both.": _decibels(
                restored.clamp(0, 1), sharp
            ),
            "neither clipped nor rounded: what leaves [0, 1] can't be in a file.": _decibels(
                restored, sharp
            ),
            "rounded, but not clipped to [0, 1] first.": _decibels(
                (restored * 255).round() / 255, b
            ),
            "only the restored picture is rounded; the sharp one is from a file, too.": _decibels(
                a, sharp
            ),
            "only the sharp picture is rounded; that is the one from a file already. Round the"
            " restored one.": _decibels(restored, b),
            "only the sharp picture is rounded; the restored one is just clipped.": _decibels(
                restored.clamp(0, 1), b
            ),
            "the levels are cut off below, not rounded: take the nearest one.": _decibels(
                (restored.clamp(0, 1) * 255).floor() / 255, (sharp * 255).floor() / 255
            ),
            "the difference is rounded; round each picture, then subtract.": _decibels(
                quantize((restored - sharp).abs()), torch.zeros_like(sharp)
            ),
            "the sign is turned: a smaller error has more decibels.": -right,
            "that is 20 times the logarithm of the mean *squared* error: 10 times it.": 2 * right,
            "that is 10 times the logarithm of the error's *root*: leave the root out.": (
                right / 2
            ),
            "that is the natural logarithm; decibels take the one to base 10.": (
                right * math.log(10)
            ),
            "the mean squared error itself came back: the logarithm is missing.": mse.mean(
                (1, 2, 3)
            ),
            "the peak is 1 here, for pictures in [0, 1]; you took 255.": (
                right + 20 * math.log10(255)
            ),
            "the peak is the largest value that a picture *can* have, 1; you took the largest that"
            " each sharp picture has.": right + 20 * b.amax((1, 2, 3)).log10(),
            "the peak is the largest value that a picture *can* have, 1; you took the largest of"
            " the whole batch.": right + 20 * b.max().log10(),
            "the largest of 256 levels is 255: the peak is 255 (or 1), not 256.": (
                right + 20 * math.log10(256 / 255)
            ),
            "256 levels run from 0 to 255: multiply by 255 before rounding, not by 256.": _decibels(
                *((image.clamp(0, 1) * 256).round() / 256 for image in (restored, sharp))
            ),
            "the squared errors are added up, where their mean is meant.": (
                right - 10 * math.log10(mse[0].numel())
            ),
            "that is the mean of the colours' PSNRs: the mean over colours belongs before the"
            " logarithm.": (-10 * mse.mean((2, 3)).log10()).mean(1),
            "absolute differences are averaged, where squared ones are meant.": (
                -20 * (a - b).abs().mean((1, 2, 3)).log10()
            ),
            "each picture got the value of the whole batch: average over each one alone.": (
                (-10 * mse.mean().log10()).expand(3)
            ),
        },
    )
    yield "identical pictures"
    out = answer(torch.cat([b[:1], a[1:]]), b).float()
    expect(not out.isnan().any(), "identical pictures give NaN; they should give infinity.")
    expect(
        out[0] == math.inf,
        f"identical pictures have infinite PSNR; yours is {out[0].item():.1f}. A small number added"
        " to the error, or a limit, falsifies all that is good.",
    )
    expect(
        torch.allclose(out[1:], right[1:], atol=1e-3),
        "one identical pair changes the PSNR of the other pictures.",
    )
    yield "bfloat16"
    low = restored.bfloat16()
    out = answer(low, sharp)
    wanted = _decibels(quantize(low.float()), b)
    expect(
        _precise(out) and torch.allclose(out.float(), wanted, atol=1e-2),
        "of a bfloat16 picture: compute in float32 from the first line on, `.float()` before"
        f" `quantize`. {wanted[0].item():.2f} dB expected, {out[0].item():.2f} found.",
    )
    out = answer(low, sharp.bfloat16())
    wanted = _decibels(quantize(low.float()), quantize(sharp.bfloat16().float()))
    expect(
        _precise(out) and torch.allclose(out.float(), wanted, atol=1e-2),
        "where the *sharp* picture is bfloat16 too, yours differs: `.float()` for both.",
    )
    yield "other sizes"
    for size in ((1, 3, 5, 9), (2, 3, 16, 4)):
        x, y = torch.rand(size), torch.rand(size)
        expect(
            torch.allclose(answer(x, y).float(), _decibels(quantize(x), quantize(y)), atol=1e-3),
            f"right for pictures of 6 × 8, not for {size}: is a number of pixels written in?",
        )


@exercise(first="set the three numbers that are kept to 0, in `__init__`.")
def finite_mean(answer: Callable[[], Any]) -> Stages:
    inf, nan = math.inf, math.nan

    def after(*batches: list[float]) -> tuple[float, Any]:
        one = answer()
        for batch in batches:
            one.update(torch.tensor(batch))
        return _mean_and_count(one.compute())

    yield "it runs"
    value, _ = after([30.0, 33.0, 36.0])
    yield "one batch"
    expect(
        math.isclose(value, 33, abs_tol=1e-3),
        f"the mean of 30, 33 and 36 is 33, not {value:.4g}."
        + (" That is their sum." if math.isclose(value, 99, abs_tol=1e-3) else ""),
    )
    yield "batches"
    value, count = after([30.0, 33.0, 36.0], [41.0], [20.0, 52.0])
    explanations = {
        110 / 3: "that is the mean of the batches' means, in which the lone value of the second"
        " batch weighs three times as much as one of the first: divide once, in `compute`.",
        212 / 3: "you divide by the number of batches; divide by that of values.",
        212 / 2: "you divide by the size of the last batch; count the values of all.",
        212: "that is the sum of all: divide by how many they are.",
        33: "only the first batch counts.",
        311 / 9: "a new object remembers the values of an older one: keep them in `self`, made in"
        " `__init__`, not in the class.",
        36: "that is the last batch alone: `update` forgets what came before.",
        36.5: "you average each batch with the mean so far: keep a sum and a count, and divide"
        " once.",
    }
    for wrong, text in explanations.items():
        expect(not math.isclose(value, wrong, abs_tol=1e-3), text)
    expect(
        math.isclose(value, 212 / 6, abs_tol=1e-3),
        f"batches of 3, 1 and 2 values: the mean of all six is 35.33, not {value:.2f}.",
    )
    expect(count == 0, f"no value was infinite, but {count} are counted.")
    yield "infinite ones"
    value, count = after([30.0, inf, inf], [36.0, inf])
    expect(
        not math.isinf(value),
        "one infinite value makes your mean infinite: leave them out of the sum.",
    )
    expect(
        not math.isnan(value),
        "the mean is NaN: infinity times 0 is none. Choose the finite values, `values[mask]`.",
    )
    expect(
        not math.isclose(value, 66 / 5, abs_tol=1e-3),
        "the infinite values are not in the sum, but still in the count: 66 / 5. Divide by the"
        " number of finite ones.",
    )
    expect(
        math.isclose(value, 33, abs_tol=1e-3),
        f"the finite ones are 30 and 36, so the mean is 33, not {value:.4g}.",
    )
    expect(
        count != 2,
        "two is the number of *batches* with infinite values, or that of finite ones; three values"
        " were infinite.",
    )
    expect(
        count != 1,
        "one infinite value is counted: that is the last batch's. Add up over all batches.",
    )
    expect(count == 3, f"three values were infinite; {count} are counted.")
    yield "none finite"
    try:
        value, count = after([inf], [inf])
    except ZeroDivisionError:
        raise Wrong(
            "where no value is finite you divide by 0: the mean is then infinite, `math.inf`."
        ) from None
    expect(
        value == inf and count == 2,
        f"of two infinite values the mean is infinite, and 2 are counted; yours: {value}, {count}.",
    )
    yield "NaN"
    value, count = after([30.0, nan], [36.0])
    expect(
        math.isnan(value),
        f"a NaN was dropped, and the mean is {value:.4g}: a broken picture must show. `isfinite`"
        " is false for NaN too; `isinf` is not.",
    )
    expect(count == 0, "a NaN is no infinite value, but it is counted as one.")
    yield "any time"
    one = answer()
    one.update(torch.tensor([30.0]))
    one.compute()
    one.update(torch.tensor([36.0, inf]))
    first = _mean_and_count(one.compute())
    expect(
        first == _mean_and_count(one.compute()),
        "`compute` called twice gives two answers: it should change nothing.",
    )
    expect(
        first == (33, 1),
        f"after a `compute` in between, 30 and 36 should give 33, not {first[0]:.4g}: it should"
        " change nothing.",
    )
    one.update(torch.zeros(0))
    value, count = _mean_and_count(one.compute())
    expect((value, count) == (33, 1), "an empty batch should change nothing.")


@exercise(first="take the mean of every window of x: `functional.avg_pool2d(x, 7, stride=1)`.")
def ssim_uniform(answer: Callable[[Tensor, Tensor], Tensor]) -> Stages:
    restored, sharp = _low_contrast(2, 20, 23)
    kept = restored.clone(), sharp.clone()
    yield "it runs"
    out = answer(restored, sharp)
    yield "shape"
    expect_shape(
        out,
        (2,),
        {
            (): "One number for the batch: the mean goes over all but the first dimension.",
            (2, 3): "The colours are still apart: the mean goes over them too.",
            (2, 3, 14, 17): "That is the map; SSIM is its mean over windows and colours.",
            (2, 3, 20, 23): "That is a map, as large as the picture: only windows wholly inside"
            " count, and SSIM is their mean.",
            (2, 1, 1, 1): "Four dimensions are left: without `keepdim` there is one.",
        },
    )
    expect(
        torch.equal(restored, kept[0]) and torch.equal(sharp, kept[1]),
        "your code changes the pictures that it is given: something works in place.",
    )
    yield "values"
    wanted = _uniform(restored, sharp)
    smaller = {name: _uniform(restored, sharp, **change) for name, change in _SLIPS.items()}
    a, b = quantize(restored), quantize(sharp)
    gray = [_gray(image) for image in (restored, sharp)]
    expect_values(
        out,
        wanted,
        {
            **smaller,
            "the pictures are rounded to 256 levels; here they are measured as they are.": _uniform(
                a, b
            ),
            "that is the SSIM of the gray pictures; each colour is measured by itself.": _uniform(
                *gray
            ),
            "that is the SSIM of the colours' mean; each colour is measured by itself.": _uniform(
                *(image.mean(1, keepdim=True) for image in (restored, sharp))
            ),
            "both pictures of the batch got the same value: average over each one alone.": (
                wanted.mean().expand(2)
            ),
            "that is 1 − SSIM.": 1 - wanted,
        },
        tolerance=2e-5,
    )
    yield "as they are"
    beyond = 1.5 * restored - 0.25, 1.5 * sharp - 0.25
    expect_values(
        answer(*beyond),
        _uniform(*beyond),
        {
            "right inside [0, 1], but what lies outside is clipped: the pictures are measured as"
            " they are. A clipped value would pass no gradient on.": _uniform(
                *(image.clamp(0, 1) for image in beyond)
            ),
            "right inside [0, 1], but the restored picture is clipped where it leaves that.": (
                _uniform(beyond[0].clamp(0, 1), beyond[1])
            ),
        },
        tolerance=2e-4,
    )
    yield "gradient"
    learned = restored.clone().requires_grad_()
    out = answer(learned, sharp)
    expect(
        out.requires_grad,
        "no gradient comes through: is there a `detach`, a `no_grad`, an `item`, or another"
        " library's arrays?",
    )
    (gradient,) = torch.autograd.grad(out.sum(), learned)
    reference = restored.clone().requires_grad_()
    (through,) = torch.autograd.grad(_uniform(reference, sharp).sum(), reference)
    expect(
        gradient.isfinite().all()
        and torch.allclose(gradient, through, atol=0.02 * through.abs().max().item()),
        "the values are right, their gradient is not: is a part of it, such as a mean or a"
        " variance, detached?",
    )
    yield "other sizes"
    for batch, height, width in ((1, 7, 7), (3, 9, 30)):
        x, y = _low_contrast(batch, height, width)
        try:
            same = torch.allclose(answer(x, y).float(), _uniform(x, y), atol=5e-5)
        except RuntimeError:
            same = False
        expect(
            same,
            f"right for pictures of 20 × 23, not for {batch} of {height} × {width}: is a size"
            " written in?",
        )


@exercise(first="cut the sharp pixels that every shift is judged on: `reach` away from the border.")
def aligned_psnr(answer: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]) -> Stages:
    sharp = quantize(torch.rand(3, 3, 14, 19))
    moves = [(1, -2), (0, 0), (2, 1)]
    noise = torch.tensor([0.05, 0.1, 0.2]).view(3, 1, 1, 1) * torch.randn(sharp.shape)
    restored = quantize(_moved(sharp, moves) + noise)
    kept = restored.clone(), sharp.clone()
    yield "it runs"
    try:
        found = answer(restored, sharp, 2)
    except RuntimeError as error:
        if "must match the size" not in str(error):
            raise
        raise Wrong(
            "a window runs over the edge, or the two windows differ in size: both are"
            " `height - 2 * reach` rows high."
        ) from None
    expect(
        isinstance(found, tuple | list) and len(found) == 2,
        "two tensors should come back: the best PSNRs, and their shifts.",
    )
    best, shifts = found
    yield "shape"
    expect_shape(
        best,
        (3,),
        {
            (): "One PSNR for the whole batch: each picture has its own.",
            (25, 3): "All shifts are still there: the best of them is wanted, `max(dim=0)`.",
            (25,): "That is a value for each shift; one for each picture is wanted.",
        },
    )
    expect_shape(
        shifts,
        (3, 2),
        {
            (3,): "That is the shift's number: look it up in the list of shifts.",
            (2,): "One shift for the whole batch: each picture has its own.",
            (2, 3): "Rows and columns are exchanged: one row (down, right) for each picture.",
        },
    )
    expect(
        torch.equal(restored, kept[0]) and torch.equal(sharp, kept[1]),
        "your code changes the pictures that it is given.",
    )
    yield "best PSNR"
    scores, numbers = _scores(restored, sharp, 2)
    wanted, number = scores.max(0)
    together = scores.mean(1).argmax()
    expect_values(
        best,
        wanted,
        {
            "the shift (0, 0) is missing among those tried: a picture may lie in place.": (
                scores[numbers.any(1)].max(0).values
            ),
            "that is the lowest of all shifts: the highest PSNR is the best.": scores.min(0).values,
            "that is the PSNR without any shift.": scores[12],
            "one shift is taken for the whole batch: each picture has its own.": scores[together],
            "that is the mean over all shifts: take the best.": scores.mean(0),
            "the whole frame is compared, and what goes out on one side comes in on the other"
            " (`roll`). Cut `reach` off all sides.": _rolled(restored, sharp),
            "each shift is judged on pixels of its own, all where the two overlap: then a shift can"
            " win by its easier pixels. Keep the sharp window fixed.": _overlapping(
                restored, sharp
            ),
            "the sharp window moves and the restored one stays: then each shift is judged on"
            " other sharp pixels. It should be the other way round.": _scores(sharp, restored, 2)[0]
            .max(0)
            .values,
            "that is the mean squared error of the best shift: the logarithm is missing.": 10
            ** (-wanted / 10),
        },
        tolerance=1e-4,
    )
    yield "shifts"
    expect(
        not shifts.is_floating_point(),
        f"shifts are whole numbers, which can index a picture; yours are {shifts.dtype}.",
    )
    shifts = shifts.long()
    expected = numbers[number]
    expect(
        not torch.equal(shifts, -expected),
        "the signs are turned: with (down, right) = (1, -2) the restored window begins one row"
        " *lower* and two columns further *left*.",
    )
    expect(
        not torch.equal(shifts, expected.flip(1)),
        "down and right are exchanged: rows come first.",
    )
    expect(
        not torch.equal(shifts, expected + 2),
        "these are the windows' first rows and columns; the shift is counted from `reach`.",
    )
    expect(
        torch.equal(shifts, expected),
        f"the PSNRs are right, the shifts are not: {expected.tolist()} expected,"
        f" {shifts.tolist()} found.",
    )
    yield "levels"
    # Values between the levels, and beyond [0, 1]; both pictures, as in a network's output.
    rough = 1.3 * _moved(sharp, moves) - 0.15 + noise / 20
    target = 1.3 * sharp - 0.15
    wanted = _scores(quantize(rough), quantize(target), 2)[0].max(0).values
    expect_values(
        answer(rough, target, 2)[0],
        wanted,
        {
            message: _scores(x, y, 2)[0].max(0).values
            for message, x, y in (
                (
                    "right for pictures on 256 levels, but neither clipped nor rounded before"
                    " comparing: `quantize` both, as in Exercise 1.",
                    rough,
                    target,
                ),
                (
                    "right for pictures on 256 levels, but others are clipped and not rounded:"
                    " `quantize` both.",
                    rough.clamp(0, 1),
                    target.clamp(0, 1),
                ),
                (
                    "only the restored picture is clipped and rounded; the sharp one is, too.",
                    quantize(rough),
                    target,
                ),
                (
                    "only the sharp picture is clipped and rounded; a network's output needs it"
                    " more.",
                    rough,
                    quantize(target),
                ),
            )
        },
    )
    yield "reach 0"
    try:
        best = answer(restored, sharp, 0)[0].float()
    except (RuntimeError, ValueError, IndexError) as error:
        if not any(word in str(error) for word in ("size", "shape", "empty")):
            raise
        best = torch.full((3,), math.nan)
    expect(
        not best.isnan().any(),
        "with `reach` 0 a window is empty, as a slice `[0:-0]` is: write where the window ends,"
        " `height - reach`.",
    )
    plain = _decibels(restored, sharp)
    expect(
        best.shape == (3,) and torch.allclose(best, plain, atol=1e-3),
        f"with `reach` 0 it should be the plain PSNR of each picture, {plain[0].item():.2f} dB for"
        " the first.",
    )
    yield "other sizes"
    for moves, reach in (([(3, 3), (-3, 2)], 3), ([(0, 1)], 1)):
        sharp = quantize(torch.rand(len(moves), 3, 17, 12))
        restored = quantize(_moved(sharp, moves) * 0.95)
        scores, numbers = _scores(restored, sharp, reach)
        try:
            best, shifts = answer(restored, sharp, reach)
            same = torch.allclose(best.float(), scores.max(0).values, atol=1e-3) and torch.equal(
                shifts.long(), torch.tensor(moves)
            )
        except (RuntimeError, IndexError):
            same = False
        expect(same, f"right for `reach` 2, not for {reach} and {len(moves)} pictures of 17 × 12.")
    yield "a perfect match"
    best, shifts = answer(_moved(sharp, [(1, -1)]), sharp, 2)
    expect(
        best[0] == math.inf and shifts[0].tolist() == [1, -1],
        "the sharp picture itself, moved by a pixel, should be found: infinite PSNR at (1, -1); "
        f"yours: {best[0].item():.1f} at {tuple(shifts[0].tolist())}.",
    )


def _precise(out: Tensor) -> bool:
    return out.dtype in (torch.float32, torch.float64)


def _decibels(restored: Tensor, sharp: Tensor) -> Tensor:
    return -10 * (restored - sharp).square().mean((1, 2, 3)).log10()


def _mean_and_count(found: Any) -> tuple[float, Any]:
    expect(found is not None, "`compute` gives nothing back: does it end in `return ...`?")
    expect(
        isinstance(found, tuple | list) and len(found) == 2,
        "`compute` should give two things: the mean, and how many values were infinite.",
    )
    value, count = found
    return float(value), int(count)


def _gray(image: Tensor) -> Tensor:
    return (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)


def _low_contrast(batch: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Pictures in which all parts of SSIM count: flat, bright and dark places, turned contrast."""
    sharp = torch.rand(batch, 3, 1, 1) + 0.06 * torch.randn(batch, 3, height, width)
    turned = torch.linspace(1, -0.2, width) * (sharp - sharp.mean((2, 3), keepdim=True))
    other = sharp.mean((2, 3), keepdim=True) + 0.1 + turned
    return (other + 0.02 * torch.randn(other.shape)).clamp(0, 1), sharp.clamp(0, 1)


_SLIPS: dict[str, dict[str, Any]] = {
    "variances and covariance are divided by 49: 49 / 48 times that are the sample ones.": {
        "sample": 1.0
    },
    "49 / 48 is the wrong way up: sample variances are the *larger* ones.": {"sample": 48 / 49},
    "the variances are sample ones, the covariance isn't: 49 / 48 for it, too.": {
        "covariance": 48 / 49
    },
    "the covariance is a sample one, the variances aren't: 49 / 48 for them, too.": {
        "variance": 48 / 49
    },
    "the squares of the means are not subtracted: mean of squares minus square of mean.": {
        "raw": True
    },
    "C_1 and C_2 are squared: 0.01² and 0.03².": {"constants": (0.01, 0.03)},
    "C_1 and C_2 are exchanged.": {"constants": (0.03**2, 0.01**2)},
    "the constants are those for pictures up to 255: 0.01² and 0.03² for [0, 1].": {
        "constants": (2.55**2, 7.65**2)
    },
    "C_1 and C_2 are missing.": {"constants": (1e-12, 1e-12)},
    "that is the luminance alone: the second factor is missing.": {"parts": "luminance"},
    "that is contrast and structure alone: the luminance is missing.": {"parts": "structure"},
    "the two factors are added; they are multiplied.": {"parts": "sum"},
    "the covariance is taken as the product of the deviations: it may be smaller, and negative.": {
        "parts": "contrast"
    },
    "the window is 11 × 11 pixels; here it is 7 × 7.": {"window": 11, "sample": 49 / 48},
    "the window is 11 × 11 pixels; here it is 7 × 7, and the sample's factor follows it.": {
        "window": 11,
        "sample": 121 / 120,
    },
    "windows are 7 apart: every place counts, `stride=1`.": {"stride": 7},
    "windows that reach out of the picture count too, with zeros there: no padding.": {
        "padding": "constant"
    },
    "windows that reach out of the picture count too, mirrored there: no padding.": {
        "padding": "reflect"
    },
    "windows that reach out of the picture count too, its border repeated: no padding.": {
        "padding": "replicate"
    },
    "the means of numerators are divided by the means of denominators: divide in each window.": {
        "parts": "ratio"
    },
    "that is one window for the whole picture: slide one of 7 × 7 over it.": {"window": 0},
}


def _uniform(
    x: Tensor,
    y: Tensor,
    *,
    sample: float = 49 / 48,
    variance: float = 1.0,
    covariance: float = 1.0,
    raw: bool = False,
    constants: tuple[float, float] = (0.01**2, 0.03**2),
    parts: str = "both",
    window: int = 7,
    stride: int = 1,
    padding: str = "",
) -> Tensor:
    x, y = x.double(), y.double()
    if padding:
        x, y = (functional.pad(image, (3, 3, 3, 3), padding) for image in (x, y))

    def smoothed(image: Tensor) -> Tensor:
        return functional.avg_pool2d(image, window or image.shape[-2:], stride)

    mean_x, mean_y = smoothed(x), smoothed(y)
    away = 0.0 if raw else 1.0
    var_x = sample * variance * (smoothed(x * x) - away * mean_x**2)
    var_y = sample * variance * (smoothed(y * y) - away * mean_y**2)
    both = sample * covariance * (smoothed(x * y) - away * mean_x * mean_y)
    if parts == "contrast":
        both = (var_x.clamp(min=0) * var_y.clamp(min=0)).sqrt()
    c1, c2 = constants
    above, below = 2 * mean_x * mean_y + c1, mean_x**2 + mean_y**2 + c1
    luminance, structure = above / below, (2 * both + c2) / (var_x + var_y + c2)
    if parts == "ratio":
        found = (above * (2 * both + c2)).mean((1, 2, 3)) / (below * (var_x + var_y + c2)).mean(
            (1, 2, 3)
        )
        return found.float()
    combined = {
        "luminance": luminance,
        "structure": structure,
        "sum": luminance + structure,
    }.get(parts, luminance * structure)
    return combined.mean((1, 2, 3)).float()


def _moved(sharp: Tensor, moves: list[tuple[int, int]]) -> Tensor:
    """The pixel [i, j] of each picture at [i + a, j + b]; what comes in is another picture's."""
    moved = torch.stack([one.roll(move, (1, 2)) for one, move in zip(sharp, moves, strict=True)])
    for one, (a, b) in zip(moved, moves, strict=True):
        one[:, slice(0, a) if a >= 0 else slice(a, None)] = 0.5
        one[..., slice(0, b) if b >= 0 else slice(b, None)] = 0.5
    return moved


def _scores(restored: Tensor, sharp: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """PSNRs ``(shifts, B)`` and the shifts ``(shifts, 2)``."""
    height, width = sharp.shape[-2:]
    shifts = list(product(range(-reach, reach + 1), repeat=2))

    def window(image: Tensor, a: int, b: int) -> Tensor:
        return image[..., reach + a : height - reach + a, reach + b : width - reach + b]

    scores = [_decibels(window(restored, a, b), window(sharp, 0, 0)) for a, b in shifts]
    return torch.stack(scores), torch.tensor(shifts)


def _rolled(restored: Tensor, sharp: Tensor) -> Tensor:
    shifts = product(range(-2, 3), repeat=2)
    scores = [_decibels(restored.roll((-a, -b), (2, 3)), sharp) for a, b in shifts]
    return torch.stack(scores).max(0).values


def _overlapping(restored: Tensor, sharp: Tensor) -> Tensor:
    height, width = sharp.shape[-2:]
    scores = []
    for a, b in product(range(-2, 3), repeat=2):
        rows, columns = height - abs(a), width - abs(b)
        top, left = max(0, a), max(0, b)
        of_restored = restored[..., top : top + rows, left : left + columns]
        top, left = max(0, -a), max(0, -b)
        of_sharp = sharp[..., top : top + rows, left : left + columns]
        scores.append(_decibels(of_restored, of_sharp))
    return torch.stack(scores).max(0).values


quiz = Quiz(
    __name__,
    Question(
        "A network's squared error falls by 20.6 % on every picture of a test set. What becomes of"
        " its mean PSNR?",
        (
            Choice(
                "It rises by 1 dB.",
                "10 · log10(1 / 0.794) is 1, on each picture, and so in the mean.",
                right=True,
            ),
            Choice(
                "It rises by 20.6 %.",
                "Decibels are logarithms: a factor in the error is a *sum* in PSNR.",
            ),
            Choice(
                "That depends on how good it was before.",
                "With the mean of the errors taken first it could depend on the set; on each"
                " picture a factor is always the same number of decibels.",
            ),
        ),
    ),
    Question(
        "Your validation loop adds up the mean squared error of batches of 16 crops, divides, and"
        " takes the logarithm at the end. The evaluation script reports 0.8 dB more for the same"
        " restored crops. Which is the likely cause?",
        (
            Choice(
                "The script forgets to clip.",
                "Clipping can only bring a value nearer to a picture in [0, 1]: without it the"
                " script would report *less*.",
            ),
            Choice(
                "The script takes the logarithm per picture, then the mean.",
                "The mean of the PSNRs is never below the PSNR of the mean error, and by much"
                " where the crops differ in difficulty.",
                right=True,
            ),
            Choice(
                "The script rounds to 8 bits.",
                "At usual qualities rounding changes thousandths of a decibel, and downward.",
            ),
        ),
    ),
    Question(
        "Paper A reports SSIM .957 on GoPro, paper B .905, at 32.4 and 32.6 dB. What do you make of"
        " it?",
        (
            Choice(
                "A's structure is far better, though its PSNR is a little lower.",
                "Possible in principle, but a change of the variant alone makes as large a gap.",
            ),
            Choice(
                "Nothing yet: the two may be different variants of SSIM.",
                "At like PSNR, .957 is what the 3-D variant gives, .905 a 2-D one.",
                right=True,
            ),
            Choice(
                "One of the two has a fault in its code.",
                "Both may be right, each by its own definition.",
            ),
        ),
    ),
    Question(
        "A restored frame is sharp, but 40 levels too dark everywhere; no pixel is clipped. Want"
        "ed is a number that shows the fault. Which one is of no use?",
        (
            Choice("PSNR", "An error of 40 levels everywhere is 16 dB: PSNR shows it loudly."),
            Choice(
                "Edge fidelity",
                "What is the same for both neighbours cancels in their difference. (Were all values"
                " *scaled*, the edges would be weaker, and it would show.)",
                right=True,
            ),
            Choice(
                "SSIM",
                "Its luminance factor compares the windows' means: weakly where the picture is"
                " bright, but clearly where it is dark.",
            ),
        ),
    ),
    Question(
        "Which of these may stand in a table of results, if it is said beside it?",
        (
            Choice(
                "For each picture the number of iterations that came nearest to the truth.",
                "Said or not, nobody can do this with a new photograph: the truth was used to"
                " make the result.",
            ),
            Choice(
                "The mean over eight turns and mirror images.",
                "It needs the blurred picture alone. The reader must know that it costs eight"
                " passes, and that others may have used one.",
                right=True,
            ),
            Choice(
                "PSNR of the gray picture in the range 16 to 235, with a peak of 255, next to"
                " others' values in colour.",
                "It is 1.32 dB higher by its range alone, so the row can't be compared with its"
                " neighbours.",
            ),
        ),
    ),
)
