"""How close a restored image is to the sharp one: PSNR, SSIM and the fidelity of its edges.

Computed as the field reports them: on full frames rounded to 8 bits, no border cut, in float32.
Papers mean different things by SSIM; each variant here has its own name.

The mean over pairs is the mean of the pairs' values. An infinite one, of identical images, would
make it infinite whatever the others are, so it is left out, and counted: `MetricMeans`.
"""

import math
from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.exposure import quantize


def psnr(restored: Tensor, sharp: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over all pixels and channels, in dB.

    Args:
        restored, sharp: ``(B, 3, H, W)``, RGB in [0, 1].

    Returns:
        ``(B,)``; infinite where the 8-bit images are identical.
    """
    return _psnr(quantize(restored.float()), quantize(sharp.float()))


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


def ssim_3d(restored: Tensor, sharp: Tensor) -> Tensor:
    """What MATLAB's `ssim` gives for RGB images, which it takes for volumes of three slices.

    The 11 x 11 x 11 Gaussian window, σ = 1.5, reaches over the colours too; what it sees beyond the
    image, before red and behind blue too, repeats the outermost value. The mean is over all voxels.
    It is the most generous of the variants: tables with .93 to .97 on GoPro hold it.

    Args:
        restored, sharp: ``(B, 3, H, W)``, RGB in [0, 1], any sides.

    Returns:
        ``(B,)``, at most 1.
    """
    x, y = quantize(restored.float()), quantize(sharp.float())
    moments = _smooth_volumes(torch.cat([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = moments.split(len(x))
    variances = mean_xx - mean_x.square() + mean_yy - mean_y.square()
    covariance = mean_xy - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    return (luminance * (2 * covariance + c2) / (variances + c2)).mean((1, 2, 3))


def edge_psnr(restored: Tensor, sharp: Tensor) -> Tensor:
    """Edge fidelity: the PSNR of the edge maps M (`EdgeMap` with its defaults), in dB.

    The images are rounded to 8 bits, their maps are not. The peak is 1, a step from black to white
    along one axis; a corner in both directions reaches √2.

    Args:
        restored, sharp: ``(B, 3, H, W)``, RGB in [0, 1].

    Returns:
        ``(B,)``; infinite where the maps are identical. Images that differ in a constant have above
        100 dB: their maps differ by what float32 rounds.
    """
    edges = EdgeMap().to(sharp.device)
    return _psnr(edges(quantize(restored.float())), edges(quantize(sharp.float())))


METRICS = {
    "psnr": psnr,
    "ssim_rgb": ssim_rgb,
    "ssim_gray": ssim_gray,
    "ssim_3d": ssim_3d,
    "edge_psnr": edge_psnr,
}
"""Every metric by its name in tables and result files (older files lack the later ones)."""


class Means(NamedTuple):
    """What `MetricMeans` has gathered."""

    pairs: int
    values: dict[str, float]
    """The mean of every metric over the pairs where it is finite; infinite where it never is."""
    infinite: dict[str, int]
    """How many pairs each mean leaves out, where it leaves out any."""


class MetricMeans(Metric):
    """Means of all `METRICS` over pairs that come in batches, to one process or to many.

    Every image is measured alone and summed in float64, so neither the size of the batches nor the
    number of processes changes the result. In a process group of torch.distributed, `compute`
    gives every process the means over the pairs of all. Each pair must come to one process only:
    `DistributedSampler` repeats some where the processes can't share them evenly, a plain
    ``range(rank, len(pairs), world_size)`` does not.

    >>> means = MetricMeans()
    >>> black = torch.zeros(2, 3, 8, 8)
    >>> means.update(black + torch.tensor([0.2, 0.0]).view(2, 1, 1, 1), black)
    >>> result = means.compute()
    >>> result.pairs, round(result.values["psnr"], 2), result.infinite
    (2, 13.98, {'psnr': 1, 'edge_psnr': 2})
    """

    full_state_update = False
    pairs: Tensor
    sums: Tensor
    infinite: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("pairs", torch.tensor(0), "sum")
        self.add_state("sums", torch.zeros(len(METRICS), dtype=torch.float64), "sum")
        self.add_state("infinite", torch.zeros(len(METRICS), dtype=torch.int64), "sum")

    def update(self, restored: Tensor, sharp: Tensor) -> None:
        """Add a batch, two times ``(B, 3, H, W)``, RGB in [0, 1]."""
        for pair in zip(restored.split(1), sharp.split(1), strict=True):
            values = torch.cat([metric(*pair) for metric in METRICS.values()]).to(self.sums)
            self.pairs += 1
            self.infinite += values.isinf()
            self.sums += values.where(~values.isinf(), 0)

    def compute(self) -> Means:
        pairs, infinite = int(self.pairs), dict(zip(METRICS, self.infinite.tolist(), strict=True))
        values = {
            name: total / (pairs - infinite[name]) if pairs > infinite[name] else math.inf
            for name, total in zip(METRICS, self.sums.tolist(), strict=True)
        }
        return Means(pairs, values, {name: count for name, count in infinite.items() if count})


def finite_mean(values: Sequence[float]) -> float:
    """The mean of values without the infinite ones; infinite where there are no others."""
    kept = [value for value in values if not math.isinf(value)]
    return mean(kept) if kept else math.inf


def _psnr(restored: Tensor, sharp: Tensor) -> Tensor:
    return peak_signal_noise_ratio(restored, sharp, data_range=1.0, dim=(1, 2, 3), reduction="none")


def _ssim(restored: Tensor, sharp: Tensor) -> Tensor:
    values = structural_similarity_index_measure(
        restored, sharp, data_range=1.0, sigma=1.5, reduction="none"
    )
    assert isinstance(values, Tensor)  # a tuple only where the full map is asked for
    return values


def _smooth_volumes(images: Tensor) -> Tensor:
    """Gaussian means, σ = 1.5 over 11 taps, along rows, columns and colours of ``(B, 3, H, W)``."""
    taps = torch.exp(-torch.arange(-5, 6, device=images.device).square() / (2 * 1.5**2))
    taps = taps / taps.sum()
    batch, colours, height, width = images.shape
    planes = images.reshape(batch * colours, 1, height, width)
    planes = functional.pad(planes, (5, 5, 5, 5), mode="replicate")
    planes = functional.conv2d(
        functional.conv2d(planes, taps.view(1, 1, -1, 1)), taps.view(1, 1, 1, -1)
    )
    # Of the 11 slices that a window sees there are but three: each weighs as often as it is seen.
    identity = torch.eye(colours, device=images.device)[None]
    seen = functional.pad(identity, (5, 5), mode="replicate")
    weights = functional.conv1d(seen.view(colours, 1, -1), taps.view(1, 1, -1))[:, 0]
    return torch.einsum("sc,bshw->bchw", weights, planes.view_as(images))
