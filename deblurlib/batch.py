"""Many photographs at once: files and folders in, a restored file for each of them out."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from PIL import Image
from tqdm import tqdm

from deblurlib.imaging.files import EXTENSIONS
from deblurlib.imaging.photos import as_kept, open_photo
from deblurlib.inference import restore, trained
from deblurlib.models import iteration_arguments
from deblurlib.training.precision import Precision


class Job(NamedTuple):
    """A photograph to restore."""

    source: Path
    result: Path


def restore_photos(
    paths: Iterable[Path],
    out: Path,
    *,
    model: str = "sung_small",
    iterations: int | None = None,
    tile: int | Literal["auto"] | None = "auto",
    precision: Precision = "auto",
    overwrite: bool = False,
) -> int:
    """Restore photographs and write them beside each other, with all that belongs to them.

    Prints the path of every result at once, and on stderr what else there is to say: notes, errors,
    and after many photographs a summary. One that cannot be restored does not end the others.

    Args:
        paths: files; and folders, which are searched for images, those below them too.
        out: folder for the results: of the same names, as PNG where the format of the input cannot
            hold all that is kept; those out of folders in the same folders.
        model, iterations, tile, precision: as `restore` takes them.
        overwrite: write results anew that are there already, and over an input whose result has
            its very path.

    Returns:
        How many photographs, or folders, could not be restored.

    Raises:
        FileNotFoundError, ValueError: for `model` or `iterations`, before anything is done.
    """
    network = trained(model)
    iteration_arguments(network, iterations)
    how = partial(restore, model=network, iterations=iterations, tile=tile, precision=precision)
    jobs, failures = plan(paths, out, overwrite=overwrite)
    for failure in failures:
        _say(f"error: {failure}", sys.stderr)
    many = len(jobs) + len(failures) > 1
    restored = skipped = 0
    bar = tqdm(
        total=len(jobs),
        disable=None,  # shown on a terminal only
        bar_format="{desc}{percentage:3.0f}% {bar} {elapsed}<{remaining}",
        miniters=0,
    )
    try:
        with bar:
            for number, job in enumerate(jobs):
                bar.set_description(job.source.name, refresh=False)
                bar.update(number - bar.n)
                if os.path.exists(job.result) and not overwrite:
                    skipped += 1
                    _say(f"{job.result}: there already; --overwrite makes it anew", sys.stderr)
                    continue
                try:
                    notes = _restore(job, how, bar)
                except Exception as error:  # whatever is wrong with one, the others are restored
                    failures.append(named(job.source, error))
                    _say(f"error: {failures[-1]}", sys.stderr)
                    continue
                restored += 1
                _say(str(job.result), sys.stdout)
                for note in notes:
                    _say(f"note: {job.source}: {note}", sys.stderr)
            bar.update(len(jobs) - bar.n)
    except KeyboardInterrupt:
        _say(f"stopped: {restored} of {len(jobs)} restored", sys.stderr)
        raise
    if many:
        counts = {"restored": restored, "there already": skipped, "not restored": len(failures)}
        said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        _say("\n  ".join([said + ":" * bool(failures), *failures]), sys.stderr)
    return len(failures)


def plan(
    paths: Iterable[Path], out: Path, *, overwrite: bool = False
) -> tuple[list[Job], list[str]]:
    """What is to be restored, and a line for everything that cannot be.

    Args:
        paths, out, overwrite: as `restore_photos` takes them.
    """
    failures: list[str] = []
    found: dict[Path, Path] = {}  # where results go, by their sources
    for path in paths:
        is_folder = os.path.isdir(path)  # which a Path cannot say of every name
        names = list(_below(path, out, failures)) if is_folder else [Path(path.name)]
        if not names:
            failures.append(f"{path}: no images here ({', '.join(sorted(EXTENSIONS))})")
        for name in names:
            found[path / name if is_folder else path] = as_kept(out / name)
    inputs = {os.path.realpath(source) for source in found}
    jobs: dict[str, Job] = {}
    for source, result in found.items():
        target = os.path.realpath(result)
        if target in inputs and target != os.path.realpath(source):
            failures.append(f"{source}: its result would replace {result}; choose another --out")
        elif target in inputs and not overwrite:
            failures.append(
                f"{source}: its result would replace it; choose another --out, or add --overwrite"
            )
        elif target in jobs:
            other = jobs[target].source
            failures.append(f"{source}: {other} has the same result {result}; restore it alone")
        else:
            jobs[target] = Job(source, result)
    return list(jobs.values()), failures


def _restore(job: Job, how: Callable[..., Image.Image], bar: Any) -> tuple[str, ...]:
    """Restore one photograph, and give what its owner should know."""
    photo = open_photo(job.source)
    pixels = photo.image.width * photo.image.height
    restored = how(photo.image, on_pixels=lambda done: bar.update(done / pixels))
    photo.save(restored, job.result)
    return photo.notes


def _below(folder: Path, out: Path, failures: list[str]) -> Iterator[Path]:
    """The images in a folder and those below it, as paths from there; hidden ones are none."""

    def unreadable(error: OSError) -> None:
        failures.append(named(Path(error.filename), error))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        # Not into results of earlier runs.
        visible = (name for name in folders if not name.startswith("."))
        results = os.path.realpath(out)
        folders[:] = sorted(n for n in visible if os.path.realpath(Path(place, n)) != results)
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in EXTENSIONS:
                yield Path(place, name).relative_to(folder)


def named(source: Path, error: Exception) -> str:
    """An error as one line that names the file."""
    lines = str(error).splitlines() or [repr(error)]
    return lines[0] if str(source) in lines[0] else f"{source}: {lines[0]}"


def _say(text: str, stream: TextIO) -> None:
    """Print above the progress bar and at once; names of files may be of any bytes."""
    encoding = stream.encoding or "utf-8"
    tqdm.write(text.encode(encoding, "backslashreplace").decode(encoding), stream)
    stream.flush()
