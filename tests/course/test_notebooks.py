"""The normaliser and the runner of lessons, on notebooks of a few cells."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from deblurlib.course.notebooks import LessonError, faults, main, normalise, refresh, run


def code(source, count=None, tags=(), outputs=()):
    metadata = {"tags": list(tags)} if tags else {}
    outputs = list(outputs)
    return new_code_cell(source, execution_count=count, metadata=metadata, outputs=outputs)


def result(text, count):
    return new_output("execute_result", {"text/plain": text}, execution_count=count)


def error(name="ValueError", value="boom"):
    return new_output("error", ename=name, evalue=value, traceback=[])


def save(path: Path, *cells, **metadata) -> Path:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=list(cells), metadata=kernel | metadata), path)
    return path


def test_normalise_renumbers_a_run_from_top_to_bottom_and_is_idempotent(tmp_path):
    path = save(
        tmp_path / "a.ipynb",
        new_markdown_cell("# A", metadata={"tags": []}),
        code("1", 3, outputs=[result("1", 3)]),
        code(""),  # never run: it is empty
        code("2", 7, outputs=[result("2", 7)]),
    )
    ids = [cell.id for cell in nbformat.read(path, 4).cells]
    assert normalise(path) is True
    first = path.read_bytes()
    assert normalise(path) is False and path.read_bytes() == first
    cells = nbformat.read(path, 4).cells
    assert [cell.id for cell in cells] == ids
    assert "tags" not in cells[0].metadata
    assert [cells[1].execution_count, cells[3].execution_count] == [1, 2]
    assert cells[3].outputs[0].execution_count == 2
    assert faults(path) == []
    assert [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]  # nothing left beside it


def test_normalise_takes_out_the_noise_and_keeps_the_rest(tmp_path):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "f00"}, "text/plain": "HBox()"}
    cell = code("1", 1, tags=["keep"], outputs=[new_output("display_data", view), result("1", 1)])
    cell.metadata.update(execution={"iopub.status.busy": "2026"}, trusted=True, papermill={})
    cell.metadata["jupyter"] = {"source_hidden": True}
    path = save(
        tmp_path / "a.ipynb",
        cell,
        widgets={"state": {}},
        papermill={"start_time": "2026"},
        language_info={"name": "python", "version": "3.11.7"},
        kernelspec={"name": "mine", "display_name": "mine"},
        title="kept",
    )
    normalise(path)
    notebook = nbformat.read(path, 4)
    assert notebook.cells[0].metadata == {"tags": ["keep"], "jupyter": {"source_hidden": True}}
    assert [output.output_type for output in notebook.cells[0].outputs] == ["execute_result"]
    assert set(notebook.metadata) == {"kernelspec", "language_info", "title"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    text = path.read_text()
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_normalise_gives_ids_to_an_old_notebook_once(tmp_path):
    path = save(tmp_path / "a.ipynb", code("1", 1))
    old = json.loads(path.read_text())
    del old["cells"][0]["id"]
    path.write_text(json.dumps(old | {"nbformat_minor": 4}))
    normalise(path)
    assert [cell.id for cell in nbformat.read(path, 4).cells] == ["cell-1"]
    assert faults(path) == []


def test_counts_out_of_order_are_left_for_check_to_find(tmp_path):
    path = save(tmp_path / "a.ipynb", code("1", 5), code("2", 4), code("3"))
    normalise(path)
    assert [cell.execution_count for cell in nbformat.read(path, 4).cells] == [5, 4, None]
    found = faults(path)
    assert len(found) == 2
    assert f"{path}: cell 2 was run out of order ([4] below [5])" in found[0]
    assert f"{path}: cell 3 was not run" in found[1]


def test_a_stored_error_needs_its_tag(tmp_path):
    path = save(tmp_path / "a.ipynb", code("1/0", 1, outputs=[error()]))
    assert "cell 1 stores an error (ValueError: boom)" in faults(path)[0]
    tagged = code("1/0", 1, tags=["raises-exception"], outputs=[error()])
    normalise(save(path, tagged))
    assert faults(path) == []


def test_a_cell_that_papermill_injected_is_a_fault(tmp_path):
    path = save(tmp_path / "a.ipynb", code('PROFILE = "full"', 1, tags=["injected-parameters"]))
    assert "cell 1 was injected by papermill" in faults(path)[0]


def test_check_says_what_to_run_and_changes_nothing(tmp_path, capsys):
    path = save(tmp_path / "a.ipynb", code("1", 2))
    before = path.read_bytes()
    assert main(["normalise", "--check", str(path)]) == 1
    assert f"{path}: not in its normal form; run: python -m" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert main(["normalise", str(path)]) == 0
    assert main(["normalise", "--check", str(path)]) == 0


@pytest.mark.parametrize("text", ["", "not json", "{}", "[1]"])
def test_a_file_that_is_no_notebook_is_named(tmp_path, capsys, text):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.ipynb: not a notebook"):
        normalise(path)
    assert main(["normalise", "--check", str(path)]) == 1
    assert "not a notebook" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path, capsys):
    assert main(["normalise", str(tmp_path / "gone.ipynb")]) == 1
    assert "gone.ipynb" in capsys.readouterr().err


def test_an_unknown_parameter_stops_the_run_before_it_starts(tmp_path):
    good = save(tmp_path / "01.ipynb", code("STEPS = 3", tags=["parameters"]))
    bad = save(tmp_path / "02.ipynb", code("STEP = 3\nSEED = 0", tags=["parameters"]))
    with pytest.raises(ValueError, match=r"02\.ipynb: unknown parameter STEPS; known: SEED, STEP"):
        run([good, bad], tmp_path / "out", {"STEPS": 5})
    assert not (tmp_path / "out").exists()


def test_lessons_run_in_order_with_their_profile(tmp_path, capsys):
    first = save(
        tmp_path / "01.ipynb",
        code('PROFILE = "quick"', tags=["parameters"]),
        code("import os, sys\nprint(PROFILE, os.getcwd(), sys.executable)"),
    )
    # papermill alone would call the run failed for this error, although it is meant.
    second = save(tmp_path / "02.ipynb", code("1/0", tags=["raises-exception"]), code("print(2)"))
    out = tmp_path / "out"
    run([first, second], out, {"PROFILE": "full"}, cell_timeout=60)
    printed = nbformat.read(out / "01.ipynb", 4).cells[-1].outputs[0].text
    assert printed == f"full {tmp_path} {sys.executable}\n"
    cells = nbformat.read(out / "02.ipynb", 4).cells
    assert len(cells) == 2 and cells[1].outputs[0].text == "2\n"
    assert sorted(file.name for file in out.iterdir()) == ["01.ipynb", "02.ipynb"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[ 1/2] 01 ") and lines[0].endswith(" s")
    assert lines[1].startswith("[ 2/2] 02 ") and lines[1].endswith("(has no PROFILE)")


def test_a_failing_lesson_is_named_with_its_cell_and_stops_the_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    save(
        tmp_path / "notebooks" / "01_bad.ipynb",
        new_markdown_cell("# Bad"),
        code('PROFILE = "full"', tags=["parameters"]),
        code("raise RuntimeError('boom')"),
        code("print('never')"),
    )
    save(tmp_path / "notebooks" / "02_next.ipynb", code("print(1)"))
    assert main(["run", "--out", "out"]) == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "01_bad.ipynb: failed at cell 3: RuntimeError: boom; see " in message
    assert message.endswith("make course START=01_bad")
    assert [file.name for file in Path("out").iterdir()] == ["01_bad.failed.ipynb"]
    # Mended, it goes on from there and leaves no trace of the failure.
    save(tmp_path / "notebooks" / "01_bad.ipynb", code("print('well')"))
    assert main(["run", "--out", "out", "--start-at", "01"]) == 0
    assert sorted(f.name for f in Path("out").iterdir()) == ["01_bad.ipynb", "02_next.ipynb"]


@pytest.mark.parametrize(
    ("source", "said"),
    [("import time; time.sleep(60)", "CellTimeoutError"), ("import os; os._exit(1)", "DeadKernel")],
)
def test_a_cell_that_never_ends_or_kills_its_kernel_is_reported(tmp_path, source, said):
    path = save(tmp_path / "01.ipynb", code("print(1)"), code(source), code("print(3)"))
    with pytest.raises(LessonError, match=rf"01\.ipynb: failed at cell 2: {said}"):
        run([path], tmp_path / "out", {}, cell_timeout=3)


def test_a_notebook_without_a_kernel_is_named(tmp_path):
    path = tmp_path / "01.ipynb"
    nbformat.write(new_notebook(cells=[code("1")]), path)
    with pytest.raises(ValueError, match=r"01\.ipynb: names no kernel; normalise it"):
        run([path], tmp_path / "out", {})


def test_no_lesson_to_run_is_an_error(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run"]) == 1
    assert "no lesson to run" in capsys.readouterr().err


def picture(alt=None):
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return new_output("display_data", {"image/png": "aGk="}, metadata=metadata)


def test_a_widget_leaves_its_still_picture(tmp_path):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "f00"}}
    bundle = view | {"image/jpeg": "aGk=", "text/plain": "a cat"}
    path = save(tmp_path / "a.ipynb", code("1", 1, outputs=[new_output("display_data", bundle)]))
    normalise(path)
    (output,) = nbformat.read(path, 4).cells[0].outputs
    assert output.data == {"image/jpeg": "aGk=", "text/plain": "a cat"}


def test_what_was_printed_in_pieces_is_joined(tmp_path):
    pieces = [new_output("stream", name=n, text=t) for n, t in (("stdout", "a"), ("stdout", "b"))]
    pieces += [picture("x"), new_output("stream", name="stdout", text="c")]
    pieces += [new_output("stream", name="stderr", text="d")]
    path = save(tmp_path / "a.ipynb", code("1", 1, outputs=pieces))
    normalise(path)
    outputs = nbformat.read(path, 4).cells[0].outputs
    assert [output.get("text") for output in outputs] == ["ab", None, "c", "d"]


def test_pictures_need_a_description(tmp_path):
    path = save(tmp_path / "a.ipynb", code("1", 1, outputs=[picture("a cat"), picture()]))
    normalise(path)
    assert faults(path) == [f"{path}: cell 1 shows a picture without alt text; give it one"]


@pytest.mark.parametrize("place", ["/x/lib/site-packages/y.py:1: UserWarning", str(Path.cwd())])
def test_paths_of_the_machine_are_named(tmp_path, place):
    output = new_output("stream", name="stderr", text=place)
    path = save(tmp_path / "a.ipynb", code("1", 1, outputs=[output]))
    normalise(path)
    assert "cell 1 prints a path of this machine" in faults(path)[0]


@pytest.mark.parametrize("source", ["plt.imshow(x, cmap='jet')", "plt.cm.RdYlGn(x)"])
def test_colour_maps_that_not_everybody_can_read_are_named(tmp_path, source):
    path = save(tmp_path / "a.ipynb", code(source, 1))
    normalise(path)
    assert "take gray, viridis or cividis" in faults(path)[0]


def test_a_notebook_that_is_too_large_is_named(tmp_path):
    large = new_output("display_data", {"text/plain": "x" * 1_600_000})
    path = save(tmp_path / "a.ipynb", code("1", 1, outputs=[large]))
    normalise(path)
    assert faults(path) == [f"{path}: 1.6 MB, more than 1.5; show smaller pictures, as JPEG"]


HEADER = "# 04 · A lesson\n\n**Time:** to be measured\n**You should know:** nothing."


def lesson(tmp_path, *cells):
    parameters = code('PROFILE = "quick"', tags=["parameters"])
    return save(tmp_path / "04_a.ipynb", new_markdown_cell(HEADER), parameters, *cells)


@pytest.mark.slow
def test_refresh_writes_how_long_a_lesson_takes_and_does_nothing_the_second_time(tmp_path):
    words = new_markdown_cell("word " * 1900)
    path = lesson(tmp_path, words, code("import time; time.sleep(8); print(PROFILE)"))
    assert refresh(path) >= 8
    first = path.read_bytes()
    header = nbformat.read(path, 4).cells[0].source
    time_line = header.splitlines()[2]
    assert time_line.startswith("**Time:** 10 minutes; ")
    assert int(time_line.split()[-8]) >= 10
    assert int(time_line.split()[-8]) % 5 == 0
    assert header.endswith("**You should know:** nothing.")
    assert faults(path) == []
    refresh(path)
    assert path.read_bytes() == first
    text = first.decode().replace("10 minutes", "5 minutes")
    path.write_text(text)
    assert "the time in its header is not true" in faults(path)[0]


@pytest.mark.slow
def test_a_refresh_that_fails_leaves_the_lesson_as_it_was(tmp_path):
    path = lesson(tmp_path, code("print(PROFILE)"), code("1 / 0"))
    before = path.read_bytes()
    with pytest.raises(LessonError, match="failed at cell 4"):
        refresh(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_lesson_has_a_profile_and_looks_at_it(tmp_path):
    path = save(tmp_path / "04_a.ipynb", new_markdown_cell(HEADER), code("1", 1))
    normalise(path)
    assert "the first code cell must be PROFILE" in faults(path)[0]
    path = lesson(tmp_path, code("print(1)"))
    notebook = nbformat.read(path, 4)
    for count, cell in enumerate(notebook.cells[1:], start=1):
        cell.execution_count = count
    nbformat.write(notebook, path)
    normalise(path)
    assert "nothing looks at PROFILE" in faults(path)[0]
