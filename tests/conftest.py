"""What tests of several rooms need."""

import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG file of any header, whether true or not."""
    head = struct.pack(">2I5B", width, height, depth, kind, 0, 0, 0)
    content = [_png_chunk(b"IHDR", head), *chunks, _png_chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(content) + _png_chunk(b"IEND", b"")


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def _sound() -> dict[str, bytes]:
    """A file of every format, with all that can surround pixels."""
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    )
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Lens & Sons"
    exif.get_ifd(0x8769)[0x9003] = "2020:02:29 12:00:00"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    about: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": profile}
    deep = Image.fromarray(np.arange(192, dtype=np.uint16).reshape(12, 16) * 341)
    return {
        "rgb.jpg": encoded(picture, "JPEG", **about),
        "print.jpg": encoded(picture.convert("CMYK"), "JPEG"),
        "progressive.jpg": encoded(picture, "JPEG", progressive=True),
        "rgb.png": encoded(picture, "PNG", **about),
        "palette.png": encoded(picture.quantize(200), "PNG", transparency=7),
        "deep.png": encoded(deep, "PNG"),
        "deep_rgb.png": png(16, 12, 16, 2, 12 * (b"\0" + bytes(range(96)))),
        "rgb.tif": encoded(picture, "TIFF", **about),
        "lzw.tif": encoded(picture, "TIFF", compression="tiff_lzw"),
        "deep.tif": encoded(deep, "TIFF"),
        "lab.tif": encoded(picture.convert("LAB"), "TIFF"),
        "opaque.webp": encoded(picture.convert("RGBA"), "WEBP", **about),
        "rgb.avif": encoded(picture, "AVIF", **about),
        "rgb.bmp": encoded(picture, "BMP"),
        "moving.gif": encoded(picture, "GIF", save_all=True, append_images=[picture.rotate(90)]),
    }


@pytest.fixture(scope="session")
def gopro_sample() -> Path:
    """A few pairs of GoPro's, which are no part of this project; without them a test is skipped."""
    folder = Path(__file__).parents[2] / "shared" / "gopro_sample"
    if not folder.is_dir():
        pytest.skip("no GoPro sample beside the checkout")
    return folder


@pytest.fixture(scope="session")
def sound() -> dict[str, bytes]:
    """Files that nothing is wrong with, by their names: one of every kind."""
    return _sound()


@pytest.fixture(scope="session")
def hostile(sound: dict[str, bytes]) -> dict[str, bytes]:
    """Files that something is wrong with, by their names; some of them can be read all the same."""
    files: dict[str, bytes] = {}
    for name, content in sound.items():
        for part in range(8):
            files[f"cut-{part}-{name}"] = content[: len(content) * part // 8]
        for number in range(8):
            generator = random.Random(number)
            flipped = bytearray(content)
            for _ in range(1 + 2 * number):
                flipped[generator.randrange(len(flipped))] ^= 1 << generator.randrange(8)
            files[f"flipped-{number}-{name}"] = bytes(flipped)
        for ending in (".jpg", ".png", ".tif", ".webp", ".avif"):
            files[f"named-{Path(name).stem}-{Path(name).suffix[1:]}{ending}"] = content
    rows = zlib.compress(bytes(100))
    text = b"Comment\0\0" + zlib.compress(bytes(70 * 2**20))
    picture = Image.new("RGB", (8, 8))
    files |= {
        "zeros.jpg": bytes(1000),
        "text.png": b"dear diary\n",
        "program.webp": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{} loop\n",
        "huge.png": png(60000, 60000, 8, 2, rows),
        "huge_gray.png": png(2**31 - 1, 2**31 - 1, 1, 0, rows),
        "huge.bmp": b"BM"
        + struct.pack("<3I", 58, 0, 54)
        + struct.pack("<I2i2H", 40, 50000, 50000, 1, 24)
        + bytes(28),
        "long_text.png": png(8, 8, 8, 0, bytes(72), _png_chunk(b"zTXt", text)),
        "long_profile.png": png(8, 8, 8, 0, bytes(72), _png_chunk(b"iCCP", b"a" + text[7:])),
        "no_palette.png": png(8, 8, 8, 3, bytes(72)),
        "short_palette.png": png(8, 8, 8, 3, b"\0\xff" * 36, _png_chunk(b"PLTE", b"\1\2\3")),
        "long_palette.png": png(8, 8, 8, 3, bytes(72), _png_chunk(b"PLTE", bytes(3 * 300))),
        "short_opacity.png": png(8, 8, 8, 2, bytes(200), _png_chunk(b"tRNS", b"\1")),
        "few_rows.png": png(800, 800, 8, 2, bytes(30)),
        "no_pixels.png": png(0, 0, 8, 2, b""),
        "profile.jpg": encoded(picture, "JPEG", icc_profile=b"no profile" * 20),
        "exif.jpg": encoded(picture, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        "exif.webp": encoded(picture, "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff"),
        "float.tif": encoded(Image.new("F", (8, 8)), "TIFF"),
        "narrow.png": encoded(Image.new("L", (1, 3000)), "PNG"),
    }
    return files
