"""Checks of lesson 15: shuffled pairs, a paired interval, how many seeds, the Pareto front."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import norm, t
from torch import Tensor
from torch.nn import functional

from deblurlib.course.checks import Stages, exercise, expect
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.training.statistics import pareto_front


@exercise(first="for one place `k`: `psnr(blurred[k : k + 1].expand_as(sharp), sharp)`.")
def strangers(answer: Callable[[Tensor, Tensor], Any]) -> Stages:
    texture = functional.interpolate(torch.rand(6, 3, 8, 8), scale_factor=4, mode="bilinear")
    sharp = (texture + torch.rand(6, 3, 1, 1)) / 2
    blurred = functional.avg_pool2d(sharp, 5, 1, 2)
    kept = blurred.clone(), sharp.clone()

    def ask(places: list[int]) -> list[int]:
        return _places(answer(blurred[places], sharp), len(places))

    yield "it runs"
    found = ask([0, 1, 2, 3, 4, 5])
    expect(
        torch.equal(blurred, kept[0]) and torch.equal(sharp, kept[1]),
        "your code changes the pictures that it is given.",
    )
    yield "a list in order"
    expect(
        found != [0, 1, 2, 3, 4, 5],
        "every pair is found, though all belong together: are those given back that fit? Or is the"
        " lowest PSNR taken for the nearest?",
    )
    expect(not found, f"all pairs belong together, but {found} came back.")
    yield "two exchanged"
    found = ask([0, 1, 4, 3, 2, 5])
    said = {
        (0, 1, 3, 5): "those are the pairs that fit; the others are wanted.",
        (3, 5): "places count from 0.",
        (4, 2): "those are the sharp pictures that would fit; their places in order are wanted.",
        (): "none was found: is each blurred picture compared with all sharp ones?",
    }
    expect(
        found == [2, 4],
        f"the blurred pictures of places 2 and 4 are exchanged; {found} came back."
        f" {said.get(tuple(found), '')}",
    )
    yield "two blurs of one photograph"
    twice = torch.cat([sharp[:2], sharp[:1]])
    shaken = torch.cat([functional.avg_pool2d(sharp[:1], 7, 1, 3), blurred[1:2], blurred[:1]])
    found = _places(answer(shaken, twice), 3)
    expect(
        found != [0],
        "you ask which blurred picture is nearest to each sharp one. To the sharp one of place 0"
        " the milder blur of place 2 is nearer, and nothing is wrong: ask from the blurred side.",
    )
    expect(
        not found,
        "places 0 and 2 hold one sharp picture twice, so both are equally near, and nothing is"
        f" wrong; {found} came back. Only what is *nearer* than its own partner is a stranger.",
    )
    yield "one file too many"
    found = ask([1, 2, 3, 4, 5, 5])
    expect(
        found != [5],
        "all but the last are moved by one place, and only the last was found.",
    )
    expect(found == [0, 1, 2, 3, 4], f"places 0 to 4 are wrong here; {found} came back.")
    yield "two frames of one video"
    frames = torch.cat([sharp[:1], sharp[:1] + 0.1 * torch.randn_like(sharp[:1])]).clamp(0, 1)
    soft = 0.9 * frames + 0.1 * functional.avg_pool2d(frames, 5, 1, 2)
    found = _places(answer(soft.flip(0), frames), 2)
    expect(
        found == [0, 1],
        f"both are exchanged, and yet alike; {found} came back. Not a low PSNR makes a stranger,"
        " but a higher one elsewhere.",
    )
    yield "a long blur"
    smeared = functional.avg_pool2d(sharp, 9, 1, 4)
    found = _places(answer(smeared, sharp), 6)
    expect(
        not found,
        f"long blurs of the right pictures, at a low PSNR, but nearest to their own; {found} came"
        " back.",
    )


@exercise(first="the differences: `np.subtract(second, first)`, one for every picture.")
def paired_interval(
    answer: Callable[[Sequence[float], Sequence[float], Sequence[str], np.random.Generator], Any],
) -> Stages:
    first, second, scenes = _scores(seed=1, scenes=12)

    def ask(a: Sequence[float], b: Sequence[float], of: Sequence[str]) -> tuple[float, float]:
        found = answer(list(a), list(b), list(of), np.random.default_rng(5))
        expect(found is not None, "nothing came back: does your code end in `return ...`?")
        try:
            low, high = found
            return float(low), float(high)
        except (TypeError, ValueError):
            expect(False, "two numbers should come back: `low, high`.")
            raise

    yield "it runs"
    low, high = ask(first, second, scenes)
    yield "two numbers in order"
    expect(not (math.isnan(low) or math.isnan(high)), "NaN came back.")
    expect(low <= high, f"{low:.3f} and {high:.3f}: the lower end comes first.")
    right = _interval(first, second, scenes)
    width = right[1] - right[0]
    expect(
        high - low > 0.01 * width,
        "an interval without width: every draw gives the same mean. Scenes are drawn *with*"
        " replacement, as many as there are, so some come twice and some not at all.",
    )

    def near(values: tuple[float, float]) -> bool:
        return max(abs(low - values[0]), abs(high - values[1])) < 0.05 * width

    yield "the interval"
    mistakes = {
        "the sign is wrong: `second` less `first`.": (-right[1], -right[0]),
        "the two networks are drawn apart: difference first, then draw.": _interval(
            first, second, scenes, kind="unpaired"
        ),
        "pictures are drawn, each by itself; draw scenes, with all that they hold.": _interval(
            first, second, scenes, kind="pictures"
        ),
        "that is the mean of the scenes' means; a scene of many pictures counts for more: add up"
        " the drawn pictures, and divide by how many they are.": _interval(
            first, second, scenes, kind="means"
        ),
        "you divide by the number of all pictures; those drawn are now more, now fewer.": _interval(
            first, second, scenes, kind="constant"
        ),
        "that holds 90% of the means: cut off 2.5% at each end.": _interval(
            first, second, scenes, level=0.90
        ),
        "that holds 97.5% of the means; cut off 2.5% at each end, 5% together.": _interval(
            first, second, scenes, level=0.975
        ),
        "that is the interval of `second` alone; the difference is wanted.": _interval(
            [0.0] * len(first), second, scenes
        ),
    }
    if not near(right):
        for message, values in mistakes.items():
            expect(not near(values), message)
        spread = (low - right[0]) / width, (high - right[1]) / width
        expect(
            max(map(abs, spread)) > 0.3 or spread[0] * spread[1] > 0,
            f"about [{right[0]:.3f}, {right[1]:.3f}] expected, [{low:.3f}, {high:.3f}] found;"
            " enough draws? 10,000 are wanted, and both ends from the drawn means.",
        )
        expect(
            False,
            f"about [{right[0]:.3f}, {right[1]:.3f}] expected, [{low:.3f}, {high:.3f}] found.",
        )
    yield "scenes in any order"
    order = np.random.default_rng(3).permutation(len(first))
    mixed = [[values[k] for k in order] for values in (first, second, scenes)]
    low, high = ask(*mixed)
    expect(
        near(right),
        "the same pictures in another order give another interval: pictures of one scene need not"
        " lie side by side.",
    )
    yield "another list"
    first, second, scenes = _scores(seed=2, scenes=5)
    right = _interval(first, second, scenes)
    width = right[1] - right[0]
    low, high = ask(first, second, scenes)
    expect(
        max(abs(low - right[0]), abs(high - right[1])) < 0.1 * width,
        f"right so far, but not for {len(first)} pictures of 5 scenes: is a number fixed?",
    )


@exercise(first="for n = 2: `t.ppf(0.975, n - 1) * spread / math.sqrt(n)`; is it small enough?")
def seeds_needed(answer: Callable[[float, float], Any]) -> Stages:
    yield "it runs"
    found = answer(0.05, 0.03)
    yield "a whole number"
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, int) and not isinstance(found, bool),
        f"a whole number (`int`) should come back, not {found!r}.",
    )
    yield "a spread of 0.05, half a width of 0.03"
    right = _seeds(0.05, 0.03)
    said = {
        _seeds(0.05, 0.03, kind="normal"): "you take 1.96, as for many seeds; Student's t is wider"
        " for few: `t.ppf(0.975, n - 1)`.",
        _seeds(0.05, 0.03, kind="one end"): "2.5% are cut off at *each* end: `t.ppf(0.975, ...)`.",
        right - 1: "with 13 the interval is still too wide; n seeds have n − 1 degrees of freedom.",
        _seeds(0.05, 0.03, kind="whole"): "`half` is half of the interval's width.",
        _seeds(0.05, 0.03, kind="no root"): "divide by the root of n, not by n.",
        right + 1: "one seed fewer is enough.",
        1: "one seed alone shows no spread, and its t is not a number: begin with 2.",
    }
    expect(
        found == right,
        f"{right} expected, {found} found; {said[found]}"
        if found in said
        else f"{right} expected, {found} found.",
    )
    yield "other numbers"
    for spread, half in ((0.03, 0.3), (0.1, 0.02), (0.05, 0.07), (0.02, 0.02), (0.0, 0.1)):
        right, found = _seeds(spread, half), answer(spread, half)
        expect(
            found == right,
            f"a spread of {spread} and half a width of {half}: {right} expected, {found!r} found.",
        )


@exercise(first="write down when `a` beats `b`: no dearer, no worse, and one of both strictly.")
def front_of(answer: Callable[[Sequence[float], Sequence[float]], Any]) -> Stages:
    def ask(costs: list[float], qualities: list[float]) -> list[int]:
        kept = list(costs), list(qualities)
        found = _places(answer(costs, qualities), len(costs))
        expect((costs, qualities) == kept, "your code changes the lists that it is given.")
        return found

    yield "it runs"
    found = ask([3, 1, 2, 2], [9.0, 5.0, 6.0, 7.0])
    yield "four networks"
    said = {
        (0,): "that is the best one; one that is cheaper and nearly as good is a choice, too.",
        (1,): "that is the cheapest; one that is dearer and better is a choice, too.",
        (2,): "that is the one that nobody should choose.",
        (0, 1, 3): "the right ones; put them in order, from the cheapest to the dearest.",
        (0, 3, 1): "the right ones; the cheapest comes first.",
        (0, 1, 2, 3): "place 2 costs as much as place 3, and is worse.",
        (1, 2, 3, 0): "place 2 costs as much as place 3, and is worse.",
    }
    expect(
        found == [1, 3, 0],
        f"[1, 3, 0] expected, {found} found. {said.get(tuple(found), '')}",
    )
    yield "equally good"
    found = ask([1, 2, 3], [5.0, 5.0, 6.0])
    expect(
        found == [0, 2],
        f"places 0 and 1 are equally good, and 0 is cheaper: [0, 2] expected, {found} found.",
    )
    yield "equals"
    found = ask([2, 1, 2], [7.0, 5.0, 7.0])
    expect(
        len(found) > 1,
        f"places 0 and 2 are equal in both, so neither beats the other; {found} came back.",
    )
    expect(
        sorted(found) == [0, 1, 2] and found[0] == 1,
        f"places 0 and 2 are equal: both belong to it, after 1; {found} came back.",
    )
    yield "many"
    generator = np.random.default_rng(0)
    for count in (1, 2, 30):
        costs = generator.integers(1, 20, count).tolist()
        qualities = (generator.integers(-9, 9, count) / 4).tolist()
        right, found = pareto_front(costs, qualities), ask(costs, qualities)
        expect(
            set(found) == set(right),
            f"right so far, but for costs {costs} and qualities {qualities} the places {right} are"
            f" expected; {found} came back. (A gain may be negative.)",
        )
        expect(
            [costs[k] for k in found] == sorted(costs[k] for k in found),
            "not in order, from the cheapest to the dearest.",
        )


def _places(found: Any, count: int) -> list[int]:
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, list),
        f"a list of places should come back, not {type(found).__name__}.",
    )
    kinds = {type(place).__name__ for place in found}
    expect(
        kinds <= {"int"},
        f"places are whole numbers (`int`); your list holds {', '.join(sorted(kinds))}.",
    )
    expect(
        all(0 <= place < count for place in found),
        f"places go from 0 to {count - 1}; your list is {found}.",
    )
    return found


def _scores(seed: int, scenes: int) -> tuple[list[float], list[float], list[str]]:
    """PSNRs of two networks on scenes of unequal size and level, and the scenes' names."""
    generator = np.random.default_rng(seed)
    sizes = 1 + np.arange(scenes) * 17 % 7
    levels = generator.normal(26, 1, scenes).repeat(sizes)
    advantage = (0.3 + 0.4 * generator.normal(size=scenes) + 0.12 * sizes).repeat(sizes)
    first = levels + generator.normal(0, 0.2, len(levels))
    second = first + advantage + generator.normal(0, 0.1, len(levels))
    names = [f"scene {k}" for k in range(scenes) for _ in range(sizes[k])]
    return first.tolist(), second.tolist(), names


def _interval(
    first: Sequence[float],
    second: Sequence[float],
    scenes: Sequence[str],
    *,
    kind: str = "right",
    level: float = 0.95,
) -> tuple[float, float]:
    """The interval, or what a mistake gives for it; of enough draws to know it well."""
    generator = np.random.default_rng(0)
    a, b = np.asarray(first), np.asarray(second)
    names = sorted(set(scenes))
    of = np.array([names.index(scene) for scene in scenes])
    if kind == "pictures":
        of = np.arange(len(a))
    sizes = np.bincount(of)

    def means(values: np.ndarray) -> np.ndarray:
        sums = np.bincount(of, weights=values)
        drawn = generator.integers(len(sizes), size=(100_000, len(sizes)))
        if kind == "means":
            return np.asarray((sums / sizes)[drawn].mean(axis=1))
        count = len(values) if kind == "constant" else sizes[drawn].sum(axis=1)
        return np.asarray(sums[drawn].sum(axis=1) / count)

    drawn = means(b) - means(a) if kind == "unpaired" else means(b - a)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _seeds(spread: float, half: float, kind: str = "right") -> int:
    """The number of seeds, or what a mistake gives for it."""
    n = 2
    while True:
        quantile = {
            "normal": norm.ppf(0.975),
            "one end": t.ppf(0.95, n - 1),
        }.get(kind, t.ppf(0.975, n - 1))
        reach = quantile * spread / (n if kind == "no root" else math.sqrt(n))
        if (2 if kind == "whole" else 1) * reach <= half:
            return n
        n += 1


quiz = Quiz(
    __name__,
    Question(
        "A paper reports 0.15 dB more than an older network, whose number it copied. The SSIM rose"
        " from 0.903 to 0.934. What do you look at first?",
        (
            Choice(
                "At the pictures: such a rise in SSIM must be seen.",
                "Perhaps. But 0.03 of SSIM beside 0.15 dB is more than networks differ by.",
            ),
            Choice(
                "At which SSIM each of them computed",
                "Another variant gives other numbers for the same pictures, by that much.",
                right=True,
            ),
            Choice(
                "At the number of parameters",
                "It says what the network costs, not what its SSIM means.",
            ),
        ),
    ),
    Question(
        "Network A has 21.7 ± 1.2 dB over the test pictures, network B 21.9 ± 1.2 dB (standard"
        " deviations over pictures). Is B better than A?",
        (
            Choice(
                "No: the difference is far smaller than the spread.",
                "That spread is between easy and hard pictures, the same ones for both.",
            ),
            Choice(
                "Yes: its mean is higher.",
                "On these pictures, by these trainings. Others might turn it round.",
            ),
            Choice(
                "It can't be told from this: the differences, picture by picture, are needed.",
                "If B wins by 0.2 dB on every picture, the spread between pictures is no matter.",
                right=True,
            ),
        ),
    ),
    Question(
        "Two networks, five seeds each. The 95% interval of the difference is [−0.02, +0.08] dB."
        " What may be said?",
        (
            Choice(
                "The networks are equally good.",
                "A difference of 0.08 dB fits these runs as well as none does.",
            ),
            Choice(
                "These seeds can't tell; if there is a difference, it is hardly above 0.08 dB.",
                "An interval that holds 0 excludes what lies outside it, and decides nothing else.",
                right=True,
            ),
            Choice(
                "The second is better with a probability of 95%.",
                "The interval says how often such an interval holds the true difference.",
            ),
        ),
    ),
    Question(
        "A network is trained with five seeds, and the best of them is published beside another's"
        " single run. What is wrong?",
        (
            Choice(
                "Nothing: everybody may choose which weights to publish.",
                "Weights, yes. As a comparison of networks it pits a best of five against one.",
            ),
            Choice(
                "The best of five is above the mean by luck alone, the other's single run is not.",
                "The largest of five normal values lies 1.16 standard deviations above the mean.",
                right=True,
            ),
            Choice(
                "Five seeds are too few.",
                "They are more than most have. What is wrong is to take one of them.",
            ),
        ),
    ),
)
