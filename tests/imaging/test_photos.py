"""Photographs: what surrounds their pixels goes out as it came in, and colours stay true."""

import io
import itertools
import re
import struct
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from deblurlib.imaging.files import to_rgb
from deblurlib.imaging.photos import FORMATS, Photo, open_photo

LOSSLESS = [".png", ".tif"]


def levels(height: int = 24, width: int = 40, channels: int = 3) -> NDArray[np.uint8]:
    """A smooth picture, which lossy formats change little."""
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    shown = [40 + 4 * down, 60 + 3 * across, 200 - 2 * across - down]
    return np.dstack(shown[:channels]).squeeze().astype(np.uint8)


def exif(orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[ExifTags.Base.Orientation] = orientation
    data[ExifTags.Base.Make] = "Lens & Sons"
    details = data.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2020:02:29 12:00:00"
    details[ExifTags.Base.MakerNote] = b"secret"
    details[ExifTags.Base.ExifImageWidth] = 40
    details[ExifTags.Base.ExifImageHeight] = 24
    data.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return data


def again(photo: Photo, path: Path) -> Image.Image:
    """What is written where a network changed nothing."""
    photo.save(photo.image, path)
    with Image.open(path) as image:
        image.load()
    return image


def one_way(space: bytes) -> bytes:
    """A profile of inks or lights which says how each looks, here gray, but not the way back."""
    channels = 3 if space == b"RGB " else 4
    looks = b""
    for amounts in itertools.product((0, 1), repeat=channels):
        lightness = 200 - 40 * sum(amounts)
        looks += bytes([lightness, 128, 128])
    same = bytes(range(256))
    unit = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    table = b"mft1\0\0\0\0" + bytes([channels, 3, 2, 0]) + unit
    table += same * channels + looks + same * 3
    size = 128 + 4 + 12 + len(table)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"scnr", space, b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    entry = struct.pack(">I4s2I", 1, b"A2B0", 144, len(table))
    return head.ljust(128, b"\0") + entry + table


def icc(space: bytes, curve: bytes, *columns: tuple[float, float, float]) -> bytes:
    """A profile of linear or gamma-coded pixels, in as few bytes as it can have."""
    fixed = [struct.pack(">3i", *(round(65536 * v) for v in xyz)) for xyz in (WHITE, *columns)]
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed[0]}
    for name, column in zip((b"r", b"g", b"b"), fixed[1:], strict=False):
        tags |= {name + b"XYZ": b"XYZ \0\0\0\0" + column, name + b"TRC": curve}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">2I", start + len(data), len(content))
        data += content
    size = start + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed[0]
    return head.ljust(128, b"\0") + table + data


WHITE = (0.9642, 1.0, 0.8249)
LINEAR = b"curv\0\0\0\0" + struct.pack(">I", 0)
GAMMA = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * 2.2))
RED, GREEN, BLUE = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139)
EXCHANGED = icc(b"RGB ", GAMMA, GREEN, RED, BLUE)
"""What it calls red is the green of sRGB, and the other way: nobody overlooks a mistake."""
WIDE = icc(b"RGB ", GAMMA, (0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249))
GRAY = icc(b"GRAY", LINEAR)


@pytest.mark.parametrize("ending", sorted(FORMATS))
@pytest.mark.parametrize("orientation", [1, 6])
def test_all_that_surrounds_the_pixels_is_kept(
    ending: str, orientation: int, tmp_path: Path
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    about: dict[str, Any] = {"exif": exif(orientation).tobytes(), "icc_profile": profile}
    about |= {"dpi": (300, 300), "quality": 95}
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">holiday</x:xmpmeta>'
    if ending in (".jpg", ".jpeg", ".webp", ".avif"):
        about["xmp"] = xmp
    Image.fromarray(levels()).save(tmp_path / f"in{ending}", **about)
    photo = open_photo(tmp_path / f"in{ending}")
    assert photo.notes == ()
    image = again(photo, tmp_path / "new folder" / f"out{ending}")
    assert image.format == FORMATS[ending] and image.mode == "RGB"
    upright = np.rot90(levels(), -1) if orientation == 6 else levels()
    assert np.abs(np.asarray(image).astype(int) - upright).max() <= (
        0 if ending in (".png", ".tif", ".tiff") else 12
    )
    assert image.info["icc_profile"] == profile
    if ending not in (".webp", ".avif"):  # which have no place for it
        assert np.allclose(image.info["dpi"], 300, atol=0.01)
    if "xmp" in about:
        assert image.info["xmp"] == xmp
    found = Image.open(tmp_path / "new folder" / f"out{ending}").getexif()
    assert found.get(ExifTags.Base.Orientation, 1) == 1
    assert found[ExifTags.Base.Make] == "Lens & Sons"
    details = found.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.DateTimeOriginal] == "2020:02:29 12:00:00"
    assert details[ExifTags.Base.MakerNote] == b"secret"
    size = details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight]
    assert size == image.size
    assert found.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


def test_xmp_in_a_png_is_kept(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta tiff:Orientation="6">høliday</x:xmpmeta>')
    Image.fromarray(levels()).save(tmp_path / "in.png", exif=exif(6), pnginfo=text)
    image = again(open_photo(tmp_path / "in.png"), tmp_path / "out.png")
    # What is upright now must not be turned again.
    assert image.info["xmp"].decode() == "<x:xmpmeta >høliday</x:xmpmeta>"


def test_xmp_in_a_tiff_is_kept(tmp_path: Path) -> None:
    data = exif(6)
    data[ExifTags.Base.XMLPacket] = b"<x:xmpmeta>holiday</x:xmpmeta>"
    Image.fromarray(levels()).save(tmp_path / "in.tif", exif=data)
    image = again(open_photo(tmp_path / "in.tif"), tmp_path / "out.tif")
    assert image.info["xmp"] == b"<x:xmpmeta>holiday</x:xmpmeta>" and image.size == (24, 40)
    assert image.getexif()[ExifTags.Base.Make] == "Lens & Sons"


def test_how_a_tiff_lay_in_its_file_is_not_kept(tmp_path: Path) -> None:
    # Tiles, a predictor and JPEG tables of the input would make nonsense of the result's strips.
    data = exif()
    for tag in (322, 323, 317, 330):
        data[tag] = 16
    Image.fromarray(levels()).save(tmp_path / "in.png", exif=data)
    Image.open(tmp_path / "in.png").save(tmp_path / "in.tif", compression="tiff_lzw")
    photo = open_photo(tmp_path / "in.png")
    assert np.array_equal(np.asarray(again(photo, tmp_path / "out.tif")), levels())
    image = again(open_photo(tmp_path / "in.tif"), tmp_path / "from_lzw.tif")
    assert np.array_equal(np.asarray(image), levels()) and image.info["compression"] == "raw"


@pytest.mark.parametrize("ending", LOSSLESS)
def test_the_network_sees_srgb_and_the_file_keeps_its_colours(ending: str, tmp_path: Path) -> None:
    own = levels()
    Image.fromarray(own).save(tmp_path / f"in{ending}", icc_profile=EXCHANGED)
    photo = open_photo(tmp_path / f"in{ending}")
    seen = np.asarray(photo.image).astype(int)
    # A gamma of 2.2 is nearly sRGB's curve.
    assert np.abs(seen - own[..., [1, 0, 2]]).max() <= 8
    image = again(photo, tmp_path / f"same{ending}")
    assert np.array_equal(np.asarray(image), own) and image.info["icc_profile"] == EXCHANGED
    # What changes in sRGB's red changes in this file's green.
    brighter = seen + np.array([20, 0, 0])
    photo.save(Image.fromarray(brighter.astype(np.uint8)), tmp_path / f"red{ending}")
    with Image.open(tmp_path / f"red{ending}") as image:
        change = np.asarray(image).astype(int) - own
    assert np.abs(change - [0, 20, 0]).max() <= 3


def test_colours_that_srgb_does_not_have_stay(tmp_path: Path) -> None:
    own = np.full((4, 4, 3), (200, 20, 20), np.uint8)
    Image.fromarray(own).save(tmp_path / "in.png", icc_profile=WIDE)
    photo = open_photo(tmp_path / "in.png")
    red, green, _ = photo.image.getpixel((0, 0))
    assert (red, green) == (255, 0)  # as red as sRGB can be
    there_and_back = photo.to_own.apply(photo.image)
    assert np.abs(np.asarray(there_and_back).astype(int) - own).max() > 10
    assert np.array_equal(np.asarray(again(photo, tmp_path / "out.png")), own)


@pytest.mark.parametrize(
    "profile",
    [
        b"not a profile",
        bytes(200),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        WIDE[:300],
    ],
    ids=["text", "zeros", "Lab", "truncated"],
)
def test_a_damaged_profile_is_left_out_and_said(profile: bytes, tmp_path: Path) -> None:
    Image.fromarray(levels()).save(tmp_path / "in.tif", icc_profile=profile)
    photo = open_photo(tmp_path / "in.tif")
    assert photo.notes == ("its colour profile is damaged or for other pixels: left out",)
    image = again(photo, tmp_path / "out.tif")
    assert np.array_equal(np.asarray(image), levels()) and "icc_profile" not in image.info


@pytest.mark.parametrize("data", [b"Exif\0\0MM\0*", b"Exif\0\0junk", bytes(30), b"Exif\0\0" * 50])
def test_a_damaged_exif_is_no_hindrance(data: bytes, tmp_path: Path) -> None:
    Image.fromarray(levels()).save(tmp_path / "in.webp", lossless=True, exif=data)
    photo = open_photo(tmp_path / "in.webp")
    assert photo.notes == ("its EXIF is damaged or empty: left out",)
    assert np.array_equal(np.asarray(photo.image), levels())
    assert "exif" not in again(photo, tmp_path / "out.webp").info


@pytest.mark.parametrize("ending", LOSSLESS)
def test_gray_is_written_gray_in_all_its_bits(ending: str, tmp_path: Path) -> None:
    deep = np.arange(24 * 40, dtype=np.uint16).reshape(24, 40) * 61 + 7
    for own in (levels(channels=1), deep):
        Image.fromarray(own).save(tmp_path / f"in{ending}")
        photo = open_photo(tmp_path / f"in{ending}")
        assert photo.notes == () and photo.image.mode == "RGB"
        image = again(photo, tmp_path / f"out{ending}")
        assert np.array_equal(np.asarray(image), own)
        assert image.mode == ("L" if own.dtype == np.uint8 else "I;16")
        # Two of 255 levels brighter are 514 of 65535, where there is room.
        brighter = Image.fromarray(np.minimum(np.asarray(photo.image), 250) + np.uint8(2))
        photo.save(brighter, tmp_path / f"out{ending}")
        with Image.open(tmp_path / f"out{ending}") as image:
            change = np.asarray(image).astype(int) - own
        dark = np.asarray(photo.image)[..., 0] < 250
        assert np.unique(change[dark]).tolist() == [2 if own.dtype == np.uint8 else 514]


def test_a_gray_profile_is_kept(tmp_path: Path) -> None:
    Image.fromarray(levels(channels=1)).save(tmp_path / "in.png", icc_profile=GRAY)
    photo = open_photo(tmp_path / "in.png")
    assert photo.notes == ()
    # Linear light: dark levels look brighter than the same of sRGB.
    assert np.asarray(photo.image).mean() > levels(channels=1).mean() + 20
    image = again(photo, tmp_path / "out.png")
    assert image.mode == "L" and image.info["icc_profile"] == GRAY
    assert np.array_equal(np.asarray(image), levels(channels=1))
    Image.fromarray(levels()).save(tmp_path / "colour.png", icc_profile=GRAY)
    assert open_photo(tmp_path / "colour.png").notes  # not for such pixels


@pytest.mark.parametrize("ending", [".png", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_opacity_is_put_back(mode: str, ending: str, tmp_path: Path) -> None:
    image = Image.fromarray(levels()).convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / f"in{ending}", lossless=True)
    with Image.open(tmp_path / f"in{ending}") as read:
        expected = np.asarray(read.convert("RGBA").getchannel("A")).astype(int)
    result = again(open_photo(tmp_path / f"in{ending}"), tmp_path / f"out{ending}")
    assert result.mode == (mode if ending in LOSSLESS else "RGBA")
    assert np.abs(np.asarray(result.getchannel("A")) - expected).max() <= (ending == ".avif") * 4


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.fromarray(levels()).quantize(16)
    for ending in (".png", ".gif"):
        image.save(tmp_path / f"in{ending}", transparency=3)
        with Image.open(tmp_path / f"in{ending}") as read:
            expected = read.convert("RGBA")
        result = again(open_photo(tmp_path / f"in{ending}"), tmp_path / "out.png")
        assert result.mode == "RGBA" and set(np.unique(result.getchannel("A"))) == {0, 255}
        assert np.array_equal(np.asarray(result), np.asarray(expected))


@pytest.mark.parametrize("ending", [".jpg", ".tif"])
def test_cmyk_becomes_rgb_and_says_so(ending: str, tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / f"print{ending}", quality=95)
    photo = open_photo(tmp_path / f"print{ending}")
    assert photo.notes == ("CMYK pixels, written as RGB",)
    result = again(photo, tmp_path / f"out{ending}")
    assert result.mode == "RGB"
    assert np.abs(np.asarray(result).astype(int) - [0, 255, 255]).max() <= 3


def test_inks_look_as_their_profile_says(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(
        tmp_path / "print.tif", icc_profile=one_way(b"CMYK")
    )
    photo = open_photo(tmp_path / "print.tif")
    assert photo.notes == ("CMYK pixels, written as RGB",)
    gray = photo.image.getpixel((0, 0))
    assert max(gray) - min(gray) <= 2 and 100 < gray[0] < 200  # and not cyan
    result = again(photo, tmp_path / "out.tif")
    assert result.getpixel((0, 0)) == gray and "icc_profile" not in result.info


def test_a_profile_without_a_way_back_is_left_out(tmp_path: Path) -> None:
    Image.fromarray(levels()).save(tmp_path / "scan.png", icc_profile=one_way(b"RGB "))
    photo = open_photo(tmp_path / "scan.png")
    assert photo.notes == ("its colour profile is damaged or for other pixels: left out",)
    result = again(photo, tmp_path / "out.png")
    assert np.array_equal(np.asarray(result), levels()) and "icc_profile" not in result.info


def test_what_its_owner_should_know(sound: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(sound["deep_rgb.png"])
    assert open_photo(tmp_path / "deep.png").notes == ("16 bits a colour, written with 8",)
    frames = [Image.new("RGB", (8, 8), (k, 0, 0)) for k in (10, 200, 100)]
    for ending in (".gif", ".webp", ".tif", ".png", ".avif"):
        path = tmp_path / f"moving{ending}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        photo = open_photo(path)
        assert photo.notes == ("holds several pictures: only the first is restored",)
        assert abs(photo.image.getpixel((4, 4))[0] - 10) <= 3


def test_a_wrong_ending_is_said(tmp_path: Path) -> None:
    for own in (
        Image.fromarray(levels()).convert("RGBA"),
        Image.fromarray(levels(channels=1).astype(np.uint16) * 257),
    ):
        own.save(tmp_path / "in.jpg", "PNG")
        photo = open_photo(tmp_path / "in.jpg")
        assert photo.notes == ("a PNG file by its content; written as JPEG, as its name says",)
        result = again(photo, tmp_path / "out.jpg")
        assert result.format == "JPEG" and result.mode == ("RGB" if own.mode == "RGBA" else "L")
        expected = photo.image.convert(result.mode)
        assert np.abs(np.asarray(result).astype(int) - np.asarray(expected)).max() <= 12


def test_a_photo_of_several_pictures_in_jpeg(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), (k, 0, 0)) for k in (10, 200)]
    file = io.BytesIO()
    frames[0].save(file, "MPO", save_all=True, append_images=frames[1:])
    (tmp_path / "phone.jpg").write_bytes(file.getvalue())
    photo = open_photo(tmp_path / "phone.jpg")
    assert photo.notes == ("holds several pictures: only the first is restored",)
    assert again(photo, tmp_path / "out.jpg").format == "JPEG"


def test_an_odd_resolution_is_left_out(tmp_path: Path) -> None:
    Image.fromarray(levels()).save(tmp_path / "in.tif", dpi=(0, 1e9))
    photo = open_photo(tmp_path / "in.tif")
    assert photo.dpi is None
    again(photo, tmp_path / "out.tif")


def test_sound_files_come_through(sound: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in sound.items():
        (tmp_path / name).write_bytes(content)
        photo = open_photo(tmp_path / name)
        result = again(photo, (tmp_path / name).with_suffix(".out.png"))
        assert result.size == photo.image.size and sorted(result.size) == [12, 16]


def test_hostile_files_are_refused_in_one_line_or_come_through(
    hostile: dict[str, bytes], tmp_path: Path
) -> None:
    refused = set()
    for name, content in hostile.items():
        path = tmp_path / name
        path.write_bytes(content)
        with warnings.catch_warnings(action="error"):
            try:
                photo = open_photo(path)
            except ValueError as error:
                refused.add(name)
                assert str(error).startswith(f"{path}: ") and len(str(error).splitlines()) == 1
                continue
        ending = path.suffix if path.suffix in FORMATS else ".png"
        photo.save(photo.image, tmp_path / "out" / f"{name}{ending}")
    # Not a single one of the worst, but not everything: much can be read all the same.
    worst = {n for n in hostile if n.startswith(("cut-0", "cut-1", "huge", "long_text", "program"))}
    assert worst <= refused
    assert not any(name.startswith("named-") for name in refused)
    assert {"profile.jpg", "exif.jpg", "exif.webp", "narrow.png"}.isdisjoint(refused)
    assert not list((tmp_path / "out").glob(".*"))


def test_what_is_refused_says_why(hostile: dict[str, bytes], tmp_path: Path) -> None:
    for name, why in {
        "huge.png": "more than 178,956,970 pixels; make it smaller",
        "huge_gray.png": "more than 178,956,970 pixels; make it smaller",
        "long_text.png": "Decompressed data too large",
        "program.webp": "PostScript, which is a program to be run",
        "float.tif": "floating-point pixels; save it with 8 or 16 bits",
        "text.png": "not an image that Pillow can read",
    }.items():
        (tmp_path / name).write_bytes(hostile[name])
        with pytest.raises(ValueError, match=re.escape(why)):
            open_photo(tmp_path / name)


def test_any_mode_is_seen_as_rgb() -> None:
    usual = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK")
    for mode in (*usual, "YCbCr", "LAB", "HSV", "I", "I;16", "I;16B"):
        assert to_rgb(Image.new(mode, (3, 2))).mode == "RGB"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr", "I;16"]),
    source=st.sampled_from([*FORMATS, ".bmp", ".gif", ".jp2"]),
    ending=st.sampled_from(sorted(FORMATS)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    orientation=st.integers(0, 9),
    seed=st.integers(0, 9),
)
def test_any_size_mode_and_format(
    mode: str, source: str, ending: str, size: tuple[int, int], orientation: int, seed: int
) -> None:
    width, height = size
    shape = (height, width) if mode == "I;16" else (height, width, 3)
    most = 65535 if mode == "I;16" else 255
    pixels = np.random.default_rng(seed).integers(0, most, shape, endpoint=True)
    image = Image.fromarray(pixels.astype(np.uint16 if mode == "I;16" else np.uint8))
    image = image if mode == "I;16" else image.convert(mode)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"in{source}"
        data = Image.Exif()
        data[ExifTags.Base.Orientation] = orientation
        try:
            image.save(path, exif=data.tobytes())
        except (OSError, ValueError):
            assume(False)  # this format has no such mode
        photo = open_photo(path)
        turned = orientation in (5, 6, 7, 8) and source in FORMATS
        assert photo.image.mode == "RGB"
        assert photo.image.size == ((height, width) if turned else size)
        result = again(photo, Path(folder) / f"out{ending}")
        assert result.size == photo.image.size
        assert list(Path(folder).glob(".*")) == []
