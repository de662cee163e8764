"""Every lesson's widgets in JupyterLab, by keyboard and by mouse, and their stills before."""

import importlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Locator

from deblurlib.course.lessons import lessons

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

OWN = "widgets.ipynb"
"""A small notebook with one of each, so that a fault is found to be the widgets' or a lesson's."""

EXPLORE = """
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from deblurlib.course.drawing import panel, table
from deblurlib.course.widgets import explore

def render(level, gain, kind):
    ramp = torch.linspace(0, 1, 50).expand(3, 40, 50) * gain * level / 10
    return table([panel(kind, ramp if kind == "ramp" else 1 - ramp, 400)], columns=1)

explore(
    render,
    lambda level, gain, kind: f"{kind} <of> {level}, times {gain:.1f}.",
    level=IntSlider(5, 0, 10, description="level"),
    gain=FloatSlider(value=0.5, min=0, max=1, description="gain"),
    kind=Dropdown(options=["ramp", "inverse"], description="kind"),
)
"""
COMPARE = """
from deblurlib.course.widgets import compare

noise = torch.rand(3, 100, 200)
compare(noise, 1 - noise, "Noise, and its negative.", ("noise", "negative"))
"""
QUIZ = """
from deblurlib.course.quiz import Choice, Question, Quiz

wrong, right = Choice("`one`", "No, `two`."), Choice("two", "Yes, two.", right=True)
Quiz("own.widgets", Question("How many?", (wrong, right)), Question("And?", (right, wrong)))()
"""


def of_widgets(notebook: Any) -> dict[str, int]:
    """How many of each kind of widget a notebook's sources show."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    imports = re.findall(r"^from deblurlib\.course\.widgets\.\w+ import (.+)$", source, re.M)
    imported = [name for names in imports for name in names.split(", ") if name != "your_photo"]
    photos = len(re.findall(r"^your_photo\(", source, re.M))  # tried in test_your_own_photos.py
    return {
        "explore": sum(len(re.findall(rf"\b{name}\(\)", source)) for name in imported),
        "compare": len(re.findall(r"^compare\(", source, re.M)) + photos,
        "quiz": len(re.findall(r"^check\.quiz\(\)", source, re.M)),
    }


LESSONS = [lesson for lesson in lessons() if any(of_widgets(lesson.notebook).values())]


def settled(notebook: Any, box: Locator) -> tuple[str, str]:
    """A box's picture and caption, once nothing changes any more."""
    seen, now = None, look(box)
    while seen != now:
        notebook.page.wait_for_timeout(150)
        notebook.wait("idle")
        seen, now = now, look(box)
    return now


def look(box: Locator) -> tuple[str, str]:
    picture, described, caption = box.evaluate(
        """async box => {
            const image = box.querySelector('img');
            await image.decode().catch(() => {});  // between two pictures
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth;
            canvas.height = image.naturalHeight;
            canvas.getContext('2d').drawImage(image, 0, 0);
            const caption = box.querySelector('[role=status]').textContent;
            return [canvas.toDataURL(), image.alt, caption];
        }"""
    )
    assert described == caption
    return picture, caption


def changes(notebook: Any, box: Locator, act: Callable[[], Any], what: str) -> None:
    """Do something that should change both the picture and its caption."""
    before = settled(notebook, box)
    act()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        picture, caption = settled(notebook, box)
        if picture != before[0] and caption != before[1]:
            return
    assert caption != before[1], f"{what}: the caption stays {caption!r}"
    raise AssertionError(f"{what}: the picture stays, its caption is {caption!r}")


def try_explore(notebook: Any, box: Locator) -> None:
    box.scroll_into_view_if_needed()
    controls = box.locator(":scope > .widget-hbox > *")
    assert controls.count() > 0
    for control in controls.all():
        name = control.locator("label").inner_text()
        if control.locator("select").count():
            choice = control.locator("select")
            options = choice.locator("option").count()
            last = choice.evaluate("select => select.selectedIndex") == options - 1
            key = "ArrowUp" if last else "ArrowDown"
            choice.focus()
            changes(
                notebook, box, lambda key=key: notebook.page.keyboard.press(key), f"{name} {key}"
            )
            index = (choice.evaluate("select => select.selectedIndex") + 1) % options
            # The list that opens is the system's, where no browser's mouse can be sent.
            changes(notebook, box, lambda c=choice, i=index: c.select_option(index=i), name)
            continue
        handle = control.locator(".noUi-handle")
        low, value, high = (
            float(handle.get_attribute(f"aria-value{end}")) for end in ("min", "now", "max")
        )
        key = "ArrowLeft" if value == high else "ArrowRight"
        handle.focus()
        changes(notebook, box, lambda key=key: notebook.page.keyboard.press(key), f"{name} {key}")
        place = 0.2 if float(handle.get_attribute("aria-valuenow")) > (low + high) / 2 else 0.8
        track = control.locator(".noUi-base").bounding_box()
        x, y = track["x"] + place * track["width"], track["y"] + track["height"] / 2
        changes(notebook, box, lambda x=x, y=y: notebook.page.mouse.click(x, y), f"{name} by mouse")


def try_compare(notebook: Any, box: Locator) -> None:
    box.scroll_into_view_if_needed()
    line, over, handle = box.locator(".line"), box.locator(".over"), box.locator("input")

    def place() -> float:
        left = float(line.evaluate("line => line.style.left").rstrip("%"))
        right = over.evaluate("image => image.style.clipPath")
        assert f" {100 - left:g}% " in right
        return left

    assert place() == 50
    handle.focus()
    notebook.page.keyboard.press("ArrowRight")
    assert place() == 51
    notebook.page.keyboard.press("ArrowLeft")
    notebook.page.keyboard.press("ArrowLeft")
    assert place() == 49
    area = box.locator(".pictures").bounding_box()
    assert area["width"] >= 400
    x, y = area["x"] + area["width"] / 4, area["y"] + area["height"] / 2
    notebook.page.mouse.click(x, y)
    assert abs(place() - 25) <= 1
    notebook.page.mouse.down()
    notebook.page.mouse.move(x + area["width"] / 2, y, steps=4)
    notebook.page.mouse.up()
    assert abs(place() - 75) <= 1
    for picture in box.locator("img").all():
        assert picture.evaluate("image => image.naturalWidth") > 0


def try_quiz(notebook: Any, box: Locator, right: list[int]) -> None:
    questions = box.locator(":scope > .widget-vbox").all()
    assert len(questions) == len(right)
    for question, index in zip(questions, right, strict=True):
        radios = question.locator("input[type=radio]")
        verdict = question.locator(".widget-html").last
        assert verdict.inner_text().strip() == ""
        wrong = 0 if index else 1
        radios.nth(wrong).focus()
        notebook.page.keyboard.press("Space")
        verdict.get_by_text("Not this one").wait_for()
        radios.nth(index).click()
        verdict.get_by_text("Right.").wait_for()
        assert len(verdict.inner_text()) > len("✓ Right. ")
    # A key that JupyterLab has a use for.
    cells = len(notebook.cells())
    for key in "ddx":
        notebook.page.keyboard.press(key)
    assert len(notebook.cells()) == cells
    # From the first choice to the last by the keyboard alone.
    radios = box.locator("input[type=radio]")
    radios.first.focus()
    reached = 1
    for _ in range(radios.count() - 1):
        notebook.page.keyboard.press("Tab")
        reached += radios.evaluate_all("all => all.includes(document.activeElement)")
    assert reached >= len(questions)


def try_all(notebook: Any, expected: dict[str, int], right: list[int]) -> None:
    for kind, count in expected.items():
        part = notebook.page.locator(f".jp-OutputArea .deblurlib-{kind}")
        if count:
            part.nth(count - 1).wait_for()
        assert part.count() == count, kind
    assert not [output for output in notebook.outputs() if output["output_type"] == "error"]
    for box in notebook.boxes("deblurlib-explore"):
        try_explore(notebook, box)
    for box in notebook.boxes("deblurlib-compare"):
        try_compare(notebook, box)
    for box in notebook.boxes("deblurlib-quiz"):
        try_quiz(notebook, box, right)
    assert notebook.errors == []


@pytest.fixture(scope="module")
def own(folder: Path) -> str:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_code_cell(source.strip()) for source in (EXPLORE, COMPARE, QUIZ)]
    notebook = new_notebook(cells=[new_markdown_cell("# Widgets"), *cells], metadata=kernel)
    nbformat.write(notebook, folder / OWN)
    return OWN


def answers(folder: Path, topic: str) -> dict[str, list[Any]]:
    return json.loads((folder / "progress.json").read_text())["answers"][topic]


@pytest.mark.timeout(300)
def test_one_of_each(opened: Callable[..., Any], own: str, folder: Path) -> None:
    notebook = opened(own)
    notebook.run_all()
    try_all(notebook, {"explore": 1, "compare": 1, "quiz": 1}, right=[1, 0])
    assert answers(folder, "widgets") == {"1": [1, True], "2": [0, True]}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.path.stem)
def test_a_lessons_widgets(lesson: Any, opened: Callable[..., Any], folder: Path) -> None:
    notebook = opened(lesson.path.name)
    # Just opened, as it is committed: nothing has run, and every picture is there.
    stored = [
        out for out in notebook.outputs() if {"image/jpeg", "image/png"} & {*out.get("data", ())}
    ]
    pictures = notebook.page.locator(".jp-OutputArea-output img")
    pictures.nth(len(stored) - 1).wait_for()
    assert pictures.evaluate_all("all => all.every(image => image.naturalWidth > 0)")
    assert pictures.count() == len(stored)
    assert notebook.page.get_by_text("Error displaying widget").count() == 0
    expected = of_widgets(lesson.notebook)
    assert notebook.page.locator(".jp-OutputArea summary").count() == lesson.questions
    right = []
    if expected["quiz"]:
        quiz = importlib.import_module(f"deblurlib.course.checks.{lesson.topic}").quiz
        right = [[c.right for c in question.choices].index(True) for question in quiz.questions]
    notebook.run_all()
    try_all(notebook, expected, right)
    if right:
        kept = answers(folder, lesson.topic)
        assert kept == {str(n): [index, True] for n, index in enumerate(right, start=1)}
