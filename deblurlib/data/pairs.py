"""Blurred and sharp images that belong together, found on disk by name, and crops out of them.

GOPRO_Large, HIDE, RealBlur, flat folders, or any two folders; `layouts` has how they lie on disk.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from deblurlib.data.layouts import (
    IN_SEQUENCES,
    Blur,
    Listing,
    RealBlur,
    Split,
    list_gopro,
    list_hide,
    list_realblur,
    listings,
    match_folders,
    not_recognised,
    realblur_list,
)
from deblurlib.imaging.files import open_image

Levels = NDArray[np.uint8]


class Pair(NamedTuple):
    """One sample, or a batch of them: ``(3, H, W)`` or ``(B, 3, H, W)``, RGB in [0, 1]."""

    blurred: Tensor
    sharp: Tensor


class ImagePairs(Dataset[Pair]):
    """Full frames from two lists of files, the k-th of one belonging to the k-th of the other.

    `find_pairs` and the functions below it make the lists.

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
        return Pair(*(_in_unit_range(_tensor(levels)) for levels in self.levels(index)))

    def levels(self, index: int) -> tuple[Levels, Levels]:
        """Both images as 8-bit levels ``(H, W, 3)``, to read only: crops are cut out of them."""
        blurred, sharp = (self.read(path) for path in self.files[index])
        if blurred.shape != sharp.shape:
            raise ValueError(
                f"{self.files[index][0]}: {_size(blurred)} pixels, but its sharp partner "
                f"{self.files[index][1]} has {_size(sharp)}: a pair must be of one size"
            )
        return blurred, sharp

    def read(self, path: Path) -> Levels:
        """One of the files, decoded."""
        return np.asarray(open_image(path))

    def name(self, index: int) -> str:
        """The pair's name: the sharp file's, without its ending.

        In GoPro's and RealBlur's layouts after the sequence's or scene's, which share file names:
        ``GOPR0372_07_00/000001``, ``scene001/gt_1``.
        """
        blurred, sharp = self.files[index]
        if (blurred.parent.name, sharp.parent.name) in IN_SEQUENCES:
            return f"{sharp.parents[1].name}/{sharp.stem}"
        return sharp.stem


class RawCrop(NamedTuple):
    """A training crop as it was cut, or a batch of them; `finish` makes a `Pair` of it.

    A quarter of the bytes that the pair has, and nothing computed yet: data loaders can hand it to
    the device, which does the rest.
    """

    blurred: Tensor
    """``(3, H, W)`` or ``(B, 3, H, W)``, 8-bit levels."""
    sharp: Tensor
    turn: int | Tensor
    """Which of the eight flips and quarter turns (`dihedral`); of a batch ``(B,)``, integers."""


Sample = TypeVar("Sample")


class TrainingSamples(Dataset[Sample]):
    """Square samples to train on: sample `index` is a pure function of (seed, epoch, index).

    A sample is a `Pair`, or what it is made of; a data loader collates samples to a batch, of which
    `finish` makes a batch of pairs, on the device that it has been brought to.

    Attributes:
        crop: side of the samples, in pixels.
        seed, epoch: what they depend on.
    """

    def __init__(self, crop: int, seed: int) -> None:
        self.crop, self.seed, self.epoch = crop, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        raise NotImplementedError

    def collate(self, samples: list[Sample]) -> Any:
        """A batch."""
        return default_collate(samples)

    def finish(self, batch: Any) -> Pair:
        """What is left to do for a batch: nothing, where samples are pairs."""
        return batch


class _Crops(TrainingSamples[Sample]):
    def __init__(self, pairs: ImagePairs, crop: int, seed: int = 0) -> None:
        super().__init__(crop, seed)
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def _cut(self, index: int) -> RawCrop:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        blurred, sharp = self.pairs.levels(index)
        height, width, _ = sharp.shape
        if min(height, width) < self.crop:
            raise ValueError(
                f"{self.pairs.files[index][1]}: {width} x {height} pixels are too few for crops "
                f"of {self.crop}: choose a smaller crop"
            )
        top, left = rng.integers(height - self.crop + 1), rng.integers(width - self.crop + 1)
        window = (slice(top, top + self.crop), slice(left, left + self.crop))
        return RawCrop(_tensor(blurred[window]), _tensor(sharp[window]), int(rng.integers(8)))


class RandomCrops(_Crops[Pair]):
    """Training crops with flips and quarter turns out of full-frame pairs.

    Sample `index` of an epoch is a pure function of (seed, epoch, index); every pair is seen once
    an epoch, in order: shuffling is the data loader's.

    Raises:
        ValueError: on access, for a frame smaller than the crop.
    """

    def __getitem__(self, index: int) -> Pair:
        return finish(self._cut(index))


class RawCrops(_Crops[RawCrop]):
    """The samples of `RandomCrops` before `finish`, which makes the same of them on any device."""

    def finish(self, batch: RawCrop) -> Pair:
        return finish(batch)

    def __getitem__(self, index: int) -> RawCrop:
        return self._cut(index)


def finish(crops: RawCrop) -> Pair:
    """Turn a crop, or every crop of a batch in its own way, on the device where it is."""
    images = (_turned(levels, crops.turn) for levels in (crops.blurred, crops.sharp))
    return Pair(*map(_in_unit_range, images))


def _turned(levels: Tensor, turn: int | Tensor) -> Tensor:
    if isinstance(turn, int):
        return dihedral(levels, turn)
    # Chosen by masks: to read the numbers here would make the host wait for the device.
    turn = turn.to(levels.device)[:, None, None, None]
    levels = levels.where(turn < 4, levels.flip(-1))
    levels = levels.where(turn % 4 < 2, levels.flip(-2, -1))
    return levels.where(turn % 2 == 0, levels.rot90(1, (-2, -1)))


def dihedral(image: Tensor, turn: int) -> Tensor:
    """One of the eight flips and quarter turns of ``(..., H, W)``, numbered 0 to 7."""
    flipped = image.flip(-1) if turn >= 4 else image
    return flipped.rot90(turn % 4, (-2, -1)).contiguous()


def find_pairs(root: Path | str, split: Split) -> ImagePairs:
    """Recognise the layout below ``root``.

    Where there are several, the first of `listings`: full frames before crops, "blur" before
    "blur_gamma".

    Args:
        root: the folder that holds ``train`` and ``test``, GoPro's or HIDE's; RealBlur's with the
            lists, or its RealBlur-J or RealBlur-R; the one that holds two flat folders.
        split: the official one; all of a flat data set that has none.

    Raises:
        FileNotFoundError: where no layout is recognised.
        ValueError: where images lack a partner or names repeat; where RealBlur-J and RealBlur-R
            are both there.
    """
    root = Path(root)
    if all(realblur_list(root, split, kind).is_file() for kind in get_args(RealBlur)):
        raise ValueError(f"{root}: RealBlur-J and RealBlur-R are both here; give the folder of one")
    listing = next(listings(root, split), None)
    if listing is None:
        raise not_recognised(root, split)
    return _whole(listing)


def gopro_pairs(root: Path | str, split: Split, blur: Blur = "blur") -> ImagePairs:
    """The pairs of GOPRO_Large, in order of sequence and frame.

    Args:
        root: the folder that holds ``train`` and ``test``.
        split: the official one.
        blur: "blur", the mean of coded values, as papers use; "blur_gamma", of linear light.

    Raises:
        FileNotFoundError: where there are no sequences.
        ValueError: where images lack a partner or names repeat.
    """
    listing = list_gopro(Path(root), split, blur)
    if not listing.files and not listing.faults:
        raise FileNotFoundError(
            f"{Path(root) / split}: no sequences here; "
            "give the folder with GOPRO_Large's train and test"
        )
    return _whole(listing)


def hide_pairs(root: Path | str, split: Split) -> ImagePairs:
    """The pairs of HIDE, in order of name; those of its test split are of close-ups and long shots.

    Args:
        root: the folder that holds ``train``, ``test`` and ``GT``.
        split: the official one.

    Raises:
        ValueError: where folders are missing, images lack a partner or names repeat.
    """
    return _whole(list_hide(Path(root), split))


def realblur_pairs(root: Path | str, split: Split, kind: RealBlur) -> ImagePairs:
    """The pairs of RealBlur, in the order of its lists.

    Args:
        root: the folder with the lists.
        split: the official one.
        kind: "J", from the camera's JPEG; "R", from raw.

    Raises:
        FileNotFoundError: where there is no list.
        ValueError: where it names files that are missing or do not belong together.
    """
    return _whole(list_realblur(realblur_list(Path(root), split, kind)))


def folder_pairs(blurred: Path | str, sharp: Path | str) -> ImagePairs:
    """Pairs from two folders, matched by file name without its ending, in order of name.

    Raises:
        FileNotFoundError: where a folder is missing.
        ValueError: where images lack a partner, names repeat, or there are none.
    """
    for folder in map(Path, (blurred, sharp)):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder")
    return _whole(match_folders([Path(blurred)], Path(sharp)))


def _whole(listing: Listing) -> ImagePairs:
    """The pairs of a listing without faults."""
    if faults := listing.faults:
        some = "; ".join(map(str, faults[:3]))
        more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise ValueError(f"{some}{more} (python -m deblurlib data check DIR lists all faults)")
    return ImagePairs(listing.files)


def _size(levels: Levels) -> str:
    return f"{levels.shape[1]} x {levels.shape[0]}"


def _tensor(levels: Levels) -> Tensor:
    """``(3, H, W)``, a copy."""
    return torch.from_numpy(np.array(levels)).permute(2, 0, 1)


def _in_unit_range(levels: Tensor) -> Tensor:
    # A GPU multiplies by 1/255 where it is given a number, which rounds otherwise than a division.
    return levels / torch.full((), 255.0, device=levels.device)
