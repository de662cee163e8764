"""Faults planted in data sets: each is found, all are found together, and good data has none."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deblurlib.data import faults as module
from deblurlib.data.faults import find_faults, misalignment, unrelated
from deblurlib.data.synthetic import photo_split, strength_of
from deblurlib.imaging.files import open_image, save_image


def noise(seed: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(levels)


def write_pairs(root: Path, names: str, sharp: str = "target", blurred: str = "input") -> None:
    """Pairs of noise that do not resemble each other: nothing can be said of their alignment."""
    for number, name in enumerate(names):
        save_image(noise(2 * number), root / blurred / f"{name}.png")
        save_image(noise(2 * number + 1), root / sharp / f"{name}.png")


def problems(root: Path) -> dict[str, str]:
    """Every fault by its file, relative to `root`; one for a file."""
    found = [(str(path.relative_to(root)), problem) for path, problem in find_faults(root).faults]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_good_data_has_no_faults(tmp_path: Path) -> None:
    write_pairs(tmp_path, "abc")
    assert find_faults(str(tmp_path)) == (3, [])


def test_all_faults_are_found_in_one_pass(tmp_path: Path) -> None:
    write_pairs(tmp_path, "abcdefghijklmn")
    blurred, sharp = tmp_path / "input", tmp_path / "target"
    (blurred / "a.png").unlink()
    (sharp / "b.png").unlink()
    save_image(noise(0, (48, 41)), blurred / "c.png")
    (blurred / "d.png").write_text("no image")
    whole = (sharp / "e.png").read_bytes()
    (sharp / "e.png").write_bytes(whole[: len(whole) // 2])
    (sharp / "f.png").write_bytes(whole[:1000] + b"changed" + whole[1007:])
    noise(0).convert("L").save(blurred / "g.png")
    noise(0).convert("RGBA").save(sharp / "h.png")
    Image.fromarray(np.full((40, 48), 9999, np.uint16)).save(sharp / "i.png")
    write_deep(blurred / "j.png")
    noise(0).convert("P").save(blurred / "k.png")
    (sharp / "l.png").write_bytes((blurred / "l.png").read_bytes())
    (sharp / "m.png").write_bytes(b"")
    save_image(noise(0), sharp / "n.jpg")
    pairs, faults = find_faults(tmp_path)
    assert pairs == 12
    found = problems(tmp_path)
    expected = {
        "target/a.png": f"no partner of this name in {blurred}",
        "input/b.png": f"no partner of this name in {sharp}",
        "input/c.png": f"48 x 41 pixels, but {sharp}/c.png has 48 x 40",
        "input/d.png": "not an image that Pillow can read",
        "target/e.png": "damaged or unsupported image",
        "target/f.png": "damaged or unsupported image",
        "input/g.png": "gray, not 8-bit RGB",
        "target/h.png": "RGB with alpha, not 8-bit RGB",
        "target/i.png": "16 bits a channel, not 8-bit RGB",
        "input/j.png": "16 bits a channel, not 8-bit RGB",
        "input/k.png": "a palette, not 8-bit RGB",
        "input/l.png": f"identical to its sharp partner {sharp}/l.png",
        "target/m.png": "not an image that Pillow can read",
        "target/n.png": f"{sharp}/n.jpg has the same name; remove one",
    }
    assert found.keys() == expected.keys()
    assert all(found[name].startswith(problem) for name, problem in expected.items())
    assert len({str(fault) for fault in faults}) == len(expected)


def write_deep(path: Path) -> None:
    """A PNG with 16 bits for each of three colours, which Pillow reads but does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    rows = 40 * (b"\0" + bytes(range(144)) * 2)
    header = struct.pack(">IIBBBBB", 48, 40, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def test_colours_of_16_bits_would_pass_for_8(tmp_path: Path) -> None:
    write_deep(tmp_path / "deep.png")
    assert Image.open(tmp_path / "deep.png").mode == "RGB"


@pytest.mark.parametrize("empty", ["input", "target"])
def test_empty_and_missing_folders(tmp_path: Path, empty: str) -> None:
    write_pairs(tmp_path, "ab")
    for path in (tmp_path / empty).iterdir():
        path.unlink()
    assert [*problems(tmp_path)] == [empty]
    assert problems(tmp_path)[empty].startswith("no images here")
    if empty == "target":
        (tmp_path / "target").rmdir()
        assert problems(tmp_path) == {"target": "no such folder"}


def test_both_splits_and_all_versions_are_looked_at(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for seed, kind in enumerate(("blur", "blur_gamma", "sharp")):
            for number in (1, 2):
                path = tmp_path / split / "GOPR01_11_00" / kind / f"{number}.png"
                save_image(noise(10 * seed + number), path)
    sequences = {split: tmp_path / split / "GOPR01_11_00" for split in ("train", "test")}
    assert find_faults(tmp_path) == (8, [])
    (sequences["train"] / "blur" / "1.png").unlink()
    (sequences["test"] / "blur_gamma" / "1.png").write_text("no image")
    (sequences["test"] / "sharp" / "2.png").write_text("no image")  # once, though of two pairs
    assert problems(tmp_path).keys() == {
        "train/GOPR01_11_00/sharp/1.png",
        "test/GOPR01_11_00/blur_gamma/1.png",
        "test/GOPR01_11_00/sharp/2.png",
    }
    (tmp_path / "test").rename(tmp_path / "elsewhere")
    (tmp_path / "test").mkdir()
    assert problems(tmp_path)["test"] == "no pairs recognised here"
    (tmp_path / "test").rmdir()
    assert "test" not in problems(tmp_path)  # one split alone is a data set


def test_hides_sharp_images_need_a_partner_in_some_split(tmp_path: Path) -> None:
    write_pairs(tmp_path, "ab", "GT", "train")
    write_pairs(tmp_path, "c", "GT", "test/test-close-ups")
    save_image(noise(7), tmp_path / "GT" / "d.png")
    expected = {"GT/d.png": "no blurred partner of this name in train or test"}
    assert problems(tmp_path) == expected
    # With the test split alone, nobody knows.
    for path in (tmp_path / "train").iterdir():
        path.unlink()
    (tmp_path / "train").rmdir()
    assert problems(tmp_path) == {}


def test_any_two_folders(tmp_path: Path) -> None:
    write_pairs(tmp_path, "ab", "here", "there")
    (tmp_path / "here" / "a.png").unlink()
    pairs, faults = find_faults(tmp_path / "there", tmp_path / "here")
    assert pairs == 1
    assert [fault.path for fault in faults] == [tmp_path / "there" / "a.png"]


def test_nothing_recognised_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no train or test pairs recognised; looked for"):
        find_faults(tmp_path)


def test_several_processes_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pairs(tmp_path, "abcdefgh")
    for name in "bg":
        (tmp_path / "input" / f"{name}.png").write_text("no image")
    here = find_faults(tmp_path)
    assert len(here.faults) == 2
    monkeypatch.setattr(module, "GROUPS_PER_PROCESS", 4)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    # Were they examined here, this would be found.
    monkeypatch.setattr(module, "_kernel", lambda *_: pytest.fail("not in a process"))
    assert find_faults(tmp_path) == here


def shifted(
    blurred: np.ndarray, sharp: np.ndarray, right: int, down: int
) -> tuple[np.ndarray, np.ndarray]:
    """Two windows whose contents lie so far apart."""
    height, width = sharp.shape[:2]

    def window(image: np.ndarray, x: int, y: int) -> np.ndarray:
        return image[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]

    return window(blurred, -right, -down), window(sharp, right, down)


def levels(paths: tuple[Path, Path]) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(open_image(paths[0])), np.asarray(open_image(paths[1]))


@pytest.mark.slow
def test_shifts_of_photographs_are_found_and_blur_is_none() -> None:
    pairs = photo_split()
    for index, files in enumerate(pairs.files):
        blurred, sharp = levels(files)
        name = pairs.name(index)
        assert misalignment(blurred, sharp) is None, name
        reach = {"mild": 10, "medium": 12, "strong": 20}[strength_of(name)]
        for right, down in ((reach, 0), (-reach, 0), (0, reach), (0, -reach)):
            found = misalignment(*shifted(blurred, sharp, right, down))
            assert found is not None, (name, right, down)
            assert max(abs(found[0] - right), abs(found[1] - down)) <= 9, (name, right, down)


@pytest.mark.parametrize("kind", ["blur", "blur_gamma"])
def test_shifts_of_real_frames_are_found_and_blur_is_none(kind: str, gopro_sample: Path) -> None:
    folder = gopro_sample / "train" / "GOPR0477_11_00"
    paths = sorted((folder / "sharp").iterdir())
    assert len(paths) >= 5
    for path in paths:
        blurred, sharp = levels((folder / kind / path.name, path))
        assert misalignment(blurred, sharp) is None, path
        for right, down in ((16, 16), (-30, 0), (0, 40)):
            assert misalignment(*shifted(blurred, sharp, right, down)) == (right, down), path


def test_a_set_of_shifted_pairs_is_told_in_both_directions(
    tmp_path: Path, gopro_sample: Path
) -> None:
    folder = gopro_sample / "train" / "GOPR0477_11_00"
    path = next((folder / "sharp").iterdir())
    pair = shifted(*levels((folder / "blur" / path.name, path)), right=-20, down=24)
    for image, name in zip(pair, ("input", "target"), strict=True):
        save_image(Image.fromarray(image), tmp_path / name / "a.png")
    expected = f"shifted by about -20 pixels right and 24 down against {tmp_path}/target/a.png"
    assert problems(tmp_path) == {"input/a.png": expected}


@pytest.mark.slow
def test_what_is_no_pair_is_told_and_blur_is_none() -> None:
    pairs = photo_split()
    for index, files in enumerate(pairs.files):
        blurred, sharp = levels(files)
        assert not unrelated(blurred, sharp), pairs.name(index)
        # The next photograph's: six pairs further.
        _, other = levels(pairs.files[(index + 6) % len(pairs)])
        height, width = np.minimum(blurred.shape, other.shape)[:2]
        wrong = blurred[:height, :width], other[:height, :width]
        assert unrelated(*wrong) and misalignment(*wrong) is None, pairs.name(index)


def test_real_frames_are_pairs_and_a_flipped_one_is_not(tmp_path: Path, gopro_sample: Path) -> None:
    folder = gopro_sample / "train" / "GOPR0477_11_00"
    for path in (folder / "sharp").iterdir():
        blurred, sharp = levels((folder / "blur" / path.name, path))
        assert not unrelated(blurred, sharp), path
        save_image(Image.fromarray(blurred[:, ::-1]), tmp_path / "input" / path.name)
        save_image(Image.fromarray(sharp), tmp_path / "target" / path.name)
    pairs, faults = find_faults(tmp_path)
    assert len(faults) == pairs >= 5
    assert all("nothing in common" in fault.problem for fault in faults)


def test_where_nothing_can_be_told_nothing_is_said() -> None:
    flat = np.full((64, 64, 3), 90, np.uint8)
    unlike = np.asarray(noise(1, (64, 64))), np.asarray(noise(2, (64, 64)))
    tiny = np.asarray(noise(3, (31, 90)))
    assert misalignment(flat, flat + 1) is None
    assert misalignment(flat, unlike[0]) is None
    assert misalignment(unlike[0], flat) is None
    assert misalignment(*unlike) is None
    assert not unrelated(*unlike)  # too small
    dark = np.zeros((130, 128, 3), np.uint8)
    detailed = [np.asarray(noise(seed, (128, 130))) for seed in (4, 5)]
    assert unrelated(*detailed) and not unrelated(detailed[0], detailed[0])
    assert not unrelated(dark, detailed[0]) and not unrelated(detailed[0], dark)
    assert misalignment(np.roll(tiny, 8, 0), tiny) is None
    assert misalignment(np.roll(unlike[0], (-9, 7), (0, 1)), unlike[0]) == (7, -9)
