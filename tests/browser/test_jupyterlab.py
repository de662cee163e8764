"""The course as a learner meets it in JupyterLab: it opens, runs, is worked through and goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deblurlib.course.lessons import START, Lesson

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.mark.timeout(400)
def test_the_first_lesson_runs(opened: Callable[..., Any]) -> None:
    notebook = opened(START)
    notebook.run_all()
    outputs = notebook.outputs()
    assert not [output for output in outputs if output["output_type"] == "error"]
    text = "".join("".join(output.get("text", "")) for output in outputs)
    assert "OK" in text and "restored" in text
    assert sum("image/jpeg" in output.get("data", {}) for output in outputs) >= 4
    assert "Begin:" in notebook.page.locator(".jp-OutputArea").last.inner_text()
    assert notebook.errors == []


@pytest.mark.timeout(500)
def test_a_solved_exercise_is_kept_and_the_map_leads_on(
    opened: Callable[..., Any], folder: Path
) -> None:
    lesson = Lesson(next((ROOT / "notebooks").glob("04_*.ipynb")))
    first, second = lesson.exercises[:2]
    notebook = opened(lesson.path.name)
    notebook.run_all()
    assert not (folder / "progress.json").exists()
    check = first.stub_cell + 1
    assert "not yet" in notebook.run_cell(check)
    notebook.write(first.stub_cell, first.solution)
    notebook.run_cell(first.stub_cell)
    assert f"● {first.name}: passed." in notebook.run_cell(check)
    kept = json.loads((folder / "progress.json").read_text())
    assert kept["passed"] == {lesson.topic: [first.name]}
    notebook.save()
    assert notebook.errors == []

    start = opened(START, windowing="contentVisibility")
    cells = start.cells()
    number = next(n for n, cell in enumerate(cells) if "course_map()" in "".join(cell["source"]))
    shown = start.run_cell(number)
    assert "Continue where you left off" in shown
    assert f"1 of {len(lesson.exercises)}" in shown
    start.page.get_by_role("link", name=f"{lesson.title}, Exercise {second.number}").click()
    start.wait(f"panel.context.path === '{lesson.path.name}'")
    heading = start.page.locator(".jp-Notebook:visible h3", has_text=second.title)
    heading.wait_for()
    start.page.wait_for_function(
        """heading => {
            const { top, bottom } = heading.getBoundingClientRect();
            return 0 <= top && bottom <= window.innerHeight;
        }""",
        arg=heading.element_handle(),
    )
    assert start.errors == []
