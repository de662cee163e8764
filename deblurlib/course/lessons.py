"""A lesson as a file: its exercises, with stub, check and solution, read out of the notebook.

The notebook is the only source of an exercise. Its cells, in this order:

* markdown that begins with ``### Exercise 2 · Title``, and says
  ``**Difficulty:** ●●○ · **Time:** 10 minutes``;
* code tagged ``stub``, with ``raise NotImplementedError`` where the learner's lines go;
* code tagged ``check``: ``check.name(answer)``;
* markdown with ``<details>``: ``Hint 1``, ``Hint 2``, and the ``Solution`` in a fenced block.
"""

import copy
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat

START = "00_start_here.ipynb"
PLACEHOLDER = "raise NotImplementedError"
"""Begins the line that a learner replaces in a stub."""

_HEADER = re.compile(
    r"^### Exercise (?P<number>\d+) · (?P<title>.+)\n+"
    r"\*\*Difficulty:\*\* (?P<difficulty>[●○]{3}) · \*\*Time:\*\* (?P<minutes>\d+) minutes?\n"
)
_CHECK = re.compile(r"^check\.(\w+)\(", re.M)
_FOLDED = re.compile(
    r"<details>\s*<summary>(?P<summary>.+?)</summary>(?P<body>.*?)</details>", re.S
)
_CODE = re.compile(r"```python\n(.*?)\n```", re.S)


@dataclass(frozen=True)
class Step:
    """An exercise as the map of the course knows it.

    `name` is that of its check, `cell` the id of the cell that it begins with.
    """

    number: int
    title: str
    name: str
    cell: str


@dataclass(frozen=True)
class Exercise(Step):
    """One exercise; `stub`, `check` and `solution` are code, `stub_cell` counts from 0."""

    difficulty: int
    minutes: int
    stub_cell: int
    stub: str
    check: str
    hints: tuple[str, ...]
    solution: str


class Lesson:
    """A lesson's notebook, and what it is made of.

    Raises:
        ValueError: from `exercises`, where one of them is not made as it should be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notebook: Any = nbformat.read(path, as_version=4)

    @property
    def topic(self) -> str:
        """The name without its number: that of the lesson's module of checks, and of widgets."""
        return self.path.stem.split("_", 1)[-1]

    @property
    def title(self) -> str:
        """The first line of the first cell, such as "04 · Edge operators"."""
        first = next((str(cell.source) for cell in self.notebook.cells), "")
        return first.split("\n")[0].removeprefix("# ") or self.path.stem

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Its exercises, also where a learner has filled stubs in, or put cells between."""
        found = []
        header, begin = None, ""
        for cell in self.notebook.cells:
            if match := _HEADER.match(cell.source):
                header, begin = match, cell.id
            name = _CHECK.search(cell.source) if "check" in cell.metadata.get("tags", []) else None
            if header and name:
                found.append(Step(int(header["number"]), header["title"], name[1], begin))
                header = None
        return tuple(found)

    @cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        """Its exercises as their author wrote them."""
        return tuple(self._read_exercises())

    @cached_property
    def quiz_cell(self) -> str:
        """The id of the cell that shows its quiz; empty where it has none."""
        return next((cell.id for cell in self.notebook.cells if "check.quiz()" in cell.source), "")

    @cached_property
    def questions(self) -> int:
        """How many questions its quiz has; 0 where it has none."""
        if not self.quiz_cell:
            return 0
        return len(importlib.import_module(f"deblurlib.course.checks.{self.topic}").quiz.questions)

    def solved(self) -> Any:
        """The notebook with every stub replaced by its solution."""
        notebook = copy.deepcopy(self.notebook)
        for exercise in self.exercises:
            notebook.cells[exercise.stub_cell].source = exercise.solution
        return notebook

    def _read_exercises(self) -> Iterator[Exercise]:
        cells = self.notebook.cells
        for start, cell in enumerate(cells):
            if cell.cell_type != "markdown" or not cell.source.startswith("### Exercise"):
                continue
            header = _HEADER.match(cell.source)
            if header is None:
                raise self._fault(start, "its header lacks title, difficulty or minutes")
            following = cells[start + 1 : start + 4]
            tags = [next(iter(c.metadata.get("tags", [])), "") for c in following[:2]]
            if tags != ["stub", "check"]:
                raise self._fault(start, "a stub and a check cell must follow the header")
            stub, check, folded = (*(c.source for c in following), "")[:3]
            name = _CHECK.match(check)
            if PLACEHOLDER not in stub or name is None:
                raise self._fault(start, f"the stub needs {PLACEHOLDER}, the check check.NAME(...)")
            bodies = {match["summary"]: match["body"].strip() for match in _FOLDED.finditer(folded)}
            solution = _CODE.search(bodies.pop("Solution", ""))
            if solution is None or list(bodies) != ["Hint 1", "Hint 2"]:
                raise self._fault(start, "Hint 1, Hint 2 and a Solution must follow, each folded")
            yield Exercise(
                number=int(header["number"]),
                title=header["title"],
                name=name[1],
                cell=cell.id,
                difficulty=header["difficulty"].count("●"),
                minutes=int(header["minutes"]),
                stub_cell=start + 1,
                stub=stub,
                check=check,
                hints=tuple(bodies.values()),
                solution=solution[1],
            )

    def _fault(self, cell: int, what: str) -> ValueError:
        return ValueError(f"{self.path}: cell {cell + 1}: {what}")


def notebooks_directory() -> Path:
    """Where the lessons are: here, if here is where they are, or in the checkout.

    Raises:
        FileNotFoundError: where neither has them.
    """
    for folder in (Path.cwd(), Path(__file__).parents[2] / "notebooks"):
        if (folder / START).is_file():
            return folder
    raise FileNotFoundError(f"{START} is not in {Path.cwd()}; run this beside the lessons")


def lessons(folder: Path | None = None) -> list[Lesson]:
    """Every lesson in the order of the course."""
    # Not "04_edge_operators-Copy1.ipynb", which JupyterLab makes of a duplicate.
    paths = (folder or notebooks_directory()).glob("*.ipynb")
    return [Lesson(path) for path in sorted(paths) if re.fullmatch(r"\d\d_\w+", path.stem)]
