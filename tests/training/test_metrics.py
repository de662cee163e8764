"""PSNR by hand, SSIM against scikit-image, both on 8-bit levels."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from deblurlib.imaging.exposure import quantize
from deblurlib.imaging.scenes import load_photograph
from deblurlib.training.metrics import METRICS, psnr, ssim_gray, ssim_rgb

GRAY = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def pair() -> tuple[Tensor, Tensor]:
    """A photograph's middle and a smoothed copy, ``(2, 3, 96, 120)``, not on 8-bit levels."""
    sharp = load_photograph("coffee")[None, :, 100:196, 200:320]
    sharp = torch.cat([sharp, sharp.flip(-1) * 0.9])
    smooth = torch.nn.functional.avg_pool2d(sharp, 5, 1, 2, count_include_pad=False)
    return smooth, sharp


def test_psnr_by_hand() -> None:
    # A difference of 51 levels is 0.2: -20 log10(0.2) dB.
    restored, sharp = torch.full((1, 3, 4, 4), 0.2), torch.zeros(1, 3, 4, 4)
    assert psnr(restored, sharp).item() == pytest.approx(-20 * math.log10(0.2), abs=1e-4)
    # One pixel in one of three channels off by 1: a mean squared error of 1 / 48.
    restored = sharp.clone()
    restored[0, 1, 2, 3] = 1
    assert psnr(restored, sharp).item() == pytest.approx(10 * math.log10(48), abs=1e-4)


def test_identical_images_have_infinite_psnr_and_ssim_1(pair: tuple[Tensor, Tensor]) -> None:
    assert psnr(pair[1], pair[1]).tolist() == [math.inf, math.inf]
    for ssim in (ssim_rgb, ssim_gray):
        torch.testing.assert_close(ssim(pair[1], pair[1]), torch.ones(2))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_images_are_rounded_to_8_bits_first(
    metric: Callable[[Tensor, Tensor], Tensor], pair: tuple[Tensor, Tensor]
) -> None:
    restored, sharp = quantize(pair[0]), quantize(pair[1])
    # Less than half a level vanishes, also below 0 and above 1 however far.
    noise = torch.rand(restored.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    assert torch.equal(metric(restored + 0.9 * noise / 255, sharp), metric(restored, sharp))
    assert torch.equal(metric(restored, sharp + 0.9 * noise / 255), metric(restored, sharp))
    extreme = torch.where(restored > 0.5, 1.0, 0.0)
    beyond = torch.where(restored > 0.5, 1.7, -0.3)
    assert torch.equal(metric(beyond, sharp), metric(extreme, sharp))
    # A whole level does not vanish.
    assert not torch.equal(
        metric((restored + 1 / 255).clamp(max=1), sharp), metric(restored, sharp)
    )


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_batch_is_its_images(
    metric: Callable[[Tensor, Tensor], Tensor], pair: tuple[Tensor, Tensor]
) -> None:
    together = metric(*pair)
    assert together.shape == (2,) and together.dtype == torch.float32
    alone = torch.cat([metric(pair[0][k : k + 1], pair[1][k : k + 1]) for k in range(2)])
    torch.testing.assert_close(together, alone)
    assert together[0] != together[1]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_computed_in_float32_whatever_the_network_ran_in(
    metric: Callable[[Tensor, Tensor], Tensor], pair: tuple[Tensor, Tensor]
) -> None:
    low = pair[0].bfloat16()
    torch.testing.assert_close(metric(low, pair[1]), metric(low.float(), pair[1]), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["rgb", "gray"])
@pytest.mark.parametrize(("frame", "tolerance"), [(10, 5e-5), (0, 5e-4)])
def test_ssim_is_scikit_images(
    kind: str, frame: int, tolerance: float, pair: tuple[Tensor, Tensor]
) -> None:
    # The two libraries extend an image beyond its border differently (measured: 2e-4 of the mean).
    # Where both images have the same frame, as wide as a window, that cannot show (1e-5).
    restored, sharp = pair[0].clone(), pair[1]
    inside = torch.zeros(sharp.shape[-2:], dtype=torch.bool)
    inside[frame : 96 - frame, frame : 120 - frame] = True
    restored = torch.where(inside, restored, sharp)
    values = {"rgb": ssim_rgb, "gray": ssim_gray}[kind](restored, sharp)
    for index, value in enumerate(values.tolist()):
        images = [quantize(x[index]).permute(1, 2, 0).double().numpy() for x in (restored, sharp)]
        if kind == "gray":
            images = [image @ GRAY for image in images]
        reference = structural_similarity(
            *images,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=-1 if kind == "rgb" else None,
            full=True,
        )[1].mean()
        assert 0.8 < value < 0.95
        assert value == pytest.approx(reference, abs=tolerance)


def test_gray_and_rgb_are_two_metrics(pair: tuple[Tensor, Tensor]) -> None:
    assert (ssim_rgb(*pair) - ssim_gray(*pair)).abs().min() > 1e-3
    # Of a gray picture they are one.
    gray = [image.mean(1, keepdim=True).expand(-1, 3, -1, -1) for image in pair]
    torch.testing.assert_close(ssim_rgb(*gray), ssim_gray(*gray), atol=1e-5, rtol=0)


def test_ssim_gray_weighs_green_most() -> None:
    sharp = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    scores = []
    for channel in range(3):
        spoiled = sharp.clone()
        spoiled[:, channel] = 0.5
        scores.append(ssim_gray(spoiled, sharp).item())
    assert scores[1] < scores[0] < scores[2]  # green, red, blue


def test_the_smallest_sides_that_ssim_takes() -> None:
    image = torch.rand(1, 3, 6, 6)
    assert ssim_rgb(image, image).item() == pytest.approx(1)
    assert psnr(image[..., :1, :1], image[..., :1, :1]).item() == math.inf
