"""How close a restored image is to the sharp one: PSNR and SSIM.

Computed as the field reports them: on full frames rounded to 8 bits, no border cut, in float32.
Papers mean different things by SSIM; each variant here has its own name.
"""

import torch
from torch import Tensor
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from deblurlib.imaging.exposure import quantize


def psnr(restored: Tensor, sharp: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over all pixels and channels, in dB.

    Args:
        restored, sharp: ``(B, 3, H, W)``, RGB in [0, 1].

    Returns:
        ``(B,)``; infinite where the 8-bit images are identical.
    """
    return peak_signal_noise_ratio(
        quantize(restored.float()),
        quantize(sharp.float()),
        data_range=1.0,
        dim=(1, 2, 3),
        reduction="none",
    )


def ssim_rgb(restored: Tensor, sharp: Tensor) -> Tensor:
    """Structural similarity per channel, then the mean: 2-D, 11 x 11 Gaussian window, σ = 1.5.

    Args:
        restored, sharp: ``(B, 3, H, W)``, RGB in [0, 1], sides of 6 or more.

    Returns:
        ``(B,)``, at most 1.
    """
    return _ssim(quantize(restored.float()), quantize(sharp.float()))


def ssim_gray(restored: Tensor, sharp: Tensor) -> Tensor:
    """As `ssim_rgb`, of 0.299 R + 0.587 G + 0.114 B."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=sharp.device).view(1, 3, 1, 1)
    return _ssim(
        (quantize(restored.float()) * weights).sum(1, keepdim=True),
        (quantize(sharp.float()) * weights).sum(1, keepdim=True),
    )


METRICS = {"psnr": psnr, "ssim_rgb": ssim_rgb, "ssim_gray": ssim_gray}
"""Every metric by its name in tables and result files."""


def _ssim(restored: Tensor, sharp: Tensor) -> Tensor:
    values = structural_similarity_index_measure(
        restored, sharp, data_range=1.0, sigma=1.5, reduction="none"
    )
    assert isinstance(values, Tensor)  # a tuple only where the full map is asked for
    return values
