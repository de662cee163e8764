"""The cache: the pixels that decoding gives, whole or not there, and true to the files."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader

from deblurlib.data import cache
from deblurlib.data.cache import CachedPairs, build_cache, decoded_bytes
from deblurlib.data.pairs import ImagePairs, RandomCrops, RawCrops, finish, folder_pairs

SIZES = ((31, 24), (24, 31), (40, 27))
"""Width and height of the pairs below."""


def write_noise(path: Path, seed: int, size: tuple[int, int]) -> Path:
    levels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path, compress_level=1)
    return path


def write_pairs(folder: Path, sizes: tuple[tuple[int, int], ...] = SIZES) -> ImagePairs:
    return ImagePairs(
        [
            (
                write_noise(folder / "input" / f"{number}.png", 2 * number, size),
                write_noise(folder / "target" / f"{number}.png", 2 * number + 1, size),
            )
            for number, size in enumerate(sizes)
        ]
    )


def assert_same(cached: ImagePairs, direct: ImagePairs) -> None:
    assert len(cached) == len(direct)
    for index in range(len(direct)):
        assert cached.name(index) == direct.name(index)
        for there, here in zip(cached[index], direct[index], strict=True):
            assert there.dtype == torch.float32 and torch.equal(there, here)


def files_of(folder: Path) -> list[str]:
    """Names in the cache's folder, without the lock and the ID."""
    names = [path.name for path in folder.iterdir() if path.name != "lock"]
    return sorted("pixels" + Path(n).suffix if n.startswith("pixels-") else n for n in names)


def spoil(pixels: Path, offset: int) -> None:
    """Change one byte of what was decoded: where it stays, nothing was decoded again."""
    with pixels.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 255]))


@pytest.fixture
def pairs(tmp_path: Path) -> ImagePairs:
    return write_pairs(tmp_path / "data")


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=4),
    st.integers(0, 2),
)
def test_cached_pixels_are_those_of_decoding(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]], epoch: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    direct = write_pairs(folder / "data", tuple(sizes))
    cached = build_cache(direct, folder / "cache", workers=0, progress=False)
    assert_same(cached, direct)
    crops = [RandomCrops(p, min(map(min, sizes)), seed=3) for p in (cached, direct)]
    for each in crops:
        each.set_epoch(epoch)
    for index in range(len(sizes)):
        for there, here in zip(crops[0][index], crops[1][index], strict=True):
            assert torch.equal(there, here)
    assert files_of(folder / "cache") == ["manifest.json", "pixels.bin"]
    (pixels,) = (folder / "cache").glob("pixels-*")
    assert pixels.stat().st_size == decoded_bytes(direct) == sum(6 * w * h for w, h in sizes)


def test_images_of_every_kind_are_cached_as_they_are_opened(tmp_path: Path) -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    files = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for ending in ("jpg", "png"):
            files.append(tmp_path / f"turned-{orientation}.{ending}")
            photo.save(files[-1], exif=exif)
    for mode in ("L", "RGBA", "P", "1"):
        files.append(tmp_path / f"{mode}.png")
        photo.convert(mode).save(files[-1])
    files.append(tmp_path / "16.png")
    Image.fromarray(np.linspace(0, 65535, 600).reshape(20, 30).astype(np.uint16)).save(files[-1])
    direct = ImagePairs([(path, path) for path in files])
    # An image that is on both sides is there once.
    assert decoded_bytes(direct) == len(files) * 1800
    assert_same(build_cache(direct, tmp_path / "cache", workers=1, progress=False), direct)
    assert {direct[k].sharp.shape for k in range(16)} == {(3, 20, 30), (3, 30, 20)}


def test_a_crop_reads_no_other_part_of_the_file(pairs: ImagePairs, tmp_path: Path) -> None:
    cached = build_cache(pairs, tmp_path / "cache", workers=0, progress=False)
    blurred, sharp = cached.levels(1)
    for levels in (blurred, sharp):
        assert not levels.flags.owndata and not levels.flags.writeable
        base = levels
        while isinstance(base, np.ndarray) and base.base is not None:
            base = base.base
        assert type(base).__name__ == "mmap"


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_read_the_same_from_the_cache(
    start: str, pairs: ImagePairs, tmp_path: Path
) -> None:
    cached = build_cache(pairs, tmp_path / "cache", workers=2, progress=False)
    cached[0]  # mapped here already: workers must map it themselves
    assert len(pickle.dumps(cached)) < decoded_bytes(pairs) / 4
    crops = RandomCrops(cached, 16, seed=1)
    expected = DataLoader(RandomCrops(pairs, 16, seed=1), batch_size=3)
    loader = DataLoader(crops, batch_size=3, num_workers=2, multiprocessing_context=start)
    for here, there in zip(expected, loader, strict=True):
        assert torch.equal(here.blurred, there.blurred) and torch.equal(here.sharp, there.sharp)


def test_a_relative_folder_and_relative_files(
    pairs: ImagePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = ImagePairs(
        [(a.relative_to(tmp_path), b.relative_to(tmp_path)) for a, b in pairs.files]
    )
    cached = build_cache(relative, "cache", workers=1, progress=False)
    assert_same(CachedPairs(pairs.files, tmp_path / "cache"), pairs)
    monkeypatch.chdir("/")
    with pytest.raises(ValueError, match="6 of 6 files"):  # from here they are others
        CachedPairs(relative.files, tmp_path / "cache")
    assert cached.store.read(pairs.files[0][0]).shape == (24, 31, 3)


def test_it_says_beforehand_how_much_it_writes(
    pairs: ImagePairs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_cache(pairs, tmp_path / "cache", workers=0)
    said = capsys.readouterr().out
    assert said == f"Caching 6 images in {tmp_path / 'cache'}: 0.0 MB\n"
    build_cache(pairs, tmp_path / "cache", workers=0)  # there already
    assert capsys.readouterr().out == ""
    assert cache._amount(11_628_748_800) == "11.6 GB"
    assert cache._amount(5_529_600) == "5.5 MB"


def test_too_little_disk_space_is_said_before_anything_is_written(
    pairs: ImagePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed, usage = decoded_bytes(pairs), shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=needed - 1))
    with pytest.raises(
        OSError, match=r"cache: the cache needs 0\.0 MB, but 0\.0 MB are free: make"
    ):
        build_cache(pairs, tmp_path / "cache", workers=0, progress=False)
    assert files_of(tmp_path / "cache") == []
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=needed))
    assert_same(build_cache(pairs, tmp_path / "cache", workers=0, progress=False), pairs)


def test_without_a_cache_it_says_how_to_build_one(pairs: ImagePairs, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cache: no complete cache here; build it with"):
        CachedPairs(pairs.files, tmp_path / "cache")


BUILD = """
import sys
from pathlib import Path
from deblurlib.data.cache import build_cache
from deblurlib.data.pairs import folder_pairs

data = Path(sys.argv[1])
pairs = folder_pairs(data / "input", data / "target")
build_cache(pairs, sys.argv[2], workers=2)
"""


def start_build(data: Path, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD, str(data), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_a_killed_build_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pairs(tmp_path / "data", 60 * ((640, 480),))
    pairs = folder_pairs(tmp_path / "data" / "input", tmp_path / "data" / "target")
    folder = tmp_path / "cache"
    process = start_build(tmp_path / "data", folder)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        done = list(folder.glob("pixels-*.done"))
        if done and done[0].read_text().count("\n") >= 6:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the build ended before it could be killed"
    assert files_of(folder) == ["pixels.done", "pixels.partial"]
    with pytest.raises(FileNotFoundError, match="no complete cache"):
        CachedPairs(pairs.files, folder)

    (journal,) = folder.glob("pixels-*.done")
    (partial,) = folder.glob("pixels-*.partial")
    finished = journal.read_text().split("\n")[:-1]
    assert 6 <= len(finished) < 120
    number = int(finished[2].split()[0])
    spoil(partial, number * 480 * 640 * 3)
    with journal.open("a") as file:
        file.write("119 48")  # as a power cut may leave it
    cached = build_cache(pairs, folder, workers=2)
    said = capsys.readouterr().out
    there = len(finished)
    amount = (120 - there) * 640 * 480 * 3 / 1e6
    expected = f"Caching {120 - there} images in {folder}: {amount:.1f} MB, after {there} that are"
    assert expected in said
    assert files_of(folder) == ["manifest.json", "pixels.bin"]
    for index in range(60):
        for side, (read, decoded) in enumerate(
            zip(cached.levels(index), pairs.levels(index), strict=True)
        ):
            # That one was not decoded again; every other is right.
            spoiled = 2 * index + side == number
            assert np.count_nonzero(read != decoded) == (1 if spoiled else 0)


def test_of_two_builds_at_once_one_waits(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "data", 12 * ((320, 240),))
    both = [start_build(tmp_path / "data", tmp_path / "cache") for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(bool(each) for each in said) == [False, True]
    assert_same(CachedPairs(pairs.files, tmp_path / "cache"), pairs)


def test_changed_and_added_files_alone_are_decoded_again(pairs: ImagePairs, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    before = build_cache(pairs, folder, workers=0, progress=False)
    last = before[2]  # now mapped
    spoil(before.store.pixels, 0)  # the first image's first level
    write_noise(pairs.files[1][1], 99, SIZES[1])
    more = write_pairs(tmp_path / "more", ((24, 24),))
    both = ImagePairs(pairs.files + more.files)
    expected = r"cache: 3 of 8 files were added or changed .*target.1\.png\): run build_cache"
    with pytest.raises(ValueError, match=expected):
        CachedPairs(both.files, folder)
    with pytest.raises(ValueError, match="1 of 6 files"):
        CachedPairs(pairs.files, folder)

    after = build_cache(both, folder, workers=2, progress=False)
    first, decoded = after.levels(0)[0], both.levels(0)[0]
    assert np.count_nonzero(first != decoded) == 1  # copied
    assert_same(
        CachedPairs(both.files[1:], folder), ImagePairs(both.files[1:])
    )  # also a part of what is there
    assert files_of(folder) == ["manifest.json", "pixels.bin"]
    # Who reads from the old one can go on with it.
    assert torch.equal(before[2].sharp, last.sharp)


@pytest.mark.parametrize("change", ["size", "time"])
def test_either_size_or_time_of_a_file_betrays_a_change(
    change: str, pairs: ImagePairs, tmp_path: Path
) -> None:
    folder, path = tmp_path / "cache", pairs.files[0][0]
    build_cache(pairs, folder, workers=0, progress=False)
    status = path.stat()
    if change == "size":
        path.write_bytes(path.read_bytes() + b" ")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(ValueError, match=r"1 of 6 files were added or changed .*input.0\.png"):
        CachedPairs(pairs.files, folder)


def test_after_a_line_cut_off_the_next_ones_are_whole(pairs: ImagePairs, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    paths = [path for pair in pairs.files for path in pair]
    whole = {number: (paths[number].read_bytes(), paths[number].stat()) for number in (2, 4)}

    def write(number: int, content: bytes) -> None:
        """As a disk that fails, or recovers: neither size nor time change."""
        paths[number].write_bytes(content.ljust(len(whole[number][0]), b"\0"))
        status = whole[number][1]
        os.utime(paths[number], ns=(status.st_atime_ns, status.st_mtime_ns))

    for number, (content, _) in whole.items():
        write(number, content[: len(content) // 2])
    for number in (2, 4):
        with pytest.raises(ValueError, match="damaged"):
            build_cache(pairs, folder, workers=0, progress=False)
        (journal,) = folder.glob("pixels-*.done")
        assert [line.split()[0] for line in journal.read_text().splitlines()] == list("0123")[
            :number
        ]
        with journal.open("a") as file:
            file.write("5 2")
        write(number, whole[number][0])
    (partial,) = folder.glob("pixels-*.partial")
    spoil(partial, 6 * 31 * 24)  # image 2, done after the first line was cut off
    cached = build_cache(pairs, folder, workers=0, progress=False)
    assert np.count_nonzero(cached.levels(1)[0] != pairs.levels(1)[0]) == 1
    assert np.array_equal(cached.levels(1)[1], pairs.levels(1)[1])


def test_a_journal_that_makes_no_sense_is_not_gone_on_with(
    pairs: ImagePairs, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    pixels = build_cache(pairs, folder, workers=0, progress=False).store.pixels
    (folder / "manifest.json").unlink()
    pixels.rename(pixels.with_suffix(".partial")).write_bytes(bytes(10))
    pixels.with_suffix(".done").write_text("0 24 31\n\0\0\0\n")
    assert_same(build_cache(pairs, folder, workers=0, progress=False), pairs)


@pytest.mark.parametrize("damage", ["no pixels", "short pixels", "no manifest", "half a manifest"])
def test_what_is_left_of_a_damaged_cache_is_not_believed(
    damage: str, pairs: ImagePairs, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    pixels = build_cache(pairs, folder, workers=0, progress=False).store.pixels
    manifest = folder / "manifest.json"
    if damage == "no pixels":
        pixels.unlink()
    elif damage == "short pixels":
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text()[:100])
    with pytest.raises(FileNotFoundError, match="no complete cache"):
        CachedPairs(pairs.files, folder)
    assert_same(build_cache(pairs, folder, workers=0, progress=False), pairs)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_image_stops_the_build_with_one_line(
    workers: int, pairs: ImagePairs, tmp_path: Path
) -> None:
    path, folder = pairs.files[2][0], tmp_path / "cache"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])  # its head is there, so its size is
    with pytest.raises(ValueError, match=r"input.2\.png: damaged") as caught:
        build_cache(pairs, folder, workers=workers, progress=False)
    assert "\n" not in str(caught.value)
    assert "manifest.json" not in files_of(folder) and "pixels.bin" not in files_of(folder)
    path.write_bytes(whole)
    assert_same(build_cache(pairs, folder, workers=workers, progress=False), pairs)


def test_a_file_that_is_no_image_or_missing_is_named(pairs: ImagePairs, tmp_path: Path) -> None:
    path = pairs.files[2][1]
    path.write_text("no image")
    with pytest.raises(ValueError, match=r"target.2\.png: not an image"):
        build_cache(pairs, tmp_path / "cache", progress=False)
    path.unlink()
    for call in (decoded_bytes, lambda p: build_cache(p, tmp_path / "cache", progress=False)):
        with pytest.raises(FileNotFoundError, match=r"target.2\.png: no such file"):
            call(pairs)


def test_a_pair_of_two_sizes_is_named_as_without_a_cache(tmp_path: Path) -> None:
    a = write_noise(tmp_path / "a.png", 0, (12, 10))
    b = write_noise(tmp_path / "b.png", 0, (10, 12))
    cached = build_cache(ImagePairs([(a, b)]), tmp_path / "cache", workers=0, progress=False)
    with pytest.raises(ValueError, match=r"a\.png: 12 x 10 pixels, .*b\.png has 10 x 12"):
        cached[0]


def test_finished_on_the_device_or_in_workers_a_sample_is_the_same(
    pairs: ImagePairs, tmp_path: Path
) -> None:
    cached = build_cache(pairs, tmp_path / "cache", workers=0, progress=False)
    in_workers, raw = RandomCrops(pairs, 16, seed=2), RawCrops(cached, 16, seed=2)
    turns = set()
    for epoch in range(12):
        in_workers.set_epoch(epoch)
        raw.set_epoch(epoch)
        loaders = (DataLoader(in_workers, 3), DataLoader(raw, 3))
        for expected, batch in zip(*loaders, strict=True):
            assert batch.blurred.dtype == batch.sharp.dtype == torch.uint8
            pair = finish(batch)
            assert torch.equal(pair.blurred, expected.blurred)
            assert torch.equal(pair.sharp, expected.sharp)
            turns |= set(batch.turn.tolist())
        sample, expected = finish(raw[1]), in_workers[1]
        assert torch.equal(sample.blurred, expected.blurred)
    assert turns == set(range(8))
    assert len(DataLoader(raw)) == len(in_workers) == 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_finished_on_a_gpu_a_sample_is_bit_for_bit_the_same(pairs: ImagePairs) -> None:
    batch = next(iter(DataLoader(RawCrops(pairs, 24), 3)))
    there = finish(batch._replace(blurred=batch.blurred.cuda(), sharp=batch.sharp.cuda()))
    here = finish(batch)
    assert torch.equal(there.blurred.cpu(), here.blurred)
    assert torch.equal(there.sharp.cpu(), here.sharp)
