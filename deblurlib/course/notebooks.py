"""Lessons as files: keep them in one normal form, and run them in order.

``python -m deblurlib.course.notebooks normalise [--check] [FILES]`` takes out of a notebook what
changes from one run to the next without meaning anything, so that a diff shows what changed.
``... refresh [FILES]`` runs lessons in place, as a learner first meets them, and writes into their
headers how long they take. ``... run [--profile full] [FILES]`` executes them with papermill into
another folder. All mean every notebook in ``notebooks/`` where no file is named.
"""

import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import nbformat
import papermill
import tyro
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional

from deblurlib.course.lessons import Lesson
from deblurlib.course.progress import VARIABLE
from deblurlib.imaging.files import replacing

CELL_TIMEOUT = {"quick": 600, "full": 14 * 24 * 3600}
"""Seconds that one cell may take, by profile."""

LARGEST = 1.5
"""MB that a committed notebook may have."""

_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_NOISE_OF_NOTEBOOK = ("papermill", "signature", "trusted", "widgets")
_NOISE_OF_CELL = ("ExecuteTime", "execution", "papermill", "trusted")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_PICTURES = ("image/png", "image/jpeg")
# Maps whose order or whose colours are lost on those who do not see red or green.
_UNSAFE = r"jet|rainbow|gist_rainbow|hsv|nipy_spectral|gist_ncar|Spectral|RdYlGn|turbo|brg"
_TIME = re.compile(r"\*\*Time:\*\* [^*\n]*?(?=\s*(?:\*\*|\n|$))")
_STATED = re.compile(r"(\d+) seconds of computing")
_INJECTED = "injected-parameters"  # on the cell that papermill adds to set parameters
_ERROR_MARK = "papermill-error-cell-tag"  # on what papermill adds to a notebook that failed


class LessonError(RuntimeError):
    """A lesson did not run to its end; the message names the lesson and the cell."""


def normalise(path: Path) -> bool:
    """Bring a notebook into its normal form; returns whether that changed the file.

    Run counts become 1 to n where every code cell was run, from top to bottom; they stay as they
    are otherwise, for :func:`faults` to find. Times, widget state and views, papermill's notes,
    trust and the kernel's version go. Cell ids stay, and keys are sorted.

    Raises:
        ValueError: where ``path`` is not a notebook.
    """
    before = path.read_text(encoding="utf-8")
    after = _normal_form(_read(path))
    if after == before:
        return False
    _replace(path, after)
    return True


def faults(path: Path) -> list[str]:
    """What a committed notebook must not have, one line each; empty where all is well.

    A code cell that was not run, or out of order; an error that is stored in the outputs of a cell
    without the tag ``raises-exception``; a cell that papermill injected; a picture without a
    description; a colour map that not everybody can read; a printed path of the machine that ran
    it; more than `LARGEST`; anything that :func:`normalise` would change. In a lesson, which is
    named ``NN_topic.ipynb``, also: no use made of ``PROFILE``; a time in the header that is not
    true.

    Raises:
        ValueError: where ``path`` is not a notebook.
    """
    notebook = _read(path)
    found = []
    last = 0
    for number, cell in _code_cells(notebook):
        if _INJECTED in _tags(cell):
            found.append(f"{path}: cell {number} was injected by papermill; delete it, run again")
        count = cell.execution_count
        if count is None:
            found.append(f"{path}: cell {number} was not run; run all cells and save")
        elif count <= last:
            found.append(
                f"{path}: cell {number} was run out of order ([{count}] below [{last}]);"
                " restart the kernel, run all cells and save"
            )
        last = count or last
        error = next((output for output in cell.outputs if output.output_type == "error"), None)
        if error is not None and "raises-exception" not in _tags(cell):
            found.append(
                f"{path}: cell {number} stores an error ({error.ename}: {error.evalue});"
                " mend it, or tag the cell raises-exception"
            )
        if any(not out.metadata.get(kind, {}).get("alt") for out, kind in _pictures(cell)):
            found.append(f"{path}: cell {number} shows a picture without alt text; give it one")
        unsafe = re.search(rf"""["'.](?:{_UNSAFE})\b""", cell.source)
        if unsafe is not None:
            found.append(f"{path}: cell {number} uses {unsafe[0]}; take gray, viridis or cividis")
        printed = "".join(output.get("text", "") for output in cell.outputs)
        if "site-packages" in printed or str(Path.cwd()) in printed:
            found.append(f"{path}: cell {number} prints a path of this machine; mend the warning")
    size = path.stat().st_size / 1e6
    if size > LARGEST:
        found.append(f"{path}: {size:.1f} MB, more than {LARGEST}; show smaller pictures, as JPEG")
    if not found and re.match(r"\d\d_", path.name):
        found += _faults_of_a_lesson(path, notebook)
    if not found and _normal_form(notebook) != path.read_text(encoding="utf-8"):
        remedy = f"python -m deblurlib.course.notebooks normalise {path}"
        found.append(f"{path}: not in its normal form; run: {remedy}")
    return found


def refresh(path: Path, cell_timeout: int = CELL_TIMEOUT["quick"]) -> float:
    """Run a lesson in place, as a learner first meets it, and normalise it; returns the seconds.

    Into the header goes how long the lesson takes (see :func:`_timed`). The file is replaced when
    all has run, and not touched otherwise.

    Raises:
        ValueError: where `path` is not a notebook.
        LessonError: where a cell raised an error, took too long, or killed the kernel.
    """
    notebook = _read(path)
    client = NotebookClient(
        notebook,
        timeout=cell_timeout,
        kernel_name=_KERNEL["name"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        try:
            client.execute(env={**os.environ, VARIABLE: f"{folder}/progress.json"})
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            cells = notebook.cells
            last = max((n for n, c in enumerate(cells, 1) if c.get("execution_count")), default=1)
            raise LessonError(f"{path}: failed at cell {last}: {error}") from error
        seconds = time.monotonic() - start
    if notebook.cells:
        notebook.cells[0].source = _timed(path, notebook, seconds)
    _replace(path, _normal_form(notebook))
    return seconds


def run(
    paths: Sequence[Path],
    out_dir: Path,
    parameters: Mapping[str, Any],
    cell_timeout: int = CELL_TIMEOUT["quick"],
) -> None:
    """Execute notebooks in order with papermill, one progress line each; stop at the first error.

    Each runs in its own folder, with this Python. An executed notebook gets its name in
    ``out_dir`` once it is complete; one that failed is kept there as ``NAME.failed.ipynb``.

    Args:
        paths: the notebooks; their parameters are all looked at before the first one runs.
        out_dir: where executed notebooks go; made if need be.
        parameters: values for the notebooks' parameters cells. ``PROFILE`` is for those that have
            it; every other name must be known to every notebook.
        cell_timeout: seconds after which a cell counts as failed.

    Raises:
        ValueError: for a parameter that a notebook does not have, or a file that is no notebook.
        LessonError: where a cell raised an error, took too long, or killed the kernel.
    """
    accepted = [_accepted(path, parameters) for path in paths]
    out_dir.mkdir(parents=True, exist_ok=True)
    for number, (path, values) in enumerate(zip(paths, accepted, strict=True), start=1):
        print(f"[{number:2}/{len(paths)}] {path.stem} ", end="", flush=True)
        start = time.monotonic()
        try:
            _execute(path, out_dir, values, cell_timeout)
        except LessonError:
            print("FAILED")
            raise
        note = " (has no PROFILE)" if "PROFILE" in parameters and "PROFILE" not in values else ""
        print(f"{time.monotonic() - start:.0f} s{note}", flush=True)


def normalise_command(
    files: Positional[tuple[Path, ...]] = (),
    check: FlagCreatePairsOff[bool] = False,
) -> int:
    """Bring notebooks into their normal form.

    Args:
        files: notebooks; every lesson if none is named.
        check: change nothing, name every fault, and fail if there is one.
    """
    found = []
    for path in files or _lessons():
        if check:
            found += faults(path)
        elif normalise(path):
            print(f"{path}: normalised")
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


def refresh_command(files: Positional[tuple[Path, ...]] = ()) -> int:
    """Run lessons in place and normalise them, after editing.

    Args:
        files: notebooks; every lesson if none is named.
    """
    for path in files or _lessons():
        print(f"{path} ", end="", flush=True)
        try:
            print(f"{refresh(path):.0f} s", flush=True)
        except LessonError as error:
            print("FAILED")
            print(error, file=sys.stderr)
            return 1
    return 0


def run_command(
    files: Positional[tuple[Path, ...]] = (),
    profile: Literal["quick", "full"] = "quick",
    out: Path = Path("build/course"),
    start_at: str = "",
) -> int:
    """Execute lessons in order, stopping at the first that fails.

    Args:
        files: notebooks; every lesson if none is named.
        profile: quick for two CPU cores, full for the real thing.
        out: folder for the executed notebooks.
        start_at: leave out the lessons before this one, such as 05_unet.
    """
    paths = [path for path in files or _lessons() if path.name >= start_at]
    if not paths:
        raise ValueError(f"no lesson to run in {Path.cwd()} (start_at={start_at!r})")
    try:
        run(paths, out, {"PROFILE": profile}, CELL_TIMEOUT[profile])
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        return tyro.extras.subcommand_cli_from_dict(
            {
                "normalise": normalise_command,
                "refresh": refresh_command,
                "run": run_command,
            },
            prog="python -m deblurlib.course.notebooks",
            description="Normalise, refresh and run lessons.",
            args=arguments,
            config=(OmitArgPrefixes,),
        )
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _lessons() -> list[Path]:
    return sorted(Path("notebooks").glob("[0-9]*.ipynb"))


def _read(path: Path) -> Any:
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever nbformat trips over in a file that is no notebook
        raise ValueError(f"{path}: not a notebook ({error})") from error
    return notebook


def _code_cells(notebook: Any) -> Iterator[tuple[int, Any]]:
    # Jupyter runs no empty cell. Numbers count every cell from 1, as a reader would.
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and cell.source.strip():
            yield number, cell


def _normal_form(notebook: Any) -> str:
    notebook = nbformat.from_dict(notebook)
    notebook.nbformat_minor = 5  # the first with cell ids
    for key in _NOISE_OF_NOTEBOOK:
        notebook.metadata.pop(key, None)
    notebook.metadata["kernelspec"] = _KERNEL
    notebook.metadata.get("language_info", {}).pop("version", None)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.setdefault("id", f"cell-{number}")
        for key in _NOISE_OF_CELL:
            cell.metadata.pop(key, None)
        if not _tags(cell):
            cell.metadata.pop("tags", None)
        if cell.cell_type == "code":
            cell.outputs = _joined(out for out in cell.outputs if _outlives_its_kernel(out))
    counts = [cell.execution_count for _, cell in _code_cells(notebook)]
    if None not in counts and counts == sorted(set(counts)):
        for count, (_, cell) in enumerate(_code_cells(notebook), start=1):
            cell.execution_count = count
    for _, cell in _code_cells(notebook):
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = cell.execution_count
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def _faults_of_a_lesson(path: Path, notebook: Any) -> Iterator[str]:
    code = [cell for _, cell in _code_cells(notebook)]
    if not re.match("PROFILE = ", code[0].source) or "parameters" not in _tags(code[0]):
        yield f'{path}: the first code cell must be PROFILE = "quick", tagged parameters'
    elif not any("PROFILE" in cell.source for cell in code[1:]):
        yield f"{path}: nothing looks at PROFILE; check it at least"
    elif _timed(path, notebook, None) != _header(notebook):
        yield f"{path}: the time in its header is not true; run: make notebooks LESSONS={path}"


def _outlives_its_kernel(output: Any) -> bool:
    # A widget's view points to a model that only the running kernel had; what is shown in its place
    # where no kernel runs, a picture or a text, is kept.
    data = output.get("data", {})
    return data.pop(_WIDGET, None) is None or any(kind != "text/plain" for kind in data)


def _joined(outputs: Iterable[Any]) -> list[Any]:
    # What is printed comes in pieces that depend on when the kernel flushed.
    joined: list[Any] = []
    for output in outputs:
        stream = output.get("name")  # of displayed things, None
        if joined and stream and joined[-1].get("name") == stream:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _pictures(cell: Any) -> Iterator[tuple[Any, str]]:
    for output in cell.outputs:
        for kind in _PICTURES:
            if kind in output.get("data", {}):
                yield output, kind


def _header(notebook: Any) -> str:
    return str(notebook.cells[0].source)


def _timed(path: Path, notebook: Any, seconds: float | None) -> str:
    """A lesson's first cell with a true line on time; None keeps the seconds that it states.

    A learner's minutes are reckoned: 200 words of text and 40 lines of code a minute (without what
    is folded away; much of the code only draws), the minutes of the exercises, half of one for a
    question of the quiz. The hardest exercises are for those who want more, and are counted apart.
    The computer's seconds are measured; what is stated stays while it is within a factor of two,
    so that noise changes nothing.
    """
    header = _header(notebook)
    stated = _STATED.search(header)
    shown = int(stated[1]) if stated else 0
    if seconds is not None and not shown / 2 <= seconds <= shown * 2:
        shown = 5 * math.ceil(seconds / 5)
    text = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    words = len(re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL).split())
    lines = sum(len(cell.source.splitlines()) for _, cell in _code_cells(notebook))
    lesson = Lesson(path)
    more = sum(exercise.minutes for exercise in lesson.exercises if exercise.difficulty == 3)
    exercises = sum(exercise.minutes for exercise in lesson.exercises) - more
    minutes = 5 * math.ceil((words / 200 + lines / 40 + exercises + lesson.questions / 2) / 5)
    line = (
        f"**Time:** {minutes} minutes{f', {more} more for the hardest exercise' if more else ''};"
    )
    computing = f"{shown} seconds of computing on two CPU cores."
    return _TIME.sub(f"{line} {computing}", header, count=1)


def _replace(path: Path, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _accepted(path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    # papermill itself only warns of a mistyped parameter, and then runs with the default.
    if "kernelspec" not in _read(path).metadata:
        raise ValueError(f"{path}: names no kernel; normalise it first")
    known = papermill.inspect_notebook(str(path))
    unknown = sorted(set(parameters) - set(known) - {"PROFILE"})
    if unknown:
        raise ValueError(
            f"{path}: unknown parameter {', '.join(unknown)};"
            f" known: {', '.join(sorted(known)) or 'none'}"
        )
    return {name: value for name, value in parameters.items() if name in known}


def _execute(path: Path, out_dir: Path, values: dict[str, Any], cell_timeout: int) -> None:
    partial = out_dir / f"{path.stem}.partial.ipynb"
    failed = out_dir / f"{path.stem}.failed.ipynb"
    try:
        papermill.execute_notebook(
            str(path),
            str(partial),
            parameters=values,
            kernel_name=_KERNEL["name"],
            cwd=str(path.parent),
            execution_timeout=cell_timeout,
            start_timeout=120,
            progress_bar=False,
        )
    except Exception as error:  # a cell's error, a time-out, a dead kernel, a missing kernel
        cells = _own_cells(partial) if partial.exists() else []
        number = _failed_cell(cells)
        # papermill also counts the errors that a cell is tagged to raise: those are no failure.
        if number is not None or not isinstance(error, PapermillExecutionError):
            kept = f"; see {failed}" if cells else ""
            if cells:
                os.replace(partial, failed)
            where = f"cell {number or _last_started(cells)}" if cells else "start"
            raise LessonError(
                f"{path}: failed at {where}: {_first_line(error)}{kept}; to go on from this lesson:"
                f" make course START={path.stem}"
            ) from error
    executed = nbformat.read(partial, as_version=4)
    executed.cells = [cell for cell in executed.cells if _ERROR_MARK not in _tags(cell)]
    _replace(out_dir / path.name, nbformat.writes(executed) + "\n")
    partial.unlink()
    failed.unlink(missing_ok=True)


def _own_cells(executed: Path) -> list[Any]:
    # The lesson's cells without those that papermill adds, so that numbers are the lesson's.
    cells = nbformat.read(executed, as_version=4).cells
    return [cell for cell in cells if not _tags(cell) & {_ERROR_MARK, _INJECTED}]


def _failed_cell(cells: list[Any]) -> int | None:
    for number, cell in enumerate(cells, start=1):
        if cell.metadata.get("papermill", {}).get("exception"):
            return number
    return None


def _last_started(cells: list[Any]) -> int:
    # Where the kernel died or time ran out, papermill marks no cell.
    started = [bool(cell.metadata.get("papermill", {}).get("start_time")) for cell in cells]
    return max((number for number, begun in enumerate(started, start=1) if begun), default=1)


def _first_line(error: Exception) -> str:
    if isinstance(error, PapermillExecutionError):
        text = f"{error.ename}: {error.evalue}"
    else:
        text = f"{type(error).__name__}: {error}"
    return text.strip().splitlines()[0]


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


if __name__ == "__main__":
    sys.exit(main())
