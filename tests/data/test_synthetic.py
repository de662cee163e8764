"""The embedded set: samples that depend on (seed, epoch, index) alone, and the frozen split."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from deblurlib.data import synthetic
from deblurlib.data.pairs import ImagePairs, Pair
from deblurlib.data.synthetic import (
    STRENGTHS,
    SceneBank,
    SyntheticPairs,
    SyntheticShots,
    develop,
    photo_split,
    strength_of,
)
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS, procedural_scene
from deblurlib.training.metrics import psnr


@pytest.fixture
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Procedural scenes of 96 x 96 pixels: quick to render."""
    monkeypatch.setattr(
        synthetic, "procedural_scene", lambda height, width, seed: procedural_scene(96, 96, seed)
    )


def sample(seed: int, epoch: int, index: int) -> Tensor:
    """Both images of one sample of a data set made for it alone."""
    pairs = SyntheticPairs(24, 16, seed, scenes=2, moving_objects=0.5)
    pairs.set_epoch(epoch)
    return torch.cat(list(pairs[index]))


@pytest.mark.usefixtures("small_scenes")
def test_the_response_changes_the_blur_and_nothing_else() -> None:
    usual, coded = (
        SyntheticPairs(24, 16, scenes=2, moving_objects=0.0, response=response)
        for response in ((2.2, 2.2), (1.0, 1.0))
    )
    any_of_them = SyntheticShots(24, 16, scenes=2, moving_objects=0.0, response=(1.0, 2.2))
    for index in range(4):
        assert torch.equal(usual[index].sharp, coded[index].sharp)
        # A mean of light is brighter than one of coded values, which darken what is dark.
        assert usual[index].blurred.mean() > coded[index].blurred.mean()
        shot = any_of_them[index]
        assert 1.0 < shot.gamma < 2.2
    assert len({any_of_them[index].gamma for index in range(4)}) == 4


@pytest.mark.usefixtures("small_scenes")
def test_a_sample_is_a_function_of_seed_epoch_and_index() -> None:
    used = SyntheticPairs(24, 16, 5, scenes=2, moving_objects=0.5)
    for index in (3, 0, 2):
        used[index]  # what was drawn before must not matter, nor global seeds
    torch.manual_seed(9)
    np.random.seed(9)
    used.set_epoch(1)
    for index in range(6):  # photographs and scenes, with and without a moving object
        assert torch.equal(torch.cat(list(used[index])), sample(5, 1, index))


@pytest.mark.usefixtures("small_scenes")
@pytest.mark.parametrize("other", [(6, 1, 2), (5, 2, 2), (5, 1, 3)])
def test_seed_epoch_and_index_all_matter(other: tuple[int, int, int]) -> None:
    assert (sample(5, 1, 2) - sample(*other)).abs().mean() > 0.02


@pytest.mark.usefixtures("small_scenes")
def test_workers_change_nothing() -> None:
    pairs = SyntheticPairs(24, 12, 3, scenes=2)
    pairs.set_epoch(4)
    alone, shared = (
        list(DataLoader(pairs, batch_size=3, num_workers=workers)) for workers in (0, 2)
    )
    assert len(alone) == len(shared) == 4
    for ours, theirs in zip(alone, shared, strict=True):
        assert torch.equal(ours[0], theirs[0]) and torch.equal(ours[1], theirs[1])


@pytest.mark.usefixtures("small_scenes")
@pytest.mark.parametrize("crop", [1, 16, 33])
def test_samples_are_square_eight_bit_images(crop: int) -> None:
    pairs = SyntheticPairs(crop, 8, scenes=1, moving_objects=0.5)
    assert len(pairs) == 8
    for index in range(8):
        pair = pairs[index]
        assert isinstance(pair, Pair)
        for image in pair:
            assert image.shape == (3, crop, crop) and image.dtype == torch.float32
            assert torch.equal(image, (image * 255).round() / 255)
            assert image.min() >= 0 and image.max() <= 1


@pytest.mark.usefixtures("small_scenes")
def test_shots_developed_in_a_batch_are_the_same_samples() -> None:
    arguments: dict[str, Any] = {"length": 12, "seed": 3, "scenes": 2, "moving_objects": 0.5}
    pairs, shots = SyntheticPairs(24, **arguments), SyntheticShots(24, **arguments)
    for data in (pairs, shots):
        data.set_epoch(2)
    loader = DataLoader(shots, batch_size=4, collate_fn=shots.collate)
    batches = [shots.finish(batch) for batch in loader]
    for images, expected in zip(zip(*batches, strict=True), zip(*pairs, strict=True), strict=True):
        assert torch.equal(torch.cat(images), torch.stack(expected))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.usefixtures("small_scenes")
def test_on_a_gpu_all_but_the_noise_is_the_same() -> None:
    shots = SyntheticShots(24, 12, scenes=2, moving_objects=0.5)
    here = [shots[index]._replace(noise=0.0) for index in range(12)]
    there = [
        shot._replace(
            scene=shot.scene.cuda(), layer=shot.layer if shot.layer is None else shot.layer.cuda()
        )
        for shot in here
    ]
    for ours, theirs in zip(develop(here), develop(there), strict=True):
        assert (ours - theirs.cpu()).abs().max() < 1.5 / 255


@pytest.mark.usefixtures("small_scenes")
def test_a_bank_on_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, Any] = {"length": 8, "scenes": 3, "photographs": 0.0}
    expected = [pair.sharp for pair in SyntheticPairs(24, **arguments)]
    banked = SyntheticPairs(24, bank=tmp_path, **arguments)
    banked.scenes.fill(workers=0, progress=False)
    # From now on nothing is rendered; not by another data set either, nor by workers.
    monkeypatch.setattr(synthetic, "procedural_scene", lambda *_: pytest.fail("rendered"))
    again = SyntheticPairs(24, bank=tmp_path, **arguments)
    for data in (banked, again):
        assert all(map(torch.equal, (pair.sharp for pair in data), expected))
    sharp = torch.cat([batch.sharp for batch in DataLoader(again, 2, num_workers=2)])
    assert torch.equal(sharp, torch.stack(expected))
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["0.npy", "1.npy", "2.npy"]


@pytest.mark.usefixtures("small_scenes")
def test_a_bank_is_filled_by_processes_and_gone_on_with(tmp_path: Path) -> None:
    bank = SceneBank(5, 6, 96, tmp_path)
    first = bank[4].clone()
    (folder,) = tmp_path.iterdir()
    before = (folder / "4.npy").stat().st_mtime_ns
    bank.fill(workers=2, progress=False)
    assert sorted(path.name for path in folder.iterdir()) == [f"{k}.npy" for k in range(6)]
    assert (folder / "4.npy").stat().st_mtime_ns == before
    assert torch.equal(SceneBank(5, 6, 96)[4], first)
    assert first.dtype == torch.uint8 and first.float().std() > 5
    assert not torch.equal(bank[0], bank[1])
    assert not torch.equal(SceneBank(6, 6, 96)[4], first)


def test_an_index_outside_the_epoch_is_named() -> None:
    for index in (-1, 8):
        with pytest.raises(IndexError, match=rf"index {index} is outside an epoch of 8"):
            SyntheticPairs(16, 8)[index]


def photographs(extent: float, crop: int = 48, **arguments: float) -> SyntheticPairs:
    """Samples of one extent, from photographs only: nothing needs to be rendered."""
    return SyntheticPairs(crop, 48, extent=(extent, extent), photographs=1.0, **arguments)


def test_longer_blur_is_worse() -> None:
    # Measured: 34.3, 27.7, 23.9 and 21.1 dB.
    scores = []
    for extent in (2.0, 6.0, 12.0, 24.0):
        pairs = photographs(extent)
        blurred, sharp = (
            torch.stack(images) for images in zip(*map(pairs.__getitem__, range(16)), strict=True)
        )
        scores.append(psnr(blurred, sharp).mean().item())
    assert min(np.diff(scores) * -1) > 1.5
    assert 30 < scores[0] < 40


def test_no_blur_leaves_the_image_but_for_noise() -> None:
    pairs = photographs(1e-6, moving_objects=0.0)
    for index in range(4):
        # Noise has a deviation of at most sqrt(2e-4) in linear light.
        assert psnr(pairs[index].blurred[None], pairs[index].sharp[None]) > 33


def shift_between(blurred: Tensor, sharp: Tensor) -> tuple[int, int]:
    """Where the cross-correlation of two square images peaks: (y, x) in pixels."""
    side = sharp.shape[-1]
    window = torch.hann_window(side, periodic=False, dtype=torch.float64)
    spectra = [
        torch.fft.rfft2((image.mean(0) - image.mean()).double() * window * window[:, None])
        for image in (blurred, sharp)
    ]
    correlation = torch.fft.irfft2(spectra[0] * spectra[1].conj(), s=(side, side))
    y, x = divmod(int(correlation.argmax()), side)
    return (y + side // 2) % side - side // 2, (x + side // 2) % side - side // 2


def test_the_measure_of_shift_finds_one() -> None:
    sharp = photographs(2.0, crop=64)[0].sharp
    assert shift_between(sharp.roll((2, -3), (1, 2)), sharp) == (2, -3)


@pytest.mark.parametrize(("extent", "mean", "most"), [(6.0, 0.3, 2), (20.0, 1.0, 8)])
def test_sharp_is_not_shifted_against_blurred(extent: float, mean: float, most: int) -> None:
    # A network cannot know a shift: it would cap what can be learned. Measured over 48 samples:
    # means up to 0.1 and 0.6 pixels, single ones up to 1 and 7 (the blur of one path is lopsided).
    pairs = photographs(extent, crop=64, moving_objects=0.0)
    shifts = np.array([shift_between(*pairs[index]) for index in range(48)])
    assert np.abs(shifts.mean(axis=0)).max() < mean
    assert np.abs(shifts).max() <= most


def test_photographs_trained_on_are_never_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()
    load = synthetic.load_photograph
    monkeypatch.setattr(synthetic, "load_photograph", lambda name: asked.add(name) or load(name))
    synthetic._photograph.cache_clear()
    pairs = photographs(2.0, crop=8)
    for index in range(48):
        pairs[index]
    assert len(asked) > 5
    assert not asked & {*TEST_PHOTOGRAPHS, "grace_hopper"}


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEBLURLIB_DATA", str(folder))
        yield folder


@pytest.fixture(scope="module")
def split(data_folder: Path) -> ImagePairs:
    """The whole split, written once."""
    return photo_split()


@pytest.fixture
def one_photograph(split: ImagePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An intact split of one photograph, in a data folder of its own: quick to write again."""
    monkeypatch.setattr(synthetic, "TEST_PHOTOGRAPHS", ("coffee",))
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    folder = tmp_path / "cache" / synthetic.FOLDER
    whole = split.files[0][0].parents[1]
    sums = json.loads((whole / "checksums.json").read_text())
    sums = {name: value for name, value in sums.items() if "coffee" in name}
    for name in sums:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(whole / name, folder / name)
    (folder / "checksums.json").write_text(json.dumps(sums))
    return folder


def test_the_split_is_24_pairs_in_three_strengths(split: ImagePairs, data_folder: Path) -> None:
    assert len(split) == 24
    names = [split.name(index) for index in range(24)]
    assert sorted(names) == sorted(
        f"{photograph}-{strength}-{number}"
        for photograph in TEST_PHOTOGRAPHS
        for strength in ("mild", "medium", "strong")
        for number in (1, 2)
    )
    assert {strength_of(name) for name in names} == set(STRENGTHS)
    assert split.files[0][0].is_relative_to(data_folder / "cache" / synthetic.FOLDER)
    assert [path.name for path in (data_folder / "cache").iterdir()] == [synthetic.FOLDER]


def test_the_split_is_harder_the_stronger_the_shake(split: ImagePairs) -> None:
    scores: dict[str, list[float]] = {strength: [] for strength in STRENGTHS}
    for index in range(24):
        blurred, sharp = split[index]
        assert min(sharp.shape[-2:]) >= 340
        assert sharp.shape[-2] % 4 == sharp.shape[-1] % 4 == 0
        scores[strength_of(split.name(index))].append(psnr(blurred[None], sharp[None]).item())
    assert [len(group) for group in scores.values()] == [8, 8, 8]
    mild, medium, strong = (np.mean(group) for group in scores.values())
    assert mild > medium + 1 > strong + 2
    assert min(scores["strong"]) > 10 and max(scores["mild"]) < 40


def test_the_two_shakes_of_a_strength_differ(split: ImagePairs) -> None:
    names = [split.name(index) for index in range(24)]
    one, two = (split[names.index(f"coffee-mild-{number}")] for number in (1, 2))
    assert torch.equal(one.sharp, two.sharp)
    assert (one.blurred - two.blurred).abs().mean() > 0.005


def test_an_intact_split_is_not_written_again(
    split: ImagePairs, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic, "_write_photo_split", lambda folder: pytest.fail("written"))
    assert photo_split().files == split.files


@pytest.mark.parametrize("damage", ["changed", "missing", "no checksums"])
def test_a_damaged_split_is_written_again_and_the_same(damage: str, one_photograph: Path) -> None:
    files = {path: path.read_bytes() for path in one_photograph.rglob("*.png")}
    sums = json.loads((one_photograph / "checksums.json").read_text())
    assert len(files) == len(sums) == 12
    victim = next(iter(files))
    if damage == "changed":
        victim.write_bytes(files[victim][:-40] + bytes(40))
    elif damage == "missing":
        victim.unlink()
    else:
        (one_photograph / "checksums.json").write_text("{")
    with torch.autocast("cpu", torch.bfloat16):  # as around a network that is being measured
        assert len(photo_split()) == 6
    assert {path: path.read_bytes() for path in one_photograph.rglob("*.png")} == files
    assert json.loads((one_photograph / "checksums.json").read_text()) == sums
    assert [path.name for path in one_photograph.parent.iterdir()] == [synthetic.FOLDER]


def test_what_another_process_finished_first_stays(
    one_photograph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That process reads its files already: they must not vanish under it, not for a moment.
    finished = one_photograph.rename(one_photograph.with_name("finished"))
    load = synthetic.load_photograph

    def rival(name: str) -> Tensor:
        finished.rename(one_photograph)
        return load(name)

    before = finished.stat().st_ino
    monkeypatch.setattr(synthetic, "load_photograph", rival)
    assert len(photo_split()) == 6
    assert one_photograph.stat().st_ino == before
    assert [path.name for path in one_photograph.parent.iterdir()] == [synthetic.FOLDER]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    monkeypatch.setattr(synthetic, "save_image", full)
    with pytest.raises(OSError, match="No space"):
        photo_split()
    assert list((tmp_path / "cache").iterdir()) == []


def test_two_processes_may_write_at_once(split: ImagePairs, tmp_path: Path) -> None:
    code = (
        "from deblurlib.data import synthetic;"
        "synthetic.TEST_PHOTOGRAPHS = ('coffee',);"
        "pairs = synthetic.photo_split();"
        "print(sum(len(pairs[k]) for k in range(len(pairs))))"
    )
    environment = {**os.environ, "DEBLURLIB_DATA": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, output.strip()) == (0, "12"), errors
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [synthetic.FOLDER]
    # The same files as this process wrote.
    whole = split.files[0][0].parents[1]
    for path in (tmp_path / "cache" / synthetic.FOLDER).rglob("*.png"):
        assert path.read_bytes() == (whole / path.parent.name / path.name).read_bytes()
