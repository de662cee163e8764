"""B_i: the image pyramid that scale iteration climbs (SUNG, section II)."""

import torch
from kornia.filters import filter2d
from torch import Tensor
from torch.nn import functional


def gaussian_pyramid(image: Tensor, levels: int) -> list[Tensor]:
    """The image at 1, 1/2, 1/4, ... of its size: ``[B_0, B_1, ..., B_levels]``.

    One step down blurs with a 5x5 Gaussian and takes every 2x2 pixels' mean, as kornia's `pyrdown`
    does; but a network that is exported keeps the height and width open.
    An odd side is first extended by its last row or column, so that level i has exactly
    ``ceil(H / 2**i)`` by ``ceil(W / 2**i)`` pixels, and its pixel (y, x) covers the rows from
    ``2**i * y`` and columns from ``2**i * x`` of the original. The Gaussian repeats border pixels.

    The papers name no filter; a Gaussian is SIUN's choice.

    Args:
        image: ``(B, C, H, W)``, any H, W >= 1.
        levels: how often to halve, 0 or more.

    Raises:
        ValueError: for negative levels.

    >>> import torch
    >>> [tuple(level.shape[-2:]) for level in gaussian_pyramid(torch.rand(1, 3, 5, 8), 3)]
    [(5, 8), (3, 4), (2, 2), (1, 1)]
    """
    if levels < 0:
        raise ValueError(f"levels must be 0 or more, not {levels}")
    pyramid = [image]
    for _ in range(levels):
        pyramid.append(_halve(pyramid[-1]))
    return pyramid


def _halve(image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    if height % 2 or width % 2:
        image = functional.pad(image, (0, width % 2, 0, height % 2), mode="replicate")
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=image.device) / 16
    # kornia's default border, "reflect", fails on images of one or two pixels.
    blurred = filter2d(image, torch.outer(taps, taps)[None], border_type="replicate")
    size = (image.shape[-2] // 2, image.shape[-1] // 2)
    return functional.interpolate(blurred, size=size, mode="bilinear", align_corners=False)
