"""How sure a mean is."""

import math
from collections.abc import Hashable, Sequence
from statistics import mean, stdev

import numpy as np
from scipy.stats import t


def bootstrap_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the mean, by the percentile bootstrap: means of 10,000 resampled lists.

    Frames of one video are alike, as are blurs of one photograph: a hundred of them say little more
    than ten. So whole clusters are drawn, with all that they hold.

    Args:
        values: one for every image.
        clusters: what each belongs to; None makes every value its own.
        level: share of resampled means inside.
        seed: of the resampling.

    Of few clusters the interval is too narrow: of normal ones, a nominal 95% holds the true mean in
    80% of cases for 4 clusters, in 91% for 11 (the sequences of GoPro's test split).

    Returns:
        ``(low, high)``; NaN twice where there is but one cluster, which does not tell how another
        would differ.

    Raises:
        ValueError: where there are no values, or not as many clusters.

    >>> bootstrap_interval([1.0, 1.0, 4.0, 4.0], ["a", "a", "b", "b"])
    (1.0, 4.0)
    """
    labels = range(len(values)) if clusters is None else clusters
    if not values or len(labels) != len(values):
        raise ValueError(f"{len(values)} values in {len(labels)} clusters: give one for each")
    _, of_value = np.unique(np.array([str(label) for label in labels]), return_inverse=True)
    sizes = np.bincount(of_value)
    if len(sizes) == 1:
        return math.nan, math.nan
    sums = np.bincount(of_value, weights=np.asarray(values, dtype=float))
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(10_000, len(sizes)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def t_interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """Interval of the mean by Student's t: for a handful of values, such as one for each seed.

    Args:
        values: independent, two or more.
        level: how often such an interval holds the true mean, where values spread normally.

    Raises:
        ValueError: for fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} values have no spread: give two or more")
    reach = t.ppf((1 + level) / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean(values) - float(reach), mean(values) + float(reach)


def pareto_front(costs: Sequence[float], qualities: Sequence[float]) -> list[int]:
    """Which of several things are worth a choice: no other is as cheap and better, or cheaper.

    Args:
        costs: of each, the less the better.
        qualities: of each, the more the better.

    Returns:
        Their places in the lists, from the cheapest to the dearest. Equals are all in it.

    Raises:
        ValueError: where there are not as many costs as qualities.

    >>> pareto_front([3, 1, 2, 2], [9.0, 5.0, 4.0, 7.0])
    [1, 3, 0]
    """
    points = list(zip(costs, qualities, strict=True))

    def beaten(cost: float, quality: float) -> bool:
        return any((c <= cost and q >= quality) and (c < cost or q > quality) for c, q in points)

    front = [place for place, point in enumerate(points) if not beaten(*point)]
    return sorted(front, key=lambda place: points[place])
