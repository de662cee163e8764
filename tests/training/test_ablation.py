"""Ablations: equal training for all variants, resumable, and a table of what was measured."""

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
import torch
from PIL import Image

from deblurlib.data.pairs import ImagePairs
from deblurlib.imaging.files import save_image
from deblurlib.models import SGENet, create_model
from deblurlib.training import ablation
from deblurlib.training.ablation import (
    STUDIES,
    Study,
    ablate,
    load,
    mean_gain,
    paired_differences,
    table,
)
from deblurlib.training.config import TrainConfig
from deblurlib.training.evaluate import evaluate, summarize
from deblurlib.training.loop import read_log


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Four pairs of noise, 24 x 20 pixels."""
    generator = torch.Generator().manual_seed(0)
    for number in range(4):
        for kind in ("input", "target"):
            levels = torch.randint(0, 256, (20, 24, 3), dtype=torch.uint8, generator=generator)
            image = Image.fromarray(levels.numpy())
            save_image(image, tmp_path / "pairs" / kind / f"{number}.png")
    return tmp_path / "pairs"


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> None:
    base = TrainConfig.small_sgenet(
        steps=2, batch=2, crop=16, workers=0, log_every=1, arguments={"widths": (4, 8)}
    )
    variants = {
        "complete": {},
        "without CEM": {"arguments": {"enhancement": False}},
    }
    profiles = {"quick": "sgenet_small", "full": "sgenet"}
    monkeypatch.setitem(STUDIES, "tiny", Study(profiles, base, variants))


@pytest.mark.usefixtures("study")
def test_every_variant_is_trained_and_judged_with_every_seed(pairs: Path, tmp_path: Path) -> None:
    results = ablate("tiny", seeds=(3, 5), data=pairs, runs=tmp_path / "runs", progress=False)
    assert json.loads(json.dumps(results)) == results | {
        "config": json.loads(json.dumps(results["config"])),
        "variants": json.loads(json.dumps(results["variants"])),
    }
    assert (results["steps"], results["seeds"], results["data"]) == (2, [3, 5], "pairs")
    complete, without = results["variants"]
    assert complete["changes"] == {} and not without["changes"]["arguments"]["enhancement"]
    assert complete["parameters"] > without["parameters"] > 0
    gains = [gain for row in results["variants"] for gain in row["gains"]]
    assert len(gains) == len(set(gains)) == 4  # four runs, each its own
    folders = sorted(path.name for path in (tmp_path / "runs" / "tiny" / "quick").iterdir())
    assert folders == ["complete-3", "complete-5", "without-CEM-3", "without-CEM-5"]
    assert all(len(read_log(tmp_path / "runs" / "tiny" / "quick" / name)) == 2 for name in folders)


@pytest.mark.usefixtures("study")
def test_stopped_it_goes_on_and_finished_runs_are_not_done_again(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"data": pairs, "runs": tmp_path / "runs", "progress": False}
    whole = ablate("tiny", seeds=(0, 1), **{**arguments, "runs": tmp_path / "whole"})

    judge, judged = ablation.mean_gain, []

    def stopping(network: torch.nn.Module, pairs: ImagePairs) -> float:
        if len(judged) == 2:
            judged.append(0.0)
            raise KeyboardInterrupt
        judged.append(judge(network, pairs))
        return judged[-1]

    monkeypatch.setattr(ablation, "mean_gain", stopping)
    with pytest.raises(KeyboardInterrupt):
        ablate("tiny", seeds=(0, 1), **arguments)
    assert ablate("tiny", seeds=(0, 1), **arguments)["variants"] == whole["variants"]
    assert len(judged) == 5  # two, the one that was stopped, and the two that were left


def test_the_quick_judge_agrees_with_evaluation(pairs: Path) -> None:
    torch.manual_seed(0)
    network = SGENet((4, 8), 1).eval()
    torch.nn.init.normal_(network.stage2.tail.weight, std=0.2)
    split = ablation.find_pairs(pairs, "test")
    exact = summarize(evaluate(network, split), lambda _: "all")["all"]["psnr_gain"]["mean"]
    assert abs(exact) > 0.05
    assert mean_gain(network, split) == pytest.approx(exact, abs=0.02)


RESULTS = {
    "seeds": [0, 1, 2],
    "variants": [
        {"name": "complete", "parameters": 1000, "gains": [0.1, 0.3, 0.2]},
        {"name": "without X", "parameters": 900, "gains": [0.0, 0.1, 0.2]},
    ],
}


def test_the_table_shows_means_spreads_and_paired_differences() -> None:
    assert paired_differences(RESULTS) == {"without X": pytest.approx([-0.1, -0.2, 0.0])}
    head, complete, without = table(RESULTS).splitlines()
    assert "less complete" in head
    assert complete.split()[1:] == ["1,000", "+0.200", "±", "0.100"]
    expected = f"{mean([-0.1, -0.2, 0.0]):+.3f} ± {stdev([-0.1, -0.2, 0.0]):.3f}"
    assert without.split("900")[1].split() == ["+0.100", "±", "0.100", *expected.split()]


def test_results_are_found_by_the_studys_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "data_directory", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="python -m deblurlib ablate tiny --out"):
        load("tiny")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "tiny_ablation.json").write_text(json.dumps(RESULTS))
    assert load("tiny") == RESULTS


@pytest.mark.parametrize(
    ("name", "variant"), [(name, v) for name, study in STUDIES.items() for v in study.variants]
)
def test_the_studies_variants_differ_in_one_thing(name: str, variant: str) -> None:
    study = STUDIES[name]
    for profile in ("quick", "full"):
        base, config = (study.config(v, profile, 7) for v in ("complete", variant))
        assert (config.steps, config.batch, config.crop, config.seed) == (
            base.steps,
            base.batch,
            base.crop,
            7,
        )
        assert config.model == study.model[profile]
        create_model(config.model, **config.arguments)
        assert (config == base) == (variant == "complete")
        assert len(study.variants[variant]) <= 1
    assert study.config(variant, "full", 0).steps > 10_000


def test_an_unknown_study_is_refused() -> None:
    with pytest.raises(ValueError, match="choose from sgenet, sung"):
        ablate("resnet")
