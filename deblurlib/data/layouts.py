"""How data sets of pairs lie on disk; what belongs together by its name, and what has no partner.

Only names are looked at here, no image is opened. Layouts, with SPLIT for ``train`` or ``test``:

- GOPRO_Large: ``SPLIT/SEQUENCE/{blur,blur_gamma,sharp}/000001.png``
- HIDE: ``SPLIT/*.png`` or ``SPLIT/{test-close-ups,test-long-shot}/*.png``, and their sharp images,
  of the same names, in ``GT``
- RealBlur-J and -R: ``RealBlur-J_.../scene001/{gt/gt_1,blur/blur_1}.png``, in splits by the lists
  ``RealBlur_J_SPLIT_list.txt`` beside that folder
- flat: ``input`` and ``target``, or another row of `FLAT`, below ``SPLIT`` or alone
- any two folders whose files have the same names
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from deblurlib.imaging.files import EXTENSIONS

Split = Literal["train", "test"]

Blur = Literal["blur", "blur_gamma"]
"""GOPRO_Large's two folders of blurred frames in every sequence."""

RealBlur = Literal["J", "R"]
"""RealBlur's two versions: from the camera's JPEG, and from raw."""

FLAT = (
    ("input", "target"),
    ("input_crops", "target_crops"),
    ("blurred", "sharp"),
    ("blur", "sharp"),
    ("blur_gamma", "sharp"),
)
"""Names of two folders that lie side by side, of blurred and of sharp images."""

IN_SEQUENCES = (("blur", "sharp"), ("blur_gamma", "sharp"), ("blur", "gt"))
"""Such names again, of GoPro's sequences and RealBlur's scenes."""


class Fault(NamedTuple):
    """A file or folder, and what is wrong with it."""

    path: Path
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class Listing(NamedTuple):
    """``(blurred, sharp)`` paths, and every fault that file names tell."""

    files: list[tuple[Path, Path]]
    faults: list[Fault]


def listings(root: Path, split: Split) -> Iterator[Listing]:
    """Every set of pairs of a split that is recognised below ``root``, the preferred one first."""
    for folder in (root / split, root):
        for blurred, sharp in FLAT:
            if (folder / blurred).is_dir():
                yield match_folders([folder / blurred], folder / sharp)
    if (root / "GT").is_dir() and (root / split).is_dir():
        yield list_hide(root, split)
    for kind in get_args(RealBlur):
        if (path := realblur_list(root, split, kind)).is_file():
            yield list_realblur(path)
    for blur in get_args(Blur):
        if any(root.glob(f"{split}/*/{blur}")):
            yield list_gopro(root, split, blur)


def not_recognised(root: Path, split: str) -> FileNotFoundError:
    """The error that says what `listings` looked for."""
    flat = ", ".join("/ and ".join(names) + "/" for names in FLAT)
    return FileNotFoundError(
        f"{root}: no {split} pairs recognised; looked for SPLIT/SEQUENCE/blur (GOPRO_Large), GT "
        f"and SPLIT (HIDE), RealBlur_J_SPLIT_list.txt, RealBlur_R_SPLIT_list.txt and, here and in "
        f"SPLIT, for {flat}, where SPLIT is {split}"
    )


def match_folders(blurred: Sequence[Path], sharp: Path, *, spare: bool = False) -> Listing:
    """Pairs by file name, without its ending, in order of name.

    Args:
        blurred: folders of blurred images.
        sharp: the folder of all their sharp ones.
        spare: whether sharp images may lack a partner.
    """
    of_blurred, faults = _by_name(blurred)
    of_sharp, more = _by_name([sharp])
    faults += more
    if of_blurred and of_sharp:
        faults += [
            Fault(of_blurred[name], f"no partner of this name in {sharp}")
            for name in sorted(of_blurred.keys() - of_sharp.keys())
        ]
    if of_blurred and of_sharp and not spare:
        faults += [
            Fault(of_sharp[name], f"no partner of this name in {blurred[0]}")
            for name in sorted(of_sharp.keys() - of_blurred.keys())
        ]
    both = sorted(of_blurred.keys() & of_sharp.keys())
    return Listing([(of_blurred[name], of_sharp[name]) for name in both], faults)


def list_gopro(root: Path, split: Split, blur: Blur) -> Listing:
    """The pairs of every sequence of a split of GOPRO_Large."""
    files, faults = [], []
    for sequence in sorted(path for path in (root / split).glob("*") if path.is_dir()):
        listing = match_folders([sequence / blur], sequence / "sharp")
        files += listing.files
        faults += listing.faults
    return Listing(files, faults)


def list_hide(root: Path, split: Split) -> Listing:
    """The pairs of a split of HIDE; the sharp images of all splits are in one folder."""
    blurred = root / split
    below = sorted(path for path in blurred.glob("*") if path.is_dir())
    return match_folders(below or [blurred], root / "GT", spare=True)


def realblur_list(root: Path, split: Split, kind: RealBlur) -> Path:
    """Where the list is, for the folder that holds it or the one of images beside it."""
    folder = root.parent if root.name.startswith(f"RealBlur-{kind}") else root
    return folder / f"RealBlur_{kind}_{split}_list.txt"


def list_realblur(path: Path) -> Listing:
    """The pairs that one of RealBlur's lists names."""
    files, faults = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        # The published lists have the sharp image first; folders say which is which in any case.
        by_folder = {Path(name).parent.name: path.parent / name for name in line.split()}
        blurred, sharp = by_folder.get("blur"), by_folder.get("gt")
        if blurred is None or sharp is None or len(line.split()) != 2:
            faults.append(Fault(path, f"line {number} is not a file in gt/ and one in blur/"))
        elif _realblur_name(blurred) != _realblur_name(sharp):
            faults.append(Fault(path, f"line {number}: these two do not belong together: {line}"))
        elif missing := [file for file in (blurred, sharp) if not file.is_file()]:
            faults += [Fault(file, f"no such file, but {path.name} names it") for file in missing]
        else:
            files.append((blurred, sharp))
    if not files and not faults:
        faults.append(Fault(path, "an empty list"))
    return Listing(files, faults)


def _realblur_name(path: Path) -> tuple[Path, str]:
    """What ``scene001/gt/gt_1.png`` and ``scene001/blur/blur_1.png`` have in common."""
    return path.parents[1], path.stem.removeprefix(f"{path.parent.name}_")


def _by_name(folders: Sequence[Path]) -> tuple[dict[str, Path], list[Fault]]:
    found: dict[str, Path] = {}
    faults = []
    for folder in folders:
        if not folder.is_dir():
            faults.append(Fault(folder, "no such folder"))
            continue
        # Hidden files are no images: a Mac leaves ._000001.png beside 000001.png.
        visible = (path for path in folder.iterdir() if not path.name.startswith("."))
        paths = sorted(path for path in visible if path.suffix.lower() in EXTENSIONS)
        if not paths:
            faults.append(Fault(folder, f"no images here ({', '.join(sorted(EXTENSIONS))})"))
        for path in paths:
            if path.stem in found:
                faults.append(Fault(path, f"{found[path.stem]} has the same name; remove one"))
            else:
                found[path.stem] = path
    return found, faults
