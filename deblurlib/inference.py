"""A photo in, a sharp photo out."""

import math
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from deblurlib.imaging.files import to_image, to_rgb, to_tensor
from deblurlib.imaging.photos import open_photo
from deblurlib.models import SRN, ScaleIteration, iteration_arguments
from deblurlib.models.tiling import MULTIPLE, blended, reach
from deblurlib.training.checkpoints import load_model, weights_path
from deblurlib.training.cost import free_memory, live_bytes
from deblurlib.training.memory import freed_memory_kept
from deblurlib.training.precision import Precision, autocast, best_device, on_device

FADE = 64
"""Overlap in pixels of the tiles of networks whose reach is too long for an exact one."""

SMALLEST = 64
"""Side in pixels of the smallest tiles that "auto" chooses."""

_PADDED = 32  # both sides are padded to multiples of this at most, where nothing is iterated
_MOST = 4096  # bytes a pixel: no network here holds more
_OF_THE_WHOLE = 100  # bytes a pixel: the image, its pyramid and what was restored of it


def restore(
    image: str | os.PathLike[str] | Image.Image | NDArray[np.generic],
    model: str | os.PathLike[str] | nn.Module = "sung_small",
    iterations: int | None = None,
    tile: int | Literal["auto"] | None = "auto",
    precision: Precision = "auto",
    on_pixels: Callable[[int], object] | None = None,
) -> Image.Image:
    """Remove motion blur from a photograph.

    What surrounds the pixels of a file (its colour profile, opacity, EXIF ...) is not part of the
    result. To keep it, open the file by `imaging.photos.open_photo`, restore the photograph's
    `image`, and let the photograph `save` that.

    Args:
        image: a file, in any colours that its profile names; a Pillow image, or an array
            ``(H, W, 3)`` or ``(H, W)``, uint8 or float in [0, 1]. Any size from 1 x 1.
        model: the name of weights that ship with the project, a weights file, or a built network.
        iterations: scale iterations I, for networks that have them; None takes the network's own.
            Every further one starts from half the size, and reaches twice as long a blur.
        tile: side in pixels of the tiles that the network goes through, for images that would not
            fit into memory; None takes the whole at once, "auto" chooses by the memory that is
            free. Networks that iterate over scales, and SRN, give the same result in tiles, as
            exactly as `precision` computes it; for the others, tiles overlap and fade into each
            other, and single values differ: by up to 5 of 255 levels for the SGENet that ships, by
            up to 15 for a stack of DMPHN (data/results/tiling.json).
        precision: what the network computes in; "auto" is bfloat16 where the device has units for
            it, else float32. With it, single pixels may differ by some levels; the PSNR of the
            shipped networks, by some hundredths of a dB at most.
        on_pixels: called as tiles are finished, with the number of the image's pixels that each has
            brought: together, all of them.

    Returns:
        The restored image, 8-bit RGB (sRGB), of the same size.

    Raises:
        FileNotFoundError: where the image or the weights do not exist.
        ValueError: for a file that is no image, an array of another shape or range, `iterations`
            where the network has none, an unknown precision, tiles of no pixel, or an image too
            large for the free memory.
    """
    if isinstance(tile, int) and tile < 1:
        raise ValueError(f"tile must be a side of 1 pixel or more, not {tile}")
    network = model if isinstance(model, nn.Module) else trained(model)
    device = next(network.parameters()).device
    photograph = _as_image(image)
    height, width = photograph.height, photograph.width
    arguments: dict[str, Any] = iteration_arguments(network, iterations)
    left = height * width

    def on_tile(pixels: int) -> None:
        nonlocal left
        pixels = min(pixels, left)  # tiles go through the padding, too
        left -= pixels
        if on_pixels and pixels:
            on_pixels(pixels)

    was_training = network.training
    network.eval()
    try:
        side = _automatic(network, height, width, device, iterations) if tile == "auto" else tile
        blurred = to_tensor(photograph)[None].to(device, memory_format=torch.channels_last)
        with torch.inference_mode(), autocast(device, precision), freed_memory_kept(device):
            restored = to_image(_restored(network, blurred, side, arguments, on_tile))
    finally:
        network.train(was_training)
    on_tile(left)
    return restored


def trained(name: str | os.PathLike[str]) -> nn.Module:
    """The network of weights that ship, or of a weights file; loaded once, on the best device.

    Raises:
        FileNotFoundError: where there are no such weights.
        ValueError: for a file that holds none, or a damaged one.
    """
    path = weights_path(os.fspath(name))
    return _load(path, path.stat().st_mtime_ns)


def _restored(
    network: nn.Module,
    blurred: Tensor,
    side: int | None,
    arguments: dict[str, Any],
    on_tile: Callable[[int], object],
) -> Tensor:
    if side is None:
        restored: Tensor = network(blurred, **arguments).image
    elif _exact_overlap(network) is not None:
        restored = network(blurred, tile=side, on_tile=on_tile, **arguments).image
    else:
        restored = blended(
            lambda piece: network(piece, **arguments).image,
            blurred,
            side=side,
            overlap=FADE,
            on_tile=on_tile,
        )
    return restored


def _exact_overlap(network: nn.Module) -> int | None:
    """The overlap with which tiles change nothing; None for networks that have none."""
    exact = isinstance(network, ScaleIteration) or (
        isinstance(network, SRN) and network.memory is None
    )
    return reach(network) if exact else None


def _automatic(
    network: nn.Module, height: int, width: int, device: torch.device, iterations: int | None
) -> int | None:
    """The side of the tiles, None where the whole image is restored at once.

    Features may take half of what is free: convolutions need room of their own.
    """
    overlap = _exact_overlap(network)
    overlap = FADE if overlap is None else overlap
    multiple = _PADDED
    if isinstance(network, ScaleIteration):
        I = network.test_iterations if iterations is None else iterations
        multiple = network.multiple(height, width, I)
    pixels = math.prod(-(-side // multiple) * multiple for side in (height, width))
    free = free_memory(device)
    if _MOST * pixels <= free / 2:
        return None
    # What a network holds grows with the pixels.
    each = live_bytes(network, 128, 128) / 128**2
    if each * pixels <= free / 2:
        return None
    room = (free - _OF_THE_WHOLE * pixels) / 2
    side = math.isqrt(max(0, int(room / each))) - 2 * overlap
    if side < SMALLEST:
        needed = _OF_THE_WHOLE * pixels + 2 * each * (SMALLEST + 2 * overlap) ** 2
        raise ValueError(
            f"an image of {height} x {width} pixels needs {needed / 1e9:.1f} GB of free memory: "
            "close other programs, or make it smaller"
        )
    return side // MULTIPLE * MULTIPLE


def _as_image(image: str | os.PathLike[str] | Image.Image | NDArray[np.generic]) -> Image.Image:
    if isinstance(image, Image.Image):
        return to_rgb(image)
    if isinstance(image, str | os.PathLike):
        return open_photo(image).image
    array = np.asarray(image)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or not array.size:
        raise ValueError(f"an image array must be (H, W, 3) or (H, W), not {array.shape}")
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"an image array must be uint8 or float in [0, 1], not {array.dtype}")
        if not (array.min() >= 0 and array.max() <= 1):  # false for NaN too
            raise ValueError(
                f"a float image must lie in [0, 1], not [{array.min():g}, {array.max():g}]; "
                "divide 8-bit values by 255"
            )
        array = (array * 255).round().astype(np.uint8)
    return Image.fromarray(array).convert("RGB")


@lru_cache(maxsize=2)
def _load(path: Path, modified: int) -> nn.Module:
    # `modified` is part of the key, so that weights trained anew are loaded anew.
    return on_device(load_model(path), best_device())
