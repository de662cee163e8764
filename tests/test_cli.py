"""The command line: what it writes, its exit status, and one line for whatever goes wrong."""

import csv
import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image
from torch import nn

from deblurlib import cli, models
from deblurlib.cli import main
from deblurlib.data.download import DataSet
from deblurlib.imaging.files import open_image, save_image
from deblurlib.models import DMPHN, SUNG, create_model
from deblurlib.training.checkpoints import load_model, save_weights
from deblurlib.training.config import TrainConfig
from deblurlib.training.evaluate import Journal
from deblurlib.training.studies import STUDIES, Study, table

SIZES = {"width": 4, "blocks": 1, "rdb_layers": 2, "kernel_size": 3}


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with weights called sung_small, whose network returns its input."""
    folder = tmp_path / "data"
    network = SUNG(**SIZES)
    for parameter in network.restoration_module.tail[-1].parameters():
        nn.init.zeros_(parameter)
    save_weights(
        network,
        folder / "weights" / "sung_small.safetensors",
        {"model": "sung", "arguments": SIZES},
    )
    monkeypatch.setenv("DEBLURLIB_DATA", str(folder))
    monkeypatch.chdir(tmp_path)
    AcceleratorState._reset_state(reset_partial_state=True)
    yield folder
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    levels = np.random.default_rng(0).integers(0, 256, (21, 34, 3), dtype=np.uint8)
    save_image(Image.fromarray(levels), tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Four pairs of plain gray, 24 x 20 pixels, 51 levels apart."""
    for kind, level in (("input", 51), ("target", 102)):
        for number in range(4):
            image = Image.new("RGB", (24, 20), (level + number, level + number, level + number))
            save_image(image, tmp_path / "pairs" / kind / f"{number}.png")
    return tmp_path / "pairs"


def error_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What went to stderr, without progress bars; a traceback fails."""
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    lines = [line.split("\r")[-1].strip() for line in errors.splitlines()]
    return [line for line in lines if line.startswith("error:")]


def same_pixels(one: Path, other: Path) -> bool:
    return np.array_equal(np.asarray(open_image(one)), np.asarray(open_image(other)))


def test_restore_one_photo(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", str(photo), "--out", "sharp"]) == 0
    assert same_pixels(Path("sharp/photo.png"), photo)
    assert capsys.readouterr().out.strip() == str(Path("sharp/photo.png"))


def test_restore_reports_bad_photos_and_goes_on(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.jpg").write_text("no photo")
    photos = ["missing.png", "broken.jpg", str(photo), "data"]
    assert main(["restore", *photos, "--out", "sharp"]) == 1
    errors = error_lines(capsys)
    assert len(errors) == 3
    # What is no photo at all is known before any is restored.
    for line, name in zip(errors, ("data: no images", "missing.png", "broken.jpg"), strict=True):
        assert name in line
    assert [path.name for path in Path("sharp").iterdir()] == ["photo.png"]
    assert same_pixels(Path("sharp/photo.png"), photo)


def test_restore_overwrites_no_other_result(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_image(Image.new("RGB", (5, 5)), "elsewhere/photo.jpg")
    save_image(Image.new("RGB", (5, 5)), "elsewhere/photo.bmp")
    assert main(["restore", str(photo), "elsewhere/photo.jpg", "elsewhere/photo.bmp"]) == 1
    (line,) = error_lines(capsys)
    assert "elsewhere/photo.bmp" in line and str(photo) in line
    assert open_image("restored/photo.jpg").size == (5, 5)
    assert same_pixels(Path("restored/photo.png"), photo)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["restore"], "no photos given"),
        (["restore", "photo.png", "--model", "nosuch"], "nosuch: no such weights"),
        (["restore", "photo.png", "--tile", "0"], "photo.png: tile must be a side of 1 pixel"),
        (["restore", "photo.png", "--model", "photo.png"], "photo.png: damaged, or not a file"),
        (["restore", "photo.png", "--iterations", "0"], "iterations must be from 1 to 6"),
        (["restore", "photo.png", "--out", "photo.png"], "photo.png"),
        (["evaluate", "--weights", "nosuch", "--data", "pairs"], "nosuch: no such weights"),
        (["study", "resnet"], "unknown study 'resnet': choose from table1"),
        (
            ["study", "sgenet", "--data", "nowhere"],
            "nowhere: no test pairs recognised; looked for",
        ),
        (["evaluate", "--data", "nowhere"], "nowhere: no test pairs recognised"),
        (["data", "check", "nowhere"], "nowhere: no train or test pairs recognised"),
        (["data", "hide", "--root", "photo.png"], "photo.png"),
        (["train", "small", "--data", "nowhere"], "nowhere: no train pairs recognised"),
        (
            ["train", "--model", "sung", "--data", "gopro", "--root", "here"],
            "here/GOPRO_Large: not there; run: python -m deblurlib data gopro --root here",
        ),
        (["evaluate", "--data", "hide"], "data/downloads/HIDE_dataset: not there; run: python -m"),
        (["release", "nowhere"], "nowhere/weights.safetensors: no weights yet"),
        (["train", "small", "--model", "resnet"], "unknown model 'resnet'"),
        (["train", "small", "--data", "pairs", "--batch", "9"], "fewer than a batch of 9"),
        # Found in a worker process, and carried here.
        (["train", "small", "--data", "pairs", "--crop", "64"], "too few for crops of 64"),
        (["train", "small", "--data", "pairs", "--workers", "0"], "too few for crops of 128"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.usefixtures("photo", "pairs")
def test_bad_input_is_one_line_and_status_1(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    (line,) = error_lines(capsys)
    assert expected in line


def test_data_check_without_faults(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(pairs)]) == 0
    assert capsys.readouterr().out == "4 pairs, 0 faults\n"


def test_data_check_has_a_line_for_every_fault(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pairs / "input" / "0.png").unlink()
    (pairs / "input" / "1.png").write_text("no image")
    for arguments in ([str(pairs)], [str(pairs / "input"), "--sharp", str(pairs / "target")]):
        assert main(["data", "check", *arguments]) == 1
        assert capsys.readouterr().out.splitlines() == [
            f"{pairs}/target/0.png: no partner of this name in {pairs}/input",
            f"{pairs}/input/1.png: not an image that Pillow can read",
            "3 pairs, 2 faults",
        ]


@pytest.mark.parametrize(("task", "name"), [("gopro", "GOPRO_Large"), ("hide", "HIDE_dataset")])
def test_data_downloads_the_set_that_is_asked_for(
    task: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_a_network(data_set: DataSet, root: Path) -> Path:
        return root / data_set.name

    monkeypatch.setattr(cli, "download", without_a_network)
    assert main(["data", task, "--root", "here"]) == 0
    assert capsys.readouterr().out.strip() == str(Path("here") / name)


def test_data_gopro_without_a_network_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    # Nobody listens on port 9.
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "deblurlib", "data", "gopro", "--root", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: http://127.0.0.1:9/datasets/snah/GOPRO_Large/")
    assert line.endswith(f"put it at {tmp_path}/GOPRO_Large.zip, run the command again")


def test_an_unwritable_place_is_one_line(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", str(photo), "--out", f"{photo}/below"]) == 1
    (line,) = error_lines(capsys)
    assert str(photo) in line


@pytest.mark.parametrize("arguments", [["restore", "--nope"], ["fly"], ["train", "huge"], []])
def test_what_is_no_command_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ([], ["doctor", "restore", "train", "evaluate", "study"]),
        (["doctor"], ["Check this machine"]),
        (["restore"], ["image files", "--model", "--tile", "--precision", "--overwrite"]),
        (["train"], ["small", "small-base", "grown-sgenet", "late", "paper"]),
        (["train", "small-sgenet"], ["default: sgenet_small", "default: charbonnier"]),
        (["train", "small"], ["--learning-rate", "--data", "--edge-sup", "default: 6500"]),
        (["train", "paper"], ["--learning-rate", "default: 65500"]),
        (["evaluate"], ["--weights", "--model", "--data", "--csv", "results file"]),
        (["study"], ["--profile", "--seeds", "--data", "--only", "goes on where it was"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_help(command: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([*command, "--help"])
    assert exit_.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())  # lines break anywhere
    assert all(text in shown for text in expected)


def test_evaluate_writes_results(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--data", str(pairs), "--out", "new/results.json"]) == 0
    results = json.loads(Path("new/results.json").read_text())
    assert [row["name"] for row in results["rows"]] == ["0", "1", "2", "3"]
    # 51 of 255 levels apart, and restored by a network that returns its input.
    for row in results["rows"]:
        assert row["blurred"]["psnr"] == pytest.approx(13.98, abs=0.01)
        assert row["restored"] == row["blurred"]
    gain = results["summary"]["all"]["psnr_gain"]
    assert gain == {"mean": 0, "stdev": 0, "least": 0, "interval": [0, 0]}
    assert (results["weights"]["model"], results["data"]) == ("sung", "pairs")
    cost = results["cost"]
    assert cost["size"] == "20 x 24" and cost["parameters"] > 0 and cost["device"]
    _, mean, *_ = capsys.readouterr().out.splitlines()
    assert mean.split()[:5] == ["all", "4", "13.98", "13.98", "+0.00"]
    assert [path.name for path in Path("new").iterdir()] == ["results.json"]


def test_evaluate_writes_a_table_of_all_images(pairs: Path) -> None:
    assert main(["evaluate", "--data", str(pairs), "--csv", "rows.csv"]) == 0
    with Path("rows.csv").open(newline="") as file:
        assert [line["name"] for line in csv.DictReader(file)] == ["0", "1", "2", "3"]


def test_a_killed_evaluation_goes_on_where_it_was(pairs: Path) -> None:
    for number in range(4, 150):
        for kind in ("input", "target"):
            shutil.copy(pairs / kind / f"{number % 4}.png", pairs / kind / f"{number}.png")
    command = [sys.executable, "-m", "deblurlib", "evaluate", "--data", str(pairs)]
    killed = subprocess.Popen([*command, "--out", "killed.json"], stderr=subprocess.DEVNULL)
    journal = Path(".killed.json.rows")
    deadline = time.monotonic() + 120
    while not (journal.is_file() and journal.read_text().count("\n") > 10):
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    assert journal.is_file() and not Path("killed.json").exists()
    done = journal.read_text().splitlines()[5]
    assert main(["evaluate", "--data", str(pairs), "--iterations", "1", "--out", "killed.json"])
    for out in ("killed.json", "whole.json"):
        assert main(["evaluate", "--data", str(pairs), "--out", out]) == 0
    resumed, whole = (json.loads(Path(f"{n}.json").read_text()) for n in ("killed", "whole"))
    # Not measured again, not even its seconds.
    assert resumed["rows"][4]["seconds"] == json.loads(done)["seconds"]
    for row in (*resumed["rows"], *whole["rows"]):
        assert row.pop("seconds") > 0
    assert resumed["rows"] == whole["rows"] and len(whole["rows"]) == 150
    assert resumed["summary"] == whole["summary"] and not journal.exists()


def stopped(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    """Run an evaluation that ends after its second row, as if killed."""

    def add_and_stop(journal: Journal, row: dict[str, object], *, add=Journal.add) -> None:
        add(journal, row)
        if row["name"] == "1":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", add_and_stop)
        assert main(command) == 130


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (["--data", "other/pairs"], "other data was"),
        (["--iterations", "1"], "other iterations was"),
        (["--pictures", "pictures"], "other pictures was"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_another_evaluation_does_not_go_on_with_the_rows_of_a_stopped_one(
    change: list[str],
    expected: str,
    pairs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(pairs, "other/pairs")  # of the same name, and with the same names in it
    command = ["evaluate", "--data", str(pairs), "--out", "results.json"]
    stopped(monkeypatch, command)
    assert main([*command, *change]) == 1
    (line,) = error_lines(capsys)
    assert expected in line
    assert main(command) == 0


def test_a_stopped_evaluation_has_all_its_pictures(
    pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["evaluate", "--data", str(pairs), "--out", "new/a.json", "--pictures", "pictures"]
    stopped(monkeypatch, command)
    assert main(command) == 0
    assert sorted(path.name for path in Path("pictures").iterdir()) == [
        f"{number}.png" for number in range(4)
    ]


def test_evaluate_says_what_it_measured_and_what_that_costs(
    pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for iterations in ("1", "2"):
        command = ["evaluate", "--data", str(pairs), "--out", "a.json", "--iterations", iterations]
        assert main(command) == 0
        costs.append(json.loads(Path("a.json").read_text())["cost"]["gmacs"])
    assert costs[0] < costs[1]
    monkeypatch.chdir(pairs)
    assert main(["evaluate", "--data", ".", "--out", "../here.json"]) == 0
    assert json.loads(Path("../here.json").read_text())["data"] == "pairs"


def test_evaluate_takes_a_model_by_its_name(
    pairs: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = str(data_folder / "weights" / "sung_small.safetensors")
    shutil.copy(weights, data_folder / "weights" / "sung.safetensors")
    data = ["--data", str(pairs)]
    assert main(["evaluate", "--model", "sung", *data]) == 0
    assert main(["evaluate", "--model", "sung", "--weights", weights, *data]) == 0
    capsys.readouterr()
    wrong = (
        (["--model", "srn", "--weights", weights], "weights of sung, not of srn"),
        (["--model", "resnet"], "unknown model 'resnet': choose from dmphn_124"),
        (["--model", "siun"], "siun: no trained weights ship for this network"),
    )
    for arguments, message in wrong:
        assert main(["evaluate", *arguments, *data]) == 1
        (line,) = error_lines(capsys)
        assert message in line


def test_evaluate_takes_weights_as_their_authors_published_them(
    pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("checkpoints").mkdir()
    loaded = create_model("dmphn_124", width=4, blocks=1)
    small = partial(DMPHN, levels=3, width=4, blocks=1)
    monkeypatch.setitem(models._BUILDERS, "dmphn_124", small)
    monkeypatch.setattr("deblurlib.models.dmphn.load_official", lambda folder: loaded.train())
    command = ["evaluate", "--weights", "checkpoints", "--data", str(pairs), "--model"]
    assert main([*command, "dmphn_124", "--out", "results.json"]) == 0
    card = json.loads(Path("results.json").read_text())["weights"]
    assert card == {"model": "dmphn_124", "published": "checkpoints"}
    assert main([*command, "dmphn_1248"]) == 1
    (line,) = error_lines(capsys)
    assert "published for another network than dmphn_1248" in line


def test_evaluate_says_what_its_means_leave_out(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(pairs / "target/1.png", pairs / "input/1.png")
    assert main(["evaluate", "--data", str(pairs)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[1].split()[:5] == ["all", "4", "13.98", "13.98", "+0.00"]
    assert table[-3].startswith("all: 1 blurred and sharp images are identical")
    assert table[-2].startswith("all: 1 restored and sharp images are identical")


def test_train_writes_weights_that_restore_takes(
    pairs: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(models._BUILDERS, "tiny", partial(SUNG, **SIZES))
    command = "train small --model tiny --data pairs --steps 2 --batch 2 --crop 16 --workers 0"
    command += " --iterations 1 --out runs/tiny --precision float32 --fourier 0.1"
    assert main(command.split()) == 0
    weights = Path("runs/tiny/weights.safetensors")
    assert capsys.readouterr().out.strip() == str(weights)
    assert isinstance(load_model(weights), SUNG)
    assert main(["restore", str(photo), "--model", str(weights)]) == 0
    assert open_image("restored/photo.png").size == (34, 21)
    # Out of a cache come the same crops. And where a run reads its pairs is no part of its recipe.
    assert main(f"{command} --cache cache --out runs/cached".split()) == 0
    cached = load_model("runs/cached/weights.safetensors").state_dict()
    for name, values in load_model(weights).state_dict().items():
        assert torch.equal(values, cached[name])
    assert main(f"{command} --cache cache".split()) == 0
    # A data set by its name is one that lies below --root.
    Path("root").mkdir()
    pairs.rename("root/GOPRO_Large")
    by_name = command.replace("--data pairs", "--data gopro --root root") + " --out runs/by_name"
    assert main(by_name.split()) == 0
    named = load_model("runs/by_name/weights.safetensors").state_dict()
    assert all(torch.equal(cached[name], values) for name, values in named.items())
    Path("root/GOPRO_Large").rename(pairs)
    # The same command goes on from there (here: has nothing to do); another is refused.
    capsys.readouterr()
    assert main(command.split()) == 0
    assert main([*command.split(), "--seed", "5"]) == 1
    (line,) = error_lines(capsys)
    assert "holds a run with another seed" in line


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(config: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "train", interrupted)
    assert main(["train", "small"]) == 130


def test_an_interrupt_while_it_starts_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "deblurlib.cli", Interrupted("deblurlib.cli"))
    monkeypatch.setattr(sys, "argv", ["deblurlib", "runs"])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module("deblurlib", run_name="__main__")
    assert exit_.value.code == 130


@pytest.mark.parametrize(("ready", "status"), [(True, 0), (False, 1)])
def test_the_doctors_finding_is_the_status(
    ready: bool, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "doctor", lambda: ready)
    assert main(["doctor"]) == status


def test_the_doctor_misses_weights(data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    assert "OK   weights 1 in" in capsys.readouterr().out
    (data_folder / "weights" / "sung_small.safetensors").unlink()
    assert main(["doctor"]) == 1
    assert "FAIL weights" in capsys.readouterr().out


def test_as_a_module(photo: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "deblurlib", "restore", str(photo), "gone.png"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert answer.returncode == 1
    assert "gone.png: no such file" in answer.stderr and "Traceback" not in answer.stderr
    assert same_pixels(Path("restored/photo.png"), photo)


def test_restore_never_replaces_its_input(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = photo.read_bytes()
    assert main(["restore", str(photo), "--out", str(photo.parent)]) == 1
    assert "would replace it" in error_lines(capsys)[0]
    assert photo.read_bytes() == before


def test_evaluate_draws_pictures(pairs: Path) -> None:
    assert main(["evaluate", "--data", str(pairs), "--pictures", "pictures"]) == 0
    blurred, sharp = (open_image(pairs / folder / "1.png") for folder in ("input", "target"))
    picture = np.asarray(open_image("pictures/1.png"))
    height, width = blurred.height, blurred.width
    images, edges = picture[-2 * height : -height], picture[-height:]
    assert images.shape == edges.shape == (height, 3 * width, 3)
    assert np.array_equal(images[:, :width], np.asarray(blurred))
    assert np.array_equal(images[:, -width:], np.asarray(sharp))


def test_study_writes_the_table_that_it_prints(
    pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = TrainConfig.small_sgenet(
        steps=1, batch=2, crop=16, workers=0, arguments={"widths": (4, 8)}
    )
    wider = {"arguments": {"widths": (8, 8)}}
    study = Study({"quick": base}, {"as it is": {}, "wide": wider})
    monkeypatch.setattr("deblurlib.training.studies.FRAME", (24, 32))
    monkeypatch.setitem(STUDIES, "sgenet", study)
    command = f"study sgenet --seeds 0 1 --data {pairs} --out results.json".split()
    assert main(command) == 0
    results = json.loads(Path("results.json").read_text())
    assert [row["name"] for row in results["variants"]] == ["as it is", "wide"]
    assert capsys.readouterr().out.splitlines()[-2:] == table(results).splitlines()[-2:]
    assert main([*command, "--seeds", "7", "--runs", "elsewhere"]) == 0
    more = json.loads(Path("results.json").read_text())
    assert more["seeds"] == [0, 1, 7] and len(list(Path("elsewhere").iterdir())) == 2
    assert [row["gains"][:2] for row in more["variants"]] == [
        row["gains"] for row in results["variants"]
    ]
    Path("results.json").write_text("no results")
    assert main(command) == 1
    assert "results.json: not the results of a study" in capsys.readouterr().err
