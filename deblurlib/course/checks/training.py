"""Checks of lesson 14: a schedule, a step in parts, the average of the weights, an exact resume."""

import copy
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deblurlib.course.checks import Stages, Wrong, exercise, expect, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz

Schedule = Callable[[int, int, int, float, float], float]
Step = Callable[[nn.Module, Optimizer, Callable[..., Tensor], Tensor, Tensor, int, float], float]
Update = Callable[[nn.Module, nn.Module, float, int], None]
Save = Callable[[Path, nn.Module, nn.Module, Optimizer, int], None]
Load = Callable[[Path, nn.Module, nn.Module, Optimizer], int]


@exercise(first="the warm-up: while `step < warm_up`, return `highest * (step + 1) / warm_up`.")
def learning_rate(answer: Schedule) -> Stages:
    steps, warm_up, highest, lowest = 50, 10, 0.8, 0.1
    yield "it runs"
    out = answer(0, steps, warm_up, highest, lowest)
    expect(out is not None, "nothing came back: does every branch end in `return ...`?")
    expect(
        isinstance(out, float | int) and not isinstance(out, bool),
        f"a number should come back, not {type(out).__name__}: `math.cos`, not `torch.cos`.",
    )
    yield "the warm-up"
    before, after = list(range(warm_up)), list(range(warm_up, steps))
    expect_values(
        _rates(answer, before, steps, warm_up, highest, lowest),
        torch.tensor([highest * (k + 1) / warm_up for k in before]),
        {
            "the first step has the rate 0, and does nothing: step 0 is the first of W, so count "
            "from `step + 1`.": torch.tensor([highest * k / warm_up for k in before]),
            "there is no warm-up: the first steps already have the highest rate.": torch.full(
                (warm_up,), highest
            ),
            "the cosine runs from step 0 on: the first W steps climb in a straight line.": (
                torch.tensor([_cosine(k, 0, steps, highest, lowest) for k in before])
            ),
            "the warm-up climbs from `lowest`; it begins at nothing, whatever the end is.": (
                torch.tensor([lowest + (highest - lowest) * (k + 1) / warm_up for k in before])
            ),
            "the warm-up climbs over all T steps, not over the first W.": torch.tensor(
                [highest * (k + 1) / steps for k in before]
            ),
        },
        tolerance=1e-5,
    )
    yield "the cosine"
    share = [(k - warm_up) / (steps - warm_up) for k in after]
    expect_values(
        _rates(answer, after, steps, warm_up, highest, lowest),
        torch.tensor([_cosine(k, warm_up, steps, highest, lowest) for k in after]),
        {
            "it falls to 0, not to `lowest`.": torch.tensor(
                [_cosine(k, warm_up, steps, highest, 0.0) for k in after]
            ),
            "`lowest` is added to a cosine that has the whole of `highest`: the rate begins above "
            "it. Scale the cosine by `highest - lowest`.": torch.tensor(
                [lowest + _cosine(k, warm_up, steps, highest, 0.0) for k in after]
            ),
            "the cosine begins at step 0, so that the rate jumps down when the warm-up ends. p is "
            "0 at step W.": torch.tensor([_cosine(k, 0, steps, highest, lowest) for k in after]),
            "p counts from W, but is divided by T: it never comes near 1. T - W steps are left.": (
                torch.tensor([_shape((k - warm_up) / steps, highest, lowest) for k in after])
            ),
            "p reaches 1 in the last step already: divide by T - W, not by T - W - 1. Only step T, "
            "which is never made, would have p = 1.": torch.tensor(
                [_shape((k - warm_up) / (steps - warm_up - 1), highest, lowest) for k in after]
            ),
            "a cosine down to 0 is cut off at `lowest`; scale it to end there.": torch.tensor(
                [max(lowest, _cosine(k, warm_up, steps, highest, 0.0)) for k in after]
            ),
            "it falls, and climbs again: a half of the cosine is wanted, π p, not 2 π p.": (
                torch.tensor([_shape(2 * p, highest, lowest) for p in share])
            ),
            "the 1 is missing: a cosine alone goes below zero.": torch.tensor(
                [lowest + (highest - lowest) * math.cos(math.pi * p) for p in share]
            ),
            "twice as high as it should be: 1 + cos begins at 2, so halve it.": torch.tensor(
                [lowest + (highest - lowest) * (1 + math.cos(math.pi * p)) for p in share]
            ),
            "it climbs: that is 1 - cos.": torch.tensor(
                [_shape(1 - p, highest, lowest) for p in share]
            ),
            "`math.cos` takes radians: π is missing.": torch.tensor(
                [lowest + (highest - lowest) * (1 + math.cos(p)) / 2 for p in share]
            ),
            "that is a straight line down.": torch.tensor(
                [highest + (lowest - highest) * p for p in share]
            ),
            "it stays at the highest rate after the warm-up.": torch.full((len(after),), highest),
        },
        tolerance=1e-5,
    )
    yield "a pure function"
    first = [answer(step, steps, warm_up, highest, lowest) for step in (40, 3, 20)]
    again = [answer(step, steps, warm_up, highest, lowest) for step in (20, 3, 40)]
    expect(
        first == again[::-1],
        "asked for the same steps in another order, it answers differently: something is counted "
        "outside. Then a run that is continued has another rate than one never stopped.",
    )
    yield "other numbers"
    for total, warm, high, low in ((8, 0, 0.5, 0.0), (6, 6, 0.3, 0.0), (30, 7, 2.0, 0.5)):
        wanted = [
            high * (k + 1) / warm if k < warm else _cosine(k, warm, total, high, low)
            for k in range(total)
        ]
        about = f"T = {total}, W = {warm}, from {high:g} to {low:g}"
        try:
            found = _rates(answer, list(range(total)), total, warm, high, low)
        except ZeroDivisionError as error:
            raise Wrong(
                f"{about}: a division by zero. Without a warm-up (W = 0), or with nothing but it "
                "(W = T), one of the two branches is never wanted: don't compute it."
            ) from error
        expect(
            torch.allclose(found, torch.tensor(wanted), atol=1e-5),
            f"right for T = 50, W = 10, from 0.8 to 0.1, but not for {about}. Is a number written "
            "in?",
        )


@exercise(first="cut both pictures into `parts` with `chunk`, and go `backward` for each part.")
def accumulated_step(answer: Step) -> Stages:
    blurred, sharp = torch.rand(8, 3, 6, 7).double(), torch.rand(8, 3, 6, 7).double()
    parts, loose, tight = 4, 1e6, 0.05
    yield "it runs"
    kept = blurred.clone(), sharp.clone()
    bench = _Bench()
    weights = bench.weights()
    out = bench.ask(answer, blurred, sharp, parts, loose)
    expect(
        torch.equal(blurred, kept[0]) and torch.equal(sharp, kept[1]),
        "your code changes the pictures that it was given.",
    )
    yield "in parts"
    expect(bench.sizes, "the network is never asked: `network(part_of_blurred)`.")
    expect(
        bench.sizes != [8],
        "all 8 pictures went through at once: no memory is saved. One part at a time.",
    )
    expect(
        bench.sizes != [4, 4],
        "2 parts of 4 pictures; wanted are 4 parts of 2. `split` takes how *large* a part is, "
        "`chunk` how *many* there are.",
    )
    expect(
        bench.sizes == [2] * parts,
        f"{parts} parts of 2 pictures each should go through; yours had {bench.sizes}.",
    )
    expect(
        bench.held == 1,
        f"{bench.held} parts are held at once: `backward` comes too late. It belongs into the "
        "loop: it frees what one part's pictures left behind, before the next one comes.",
    )
    yield "one step"
    expect(bench.gradients, "the weights never move: `optimizer.step()` is missing.")
    expect(
        len(bench.gradients) == 1,
        f"the optimizer steps {len(bench.gradients)} times. It is to step once, when the gradients "
        "of all parts are together.",
    )
    yield "the gradient"
    found = bench.gradients[0]
    of_parts = _gradients_of_parts(weights, blurred, sharp, parts)
    whole = _mean(of_parts)
    expect(
        found is not None,
        "where the optimizer steps, there is no gradient: is `backward` missing, or does "
        "`zero_grad` stand between `backward` and `step`?",
    )
    _expect_gradient(
        found,
        whole,
        {
            "four times too large: gradients of the parts add up, and a mean is wanted. Divide "
            "each part's loss by `parts`.": parts * whole,
            "four times too small: divided by `parts` twice.": whole / parts,
            "only the last part is left: does `zero_grad` stand inside the loop, or `backward` "
            "after it?": of_parts[-1] / parts,
            "only the last part is left, and not divided by anything. Does `zero_grad` stand "
            "inside the loop, or `backward` after it?": of_parts[-1],
            "only the first part is there: is something returned, or broken off, in the loop?": (
                of_parts[0] / parts
            ),
            "too small by 8, the number of pictures. The loss is a mean over a part already: "
            "divide by how many *parts* there are.": whole * parts / 8,
        },
        f"the gradient is not that of the whole batch: its length is {found.norm():.4f}, that of "
        f"the batch {whole.norm():.4f}.",
    )
    yield "the next step"
    weights = bench.weights()
    bench.ask(answer, blurred.flip(0), sharp, parts, loose)
    _expect_gradient(
        bench.gradients[-1],
        _mean(_gradients_of_parts(weights, blurred.flip(0), sharp, parts)),
        {
            "the first step's gradient is still in the second's: `zero_grad` is missing.": whole
            + _mean(_gradients_of_parts(weights, blurred.flip(0), sharp, parts)),
        },
        "right for the first step, wrong for the second: what is left over from the first?",
    )
    yield "clipping"
    bench = _Bench()
    of_parts = _gradients_of_parts(bench.weights(), blurred, sharp, parts)
    whole = _mean(of_parts)
    bench.ask(answer, blurred, sharp, parts, tight)
    step_by_step = torch.zeros_like(whole)
    for part in of_parts:
        step_by_step = _clipped(step_by_step + part / parts, tight)
    expect(len(bench.gradients) == 1, "with clipping the optimizer no longer steps once.")
    _expect_gradient(
        bench.gradients[0],
        _clipped(whole, tight),
        {
            "where the optimizer steps, nothing has been clipped: `clip_grad_norm_`, to `clip`, "
            "belongs between the last `backward` and `step`.": whole,
            "clipped in each turn of the loop, so that the parts don't count alike. Once, after "
            "all parts.": step_by_step,
            "each part is clipped by itself: clip their sum, once.": _mean(
                [_clipped(part, tight) for part in of_parts]
            ),
            "shorter than `clip` by as many times as there are parts: it is clipped first and "
            "divided after, or clipped to `clip / parts`. Divide first, then clip to `clip`.": (
                _clipped(parts * whole, tight) / parts
            ),
            "every number is clipped by itself (`clip_grad_value_`): that changes the direction. "
            "`clip_grad_norm_` shortens the whole.": whole.clamp(-tight, tight),
        },
        f"the norm is {bench.gradients[0].norm():.4f} where {tight} is allowed."
        if bench.gradients[0] is not None
        else "no gradient is left.",
    )
    bench = _Bench()
    bench.ask(answer, blurred, sharp, parts, 2 * whole.norm().item())
    _expect_gradient(
        bench.gradients[0],
        whole,
        {},
        "a gradient that is shorter than `clip` stays as it is; yours was scaled.",
    )
    yield "what comes back"
    losses = [
        _loss_of(_Bench().network(b), s).item()
        for b, s in zip(blurred.chunk(parts), sharp.chunk(parts), strict=True)
    ]
    expect(out is not None, "nothing comes back: return the loss of the whole batch.")
    expect(
        not (isinstance(out, Tensor) and out.requires_grad),
        "a tensor with its graph comes back: as long as a log holds it, all that the network kept "
        "for `backward` stays in memory. `.item()` makes a number of it.",
    )
    mean = sum(losses) / parts
    for value, message in (
        (sum(losses), "the sum of the parts' losses comes back; the batch's loss is their mean."),
        (losses[-1], "the last part's loss comes back; wanted is the whole batch's."),
        (losses[-1] / parts, "the last part's share comes back; wanted is the whole batch's loss."),
        (mean / parts, "the loss that comes back is divided by `parts` twice."),
    ):
        expect(abs(float(out) - value) > 1e-6, message)
    expect(
        abs(float(out) - mean) < 1e-6,
        f"the loss of the whole batch is {mean:.4f}; {float(out):.4f} came back.",
    )
    yield "other parts"
    for count in (1, 2, 8):
        bench = _Bench()
        wanted = _mean(_gradients_of_parts(bench.weights(), blurred, sharp, count))
        value = float(bench.ask(answer, blurred, sharp, count, loose))
        expect(
            bench.sizes == [8 // count] * count
            and _same(bench.gradients[0], wanted)
            and abs(value - mean) < 1e-6,
            f"right for 4 parts, but not for {count}. Is a number written in?",
        )


@exercise(first="the decay of this step: `min(decay, (1 + step) / (10 + step))`.")
def update_average(answer: Update) -> Stages:
    late, decay = 10_000, 0.9
    yield "it runs"
    averaged, network = _two_networks()
    ours, theirs = _parameters(averaged), _parameters(network)
    buffers = [b.clone() for b in network.buffers()]
    places = [p.data_ptr() for p in averaged.parameters()]
    objects = list(averaged.parameters())
    try:
        answer(averaged, network, decay, late)
    except RuntimeError as error:
        if "leaf Variable" in str(error):
            raise Wrong(
                "autograd refuses to let a weight be changed: this is bookkeeping, no computation "
                "to learn from. Put it under `torch.no_grad()`."
            ) from error
        if "Long" in str(error) or "dtype" in str(error):
            raise Wrong(
                f"one of the buffers is a whole number (a count), and cannot be averaged: "
                f"buffers are copied. ({error})"
            ) from error
        raise
    yield "the network"
    expect(
        torch.equal(_parameters(network), theirs)
        and all(map(torch.equal, network.buffers(), buffers)),
        "the *network* has changed. Its training must not notice that an average is kept: only "
        "`averaged` is written to.",
    )
    yield "in place"
    now = list(averaged.parameters())
    expect(
        len(now) == len(objects) and all(map(lambda a, b: a is b, now, objects)),
        "`averaged` has new parameters in place of its old ones: who holds the old ones, as an "
        "evaluation or a saved state may, sees no change. Write into them (`copy_`, `lerp_`, "
        "`mul_`).",
    )
    expect(
        [p.data_ptr() for p in now] == places,
        "the parameters are the same, but their memory is new (`p.data = ...`): the old values are "
        "still where they were. Write into it (`copy_`, `lerp_`, `mul_`).",
    )
    expect(
        all(p.is_leaf and p.grad_fn is None for p in now),
        "a graph hangs on the average: from step to step it would grow for ever. Put it under "
        "`torch.no_grad()`.",
    )
    yield "the average"
    _expect_average(
        _parameters(averaged),
        decay * ours + (1 - decay) * theirs,
        {
            "nothing has changed: are new tensors made, and not written back?": ours,
            "the average has become the network: nothing of the past is left.": theirs,
            "d and 1 - d have changed places: the *past* has the weight d.": (1 - decay) * ours
            + decay * theirs,
            "that is the plain mean of both.": (ours + theirs) / 2,
            "the network is added in full: it has the weight 1 - d.": decay * ours + theirs,
            "the difference is subtracted: the average must move *towards* the network.": ours
            - (1 - decay) * (theirs - ours),
            "at step 10 000 the decay is still too large: `min`, not `max`, of the two.": (
                (1 + late) / (10 + late) * ours + 9 / (10 + late) * theirs
            ),
        },
        "not d · average + (1 - d) · network.",
    )
    yield "early steps"
    averaged, network = _two_networks()
    answer(averaged, network, decay, 4)
    early = 5 / 14

    def mixed(d: float) -> Tensor:
        return d * ours + (1 - d) * theirs

    _expect_average(
        _parameters(averaged),
        mixed(early),
        {
            "the decay is that of late steps: at step 4 it is only 5/14, so that the random start "
            "is soon forgotten.": mixed(decay),
            "the decay is (2 + step) / (11 + step): steps are counted from 0.": mixed(6 / 15),
            "the decay is step / (10 + step): the first step would forget everything.": mixed(
                4 / 14
            ),
            "the decay is the product of both; it is the smaller of the two.": mixed(decay * early),
        },
        "right at step 10 000, wrong at step 4: d = min(decay, (1 + step) / (10 + step)).",
    )
    yield "buffers"
    own = list(network.buffers())
    found = list(averaged.buffers())
    before = list(_two_networks()[0].buffers())
    expect(
        not all(map(torch.equal, found, before)),
        "the buffers are still the old ones. Not parameters, but part of the state: `buffers()`. "
        "They are copied as they are.",
    )
    expect(
        all(map(torch.equal, found, own)),
        "the buffers are not the network's. They are counts and statistics, averages already: copy "
        "them as they are.",
    )
    expect(
        all(a.data_ptr() != b.data_ptr() for a, b in zip(found, own, strict=True)),
        "`averaged` has the network's own buffers now, not copies: what one changes, the other "
        "sees.",
    )
    yield "other networks"
    for layers, share, step in (
        (nn.Linear(3, 2), 0.5, 100),
        (nn.Linear(4, 1, bias=False), 0.99, 0),
    ):
        other = copy.deepcopy(layers)
        with torch.no_grad():
            other.weight.add_(1.0)
        at, to = _parameters(other), _parameters(layers)
        d = min(share, (1 + step) / (10 + step))
        answer(other, layers, share, step)
        expect(
            _same(_parameters(other), d * at + (1 - d) * to),
            f"right for a decay of 0.9, but not for one of {share:g} at step {step}. Is a number "
            "written in?",
        )


@exercise(first="put all four into one dictionary, and `torch.save` it.")
def save_and_load(save: Save, load: Load) -> Stages:
    with tempfile.TemporaryDirectory() as name:
        yield from _save_and_load(save, load, Path(name))


def _save_and_load(save: Save, load: Load, folder: Path) -> Stages:
    yield "it saves"
    run, path = _Run(seed=1), folder / "state.pt"
    run.train(3)
    before = _Run.copy_of(run)
    save(path, run.network, run.averaged, run.optimizer, run.step)
    expect(path.is_file(), "no file has appeared at `path`.")
    expect(
        run.same_as(before) is None,
        "saving has changed the training itself: it must only look.",
    )
    kept = _Run.copy_of(run)
    run.train(2)
    save(folder / "later.pt", run.network, run.averaged, run.optimizer, run.step)
    moved = path.rename(folder / "moved.pt")  # all that counts is in the file
    yield "it loads"
    fresh = _Run(seed=2)
    began = _Run.copy_of(fresh)
    with _watched_load():
        reached = load(moved, fresh.network, fresh.averaged, fresh.optimizer)
    yield "the step"
    expect(reached is not None, "nothing comes back: return the step, to go on from there.")
    expect(
        reached != 5,
        "the step of the *last* save comes back. Is something kept outside the file?",
    )
    expect(
        isinstance(reached, int) and not isinstance(reached, bool),
        f"the step is a whole number; {type(reached).__name__} came back.",
    )
    expect(
        reached == 3,
        f"three steps are done, so go on from 3 (counted from 0); {reached} came back.",
    )
    yield "the weights"
    fresh.step = reached
    expect(
        not _equal(fresh.network, began.network),
        "the network still has its random weights: nothing was loaded into it.",
    )
    expect(
        not _equal(fresh.network, kept.averaged),
        "the network has got the *average's* weights: training would jump to another place.",
    )
    expect(
        _same(_parameters(fresh.network), _parameters(kept.network)),
        "the network's weights are not those that were saved.",
    )
    expect(
        _equal(fresh.network, kept.network),
        "the parameters are back, the buffers (batch norm's statistics) are not: `state_dict()` "
        "has both.",
    )
    yield "the average"
    expect(
        not _equal(fresh.averaged, began.averaged),
        "the average still has its random weights: it is a part of the state, too.",
    )
    expect(
        not _equal(fresh.averaged, kept.network),
        "the average has got the *network's* weights: its memory of the past is lost.",
    )
    expect(_equal(fresh.averaged, kept.averaged), "the average is not the one that was saved.")
    yield "the optimizer"
    moments = _moments(fresh.optimizer)
    expect(
        moments,
        "the optimizer has forgotten everything: Adam's moments would start from zero, and its "
        "first steps be as long as those of a random start. Save and load its `state_dict()`.",
    )
    expect(
        all(map(_same, moments, _moments(kept.optimizer)))
        and len(moments) == len(_moments(kept.optimizer)),
        "Adam's moments are not those that were saved.",
    )
    yield "going on"
    held = {id(p) for group in fresh.optimizer.param_groups for p in group["params"]}
    expect(
        held == {id(p) for p in fresh.network.parameters()},
        "the network has new parameters (`assign=True`?), the optimizer still holds the old ones, "
        "and moves those: nothing would be learned.",
    )
    fresh.train(2)
    different = fresh.same_as(run)
    expect(
        different is None,
        f"two steps after loading, {different} differs from a run never stopped.",
    )
    yield "a kill while it writes"
    again = folder / "again.pt"
    save(again, kept.network, kept.averaged, kept.optimizer, 3)
    with _killed_while_saving() as killed, suppress(_Killed):
        save(again, run.network, run.averaged, run.optimizer, 5)
    expect(killed, "use `torch.save`: this check kills it half-way.")
    last = _Run(seed=3)
    try:
        whole = again.is_file() and load(again, last.network, last.averaged, last.optimizer) == 3
    except Exception:
        whole = False
    expect(
        whole,
        "killed half-way through the second save, the last good state is gone as well. Save "
        "under another name beside it, then `replace` the old file: it happens at once or not at "
        "all.",
    )
    # And at every other moment: before and within each change to the folder.
    moment, killed = 0, [True]
    while killed and moment < 8:
        moment += 1
        save(again, kept.network, kept.averaged, kept.optimizer, 3)
        with _killed_while_changing(moment) as killed, suppress(_Killed):
            save(again, run.network, run.averaged, run.optimizer, 5)
        try:
            whole = again.is_file() and load(
                again, last.network, last.averaged, last.optimizer
            ) in (3, 5)
        except Exception:
            whole = False
        expect(
            whole,
            "killed between writing the new state and giving it its name, there is no good state "
            "under that name: the old one is deleted first, or the new one copied over it. "
            "`replace` puts one in the place of the other at once.",
        )
    yield "again"
    save(again, run.network, run.averaged, run.optimizer, 5)
    expect(
        load(again, last.network, last.averaged, last.optimizer) == 5
        and _equal(last.network, run.network),
        "a second save under the same name is not what is loaded: the old file is still there.",
    )


class _Run:
    """A small training: each step is a pure function of its number."""

    def __init__(self, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.network = nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1)
            )
        self.averaged = copy.deepcopy(self.network)
        self.optimizer: Optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-2)
        self.step = 0

    @classmethod
    def copy_of(cls, run: "_Run") -> "_Run":
        # Copied together, so that the optimizer's copy holds the network's copy.
        return copy.deepcopy(run)

    def train(self, steps: int) -> None:
        for _ in range(steps):
            generator = torch.Generator().manual_seed(self.step)
            blurred, sharp = torch.rand(2, 2, 3, 5, 5, generator=generator)
            self.optimizer.zero_grad()
            _loss_of(self.network(blurred), sharp).backward()
            self.optimizer.step()
            with torch.no_grad():
                ours, theirs = self.averaged.state_dict(), self.network.state_dict()
                for name, value in ours.items():
                    if value.is_floating_point():
                        value.lerp_(theirs[name], 0.3)
            self.step += 1

    def same_as(self, other: "_Run") -> str | None:
        """The first thing in which two runs differ; None where all is equal, bit by bit."""
        if not _equal(self.network, other.network):
            return "the network"
        if not _equal(self.averaged, other.averaged):
            return "the average"
        pairs = zip(_moments(self.optimizer), _moments(other.optimizer), strict=False)
        return None if all(torch.equal(a, b) for a, b in pairs) else "the optimizer"


class _Killed(BaseException):
    """What stands for a kill, which no `except Exception` sees."""


@contextmanager
def _killed_while_saving() -> Iterator[list[bool]]:
    """`torch.save` writes a few bytes, and the process dies."""
    killed: list[bool] = []

    def dying(state: Any, file: Any, *arguments: Any, **options: Any) -> None:
        killed.append(True)
        if hasattr(file, "write"):
            file.write(b"half")
        else:
            Path(file).write_bytes(b"half")
        raise _Killed

    whole = torch.save
    torch.save = dying  # type: ignore[assignment]
    try:
        yield killed
    finally:
        torch.save = whole


@contextmanager
def _killed_while_changing(moment: int) -> Iterator[list[bool]]:
    """The process dies before it renames or deletes a file, or half-way through copying one.

    Args:
        moment: at which of these changes, counted from 1.
    """
    killed: list[bool] = []
    changes = 0

    def dies() -> bool:
        nonlocal changes
        changes += 1
        if changes == moment:
            killed.append(True)
        return changes >= moment

    def deadly(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **options: Any) -> Any:
            if dies():
                raise _Killed
            return change(*arguments, **options)

        return changed

    def copying(source: Any, target: Any, **options: Any) -> Any:
        if dies():
            Path(target).write_bytes(b"half")
            raise _Killed
        return whole["copyfile"](source, target, **options)

    places = {"rename": os, "replace": os, "remove": os, "unlink": os, "copyfile": shutil}
    whole = {name: getattr(module, name) for name, module in places.items()}
    try:
        for name, module in places.items():
            setattr(module, name, copying if name == "copyfile" else deadly(whole[name]))
        yield killed
    finally:
        for name, module in places.items():
            setattr(module, name, whole[name])


@contextmanager
def _watched_load() -> Iterator[None]:
    """Sees to it that `torch.load` unpickles nothing but tensors and plain values."""
    whole = torch.load

    def watched(*arguments: Any, **options: Any) -> Any:
        expect(
            options.get("weights_only", True),
            "`weights_only=False` runs whatever code somebody has put into the file. A state is "
            "tensors and numbers: leave it out.",
        )
        return whole(*arguments, **options)

    torch.load = watched
    try:
        yield
    finally:
        torch.load = whole


class _Bench:
    """A network whose optimizer notes what it is given: always the same weights at first."""

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(5)
            self.network = nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1)
            ).double()
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1)
        self.sizes: list[int] = []
        self.gradients: list[Any] = []
        self.held = self._waiting = 0  # parts that went through, and have not gone back yet
        self.network.register_forward_hook(self._note)
        self.optimizer.register_step_pre_hook(lambda *_: self.gradients.append(self._gradient()))

    def _note(self, network: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        self.sizes.append(len(inputs[0]))
        if output.requires_grad:
            self._waiting += 1
            self.held = max(self.held, self._waiting)
            output.register_hook(self._gone_back)

    def _gone_back(self, gradient: Tensor) -> None:
        self._waiting -= 1

    def weights(self) -> Tensor:
        return _parameters(self.network)

    def ask(self, answer: Step, blurred: Tensor, sharp: Tensor, parts: int, clip: float) -> Any:
        return answer(self.network, self.optimizer, _loss_of, blurred, sharp, parts, clip)

    def _gradient(self) -> Tensor | None:
        gradients = [p.grad for p in self.network.parameters()]
        if any(g is None for g in gradients):
            return None
        return torch.cat([g.flatten().clone() for g in gradients if g is not None])


def _loss_of(restored: Tensor, sharp: Tensor) -> Tensor:
    return (restored - sharp).square().mean()


def _gradients_of_parts(
    weights: Tensor, blurred: Tensor, sharp: Tensor, parts: int
) -> list[Tensor]:
    """Of each part's own mean loss, at the given weights."""
    network = _Bench().network
    nn.utils.vector_to_parameters(weights, network.parameters())
    found = []
    for b, s in zip(blurred.chunk(parts), sharp.chunk(parts), strict=True):
        gradients = torch.autograd.grad(_loss_of(network(b), s), list(network.parameters()))
        found.append(torch.cat([g.flatten() for g in gradients]))
    return found


def _mean(vectors: list[Tensor]) -> Tensor:
    return torch.stack(vectors).mean(0)


def _clipped(gradient: Tensor, clip: float) -> Tensor:
    return gradient * min(1.0, clip / (gradient.norm().item() + 1e-6))


def _expect_gradient(
    found: Tensor | None, right: Tensor, mistakes: dict[str, Tensor], message: str
) -> None:
    if found is not None and _same(found, right):
        return
    for text, value in mistakes.items():
        expect(found is None or not _same(found, value), text)
    raise Wrong(message)


def _expect_average(
    found: Tensor, right: Tensor, mistakes: dict[str, Tensor], message: str
) -> None:
    if _same(found, right):
        return
    for text, value in mistakes.items():
        expect(not _same(found, value), text)
    raise Wrong(message)


def _two_networks() -> tuple[nn.Module, nn.Module]:
    """An average and a network of unlike weights and buffers, the same ones each time."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        pair = [
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
            for _ in range(2)
        ]
        for count, network in enumerate(pair, start=1):
            for _ in range(count):
                network(torch.randn(4, 3, 6, 6))
    return pair[0], pair[1]


def _parameters(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten().clone() for p in network.parameters()])


def _equal(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in theirs)


def _moments(optimizer: Optimizer) -> list[Tensor]:
    states = [
        optimizer.state.get(place, {}) for g in optimizer.param_groups for place in g["params"]
    ]
    return [torch.as_tensor(state[name]) for state in states for name in sorted(state)]


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-5, atol=1e-7)


def _rates(
    answer: Schedule, at: list[int], steps: int, warm_up: int, highest: float, lowest: float
) -> Tensor:
    rates = [answer(step, steps, warm_up, highest, lowest) for step in at]
    expect(
        all(rate is not None for rate in rates),
        "for some steps nothing comes back: does every branch end in `return ...`?",
    )
    return torch.tensor([float(rate) for rate in rates])


def _cosine(step: int, begin: int, steps: int, highest: float, lowest: float) -> float:
    return _shape((step - begin) / (steps - begin), highest, lowest)


def _shape(p: float, highest: float, lowest: float) -> float:
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * p)) / 2


quiz = Quiz(
    __name__,
    Question(
        "You compute each batch in 4 parts and forget to divide by 4. The optimizer is Adam, and "
        "nothing is clipped. What do you see?",
        (
            Choice(
                "The weights move four times as far, and the loss explodes.",
                "That is what plain gradient descent would do. Adam divides by the gradient's own "
                "size: four times the gradient, the same step.",
            ),
            Choice(
                "The loss curve is as it should be; the logged gradient norm is four times as "
                "large.",
                "Adam divides a gradient by its own size, so the step hardly changes, and only the "
                "norm tells. With a `clip` for the right norm each gradient would be cut to it: an "
                "easy batch would count as a hard one.",
                right=True,
            ),
            Choice(
                "Nothing at all differs.",
                "The weights' path hardly does, but one number in the log does: which?",
            ),
        ),
    ),
    Question(
        "GoPro has 2103 pairs, batches have 16. A loss curve has the same sawtooth over and over, "
        "131 steps long. First suspicion?",
        (
            Choice(
                "The learning rate is too high.",
                "That makes a curve jump or climb, but not with a period of exactly one epoch.",
            ),
            Choice(
                "The pairs come in the same order every epoch.",
                "131 steps are one epoch. What repeats with the epoch comes from the order of the "
                "data: shuffle.",
                right=True,
            ),
            Choice(
                "The state is saved every 131 steps.",
                "Saving looks at the weights and changes nothing.",
            ),
        ),
    ),
    Question(
        "A run's loss lies well under the line of doing nothing, and still falls. The gain on "
        "held-out pairs, which were checked with care, is -6 dB from the first measurement on. "
        "What do you look at next?",
        (
            Choice(
                "A few training pairs, blurred and sharp over each other.",
                "The network does what its training pairs ask for, and that is wrong elsewhere: "
                "moved, in other colours, or otherwise unlike. Look at them.",
                right=True,
            ),
            Choice(
                "The learning rate: lower it.",
                "The loss falls well. What it asks for is wrong, and a lower rate learns that too.",
            ),
            Choice(
                "Nothing yet: more steps will help.",
                "The more it learns of this, the worse. A gain that is far below zero while the "
                "loss lies under the line does not come from too few steps.",
            ),
        ),
    ),
    Question(
        "A run saves every 500 steps, and is killed at step 5300. You start it again. What does "
        "the finished log hold?",
        (
            Choice(
                "Steps 5001 to 5300 twice.",
                "They were computed twice, but what was logged after the state is dropped first.",
            ),
            Choice(
                "A gap from 5001 to 5300.",
                "The run goes on from the state of step 5000: nothing is skipped.",
            ),
            Choice(
                "Every step once, with the numbers of a run never killed.",
                "It goes on from step 5000, forgets what came after, and does it again, with the "
                "same data and the same rate: both are functions of the step.",
                right=True,
            ),
        ),
    ),
    Question(
        "A slow GPU needs 40 hours for 65 500 steps in batches of 16. You get eight such GPUs, and "
        "leave `batch` at 16. What is true?",
        (
            Choice(
                "8188 steps are left to do.",
                "The number of optimizer steps is what decides the result, and it stays: 65 500.",
            ),
            Choice(
                "It takes 5 hours: the work is shared by eight.",
                "That is the bound, not the time. Two crops a GPU fill it badly, and gradients "
                "have to be exchanged in every step.",
            ),
            Choice(
                "As many steps, two crops a GPU in each, and more than 5 hours.",
                "The same training, shared. What two crops leave idle, and what the exchange "
                "takes, keeps it from being eight times as fast.",
                right=True,
            ),
        ),
    ),
)
