"""Image files: every kind in as 8-bit RGB, whole files out, errors that name the file."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deblurlib.imaging import files
from deblurlib.imaging.files import open_image, save_image, to_image, to_rgb, to_tensor


def noise_image(width: int = 7, height: int = 5) -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels)


@pytest.mark.parametrize("ending", [".png", ".PNG", ".bmp", ".tif"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5)])
def test_lossless_files_keep_every_level(tmp_path: Path, ending: str, size: tuple[int, int]):
    image = noise_image(*size)
    save_image(image, tmp_path / "new folder" / f"a{ending}")
    opened = open_image(tmp_path / "new folder" / f"a{ending}")
    assert opened.mode == "RGB"
    assert np.array_equal(np.asarray(opened), np.asarray(image))


def test_tensors_and_images_by_hand() -> None:
    image = Image.fromarray(np.array([[[255, 0, 51], [0, 255, 102]]], dtype=np.uint8))
    tensor = to_tensor(image)
    expected = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]], [[0.2, 0.4]]])
    torch.testing.assert_close(tensor, expected, atol=1e-7, rtol=0)
    assert np.array_equal(np.asarray(to_image(tensor)), np.asarray(image))
    # Clipped, and rounded to the nearest level: 0.6 / 255 is nearer to 1 than to 0.
    odd = torch.tensor([-0.5, 0.6 / 255, 2.0]).view(1, 3, 1, 1)
    assert to_image(odd).getpixel((0, 0)) == (0, 1, 255)


def test_all_levels_survive_the_round_trip() -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(np.asarray(to_image(to_tensor(Image.fromarray(levels)))), levels)


@pytest.mark.parametrize("shape", [(3, 4), (1, 4, 4), (2, 3, 4, 4), (4, 4, 3)])
def test_to_image_wants_one_rgb_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(3, H, W\)"):
        to_image(torch.zeros(shape))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation_is_applied(tmp_path: Path, ending: str) -> None:
    # 6: the camera was turned; the first row of the file is the right side of the scene.
    levels = np.zeros((16, 32, 3), dtype=np.uint8)
    levels[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(levels).save(tmp_path / f"turned{ending}", exif=exif)
    upright = np.asarray(open_image(tmp_path / f"turned{ending}")).astype(int)
    assert upright.shape == (32, 16, 3)
    assert upright[:, 9:].min() > 200 and upright[:, :7].max() < 50


def test_what_is_opened_turned_is_saved_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    noise_image(32, 16).save(tmp_path / "turned.jpg", exif=exif)
    upright = open_image(tmp_path / "turned.jpg")
    save_image(upright, tmp_path / "again.jpg")
    again = open_image(tmp_path / "again.jpg")
    assert upright.size == again.size == (16, 32)  # not turned twice
    with Image.open(tmp_path / "again.jpg") as saved:
        assert saved.getexif().get(0x0112, 1) == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png: no such file"):
        open_image(tmp_path / "nowhere.png")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FileNotFoundError, match=r"folder\.png: not a file"):
        open_image(tmp_path / "folder.png")


@pytest.mark.parametrize("content", [b"", b"dear diary\n", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "diary.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"diary\.png: not an image"):
        open_image(tmp_path / "diary.png")


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_file_is_named(tmp_path: Path, ending: str, share: float) -> None:
    path = tmp_path / f"half{ending}"
    noise_image(64, 48).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=rf"half\{ending}: (damaged|not an image)"):
        open_image(path)


def test_an_image_too_large_to_decode_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_image(64, 48).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # refused from twice as many on
    with pytest.raises(ValueError, match=r"bomb\.png: more than 2,000 pixels"):
        open_image(tmp_path / "bomb.png")


def test_saving_in_an_unknown_format_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.xyz"):
        save_image(noise_image(), tmp_path / "a.xyz")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    save_image(noise_image(), path)
    before = path.read_bytes()

    def half_a_save(self: Image.Image, file: str) -> None:
        Path(file).write_bytes(before[:20])
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", half_a_save)
    with pytest.raises(OSError, match="No space"):
        save_image(noise_image(2, 2), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_appears_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    save_image(noise_image(), path)
    before = path.read_bytes()
    seen = []

    def spy(source: str, target: Path) -> None:
        seen.append((Path(target).read_bytes(), Image.open(source).size))
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(files.os, "replace", spy)
    save_image(noise_image(9, 2), path)
    # At the moment of renaming the old file was untouched, and the new one complete.
    assert seen == [(before, (9, 2))]
    assert open_image(path).size == (9, 2)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_saved_files_are_as_readable_as_any(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    save_image(noise_image(), tmp_path / "a.png")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a.png")]
    assert modes[0] == modes[1]


def test_gray_becomes_three_times_the_same(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 100, 255]], dtype=np.uint8)).save(tmp_path / "gray.png")
    expected = [[[0, 0, 0], [100, 100, 100], [255, 255, 255]]]
    assert np.asarray(open_image(tmp_path / "gray.png")).tolist() == expected


def test_black_and_white_becomes_0_and_255(tmp_path: Path) -> None:
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "bits.png")
    assert np.asarray(open_image(tmp_path / "bits.png")).tolist() == [[[0] * 3, [255] * 3]]


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(tmp_path / "palette.png")
    assert np.asarray(open_image(tmp_path / "palette.png")).tolist() == [
        [[10, 20, 30], [200, 100, 50]]
    ]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_opacity_is_left_out(tmp_path: Path, mode: str) -> None:
    bands = len(mode)
    levels = np.full((1, 2, bands), 90, dtype=np.uint8)
    levels[0, :, -1] = 0, 255
    Image.fromarray(levels, mode if mode == "LA" else None).save(tmp_path / "alpha.png")
    assert np.asarray(open_image(tmp_path / "alpha.png")).tolist() == [[[90] * 3, [90] * 3]]


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    # No ink is white, all cyan takes away red.
    ink = np.zeros((16, 32, 4), dtype=np.uint8)
    ink[:, 16:, 0] = 255
    Image.fromarray(ink, "CMYK").save(tmp_path / "print.jpg", quality=95)
    pixels = np.asarray(open_image(tmp_path / "print.jpg")).astype(int)
    assert abs(pixels[:, 2:14] - [255, 255, 255]).max() <= 3
    assert abs(pixels[:, 18:30] - [0, 255, 255]).max() <= 3


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_sixteen_bit_gray_is_scaled_not_clipped(tmp_path: Path, ending: str) -> None:
    # 65535 = 255 * 257: level k of 8 bits is k * 257.
    levels = np.array([[0, 257, 128 * 257, 128 * 257 + 100, 65535]], dtype=np.uint16)
    Image.fromarray(levels).save(tmp_path / f"deep{ending}")
    pixels = np.asarray(open_image(tmp_path / f"deep{ending}"))
    assert pixels.dtype == np.uint8
    assert pixels[0].tolist() == [[level] * 3 for level in (0, 1, 128, 128, 255)]


def test_any_byte_order_of_sixteen_bits_is_scaled() -> None:
    for mode, order in (("I;16", "<u2"), ("I;16B", ">u2"), ("I", "<i4")):
        raw = np.array([[0, 257, 65535]], dtype=order).tobytes()
        image = Image.frombytes(mode, (3, 1), raw)
        assert np.asarray(to_rgb(image))[0, :, 0].tolist() == [0, 1, 255], mode
        assert to_tensor(image)[0, 0, 2] == 1


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    # Pillow would make [0, 1] black and clip the rest at 255 without a word.
    Image.fromarray(np.full((2, 2), 0.5, dtype=np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(ValueError, match=r"float\.tif: .*floating-point"):
        open_image(tmp_path / "float.tif")
