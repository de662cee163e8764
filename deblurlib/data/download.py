"""GOPRO_Large and HIDE from where their authors keep them, verified.

A download goes on where it was interrupted, an archive is not trusted, and a data set appears under
its name whole or not at all. Where a link is dead, an archive that was got by hand is taken.
"""

import errno
import hashlib
import lzma
import shutil
import stat
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZipInfo

import requests
from filelock import FileLock, Timeout
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from PIL import Image
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

from deblurlib.data.layouts import Fault, Split, listings
from deblurlib.imaging.files import EXTENSIONS

SIZE = (1280, 720)
"""Width and height of every image of both data sets, in pixels."""

ATTEMPTS = 6
"""How often a download is tried without a single byte coming; between them it waits longer and
longer, 31 seconds in all."""

CHUNK = 1 << 16
"""Bytes taken at once; what has come of one is lost when a connection breaks."""


@dataclass(frozen=True)
class DataSet:
    """A data set as its authors publish it: one zip archive.

    Attributes:
        name: of the folder that it becomes, and of the archive.
        page: where a person finds it.
        pairs: how many there are in each split.
        folders: what must be there at its top.
        max_bytes: more than the archive can hold unpacked.
        max_files: more than it has.
        url: of the archive; empty where it is on the Hugging Face hub.
        hub: the data set's name there.
        sha256: the archive's, where it is known.
    """

    name: str
    page: str
    pairs: dict[Split, int]
    folders: tuple[str, ...]
    max_bytes: int
    max_files: int
    url: str = ""
    hub: str = ""
    sha256: str = ""


GOPRO = DataSet(
    name="GOPRO_Large",
    page="https://seungjunnah.github.io/Datasets/gopro",
    pairs={"train": 2103, "test": 1111},
    folders=("train", "test"),
    max_bytes=20 * 10**9,
    max_files=20_000,
    hub="snah/GOPRO_Large",
    # The file's checksum as the scripts of two other public projects have it, November 2026.
    sha256="24532c036712515cf33803704421311c91f6a080e76049d7e5e7fd22389f128e",
)

HIDE = DataSet(
    name="HIDE_dataset",
    page="https://github.com/joanshen0508/HA_deblur",
    pairs={"train": 6397, "test": 2025},
    folders=("train", "test", "GT"),
    max_bytes=60 * 10**9,
    max_files=50_000,
    url="https://www.dropbox.com/s/04w3wqxcuin9dy8/HIDE_dataset.zip?dl=1",
)


BY_NAME = {"gopro": GOPRO, "hide": HIDE}
"""What commands call them."""

ROOT = Path("data/downloads")
"""Where commands put them, and look for them, if not told otherwise."""


def located(data: Path, root: Path = ROOT) -> Path:
    """The folder of a data set: a name of `BY_NAME` is for what `download` has put into `root`.

    Raises:
        FileNotFoundError: where it is not there.
    """
    if str(data) not in BY_NAME:
        return data
    folder = root / BY_NAME[str(data)].name
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: not there; run: python -m deblurlib data {data} --root {root}"
        )
    return folder


def download(data_set: DataSet, root: Path | str) -> Path:
    """Download, unpack and verify a data set; returns its folder, which is of its name.

    What is there already is not done again: the folder is only verified, ``NAME.zip`` only
    unpacked, and half a download continued. The archive stays.

    Args:
        data_set: `GOPRO` or `HIDE`.
        root: the folder to put it in.

    Raises:
        OSError: without a network, for a dead link, where the disk is too small, or while another
            process does the same; says how to go on.
        ValueError: for a damaged or hostile archive; for a data set that is not what was published,
            with all its faults.
    """
    root = Path(root)
    folder, archive = root / data_set.name, root / f"{data_set.name}.zip"
    if not folder.is_dir():
        with _workshop(root / f".{data_set.name}-download") as workshop:
            if not archive.is_file():
                _fetch_verified(data_set, archive, workshop / archive.name)
            _unpack(data_set, archive, folder, workshop / "unpacked")
    if faults := verify(data_set, folder):
        raise ValueError(
            f"{'; '.join(map(str, faults))}: not {data_set.name} as published; to get it again, "
            f"remove {folder} and {archive}"
        )
    return folder


def verify(data_set: DataSet, folder: Path) -> list[Fault]:
    """Whether all pairs are there and of the right size, as far as names and headers tell."""
    faults = []
    images: dict[Path, None] = {}
    for split, expected in data_set.pairs.items():
        found = list(listings(folder, split))
        if not found:
            faults.append(Fault(folder / split, "no pairs recognised here"))
        for listing in found:
            faults += listing.faults
            images |= dict.fromkeys(path for pair in listing.files for path in pair)
            if len(listing.files) != expected:
                problem = f"{len(listing.files)} pairs, not {expected}"
                faults.append(Fault(folder / split, problem))
    for path in images:
        try:
            with Image.open(path) as image:
                if image.size != SIZE:
                    problem = "{} x {} pixels, not {} x {}".format(*image.size, *SIZE)
                    faults.append(Fault(path, problem))
        except OSError:
            faults.append(Fault(path, "not an image that Pillow can read"))
    return list(dict.fromkeys(faults))


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder for unfinished work, for one process at a time; it goes when the work is done."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            yield folder
    except Timeout:
        raise OSError(f"{folder}: another process is at work here; wait until it is done") from None
    shutil.rmtree(folder, ignore_errors=True)


def _fetch_verified(data_set: DataSet, archive: Path, part: Path) -> None:
    """Download the archive; it appears whole, or its part stays for the next time."""
    by_hand = f"get it by hand from {data_set.page}, put it at {archive}, run the command again"
    try:
        url, size = _on_hub(data_set) if data_set.hub else (data_set.url, None)
        fetch(url, part, size)
    except requests.RequestException as error:
        reason = " ".join(str(error).split())
        raise OSError(f"{reason}: offline, or the link is dead; {by_hand}") from error
    except ValueError as error:
        raise ValueError(f"{error}; {by_hand}") from error
    damaged = ""
    if data_set.sha256 and (actual := _sha256(part)) != data_set.sha256:
        damaged = f"its sha256 is {actual}, not {data_set.sha256}"
    elif not zipfile.is_zipfile(part):
        damaged = "it is no zip archive, or a truncated one"
    if damaged:
        part.unlink()
        raise ValueError(f"{url}: what came is damaged: {damaged}; try again, or {by_hand}")
    part.replace(archive)


def _on_hub(data_set: DataSet) -> tuple[str, int | None]:
    """URL and size of the archive on the Hugging Face hub, whose checksum must be the known one.

    Only asked for these: the hub's own downloader starts over after an interruption.
    """
    url = hf_hub_url(data_set.hub, f"{data_set.name}.zip", repo_type="dataset")
    try:
        metadata = get_hf_file_metadata(url, token=False)
    except Exception as error:  # of its HTTP library, which changes from version to version
        raise requests.ConnectionError(f"{url}: {error}") from error
    if metadata.etag != data_set.sha256:
        raise ValueError(f"{url}: has sha256 {metadata.etag}, not {data_set.sha256}")
    return url, metadata.size


def fetch(url: str, part: Path, size: int | None = None) -> None:
    """Download a file, going on where `part` ends, as often as it takes.

    Args:
        url: where it is.
        part: the file to write; complete when this returns, and kept when it fails.
        size: in bytes, where it is known; else the server is asked.

    Raises:
        requests.RequestException: where no more came after several attempts, or never will.
        OSError: where the disk is too small for the file and, beside it, its unpacked content.
    """
    failures = 0
    while True:
        before = _length(part)
        try:
            return _fetch_once(url, part, size)
        except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError):
            failures = 0 if _length(part) > before else failures + 1
            if failures == ATTEMPTS:
                raise
        time.sleep(2.0**failures / 2)


def _fetch_once(url: str, part: Path, size: int | None) -> None:
    done = _length(part)
    if size is not None and done == size:
        return
    # Compressed on the way, there would be no going on from a number of bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(url, headers=headers, stream=True, timeout=(10, 60)) as response:
        if response.status_code == 416:
            # It ends before, or just where this one does; without its size nobody can tell.
            if response.headers.get("Content-Range") == f"bytes */{done}":
                return
            part.unlink()
            raise requests.ConnectionError(f"{url}: shorter than what is there; starting over")
        if response.status_code >= 500 or response.status_code == 429:
            raise requests.ConnectionError(f"{url}: {response.status_code} {response.reason}")
        response.raise_for_status()
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise requests.RequestException(f"{url}: leads to a page, not to a file")
        if response.status_code != 206:
            done = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            part.unlink()
            raise requests.ConnectionError(f"{url}: another piece came than asked; starting over")
        if "Content-Length" in response.headers:
            size = done + int(response.headers["Content-Length"])
        if size is not None:
            # Images hardly compress: unpacked, they take the archive's size again.
            _require_space(part.parent, 2 * size - done)
        bar = tqdm(
            desc=part.name, total=size, initial=done, unit="B", unit_scale=True, disable=None
        )
        with part.open("ab" if done else "wb") as file, bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    if size is not None and _length(part) != size:
        raise requests.ConnectionError(f"{url}: ended after {_length(part)} of {size} bytes")


def _unpack(data_set: DataSet, archive: Path, folder: Path, beside: Path) -> None:
    """Unpack an archive to `folder`, which appears whole."""
    shutil.rmtree(beside, ignore_errors=True)  # an interrupted one
    try:
        skipped = unzip(archive, beside, max_bytes=data_set.max_bytes, max_files=data_set.max_files)
        if skipped:
            print(f"{archive}: left out {skipped} files that are no images")
        for top in (beside, *sorted(beside.glob("*/")), *sorted(beside.glob("*/*/"))):
            if all((top / name).is_dir() for name in data_set.folders):
                top.replace(folder)
                return
        raise ValueError(f"{archive}: not {data_set.name}: no {', '.join(data_set.folders)} in it")
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def unzip(archive: Path, folder: Path, *, max_bytes: int, max_files: int) -> int:
    """Take the images and lists out of an archive that may be hostile.

    Names are judged before anything is written: none may lead out of `folder`, name something other
    than a file or folder, or mean another file on another system. Bytes are counted as they come.

    Args:
        archive: a zip archive.
        folder: where to put its files, which must not be there.
        max_bytes: more are refused.
        max_files: more are refused, those left out included.

    Returns:
        How many files were left out.

    Raises:
        ValueError: for a damaged archive, or one that was refused; `folder` may be half full.
        OSError: where the disk is too small.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            files = _judged(opened.infolist(), max_files)
            wanted = [(path, info) for path, info in files if _is_wanted(path)]
            folder.mkdir(parents=True)
            _require_space(folder, min(max_bytes, sum(info.file_size for _, info in wanted)))
            left = max_bytes
            for path, info in tqdm(wanted, unit="file", disable=None):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                with opened.open(info) as packed, (folder / path).open("xb") as file:
                    while chunk := packed.read(CHUNK):
                        left -= len(chunk)
                        if left < 0:
                            raise _RefusedError(f"more than {max_bytes} bytes unpacked")
                        file.write(chunk)
            return len(files) - len(wanted)
    except _RefusedError as error:
        raise ValueError(f"{archive}: refused: {error}; not as published, delete it") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
        raise ValueError(f"{archive}: damaged ({error}); delete it and try again") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # It leads to a place before its beginning.
        raise ValueError(f"{archive}: damaged ({error}); delete it and try again") from error


class _RefusedError(Exception):
    """An archive is refused; says why."""


def _judged(entries: list[ZipInfo], max_files: int) -> list[tuple[PurePosixPath, ZipInfo]]:
    """The files of an archive, none of whose names may do harm."""
    if len(entries) > max_files:
        raise _RefusedError(f"more than {max_files} files")
    paths = [(_safe_path(entry), entry) for entry in entries]
    files = [(path, entry) for path, entry in paths if not entry.is_dir()]
    if len({path for path, _ in files}) != len(files):
        raise _RefusedError("a file that is there twice")
    folders = {path for path, entry in paths if entry.is_dir()}
    folders |= {folder for path, _ in paths for folder in path.parents}
    names: dict[str, PurePosixPath] = {}
    for path in sorted({path for path, _ in files} | folders):
        # Where case or the spelling of accents does not count, two would be one.
        other = names.setdefault(unicodedata.normalize("NFC", str(path)).casefold(), path)
        if other != path:
            raise _RefusedError(f"both {str(other)!r} and {str(path)!r}")
    for path, _ in files:
        if path in folders:
            raise _RefusedError(f"{str(path)!r} is a file and a folder")
    return files


def _safe_path(info: ZipInfo) -> PurePosixPath:
    name = info.orig_filename  # as it stands in the archive
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or any(c in name for c in "\\:\0"):
        raise _RefusedError(f"a file named {name!r}")
    # Zip archives from Unix say what an entry is; others leave these bits empty.
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _RefusedError(f"{name!r} is a link or a device")
    return PurePosixPath(*parts)


def _is_wanted(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.lower() in EXTENSIONS | {".txt"}


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            f"{folder}: {needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free; make room, or "
            "choose another --root"
        )


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
