"""What trainings there are in a folder."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from deblurlib import models
from deblurlib.cli import main
from deblurlib.models import SUNG, create_model
from deblurlib.training.checkpoints import save_state
from deblurlib.training.runs import Run, find_runs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(models._BUILDERS, "tiny", partial(SUNG, width=4, blocks=1, rdb_layers=2))
    write_log(tmp_path / "b" / "deep", [(step, 1 / step, None) for step in range(1, 21)])
    write_log(tmp_path / "a", [(2, 0.5, 0.1), (4, 0.25, 0.3), (6, 0.125, 0.2)])
    network = create_model("tiny")
    optimizer = torch.optim.Adam(network.parameters())
    for step in (4, 6):
        card = {"model": "tiny", "steps": step, "config": {"steps": 9}}
        save_state(tmp_path / "a" / f"state-{step:07}.safetensors", network, optimizer, card)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "log.jsonl").write_text("")
    return tmp_path


def write_log(run: Path, entries: list[tuple[int, float, float | None]]) -> None:
    run.mkdir(parents=True)
    lines = [
        {"step": step, "total": total} | ({} if gain is None else {"gain": gain})
        for step, total, gain in entries
    ]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_each_with_its_step_loss_and_best_gain(folder: Path) -> None:
    judged, bare = find_runs(folder)
    assert judged == Run(folder / "a", "tiny", 6, 9, 0.125, 0.3, 4)
    mean_of_last_tenth = pytest.approx((1 / 19 + 1 / 20) / 2)
    assert bare == Run(folder / "b" / "deep", "", 20, 0, mean_of_last_tenth, None, None)


def test_a_damaged_state_is_passed_over(folder: Path) -> None:
    (folder / "a" / "state-0000006.safetensors").write_bytes(b"half")
    assert find_runs(folder)[0].model == "tiny"


def test_the_command_prints_a_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(folder)]) == 0
    header, judged, bare = capsys.readouterr().out.splitlines()
    assert header.split() == ["run", "network", "step", "of", "loss", "best", "gain"]
    assert judged.split() == ["a", "tiny", "6", "9", "0.1250", "+0.30", "dB", "at", "4"]
    assert bare.split() == ["b/deep", "20", "0.0513"]
    assert main(["runs", str(folder / "empty" / "log.jsonl")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_a_folder_without_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}: no trainings here\n"
