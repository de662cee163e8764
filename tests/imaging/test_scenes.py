"""Sharp scenes: pure functions of their seed, natural in their statistics; the photographs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from deblurlib.imaging import scenes
from deblurlib.imaging.scenes import (
    DEMO_PHOTOGRAPH,
    PHOTOGRAPHS,
    TEST_PHOTOGRAPHS,
    TRAINING_PHOTOGRAPHS,
    Photograph,
    load_photograph,
    procedural_scene,
)

DATA_README = Path(__file__).parents[2] / "data" / "README.md"


@pytest.fixture(scope="module")
def many_scenes() -> list[Tensor]:
    return [procedural_scene(128, 128, seed) for seed in range(24)]


def test_a_scene_is_a_function_of_its_seed() -> None:
    assert torch.equal(procedural_scene(48, 64, 3), procedural_scene(48, 64, 3))
    np.random.seed(1)  # a global seed must not matter
    torch.manual_seed(1)
    assert torch.equal(procedural_scene(48, 64, 3), procedural_scene(48, 64, 3))


def test_a_scene_is_the_same_in_another_process() -> None:
    # Strings hash differently in every process: nothing may depend on a set's order.
    code = (
        "from deblurlib.imaging.scenes import procedural_scene as scene;"
        "print(scene(32, 40, 3).double().sum().item().hex())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == procedural_scene(32, 40, 3).double().sum().item().hex()


def test_seeds_differ(many_scenes: list[Tensor]) -> None:
    for seed, scene in enumerate(many_scenes[1:]):
        # Two unrelated pictures differ by tens of levels, not by a little noise.
        assert (scene - many_scenes[seed]).abs().mean() > 0.02


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (17, 64)])
def test_any_size(size: tuple[int, int]) -> None:
    for seed in range(12):  # every kind of scene
        scene = procedural_scene(*size, seed)
        assert scene.shape == (3, *size)
        assert scene.dtype == torch.float32
        assert scene.isfinite().all()
        assert scene.min() >= 0 and scene.max() <= 1


def test_scenes_are_in_colour_and_use_the_range(many_scenes: list[Tensor]) -> None:
    batch = torch.stack(many_scenes)
    assert (batch.amax(1) - batch.amin(1)).mean() > 0.05
    # 5% to 95% of a photograph's values span about 0.4 to 0.9.
    low, high = np.quantile(batch.flatten(1).numpy(), [0.05, 0.95], axis=1)
    assert np.median(high - low) > 0.35


def radial_power(image: Tensor) -> np.ndarray:
    """Mean power at 0, 1, 2, ... cycles per side of a square image, under a Hann window."""
    gray = image.mean(dim=0).double().numpy()
    side = gray.shape[-1]
    window = np.hanning(side)[:, None] * np.hanning(side)
    power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    cycles = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)) * side
    ring = np.rint(cycles).astype(int).ravel()
    return np.bincount(ring, power.ravel()) / np.bincount(ring)


def spectral_slope(images: list[Tensor]) -> float:
    """Exponent of the geometric mean spectrum, from 3 cycles per side to the Nyquist frequency.

    Below 3 the window leaks and a picture has too few waves to speak of a mean.
    """
    side = images[0].shape[-1]
    logarithm = np.mean([np.log(radial_power(image)) for image in images], axis=0)
    cycles = np.arange(3, side // 2)
    return float(np.polyfit(np.log(cycles), logarithm[cycles], 1)[0])


def gradient_kurtosis(image: Tensor) -> float:
    gradient = image.mean(dim=0).diff(dim=-1).double()
    gradient = gradient - gradient.mean()
    return (gradient.pow(4).mean() / gradient.square().mean() ** 2).item()


def test_power_falls_as_in_photographs(many_scenes: list[Tensor]) -> None:
    # Natural images: 1 / f**2. Measured on three disjoint sets of 24 seeds: -1.91 to -1.97.
    assert -2.3 < spectral_slope(many_scenes) < -1.6
    noise = [torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(k)) for k in range(4)]
    assert abs(spectral_slope(noise)) < 0.1  # the measure itself: white noise is flat


def test_gradients_are_sparse_as_in_photographs(many_scenes: list[Tensor]) -> None:
    # A Gaussian has 3, photographs 7 to 30. Measured: 5 to 20 a scene, half of them above 9.
    kurtosis = [gradient_kurtosis(scene) for scene in many_scenes]
    assert min(kurtosis) > 4
    assert np.median(kurtosis) > 7
    noise = torch.randn(3, 128, 128, generator=torch.Generator().manual_seed(0))
    assert gradient_kurtosis(noise) == pytest.approx(3, abs=0.2)


def test_training_test_and_demo_are_disjoint() -> None:
    groups = [*TRAINING_PHOTOGRAPHS, *TEST_PHOTOGRAPHS, DEMO_PHOTOGRAPH]
    assert len(groups) == len(set(groups))
    assert set(groups) == set(PHOTOGRAPHS)
    files = {(photograph.package, photograph.file) for photograph in PHOTOGRAPHS.values()}
    assert len(files) == len(PHOTOGRAPHS)  # no photograph under two names


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_loads(name: str) -> None:
    image = load_photograph(name)
    assert image.ndim == 3 and image.shape[0] == 3 and min(image.shape[-2:]) >= 128
    assert image.dtype == torch.float32
    assert image.min() >= 0 and image.max() <= 1
    assert image.std() > 0.03
    gray = torch.equal(image[0], image[1]) and torch.equal(image[1], image[2])
    assert gray == PHOTOGRAPHS[name].subject.endswith(", gray")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_every_photograph_has_a_subject_and_a_licence(name: str) -> None:
    assert PHOTOGRAPHS[name].subject.strip()
    assert PHOTOGRAPHS[name].licence.strip()


@pytest.mark.skipif(not DATA_README.is_file(), reason="data/README.md is not written yet")
def test_the_readers_table_agrees() -> None:
    lines = DATA_README.read_text().splitlines()
    for name, photograph in PHOTOGRAPHS.items():
        rows = [line for line in lines if line.startswith("|") and name in line]
        assert rows, f"data/README.md has no row for {name}"
        assert any(photograph.licence in row for row in rows), f"{name}: {photograph.licence}"


def test_unknown_names_and_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="unknown photograph 'lena': choose from astronaut"):
        load_photograph("lena")
    gone = Photograph("no_such_package", "data/x.png", "nothing", "none")
    monkeypatch.setitem(scenes.PHOTOGRAPHS, "gone", gone)
    with pytest.raises(FileNotFoundError, match="gone: comes with no_such_package"):
        load_photograph("gone")
