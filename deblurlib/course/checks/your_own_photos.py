"""Checks of lesson 16: what a network wants of a file, its reach, tiles that fade, re-blurring."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.checks import Stages, exercise, expect, expect_shape, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.imaging.exposure import from_linear, to_linear
from deblurlib.imaging.files import to_tensor
from deblurlib.models.tiling import blended

Compute = Callable[[Tensor], Tensor]


@exercise(first="`pixels = np.asarray(image.convert('RGB')) / 255`; what shape has it?")
def network_input(answer: Callable[[Image.Image], Tensor]) -> Stages:
    levels = torch.randint(0, 256, (5, 7, 3), dtype=torch.uint8).numpy()
    levels[0, 0] = (255, 0, 255)
    image = Image.fromarray(levels)
    yield "it runs"
    found = answer(image.copy())
    yield "shape, of a colour picture"
    hints = {
        (5, 7, 3): "channels come first: `permute(2, 0, 1)`, and a batch of one around it.",
        (1, 5, 7, 3): "channels come before rows and columns: `permute(2, 0, 1)`.",
        (3, 5, 7): "a batch of one is missing: `[None]`.",
        (1, 3, 7, 5): "rows and columns are exchanged: an array is `(H, W, 3)`, Pillow's `size`"
        " is (W, H).",
    }
    expect_shape(found, (1, 3, 5, 7), hints)
    yield "values"
    wanted = to_tensor(image)[None]
    expect(found.is_floating_point(), f"float is wanted, yours is {found.dtype}.")
    mistakes = {
        "values go up to 255: divide by 255.": 255 * wanted,
        "red and blue are exchanged: Pillow has RGB already.": wanted.flip(1),
        "255 is white, and must become 1: divide by 255, not 256.": wanted * 255 / 256,
        "coded values are wanted, as they are in the file; this is light.": to_linear(wanted),
    }
    expect_values(found, wanted, mistakes, 1e-5)
    expect(
        found.dtype == torch.float32,
        f"right values, but {found.dtype}: a network's weights are float32. `.float()`",
    )
    yield "gray, palette, opacity, inks"
    clear = image.convert("RGBA")
    clear.putalpha(100)
    for other in (image.convert("L"), image.quantize(8), clear, image.convert("CMYK")):
        found = answer(other.copy())
        hints = {
            (1, 4, 5, 7): "the fourth channel is opacity, or black ink: `convert('RGB')` first.",
            (1, 1, 5, 7): "gray has one channel; repeat it three times.",
        }
        expect_shape(found, (1, 3, 5, 7), hints)
        mistakes = {}
        if other.mode == "RGBA":
            black = Image.new("RGBA", other.size, (0, 0, 0, 255))
            mistakes["you lay it on black; opacity is left out."] = to_tensor(
                Image.alpha_composite(black, other)
            )[None]
        if other.mode == "P":
            index = torch.from_numpy(np.asarray(other) / 255).float().expand(1, 3, -1, -1)
            mistakes["a palette's pixels are numbers of colours, not colours."] = index
        expect_values(found, to_tensor(other)[None], mistakes, 1e-5)
    yield "16 bits"
    sixteen = torch.randint(0, 65536, (5, 7)).numpy().astype(np.uint16)
    sixteen[0, :3] = (65535, 256, 0)
    found = answer(Image.fromarray(sixteen))
    expect_shape(found, (1, 3, 5, 7), {(1, 1, 5, 7): "gray: repeat it three times."})
    true = torch.from_numpy(sixteen / 65535).float().expand(1, 3, -1, -1)
    mistakes = {
        "everything above 255 has become white: `convert` cuts off. Divide by 65535 yourself.": (
            torch.from_numpy(sixteen.clip(max=255) / 255).float().expand(1, 3, -1, -1)
        ),
        "16-bit values go up to 65535; you divide them by 255.": true * 257,
        "65535 must become 1: divide by 65535, not 65536.": true * 65535 / 65536,
    }
    mistakes["you round to 8 bits on the way: 16 were there."] = (true * 255).round() / 255
    expect_values(found, true, mistakes, 5e-6)
    yield "orientation"
    for turn in (6, 3, 5):
        stored = _oriented(image, turn)
        upright = {6: (7, 5), 3: (5, 7), 5: (7, 5)}[turn]
        found = answer(stored)
        message = "it lies on its side: `ImageOps.exif_transpose(image)` turns as EXIF says."
        expect_shape(found, (1, 3, *upright), {(1, 3, 5, 7): message})
        flat = to_tensor(image)
        true = {6: flat.rot90(-1, (1, 2)), 3: flat.flip(1, 2), 5: flat.transpose(1, 2)}[turn][None]
        mistakes = {
            "EXIF's orientation is not heard: `ImageOps.exif_transpose(image)`.": flat[None],
            "it is turned the wrong way round.": true.flip(2, 3),
        }
        mistakes = {key: value for key, value in mistakes.items() if value.shape == true.shape}
        expect_values(found, true, mistakes, 1e-5)


@exercise(first="`x = torch.rand(1, channels, side, side, requires_grad=True)`, then `compute(x)`.")
def measured_reach(answer: Callable[[Compute, int, int], Any]) -> Stages:
    yield "it runs"
    five = _Window((5, 5))
    found = answer(five, 1, 32)
    yield "a window of 5 × 5"
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, int) and not isinstance(found, bool),
        f"a whole number (`int`) should come back, not {found!r}.",
    )
    said = {
        5: "5 is the width of the window; how far is it from its middle to its border?",
        4: "that is from one end to the other; how far is it from the middle?",
        25: "you count the pixels that matter; how far is the farthest?",
        16: "that is half the picture: every pixel seems to matter. Is the whole output summed?",
        18: "that is where the farthest pixel stands, not how far it is from `side // 2`.",
        3: "2 expected; from which pixel do you count? The middle output is at `side // 2`.",
    }
    expect(
        found == 2,
        f"2 expected, {found} found; {said[found]}"
        if found in said
        else f"2 expected, {found} found.",
    )
    yield "up and down, left and right"
    for size, where in (((3, 9), "columns"), ((9, 3), "rows")):
        found = answer(_Window(size), 1, 32)
        expect(
            found == 4,
            f"a window of {size[0]} × {size[1]}: 4 expected, {found} found; look along {where},"
            " too.",
        )
    shifted = answer(_Window((3, 3), shift=5), 1, 32)
    expect(
        shifted == 6,
        f"a network that looks to the left alone, 4 to 6 pixels away: 6 expected, {shifted} found;"
        " take the distance without its sign.",
    )
    yield "gradients that are negative, or tiny"
    for scale, message in (
        (-0.1, "a negative gradient counts, too"),
        (1e-12, "only a gradient of exactly 0 means that a pixel is not seen: `!= 0`"),
    ):
        found = answer(_beside_small(_Window((7, 7), scale=scale)), 1, 32)
        expect(found == 3, f"3 expected, {found} found; {message}.")
    yield "several channels"
    found = answer(_Channels(), 3, 32)
    expect(found == 4, f"the third channel of the output looks 4 pixels far, yours finds {found}.")
    yield "what a ReLU hides"
    found = answer(lambda x: x + _small(x.relu()), 1, 32)
    expect(
        found == 1,
        f"behind a ReLU 1 expected, {found} found; let it see random numbers that are not"
        " negative: at zeros it is silent.",
    )
    expect(
        answer(nn.Conv2d(2, 2, 11, padding=5), 2, 40) == 5,
        "right so far, but not for a convolution of 11 × 11 on 2 channels.",
    )


@exercise(first="write `weights`: `r = torch.arange(first, last) + 0.5`, and both slopes.")
def faded(answer: Callable[[Compute, Tensor, int, int], Tensor]) -> Stages:
    x = torch.rand(2, 3, 40, 56)
    kept = x.clone()
    given: list[tuple[int, ...]] = []

    def watched(piece: Tensor) -> Tensor:
        given.append(tuple(piece.shape[-2:]))
        return piece * 2 - 0.3

    yield "it runs"
    found = answer(watched, x, 16, 4)
    yield "shape"
    expect_shape(found, (2, 3, 40, 56))
    expect(torch.equal(x, kept), "your code changes `x` itself, in place.")
    yield "tiles"
    expect(bool(given), "`compute` was never called.")
    expect(
        (40, 56) not in given,
        "`compute` is given the whole: then nothing is saved. Give it `x[place]`.",
    )
    rows, columns = (20, 24, 12), (20, 24, 24, 12)
    expect(
        sorted(given) == sorted((a, b) for a in rows for b in columns),
        f"`compute` should see 12 tiles with their overlap, the first {(20, 20)}; yours sees"
        f" {len(given)}, the first {given[0]}.",
    )
    yield "a network that looks at single pixels"
    wanted = kept * 2 - 0.3
    expect(found.isfinite().all(), "NaN or infinity: somewhere the weights add up to 0.")
    if _differs(found, wanted, 1e-4):
        weights = answer(torch.ones_like, x, 16, 4)
        middle = weights[..., 6:10, 6:10]
        if _differs(middle, torch.ones_like(middle), 1e-4):
            expect(False, "far from every seam the result is not the tile's own.")
        expect(
            not _differs(weights, torch.ones_like(weights), 1e-4),
            "tiles of 1 must give 1 everywhere: divide by the sum of the weights, which is less"
            " than 1 at the picture's border and more where tiles overlap without fading.",
        )
    expect_values(found, wanted, {}, 1e-4)
    yield "the fade"
    found = answer(_mean, x, 16, 4)
    right = blended(_mean, x, side=16, overlap=4)
    mistakes = {
        "tiles are cut hard: the weights are 1 all over the tile, or 0.": _faded(_mean, x, "hard"),
        "tiles are averaged where they overlap: every weight is 1. Let them fall to 0.": _faded(
            _mean, x, "mean"
        ),
        "r is the middle of a row: `torch.arange(first, last) + 0.5`.": _faded(_mean, x, "edge"),
        "the weights fall to 0 within the overlap alone, from the tile's border on; they should"
        " begin as far inside: divide by 2 o.": _faded(_mean, x, "outside"),
        "rows fade, columns don't; multiply both: `weights(rows)[:, None] * weights(columns)`.": (
            _faded(_mean, x, "rows")
        ),
        "columns fade, rows don't; multiply both: `weights(rows)[:, None] * weights(columns)`.": (
            _faded(_mean, x, "columns")
        ),
        "the weights of row and column are added; multiply them.": _faded(_mean, x, "sum"),
    }
    expect_values(found, right, mistakes, 1e-4)
    yield "other numbers"
    for side, overlap in ((16, 0), (8, 8), (24, 3), (64, 8), (16, 20)):
        found = answer(_mean, x, side, overlap)
        right = _faded(_mean, x, "right", side, overlap)
        expect(
            found.shape == right.shape
            and bool(found.isfinite().all())
            and not _differs(found, right, 1e-4),
            f"right so far, but not for a side of {side} with an overlap of {overlap}.",
        )


@exercise(first="the light of both: `to_linear(x.double()).mean(1, keepdim=True)`.")
def unexplained(answer: Callable[[Tensor, Tensor, int], Any]) -> Stages:
    sharp = functional.interpolate(torch.rand(1, 3, 24, 20), scale_factor=2, mode="bilinear")
    kernel = torch.rand(5, 5, dtype=torch.float64)
    exact = _blurred(sharp, kernel / kernel.sum()).float()
    yield "it runs"
    found = answer(sharp, exact, 5)
    yield "a photograph that a kernel explains"
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        not isinstance(found, Tensor) or found.ndim == 0,
        f"one number should come back, not a tensor of {tuple(getattr(found, 'shape', ()))}.",
    )
    expect(
        isinstance(found, float),
        f"a `float` should come back, not {type(found).__name__}: `.item()`.",
    )
    if found > 1e-4:
        mistakes = {
            "you compare coded values; light is what adds up: `to_linear`.": {"coded": True},
            "pixels at the border are in it, whose windows reach outside.": {"padded": True},
            "each window must meet the pixel in its middle; yours meet the one in a corner.": {
                "corner": True
            },
        }
        for message, change in mistakes.items():
            expect(abs(found - _left(sharp, exact, 5, **change)) > 1e-4 * found, message)
    expect(found <= 1e-4, f"a kernel explains all of it: 0 expected, {found:.4f} found.")
    yield "one that it explains in part"
    noisy = (exact + 0.05 * torch.randn_like(exact)).clamp(0, 1)
    found, wanted = answer(sharp, noisy, 5), _left(sharp, noisy, 5)
    total = _left(sharp, noisy, 5, mean=False)
    said = {
        wanted**2: "that is the share of the squares; take the root of both, or `.norm()`.",
        total: "the length of B itself stands below: subtract its mean first.",
        _left(sharp, noisy, 5, absolute=True): "that is the length of what is left; divide it by"
        " that of B without its mean.",
        _left(noisy, sharp, 5): "the two are exchanged: windows of S explain pixels of B.",
        1 - wanted: "that is what is explained; what is left is wanted.",
    }
    for value, message in said.items():
        expect(abs(found - value) > 1e-5, f"{wanted:.4f} expected, {found:.4f} found; {message}")
    expect(abs(found - wanted) < 1e-6, f"{wanted:.4f} expected, {found:.4f} found.")
    yield "other numbers"
    for side in (1, 3, 9):
        found, wanted = answer(sharp, noisy, side), _left(sharp, noisy, side)
        expect(
            abs(found - wanted) < 1e-5,
            f"right so far, but for a kernel of {side} × {side}: {wanted:.4f} expected,"
            f" {found:.4f} found.",
        )


def _differs(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return not torch.allclose(a.float(), b.float(), atol=tolerance)


def _oriented(image: Image.Image, orientation: int) -> Image.Image:
    """As a file holds it that says how it is to be turned."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    image.save(file, "png", exif=exif)
    return Image.open(file)


class _Window:
    """A mean over a window of rows by columns, `shift` columns to the left."""

    def __init__(self, size: tuple[int, int], shift: int = 0, scale: float = 1.0) -> None:
        self.size, self.shift, self.scale = size, shift, scale

    def __call__(self, x: Tensor) -> Tensor:
        pad = (self.size[0] // 2, self.size[1] // 2)
        return self.scale * functional.avg_pool2d(x.roll(self.shift, -1), self.size, 1, pad)


_small = _Window((3, 3))


def _beside_small(wide: Compute) -> Compute:
    return lambda x: _small(x) + wide(x)


class _Channels:
    """Three channels that look 0, 2 and 4 pixels far."""

    def __call__(self, x: Tensor) -> Tensor:
        parts = [functional.avg_pool2d(x[:, k : k + 1], 4 * k + 1, 1, 2 * k) for k in range(3)]
        return torch.cat(parts, dim=1)


def _mean(piece: Tensor) -> Tensor:
    """The mean of a tile, all over it: so tiles can be told apart."""
    return piece.mean(dim=(1, 2, 3), keepdim=True).expand_as(piece)


def _faded(compute: Compute, x: Tensor, kind: str, side: int = 16, overlap: int = 4) -> Tensor:
    def cuts(length: int) -> list[tuple[int, int, int, int]]:
        ends = [(a, min(a + side, length)) for a in range(0, length, side)]
        return [(a, b, max(0, a - overlap), min(length, b + overlap)) for a, b in ends]

    def weights(a: int, b: int, first: int, last: int, fades: bool) -> Tensor:
        r = torch.arange(first, last) + (0.0 if kind == "edge" else 0.5)
        if kind == "mean" or not fades:
            return torch.ones(len(r))
        if kind == "hard":
            return ((r > a) & (r < b)).float()
        slope = torch.minimum(r - (a - overlap), b + overlap - r)
        length = max(1, overlap) * (1 if kind == "outside" else 2)
        return (slope / length).clamp(0, 1)

    total, sums = torch.zeros_like(x), torch.zeros_like(x)
    for rows in cuts(x.shape[-2]):
        for columns in cuts(x.shape[-1]):
            place = (..., slice(*rows[2:]), slice(*columns[2:]))
            down = weights(*rows, fades=kind != "columns")[:, None]
            across = weights(*columns, fades=kind != "rows")
            weight = down + across if kind == "sum" else down * across
            total[place] += weight * compute(x[place])
            sums[place] += weight
    return total / sums


def _blurred(sharp: Tensor, kernel: Tensor) -> Tensor:
    """Coded values, float64, of a photograph that this kernel explains, colour by colour."""
    side = len(kernel)
    light = functional.pad(to_linear(sharp.double()), [side // 2] * 4, "reflect")
    return from_linear(functional.conv2d(light, kernel.expand(3, 1, side, side), groups=3))


def _left(
    sharp: Tensor,
    blurred: Tensor,
    side: int,
    *,
    coded: bool = False,
    padded: bool = False,
    corner: bool = False,
    mean: bool = True,
    absolute: bool = False,
) -> float:
    """The share that is left, or what a mistake gives for it."""
    S, B = (
        (x.double() if coded else to_linear(x.double())).mean(1, keepdim=True)
        for x in (sharp, blurred)
    )
    rim = side // 2
    windows = functional.unfold(S, side, padding=rim if padded else 0)[0].T
    pixels = functional.unfold(B, side)[0][0 if corner else side**2 // 2]
    inner = B.flatten() if padded else pixels
    kernel = torch.linalg.lstsq(windows, inner[:, None]).solution[:, 0]
    left = (windows @ kernel - inner).norm()
    if absolute:
        return left.item()
    return (left / (inner - inner.mean() if mean else inner).norm()).item()


quiz = Quiz(
    __name__,
    Question(
        "Your photograph has 48 megapixels, and `restore` stops: too little free memory. What"
        " do you try first?",
        (
            Choice(
                "A network with fewer weights",
                "Weights take a few megabytes. Features take hundreds of bytes for every pixel.",
            ),
            Choice(
                "Smaller tiles: with `tile=64` less must be held.",
                "`auto` has tried that already. What stays, whatever the tile, are the whole"
                " pictures: some 100 bytes a pixel.",
            ),
            Choice(
                "Close other programs, or make the photograph smaller.",
                "A blurred photograph of 48 megapixels rarely holds more than one of 12.",
                right=True,
            ),
        ),
    ),
    Question(
        "Restored in tiles by NAFNet, which takes means over the whole picture. Which overlap gives"
        " the result of the whole?",
        (
            Choice(
                "Its reach, from the sum over its convolutions",
                "Means over the whole picture reach as far as the picture does.",
            ),
            Choice(
                "None; with fading the error becomes smooth, not zero.",
                "Every tile has means of its own, however large its rim.",
                right=True,
            ),
            Choice(
                "64 pixels, as the library has it",
                "That hides seams. What the library calls exact is for networks that iterate.",
            ),
        ),
    ),
    Question(
        "A restored picture leaves 40% of the photograph unexplained by any kernel. What follows?",
        (
            Choice(
                "It is worse than the photograph.",
                "Perhaps. It also happens where blur differs from place to place, or something"
                " moved.",
            ),
            Choice(
                "Somewhere it says what the photograph does not; look at smaller parts.",
                "In a small part blur is alike everywhere. What is left there is made up, or"
                " noise.",
                right=True,
            ),
            Choice(
                "Nothing: only PSNR counts.",
                "Without the truth there is no PSNR.",
            ),
        ),
    ),
    Question(
        "You publish a photograph that `python -m deblurlib restore` has written. What is in it"
        " besides the pixels?",
        (
            Choice(
                "Nothing: a network gives pixels.",
                "The network does; the command puts back what belonged to the photograph.",
            ),
            Choice(
                "Profile, time, camera, and where it was taken",
                "All EXIF is kept, GPS too. Take it out first.",
                right=True,
            ),
            Choice(
                "The network's weights",
                "They stay where they are.",
            ),
        ),
    ),
)
