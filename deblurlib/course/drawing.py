"""Quick drawing for widgets: panels, charts and labels with Pillow, in milliseconds.

matplotlib takes a quarter of a second for a figure of four panels: too long between moving a slider
and seeing what it does. Still figures of a lesson stay with matplotlib (`deblurlib.course.plots`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Pixels = NDArray[np.uint8]
"""``(H, W, 3)``."""

INK, PAPER, RULE = "#222222", "#ffffff", "#d0d0d0"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which can be told apart without red or green vision."""

GAP = 10
_TITLE = 22


def panel(title: str, picture: Tensor, width: int) -> Image.Image:
    """A picture under its title, scaled to a width; enlarged pixels stay visible.

    Args:
        title: a short line.
        picture: ``(C, H, W)`` or ``(1, C, H, W)`` in [0, 1], C = 3 or 1; clipped.
        width: in pixels.
    """
    picture = picture[0] if picture.ndim == 4 else picture
    levels = (picture.detach().float().clamp(0, 1) * 255).round().byte()
    image = Image.fromarray(levels.expand(3, -1, -1).permute(1, 2, 0).cpu().contiguous().numpy())
    height = round(width * image.height / image.width)
    smooth = width < image.width
    method = Image.Resampling.BOX if smooth else Image.Resampling.NEAREST
    image = image.resize((width, height), method)
    return titled(title, image)


def titled(title: str, image: Image.Image) -> Image.Image:
    """An image with a line of text above it."""
    framed = Image.new("RGB", (image.width, image.height + _TITLE), PAPER)
    framed.paste(image, (0, _TITLE))
    ImageDraw.Draw(framed).text((image.width / 2, _TITLE / 2), title, INK, font(14), anchor="mm")
    return framed


def chart(
    title: str,
    series: Mapping[str, Sequence[float]],
    size: tuple[int, int],
    *,
    labels: tuple[str, str] = ("", ""),
    mark: float | None = None,
) -> Image.Image:
    """Curves over an even axis, from 0 to their largest value, named in a legend.

    Args:
        title: a short line.
        series: name -> values; all of one length.
        size: width and height in pixels, without the title.
        labels: what stands at the left and at the right end of the axis.
        mark: where a dashed line stands, from 0 (left) to 1 (right).
    """
    width, height = size
    image = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(image)
    bottom = height - 20
    pen.line([(0, bottom), (width, bottom)], RULE)
    largest = max(max(values) for values in series.values()) or 1.0
    for number, (name, values) in enumerate(series.items()):
        colour = PALETTE[number]
        points = [
            (k * (width - 1) / (len(values) - 1), bottom - (bottom - 6) * value / largest)
            for k, value in enumerate(values)
        ]
        pen.line(points, colour, width=2, joint="curve")
        row = 10 + 18 * number
        pen.line([(width - 130, row), (width - 110, row)], colour, width=3)
        pen.text((width - 104, row), name, INK, font(13), anchor="lm")
    if mark is not None:
        for y in range(0, bottom, 8):
            pen.line([(mark * (width - 1), y), (mark * (width - 1), y + 4)], INK)
    pen.text((2, height - 2), labels[0], INK, font(12), anchor="ls")
    pen.text((width - 2, height - 2), labels[1], INK, font(12), anchor="rs")
    return titled(title, image)


def table(images: Sequence[Image.Image], columns: int) -> Pixels:
    """Images in rows of `columns`, top left aligned, on white."""
    rows = [images[k : k + columns] for k in range(0, len(images), columns)]
    height = sum(max(image.height for image in row) for row in rows) + GAP * (len(rows) - 1)
    width = max(sum(image.width for image in row) + GAP * (len(row) - 1) for row in rows)
    sheet = Image.new("RGB", (width, height), PAPER)
    top = 0
    for row in rows:
        left = 0
        for image in row:
            sheet.paste(image, (left, top))
            left += image.width + GAP
        top += max(image.height for image in row) + GAP
    return np.asarray(sheet)


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's own sans serif, the same on every machine."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)
