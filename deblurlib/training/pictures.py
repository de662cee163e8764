"""Pictures as in the papers' figures: with edge maps, and enlarged pieces side by side."""

from collections.abc import Mapping, Sequence

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.files import to_image

Box = tuple[int, int, int, int]
"""Top, left, height and width in pixels."""


def with_edge_maps(images: Mapping[str, Tensor]) -> Image.Image:
    """Images side by side, and below each its edge map M (SUNG's Fig. 2).

    Args:
        images: by the name to write over each, ``(3, H, W)`` in [0, 1], all of one size. Edge maps
            are brightened, all alike, until the last image's strongest thousandth is white.

    Returns:
        The picture, its columns without gaps: two rows of W x H pixels each under a line of names.
    """
    edges = EdgeMap()
    maps = [edges(image.detach().float().cpu()[None])[0] for image in images.values()]
    # Of a part of the pixels: torch's quantile takes no more than 16 million.
    white = maps[-1].flatten()[:: 1 + maps[-1].numel() // 10**6].quantile(0.999).clamp(min=1e-3)
    rows = [
        torch.cat([image.detach().float().cpu() for image in images.values()], dim=2),
        torch.cat(maps, dim=2) / white,
    ]
    height, width = rows[0].shape[-2:]
    picture = Image.new("RGB", (width, _LINE + 2 * height), "white")
    for number, row in enumerate(rows):
        picture.paste(to_image(row), (0, _LINE + number * height))
    for number, name in enumerate(images):
        _write(picture, name, number * width // len(images))
    return picture


def pieces(images: Mapping[str, Tensor], boxes: Sequence[Box], scale: int = 3) -> Image.Image:
    """Enlarged pieces, a row each, with a column for every image (SUNG's Figs. 3 and 4).

    Args:
        images: by the name to write over its column, ``(3, H, W)`` in [0, 1].
        boxes: what to cut out, all of one width.
        scale: how much larger; pixels stay visible.

    Raises:
        ValueError: for a box that is not inside of all images, or as wide as the first.
    """
    height, width = (min(image.shape[axis] for image in images.values()) for axis in (1, 2))
    for top, left, rows, columns in boxes:
        inside = 0 <= top < top + rows <= height and 0 <= left < left + columns <= width
        if not inside or columns != boxes[0][3]:
            raise ValueError(
                f"box {(top, left, rows, columns)}: give top, left, height and width, inside of "
                f"{height} x {width} pixels, all of one width"
            )
    gap = 4
    width = boxes[0][3] * scale
    height = _LINE + sum(box[2] * scale + gap for box in boxes)
    picture = Image.new("RGB", ((width + gap) * len(images) - gap, height - gap), "white")
    for column, (name, image) in enumerate(images.items()):
        _write(picture, name, column * (width + gap))
        y = _LINE
        for top, left, rows, columns in boxes:
            piece = to_image(image[:, top : top + rows, left : left + columns])
            size = (columns * scale, rows * scale)
            picture.paste(piece.resize(size, Image.Resampling.NEAREST), (column * (width + gap), y))
            y += rows * scale + gap
    return picture


_LINE = 22  # height of a line of names, in pixels


def _write(picture: Image.Image, name: str, x: int) -> None:
    font = ImageFont.load_default(15)
    ImageDraw.Draw(picture).text((x + 4, 2), name, fill="black", font=font)
