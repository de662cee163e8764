"""Studies: equal training for all variants, resumable, and a table of what was measured."""

import dataclasses
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
import torch
from PIL import Image

from deblurlib.data.pairs import ImagePairs
from deblurlib.imaging.files import save_image
from deblurlib.models import SGENet, create_model, list_models
from deblurlib.training import studies
from deblurlib.training.config import TrainConfig
from deblurlib.training.cost import multiply_adds
from deblurlib.training.evaluate import Row, evaluate, mean_gain, summarize
from deblurlib.training.loop import read_log
from deblurlib.training.metrics import METRICS
from deblurlib.training.studies import (
    STUDIES,
    Profile,
    Study,
    load,
    paired_differences,
    run_study,
    table,
)


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
    monkeypatch.setitem(STUDIES, "tiny", Study({"quick": base, "full": base}, variants))
    monkeypatch.setattr(studies, "FRAME", (24, 32))


@pytest.mark.usefixtures("study")
def test_every_variant_is_trained_and_judged_with_every_seed(pairs: Path, tmp_path: Path) -> None:
    results = run_study("tiny", seeds=(3, 5), data=pairs, runs=tmp_path / "runs", progress=False)
    assert json.loads(json.dumps(results)) == results | {
        "config": json.loads(json.dumps(results["config"])),
        "variants": json.loads(json.dumps(results["variants"])),
    }
    assert (results["steps"], results["seeds"], results["data"]) == (2, [3, 5], "pairs")
    assert results["pairs"] == 4
    complete, without = results["variants"]
    assert complete["changes"] == {} and not without["changes"]["arguments"]["enhancement"]
    assert complete["parameters"] > without["parameters"] > 0
    assert complete["gmacs"] > without["gmacs"] > 0 and complete["seconds"] > 0
    gains = [gain for row in results["variants"] for gain in row["gains"]]
    assert len(gains) == len(set(gains)) == 4  # four runs, each its own
    for row in results["variants"]:
        assert row["restored"].keys() == METRICS.keys()
        restored = zip(row["restored"]["psnr"], row["gains"], strict=True)
        assert all(p - g == pytest.approx(results["blurred"]["psnr"]) for p, g in restored)
    folders = sorted(path.name.rpartition("-")[0] for path in (tmp_path / "runs").iterdir())
    assert folders == ["complete-3", "complete-5", "without-CEM-3", "without-CEM-5"]
    assert all(len(read_log(path)) == 2 for path in (tmp_path / "runs").iterdir())


@pytest.mark.usefixtures("study")
def test_stopped_it_goes_on_and_finished_runs_are_not_done_again(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"data": pairs, "runs": tmp_path / "runs", "progress": False}
    whole = run_study("tiny", seeds=(0, 1), **{**arguments, "runs": tmp_path / "whole"})

    judge, judged = studies.evaluate, []

    def stopping(network: torch.nn.Module, pairs: ImagePairs) -> list[Row]:
        judged.append(network)
        if len(judged) == 3:
            raise KeyboardInterrupt
        return judge(network, pairs)

    monkeypatch.setattr(studies, "evaluate", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_study("tiny", seeds=(0, 1), **arguments)
    again = run_study("tiny", seeds=(0, 1), **arguments)
    for row in (*again["variants"], *whole["variants"]):
        del row["seconds"]
    assert again["variants"] == whole["variants"]
    assert len(judged) == 5  # two, the one that was stopped, and the two that were left


@pytest.mark.usefixtures("study")
def test_seeds_are_added_to_earlier_ones_which_are_not_run_again(
    pairs: Path, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"data": pairs, "progress": False}
    whole = run_study("tiny", seeds=(0, 1), runs=tmp_path / "whole", **arguments)
    first = json.loads(
        json.dumps(run_study("tiny", seeds=(0,), runs=tmp_path / "runs", **arguments))
    )
    kept = json.dumps(first)
    elsewhere = {"runs": tmp_path / "elsewhere", "earlier": first, **arguments}
    both = run_study("tiny", seeds=(1, 0, 1), **elsewhere)
    assert json.dumps(first) == kept
    assert all(path.name.split("-")[-2] == "1" for path in (tmp_path / "elsewhere").iterdir())
    for row in (*both["variants"], *whole["variants"]):
        del row["seconds"]
    assert both == whole
    with pytest.raises(ValueError, match="'steps'"):
        run_study("tiny", seeds=(2,), steps=3, **elsewhere)
    with pytest.raises(ValueError, match="'variants'"):
        run_study("tiny", seeds=(2,), only=["complete"], **elsewhere)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2  # refused before any training


@pytest.mark.usefixtures("study")
def test_equal_runs_of_two_studies_are_one_run(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"data": pairs, "runs": tmp_path / "runs", "progress": False}
    run_study("tiny", seeds=(0,), only=["complete"], **arguments)
    (first,) = (tmp_path / "runs").iterdir()
    judged = (first / "judged.json").stat().st_mtime_ns
    same = {"complete": {}, "longer": {"steps": 3}}
    monkeypatch.setitem(STUDIES, "other", Study(STUDIES["tiny"].base, same))
    results = run_study("other", seeds=(0,), **arguments)
    assert (first / "judged.json").stat().st_mtime_ns == judged
    assert len(list((tmp_path / "runs").iterdir())) == 2
    assert [row["name"] for row in results["variants"]] == ["complete", "longer"]


def test_the_quick_judge_agrees_with_evaluation(pairs: Path) -> None:
    torch.manual_seed(0)
    network = SGENet((4, 8), 1).eval()
    torch.nn.init.normal_(network.stage2.tail.weight, std=0.2)
    split = studies.find_pairs(pairs, "test")
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
    monkeypatch.setattr(studies, "data_directory", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="python -m deblurlib study tiny --out"):
        load("tiny")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "tiny_study.json").write_text(json.dumps(RESULTS))
    assert load("tiny") == RESULTS


ABLATIONS = [(name, v) for name in ("sgenet", "sung") for v in STUDIES[name].variants]


@pytest.mark.parametrize(("name", "variant"), ABLATIONS)
def test_the_ablations_variants_differ_in_one_thing(name: str, variant: str) -> None:
    study = STUDIES[name]
    for profile in ("quick", "full"):
        base, config = (study.config(v, profile, 7) for v in ("complete", variant))
        assert (config.model, config.steps, config.batch, config.crop, config.seed) == (
            base.model,
            base.steps,
            base.batch,
            base.crop,
            7,
        )
        with torch.device("meta"):
            create_model(config.model, **config.arguments)
        assert (config == base) == (variant == "complete")
        assert len(study.variants[variant]) <= 1
    assert study.config(variant, "full", 0).steps > 10_000


@pytest.mark.parametrize("profile", ["quick", "full"])
@pytest.mark.parametrize("name", ["table1", "table2", "networks"])
def test_the_compared_networks_differ_in_nothing_but_the_network(
    name: str, profile: Profile
) -> None:
    study = STUDIES[name]
    first, *others = (study.config(variant, profile, 7) for variant in study.variants)
    for config in others:
        network = {"model": first.model, "arguments": first.arguments}
        assert dataclasses.replace(config, **network) == first
        assert (config.model, config.arguments) != (first.model, first.arguments)


def test_the_reduced_networks_cost_the_same() -> None:
    study = STUDIES["networks"]
    costs = {}
    for variant in study.variants:
        config = study.config(variant, "quick", 0)
        network = create_model(config.model, **config.arguments).eval()
        costs[variant] = 15 * multiply_adds(network, 192, 320) / 1e9  # 1/15 of a `FRAME`
    assert all(94 < cost < 114 for cost in costs.values()), costs


def test_the_whole_study_has_every_network() -> None:
    compared = {config["model"] for config in STUDIES["networks"].variants.values()}
    assert compared == {name for name in list_models() if not name.endswith("_small")}


def test_a_table_of_the_paper_in_full_is_trained_by_its_recipe() -> None:
    config = STUDIES["table1"].config("SUNG", "full", 0)
    assert config == dataclasses.replace(TrainConfig.paper(), model="sung")


@pytest.mark.parametrize(
    ("name", "only", "message"),
    [("resnet", (), "choose from table1"), ("table2", ("SRN",), "choose from base, SUNG")],
)
def test_what_is_unknown_is_refused(name: str, only: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_study(name, only=only)
