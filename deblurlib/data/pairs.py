"""Blurred and sharp images that belong together, found on disk by name.

Layouts: GOPRO_Large (``train|test/SEQUENCE/{blur,blur_gamma,sharp}/000001.png``), flat
``input``/``target`` folders, or any two folders whose files have the same names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from deblurlib.imaging.files import EXTENSIONS, open_image, to_tensor

Blur = Literal["blur", "blur_gamma"]
"""GOPRO_Large's two folders of blurred frames in every sequence."""


class Pair(NamedTuple):
    """One sample, or a batch of them: ``(3, H, W)`` or ``(B, 3, H, W)``, RGB in [0, 1]."""

    blurred: Tensor
    sharp: Tensor


class ImagePairs(Dataset[Pair]):
    """Full frames from two lists of files, the k-th of one belonging to the k-th of the other.

    Use the functions below to make the lists.

    Args:
        files: ``(blurred, sharp)`` paths.

    Raises:
        ValueError: on access, for files that are unreadable or differ in size.
    """

    def __init__(self, files: Sequence[tuple[Path, Path]]) -> None:
        self.files = list(files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Pair:
        blurred, sharp = (open_image(path) for path in self.files[index])
        if blurred.size != sharp.size:
            raise ValueError(
                f"{self.files[index][0]}: {_size(blurred)} pixels, but its sharp partner "
                f"{self.files[index][1]} has {_size(sharp)}: a pair must be of one size"
            )
        return Pair(to_tensor(blurred), to_tensor(sharp))

    def name(self, index: int) -> str:
        """The pair's name: the file's, without its ending; in GoPro's layout after the sequence's.

        There, sequences share file names: ``GOPR0372_07_00/000001``.
        """
        blurred, sharp = self.files[index]
        if sharp.parent.name == "sharp" and blurred.parent.name in get_args(Blur):
            return f"{sharp.parents[1].name}/{sharp.stem}"
        return sharp.stem


class RandomCrops(Dataset[Pair]):
    """Training crops with flips and quarter turns out of full-frame pairs.

    Sample `index` of an epoch is a pure function of (seed, epoch, index); every pair is seen once
    an epoch, in order: shuffling is the data loader's.

    Raises:
        ValueError: on access, for a frame smaller than the crop.
    """

    def __init__(self, pairs: ImagePairs, crop: int, seed: int = 0) -> None:
        self.pairs, self.crop, self.seed, self.epoch = pairs, crop, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Pair:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        blurred, sharp = self.pairs[index]
        height, width = sharp.shape[-2:]
        if min(height, width) < self.crop:
            raise ValueError(
                f"{self.pairs.files[index][1]}: {width} x {height} pixels are too few for crops "
                f"of {self.crop}: choose a smaller crop"
            )
        top, left = rng.integers(height - self.crop + 1), rng.integers(width - self.crop + 1)
        window = (..., slice(top, top + self.crop), slice(left, left + self.crop))
        turn = int(rng.integers(8))
        return Pair(dihedral(blurred[window], turn), dihedral(sharp[window], turn))


def dihedral(image: Tensor, turn: int) -> Tensor:
    """One of the eight flips and quarter turns of ``(..., H, W)``, numbered 0 to 7."""
    flipped = image.flip(-1) if turn >= 4 else image
    return flipped.rot90(turn % 4, (-2, -1)).contiguous()


def gopro_pairs(
    root: Path | str,
    split: Literal["train", "test"],
    blur: Blur = "blur",
) -> ImagePairs:
    """The pairs of GOPRO_Large, in order of sequence and frame.

    Args:
        root: the folder that holds ``train`` and ``test``.
        split: the official one.
        blur: "blur", the mean of coded values, as papers use; "blur_gamma", of linear light.

    Raises:
        FileNotFoundError, ValueError: as `folder_pairs`.
    """
    folder = Path(root) / split
    sequences = sorted(path for path in folder.glob("*") if path.is_dir())
    if not sequences:
        raise FileNotFoundError(
            f"{folder}: no sequences here; give the folder with GOPRO_Large's train and test"
        )
    return ImagePairs(
        [pair for path in sequences for pair in folder_pairs(path / blur, path / "sharp").files]
    )


def folder_pairs(blurred: Path | str, sharp: Path | str) -> ImagePairs:
    """Pairs from two folders, matched by file name without its ending, in order of name.

    Raises:
        FileNotFoundError: where a folder is missing.
        ValueError: where images lack a partner (all are counted, some named), names repeat, or
            there are none.
    """
    by_name = [_images_by_name(Path(folder)) for folder in (blurred, sharp)]
    for here, there, folder in ((0, 1, sharp), (1, 0, blurred)):
        lonely = sorted(by_name[here].keys() - by_name[there].keys())
        if lonely:
            some = ", ".join(by_name[here][name].name for name in lonely[:3])
            raise ValueError(
                f"{folder}: no partner here for {len(lonely)} of {len(by_name[here])} images "
                f"({some}{', ...' if len(lonely) > 3 else ''}): add them, or remove the others"
            )
    if not by_name[0]:
        raise ValueError(f"{blurred}: no images here ({', '.join(sorted(EXTENSIONS))})")
    return ImagePairs([(by_name[0][name], by_name[1][name]) for name in sorted(by_name[0])])


def find_pairs(root: Path | str, split: Literal["train", "test"]) -> ImagePairs:
    """Recognise the layout below ``root``: GOPRO_Large, or ``input``/``target``.

    Raises:
        FileNotFoundError: where it is neither.
    """
    root = Path(root)
    for folder in (root / split, root):
        if (folder / "input").is_dir() and (folder / "target").is_dir():
            return folder_pairs(folder / "input", folder / "target")
    if (root / split).is_dir():
        return gopro_pairs(root, split)
    raise FileNotFoundError(
        f"{root}: neither GOPRO_Large (a folder {split!r} with sequences) nor input/ and target/"
    )


def _images_by_name(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in EXTENSIONS:
            if path.stem in found:
                raise ValueError(f"{path}: {found[path.stem].name} has the same name; remove one")
            found[path.stem] = path
    return found


def _size(image: Image.Image) -> str:
    return f"{image.width} x {image.height}"
