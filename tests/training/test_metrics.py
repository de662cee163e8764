"""PSNR by hand, SSIM against scikit-image and its definition, on 8-bit levels; their means."""

import json
import math
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity
from torch import Tensor

from deblurlib.data.pairs import ImagePairs, find_pairs
from deblurlib.imaging.exposure import quantize
from deblurlib.imaging.files import save_image, to_image
from deblurlib.imaging.scenes import load_photograph
from deblurlib.models import Restoration
from deblurlib.training.evaluate import evaluate, summarize
from deblurlib.training.metrics import (
    METRICS,
    Means,
    MetricMeans,
    edge_psnr,
    psnr,
    ssim_3d,
    ssim_gray,
    ssim_rgb,
)

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
    assert edge_psnr(pair[1], pair[1]).tolist() == [math.inf, math.inf]
    for ssim in (ssim_rgb, ssim_gray, ssim_3d):
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
    # A whole level does not vanish (not the same everywhere, which M could not see).
    level = torch.where(noise > 0, 1 / 255, 0)
    assert (
        (metric(restored * 0.9 + level, sharp) - metric(restored * 0.9, sharp)).abs() > 1e-5
    ).all()


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


def volume_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM of two volumes ``(H, W, 3)`` in [0, 1], voxel by voxel as the definition has it."""
    offsets = np.arange(-5, 6)
    weights = np.exp(-0.5 * sum(d**2 for d in np.meshgrid(offsets, offsets, offsets)) / 1.5**2)
    weights /= weights.sum()
    padded_x, padded_y = (np.pad(volume, 5, mode="edge") for volume in (x, y))
    total = 0.0
    for i, j, k in np.ndindex(x.shape):
        window = (slice(i, i + 11), slice(j, j + 11), slice(k, k + 11))
        a, b = padded_x[window], padded_y[window]
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        variance_a = (weights * (a - mean_a) ** 2).sum()
        variance_b = (weights * (b - mean_b) ** 2).sum()
        covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
        total += (
            (2 * mean_a * mean_b + 0.01**2)
            * (2 * covariance + 0.03**2)
            / (mean_a**2 + mean_b**2 + 0.01**2)
            / (variance_a + variance_b + 0.03**2)
        )
    return total / x.size


@pytest.mark.parametrize("size", [(24, 17), (5, 30), (1, 1)])
def test_ssim_3d_is_its_definition(size: tuple[int, int]) -> None:
    # Red, green and blue differ: in a gray image their order would not show.
    sharp = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    sharp = sharp * torch.tensor([1.0, 0.3, 0.6]).view(1, 3, 1, 1)
    restored = 0.6 * sharp + 0.2 * sharp.flip(0)
    for index, value in enumerate(ssim_3d(restored, sharp).tolist()):
        volumes = [quantize(x[index]).permute(1, 2, 0).double().numpy() for x in (restored, sharp)]
        assert value == pytest.approx(volume_ssim(*volumes), abs=1e-5)
        assert value < 0.99


def test_ssim_3d_of_flat_bright_images_keeps_its_precision() -> None:
    # Variances are small differences of large numbers here.
    sharp = torch.full((1, 3, 20, 20), 250 / 255)
    restored = sharp.clone()
    restored[..., ::7, ::5] = 251 / 255
    volumes = [x[0].permute(1, 2, 0).double().numpy() for x in (restored, sharp)]
    assert ssim_3d(restored, sharp).item() == pytest.approx(volume_ssim(*volumes), abs=1e-4)


def test_on_a_real_blurred_frame_the_variants_come_in_the_order_that_papers_show(
    gopro_sample: Path,
) -> None:
    # Of one network's output on an official pair: .898 per channel, .903 gray, .927 in 3-D.
    blurred, sharp = (image[None, :, :360, :640] for image in find_pairs(gopro_sample, "train")[0])
    rgb, gray, volume = (of(blurred, sharp).item() for of in (ssim_rgb, ssim_gray, ssim_3d))
    assert 0.8 < rgb < gray < volume < 1
    assert gray - rgb < volume - gray


def test_edge_psnr_by_hand() -> None:
    # A step of height 1 answers 1 in two columns of eight, the flat rest √ε = 0.001 in both.
    sharp = torch.zeros(1, 3, 4, 8)
    sharp[..., 4:] = 1
    mean_square = 2 / 8 * (math.sqrt(1 + 1e-6) - 1e-3) ** 2
    flat = torch.zeros_like(sharp)
    assert edge_psnr(flat, sharp).item() == pytest.approx(-10 * math.log10(mean_square), abs=1e-4)
    # Half as high: half the error.
    gain = edge_psnr(sharp * (128 / 255), sharp) - edge_psnr(flat, sharp)
    assert gain.item() == pytest.approx(-20 * math.log10(127 / 255), abs=0.02)


def test_edges_miss_what_psnr_sees_and_see_what_it_misses(pair: tuple[Tensor, Tensor]) -> None:
    smooth, sharp = (image * 0.8 for image in pair)
    brighter = sharp + 26 / 255
    assert psnr(brighter, sharp).max() < psnr(smooth, sharp).min()
    assert edge_psnr(brighter, sharp).min() > edge_psnr(smooth, sharp).max() + 20


def some_pairs(count: int) -> tuple[Tensor, Tensor]:
    """Two times ``(count, 3, 16, 20)``; the first pair is of identical images."""
    sharp = torch.rand(count, 3, 16, 20, generator=torch.Generator().manual_seed(count))
    noise = torch.randn(sharp.shape, generator=torch.Generator().manual_seed(1))
    return sharp + noise * torch.linspace(0, 0.3, count).view(-1, 1, 1, 1), sharp


def gathered(restored: Tensor, sharp: Tensor, batches: list[int]) -> Means:
    means = MetricMeans()
    for batch in zip(restored.split(batches), sharp.split(batches), strict=True):
        means.update(*batch)
    return means.compute()


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(7)), st.lists(st.integers(1, 7), min_size=1, max_size=7))
def test_neither_order_nor_batches_change_a_mean(order: list[int], sizes: list[int]) -> None:
    restored, sharp = some_pairs(7)
    ends = [min(end, 7) for end in accumulate(sizes)] + [7]
    batches = [end - start for start, end in pairwise([0, *ends]) if end > start]
    expected = gathered(restored, sharp, [7])
    assert gathered(restored[order], sharp[order], batches) == expected
    assert expected.pairs == 7 and expected.infinite == {"psnr": 1, "edge_psnr": 1}
    for name, metric in METRICS.items():
        values = [value for value in metric(restored, sharp).tolist() if value != math.inf]
        assert expected.values[name] == pytest.approx(sum(values) / len(values), rel=1e-6)


def share(rank: int, world: int, meeting: Path, count: int) -> None:
    """Write what process `rank` of `world` computes, of pairs dealt out like cards."""
    torch.set_num_threads(1)  # a forked process has none of its parent's threads, and would wait
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=world
    )
    restored, sharp = some_pairs(count)
    means = MetricMeans()
    for index in range(rank, count, world):
        means.update(restored[index : index + 1], sharp[index : index + 1])
    meeting.with_name(f"{rank}.json").write_text(json.dumps(means.compute()))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("count", [5, 1])  # not evenly; one process without any
def test_two_processes_give_the_means_of_one(count: int, tmp_path: Path) -> None:
    start = torch.multiprocessing.get_context("fork")
    processes = [
        start.Process(target=share, args=(rank, 2, tmp_path / "meeting", count))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    expected = json.loads(json.dumps(gathered(*some_pairs(count), [count])))
    for rank in range(2):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == expected


def test_all_identical_have_an_infinite_mean_and_none_have_no_pairs() -> None:
    image = torch.rand(2, 3, 8, 8)
    result = gathered(image, image, [2])
    assert result.values["psnr"] == result.values["edge_psnr"] == math.inf
    assert result.values["ssim_3d"] == pytest.approx(1)
    assert result.infinite == {"psnr": 2, "edge_psnr": 2}
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert MetricMeans().compute().pairs == 0


def test_a_broken_image_spoils_the_mean_instead_of_being_left_out() -> None:
    restored, sharp = some_pairs(3)
    restored[2, 0, 0, 0] = math.nan
    result = gathered(restored, sharp, [3])
    assert math.isnan(result.values["psnr"]) and result.infinite["psnr"] == 1


def test_batches_and_tables_give_one_number(tmp_path: Path) -> None:
    restored, sharp = some_pairs(4)
    files = []
    for index in range(4):
        for kind, images in (("input", restored), ("target", sharp)):
            save_image(to_image(images[index]), tmp_path / kind / f"{index}.png")
        files.append((tmp_path / "input" / f"{index}.png", tmp_path / "target" / f"{index}.png"))

    class Same(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def forward(self, blurred: Tensor) -> Restoration:
            return Restoration((blurred,))

    table = summarize(evaluate(Same().eval(), ImagePairs(files)), lambda name: "all")["all"]
    means = gathered(restored, sharp, [3, 1])
    assert table["restored"] == pytest.approx(means.values, rel=1e-6)
    assert table["infinite"]["restored"] == means.infinite
