"""The training loop: it learns, goes on exactly where it stopped, and stops where it must."""

import dataclasses
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

from deblurlib import models
from deblurlib.data.cache import CachedPairs
from deblurlib.data.pairs import Pair, RandomCrops, RawCrops, finish
from deblurlib.data.synthetic import Shot, SyntheticPairs, SyntheticShots
from deblurlib.imaging.files import save_image, to_image
from deblurlib.models import SUNG, SGENet
from deblurlib.training import loop
from deblurlib.training.checkpoints import load_model, read_card
from deblurlib.training.config import TrainConfig, crop_at, iterations_at, learning_rate_at
from deblurlib.training.loop import LogEntry, read_log, saved_states, train, training_data
from deblurlib.training.losses import LossWeights

quietly = partial(train, progress=False)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of a few thousand parameters, called tiny, and one that is tinier."""
    for name, width in (("tiny", 4), ("tinier", 2)):
        build = partial(SUNG, width=width, blocks=1, rdb_layers=2, kernel_size=3)
        monkeypatch.setitem(models._BUILDERS, name, build)


class FivePairs(SyntheticShots):
    """Two steps of two an epoch, and one pair left over; without scenes that take time."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(16, 5, seed, photographs=1.0, moving_objects=0.0)


@pytest.fixture(autouse=True)
def five_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "training_data", lambda config, device: FivePairs(config.seed))


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
    return [
        {k: v for k, v in entry.items() if k not in ("seconds", "steps_per_second")}
        for entry in read_log(out)
    ]


def raise_at(step: int, error: type[BaseException]) -> Any:
    def on_log(entry: LogEntry, network: nn.Module) -> None:
        if entry["step"] == step:
            raise error

    return on_log


def interrupt_at(step: int, number: int = signal.SIGINT) -> Any:
    """Ask for an end while a step is logged: the next one is finished, and saved."""

    def on_log(entry: LogEntry, network: nn.Module) -> None:
        if entry["step"] == step:
            signal.raise_signal(number)

    return on_log


def newest(out: Path) -> Path:
    return saved_states(out)[0]


def test_it_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class SameEveryEpoch(FivePairs):
        def set_epoch(self, epoch: int) -> None:
            pass

    monkeypatch.setattr(loop, "training_data", lambda config, device: SameEveryEpoch(config.seed))
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
    assert files == ["log.jsonl", "state-0000006.safetensors", "weights.safetensors"]

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


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_interrupted_and_continued_is_as_if_never_stopped(precision: Any, tmp_path: Path) -> None:
    whole, parts = (configuration(tmp_path / n, precision=precision) for n in ("whole", "parts"))
    expected = quietly(whole)
    with pytest.raises(KeyboardInterrupt):  # in the middle of the second epoch
        quietly(parts, on_log=interrupt_at(2))
    assert steps_logged(parts.out) == [1, 2, 3]
    assert read_card(newest(parts.out))["steps"] == 3
    assert read_card(parts.out / "weights.safetensors")["steps"] == 3

    assert same_weights(quietly(parts), expected)
    assert steps_logged(parts.out) == [1, 2, 3, 4, 5, 6]
    assert untimed(parts.out) == untimed(whole.out)


def test_a_killed_training_goes_on_from_the_last_save(tmp_path: Path) -> None:
    whole, parts = (configuration(tmp_path / name, save_every=2) for name in ("whole", "parts"))
    expected = quietly(whole)
    with pytest.raises(MemoryError):
        quietly(parts, on_log=raise_at(5, MemoryError))
    assert read_card(newest(parts.out))["steps"] == 4
    with (parts.out / "log.jsonl").open("a") as log:
        log.write('{"step": 6, "tot')  # killed while writing
    assert same_weights(quietly(parts), expected)
    assert untimed(parts.out) == untimed(whole.out)  # step 5 was done twice, and is there once


def test_how_a_run_is_watched_changes_nothing(tmp_path: Path) -> None:
    expected = quietly(configuration(tmp_path / "one"))
    other = configuration(tmp_path / "two", workers=2, log_every=5, save_every=3)
    with pytest.raises(KeyboardInterrupt):
        quietly(other, on_log=interrupt_at(3))
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
    before = newest(tmp_path).read_bytes()
    expected = f"{tmp_path}: holds a run with another {', '.join(changes)}; choose another folder"
    with pytest.raises(ValueError, match=re.escape(expected)):
        quietly(configuration(tmp_path, **{"steps": 1, **changes}))
    assert newest(tmp_path).read_bytes() == before
    assert steps_logged(tmp_path) == [1]


@pytest.mark.parametrize("damage", ["cut off", "one bit"])
def test_where_the_newest_state_is_damaged_the_one_before_it_is_taken(
    damage: str, tmp_path: Path
) -> None:
    whole, parts = (configuration(tmp_path / name, save_every=2) for name in ("whole", "parts"))
    expected = quietly(whole)
    with pytest.raises(MemoryError):
        quietly(parts, on_log=raise_at(5, MemoryError))
    newest_state, _ = saved_states(parts.out)
    content = bytearray(newest_state.read_bytes())
    content[-9] ^= 4
    newest_state.write_bytes(content[:-300] if damage == "cut off" else content)
    with pytest.warns(UserWarning, match=re.escape(f"{newest_state}: damaged")):
        network = quietly(parts)
    assert same_weights(network, expected)
    assert untimed(parts.out) == untimed(whole.out)


def test_where_all_states_are_damaged_nothing_is_begun_anew(tmp_path: Path) -> None:
    quietly(configuration(tmp_path, steps=1))
    newest(tmp_path).write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(ValueError, match="all saved states are damaged"),
    ):
        quietly(configuration(tmp_path, steps=1))
    assert steps_logged(tmp_path) == [1]


@pytest.mark.parametrize(("log_every", "found_at"), [(1, 3), (100, 4)])
def test_a_loss_that_is_no_number_ends_the_training(
    log_every: int, found_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poisoned(FivePairs):
        def finish(self, batch: Sequence[Shot]) -> Pair:
            pair = super().finish(batch)
            return Pair(pair.blurred * math.nan, pair.sharp) if self.epoch == 1 else pair

    monkeypatch.setattr(loop, "training_data", lambda config, device: Poisoned(config.seed))
    config = configuration(tmp_path, save_every=2, log_every=log_every)
    with pytest.raises(FloatingPointError, match=rf"step {found_at}: the loss is nan.*lower"):
        quietly(config)
    assert read_card(newest(tmp_path))["steps"] == 2  # the last save before the poison
    assert steps_logged(tmp_path)[-1] == 2
    assert not (tmp_path / "weights.safetensors").exists()
    # What is kept is good: with sound data the training goes on from it.
    monkeypatch.setattr(loop, "training_data", lambda config, device: FivePairs(config.seed))
    assert all(weights.isfinite().all() for weights in quietly(config).parameters())


def test_fewer_pairs_than_a_batch_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="5 training pairs are fewer than a batch of 6"):
        quietly(configuration(tmp_path, batch=6))
    assert not saved_states(tmp_path)


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
    config = TrainConfig(crop=24, seed=7, extent=(3, 9), response=(1, 2), moving_objects=0.75)
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    embedded = training_data(config, cpu)
    assert isinstance(embedded, SyntheticPairs)
    assert isinstance(training_data(config, gpu), SyntheticShots)
    assert (embedded.crop, embedded.seed) == (24, 7)
    assert (embedded.extent, embedded.response) == ((3, 9), (1, 2))
    assert embedded.moving_objects == 0.75

    for kind in ("input", "target"):
        for split in ("train", "test"):
            image = to_image(torch.full((3, 30, 32), 0.2 if split == "train" else 0.8))
            save_image(image, tmp_path / split / kind / "a.png")
    crops = training_data(dataclasses.replace(config, data=tmp_path), gpu)
    assert isinstance(training_data(dataclasses.replace(config, data=tmp_path), cpu), RandomCrops)
    assert isinstance(crops, RawCrops) and not isinstance(crops.pairs, CachedPairs)
    assert (crops.crop, crops.seed, len(crops)) == (24, 7, 1)
    sharp = finish(crops[0]).sharp
    assert sharp.shape == (3, 24, 24)
    assert sharp.mean().item() == pytest.approx(0.2)  # of the training split

    cached = training_data(
        dataclasses.replace(config, data=tmp_path, cache=tmp_path / "cache"), gpu
    )
    assert isinstance(cached, RawCrops) and isinstance(cached.pairs, CachedPairs)
    assert torch.equal(cached[0].sharp, crops[0].sharp)
    # The embedded data have their scenes rendered there.
    few = training_data(dataclasses.replace(config, scenes=2, cache=tmp_path / "cache"), cpu)
    assert isinstance(few, SyntheticPairs) and len(few.scenes) == 2
    assert len([*(tmp_path / "cache").glob("scenes-*/*.npy")]) == 2


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
    # A larger network does at first what the smaller one did.
    larger = {"arguments": {"rdb_layers": 3}, "learning_rate": 0.0, "steps": 1}
    network = quietly(configuration(tmp_path / "third", initial=str(start), **larger))
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(image).image, load_model(start)(image).image)
    # Weights of another network are refused, be it only by an argument.
    for changes in ({"model": "sgenet_small"}, {"arguments": {"edge_guidance": False}}):
        other = configuration(tmp_path / "fourth", initial=str(start), steps=1, **changes)
        with pytest.raises(ValueError, match=f"{re.escape(str(start))}: .* cannot go on from"):
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


def test_in_parts_the_gradient_is_the_large_batchs(tmp_path: Path) -> None:
    whole, parts = (
        quietly(configuration(tmp_path / str(n), batch=4, accumulate=n, steps=3)) for n in (1, 4)
    )
    ours, theirs = whole.state_dict(), parts.state_dict()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)
    logs = [[entry["pixel"] for entry in read_log(tmp_path / n)] for n in ("1", "4")]
    assert logs[0] == pytest.approx(logs[1], rel=1e-4)
    with pytest.raises(ValueError, match="a batch of 4 cannot be shared by 1 processes in 3 parts"):
        quietly(configuration(tmp_path / "3", batch=4, accumulate=3))


def test_the_average_follows_the_weights_and_is_what_ships(tmp_path: Path) -> None:
    config = configuration(tmp_path / "one", average=0.9, steps=4)
    seen = []
    result = quietly(config, on_log=lambda entry, network: seen.append(network.state_dict()))
    torch.manual_seed(config.seed)
    average = models.create_model("tiny").state_dict()
    plain = configuration(tmp_path / "two", steps=4)
    weights: list[dict[str, Tensor]] = []
    quietly(plain, on_log=lambda entry, network: weights.append(clone(network.state_dict())))
    for step, now in enumerate(weights):
        decay = min(0.9, (1 + step) / (10 + step))
        average = {name: decay * average[name] + (1 - decay) * now[name] for name in now}
    shipped = load_model(config.out / "weights.safetensors")
    assert same_weights(shipped, result)
    for name, value in shipped.state_dict().items():
        assert torch.allclose(value, average[name], atol=1e-6)
        assert (value - weights[-1][name]).abs().max() > 0


def test_with_an_average_it_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    whole, parts = (configuration(tmp_path / n, average=0.9) for n in ("whole", "parts"))
    expected = quietly(whole)
    with pytest.raises(KeyboardInterrupt):
        quietly(parts, on_log=interrupt_at(2, signal.SIGTERM))
    assert same_weights(quietly(parts), expected)


def clone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.items()}


def test_a_second_interruption_does_not_wait(tmp_path: Path) -> None:
    def impatient(entry: LogEntry, network: nn.Module) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        quietly(configuration(tmp_path), on_log=impatient)
    assert steps_logged(tmp_path) == [1] and not saved_states(tmp_path)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_last_two_states_are_kept_and_no_half_ones(tmp_path: Path) -> None:
    half = tmp_path / ".state-0000009-x1y2z3.safetensors"
    half.write_bytes(b"half")
    quietly(configuration(tmp_path, save_every=1))
    names = [path.name for path in saved_states(tmp_path)]
    assert names == ["state-0000006.safetensors", "state-0000005.safetensors"]
    assert not half.exists()


def test_larger_crops_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(tmp_path, steps=8, late_crop=24)
    sides = []
    forward = models.SUNG.forward

    def spy(self: nn.Module, blurred: Tensor, *arguments: Any) -> Any:
        sides.append(blurred.shape[-1])
        return forward(self, blurred, *arguments)

    monkeypatch.setattr(models.SUNG, "forward", spy)
    quietly(config)
    assert sides == 6 * [16] + 2 * [24]  # two steps an epoch
    assert [crop_at(step, config) for step in (0, 5, 6, 7)] == [16, 16, 24, 24]


SCRIPT = """
import sys
from functools import partial
from pathlib import Path
import torch
from deblurlib import models
from deblurlib.data.synthetic import SyntheticShots
from deblurlib.training import loop
from deblurlib.training.config import TrainConfig

torch.set_num_threads(1)
models._BUILDERS["tiny"] = partial(models.SUNG, width=4, blocks=1, rdb_layers=2, kernel_size=3)
loop.training_data = lambda config, device: SyntheticShots(
    16, 24, config.seed, photographs=1.0, moving_objects=0.0
)
changes = eval(sys.argv[2])
config = TrainConfig(
    model="tiny", out=Path(sys.argv[1]), batch=4, crop=16, iterations=2, precision="float32",
    **{"log_every": 1, "workers": 0, **changes}
)
loop.train(config, progress=False)
"""


def run_script(
    launcher: list[str], out: Path, changes: dict[str, Any], *, on_cpus: str = "true"
) -> subprocess.Popen[str]:
    script = out.with_suffix(".py")
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [*launcher, str(script), str(out), repr(changes)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": on_cpus},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_killed_at_random_steps_it_ends_as_if_never_killed(tmp_path: Path) -> None:
    changes = {"steps": 40, "save_every": 3, "average": 0.9}
    python = [sys.executable]
    whole = run_script(python, tmp_path / "whole", changes)
    output, _ = whole.communicate(timeout=120)
    assert whole.returncode == 0, output

    rng, out = random.Random(0), tmp_path / "killed"
    for kill in sorted(rng.sample(range(2, 40), 4)):
        process = run_script(python, out, changes)
        # Not at a step's end, but anywhere after it: while it is computed, logged or saved.
        while process.poll() is None and (steps_logged(out) or [0])[-1] < kill:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.wait()
        assert process.returncode == -signal.SIGKILL
    process = run_script(python, out, changes)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    names = ["weights.safetensors", "state-0000040.safetensors"]
    for name in names:
        with (
            safe_open(out / name, "pt") as ours,
            safe_open(tmp_path / "whole" / name, "pt") as all_,
        ):
            assert ours.keys() == all_.keys()
            assert all(torch.equal(ours.get_tensor(k), all_.get_tensor(k)) for k in ours.keys())  # noqa: SIM118
    assert untimed(out) == untimed(tmp_path / "whole")
    assert sorted(path.name for path in out.iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


def launch(out: Path, changes: dict[str, Any], machines: int) -> list[subprocess.Popen[str]]:
    """Two processes: of one launcher, or of two, each of which takes this for a machine of two."""
    # As on GPUs; with --cpu it would want MPI, and without MPI it silently starts one process.
    common = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    common += ["--num_processes=2", "--mixed_precision=no", "--dynamo_backend=no"]
    common += [f"--main_process_port={random.randint(20_000, 60_000)}"]
    if machines == 1:
        return [run_script(common, out, changes)]
    common += ["--num_machines=2", "--main_process_ip=127.0.0.1", "--rdzv_backend=static"]
    ranks = [[*common, f"--machine_rank={rank}"] for rank in range(2)]
    return [run_script(rank, out, changes) for rank in ranks]


@pytest.mark.slow
@pytest.mark.parametrize(("machines", "accumulate"), [(1, 1), (2, 2)])
def test_two_processes_go_the_way_of_one(machines: int, accumulate: int, tmp_path: Path) -> None:
    changes = {"steps": 8, "save_every": 4, "learning_rate": 1e-4}
    one = run_script([sys.executable], tmp_path / "one", changes)
    two = launch(tmp_path / "two", {**changes, "accumulate": accumulate}, machines)
    for process in (one, *two):
        output, _ = process.communicate(timeout=180)
        assert process.returncode == 0, output
    processes = [read_card(newest(tmp_path / name))["processes"] for name in ("one", "two")]
    assert processes == [1, 2]
    logs = [read_log(tmp_path / name) for name in ("one", "two")]
    assert [entry["step"] for entry in logs[1]] == list(range(1, 9))
    for name in ("total", "pixel", "edge_sup", "gradient_norm"):
        ours, theirs = ([entry[name] for entry in log] for log in logs)
        assert ours == pytest.approx(theirs, rel=1e-3), name
    networks = [load_model(tmp_path / name / "weights.safetensors") for name in ("one", "two")]
    ours, theirs = (network.state_dict() for network in networks)
    assert max((ours[name] - theirs[name]).abs().max().item() for name in ours) < 1e-4


@pytest.mark.slow
def test_processes_that_do_not_find_each_other_are_refused(tmp_path: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    port = f"--master_port={random.randint(20_000, 60_000)}"
    process = run_script([*launcher, port], tmp_path / "run", {"steps": 2}, on_cpus="false")
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "2 processes were launched, but this one sees 1: on CPUs, set ACCEL" in output
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no process groups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_end_with_all_its_workers_it_saves(number: signal.Signals, tmp_path: Path) -> None:
    out = tmp_path / "run"
    changes = {"steps": 4000, "save_every": 5000, "workers": 2}
    process = run_script([sys.executable], out, changes)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None and len(steps_logged(out)) < 3:
        time.sleep(0.05)
    os.killpg(process.pid, number)  # as a terminal does on Ctrl-C
    output, _ = process.communicate(timeout=60)
    assert len(saved_states(out)) == 1, output
    assert read_card(newest(out))["steps"] == steps_logged(out)[-1]
    assert "Stopped after step" in output


@pytest.mark.slow
def test_told_to_end_two_processes_save_the_same_step(tmp_path: Path) -> None:
    changes = {"steps": 400, "log_every": 5, "save_every": 1000}
    (process,) = launch(tmp_path / "two", changes, machines=1)
    out = tmp_path / "two"
    until = time.monotonic() + 120
    while (
        time.monotonic() < until and process.poll() is None and not steps_logged(tmp_path / "two")
    ):
        time.sleep(0.05)
    process.terminate()  # as a cluster's scheduler does before it kills
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert saved_states(out), output
    (state,) = saved_states(out)
    stopped = read_card(state)["steps"]
    assert 5 <= stopped < 400 and f"Stopped after step {stopped}" in output
    # What was saved is whole, and in step with the log.
    assert steps_logged(out)[-1] == stopped - stopped % 5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_compiled_it_learns_the_same(tmp_path: Path) -> None:
    plain, compiled = (configuration(tmp_path / name, steps=2) for name in ("plain", "compiled"))
    quietly(plain)
    network = quietly(dataclasses.replace(compiled, compile=True, average=0.9))
    assert isinstance(network, SUNG)
    losses = [[entry["total"] for entry in read_log(run.out)] for run in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_tensorboard_gets_the_logs_numbers_and_pictures_of_every_scale(tmp_path: Path) -> None:
    quietly(configuration(tmp_path, tensorboard=True, steps=2))
    (folder,) = {path.parent for path in tmp_path.rglob("events.out.tfevents.*")}
    events = EventAccumulator(str(folder)).Reload()
    for name in ("total", "edge_sup", "learning_rate"):
        assert [(event.step, event.value) for event in events.Scalars(name)] == [
            (entry["step"], pytest.approx(entry[name], rel=1e-6)) for entry in read_log(tmp_path)
        ]
    # The two crops of the batch lie side by side.
    widths = {tag: events.Images(tag)[0].width for tag in events.Tags()["images"]}
    coarse = {"images/0": 16, "edges/0": 16}
    assert widths == {"blurred": 32, "sharp": 32, "images/1": 32, "edges/1": 32, **coarse}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_a_step_does_not_wait_for_the_device(tmp_path: Path) -> None:
    def forbid(entry: LogEntry, network: nn.Module) -> None:
        torch.cuda.set_sync_debug_mode("error" if entry["step"] == 2 else "default")

    try:
        # Steps 3 to 5 run where waiting raises; the log's line of step 6 may wait.
        config = configuration(tmp_path, precision="auto", log_every=2, save_every=6)
        quietly(config, on_log=forbid)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_where_the_disk_is_full_the_last_good_state_stays(tmp_path: Path) -> None:
    import resource

    whole, parts = (configuration(tmp_path / name, save_every=2) for name in ("whole", "parts"))
    expected = quietly(whole)
    size = newest(whole.out).stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill_the_disk(entry: LogEntry, network: nn.Module) -> None:
        if entry["step"] == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))

    try:
        with pytest.raises(OSError, match=r"state-0000004.safetensors: could not be written"):
            quietly(parts, on_log=fill_the_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in parts.out.glob("*.safetensors")] == ["state-0000002.safetensors"]
    assert same_weights(quietly(parts), expected)
