"""What a learner has passed, in a small JSON file beside the notebooks, and the map made of it."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IPython.display import Markdown, display

from deblurlib.course.lessons import Lesson, lessons, notebooks_directory
from deblurlib.imaging.files import replacing

if sys.platform != "win32":
    import fcntl

VARIABLE = "DEBLURLIB_PROGRESS"
"""Names another file for progress: tests and committed outputs begin with none."""


@dataclass
class Progress:
    """What is known of one learner.

    Attributes:
        passed: topic of a lesson -> names of the exercises whose check has passed.
        answers: topic of a lesson -> number of a question, as text -> [choice, whether right].
        last: topic of the lesson that was last worked on.
    """

    passed: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, dict[str, tuple[int, bool]]] = field(default_factory=dict)
    last: str = ""

    def is_done(self, lesson: Lesson) -> bool:
        """Whether all of a lesson's exercises are passed and its questions answered rightly."""
        return self.next_step(lesson) is None

    def next_step(self, lesson: Lesson) -> tuple[str, str] | None:
        """The next open exercise of a lesson, or its quiz: what it is called, and its cell's id."""
        passed = self.passed.get(lesson.topic, [])
        for step in lesson.steps:
            if step.name not in passed:
                return f"Exercise {step.number} · {step.title}", step.cell
        return ("Quiz", lesson.quiz_cell) if self.right_answers(lesson) < lesson.questions else None

    def right_answers(self, lesson: Lesson) -> int:
        """How many questions of a lesson's quiz were last answered rightly."""
        return sum(right for _, right in self.answers.get(lesson.topic, {}).values())


def record_pass(topic: str, exercise: str) -> None:
    """Remember that an exercise's check has passed."""

    def note(progress: Progress) -> None:
        names = progress.passed.setdefault(topic, [])
        if exercise not in names:
            names.append(exercise)

    _update(topic, note)


def record_answer(topic: str, question: int, choice: int, right: bool) -> None:
    """Remember the choice last made in a quiz."""

    def note(progress: Progress) -> None:
        progress.answers.setdefault(topic, {})[str(question)] = (choice, right)

    _update(topic, note)


def load() -> Progress:
    """What has been kept; a damaged file is put aside, with a warning, and a new one begun."""
    try:
        return _read(progress_file())
    except OSError as error:
        print(f"progress cannot be read ({error}); going on without", file=sys.stderr)
        return Progress()


def progress_file() -> Path:
    """Where progress is kept."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else notebooks_directory() / "progress.json"


def course_map() -> None:
    """Show every lesson with what has been passed, and where to go on."""
    display(Markdown(describe(load(), lessons())))


def describe(progress: Progress, course: list[Lesson]) -> str:
    """The map of the course as markdown."""
    rows = ["| lesson | exercises | quiz |", "|---|---|---|"]
    for lesson in course:
        passed = progress.passed.get(lesson.topic, [])
        dots = "".join("●" if step.name in passed else "○" for step in lesson.steps)
        exercises = f"{dots} {dots.count('●')} of {len(dots)}" if dots else ""
        quiz = f"{progress.right_answers(lesson)} of {lesson.questions}" if lesson.questions else ""
        rows.append(f"| [{lesson.title}]({lesson.path.name}) | {exercises} | {quiz} |")
    return f"{_continue(progress, course)}\n\n" + "\n".join(rows)


def _continue(progress: Progress, course: list[Lesson]) -> str:
    # From the lesson last worked on, to the end, then what was left out before it.
    topics = [lesson.topic for lesson in course]
    begun = topics.index(progress.last) if progress.last in topics else 0
    for lesson in course[begun:] + course[:begun]:
        step = progress.next_step(lesson)
        if step is not None:
            word = "Continue where you left off" if progress.last else "Begin"
            name, cell = step
            # Not a heading: in a lesson not yet open JupyterLab finds none, and never one that has
            # more than ASCII in it.
            return f"**{word}:** [{lesson.title}, {name}]({lesson.path.name}#cell-id={cell})"
    return "**All done:** every exercise passed, every question answered."


def _update(topic: str, note: Callable[[Progress], None]) -> None:
    try:
        path = progress_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            progress = _read(path)
            note(progress)
            progress.last = topic
            with replacing(path) as beside:
                beside.write_text(json.dumps(vars(progress), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        print(f"progress not kept ({error})", file=sys.stderr)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # Two lessons may be open at once: what one keeps between the other's reading and writing would
    # be lost. Closing a folder unlocks it, and so does the end of a process, whatever ends it.
    if sys.platform == "win32":  # no folder can be locked
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system that knows no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> Progress:
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Progress()
    except OSError:
        raise
    except Exception:  # whatever a damaged file holds
        aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
        os.replace(path, aside)
        print(f"{path}: damaged, now {aside.name}; progress begins anew", file=sys.stderr)
        return Progress()


def _parse(text: str) -> Progress:
    kept: dict[str, Any] = json.loads(text)
    return Progress(
        passed={str(topic): [*map(str, names)] for topic, names in kept["passed"].items()},
        answers={
            str(topic): {
                str(int(n)): (int(choice), bool(right)) for n, (choice, right) in made.items()
            }
            for topic, made in kept["answers"].items()
        },
        last=str(kept["last"]),
    )
