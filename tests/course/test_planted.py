"""Checks are checked: solutions pass, planted mistakes fail with the message meant for them.

What is planted stands in ``planted/TOPIC.py``: MISTAKES are replacements in the solution that the
notebook has, VARIANTS right answers written another way.
"""

import ast
import importlib
import importlib.util
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deblurlib.course import progress
from deblurlib.course.checks import Check, Report
from deblurlib.course.lessons import PLACEHOLDER, Exercise, Lesson, lessons

LESSONS = lessons(Path(__file__).parents[2] / "notebooks")
EXERCISES = [(lesson, exercise) for lesson in LESSONS for exercise in lesson.exercises]
MISTAKES_A_CHECK = 4


def name_of(value: Any) -> str:
    return getattr(value, "topic", None) or getattr(value, "name", None) or str(value)


each_exercise = pytest.mark.parametrize(("lesson", "exercise"), EXERCISES, ids=name_of)


@cache
def planted(topic: str) -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parent / "planted" / f"{topic}.py"))


def examine(lesson: Lesson, exercise: Exercise, answer: str) -> Report:
    """The report on an answer's code, run after the imports that the lesson has made by then."""
    code = [cell.source for cell in lesson.notebook.cells if cell.cell_type == "code"]
    before = code[: code.index(exercise.stub)]
    imports = [
        ast.unparse(node)
        for cell in before
        for node in ast.parse(cell.replace(" as check", " as _check")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    check = importlib.import_module(f"deblurlib.course.checks.{lesson.topic}")
    namespace: dict[str, Any] = {}
    exec("\n".join(imports), namespace)
    exec(answer, namespace)
    namespace["check"] = check
    call = exercise.check.replace(f"check.{exercise.name}(", f"check.{exercise.name}.examine(", 1)
    return eval(call, namespace)


def mistakes() -> Iterator[tuple[Lesson, Exercise, str, str, str]]:
    for lesson, exercise in EXERCISES:
        for what, changes, message in planted(lesson.topic)["MISTAKES"].get(exercise.name, []):
            answer = exercise.solution
            for old, new in changes.items():
                assert old in answer, f"{exercise.name}, {what}: {old!r} is not in the solution"
                answer = answer.replace(old, new)
            yield lesson, exercise, what, answer, message


@each_exercise
def test_the_solution_passes(lesson: Lesson, exercise: Exercise) -> None:
    report = examine(lesson, exercise, exercise.solution)
    assert report.status == "passed", report


@each_exercise
def test_the_stub_is_not_yet_an_answer(lesson: Lesson, exercise: Exercise) -> None:
    report = examine(lesson, exercise, exercise.stub)
    assert report.status == "not yet"
    assert report.message.startswith("First: ")


@each_exercise
def test_the_stub_is_a_part_of_the_solution(lesson: Lesson, exercise: Exercise) -> None:
    given = [line for line in exercise.stub.splitlines() if PLACEHOLDER not in line]
    remaining = iter(exercise.solution.splitlines())
    assert all(line in remaining for line in given), "in this order"


@each_exercise
def test_variants_pass(lesson: Lesson, exercise: Exercise) -> None:
    variants = planted(lesson.topic)["VARIANTS"][exercise.name]
    assert variants
    for answer in variants:
        report = examine(lesson, exercise, answer)
        assert report.status == "passed", report


@pytest.mark.parametrize(
    ("lesson", "exercise", "what", "answer", "message"),
    list(mistakes()),
    ids=lambda value: name_of(value) if isinstance(value, Lesson | Exercise) else "",
)
def test_mistakes_are_named(
    lesson: Lesson, exercise: Exercise, what: str, answer: str, message: str
) -> None:
    report = examine(lesson, exercise, answer)
    assert report.status == "wrong", what
    assert message in report.message, f"{what}: {report.message}"


@each_exercise
def test_each_mistake_has_a_message_of_its_own(lesson: Lesson, exercise: Exercise) -> None:
    messages = [message for *_, message in planted(lesson.topic)["MISTAKES"][exercise.name]]
    assert len(set(messages)) == len(messages) >= MISTAKES_A_CHECK


def test_the_table_of_mistakes() -> None:
    # To read it: pytest -s -n 0 -k table tests/course/test_planted.py
    rows = []
    for lesson, exercise, what, answer, _ in mistakes():
        report = examine(lesson, exercise, answer)
        rows.append(
            f"| {lesson.topic}.{exercise.name} | {what} | {report.stage}: {report.message} |"
        )
    print("\n| check | mistake | message |\n|---|---|---|", *rows, sep="\n")
    assert len(rows) >= MISTAKES_A_CHECK * len(EXERCISES)


def test_every_check_is_an_exercise() -> None:
    for lesson in LESSONS:
        name = f"deblurlib.course.checks.{lesson.topic}"
        if importlib.util.find_spec(name):
            module = importlib.import_module(name)
            checks = {name for name, value in vars(module).items() if isinstance(value, Check)}
            assert checks == {exercise.name for exercise in lesson.exercises}
            assert 3 <= len(module.quiz.questions) <= 5


def test_examining_keeps_no_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    lesson, exercise = EXERCISES[0]
    examine(lesson, exercise, exercise.solution)
    assert not (tmp_path / "progress.json").exists()
