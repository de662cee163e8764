"""Widget of lesson 07: what one output of a dilated recursive block sees, and what that costs."""

from functools import lru_cache

import torch
from ipywidgets import Dropdown, IntSlider
from PIL import Image, ImageColor, ImageDraw
from torch import Tensor
from torch.nn import functional

from deblurlib.course.drawing import GAP, INK, PALETTE, PAPER, RULE, Pixels, font, table, titled
from deblurlib.course.widgets import explore
from deblurlib.imaging.scenes import load_photograph
from deblurlib.models.blocks import DilatedRecursiveBlock

CHANNELS = 24
FRAME = (720, 1280)
BLUR = 24
"""Pixels that the blur is long whose measure stands in the photograph."""
DILATIONS = ("1", "1, 2", "1, 2, 4", "1, 2, 5", "2, 4", "4")
MOST_RECURSIONS = 6
PLACES = {"the eye": (80, 139), "the badge": (128, 26), "the cap": (48, 60)}
"""Column and row in the photograph."""

_SIDE = 200  # of the photograph, in its own pixels
_SEEN = 290  # of each of the three pictures on the screen


def receptive_field_laboratory() -> None:
    """Choose a block and a pixel; see which inputs reach it, through which holes, and the cost."""
    explore(
        render,
        describe,
        dilations=Dropdown(options=DILATIONS, value="1, 2, 4", description="dilations"),
        recursions=IntSlider(3, 1, MOST_RECURSIONS, description="recursions T"),
        arrangement=Dropdown(
            options=("parallel", "cascaded"), value="parallel", description="arrangement"
        ),
        place=Dropdown(options=tuple(PLACES), value="the eye", description="output pixel"),
    )


def render(dilations: str, recursions: int, arrangement: str, place: str) -> Pixels:
    """The photograph with the receptive field, the paths to its middle, what it sees; the cost."""
    block = _block(dilations, recursions, arrangement)
    paths = _paths(dilations, recursions, arrangement)
    side = block.receptive_field
    pictures = [
        titled("the receptive field, and a blur of 24 px", _photograph_with_square(side, place)),
        titled(f"which of {side} × {side} pixels reach it", _enlarged(_brightness(paths))),
        titled("what it sees; holes are blue", _enlarged(_seen(place, paths))),
    ]
    above = Image.fromarray(table(pictures, columns=3))
    return table([above, _figures(block, paths, above.width)], columns=1)


def describe(dilations: str, recursions: int, arrangement: str, place: str) -> str:
    """What the picture shows, in words."""
    block = _block(dilations, recursions, arrangement)
    side, share = block.receptive_field, _share(_paths(dilations, recursions, arrangement))
    times = "once" if recursions == 1 else f"{recursions} times"
    return (
        f"Dilations {dilations}, {arrangement}, applied {times}: an output at {place} depends on"
        f" {share:.0%} of a square of {side} × {side} pixels, for {_parameters(block):,} parameters"
        f" and {_billions(block):.1f} billion multiply-adds at {FRAME[1]} × {FRAME[0]}."
    )


@lru_cache(maxsize=128)
def _block(dilations: str, recursions: int, arrangement: str) -> DilatedRecursiveBlock:
    numbers = [int(d) for d in dilations.split(", ")]
    with torch.device("meta"):  # its shape is asked, no weight
        return DilatedRecursiveBlock(
            CHANNELS, numbers, recursions, "cascaded" if arrangement == "cascaded" else "parallel"
        )


@lru_cache(maxsize=128)
def _paths(dilations: str, recursions: int, arrangement: str) -> Tensor:
    """How many ways lead from each pixel of the receptive field to the output: ``(side, side)``.

    The block with all weights one, without biases and activations, on a picture with one 1.
    """
    block = _block(dilations, recursions, arrangement)
    side = block.receptive_field
    ones = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    x = torch.zeros(1, 1, side, side, dtype=torch.float64)
    x[..., side // 2, side // 2] = 1
    h = x
    for _ in range(recursions):
        features: list[Tensor] = []
        for d in block.dilations:
            seen = features[-1] if features and arrangement == "cascaded" else h
            features.append(functional.conv2d(seen, ones, padding=d, dilation=d))
        h = x + torch.stack(features).sum(dim=0)
    return h[0, 0]


def _share(paths: Tensor) -> float:
    return (paths > 0).double().mean().item()


def _brightness(paths: Tensor) -> Tensor:
    # Logarithms: counts differ by many powers of ten. Holes are black, the faintest is not.
    levels = paths.clamp(min=1).log()
    return (0.25 + 0.75 * levels / levels.max()) * (paths > 0)


def _parameters(block: DilatedRecursiveBlock) -> int:
    return sum(parameter.numel() for parameter in block.parameters())


def _billions(block: DilatedRecursiveBlock) -> float:
    weights = sum(p.numel() for p in block.parameters() if p.ndim == 4)
    return block.recursions * weights * FRAME[0] * FRAME[1] / 1e9


@lru_cache
def _photograph() -> Tensor:
    return load_photograph("grace_hopper")[:, 50 : 50 + _SIDE, 140 : 140 + _SIDE]


@lru_cache
def _large_photograph() -> Image.Image:
    levels = (_photograph() * 255).byte().permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(levels).resize((_SEEN, _SEEN), Image.Resampling.BICUBIC)


def _photograph_with_square(side: int, place: str) -> Image.Image:
    image = _large_photograph().copy()
    pen = ImageDraw.Draw(image)
    scale = _SEEN / _SIDE
    column, row = (scale * (at + 0.5) for at in PLACES[place])
    half = scale * side / 2
    box = (column - half, row - half, column + half, row + half)
    pen.rectangle(box, None, INK, 4)
    pen.rectangle((box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1), None, "#f0e442", 2)
    bar = (column - scale * BLUR / 2, row - 2, column + scale * BLUR / 2, row + 2)
    pen.rectangle((bar[0] - 1, bar[1] - 1, bar[2] + 1, bar[3] + 1), INK)
    pen.rectangle(bar, PALETTE[4])
    return image


def _seen(place: str, paths: Tensor) -> Tensor:
    """The photograph around a place where paths lead; the network has zeros outside of it."""
    column, row = PLACES[place]
    side = len(paths)
    wide = functional.pad(_photograph(), (side // 2,) * 4)
    around = wide[:, row : row + side, column : column + side]
    hole = torch.tensor(ImageColor.getrgb(PALETTE[0])).view(3, 1, 1) / 255
    return torch.where(paths > 0, around, hole)


def _enlarged(picture: Tensor) -> Image.Image:
    """Every pixel equally large, else some holes would look wider; on a ground of gray."""
    levels = (picture.clamp(0, 1) * 255).byte().expand(3, -1, -1).permute(1, 2, 0)
    image = Image.fromarray(levels.contiguous().numpy())
    scale = min(_SEEN // image.width, 40)
    image = image.resize((scale * image.width, scale * image.height), Image.Resampling.NEAREST)
    ground = Image.new("RGB", (_SEEN, _SEEN), RULE)
    ground.paste(image, ((_SEEN - image.width) // 2, (_SEEN - image.height) // 2))
    return ground


def _figures(block: DilatedRecursiveBlock, paths: Tensor, width: int) -> Image.Image:
    largest = _block("1, 2, 5", MOST_RECURSIONS, "cascaded")
    own = block.recursions * _parameters(block)
    rows = [
        ("reach to each side", block.receptive_field // 2, f"{block.receptive_field // 2} px", 0),
        ("of the square reached", _share(paths), f"{_share(paths):.0%}", 2),
        ("parameters", _parameters(block), f"{_parameters(block):,}", 1),
        ("with own weights each", own, f"{own:,}", 3),
        (
            f"multiply-adds, {FRAME[1]} × {FRAME[0]}",
            _billions(block),
            f"{_billions(block):.1f} G",
            5,
        ),
    ]
    most = [
        largest.receptive_field // 2,
        1,
        MOST_RECURSIONS * _parameters(largest),
        MOST_RECURSIONS * _parameters(largest),
        _billions(largest),
    ]
    image = Image.new("RGB", (width, 26 * len(rows) + GAP), PAPER)
    pen = ImageDraw.Draw(image)
    left, longest = 240, width - 240 - 110
    for number, ((name, value, text, colour), full) in enumerate(zip(rows, most, strict=True)):
        middle = GAP + 26 * number + 10
        pen.text((left - 12, middle), name, INK, font(14), anchor="rm")
        pen.rectangle(
            (left, middle - 8, left + longest * value / full, middle + 8), PALETTE[colour]
        )
        pen.text((left + longest * value / full + 8, middle), text, INK, font(14), anchor="lm")
    return image
