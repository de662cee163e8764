"""Image files in, image files out.

Every image file is opened by `opened`, and every file of any kind is written by `replacing`. What
surrounds a photograph's pixels, its profile and EXIF among it, is `photos`' business.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from torch import Tensor

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif"})
"""Lower-case endings of the files that a folder of images is searched for."""


def open_image(path: str | os.PathLike[str]) -> Image.Image:
    """Read an image file as 8-bit RGB, turned upright as its EXIF orientation says.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where it is no image, or a damaged one. The message names the file.
    """
    with opened(path) as image:
        return to_rgb(ImageOps.exif_transpose(image))


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[ImageFile.ImageFile]:
    """An image file whose pixels are not yet decoded, for a block that decodes them.

    Raises:
        FileNotFoundError: where there is no such file.
        PermissionError: where it must not be read.
        ValueError: where it is no image, a damaged one, or one of more pixels than Pillow takes
            for a photograph, whether this shows here or in the block. The message names the file.
    """
    path = Path(path)
    if not path.is_file():  # a named pipe would make us wait for ever
        raise FileNotFoundError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    try:
        with Image.open(path) as image:
            if image.format == "EPS":
                raise ValueError("PostScript, which is a program to be run")
            yield image
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not an image that Pillow can read") from error
    except PermissionError as error:
        raise PermissionError(f"{path}: no permission to read it") from error
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ValueError(f"{path}: more than {most:,} pixels; make it smaller") from error
    except Exception as error:  # decoders trip over damaged files in every way there is
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: damaged or unsupported image ({why})") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as 8-bit RGB: gray repeated, opacity left out, 16 bits scaled to 8.

    Raises:
        ValueError: for floating-point pixels, whose white could be anything.
    """
    if image.mode == "La":  # the only mode that Pillow converts to one other mode alone
        image = image.convert("LA")
    if image.mode == "F":
        raise ValueError("floating-point pixels; save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # 16-bit gray, which Pillow would clip at 255
        levels = np.clip(np.rint(np.asarray(image) / 257), 0, 255)
        image = Image.fromarray(levels.astype(np.uint8))
    return image.convert("RGB")


def save_image(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write an image in the format of its file ending; the file appears whole or not at all."""
    with replacing(Path(path)) as beside:
        image.save(beside)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file so that it appears whole or not at all.

    Gives a new hidden file in the same folder, of the same ending, to write to; it takes the place
    of `path` when the block ends, and is gone when the block fails. Missing folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(path.suffix, f".{path.stem}-", path.parent)
    os.close(descriptor)
    beside = Path(name)
    try:
        yield beside
        # mkstemp makes files private; this one gets the rights that any new file would.
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def to_tensor(image: Image.Image) -> Tensor:
    """An image as ``(3, H, W)`` float32 RGB in [0, 1]."""
    pixels = torch.from_numpy(np.array(to_rgb(image)))
    return pixels.permute(2, 0, 1).float() / 255


def to_image(tensor: Tensor) -> Image.Image:
    """``(3, H, W)`` or ``(1, 3, H, W)`` in [0, 1] as an 8-bit RGB image; values are clipped.

    Raises:
        ValueError: for another shape.
    """
    if tensor.ndim == 4 and len(tensor) == 1:
        tensor = tensor[0]
    if tensor.ndim != 3 or len(tensor) != 3:
        raise ValueError(f"expected (3, H, W), got {tuple(tensor.shape)}")
    levels = (tensor.detach().float().clamp(0, 1) * 255).round().byte()
    return Image.fromarray(levels.permute(1, 2, 0).cpu().contiguous().numpy())
