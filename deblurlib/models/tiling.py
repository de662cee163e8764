"""Large images piece by piece: exactly where a network's reach allows it, blended where not.

A network that iterates over scales sees the whole image, so no piece of it can be restored alone.
But *one* iteration at one scale sees no farther than its convolutions reach. So its loop runs on
the whole image, and each iteration goes through it in tiles which overlap by that reach: the result
is the same, and only the features, which take most of the memory, are those of a tile.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

MULTIPLE = 8
"""Tiles begin and end at multiples of it, so that strided convolutions hit the same pixels."""


class Tile(NamedTuple):
    """Rows or columns of an image, as two pairs of first and one behind the last."""

    inner: tuple[int, int]
    """What the tile is for."""
    outer: tuple[int, int]
    """What it is computed from."""


def reach(module: nn.Module) -> int:
    """How many pixels beyond its own place an output can see, along one axis; never less than true.

    The sum over convolutions, as if they stood one behind the other. A module that knows better, as
    one with strides must, says so in an attribute ``reach``.
    """
    known = getattr(module, "reach", None)
    if known is not None:
        return int(known)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return module.dilation[0] * (module.kernel_size[0] // 2)
    return sum(reach(child) for child in module.children())


def tiles(length: int, side: int, overlap: int) -> Iterator[Tile]:
    """Cut rows or columns into tiles.

    Args:
        length: how many there are.
        side: of the tiles, without the overlap; a multiple of `MULTIPLE`.
        overlap: how far a tile is computed beyond what it is for; a multiple as well.
    """
    for first in range(0, length, side):
        last = min(first + side, length)
        yield Tile((first, last), (max(0, first - overlap), min(length, last + overlap)))


def in_tiles(
    compute: Callable[..., Sequence[Any]],
    inputs: Sequence[Tensor],
    *,
    side: int,
    overlap: int,
    on_tile: Callable[[int], object] | None = None,
) -> list[Any]:
    """What ``compute(*inputs)`` gives, from pieces of the inputs.

    The same but for rounding, where `compute` sees no farther than `overlap`.

    Args:
        compute: from ``(N, C, h, w)`` inputs to outputs of the last input's size, or None.
        inputs: each of the last one's size, or of half of it.
        side, overlap: of the tiles, in pixels of the last input; rounded up to `MULTIPLE`.
        on_tile: called after every tile, with the number of its pixels.
    """
    height, width = inputs[-1].shape[-2:]
    side, overlap = (-(-length // MULTIPLE) * MULTIPLE for length in (side, overlap))
    if side >= max(height, width):
        return list(compute(*inputs))
    outputs: list[Any] = []
    rows, columns = (list(tiles(length, side, overlap)) for length in (height, width))
    for row, column in itertools.product(rows, columns):
        pieces = []
        for x in inputs:
            factor = height // x.shape[-2]
            pieces.append(
                x[
                    ...,
                    row.outer[0] // factor : row.outer[1] // factor,
                    column.outer[0] // factor : column.outer[1] // factor,
                ]
            )
        results = compute(*pieces)
        if not outputs:
            outputs = [
                None if r is None else r.new_empty(*r.shape[:2], height, width) for r in results
            ]
        for output, result in zip(outputs, results, strict=True):
            if output is not None and result is not None:
                output[..., slice(*row.inner), slice(*column.inner)] = result[
                    ...,
                    row.inner[0] - row.outer[0] : row.inner[1] - row.outer[0],
                    column.inner[0] - column.outer[0] : column.inner[1] - column.outer[0],
                ]
        if on_tile:
            on_tile(_area(row, column))
    return outputs


def blended(
    compute: Callable[[Tensor], Tensor],
    image: Tensor,
    *,
    side: int,
    overlap: int,
    on_tile: Callable[[int], object] | None = None,
) -> Tensor:
    """An image restored tile by tile, where each tile fades into the next over the overlap.

    Not the same as `compute` of the whole, where that sees farther than the overlap.

    Args:
        compute: ``(N, C, h, w)`` -> the same size.
        image: ``(N, C, H, W)``.
        side, overlap: of the tiles, in pixels.
        on_tile: called after every tile, with the number of its pixels.
    """
    height, width = image.shape[-2:]
    if side >= max(height, width):
        return compute(image)
    total: Tensor | None = None
    weights = image.new_zeros(1, 1, height, width)
    rows, columns = (list(tiles(length, side, overlap)) for length in (height, width))
    for row, column in itertools.product(rows, columns):
        place = (..., slice(*row.outer), slice(*column.outer))
        result = compute(image[place])
        if total is None:
            total = result.new_zeros(*result.shape[:2], height, width)
        down, across = (_fade(tile, overlap).to(image) for tile in (row, column))
        weight = down[:, None] * across
        total[place] += weight * result
        weights[place] += weight
        if on_tile:
            on_tile(_area(row, column))
    assert total is not None  # there is at least one tile
    return total / weights


def _area(row: Tile, column: Tile) -> int:
    return (row.inner[1] - row.inner[0]) * (column.inner[1] - column.inner[0])


def _fade(tile: Tile, overlap: int) -> Tensor:
    """Weights of a tile's rows: 1 in its middle, falling to 0 where others begin."""
    place = torch.arange(*tile.outer) + 0.5
    first, last = tile.inner
    before = place - (first - overlap)
    behind = (last + overlap) - place
    # From 0 at the end of the overlap to 1 as far inside: two neighbours sum to one.
    return (torch.minimum(before, behind) / (2 * max(1, overlap))).clamp(0, 1)
