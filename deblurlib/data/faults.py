"""Every fault of a data set of pairs, found in one pass: ``python -m deblurlib data check DIR``."""

import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from deblurlib.data.layouts import Fault, Listing, Split, listings, match_folders, not_recognised
from deblurlib.imaging.files import open_image

GROUPS_PER_PROCESS = 64
"""A process takes seconds to start: fewer images than this are not worth one."""

MODES = {
    "1": "black and white",
    "L": "gray",
    "LA": "gray with alpha",
    "P": "a palette",
    "RGBA": "RGB with alpha",
}
"""Pillow's modes in words; those not here stay as they are."""


class Report(NamedTuple):
    """How many pairs there are, and all that is wrong with them."""

    pairs: int
    faults: list[Fault]


def find_faults(root: Path | str, sharp: Path | str | None = None) -> Report:
    """Look at every pair of a data set, of both splits, in all the versions that are there.

    Found are missing partners, repeated names, empty folders; files that are no image, damaged or
    truncated (every one is decoded whole), or not of 8-bit RGB; pairs of unequal size, identical
    ones, those that have nothing in common, and those that lie shifted against each other, as far
    as `unrelated` and `misalignment` can tell.

    Args:
        root: any of the layouts; or a folder of blurred images.
        sharp: their sharp partners, where `root` holds the blurred images.

    Raises:
        FileNotFoundError: where no layout is recognised.
    """
    root = Path(root)
    found = _all_listings(root) if sharp is None else [match_folders([root], Path(sharp))]
    # What lies outside the splits is found with each of them.
    pairs = dict.fromkeys(pair for listing in found for pair in listing.files)
    faults = list(dict.fromkeys(fault for listing in found for fault in listing.faults))
    # One sharp image can have several blurred ones: GoPro's two kinds.
    groups: dict[Path, list[Path]] = {}
    for blurred_path, sharp_path in pairs:
        groups.setdefault(sharp_path, []).append(blurred_path)
    for more in tqdm(_examined(groups.items()), total=len(groups), unit="image", disable=None):
        faults += more
    return Report(len(pairs), faults)


def misalignment(blurred: NDArray[np.uint8], sharp: NDArray[np.uint8]) -> tuple[int, int] | None:
    """How far a blurred image lies shifted against its sharp partner, in pixels right and down.

    The blur kernel that leads from one to the other, all over the image, is estimated by
    regularised division of their spectra. In a pair that belongs together it covers the origin,
    however long the blur, as the sharp image is one moment of the exposure; it need not have its
    centre there. Shifted by more than its reach, it does not.

    So what can be told is a shift of about 5 pixels more than the blur reaches in that direction.
    Measured on the photo split, in four directions: all shifts of 10 pixels under a blur of 6, of
    12 under 12, of 20 under 24; and on frames of GoPro three quarters of those of 16 pixels, and
    all of 32. A shift within the blur looks like another moment of the same exposure, and is let
    pass; 4 pixels always are.

    Args:
        blurred: 8-bit levels ``(H, W, 3)``.
        sharp: the same.

    Returns:
        None where they are not shifted, or where it cannot be told: in images of less than 32
        pixels a side, or without any detail in common.
    """
    return _shift(_kernel(blurred, sharp))


def unrelated(blurred: NDArray[np.uint8], sharp: NDArray[np.uint8]) -> bool:
    """Whether two images are no pair at all: of two scenes, or one of them flipped.

    No blur kernel then leads from one to the other, so that what `misalignment` estimates is noise.
    Its largest value is at most 9 times the median in unrelated photographs; in pairs it is 20
    times the median or more, even under a blur of 24 pixels in images of 144, and 69 or more in
    frames of GoPro. In images of less than 128 pixels a side it cannot be told, and is False.

    Args:
        blurred: 8-bit levels ``(H, W, 3)``.
        sharp: the same.
    """
    return _is_noise(_kernel(blurred, sharp))


def _kernel(blurred: NDArray[np.uint8], sharp: NDArray[np.uint8]) -> NDArray[np.floating] | None:
    """The blur kernel that leads from `sharp` to `blurred`, no shift in its middle.

    None where images are too small, or one of them has no detail.
    """
    height, width = sharp.shape[:2]
    if min(height, width) < 32:
        return None
    # Without a window, the jump from one border to the opposite one would be the strongest edge.
    window = np.outer(np.hanning(height), np.hanning(width))
    spectra = []
    for levels in (blurred, sharp):
        gray = levels.mean(axis=-1)
        spectra.append(np.fft.rfft2((gray - np.average(gray, weights=window)) * window))
    squares = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width) ** 2
    # Times the squared frequency: of the images' gradients, which have all frequencies alike.
    blurred_power, power = (np.abs(spectrum) ** 2 * squares for spectrum in spectra)
    if power.mean() < 1e-6 or blurred_power.mean() < 0.005 * power.mean():
        return None
    ratio = spectra[0] * np.conj(spectra[1]) * squares / (power + 0.01 * power.mean())
    smooth = np.exp(-2 * (math.pi * 2.0) ** 2 * squares)  # a Gaussian of 2 pixels
    kernel = np.fft.fftshift(np.fft.irfft2(ratio * smooth, (height, width)))

    reach = min(height, width) // 4
    top, left = height // 2 - reach, width // 2 - reach
    return kernel[top : top + 2 * reach + 1, left : left + 2 * reach + 1]


def _stands_out(kernel: NDArray[np.floating]) -> bool:
    return bool(kernel.max() >= 12 * np.median(np.abs(kernel)))


def _is_noise(kernel: NDArray[np.floating] | None) -> bool:
    """Whether a kernel is none at all; of images below 128 pixels a side that cannot be told."""
    return kernel is not None and len(kernel) > 128 // 2 and not _stands_out(kernel)


def _shift(kernel: NDArray[np.floating] | None) -> tuple[int, int] | None:
    """How far a kernel lies from its middle, where it does not cover it: right and down."""
    if kernel is None or not _stands_out(kernel):
        return None
    reach = len(kernel) // 2
    down, right = (int(k) - reach for k in np.unravel_index(kernel.argmax(), kernel.shape))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    near = kernel[x**2 + y**2 <= 3**2].max()
    # Measured: 0.38 or more in aligned pairs, mostly 1; 0.12 or less when they are shifted far.
    return (right, down) if near < 0.15 * kernel.max() else None


def _all_listings(root: Path) -> list[Listing]:
    by_split = {split: list(listings(root, split)) for split in get_args(Split)}
    found = [listing for listings_ in by_split.values() for listing in listings_]
    if not found:
        raise not_recognised(root, "train or test")
    for split, of_split in by_split.items():
        if not of_split and (root / split).is_dir():
            found.append(Listing([], [Fault(root / split, "no pairs recognised here")]))
    if all((root / name).is_dir() for name in ("GT", *get_args(Split))):
        found.append(Listing([], _spare_in_hide(root, found)))
    return found


def _spare_in_hide(root: Path, found: list[Listing]) -> list[Fault]:
    """HIDE's sharp images, of which one split needs only some, but both together need all."""
    used = {sharp for listing in found for _, sharp in listing.files}
    alone = match_folders([root / "GT"], root / "GT")
    return [
        Fault(sharp, "no blurred partner of this name in train or test")
        for _, sharp in alone.files
        if sharp not in used
    ]


def _examined(groups: Iterable[tuple[Path, list[Path]]]) -> Iterator[list[Fault]]:
    groups = list(groups)
    processes = min(os.cpu_count() or 1, math.ceil(len(groups) / GROUPS_PER_PROCESS))
    if processes <= 1:
        yield from map(_examine, groups)
        return
    # Forked, they could hang: torch has threads.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(_examine, groups, chunksize=8)


def _examine(group: tuple[Path, list[Path]]) -> list[Fault]:
    """The faults of a sharp image and of its blurred ones."""
    sharp_path, blurred_paths = group
    sharp, faults = _opened(sharp_path)
    for path in blurred_paths:
        blurred, more = _opened(path)
        faults += more
        if sharp is None or blurred is None:
            continue
        if blurred.shape != sharp.shape:
            sizes = [f"{levels.shape[1]} x {levels.shape[0]}" for levels in (blurred, sharp)]
            faults.append(Fault(path, f"{sizes[0]} pixels, but {sharp_path} has {sizes[1]}"))
        elif np.array_equal(blurred, sharp):
            faults.append(Fault(path, f"identical to its sharp partner {sharp_path}"))
        elif _is_noise(kernel := _kernel(blurred, sharp)):
            problem = f"nothing in common with {sharp_path}: another scene, or one of them flipped"
            faults.append(Fault(path, problem))
        elif shift := _shift(kernel):
            right, down = shift
            problem = f"shifted by about {right} pixels right and {down} down against {sharp_path}"
            faults.append(Fault(path, problem))
    return faults


def _opened(path: Path) -> tuple[NDArray[np.uint8] | None, list[Fault]]:
    """An image's 8-bit levels ``(H, W, 3)``, None where it has none, and its own faults."""
    try:
        levels = np.asarray(open_image(path))
        with Image.open(path) as image:
            # Pillow calls 16 bits of each colour RGB too, and drops eight of them.
            deep = any(";16" in str(tile.args) for tile in image.tile)
            mode = "16 bits a channel" if deep else MODES.get(image.mode, f"mode {image.mode}")
    except (OSError, ValueError) as error:
        return None, [Fault(path, str(error).removeprefix(f"{path}: "))]
    if mode == "mode RGB":
        return levels, []
    return levels, [Fault(path, f"{mode}, not 8-bit RGB")]
