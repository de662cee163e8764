"""Pairs on disk: found by name in every layout, cropped alike, and errors that name the file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deblurlib.data.pairs import (
    ImagePairs,
    RandomCrops,
    dihedral,
    find_pairs,
    folder_pairs,
    gopro_pairs,
    hide_pairs,
    realblur_pairs,
)
from deblurlib.imaging.files import open_image, save_image, to_tensor


def write_flat(path: Path, level: int, size: tuple[int, int] = (12, 10)) -> Path:
    """An image of one gray level, ``size`` in width and height."""
    save_image(Image.new("RGB", size, (level, level, level)), path)
    return path


def write_noise(path: Path, seed: int, size: tuple[int, int] = (24, 20)) -> Path:
    levels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    save_image(Image.fromarray(levels), path)
    return path


def level(image: torch.Tensor) -> int:
    """The gray level of an image of one colour."""
    assert (image == image[0, 0, 0]).all()
    return round(image[0, 0, 0].item() * 255)


def levels(pairs: ImagePairs) -> list[tuple[int, int]]:
    return [(level(pairs[k].blurred), level(pairs[k].sharp)) for k in range(len(pairs))]


@pytest.fixture
def gopro(tmp_path: Path) -> Path:
    """Two sequences that share their frames' names; every image has a level of its own."""
    numbers = iter(range(1, 100))
    for sequence in ("GOPR0372_07_00", "GOPR0374_11_03"):
        for frame in ("000001", "000002"):
            for kind in ("blur", "blur_gamma", "sharp"):
                path = tmp_path / "train" / sequence / kind / f"{frame}.png"
                write_flat(path, next(numbers))
    return tmp_path


def test_gopro_layout(gopro: Path) -> None:
    (gopro / "train" / "readme.txt").write_text("not a sequence")
    pairs = gopro_pairs(gopro, "train")
    assert levels(pairs) == [(1, 3), (4, 6), (7, 9), (10, 12)]
    assert [pairs.name(index) for index in range(4)] == [
        "GOPR0372_07_00/000001",
        "GOPR0372_07_00/000002",
        "GOPR0374_11_03/000001",
        "GOPR0374_11_03/000002",
    ]
    gamma = gopro_pairs(str(gopro), "train", "blur_gamma")
    assert levels(gamma) == [(2, 3), (5, 6), (8, 9), (11, 12)]
    assert gamma.name(3) == "GOPR0374_11_03/000002"
    assert levels(find_pairs(gopro, "train")) == levels(pairs)


def test_gopro_layout_incomplete(gopro: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"test: no sequences here; give the folder with"):
        gopro_pairs(gopro, "test")
    # Of all sequences, not only of the first that lacks something.
    (gopro / "train" / "GOPR0372_07_00" / "blur" / "000001.png").unlink()
    (gopro / "train" / "GOPR0374_11_03" / "sharp" / "000002.png").unlink()
    first = r"GOPR0372_07_00/sharp/000001\.png: no partner of this name in .*GOPR0372_07_00/blur"
    second = r"GOPR0374_11_03/blur/000002\.png: no partner of this name in .*GOPR0374_11_03/sharp"
    for load in (gopro_pairs, find_pairs):
        with pytest.raises(ValueError, match=rf"{first}; .*{second} \(python -m deblurlib"):
            load(gopro, "train")


def test_nothing_recognised_says_what_was_looked_for(gopro: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        find_pairs(gopro, "test")
    for name in ("no test pairs", "GOPRO", "HIDE", "RealBlur_R", "input/", "input_crops/"):
        assert name in str(error.value)


def test_a_macs_hidden_files_are_no_images(gopro: Path) -> None:
    (gopro / "train" / "GOPR0372_07_00" / "blur" / "._000001.png").write_text("Finder was here")
    assert len(find_pairs(gopro, "train")) == 4


@pytest.fixture
def hide(tmp_path: Path) -> Path:
    """HIDE's layout; the sharp image's level is the blurred one's plus 100."""
    where = {"train": "ab", "test/test-close-ups": "ce", "test/test-long-shot": "d"}
    for number, (folder, name) in enumerate((f, n) for f, names in where.items() for n in names):
        write_flat(tmp_path / folder / f"{name}.png", number)
        write_flat(tmp_path / "GT" / f"{name}.png", number + 100)
    return tmp_path


def test_hide_layout(hide: Path) -> None:
    # By name, over both folders of test images: c, d, e.
    for pairs in (hide_pairs(hide, "test"), find_pairs(str(hide), "test")):
        assert levels(pairs) == [(2, 102), (4, 104), (3, 103)]
        assert [pairs.name(index) for index in range(3)] == ["c", "d", "e"]
    assert levels(find_pairs(hide, "train")) == [(0, 100), (1, 101)]


def test_hide_incomplete(hide: Path) -> None:
    (hide / "GT" / "d.png").unlink()
    assert len(hide_pairs(hide, "train")) == 2
    with pytest.raises(ValueError, match=r"test-long-shot/d\.png: no partner of this name in .*GT"):
        hide_pairs(hide, "test")
    write_flat(hide / "test" / "test-long-shot" / "c.png", 0)
    with pytest.raises(ValueError, match=r"long-shot/c\.png: .*close-ups/c\.png has the same name"):
        hide_pairs(hide, "test")
    with pytest.raises(ValueError, match="nowhere/train: no such folder"):
        hide_pairs(hide / "nowhere", "train")


REALBLUR = {
    "J": "RealBlur-J_ECC_IMCORR_centroid_itensity_ref",
    "R": "RealBlur-R_BM3D_ECC_IMCORR_centroid_itensity_ref",
}


@pytest.fixture
def realblur(tmp_path: Path) -> Path:
    """RealBlur's layout; levels: 100 for R, 10 for the second scene, the number, 50 for sharp."""
    for kind, folder in REALBLUR.items():
        for split, lines in {"train": [(1, 2), (0, 1)], "test": [(1, 1)]}.items():
            text = ""
            for scene, number in lines:
                place = f"{folder}/scene00{scene + 1}"
                names = [f"{place}/{side}/{side}_{number}.png" for side in ("gt", "blur")]
                text += " ".join(names) + " \n"
                level = 100 * (kind == "R") + 10 * scene + number
                write_flat(tmp_path / names[0], level + 50)
                write_flat(tmp_path / names[1], level)
            (tmp_path / f"RealBlur_{kind}_{split}_list.txt").write_text(text)
    return tmp_path


def test_realblur_layout(realblur: Path) -> None:
    pairs = realblur_pairs(realblur, "train", "J")
    assert levels(pairs) == [(12, 62), (1, 51)]
    assert [pairs.name(index) for index in range(2)] == ["scene002/gt_2", "scene001/gt_1"]
    assert levels(realblur_pairs(str(realblur), "test", "R")) == [(111, 161)]
    # One of the two is recognised by its folder; which one is meant is never guessed.
    assert levels(find_pairs(realblur / REALBLUR["R"], "test")) == [(111, 161)]
    with pytest.raises(ValueError, match="RealBlur-J and RealBlur-R are both here"):
        find_pairs(realblur, "test")
    (realblur / "RealBlur_J_test_list.txt").unlink()
    assert levels(find_pairs(realblur, "test")) == [(111, 161)]


def test_realblur_lists_are_not_trusted(realblur: Path) -> None:
    path = realblur / "RealBlur_J_train_list.txt"
    one, other = (line.split() for line in path.read_text().splitlines())
    path.write_text(f"{one[1]} {one[0]}\n\n")  # which is which, folders say
    assert levels(realblur_pairs(realblur, "train", "J")) == [(12, 62)]
    bad = {
        f"{one[0]} {other[1]}": "line 1: these two do not belong together",
        f"{one[0]} {one[1].replace('scene002', 'scene001')}": "line 1: these two do not belong",
        f"{one[0]} {one[0]}": "line 1 is not a file in gt/ and one in blur/",
        one[0]: "line 1 is not a file in gt/ and one in blur/",
        f"{' '.join(one)} {other[0]}": "line 1 is not a file in gt/ and one in blur/",
        " ".join(one).replace("_2", "_3"): "blur_3.png: no such file, but RealBlur_J_train_list",
        "": "RealBlur_J_train_list.txt: an empty list",
    }
    for line, expected in bad.items():
        path.write_text(line)
        with pytest.raises(ValueError, match=expected):
            realblur_pairs(realblur, "train", "J")
    path.unlink()
    with pytest.raises(FileNotFoundError, match="RealBlur_J_train_list"):
        realblur_pairs(realblur, "train", "J")


def test_real_gopro_frames(gopro_sample: Path) -> None:
    pairs = find_pairs(gopro_sample, "train")
    assert len(pairs) >= 1
    assert pairs.name(0) == "GOPR0477_11_00/000002"
    blurred, sharp = pairs[0]
    assert blurred.shape == sharp.shape == (3, 720, 1280)
    # Of one scene, yet not the same: the published data's blurred frames score 20 to 35 dB.
    assert 15 < -10 * (blurred - sharp).square().mean().log10() < 40


@pytest.mark.parametrize("under", ["", "train"])
@pytest.mark.parametrize(
    "names", [("input", "target"), ("input_crops", "target_crops"), ("blurred", "sharp")]
)
def test_flat_folders(tmp_path: Path, under: str, names: tuple[str, str]) -> None:
    write_flat(tmp_path / under / names[0] / "a.png", 5)
    write_flat(tmp_path / under / names[1] / "a.png", 6)
    pairs = find_pairs(tmp_path, "train")
    assert levels(pairs) == [(5, 6)]
    assert pairs.name(0) == "a"


def test_one_sequence_is_a_flat_folder_too(gopro: Path) -> None:
    pairs = find_pairs(gopro / "train" / "GOPR0374_11_03", "test")
    assert levels(pairs) == [(7, 9), (10, 12)]


def test_full_frames_come_before_crops(tmp_path: Path) -> None:
    for number, name in enumerate(("input_crops", "target_crops", "input", "target")):
        write_flat(tmp_path / name / "a.png", number)
    assert levels(find_pairs(tmp_path, "train")) == [(2, 3)]


def test_a_splits_own_folder_comes_before_the_root(tmp_path: Path) -> None:
    for under, first in (("", 1), ("test", 3)):
        write_flat(tmp_path / under / "input" / "a.png", first)
        write_flat(tmp_path / under / "target" / "a.png", first + 1)
    assert levels(find_pairs(tmp_path, "test")) == [(3, 4)]
    assert levels(find_pairs(tmp_path, "train")) == [(1, 2)]


def test_two_folders_are_matched_by_name(tmp_path: Path) -> None:
    # Written in another order, with other endings, and with files that are no images between them.
    for name, blurred, sharp in (("c", 31, 32), ("a", 11, 12), ("b", 21, 22)):
        write_flat(tmp_path / "blurred" / f"{name}.png", blurred)
        write_flat(tmp_path / "sharp" / f"{name}.BMP", sharp)
    (tmp_path / "blurred" / "aa.txt").write_text("notes")
    (tmp_path / "sharp" / ".DS_Store").write_text("Finder was here")
    pairs = folder_pairs(tmp_path / "blurred", str(tmp_path / "sharp"))
    assert levels(pairs) == [(11, 12), (21, 22), (31, 32)]
    # Not GoPro's layout, though a folder is called sharp: names are the files'.
    assert [pairs.name(index) for index in range(3)] == ["a", "b", "c"]


@pytest.mark.parametrize("missing", ["blurred", "sharp"])
def test_missing_partners_are_counted_and_named(tmp_path: Path, missing: str) -> None:
    there = "sharp" if missing == "blurred" else "blurred"
    for kind in (there, missing):
        for number in range(6):
            if kind != missing or number == 3:
                write_flat(tmp_path / kind / f"{number}.png", number)
    names = [
        rf"{there}/{number}\.png: no partner of this name in .*{missing}" for number in range(3)
    ]
    expected = rf"{'; .*'.join(names)}; and 2 more \(python -m deblurlib data check DIR lists all"
    with pytest.raises(ValueError, match=expected):
        folder_pairs(tmp_path / "blurred", tmp_path / "sharp")


def test_one_missing_partner_is_all_that_is_said(tmp_path: Path) -> None:
    write_flat(tmp_path / "blurred" / "a.png", 1)
    write_flat(tmp_path / "blurred" / "b.png", 1)
    write_flat(tmp_path / "sharp" / "a.png", 1)
    with pytest.raises(
        ValueError, match=rf"b\.png: no partner of this name in {tmp_path}/sharp \("
    ):
        folder_pairs(tmp_path / "blurred", tmp_path / "sharp")


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="blurred: no such folder"):
        folder_pairs(tmp_path / "blurred", tmp_path / "sharp")
    for kind in ("blurred", "sharp"):
        (tmp_path / kind).mkdir()
    with pytest.raises(
        ValueError, match=r"blurred: no images here \(\.avif, \.bmp, \.jpeg, \.jpg, \.png"
    ):
        folder_pairs(tmp_path / "blurred", tmp_path / "sharp")


def test_a_repeated_name_is_ambiguous(tmp_path: Path) -> None:
    write_flat(tmp_path / "sharp" / "a.png", 1)
    for ending in ("png", "jpg"):
        write_flat(tmp_path / "blurred" / f"a.{ending}", 1)
    with pytest.raises(ValueError, match=r"a\.png: .*a\.jpg has the same name; remove one"):
        folder_pairs(tmp_path / "blurred", tmp_path / "sharp")


def test_unequal_sizes_name_both_files(tmp_path: Path) -> None:
    write_flat(tmp_path / "blurred" / "a.png", 1, (12, 10))
    write_flat(tmp_path / "sharp" / "a.png", 1, (10, 12))
    pairs = folder_pairs(tmp_path / "blurred", tmp_path / "sharp")
    expected = r"blurred/a\.png: 12 x 10 pixels, .*sharp/a\.png has 10 x 12: .* of one size"
    with pytest.raises(ValueError, match=expected):
        pairs[0]


@pytest.mark.parametrize("kind", ["blurred", "sharp"])
def test_unreadable_files_are_named(tmp_path: Path, kind: str) -> None:
    for folder in ("blurred", "sharp"):
        write_flat(tmp_path / folder / "a.png", 1)
    (tmp_path / kind / "a.png").write_text("no image")
    pairs = folder_pairs(tmp_path / "blurred", tmp_path / "sharp")
    with pytest.raises(ValueError, match=rf"{kind}/a\.png: not an image"):
        pairs[0]


@pytest.fixture
def same_files(tmp_path: Path) -> ImagePairs:
    """Three pairs whose blurred file is the sharp file."""
    return ImagePairs(2 * [write_noise(tmp_path / f"{k}.png", k)] for k in range(3))


def test_both_images_get_the_same_window_and_turn(same_files: ImagePairs) -> None:
    crops = RandomCrops(same_files, crop=8, seed=1)
    for epoch in range(8):
        crops.set_epoch(epoch)
        for index in range(3):
            blurred, sharp = crops[index]
            assert blurred.shape == sharp.shape == (3, 8, 8)
            assert torch.equal(blurred, sharp)


def test_crops_are_windows_of_their_frame(same_files: ImagePairs) -> None:
    crops = RandomCrops(same_files, crop=8)
    windows, turns = set(), set()
    for epoch in range(40):
        crops.set_epoch(epoch)
        frame, crop = same_files[1].sharp, crops[1].sharp
        # Noise: a crop is at one place only, in one turn.
        (place,) = [
            (top, left, turn)
            for top in range(20 - 8 + 1)
            for left in range(24 - 8 + 1)
            for turn in range(8)
            if frame[0, top, left] in crop[0, [0, 0, -1, -1], [0, -1, 0, -1]]
            and torch.equal(dihedral(frame[:, top : top + 8, left : left + 8], turn), crop)
        ]
        windows.add(place[:2])
        turns.add(place[2])
    assert turns == set(range(8))
    assert len(windows) > 25
    # The whole frame is used: windows start in its first and in its last quarter.
    for axis, last in ((0, 12), (1, 16)):
        starts = [window[axis] for window in windows]
        assert min(starts) <= last / 4 and max(starts) >= last * 3 / 4


def test_a_crop_is_a_function_of_seed_epoch_and_index(same_files: ImagePairs) -> None:
    def sample(seed: int, epoch: int, index: int) -> torch.Tensor:
        crops = RandomCrops(same_files, crop=8, seed=seed)
        crops.set_epoch(epoch)
        return crops[index].sharp

    used = RandomCrops(same_files, crop=8, seed=5)
    for index in (2, 0, 1):
        used[index]  # what was drawn before must not matter
    used.set_epoch(3)
    assert torch.equal(used[1].sharp, sample(5, 3, 1))
    for other in ((6, 3, 1), (5, 4, 1), (5, 3, 2)):
        assert not torch.equal(sample(*other), sample(5, 3, 1))


def test_a_crop_of_the_whole_frame(tmp_path: Path) -> None:
    path = write_noise(tmp_path / "a.png", 0, size=(8, 8))
    crop = RandomCrops(ImagePairs([(path, path)]), crop=8)[0].sharp
    frame = to_tensor(open_image(path))
    assert any(torch.equal(dihedral(frame, turn), crop) for turn in range(8))


def test_a_frame_smaller_than_the_crop_is_named(same_files: ImagePairs) -> None:
    expected = r"1\.png: 24 x 20 pixels are too few for crops of 21: choose a smaller crop"
    with pytest.raises(ValueError, match=expected):
        RandomCrops(same_files, crop=21)[1]


def test_the_eight_turns_by_hand() -> None:
    # Corners of a 2 x 2 image, read row by row. rot90 turns left, from x towards y.
    image = torch.tensor([[1, 2], [3, 4]])
    expected = [
        [1, 2, 3, 4],  # as it is
        [2, 4, 1, 3],  # a quarter to the left
        [4, 3, 2, 1],
        [3, 1, 4, 2],
        [2, 1, 4, 3],  # mirrored, then turned likewise
        [1, 3, 2, 4],
        [3, 4, 1, 2],
        [4, 2, 3, 1],
    ]
    assert [dihedral(image, turn).flatten().tolist() for turn in range(8)] == expected


def test_turns_keep_channels_and_swap_sides() -> None:
    image = torch.rand(2, 3, 4, 6)
    for turn in range(8):
        turned = dihedral(image, turn)
        assert turned.shape == ((2, 3, 6, 4) if turn % 2 else (2, 3, 4, 6))
        assert turned.is_contiguous()
        torch.testing.assert_close(turned.sum((-2, -1)), image.sum((-2, -1)))
