"""Lesson 05's widget: a U-Net drawn as a U, with its shapes, its cost and what its skips carry."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import ipywidgets
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from deblurlib.course.drawing import INK, PALETTE, PAPER, RULE, Pixels, font
from deblurlib.course.widgets import explore
from deblurlib.imaging.exposure import expose, random_camera_path
from deblurlib.imaging.scenes import load_photograph
from deblurlib.training.checkpoints import load_model

Skips = Literal["added", "concatenated"]

SIZE = 256
"""Height and width of the picture that the U-Net is given."""

_KERNEL, _BLOCKS = 5, 3  # SIUN's
_CANVAS = (900, 540)
_SIDES = (150, 75, 38, 19)  # of the boxes, level by level: halved each time, as the features are
_TOPS = (92, 284, 402, 474)
_LEFTS = (40, 240, 360)  # of the way down; the way up mirrors it, the deepest box is in the middle


@dataclass(frozen=True)
class Cost:
    """What a U-Net takes.

    Attributes:
        parameters: how many weights and biases.
        multiply_adds: for one picture of `SIZE` by `SIZE`.
        sees: pixels in a row of the input that can reach a pixel of the output, at most.
    """

    parameters: int
    multiply_adds: int
    sees: int


@lru_cache(maxsize=256)
def cost(depth: int, width: int, skips: Skips = "added") -> Cost:
    """Cost of a U-Net with SIUN's layers: 5x5 convolutions on the way, 3 residual blocks a stage.

    Args:
        depth: number of scales; at 1 nothing is halved.
        width: channels in and out, and at the first scale; doubled at each further one.
        skips: concatenated, a 3x3 convolution brings the doubled channels back.
    """
    parameters = multiply_adds = 0
    sees, step = 1, 1  # step: distance of neighbouring features, in pixels of the input

    def layer(kernel: int, inputs: int, outputs: int, side: int) -> None:
        nonlocal parameters, multiply_adds
        weights = kernel**2 * inputs * outputs
        parameters += weights + outputs
        multiply_adds += weights * side**2

    def blocks(channels: int, side: int) -> None:
        nonlocal sees
        for _ in range(2 * _BLOCKS):
            layer(3, channels, channels, side)
            sees += 2 * step

    for level in range(depth):
        channels, side = width * 2**level, SIZE // 2**level
        layer(_KERNEL, channels // 2 if level else width, channels, side)
        sees += (_KERNEL - 1) * step
        step = 2**level
        blocks(channels, side)
    for level in reversed(range(1, depth)):
        channels, side = width * 2**level, SIZE // 2**level
        blocks(channels, side)
        layer(_KERNEL, channels, channels // 2, side)  # transposed: works on the smaller side
        sees += 2 * step  # at most three of the smaller side's features meet in one pixel
        step //= 2
        if skips == "concatenated":
            layer(3, channels, channels // 2, 2 * side)
            sees += 2 * step
    return Cost(parameters, multiply_adds, sees)


def render_unet(depth: int, width: int, skips: Skips) -> Pixels:
    """The U, its boxes filled with real feature maps where the shipped weights have them."""
    canvas = Image.new("RGB", _CANVAS, PAPER)
    pen = ImageDraw.Draw(canvas)
    found = cost(depth, width, skips)
    headline = (
        f"{found.parameters / 1e6:.2f} M parameters   ·   {found.multiply_adds / 1e9:.1f} G "
        f"multiply-adds for {SIZE} × {SIZE}   ·   "
        f"an output pixel sees up to {found.sees} pixels across"
    )
    pen.text((_CANVAS[0] / 2, 16), headline, INK, font(14), anchor="mm")
    maps = feature_maps()
    middle = _CANVAS[0] // 2
    for level in range(depth):
        side, top, channels = _SIDES[level], _TOPS[level], width * 2**level
        label = f"{channels} × {SIZE // 2**level} × {SIZE // 2**level}"
        if level == depth - 1:
            left = right = middle - side // 2
        else:
            left = _LEFTS[level]
            right = _CANVAS[0] - left - side
            _slab(canvas, (right, top), side, channels, maps.get(("up", level)))
            _skip(pen, (left + side, right), top + side // 2, skips, channels, wordy=level < 2)
        _slab(canvas, (left, top), side, channels, maps.get(("down", level)))
        for x in {left, right}:
            if level < 2 or left == right:
                pen.text((x + side / 2, top + side + 12), label, INK, font(13), anchor="mm")
            elif x == left:
                pen.text((x - 8, top + side / 2), label, INK, font(13), anchor="rm")
            else:
                pen.text((x + side + 34, top + side / 2), label, INK, font(13), anchor="lm")
        if level:
            outer, bottom = _LEFTS[level - 1], _TOPS[level - 1] + _SIDES[level - 1]
            corner = outer + _SIDES[level - 1] + 20 * (level == 2)  # clear of the label
            bottom += 24 if level < 3 else 2
            _arrow(pen, (corner, bottom), (left - 4, top - 4))
            _arrow(pen, (right + side + 4, top - 4), (_CANVAS[0] - corner, bottom))
    if depth > 1:
        pen.text((_LEFTS[0] + 75, 46), "on the way down:", INK, font(12), anchor="mm")
        pen.text((_LEFTS[0] + 75, 60), "what the skip carries", INK, font(12), anchor="mm")
        pen.text((_CANVAS[0] - _LEFTS[0] - 75, 46), "on the way up:", INK, font(12), anchor="mm")
        pen.text(
            (_CANVAS[0] - _LEFTS[0] - 75, 60), "what comes from below", INK, font(12), anchor="mm"
        )
    note = (
        "The pictures are from a smaller network, the shipped sung_small (width 16, three scales);"
        " a plain blue box stands where it has none."
    )
    pen.text((_CANVAS[0] / 2, _CANVAS[1] - 12), note, "#555555", font(11), anchor="mm")
    return np.asarray(canvas)


def describe_unet(depth: int, width: int, skips: Skips) -> str:
    """What `render_unet` shows, in words."""
    found = cost(depth, width, skips)
    deepest = (
        f"{width * 2 ** (depth - 1)} × {SIZE // 2 ** (depth - 1)} × {SIZE // 2 ** (depth - 1)}"
    )
    scales = "1 scale" if depth == 1 else f"{depth} scales"
    arrows = {1: "no skip", 2: f"1 skip, {skips}"}.get(depth, f"{depth - 1} skips, {skips}")
    return (
        f"A U-Net of {scales} and width {width}: {found.parameters:,} parameters, "
        f"{found.multiply_adds / 1e9:.1f} billion multiply-adds for a picture of {SIZE} × {SIZE}; "
        f"an output pixel sees up to {found.sees} pixels across. "
        f"Its smallest features are {deepest}; {arrows}."
    )


def unet_explorer() -> None:
    """Choose depth, width and the kind of skip of a U-Net, and see it drawn."""
    explore(
        render_unet,
        describe_unet,
        depth=ipywidgets.IntSlider(3, 1, 4, description="depth (scales)"),
        width=ipywidgets.IntSlider(32, 8, 64, step=8, description="width (channels)"),
        skips=ipywidgets.Dropdown(options=["added", "concatenated"], description="skips"),
    )


@lru_cache(maxsize=1)
def feature_maps() -> dict[tuple[str, int], Image.Image]:
    """Maps of `sung_small`'s restoration module at full size, as gray pictures.

    ``("down", level)`` is what the encoder's stage gives and the skip carries, ``("up", level)``
    what the decoder adds to it: the mean absolute value over the channels.
    """
    scene = load_photograph("astronaut")[None, :, 0:320, 100:420]
    path = random_camera_path((SIZE, SIZE), torch.tensor([12.0]), torch.Generator().manual_seed(4))
    blurred, _ = expose(scene, path)
    model = load_model("sung_small")
    module = model.get_submodule("restoration_module.unet")
    names = {
        "encoder1": ("down", 0),
        "encoder2": ("down", 1),
        "encoder3": ("down", 2),
        "decoder3": ("up", 1),
        "decoder2": ("up", 0),
    }
    seen: dict[tuple[str, int], Tensor] = {}

    def watch(name: str) -> None:
        def keep(_: nn.Module, __: tuple[Tensor, ...], out: Tensor) -> None:
            seen[names[name]] = out  # the last iteration's stays

        module.get_submodule(name).register_forward_hook(keep)

    for name in names:
        watch(name)
    with torch.no_grad():
        model(blurred, iterations=2)
    return {place: _gray(features) for place, features in seen.items()}


def _gray(features: Tensor) -> Image.Image:
    size = features[0].abs().mean(0)
    size = (size / size.quantile(0.995).clamp(min=1e-6)).clamp(0, 1)
    return Image.fromarray((255 * size).byte().numpy())


def _slab(
    canvas: Image.Image,
    corner: tuple[int, int],
    side: int,
    channels: int,
    picture: Image.Image | None,
) -> None:
    # As thick as it has channels: 2 pixels for 8, 24 at most.
    x, y = corner
    thick = max(2, min(24, channels // 8))
    pen = ImageDraw.Draw(canvas)
    depth = thick * 2 // 3
    back = [(x, y), (x + thick, y - depth), (x + side + thick, y - depth)]
    back += [(x + side + thick, y + side - depth), (x + side, y + side), (x, y + side)]
    pen.polygon(back, fill=RULE, outline=INK)
    pen.line([(x + side, y), (x + side + thick, y - depth)], INK)
    if picture is None:
        pen.rectangle((x, y, x + side, y + side), PALETTE[5], INK)
        return
    canvas.paste(picture.resize((side, side), Image.Resampling.BOX), (x, y))
    pen.rectangle((x, y, x + side, y + side), None, INK)


def _skip(
    pen: ImageDraw.ImageDraw,
    ends: tuple[int, int],
    y: int,
    skips: Skips,
    channels: int,
    wordy: bool,
) -> None:
    # It begins beside the slab's thickness.
    _arrow(pen, (ends[0] + 30, y), (ends[1] - 6, y), PALETTE[0])
    if skips == "added":
        text = f"added: still {channels} channels" if wordy else f"+ {channels}"
    else:
        text = f"stacked: {2 * channels}, then 3×3 conv" if wordy else f"⊕ {2 * channels}"
    pen.text(((sum(ends) + 24) / 2, y - 13), text, INK, font(12), anchor="mm")


def _arrow(
    pen: ImageDraw.ImageDraw,
    start: tuple[int, int],
    end: tuple[int, int],
    colour: str = INK,
) -> None:
    along = np.subtract(end, start) / np.hypot(*np.subtract(end, start))
    across = np.array([-along[1], along[0]])
    neck = end - 9 * along
    pen.line([start, (neck[0], neck[1])], colour, width=2)
    pen.polygon([end, tuple(neck + 5 * across), tuple(neck - 5 * across)], colour)
