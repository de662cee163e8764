"""Intervals against what is known, and by simulation."""

import math

import numpy as np
import pytest

from deblurlib.training.statistics import bootstrap_interval, pareto_front, t_interval


def test_students_interval_by_hand() -> None:
    # Mean 2, deviation 1; the 97.5% point of t with 2 degrees of freedom is 4.303.
    low, high = t_interval([1.0, 2.0, 3.0])
    assert (low + high) / 2 == pytest.approx(2)
    assert (high - low) / 2 == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    with pytest.raises(ValueError, match="two or more"):
        t_interval([1.0])


def test_the_bootstrap_agrees_with_theory_for_independent_values() -> None:
    values = np.random.default_rng(1).normal(3, 2, size=400)
    low, high = bootstrap_interval(values.tolist())
    reach = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert low == pytest.approx(values.mean() - reach, abs=0.03)
    assert high == pytest.approx(values.mean() + reach, abs=0.03)
    assert bootstrap_interval(values.tolist()) == (low, high)  # its seed is fixed


def test_alike_values_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(2)
    scenes = rng.normal(0, 1, size=10)
    frames = np.repeat(scenes, 50) + rng.normal(0, 0.01, size=500)
    labels = [f"scene {number // 50}" for number in range(500)]
    alone = bootstrap_interval(frames.tolist())
    together = bootstrap_interval(frames.tolist(), labels)
    of_scenes = bootstrap_interval(scenes.tolist())
    assert together == pytest.approx(of_scenes, abs=0.05)
    assert together[1] - together[0] > 4 * (alone[1] - alone[0])


def test_clusters_of_unequal_size_weigh_as_much_as_they_hold() -> None:
    values = [0.0] * 9 + [1.0]
    low, high = bootstrap_interval(values, ["large"] * 9 + ["small"])
    assert low == 0 and high == 1


def test_one_cluster_says_nothing_on_another() -> None:
    assert all(map(math.isnan, bootstrap_interval([1.0, 2.0, 3.0], ["one"] * 3)))


def test_what_does_not_fit_is_refused() -> None:
    for values, clusters in (([], None), ([1.0, 2.0], ["a"])):
        with pytest.raises(ValueError, match="one for each"):
            bootstrap_interval(values, clusters)


@pytest.mark.parametrize(
    ("costs", "qualities", "front"),
    [
        ([1, 2, 3], [1.0, 2.0, 3.0], [0, 1, 2]),
        ([1, 2, 3], [3.0, 2.0, 1.0], [0]),
        ([3, 2, 1], [3.0, 3.0, 3.0], [2]),
        ([1, 1, 2], [2.0, 1.0, 2.0], [0]),
        ([1, 1, 2], [2.0, 2.0, 3.0], [0, 1, 2]),
        ([], [], []),
    ],
)
def test_the_pareto_front_by_hand(
    costs: list[float], qualities: list[float], front: list[int]
) -> None:
    assert pareto_front(costs, qualities) == front


def test_a_pareto_front_of_unlike_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pareto_front([1, 2], [1.0])
