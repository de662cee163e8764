"""Checks of lesson 15: gains scene by scene, two kinds of intervals, and what is worth a choice."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from scipy.stats import norm, t

from deblurlib.course.checks import Stages, exercise, expect
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.training.statistics import bootstrap_interval, pareto_front, t_interval

Interval = tuple[float, float]


@exercise(first="for each row, `gain = row['restored']['psnr'] - row['blurred']['psnr']`.")
def gains_by_scene(answer: Callable[[list[dict[str, Any]]], Mapping[str, float]]) -> Stages:
    rows = [
        _row("china-mild-1", 20.0, 21.0),
        _row("china-mild-2", 22.0, 22.5),
        _row("china-strong-1", 30.0, 36.0),
        _row("coffee-mild-1", 25.0, 24.0),
    ]
    yield "it runs"
    found = answer(rows)
    yield "a mean for every scene"
    expect(isinstance(found, Mapping), f"a dictionary should come back, not {found!r}.")
    expect(
        len(found) != 4,
        "four entries, one for each pair: take `scene_of(row['name'])` as the key.",
    )
    expect(
        set(found) == {"china", "coffee"},
        f"the scenes are 'china' and 'coffee', yours are {sorted(found)}.",
    )
    yield "values"
    china = found["china"]
    expect(china != -2.5, "blurred less restored? A gain is above 0 where it became better.")
    expect(
        abs(china - 79.5 / 3) > 1e-6, "that is PSNR itself; of both take the gain, then the mean."
    )
    expect(abs(china - 7.5) > 1e-6, "that is the sum of the gains; divide by their number.")
    expect(abs(china - 6) > 1e-6, "only the last pair of each scene counts: gather them all.")
    expect(abs(china - 1) > 1e-6, "only the first pair, or the middle one, counts: take the mean.")
    expect(
        math.isclose(china, 2.5),
        f"china gains 1, 0.5 and 6 dB: 2.5 expected, {china:.4g} found.",
    )
    expect(
        math.isclose(found["coffee"], -1),
        f"coffee loses 1 dB: -1 expected, {found['coffee']:.4g} found.",
    )
    yield "names as in GoPro"
    found = answer([_row("GOPR0384_11_00/000001", 20, 21), _row("GOPR0384_11_00/000002", 20, 23)])
    expect(
        dict(found) == {"GOPR0384_11_00": 2.0},
        f"two frames of one sequence are one scene: use `scene_of`. Yours: {dict(found)}",
    )


@exercise(first="draw scenes: `chosen = rng.integers(len(names), size=len(names))`.")
def bootstrap(
    answer: Callable[[Sequence[float], Sequence[str]], Interval],
) -> Stages:
    yield "it runs"
    found = answer([1.0, 1.0, 4.0, 4.0], ["a", "a", "b", "b"])
    yield "two scenes"
    low, high = _interval(found)
    expect(
        (low, high) != (2.5, 2.5),
        "always 2.5: are scenes drawn with replacement? `rng.integers` does it, no shuffle does.",
    )
    expect(
        low > 1 - 1e-9 and high < 4 + 1e-9,
        f"no mean of these values is below 1 or above 4, yours are {low:.3g} and {high:.3g}.",
    )
    expect(
        (low, high) == (1, 4),
        f"[1, 4] expected, [{low:.4g}, {high:.4g}] found: one time in four both draws are scene a."
        " Draw whole scenes, each with all its values.",
    )
    yield "many scenes"
    values = [0.1 * (37 * (place // 2) % 41) + 0.2 * (place % 2) for place in range(80)]
    scenes = [f"{place // 2}" for place in range(80)]
    found, wanted = _interval(answer(values, scenes)), bootstrap_interval(values, scenes)
    mistakes = {
        "that is narrower than 95 %: quantiles 0.025 and 0.975, so that 2.5 % lie on each side.": (
            bootstrap_interval(values, scenes, level=0.9)
        ),
        "single values are drawn, not scenes; two of a scene belong together.": bootstrap_interval(
            values
        ),
        "that is wider than 95 %: quantiles 0.025 and 0.975.": bootstrap_interval(
            values, scenes, level=0.99
        ),
    }
    tolerance = 0.04 * (wanted[1] - wanted[0])
    for message, wrong in mistakes.items():
        near = all(abs(a - b) < tolerance for a, b in zip(found, wrong, strict=True))
        far = any(abs(a - b) > tolerance for a, b in zip(found, wanted, strict=True))
        expect(not (near and far), message)
    expect(
        all(abs(a - b) < tolerance for a, b in zip(found, wanted, strict=True)),
        f"[{wanted[0]:.3f}, {wanted[1]:.3f}] expected, [{found[0]:.3f}, {found[1]:.3f}] found; at"
        " least 5,000 draws?",
    )
    yield "scenes of different size"
    values, scenes = [0.0] * 30 + [1.0], ["a"] * 10 + ["b"] * 10 + ["c"] * 10 + ["d"]
    low, high = _interval(answer(values, scenes))
    expect(
        abs(high - 0.75) > 0.1,
        "means of scenes are averaged; wanted is the mean of all values that were drawn, so a large"
        " scene weighs more.",
    )
    wanted = bootstrap_interval(values, scenes)
    expect(
        low == 0 and abs(high - wanted[1]) < 0.02,
        f"[0, {wanted[1]:.2f}] expected, [{low:.2f}, {high:.2f}] found.",
    )


@exercise(first="the differences: `d = [y - x for x, y in zip(a, b)]`.")
def paired_interval(
    answer: Callable[[Sequence[float], Sequence[float]], tuple[float, float, float]],
) -> Stages:
    a, b = [20.0, 23.0, 26.0, 21.0], [20.3, 23.2, 26.5, 21.2]
    yield "it runs"
    found = answer(a, b)
    yield "what comes back"
    expect(
        isinstance(found, tuple | list) and len(found) == 3,
        f"three numbers should come back: the mean, and both ends. Yours: {found!r}",
    )
    middle, low, high = (float(value) for value in found)
    yield "the mean"
    d = [y - x for x, y in zip(a, b, strict=True)]
    expect(abs(middle + mean(d)) > 1e-6, "a less b; wanted is what b has more than a.")
    expect(math.isclose(middle, mean(d)), f"{mean(d):.4f} expected, {middle:.4f} found.")
    yield "its interval"
    n = len(d)
    error = stdev(d) / math.sqrt(n)
    unpaired = math.sqrt((stdev(a) ** 2 + stdev(b) ** 2) / n)
    population = error * math.sqrt((n - 1) / n)
    mistakes = {
        "that is where single differences lie; of their mean, divide by √n.": (stdev(d), n - 1),
        "1.96 is right for many seeds; for so few Student's quantile: `t.ppf(0.975, n - 1)`.": (
            norm.ppf(0.975) * error / t.ppf(0.975, n - 1),
            n - 1,
        ),
        "the quantile at 0.95 leaves 5 % on each side: 0.975.": (
            t.ppf(0.95, n - 1) * error / t.ppf(0.975, n - 1),
            n - 1,
        ),
        "n values with their mean taken off have n - 1 degrees of freedom.": (error, n),
        "the spread of differences, not that of a and of b: what a seed does to both cancels.": (
            unpaired,
            n - 1,
        ),
        "also not with more degrees of freedom: take the differences first.": (
            unpaired,
            2 * n - 2,
        ),
        "`stdev` divides by n - 1, as it must where the mean was taken from the same values.": (
            population,
            n - 1,
        ),
        "one standard error; times Student's quantile it is the interval.": (
            error / t.ppf(0.975, n - 1),
            n - 1,
        ),
    }
    for message, (spread, freedom) in mistakes.items():
        reach = t.ppf(0.975, freedom) * spread
        expect(abs(high - (middle + reach)) > 1e-6, message)
    wanted = t_interval(d)
    expect(
        math.isclose(low, wanted[0], abs_tol=1e-6) and math.isclose(high, wanted[1], abs_tol=1e-6),
        f"[{wanted[0]:.4f}, {wanted[1]:.4f}] expected, [{low:.4f}, {high:.4f}] found.",
    )
    yield "another number of seeds"
    middle, low, high = (float(value) for value in answer([1.0, 2.0], [1.0, 4.0]))
    wanted = t_interval([0.0, 2.0])
    expect(
        math.isclose(low, wanted[0]) and math.isclose(high, wanted[1]),
        f"of two seeds, [{wanted[0]:.2f}, {wanted[1]:.2f}] expected, [{low:.2f}, {high:.2f}] found:"
        " is n a number typed in?",
    )


@exercise(first="a network is beaten where another costs no more, gains no less, and is not equal.")
def pareto(answer: Callable[[Sequence[float], Sequence[float]], Sequence[int]]) -> Stages:
    yield "it runs"
    found = answer([1, 2, 3], [5.0, 4.0, 6.0])
    yield "one that is beaten"
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    found = list(found)
    expect(found != [1], "those are the beaten ones; wanted are the others.")
    expect(found != [1, 3] and found != [5.0, 6.0], "places in the list are wanted: 0, 1 or 2.")
    expect(
        sorted(found) == [0, 2],
        f"1 costs more than 0 and gains less: [0, 2] expected, {found} found.",
    )
    yield "equals"
    found = list(answer([1, 1, 2], [3.0, 3.0, 5.0]))
    expect(
        sorted(found) == [0, 1, 2],
        f"two that are equal do not beat one another: [0, 1, 2] expected, {found} found.",
    )
    yield "half equal"
    found = list(answer([1, 1, 2], [3.0, 4.0, 4.0]))
    expect(
        sorted(found) == [1],
        f"as cheap and better beats, and so does as good and cheaper: [1] expected, {found} found.",
    )
    yield "order"
    costs, gains = [3, 1, 2, 2, 9], [9.0, 5.0, 4.0, 7.0, 9.0]
    found = list(answer(costs, gains))
    wanted = pareto_front(costs, gains)
    expect(sorted(found) == sorted(wanted), f"{wanted} expected, {found} found.")
    expect(found == wanted, f"from cheap to dear: {wanted} expected, {found} found.")


def _row(name: str, blurred: float, restored: float) -> dict[str, Any]:
    return {"name": name, "blurred": {"psnr": blurred}, "restored": {"psnr": restored}}


def _interval(found: Any) -> Interval:
    expect(
        isinstance(found, tuple | list) and len(found) == 2,
        f"two numbers should come back, (low, high). Yours: {found!r}",
    )
    low, high = (float(value) for value in found)
    expect(math.isfinite(low) and math.isfinite(high), "an end is not a number.")
    expect(low <= high, "the low end comes first.")
    return low, high


quiz = Quiz(
    __name__,
    Question(
        "One paper reports 31.2 dB and SSIM 0.940, another 30.5 dB and SSIM 0.906, both on GoPro."
        " By how much is the first better in SSIM?",
        (
            Choice("By 0.034", "Only if both mean the same by SSIM."),
            Choice(
                "It cannot be said: the two are probably different variants.",
                "At 30 to 31 dB, 0.90 is what 2-D SSIM gives and 0.94 what 3-D SSIM gives.",
                right=True,
            ),
            Choice("Not at all: PSNR decides.", "PSNR is another measure, not a better SSIM."),
        ),
    ),
    Question(
        "Five seeds of A, five of B. B is better on the mean by 0.04 dB, with a 95 % interval of"
        " the paired difference from -0.01 to +0.09. What may be written?",
        (
            Choice("B is better.", "Zero is inside: equal networks give such a result at times."),
            Choice(
                "A and B are equally good.",
                "Not shown either: +0.09 is inside, too.",
            ),
            Choice(
                "These seeds cannot tell; if there is a difference, it is below about 0.1 dB.",
                "What an interval says is which differences remain possible.",
                right=True,
            ),
        ),
    ),
    Question(
        "A test set has 1,111 frames of 11 video sequences. What should be drawn when an interval"
        " is bootstrapped?",
        (
            Choice("1,111 frames", "Neighbouring frames are alike: that is far too narrow."),
            Choice(
                "11 sequences, each with all its frames",
                "What differs from one test to the next is which sequences were filmed.",
                right=True,
            ),
            Choice("11 frames, one of each sequence", "That throws most of the measurement away."),
        ),
    ),
    Question(
        "You tried 1 to 6 iterations on the test pairs, and report the best. What is wrong?",
        (
            Choice("Nothing: it is the network's real ability.", "It was chosen by the answers."),
            Choice(
                "The test pairs have chosen: the number is too good for the next photograph.",
                "Choose on other pictures, then measure once.",
                right=True,
            ),
            Choice(
                "More than 4 iterations are forbidden.", "Any number is fine, chosen elsewhere."
            ),
        ),
    ),
)
