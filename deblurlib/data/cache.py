"""Decoded once: the pixels of many pairs in one memory-mapped file, and crops read out of it.

Decoding a 720 x 1280 PNG for the sake of one crop takes far longer than training on the crop.
Decoded, GoPro's training pairs take 11.6 GB; the operating system keeps in memory what is used.

In a cache's folder lie ``pixels-ID.bin``, the 8-bit RGB levels of one image after the other, and
``manifest.json``, which says where each image is and which state of its file it was decoded from.
The manifest is written last, so a cache is whole or not there. While it is being built, the pixels
are in ``pixels-ID.partial``, and ``pixels-ID.done`` lists the images that are complete.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from deblurlib.data.pairs import ImagePairs, Levels
from deblurlib.imaging.files import open_image, replacing


class CachedPairs(ImagePairs):
    """Pairs read from a cache that `build_cache` has written; otherwise just like `ImagePairs`.

    Reading a crop touches no more than its rows. Processes share the memory: each maps the file
    when it first reads from it, so data loaders may start their workers in any way.

    Args:
        files: ``(blurred, sharp)`` paths, all or some of those that were cached.
        folder: the cache.

    Raises:
        FileNotFoundError: where there is no complete cache, or a file is missing.
        ValueError: where files were added, or have another size or time of change, since.
    """

    def __init__(self, files: Sequence[tuple[Path, Path]], folder: Path | str) -> None:
        super().__init__(files)
        store = _open_store(Path(folder))
        if store is None:
            raise FileNotFoundError(f"{folder}: no complete cache here; build it with build_cache")
        paths = _unique(self.files)
        stale = [path for path in paths if not store.holds(path)]
        if stale:
            raise ValueError(
                f"{folder}: {len(stale)} of {len(paths)} files were added or changed since they "
                f"were cached ({stale[0]}): run build_cache again, which decodes only these"
            )
        self.store = store

    def read(self, path: Path) -> Levels:
        return self.store.read(Path(os.path.abspath(path)))


def decoded_bytes(pairs: ImagePairs) -> int:
    """How many bytes a cache of these pairs takes on the disk.

    Raises:
        FileNotFoundError, ValueError: for missing or unreadable files.
    """
    return sum(place.size for place in _plan(_unique(pairs.files)))


def build_cache(
    pairs: ImagePairs,
    folder: Path | str,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> CachedPairs:
    """Decode pairs into a cache, unless it is there already.

    Stopped in any way, the same call goes on where it was. Where files were added or changed since,
    only these are decoded, the others copied: that takes the space of a second cache until it ends.
    Of calls at the same time, one builds and the others wait.

    Args:
        pairs: what to decode; one folder is for one list of pairs.
        folder: where to; made if it is missing.
        workers: processes that decode; None takes one for each processor.
        progress: print how much will be written, and show a bar.

    Returns:
        The pairs, read from the cache.

    Raises:
        OSError: where the disk has too little space, before anything is written.
        FileNotFoundError, ValueError: for missing or unreadable files.
    """
    folder = Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        paths = _unique(pairs.files)
        store = _open_store(folder)
        if store is None or not all(map(store.holds, paths)):
            if workers is None:
                workers = os.cpu_count() or 1
            _build(paths, folder, store, workers, progress)
    return CachedPairs(pairs.files, folder)


class _Place(NamedTuple):
    """Where an image lies, and the state of the file that it was decoded from."""

    offset: int
    height: int
    width: int
    file_bytes: int
    mtime_ns: int

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        return self.height * self.width * 3


class _Store:
    """A complete cache: its pixels, and the place of every image by its absolute path."""

    def __init__(self, pixels: Path, places: dict[str, _Place]) -> None:
        self.pixels, self.places = pixels, places

    def holds(self, path: Path) -> bool:
        """Whether the image is there, as its file now is."""
        place = self.places.get(str(path))
        return place is not None and (place.file_bytes, place.mtime_ns) == _state(path)

    def read(self, path: Path) -> Levels:
        place = self.places[str(path)]
        levels = self._mapped[place.offset : place.offset + place.size]
        return levels.reshape(place.height, place.width, 3)

    @cached_property
    def _mapped(self) -> Levels:
        # As a plain array, whose slices know nothing of the file and are quick to make.
        return np.asarray(np.memmap(self.pixels, np.uint8, mode="r"))

    def __getstate__(self) -> dict[str, Any]:
        # Another process is not sent the pixels, it maps them itself.
        return {name: value for name, value in vars(self).items() if name != "_mapped"}


class _Decoding(Dataset[tuple[int, int] | Exception]):
    """Access writes an image to its place; gives its height and width, or why it could not."""

    def __init__(
        self, images: Sequence[tuple[Path, _Place]], pixels: Path, old: _Store | None
    ) -> None:
        self.images, self.pixels, self.old = images, pixels, old

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[int, int] | Exception:
        path, place = self.images[index]
        try:
            if self.old is not None and self.old.holds(path):
                levels = self.old.read(path)
            else:
                levels = np.asarray(open_image(path))
            if levels.size != place.size:
                raise ValueError(f"{path}: changed while it was being cached; start again")
            with self.pixels.open("r+b") as file:
                file.seek(place.offset)
                file.write(np.ascontiguousarray(levels).data)
                file.flush()
                os.fsync(file.fileno())  # it will be called complete: also after a power cut
        except (OSError, ValueError) as error:
            return error  # raised here, the data loader would put a worker's traceback around it
        return levels.shape[0], levels.shape[1]


def _build(
    paths: list[Path], folder: Path, old: _Store | None, workers: int, progress: bool
) -> None:
    places = _plan(paths)
    name = "pixels-" + hashlib.sha256(json.dumps([*map(str, paths), places]).encode()).hexdigest()
    pixels, partial, done = (folder / f"{name}{ending}" for ending in (".bin", ".partial", ".done"))
    # What is unfinished of other files, or of these in another state, will not be gone on with.
    _remove(folder, keep={partial, done, *([old.pixels] if old else [])})

    complete = _complete(partial, done)
    numbers = [number for number in range(len(paths)) if number not in complete]
    needed = sum(places[number].size for number in numbers)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"{folder}: the cache needs {_amount(needed)}, but {_amount(free)} are free: make "
            "room, or choose a folder on another disk"
        )
    if progress:
        gone_on = f", after {len(complete)} that are there already" if complete else ""
        print(f"Caching {len(numbers)} images in {folder}: {_amount(needed)}{gone_on}", flush=True)

    # Whole lines only: the next one must not go on with a line that was cut off.
    with replacing(done) as beside:
        beside.write_text("".join(map(_line, complete.items())))
    if not complete:
        partial.write_bytes(b"")
    loader = DataLoader(
        _Decoding([(paths[number], places[number]) for number in numbers], partial, old),
        batch_size=None,
        num_workers=min(workers, len(numbers)),
    )
    with done.open("a") as journal, tqdm(total=len(numbers), disable=not progress) as bar:
        for number, result in zip(numbers, loader, strict=True):
            if isinstance(result, Exception):
                raise result
            complete[number] = result
            journal.write(_line((number, result)))
            journal.flush()
            bar.update()

    os.replace(partial, pixels)
    manifest = {
        "pixels": pixels.name,
        # Upright, as decoded: a plan has the size that the file's head tells.
        "places": {
            str(path): place._replace(height=complete[number][0], width=complete[number][1])
            for number, (path, place) in enumerate(zip(paths, places, strict=True))
        },
    }
    with replacing(folder / "manifest.json") as beside:
        beside.write_text(json.dumps(manifest))
    _remove(folder, keep={pixels})


def _plan(paths: Iterable[Path]) -> list[_Place]:
    """A place for every image, one behind the other; what the files' heads tell is enough."""
    places: list[_Place] = []
    offset = 0
    for path in paths:
        state = _state(path)
        try:
            with Image.open(path) as image:
                width, height = image.size
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            height, width = open_image(path).size  # it has the words for what is wrong
        places.append(_Place(offset, height, width, *state))
        offset += places[-1].size
    return places


def _state(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change of a file: where they stay, its content counts as the same.

    Raises:
        FileNotFoundError: where there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _line(image: tuple[int, tuple[int, int]]) -> str:
    number, (height, width) = image
    return f"{number} {height} {width}\n"


def _complete(partial: Path, done: Path) -> dict[int, tuple[int, int]]:
    """Height and width of the images that an unfinished build has completed, by number."""
    if not (partial.is_file() and done.is_file()):
        return {}
    # Without its end, the last line may lack digits.
    lines = [line.split() for line in done.read_text().split("\n")[:-1]]
    try:
        return {int(number): (int(height), int(width)) for number, height, width in lines}
    except ValueError:
        return {}  # a power cut can leave anything in a file that was being written


def _open_store(folder: Path) -> _Store | None:
    """None where there is no manifest, or its pixels are not there."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        places = {path: _Place(*place) for path, place in manifest["places"].items()}
        pixels = folder.absolute() / manifest["pixels"]
        intact = pixels.stat().st_size == sum(place.size for place in places.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return _Store(pixels, places) if intact else None


def _remove(folder: Path, keep: set[Path]) -> None:
    for path in folder.glob("*pixels-*"):  # hidden ones too, which a killed build left half-written
        if path not in keep:
            path.unlink()


def _unique(files: Iterable[tuple[Path, Path]]) -> list[Path]:
    """Every image once, by its absolute path."""
    return [
        Path(name) for name in dict.fromkeys(os.path.abspath(p) for pair in files for p in pair)
    ]


def _amount(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
