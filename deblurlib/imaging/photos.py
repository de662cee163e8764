"""A photograph, and what surrounds its pixels: colour profile, opacity, depth, EXIF, XMP.

A network is given 8-bit sRGB, upright. What it changes there is carried over to the photograph's
own pixels, in their own colours; where it changes nothing they stay as they were, to the last of
16 bits, and colours that sRGB does not have stay too.
"""

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps, PngImagePlugin

from deblurlib.imaging.files import opened, replacing, to_rgb

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".avif": "AVIF",
}
"""Formats that hold all that is kept of a photograph, by their lower-case file endings."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "PNG": {},
    "TIFF": {},  # not compressed: libtiff trips over EXIF
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 90, "subsampling": "4:4:4"},
}

# TIFF's tags of how pixels lie in a file. Its EXIF has them beside those that describe a picture.
_LAYOUT = {
    *range(254, 269),
    *range(273, 282),
    284,
    *range(288, 294),
    301,
    *range(317, 326),
    330,
    *range(332, 348),
    *range(512, 533),
    ExifTags.Base.InterColorProfile,
}

_SIZE = (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)
_JPEG_SEGMENT = 65533  # bytes


@dataclass(frozen=True)
class Photo:
    """A photograph out of a file.

    Attributes:
        image: what a network sees of it: 8-bit sRGB, mode RGB, upright.
        notes: what became of it that its owner should know, a phrase each.
        own: its pixels in its own colours, ``(H, W)`` gray or ``(H, W, 3)``, uint8 or uint16.
        to_own: from sRGB to these colours; None where they are sRGB.
        opacity: mode L; None for photographs without.
        profile: the ICC profile of its own colours, or None.
        exif: EXIF, which says that the picture is upright; None for photographs without.
        xmp: XMP likewise.
        dpi: pixels an inch, across and down; or None.
    """

    image: Image.Image
    notes: tuple[str, ...]
    own: NDArray[np.uint8 | np.uint16]
    to_own: ImageCms.ImageCmsTransform | None
    opacity: Image.Image | None
    profile: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dpi: tuple[float, float] | None

    def save(self, restored: Image.Image, path: Path) -> None:
        """Write what a network made of `image`, with all that belongs to the photograph.

        Args:
            restored: 8-bit sRGB of the same size.
            path: its ending, one of `FORMATS`, chooses the format. The file appears whole or not at
                all.
        """
        image_format = FORMATS[path.suffix.lower()]
        depth = np.iinfo(self.own.dtype).max
        levels = self._in_own_colours(restored)
        levels -= self._in_own_colours(self.image)
        levels *= depth // 255
        levels += self.own
        result = Image.fromarray(levels.clip(0, depth, out=levels).astype(self.own.dtype))
        if depth > 255 and image_format not in ("PNG", "TIFF"):
            result = to_rgb(result).convert("L")
        if self.opacity is not None and image_format != "JPEG":
            result.putalpha(self.opacity)
        with replacing(path) as beside:
            result.save(beside, image_format, **_OPTIONS[image_format], **self._kept(image_format))

    def _in_own_colours(self, image: Image.Image) -> NDArray[np.int32]:
        if self.to_own is not None:
            image = self.to_own.apply(image)
        return np.asarray(image.convert("L") if self.own.ndim == 2 else image, dtype=np.int32)

    def _kept(self, image_format: str) -> dict[str, Any]:
        """What Pillow is to write beside the pixels."""
        kept: dict[str, Any] = {"icc_profile": self.profile} if self.profile else {}
        if self.dpi:
            kept["dpi"] = self.dpi
        if self.exif:
            kept["exif"] = self.exif
        if self.xmp and image_format == "PNG":
            kept["pnginfo"] = PngImagePlugin.PngInfo()
            kept["pnginfo"].add_itxt("XML:com.adobe.xmp", self.xmp.decode("utf-8", "replace"))
        elif self.xmp and image_format == "TIFF":
            kept["exif"] = Image.Exif()
            kept["exif"].load(self.exif or b"")
            kept["exif"][ExifTags.Base.XMLPacket] = self.xmp
        elif self.xmp:
            kept["xmp"] = self.xmp
        return kept


def open_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a photograph: any file that Pillow can read, of any mode.

    Raises:
        FileNotFoundError, PermissionError, ValueError: as `opened`; and ValueError for
            floating-point pixels. The message names the file.
    """
    # What Pillow warns of is either said in a note or ends in an error.
    with warnings.catch_warnings(action="ignore"), opened(path) as image:
        notes = _about_the_file(image, Path(path))
        image.load()
        exif, upright = _upright(image, notes)
        seen, own, to_own = to_rgb(upright), _own(upright), None
        profile = upright.info.get("icc_profile")
        if profile:
            try:
                seen, to_own = _managed(upright, profile)
            except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
                notes.append("its colour profile is damaged or for other pixels: left out")
        if to_own is None:
            profile = None
        if upright.mode in ("CMYK", "LAB"):
            own = np.asarray(seen)
            notes.append(f"{upright.mode} pixels, written as RGB")
        opacity = None
        if upright.has_transparency_data and not upright.mode.startswith("I"):
            opacity = upright.convert("RGBA").getchannel("A")
        return Photo(
            image=seen,
            notes=tuple(notes),
            own=own,
            to_own=to_own,
            opacity=opacity,
            profile=profile,
            exif=exif,
            xmp=_xmp(upright),
            dpi=_dpi(upright),
        )


def as_kept(path: Path) -> Path:
    """A path to save a photograph at: as given, or as PNG where its format is none of `FORMATS`."""
    return path if path.suffix.lower() in FORMATS else path.with_suffix(".png")


def _about_the_file(image: ImageFile.ImageFile, path: Path) -> list[str]:
    notes = []
    found = "JPEG" if image.format == "MPO" else image.format
    named = FORMATS.get(path.suffix.lower(), found)
    if named != found:
        notes.append(f"a {found} file by its content; written as {named}, as its name says")
    if getattr(image, "is_animated", False):
        notes.append("holds several pictures: only the first is restored")
    # Pillow reads colours of 16 bits as 8.
    if not image.mode.startswith("I") and any(";16" in str(tile.args) for tile in image.tile):
        notes.append("16 bits a colour, written with 8")
    return notes


def _upright(image: Image.Image, notes: list[str]) -> tuple[bytes | None, Image.Image]:
    """EXIF, and the picture turned as it says; a damaged EXIF says nothing."""
    upright: Image.Image = image
    try:
        exif = image.getexif()
        if not exif and image.info.get("exif"):
            raise ValueError("nothing in it")
        upright = ImageOps.exif_transpose(image)
        for tag in _LAYOUT & exif.keys():
            del exif[tag]
        if not exif:
            return None, upright
        exif[ExifTags.Base.Orientation] = 1
        details = exif.get_ifd(ExifTags.IFD.Exif)
        for tag, length in zip(_SIZE, upright.size, strict=True):
            if tag in details:
                details[tag] = length
        written = exif.tobytes()
        if len(written) > _JPEG_SEGMENT and image.format in ("JPEG", "MPO"):
            raise ValueError("longer than a JPEG holds")
        return written, upright
    except Exception:  # as many ways to be damaged as pixels have
        notes.append("its EXIF is damaged or empty: left out")
        return None, upright


def _own(upright: Image.Image) -> NDArray[np.uint8 | np.uint16]:
    if upright.mode.startswith("I"):
        return np.clip(np.asarray(upright), 0, 65535).astype(np.uint16)
    rgb = to_rgb(upright)
    return np.asarray(rgb.convert("L") if Image.getmodebase(upright.mode) == "L" else rgb)


def _managed(
    upright: Image.Image, profile: bytes
) -> tuple[Image.Image, ImageCms.ImageCmsTransform | None]:
    """A picture in sRGB, and the way back to the colours of its profile, where there is one.

    Raises:
        ImageCms.PyCMSError, OSError, TypeError, ValueError: for a damaged profile, or one for
            pixels of another kind.
    """
    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    space = own.profile.xcolor_space.strip()
    if upright.mode == "CMYK" == space:
        return _transform(own, srgb, "CMYK", "RGB").apply(upright), None
    gray = Image.getmodebase(upright.mode) == "L"
    if upright.mode in ("CMYK", "LAB") or not (space == "RGB" or (space == "GRAY" and gray)):
        raise ValueError(f"a profile of {space} for {upright.mode} pixels")
    mode = "L" if space == "GRAY" else "RGB"
    seen = _transform(own, srgb, mode, "RGB").apply(to_rgb(upright).convert(mode))
    return seen, _transform(srgb, own, "RGB", mode)


def _transform(
    source: Any, target: Any, source_mode: str, target_mode: str
) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        source, target, source_mode, target_mode, ImageCms.Intent.RELATIVE_COLORIMETRIC
    )


def _xmp(upright: Image.Image) -> bytes | None:
    xmp = upright.info.get("xmp")
    return xmp.encode() if isinstance(xmp, str) else xmp or None


def _dpi(upright: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in upright.info["dpi"])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    return (across, down) if min(across, down) > 0 and max(across, down) < 65536 else None
