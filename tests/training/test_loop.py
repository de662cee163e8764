"""The training loop: it learns, goes on exactly where it stopped, and stops where it must."""

import dataclasses
import json
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from deblurlib import models
from deblurlib.data.cache import CachedPairs
from deblurlib.data.pairs import Pair, RawCrops, finish
from deblurlib.data.synthetic import SyntheticPairs
from deblurlib.imaging.files import save_image, to_image
from deblurlib.models import SUNG, SGENet
from deblurlib.training import loop
from deblurlib.training.checkpoints import load_model, read_card
from deblurlib.training.loop import (
    LogEntry,
    TrainConfig,
    iterations_at,
    learning_rate_at,
    read_log,
    train,
    training_data,
)
from deblurlib.training.losses import LossWeights

quietly = partial(train, progress=False)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of a few thousand parameters, called tiny, and one that is tinier."""
    for name, width in (("tiny", 4), ("tinier", 2)):
        build = partial(SUNG, width=width, blocks=1, rdb_layers=2, kernel_size=3)
        monkeypatch.setitem(models._BUILDERS, name, build)


class FivePairs(SyntheticPairs):
    """Two steps of two an epoch, and one pair left over; without scenes that take time."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(16, 5, seed, photographs=1.0, moving_objects=0.0)


@pytest.fixture(autouse=True)
def five_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "training_data", lambda config: FivePairs(config.seed))


def configuration(out: Path, **changes: Any) -> TrainConfig:
    config = TrainConfig(
        model="tiny",
        out=out,
        steps=6,
        batch=2,
        crop=16,
        iterations=2,
        precision="float32",
        workers=0,
        log_every=1,
    )
    return dataclasses.replace(config, **changes)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def steps_logged(out: Path) -> list[int]:
    return [entry["step"] for entry in read_log(out)]


def untimed(out: Path) -> list[LogEntry]:
    return [{k: v for k, v in entry.items() if k != "steps_per_second"} for entry in read_log(out)]


def raise_at(step: int, error: type[BaseException]) -> Any:
    def on_log(entry: LogEntry, network: nn.Module) -> None:
        if entry["step"] == step:
            raise error

    return on_log


def test_it_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class SameEveryEpoch(FivePairs):
        def set_epoch(self, epoch: int) -> None:
            pass

    monkeypatch.setattr(loop, "training_data", lambda config: SameEveryEpoch(config.seed))
    config = configuration(tmp_path, steps=60, iterations=1, learning_rate=3e-3)
    network = quietly(config)
    losses = [entry["pixel"] for entry in read_log(tmp_path)]
    # Two of the five pairs a step: compare means over ten steps.
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    assert not network.training


def test_what_a_training_leaves(tmp_path: Path) -> None:
    config = configuration(tmp_path / "new" / "run", log_every=4)
    seen = []
    network = quietly(config, on_log=lambda entry, model: seen.append((entry, model)))
    files = sorted(path.name for path in config.out.iterdir())
    assert files == ["log.jsonl", "state.safetensors", "weights.safetensors"]

    log = read_log(config.out)
    assert [entry["step"] for entry in log] == [4, 6]  # every fourth, and the last
    assert [entry for entry, _ in seen] == log
    assert all(model is network for _, model in seen)
    for entry in log:
        assert entry["total"] == pytest.approx(
            entry["pixel"] + entry["edge_aux"] + entry["edge_sup"], rel=1e-5
        )
        assert entry["gradient_norm"] > 0 and entry["steps_per_second"] > 0
        assert entry["learning_rate"] == learning_rate_at(entry["step"] - 1, config)
        assert entry["iterations"] == 2

    card = read_card(config.out / "weights.safetensors")
    assert (card["model"], card["steps"]) == ("tiny", 6)
    assert card["config"]["learning_rate"] == 1e-3 and card["config"]["data"] == "embedded"
    assert card["config"]["loss"]["edge_sup"] == 1.0
    assert same_weights(load_model(config.out / "weights.safetensors"), network)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_interrupted_and_continued_is_as_if_never_stopped(precision: Any, tmp_path: Path) -> None:
    whole, parts = (configuration(tmp_path / n, precision=precision) for n in ("whole", "parts"))
    expected = quietly(whole)
    with pytest.raises(KeyboardInterrupt):  # in the middle of the second epoch
        quietly(parts, on_log=raise_at(3, KeyboardInterrupt))
    assert steps_logged(parts.out) == [1, 2, 3]
    assert read_card(parts.out / "state.safetensors")["steps"] == 3
    assert read_card(parts.out / "weights.safetensors")["steps"] == 3

    assert same_weights(quietly(parts), expected)
    assert steps_logged(parts.out) == [1, 2, 3, 4, 5, 6]
    assert untimed(parts.out) == untimed(whole.out)


def test_a_killed_training_goes_on_from_the_last_save(tmp_path: Path) -> None:
    whole, parts = (configuration(tmp_path / name, save_every=2) for name in ("whole", "parts"))
    expected = quietly(whole)
    with pytest.raises(MemoryError):
        quietly(parts, on_log=raise_at(5, MemoryError))
    assert read_card(parts.out / "state.safetensors")["steps"] == 4
    with (parts.out / "log.jsonl").open("a") as log:
        log.write('{"step": 6, "tot')  # killed while writing
    assert same_weights(quietly(parts), expected)
    assert untimed(parts.out) == untimed(whole.out)  # step 5 was done twice, and is there once


def test_how_a_run_is_watched_changes_nothing(tmp_path: Path) -> None:
    expected = quietly(configuration(tmp_path / "one"))
    other = configuration(tmp_path / "two", workers=2, log_every=5, save_every=3)
    with pytest.raises(KeyboardInterrupt):
        quietly(other, on_log=raise_at(3, KeyboardInterrupt))
    moved = (tmp_path / "two").rename(tmp_path / "three")
    assert same_weights(quietly(dataclasses.replace(other, out=moved, workers=0)), expected)


def test_a_finished_training_is_not_trained_on(tmp_path: Path) -> None:
    expected = quietly(configuration(tmp_path))
    log = read_log(tmp_path)
    again = quietly(configuration(tmp_path), on_log=raise_at(6, AssertionError))
    assert same_weights(again, expected) and not again.training
    assert read_log(tmp_path) == log


def test_seeds_decide_the_training(tmp_path: Path) -> None:
    runs = [quietly(configuration(tmp_path / str(k), seed=k // 2, steps=2)) for k in range(3)]
    assert same_weights(runs[0], runs[1])
    assert not same_weights(runs[0], runs[2])


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"learning_rate": 2e-3},
        {"loss": LossWeights(fourier=0.1)},
        {"model": "tinier"},
        {"data": Path("elsewhere")},
        {"steps": 9, "batch": 1},
    ],
    ids=lambda changes: "+".join(changes),
)
def test_another_configuration_in_the_same_folder_is_refused(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    quietly(configuration(tmp_path, steps=1))
    before = (tmp_path / "state.safetensors").read_bytes()
    expected = f"{tmp_path}: holds a run with another {', '.join(changes)}; choose another folder"
    with pytest.raises(ValueError, match=re.escape(expected)):
        quietly(configuration(tmp_path, **{"steps": 1, **changes}))
    assert (tmp_path / "state.safetensors").read_bytes() == before
    assert steps_logged(tmp_path) == [1]


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    quietly(configuration(tmp_path, steps=1))
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:500])
    with pytest.raises(ValueError, match=re.escape(f"{state}: damaged")):
        quietly(configuration(tmp_path, steps=1))


@pytest.mark.parametrize(("log_every", "found_at"), [(1, 3), (100, 4)])
def test_a_loss_that_is_no_number_ends_the_training(
    log_every: int, found_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poisoned(FivePairs):
        def __getitem__(self, index: int) -> Pair:
            pair = super().__getitem__(index)
            return Pair(pair.blurred * math.nan, pair.sharp) if self.epoch == 1 else pair

    monkeypatch.setattr(loop, "training_data", lambda config: Poisoned(config.seed))
    config = configuration(tmp_path, save_every=2, log_every=log_every)
    with pytest.raises(FloatingPointError, match=rf"step {found_at}: the loss is nan.*lower"):
        quietly(config)
    state = tmp_path / "state.safetensors"
    assert read_card(state)["steps"] == 2  # the last save before the poison
    assert steps_logged(tmp_path)[-1] == 2
    assert not (tmp_path / "weights.safetensors").exists()
    # What is kept is good: with sound data the training goes on from it.
    monkeypatch.setattr(loop, "training_data", lambda config: FivePairs(config.seed))
    assert all(weights.isfinite().all() for weights in quietly(config).parameters())


def test_fewer_pairs_than_a_batch_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="5 training pairs are fewer than a batch of 6"):
        quietly(configuration(tmp_path, batch=6))
    assert not (tmp_path / "state.safetensors").exists()


def test_the_optimizer_is_the_papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    adam = torch.optim.Adam

    def spy(*arguments: Any, **options: Any) -> torch.optim.Adam:
        made.append(adam(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(torch.optim, "Adam", spy)
    quietly(configuration(tmp_path, steps=1))
    (optimizer,) = made
    assert optimizer.defaults["betas"] == (0.9, 0.999)
    assert optimizer.defaults["eps"] == 1e-8
    assert optimizer.defaults["weight_decay"] == 0


def test_the_gradient_is_clipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    norms = []
    step = torch.optim.Adam.step

    def spy(self: torch.optim.Adam, *arguments: Any, **options: Any) -> Any:
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(torch.stack([g.norm() for g in gradients if g is not None]).norm().item())
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    quietly(configuration(tmp_path, clip=1e-3, steps=3))
    assert norms == pytest.approx([1e-3] * 3, rel=1e-3)
    assert all(entry["gradient_norm"] > 2e-3 for entry in read_log(tmp_path))  # before clipping


def test_the_number_of_scales_grows(tmp_path: Path) -> None:
    quietly(configuration(tmp_path, iterations=3, grow=0.75, steps=4))
    assert [entry["iterations"] for entry in read_log(tmp_path)] == [1, 2, 3, 3]


def test_iterations_by_hand() -> None:
    config = TrainConfig(steps=100, iterations=3, grow=0.6)
    steps = [0, 19, 20, 39, 40, 59, 60, 99]
    assert [iterations_at(step, config) for step in steps] == [1, 1, 2, 2, 3, 3, 3, 3]
    assert iterations_at(0, dataclasses.replace(config, grow=0.0)) == 3
    assert iterations_at(0, dataclasses.replace(config, iterations=1)) == 1


def test_halving_by_hand() -> None:
    config = TrainConfig(schedule="step", learning_rate=0.8, halve_every=10)
    steps = [0, 9, 10, 19, 20, 35]
    assert [learning_rate_at(step, config) for step in steps] == [0.8, 0.8, 0.4, 0.4, 0.2, 0.1]


def test_cosine_by_hand() -> None:
    config = TrainConfig(schedule="cosine", learning_rate=0.8, steps=200)
    # Warm-up over 4 steps; then a quarter of the cosine at 4 + 49, half at 4 + 98, all at 4 + 196.
    by_hand = {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 0.8, 53: 0.4 + 0.4 * math.sqrt(0.5), 102: 0.4}
    for step, expected in by_hand.items():
        assert learning_rate_at(step, config) == pytest.approx(expected)
    assert 0 < learning_rate_at(199, config) < 1e-4  # the last step still does something
    # One step is all warm-up.
    assert learning_rate_at(0, TrainConfig(learning_rate=0.8, steps=1)) == 0.8


def test_the_rate_reaches_the_optimizer(tmp_path: Path) -> None:
    # Adam's first step moves every parameter by the learning rate, whatever the gradient.
    config = configuration(tmp_path, steps=1, schedule="step", learning_rate=0.01)
    torch.manual_seed(config.seed)
    before = models.create_model("tiny").state_dict()
    after = quietly(config).state_dict()
    moved = torch.cat([(after[name] - before[name]).abs().flatten() for name in before])
    assert moved.max().item() == pytest.approx(0.01, rel=1e-3)
    assert moved.median().item() > 0.005  # less only where a gradient is near Adam's ε


def test_the_papers_recipe() -> None:
    paper = TrainConfig.paper()
    assert (paper.model, paper.batch, paper.crop, paper.iterations) == ("sung", 16, 256, 3)
    assert paper.steps == 500 * 131  # 2103 pairs in batches of 16, the rest left out
    assert (paper.schedule, paper.learning_rate, paper.grow) == ("step", 1e-4, 0)
    epochs = [0, 99, 100, 199, 200, 300, 400, 499]
    rates = [learning_rate_at(131 * epoch + 130, paper) for epoch in epochs]
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 5e-5, 2.5e-5, 1.25e-5, 6.25e-6, 6.25e-6])
    assert paper.loss == LossWeights(1, 1, 1, 0)
    assert TrainConfig.paper(seed=3, batch=8).seed == 3


def test_embedded_data_unless_a_folder_is_given(tmp_path: Path) -> None:
    config = TrainConfig(crop=24, seed=7)
    embedded = training_data(config)
    assert isinstance(embedded, SyntheticPairs)
    assert (embedded.crop, embedded.seed) == (24, 7)

    for kind in ("input", "target"):
        for split in ("train", "test"):
            image = to_image(torch.full((3, 30, 32), 0.2 if split == "train" else 0.8))
            save_image(image, tmp_path / split / kind / "a.png")
    crops = training_data(dataclasses.replace(config, data=tmp_path))
    assert isinstance(crops, RawCrops) and not isinstance(crops.pairs, CachedPairs)
    assert (crops.crop, crops.seed, len(crops)) == (24, 7, 1)
    sharp = finish(crops[0]).sharp
    assert sharp.shape == (3, 24, 24)
    assert sharp.mean().item() == pytest.approx(0.2)  # of the training split

    cached = training_data(dataclasses.replace(config, data=tmp_path, cache=tmp_path / "cache"))
    assert isinstance(cached, RawCrops) and isinstance(cached.pairs, CachedPairs)
    assert torch.equal(cached[0].sharp, crops[0].sharp)
    with pytest.raises(ValueError, match="is for a folder of pairs"):
        training_data(dataclasses.replace(config, cache=tmp_path / "cache"))


def test_a_log_is_read_without_a_line_being_written(tmp_path: Path) -> None:
    assert read_log(tmp_path) == []
    lines = [json.dumps({"step": step}) for step in (1, 2)]
    for content, steps in (
        (lines[0] + "\n" + lines[1][:5], [1]),
        ("\n".join([*lines, ""]), [1, 2]),
    ):
        (tmp_path / "log.jsonl").write_text(content)
        assert steps_logged(tmp_path) == steps


def test_training_from_given_weights(tmp_path: Path) -> None:
    quietly(configuration(tmp_path / "first", steps=2))
    start = tmp_path / "first" / "weights.safetensors"
    # A rate of zero keeps what it was given.
    config = configuration(tmp_path / "second", initial=str(start), learning_rate=0.0, steps=1)
    assert same_weights(quietly(config), load_model(start))
    card = read_card(tmp_path / "second" / "weights.safetensors")
    assert card["initial"] == read_card(start)
    # Weights of another network are refused, be it only by an argument.
    for changes in ({"model": "tinier"}, {"arguments": {"rdb_layers": 3}}):
        other = configuration(tmp_path / "third", initial=str(start), steps=1, **changes)
        with pytest.raises(ValueError, match=f"{re.escape(str(start))}: weights of .*, not of"):
            quietly(other)


def test_arguments_reach_the_network_and_its_card(tmp_path: Path) -> None:
    config = configuration(tmp_path, steps=1, arguments={"rdb_layers": 3, "edge_guidance": False})
    network = quietly(config)
    assert len(network.deblurring_path.dense_blocks[0].layers) == 3 and network.edges is None
    assert same_weights(load_model(tmp_path / "weights.safetensors"), network)
    quietly(config)  # is the same run, and has nothing left to do
    assert steps_logged(tmp_path) == [1]


def test_an_argument_that_json_writes_otherwise_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(models._BUILDERS, "tiny", partial(SGENet, widths=(4, 8), blocks=1))
    config = configuration(tmp_path, steps=1, arguments={"dilations": (1, 1)})
    quietly(config)
    quietly(config)
    assert steps_logged(tmp_path) == [1]


def test_the_norm_reaches_the_loss(tmp_path: Path) -> None:
    losses = [
        read_log(tmp_path / norm)[0]["pixel"]
        for norm in ("l1", "charbonnier")
        if quietly(configuration(tmp_path / norm, steps=1, norm=norm))
    ]
    # Charbonnier is less than L1, by at most its ε at each of two scales.
    assert 0 < losses[0] - losses[1] < 2e-3


def test_sgenets_recipe_trains_it(tmp_path: Path) -> None:
    config = TrainConfig.small_sgenet(
        out=tmp_path, steps=1, batch=1, crop=16, workers=0, arguments={"widths": [4, 8]}
    )
    assert isinstance(quietly(config), SGENet)
    (entry,) = read_log(tmp_path)
    assert entry["guidance"] > 0 and entry["iterations"] is None
    assert (config.model, config.norm, config.loss.fourier) == ("sgenet_small", "charbonnier", 0.1)
