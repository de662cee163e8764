"""The dashboard of a training in progress, whatever state its folder is in."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deblurlib.course.widgets import training as module
from deblurlib.course.widgets.training import describe, render, smoothed, training_dashboard
from deblurlib.training.loop import read_log

SETTING: dict[str, Any] = {"smoothing": 5, "term": "total", "scale": "linear"}
ENTRY = {"total": 0.5, "gradient_norm": 1.0, "learning_rate": 1e-3, "steps_per_second": 2.0}


def write(folder: Path, steps: range, end: str = "") -> None:
    lines = [json.dumps({"step": step, **ENTRY}) + "\n" for step in steps]
    (folder / "log.jsonl").write_text("".join(lines) + end)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The dashboards' pictures, which know their captions, in place of a screen."""
    pictures: list[Any] = []
    monkeypatch.setattr(module, "_show", lambda box, *still: pictures.append(box.children[1]))
    return pictures


def test_it_follows_a_run_that_begins_and_grows(tmp_path: Path, shown: list[Any]) -> None:
    look = training_dashboard(tmp_path / "later")
    (picture,) = shown
    assert picture.caption.startswith("No line in the log yet")
    (tmp_path / "later").mkdir()
    write(tmp_path / "later", range(2, 7, 2), end='{"step": 8, "tot')  # a line being written
    look({}, None)  # type: ignore[arg-type]
    assert picture.caption.startswith("Step 6 of a number not known yet")
    before = picture.jpeg
    write(tmp_path / "later", range(2, 11, 2))
    look({}, None)  # type: ignore[arg-type]
    assert picture.caption.startswith("Step 10 of") and picture.jpeg != before


def test_an_unchanged_log_is_not_read_again(
    tmp_path: Path, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, range(2, 7, 2))
    times = []
    monkeypatch.setattr(module, "read_log", lambda folder: times.append(1) or read_log(folder))
    look = training_dashboard(tmp_path)
    for _ in range(3):
        look({}, None)  # type: ignore[arg-type]
    assert len(times) == 1


def test_a_run_that_is_silent_is_said_to_be(tmp_path: Path, shown: list[Any]) -> None:
    write(tmp_path, range(2, 7, 2))
    look = training_dashboard(tmp_path)
    assert "may have stopped" not in shown[0].caption
    log = tmp_path / "log.jsonl"
    os.utime(log, (log.stat().st_atime, log.stat().st_mtime - 300))
    look({}, None)  # type: ignore[arg-type]
    assert "No new line for 5 minutes: it may have stopped." in shown[0].caption


@pytest.mark.parametrize("total", [float("nan"), float("inf"), 0.0])
@pytest.mark.parametrize("scale", module.SCALES)
def test_numbers_that_cannot_be_drawn_are_left_out(total: float, scale: str) -> None:
    log = [{"step": 2, **ENTRY}, {"step": 4, **ENTRY, "total": total}]
    setting = {**SETTING, "scale": scale}
    assert render(log, 10, **setting).shape == render([], 0, **setting).shape
    assert describe(log, 10, **setting).startswith("Step 4 of 10")


def test_smoothing_by_hand() -> None:
    # Weights 1/2 and 1 of two values, over their sum.
    assert smoothed(np.array([1.0, 4.0]), 2).tolist() == pytest.approx([1.0, 3.0])
