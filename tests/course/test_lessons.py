"""The parser of lessons, on notebooks of a few cells."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from deblurlib.course import lessons as module
from deblurlib.course.lessons import PLACEHOLDER, START, Lesson, lessons, notebooks_directory

HEADER = """### Exercise 1 · The other *norm*

**Difficulty:** ●●○ · **Time:** 10 minutes

Write it."""

STUB = f'''def norm(x):
    """(H, W) -> a number."""
    total = 0.0
    {PLACEHOLDER}  # your lines, about 2'''

SOLUTION = '''def norm(x):
    """(H, W) -> a number."""
    total = 0.0
    return total + x.abs().sum()'''

FOLDED = f"""<details><summary>Hint 1</summary>

Look at `abs`.

</details>

<details><summary>Hint 2</summary>

And at `sum`.

</details>

<details><summary>Solution</summary>

```python
{SOLUTION}
```

Because so.

</details>"""


def md(source):
    return new_markdown_cell(source)


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def exercise(header=HEADER, stub=STUB, check="check.norm(norm)", folded=FOLDED):
    return [md(header), code(stub, "stub"), code(check, "check"), md(folded)]


def save(folder: Path, *cells, name="04_edge_operators.ipynb") -> Lesson:
    nbformat.write(new_notebook(cells=list(cells)), folder / name)
    return Lesson(folder / name)


def test_a_well_made_exercise_is_read(tmp_path):
    lesson = save(tmp_path, md("# 04 · Edge operators\n\nText."), *exercise())
    assert (lesson.topic, lesson.title) == ("edge_operators", "04 · Edge operators")
    (found,) = lesson.exercises
    assert (found.number, found.title, found.name) == (1, "The other *norm*", "norm")
    assert (found.difficulty, found.minutes, found.stub_cell) == (2, 10, 2)
    assert found.cell == lesson.notebook.cells[1].id
    assert found.stub == STUB and found.solution == SOLUTION
    assert found.check == "check.norm(norm)"
    assert found.hints == ("Look at `abs`.", "And at `sum`.")


def test_solved_puts_each_solution_in_its_stubs_place_and_leaves_the_lesson_alone(tmp_path):
    second = exercise(HEADER.replace("1 · The", "2 · An"), check="check.other(norm)")
    lesson = save(tmp_path, md("# A"), *exercise(), md("between"), *second)
    assert [(e.number, e.name, e.stub_cell) for e in lesson.exercises] == [
        (1, "norm", 2),
        (2, "other", 7),
    ]
    solved = lesson.solved().cells
    assert [solved[2].source, solved[7].source] == [SOLUTION, SOLUTION]
    assert [cell.source for cell in lesson.notebook.cells][2] == STUB
    assert len(solved) == len(lesson.notebook.cells)


@pytest.mark.parametrize("minutes", ["1 minute", "25 minutes"])
def test_a_minute_may_be_single(tmp_path, minutes):
    lesson = save(tmp_path, *exercise(HEADER.replace("10 minutes", minutes)))
    assert lesson.exercises[0].minutes == int(minutes.split()[0])


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (exercise(HEADER.replace(" · The other *norm*", "")), "its header lacks title"),
        (exercise(HEADER.replace("●●○", "hard")), "its header lacks title"),
        (exercise(HEADER.replace("10 minutes", "a while")), "its header lacks title"),
        (exercise("### Exercise 1 · Without a task"), "its header lacks title"),
        ([md(HEADER), code("1"), *exercise()[1:]], "a stub and a check cell must follow"),
        ([*exercise()[:2], code("1"), *exercise()[2:]], "a stub and a check cell must follow"),
        (exercise()[:1], "a stub and a check cell must follow"),
        (exercise(stub=SOLUTION), f"the stub needs {PLACEHOLDER}"),
        (exercise(check="norm(1)"), "the check check.NAME"),
        (exercise(folded="No hint."), "Hint 1, Hint 2 and a Solution must follow"),
        (exercise(folded=FOLDED.replace("Hint 2", "Tip")), "Hint 1, Hint 2 and a Solution"),
        (exercise(folded=FOLDED.replace("```python", "```")), "Hint 1, Hint 2 and a Solution"),
        (exercise(folded=FOLDED.split("<details><summary>Solution")[0]), "and a Solution"),
        (exercise()[:3], "Hint 1, Hint 2 and a Solution must follow"),
    ],
)
def test_each_fault_is_named_with_its_file_and_cell(tmp_path, cells, fault):
    lesson = save(tmp_path, md("# 04 · Edge operators"), *cells)
    with pytest.raises(ValueError, match=fault) as caught:
        _ = lesson.exercises
    assert str(caught.value).startswith(f"{lesson.path}: cell 2: ")


def test_the_steps_are_those_of_the_exercises(tmp_path):
    second = exercise(HEADER.replace("1 · The", "2 · An"), check="check.other(norm)")
    lesson = save(tmp_path, md("# A"), *exercise(), *second, code("check.quiz()"))
    assert [(s.number, s.title, s.name, s.cell) for s in lesson.steps] == [
        (e.number, e.title, e.name, e.cell) for e in lesson.exercises
    ]


def test_the_steps_are_found_in_whatever_a_learner_has_made_of_a_lesson(tmp_path):
    header, stub, check, folded = exercise()
    check.source = f"# once more\n{check.source}"
    worked = [md("my notes"), header, code("scratch"), code(SOLUTION, "stub"), code("x"), check]
    lesson = save(tmp_path, *worked, code("check.quiz()"), name="04_edge_operators.ipynb")
    assert [(s.number, s.name) for s in lesson.steps] == [(1, "norm")]
    # The check's cell is gone: so is the exercise, and the next one is not taken for it.
    second = exercise(HEADER.replace("1 · The", "2 · An"), check="check.other(norm)")
    lesson = save(tmp_path, header, stub, folded, code("check.quiz()"), *second)
    assert [(s.number, s.name) for s in lesson.steps] == [(2, "other")]


def test_a_lesson_without_a_first_line_is_called_as_its_file(tmp_path):
    assert save(tmp_path).title == "04_edge_operators"
    assert save(tmp_path, md("")).title == "04_edge_operators"


def test_questions_are_those_of_the_quiz_in_its_module_of_checks(tmp_path, monkeypatch):
    assert save(tmp_path, md("# A"), code("1")).questions == 0
    asked = []

    class Module:
        class quiz:  # noqa: N801
            questions = (1, 2, 3)

    monkeypatch.setattr(module.importlib, "import_module", lambda n: asked.append(n) or Module)
    assert save(tmp_path, md("# A"), code("check.quiz()")).questions == 3
    assert asked == ["deblurlib.course.checks.edge_operators"]


def test_lessons_come_in_order_without_what_is_none(tmp_path):
    for name in ["12_sung", "00_start_here", "04_edges-Copy1", "notes", "4_x", "04_edges copy"]:
        save(tmp_path, md("# A"), name=f"{name}.ipynb")
    (tmp_path / "progress.json").write_text("{}")
    assert [lesson.path.stem for lesson in lessons(tmp_path)] == ["00_start_here", "12_sung"]


def test_lessons_are_looked_for_here_then_in_the_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (notebooks_directory() / START).is_file()
    assert notebooks_directory() == Path(__file__).parents[2] / "notebooks"
    save(tmp_path, md("# A"), name=START)
    assert notebooks_directory() == tmp_path
    assert [lesson.path.name for lesson in lessons()] == [START]


def test_lessons_that_are_nowhere_are_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(FileNotFoundError, match="run this beside the lessons"):
        notebooks_directory()
