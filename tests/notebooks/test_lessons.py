"""Every lesson runs twice: as a learner first meets it, and with every exercise solved.

The first run is nbval's, which also compares the outputs of cells tagged ``nbval-check-output``
with those committed. The second is papermill's, with every solution in its stub's place; then every
check must have passed.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from deblurlib.course import notebooks, progress
from deblurlib.course.lessons import Lesson

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_TIMEOUT = 300
"""Seconds; no cell of a quick profile takes longer, not even beside another test."""


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_runs_as_a_learner_first_meets_it(lesson: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
        *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300", str(lesson)),
    ]
    kept = tmp_path / "progress.json"
    environment = {**os.environ, progress.VARIABLE: str(kept)}
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-1000:]
    assert re.search(r"\d+ passed", ran.stdout)
    assert not kept.exists(), "an unsolved exercise has passed"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_runs_with_every_exercise_solved(
    lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(kept))
    read = Lesson(lesson)
    solved = tmp_path / lesson.name
    nbformat.write(read.solved(), solved)
    notebooks.run([solved], tmp_path / "out", {"PROFILE": "quick"}, CELL_TIMEOUT)
    cells = json.loads((tmp_path / "out" / lesson.name).read_text())["cells"]
    assert any("injected-parameters" in cell["metadata"].get("tags", []) for cell in cells)
    names = [exercise.name for exercise in read.exercises]
    passed = json.loads(kept.read_text())["passed"] if names else {}
    assert passed == ({read.topic: names} if names else {})


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_exercises_stand_unsolved(lesson: Path) -> None:
    read = Lesson(lesson)
    for exercise in read.exercises:
        outputs = read.notebook.cells[exercise.stub_cell + 1].outputs
        assert "not yet" in "".join(output.get("text", "") for output in outputs)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_has_checked_outputs(lesson: Path) -> None:
    cells = json.loads(lesson.read_text())["cells"]
    if lesson.stem != "00_start_here":  # which prints what differs from machine to machine
        assert any("nbval-check-output" in cell["metadata"].get("tags", []) for cell in cells)


PAGES = [
    *LESSONS,
    *(ROOT / name for name in ("README.md", "data/README.md")),
    *(ROOT / "notebooks").glob("*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", text_of(page)):
        if "://" not in path:
            target = page.parent / path if path else page
            assert target.exists(), path
            if anchor:
                headings = re.findall(r"^#+ (.+)$", text_of(target), flags=re.MULTILINE)
                assert anchor in [heading.replace(" ", "-") for heading in headings], anchor


def text_of(page: Path) -> str:
    if page.suffix != ".ipynb":
        return page.read_text()
    cells = json.loads(page.read_text())["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def test_the_map_and_the_readme_list_every_lesson() -> None:
    start = (ROOT / "notebooks" / "00_start_here.ipynb").read_text()
    readme = (ROOT / "README.md").read_text()
    for lesson in LESSONS:
        assert lesson.name in readme
        assert lesson.name in start or lesson.stem == "00_start_here"
