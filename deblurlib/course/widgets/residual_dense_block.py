"""Widget of lesson 06: a residual dense block of any depth and growth, and what it costs."""

from functools import lru_cache

import numpy as np
import torch
from ipywidgets import IntSlider
from matplotlib import colormaps
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.drawing import INK, PALETTE, PAPER, RULE, Pixels, font
from deblurlib.course.widgets import explore
from deblurlib.imaging.scenes import load_photograph

CHANNELS = 32
FRAME = (360, 640)  # where SUNG's last dense blocks work on a 720 x 1280 photograph: half size
MOST_LAYERS = 8

_COLUMN, _LEFT, _WIDTH, _HEIGHT = 84, 52, 900, 520
_ROW, _BARS, _MAPS = 168, 222, 414  # y of: boxes, top of bars, top of feature maps
_SIDE = 36  # of a feature map, in its own pixels
_SEEN = 76  # and on the screen


def rdb_anatomy() -> None:
    """Choose layers and growth rate; see connections, widths, cost, and a photograph's features."""
    explore(
        render,
        describe,
        layers=IntSlider(6, 1, MOST_LAYERS, description="layers"),
        growth=IntSlider(32, 4, 64, 4, description="growth rate"),
    )


def render(layers: int, growth: int) -> Pixels:
    """Connections above, what each convolution takes in the middle, feature maps below."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    parameters, field = _parameters(layers, growth), 1 + 2 * layers
    billions = parameters * FRAME[0] * FRAME[1] / 1e9  # each weight once for every pixel
    line = (
        f"{parameters:,} parameters  ·  {billions:.1f} billion multiply-adds at"
        f" {FRAME[1]} × {FRAME[0]}  ·  sees {field} × {field} pixels"
    )
    pen.text((_WIDTH / 2, 12), line, INK, font(16), anchor="mm")
    _draw_connections(pen, layers, growth)
    _draw_widths(pen, layers, growth)
    _draw_maps(image, pen, layers, growth)
    return np.asarray(image)


def describe(layers: int, growth: int) -> str:
    """What the picture shows, in words."""
    wide, field = CHANNELS + layers * growth, 1 + 2 * layers
    last = CHANNELS + (layers - 1) * growth
    return (
        f"A block of {CHANNELS} channels with growth {growth}: {CHANNELS} channels go into layer 1"
        + (f", {last} into layer {layers}," if layers > 1 else ",")
        + f" {wide} into the fusion. {_parameters(layers, growth):,} parameters, as many"
        f" multiply-adds for each pixel; {field} × {field} pixels of the input are seen."
    )


def _parameters(layers: int, growth: int) -> int:
    dense = sum(9 * (CHANNELS + k * growth) * growth for k in range(layers))
    return dense + (CHANNELS + layers * growth) * CHANNELS


def _draw_connections(pen: ImageDraw.ImageDraw, layers: int, growth: int) -> None:
    fusion, top = layers + 1, _ROW - 14
    for target in range(1, fusion + 1):
        for source in range(target):
            a, b = _centre(source), _centre(target)
            # The further, the higher; a layer's arcs start at one point and keep its colour.
            rise = 12 + 13 * (target - source)
            pen.arc((a, top - rise, b - 6, top + rise), 180, 360, _colour(source), width=2)
            pen.polygon([(b - 10, top - 6), (b - 2, top - 6), (b - 6, top)], _colour(source))
    names = ["x", *(f"layer {k}" for k in range(1, layers + 1)), "fusion"]
    for column, name in enumerate(names):
        centre = _centre(column)
        box = (centre - 32, _ROW - 14, centre + 32, _ROW + 14)
        pen.rounded_rectangle(box, 6, PAPER, _colour(column) if column < fusion else INK, 3)
        pen.text((centre, _ROW), name, INK, font(13), anchor="mm")
    # The residual: below everything else, round to the sum behind the fusion.
    plus, low = _centre(fusion) + 46, _ROW + 34
    path = [(_centre(0), _ROW + 14), (_centre(0), low), (plus, low), (plus, _ROW + 9)]
    pen.line(path, INK, 2)
    pen.line([(_centre(fusion) + 32, _ROW), (plus - 9, _ROW)], INK, 2)
    pen.ellipse((plus - 9, _ROW - 9, plus + 9, _ROW + 9), PAPER, INK, 2)
    pen.text((plus, _ROW), "+", INK, font(15), anchor="mm")
    middle = (_centre(0) + plus) / 2
    label = "x is added: the local residual"
    pen.rectangle((middle - 104, low - 8, middle + 104, low + 8), PAPER)
    pen.text((middle, low), label, INK, font(13), anchor="mm")


def _draw_widths(pen: ImageDraw.ImageDraw, layers: int, growth: int) -> None:
    bottom, tallest = _MAPS - 34, CHANNELS + MOST_LAYERS * growth
    scale = (bottom - _BARS - 18) / tallest
    pen.line([(_LEFT - 40, bottom), (_centre(layers + 1) + 36, bottom)], RULE)
    pen.text((_centre(0), bottom - 22), "channels", INK, font(13), anchor="mm")
    pen.text((_centre(0), bottom - 7), "going in", INK, font(13), anchor="mm")
    for column in range(1, layers + 2):
        centre, high = _centre(column), float(bottom)
        for source in range(column):
            low = high - scale * (growth if source else CHANNELS)
            pen.rectangle((centre - 20, low, centre + 20, high), _colour(source))
            pen.line([(centre - 20, low), (centre + 20, low)], PAPER)
            high = low
        total = CHANNELS + (column - 1) * growth
        pen.text((centre, high - 9), str(total), INK, font(13), anchor="mm")
        kernel = f"3×3 → {growth}" if column <= layers else f"1×1 → {CHANNELS}"
        pen.text((centre, bottom + 9), kernel, INK, font(12), anchor="mm")


def _draw_maps(image: Image.Image, pen: ImageDraw.ImageDraw, layers: int, growth: int) -> None:
    features = [_feature(growth, k) for k in range(layers + 1)]
    maps = [*(_picture(growth, k) for k in range(layers + 1)), _shown(_fused(features))]
    for column, picture in enumerate(maps):
        image.paste(picture, (_centre(column) - _SEEN // 2, _MAPS))
    # What the middle pixel of the last map was made from.
    half, middle = (0.5 + layers) * _SEEN / _SIDE, _MAPS + _SEEN / 2
    box = (_centre(0) - half, middle - half, _centre(0) + half, middle + half)
    pen.rectangle(box, None, PALETTE[4], 2)
    line = "one channel of each, the strongest, for a small photograph and random weights;"
    line += " the frame: what one pixel behind the fusion sees"
    pen.text((_LEFT - 42, _MAPS + _SEEN + 13), line, INK, font(13), anchor="lm")


def _centre(column: int) -> int:
    return _LEFT + column * _COLUMN


@lru_cache
def _colour(source: int) -> str:
    # Ordered, and told apart without red or green vision.
    red, green, blue, _ = colormaps["viridis"](0.95 * source / MOST_LAYERS, bytes=True)
    return f"#{red:02x}{green:02x}{blue:02x}"


@lru_cache(maxsize=64)
def _feature(growth: int, k: int) -> Tensor:
    # Layer k does not depend on how many follow: more layers compute the new ones only.
    if k == 0:
        photograph = load_photograph("grace_hopper")[None, :, 40:360, 100:420]
        small = functional.interpolate(photograph, (_SIDE, _SIDE), mode="area")
        return functional.conv2d(small - small.mean(), _random(CHANNELS, 3, 3, seed=0), padding=1)
    seen = torch.cat([_feature(growth, j) for j in range(k)], dim=1)
    weight = _random(growth, seen.shape[1], 3, seed=100 * growth + k)
    return functional.relu(functional.conv2d(seen, weight, padding=1))


@lru_cache(maxsize=64)
def _picture(growth: int, k: int) -> Image.Image:
    return _shown(_feature(growth, k))


def _fused(features: list[Tensor]) -> Tensor:
    seen = torch.cat(features, dim=1)
    return functional.conv2d(seen, _random(CHANNELS, seen.shape[1], 1, seed=1))


def _random(out_channels: int, in_channels: int, size: int, seed: int) -> Tensor:
    weight = torch.empty(out_channels, in_channels, size, size)
    generator = torch.Generator().manual_seed(seed)
    return nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


def _shown(feature: Tensor) -> Image.Image:
    strongest = feature[0, feature[0].std((1, 2)).argmax()]
    levels = (strongest - strongest.min()) / (strongest.max() - strongest.min()).clamp(min=1e-6)
    gray = Image.fromarray((levels * 255).byte().numpy())
    return gray.resize((_SEEN, _SEEN), Image.Resampling.BICUBIC).convert("RGB")
