"""Progress: kept whole whatever happens, and a map that says where to go on."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from deblurlib.course import lessons, progress
from deblurlib.course.lessons import Step
from deblurlib.course.progress import Progress, describe, load, record_answer, record_pass


class Lesson:
    """As much of a lesson as the map needs."""

    def __init__(self, stem: str, steps: tuple[str, ...] = (), questions: int = 0) -> None:
        self.path = Path(f"{stem}.ipynb")
        self.topic, self.title = stem.split("_", 1)[1], stem.replace("_", " · ", 1)
        self.steps = tuple(
            Step(n, name.title(), name, f"c{n}") for n, name in enumerate(steps, start=1)
        )
        self.questions, self.quiz_cell = questions, "q"


START = Lesson("00_start")
EDGES = Lesson("04_edges", ("norm", "kernel bank"), 2)
UNET = Lesson("05_unet", ("skip",))
COURSE = [START, EDGES, UNET]


@pytest.fixture
def kept(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(path))
    return path


# The file


def test_nothing_kept_is_a_beginning_and_writes_nothing(kept, capsys):
    assert load() == Progress()
    assert list(kept.parent.iterdir()) == [] and capsys.readouterr().err == ""


def test_what_is_recorded_comes_back(kept):
    for name in ("norm", "kernel", "norm"):
        record_pass("edges", name)
    record_answer("edges", 1, 2, False)
    record_answer("edges", 2, 0, True)
    record_answer("edges", 1, 1, True)
    record_pass("unet", "skip")
    found = load()
    assert found.passed == {"edges": ["norm", "kernel"], "unet": ["skip"]}
    assert found.answers == {"edges": {"1": (1, True), "2": (0, True)}}
    assert found.last == "unet"
    assert [path.name for path in kept.parent.iterdir()] == ["progress.json"]
    assert json.loads(kept.read_text())["last"] == "unet"


def test_folders_are_made(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "a" / "b.json"))
    record_pass("edges", "norm")
    assert load().passed == {"edges": ["norm"]}


def test_progress_is_beside_the_lessons(tmp_path, monkeypatch):
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / lessons.START).touch()
    assert progress.progress_file() == tmp_path / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, "")
    assert progress.progress_file() == tmp_path / "progress.json"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\0\0\0\0",
        "[]",
        "null",
        "{}",
        '{"passed": [], "answers": {}, "last": ""}',
        '{"passed": {"a": 1}, "answers": {}, "last": ""}',
        '{"passed": {}, "answers": {"a": []}, "last": ""}',
        '{"passed": {}, "answers": {"a": {"one": [0, true]}}, "last": ""}',
        '{"passed": {}, "answers": {"a": {"1": 0}}, "last": ""}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(kept, capsys, text):
    kept.write_text(text)
    assert load() == Progress()
    assert "damaged, now progress.damaged.json" in capsys.readouterr().err
    assert (kept.parent / "progress.damaged.json").read_text() == text
    assert not kept.exists()
    record_pass("edges", "norm")
    assert load().passed == {"edges": ["norm"]}
    assert capsys.readouterr().err == ""


def test_a_damaged_file_of_no_text_is_put_aside_by_a_writer_too(kept, capsys):
    kept.write_bytes(b"\xff\xfe\x80")
    record_pass("edges", "norm")
    assert load().passed == {"edges": ["norm"]}
    assert (kept.parent / "progress.damaged.json").read_bytes() == b"\xff\xfe\x80"
    assert "damaged" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said_and_does_not_stop_a_lesson(kept, capsys):
    record_pass("edges", "norm")
    before = kept.read_bytes()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "notebooks")

    with pytest.MonkeyPatch.context() as patch:
        # As root, a folder without the right to write can be written.
        patch.setattr("deblurlib.imaging.files.tempfile.mkstemp", refuse)
        record_pass("edges", "kernel")
        record_answer("edges", 1, 0, True)
        kept.write_text("{")
        patch.setattr(os, "replace", refuse)
        assert load() == Progress()
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in said] == [
        "progress not kept",
        "progress not kept",
        "progress cannot be read",
    ]
    assert kept.read_text() == "{" and b"norm" in before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")
def test_a_read_only_folder(kept, capsys):
    kept.parent.chmod(0o500)
    record_pass("edges", "norm")
    kept.parent.chmod(0o700)
    assert "progress not kept" in capsys.readouterr().err and not kept.exists()


def test_a_file_that_cannot_be_read_is_not_written_over(kept, capsys):
    kept.mkdir()  # in the place of the file
    assert load() == Progress()
    record_pass("edges", "norm")
    assert kept.is_dir()
    said = capsys.readouterr().err
    assert "cannot be read" in said and "not kept" in said


def test_a_lesson_far_from_the_course_still_checks(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    record_pass("edges", "norm")
    assert load() == Progress()
    assert "progress not kept (00_start_here.ipynb is not in" in capsys.readouterr().err


def write(topic: str, count: int) -> None:
    for n in range(count):
        record_pass(topic, str(n))


def writer(topic: str, count: int) -> multiprocessing.Process:
    # A fork needs no second import of torch, which would take most of the test's time.
    process = multiprocessing.get_context("fork").Process(target=write, args=(topic, count))
    process.start()
    return process


def test_two_writers_lose_nothing(kept):
    both = [writer(topic, 150) for topic in ("edges", "unet")]
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    expected = [str(n) for n in range(150)]
    assert load().passed == {"edges": expected, "unet": expected}


def test_a_killed_writer_leaves_a_whole_file_and_no_lock(kept, capsys):
    record_pass("before", "norm")
    most = 0
    for n in range(20):
        process = writer(f"edges{n}", 10**6)
        time.sleep(0.02 + 0.007 * n)
        process.kill()
        process.join(30)
        assert process.exitcode == -signal.SIGKILL
        found = load()
        assert found.passed["before"] == ["norm"]
        names = found.passed.get(f"edges{n}", [])
        assert names == [str(k) for k in range(len(names))]
        most = max(most, len(names))
    assert most > 5  # it was killed while it wrote
    record_pass("after", "norm")
    assert load().passed["after"] == ["norm"]
    assert capsys.readouterr().err == ""


# The map

FIRST = "**Begin:** [04 · edges, Exercise 1 · Norm](04_edges.ipynb#cell-id=c1)"


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (Progress(), FIRST),
        (
            Progress({"edges": ["norm"]}, last="edges"),
            "**Continue where you left off:** [04 · edges, Exercise 2 · Kernel Bank]"
            "(04_edges.ipynb#cell-id=c2)",
        ),
        (
            Progress({"edges": ["kernel bank"]}, last="edges"),
            "**Continue where you left off:** [04 · edges, Exercise 1 · Norm]"
            "(04_edges.ipynb#cell-id=c1)",
        ),
        (
            Progress({"edges": ["norm", "kernel bank"]}, {"edges": {"1": (0, True)}}, "edges"),
            "**Continue where you left off:** [04 · edges, Quiz](04_edges.ipynb#cell-id=q)",
        ),
        (
            Progress(
                {"edges": ["norm", "kernel bank"]},
                {"edges": {"1": (0, True), "2": (1, False)}},
                "edges",
            ),
            "**Continue where you left off:** [04 · edges, Quiz](04_edges.ipynb#cell-id=q)",
        ),
        (
            Progress(
                {"edges": ["norm", "kernel bank"]},
                {"edges": {"1": (0, True), "2": (1, True)}},
                "edges",
            ),
            "**Continue where you left off:** [05 · unet, Exercise 1 · Skip]"
            "(05_unet.ipynb#cell-id=c1)",
        ),
        # The last lesson is done: what was left out before it.
        (
            Progress({"unet": ["skip"]}, last="unet"),
            FIRST.replace("Begin", "Continue where you left off"),
        ),
        # A lesson that is no longer there.
        (
            Progress({"old": ["x"]}, last="old"),
            FIRST.replace("Begin", "Continue where you left off"),
        ),
        (
            Progress(
                {"edges": ["norm", "kernel bank"], "unet": ["skip"]},
                {"edges": {"1": (0, True), "2": (1, True)}},
                "unet",
            ),
            "**All done:**",
        ),
    ],
)
def test_the_map_says_where_to_go_on(known, says):
    assert describe(known, COURSE).startswith(says)


def test_the_map_shows_every_lesson_with_what_is_passed():
    known = Progress({"edges": ["kernel bank", "long gone"]}, {"edges": {"1": (0, True)}}, "edges")
    assert describe(known, COURSE).splitlines()[2:] == [
        "| lesson | exercises | quiz |",
        "|---|---|---|",
        "| [00 · start](00_start.ipynb) |  |  |",
        "| [04 · edges](04_edges.ipynb) | ○● 1 of 2 | 1 of 2 |",
        "| [05 · unet](05_unet.ipynb) | ○ 0 of 1 |  |",
    ]


def test_a_lesson_is_done_when_all_of_it_is():
    known = Progress({"edges": ["norm", "kernel bank"]}, {"edges": {"1": (0, True)}})
    assert known.is_done(START) and not known.is_done(EDGES) and not known.is_done(UNET)
    known.answers["edges"]["2"] = (1, True)
    assert known.is_done(EDGES)


@pytest.mark.parametrize("lesson", lessons.lessons(), ids=lambda lesson: lesson.path.stem)
def test_where_the_map_leads_is_in_the_lesson(lesson):
    known = Progress()
    places = []
    for exercise in lesson.exercises:
        places.append(known.next_step(lesson))
        known.passed.setdefault(lesson.topic, []).append(exercise.name)
    if lesson.questions:
        places.append(known.next_step(lesson))
    source = {cell.id: cell.source for cell in lesson.notebook.cells}
    for name, cell in places:
        assert source[cell].startswith(f"### {name}\n") or "check.quiz()" in source[cell]
    assert len({cell for _, cell in places}) == len(places)


def test_the_course_map_is_shown(kept, monkeypatch):
    shown = []
    monkeypatch.setattr(progress, "display", shown.append)
    monkeypatch.setattr(progress, "lessons", lambda: COURSE)
    progress.course_map()
    assert shown[0].data == describe(Progress(), COURSE)
