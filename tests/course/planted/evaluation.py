"""Wrong answers of the kind that learners give, and right ones written otherwise."""

# exercise -> [(what is wrong, {old text in the solution: new text}, part of the message meant for it)]
MISTAKES = {
    "strangers": [
        (
            "those that fit",
            {"values.max() > values[k]": "values.max() == values[k]"},
            "are those given back that fit",
        ),
        (
            "the farthest",
            {"values.max() > values[k]": "values.argmin() != k"},
            "lowest PSNR taken for the nearest",
        ),
        ("from 1", {"found.append(k)": "found.append(k + 1)"}, "places count from 0"),
        (
            "the partner",
            {"found.append(k)": "found.append(int(values.argmax()))"},
            "those are the sharp pictures that would fit",
        ),
        (
            "compared with its own alone",
            {
                "psnr(blurred[k : k + 1].expand_as(sharp), sharp)": "psnr(blurred[k : k + 1], sharp[k : k + 1]).expand(len(sharp))"
            },
            "is each blurred picture compared with all sharp ones",
        ),
        (
            "from the sharp side",
            {
                "psnr(blurred[k : k + 1].expand_as(sharp), sharp)": "psnr(blurred, sharp[k : k + 1].expand_as(sharp))"
            },
            "which blurred picture is nearest to each sharp one",
        ),
        (
            "equals",
            {"values.max() > values[k]": "values.argmax() != k"},
            "both are equally near",
        ),
        (
            "a threshold",
            {"values.max() > values[k]": "values[k] < 18"},
            "Not a low PSNR makes a stranger",
        ),
        (
            "a threshold besides",
            {
                "values.max() > values[k]": "values.max() > values[k] or values[k] < THRESHOLD",
                "    found = []": "    THRESHOLD = 18\n    found = []",
            },
            "long blurs of the right pictures",
        ),
        ("tensors", {"range(len(blurred))": "torch.arange(len(blurred))"}, "whole numbers (`int`)"),
        ("a tensor", {"return found": "return torch.tensor(found)"}, "a list of places"),
        ("nothing returned", {"    return found": "    found"}, "nothing came back"),
    ],
    "paired_interval": [
        ("sign", {"np.subtract(second, first)": "np.subtract(first, second)"}, "the sign is wrong"),
        (
            "pictures drawn",
            {
                "np.unique(scenes, return_inverse=True)": "np.unique(np.arange(len(scenes)), return_inverse=True)"
            },
            "pictures are drawn, each by itself",
        ),
        (
            "mean of means",
            {
                "sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)": "(sums / sizes)[drawn].mean(axis=1)"
            },
            "that is the mean of the scenes' means",
        ),
        (
            "all pictures",
            {"/ sizes[drawn].sum(axis=1)": "/ len(scenes)"},
            "those drawn are now more, now fewer",
        ),
        ("90%", {"[0.025, 0.975]": "[0.05, 0.95]"}, "that holds 90%"),
        ("97.5%", {"[0.025, 0.975]": "[0.0125, 0.9875]"}, "that holds 97.5%"),
        ("exchanged", {"[0.025, 0.975]": "[0.975, 0.025]"}, "the lower end comes first"),
        (
            "second alone",
            {"np.subtract(second, first)": "np.asarray(second)"},
            "of `second` alone",
        ),
        (
            "without replacement",
            {
                "generator.integers(len(sizes), size=(10_000, len(sizes)))": "generator.permuted(np.tile(np.arange(len(sizes)), (10_000, 1)), axis=1)"
            },
            "an interval without width",
        ),
        (
            "apart",
            {
                "    differences = np.subtract(second, first)\n": "",
                "    sums = np.bincount(of, weights=differences)\n": "    a, b = (np.bincount(of, weights=values) for values in (first, second))\n",
                "    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)\n": "    other = generator.integers(len(sizes), size=(10_000, len(sizes)))\n    means = b[drawn].sum(axis=1) / sizes[drawn].sum(axis=1) - a[other].sum(axis=1) / sizes[other].sum(axis=1)\n",
            },
            "the two networks are drawn apart",
        ),
        ("one number", {"return low, high": "return high - low"}, "two numbers should come back"),
        ("nothing returned", {"    return low, high": "    low, high"}, "nothing came back"),
        (
            "side by side",
            {
                "    _, of = np.unique(scenes, return_inverse=True)\n": "    _, counts = np.unique(scenes, return_counts=True)\n    order = [k for k, s in enumerate(scenes) if k == 0 or s != scenes[k - 1]]\n    sizes_in_order = [scenes.count(scenes[k]) for k in order]\n    of = np.repeat(np.arange(len(order)), sizes_in_order)[: len(scenes)]\n"
            },
            "need not lie side by side",
        ),
        (
            "always twelve",
            {"size=(10_000, len(sizes))": "size=(10_000, 12)"},
            "is a number fixed",
        ),
    ],
    "seeds_needed": [
        ("1.96", {"t.ppf(0.975, n - 1)": "1.96"}, "Student's t is wider"),
        ("one end", {"0.975": "0.95"}, "at *each* end"),
        ("freedom", {"t.ppf(0.975, n - 1)": "t.ppf(0.975, n)"}, "n − 1 degrees of freedom"),
        ("the whole width", {"* spread": "* 2 * spread"}, "half of the interval's width"),
        ("no root", {"math.sqrt(n)": "n"}, "by the root of n"),
        ("one too many", {"return n": "return n + 1"}, "one seed fewer is enough"),
        ("a float", {"return n": "return float(n)"}, "a whole number (`int`)"),
        ("from one", {"    n = 2\n": "    n = 1\n"}, "begin with 2"),
        (
            "at most a hundred",
            {"math.sqrt(n) > half": "math.sqrt(n) > half and n < 50"},
            "99 expected",
        ),
        ("nothing returned", {"return n": "n"}, "nothing came back"),
    ],
    "front_of": [
        (
            "strictly in both",
            {
                "no_worse and (costs[a] < costs[b] or qualities[a] > qualities[b])": "costs[a] < costs[b] and qualities[a] > qualities[b]"
            },
            "place 2 costs as much as place 3",
        ),
        (
            "equals beat one another",
            {
                "no_worse and (costs[a] < costs[b] or qualities[a] > qualities[b])": "no_worse and a != b"
            },
            "neither beats the other",
        ),
        (
            "not in order",
            {"sorted(front, key=lambda place: costs[place])": "front"},
            "the right ones; put them in order",
        ),
        (
            "the dearest first",
            {"key=lambda place: costs[place])": "key=lambda place: -costs[place])"},
            "the cheapest comes first",
        ),
        (
            "the best alone",
            {"return sorted(front": "return [int(np.argmax(qualities))] or sorted(front"},
            "that is the best one",
        ),
        (
            "the cheapest alone",
            {"return sorted(front": "return [int(np.argmin(costs))] or sorted(front"},
            "that is the cheapest",
        ),
        (
            "those beaten",
            {"if not any(": "if any("},
            "that is the one that nobody should choose",
        ),
        (
            "cheaper counts only if better",
            {"(costs[a] < costs[b] or qualities[a] > qualities[b])": "qualities[a] > qualities[b]"},
            "equally good, and 0 is cheaper",
        ),
        (
            "by quality over cost",
            {
                "no_worse and (costs[a] < costs[b] or qualities[a] > qualities[b])": "no_worse and (costs[a] < costs[b] or qualities[a] > qualities[b]) and qualities[b] >= 0"
            },
            "A gain may be negative",
        ),
        (
            "values",
            {
                "return sorted(front, key=lambda place: costs[place])": "return [costs[k] + 0.0 for k in front]"
            },
            "places are whole numbers",
        ),
        ("nothing returned", {"    return sorted(": "    sorted("}, "nothing came back"),
    ],
}

VARIANTS = {
    "strangers": [
        """
def strangers(blurred, sharp):
    b, s = (torch.round(255 * x.clamp(0, 1)).flatten(1).double() for x in (blurred, sharp))
    errors = (b[:, None] - s[None]).square().mean(dim=2)
    own = errors.diagonal()
    return (errors.min(dim=1).values < own).nonzero()[:, 0].tolist()
""",
    ],
    "paired_interval": [
        """
def paired_interval(first, second, scenes, generator):
    names = list(dict.fromkeys(scenes))
    groups = {name: [] for name in names}
    for a, b, name in zip(first, second, scenes):
        groups[name].append(b - a)
    means = []
    for _ in range(10_000):
        chosen = generator.choice(len(names), len(names))
        values = [d for k in chosen for d in groups[names[k]]]
        means.append(sum(values) / len(values))
    means.sort()
    return means[250], means[9749]
""",
    ],
    "seeds_needed": [
        """
def seeds_needed(spread, half):
    from itertools import count
    return next(n for n in count(2) if half * n**0.5 >= spread * t(n - 1).isf(0.025))
""",
    ],
    "front_of": [
        """
def front_of(costs, qualities):
    order = sorted(range(len(costs)), key=lambda k: (costs[k], -qualities[k]))
    front = []
    for k in order:
        equal = front and (costs[k], qualities[k]) == (costs[front[-1]], qualities[front[-1]])
        if not front or qualities[k] > qualities[front[-1]] or equal:
            front.append(k)
    return front
""",
    ],
}
