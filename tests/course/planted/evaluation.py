"""Wrong answers of the kind that learners give, and right ones written otherwise."""

# exercise -> [(what is wrong, {old text in the solution: new text}, part of the message meant for it)]
MISTAKES = {
    "gains_by_scene": [
        ("by pair", {'scene_of(row["name"])': 'row["name"]'}, "four entries, one for each pair"),
        (
            "blurred less restored",
            {
                'row["restored"]["psnr"] - row["blurred"]["psnr"]': 'row["blurred"]["psnr"] - row["restored"]["psnr"]'
            },
            "above 0 where it became better",
        ),
        ("no gain", {' - row["blurred"]["psnr"]': ""}, "that is PSNR itself"),
        ("sums", {"mean(of_scene)": "sum(of_scene)"}, "the sum of the gains"),
        ("the last", {"mean(of_scene)": "of_scene[-1]"}, "only the last pair"),
        ("the first", {"mean(of_scene)": "of_scene[0]"}, "only the first pair"),
        (
            "cut at the dash",
            {'scene_of(row["name"])': 'row["name"].split("-")[0]'},
            "one scene: use `scene_of`",
        ),
    ],
    "bootstrap": [
        (
            "values, not scenes",
            {
                "    names = sorted(set(scenes))\n": "    scenes = list(range(len(values)))\n    names = scenes\n"
            },
            "single values are drawn",
        ),
        (
            "shuffled",
            {
                "rng.integers(len(names), size=len(names))": "rng.permutation(len(names))",
            },
            "drawn with replacement",
        ),
        (
            "means of scenes",
            {
                "np.concatenate([groups[place] for place in chosen]).mean()": "np.mean([groups[place].mean() for place in chosen])"
            },
            "a large scene weighs more",
        ),
        ("90 %", {"[0.025, 0.975]": "[0.05, 0.95]"}, "narrower than 95 %"),
        ("99 %", {"[0.025, 0.975]": "[0.005, 0.995]"}, "wider than 95 %"),
        ("upside down", {"[0.025, 0.975]": "[0.975, 0.025]"}, "the low end comes first"),
        (
            "the means themselves",
            {"return tuple(np.quantile(means, [0.025, 0.975]))": "return means"},
            "two numbers should come back",
        ),
    ],
    "paired_interval": [
        ("a less b", {"y - x for": "x - y for"}, "a less b"),
        ("of single differences", {" / math.sqrt(len(d))": ""}, "divide by √n"),
        ("normal", {"t.ppf(0.975, len(d) - 1)": "1.959963984540054"}, "1.96 is right for many"),
        ("one side", {"t.ppf(0.975,": "t.ppf(0.95,"}, "leaves 5 % on each side"),
        ("n degrees", {"len(d) - 1)": "len(d))"}, "n - 1 degrees of freedom"),
        (
            "not paired",
            {"stdev(d) /": "math.sqrt(stdev(a) ** 2 + stdev(b) ** 2) /"},
            "what a seed does to both cancels",
        ),
        ("population", {"stdev(d)": "np.std(d)"}, "`stdev` divides by n - 1"),
        (
            "a standard error",
            {"t.ppf(0.975, len(d) - 1) * ": ""},
            "times Student's quantile",
        ),
        ("two numbers", {"return mean(d), ": "return "}, "three numbers should come back"),
    ],
    "pareto": [
        (
            "the beaten",
            {"if not any(": "if any("},
            "those are the beaten ones",
        ),
        (
            "equals beat one another",
            {" and (c < cost or g > gain)": ""},
            "[0, 2] expected",
        ),
        (
            "only strictly better",
            {"c <= cost and g >= gain and (c < cost or g > gain)": "c < cost and g > gain"},
            "as cheap and better beats",
        ),
        (
            "in their order",
            {"sorted(front, key=lambda place: costs[place])": "front"},
            "cheap to dear",
        ),
        (
            "the values",
            {"sorted(front, key=lambda place: costs[place])": "[gains[place] for place in front]"},
            "places in the list",
        ),
        (
            "dear to cheap",
            {"costs[place])": "-costs[place])"},
            "from cheap to dear",
        ),
    ],
}

# exercise -> right answers of another form
VARIANTS = {
    "gains_by_scene": [
        """
def gains_by_scene(rows):
    total, number = {}, {}
    for row in rows:
        scene = scene_of(row["name"])
        total[scene] = total.get(scene, 0) + row["restored"]["psnr"] - row["blurred"]["psnr"]
        number[scene] = number.get(scene, 0) + 1
    return {scene: total[scene] / number[scene] for scene in total}
""",
    ],
    "bootstrap": [
        """
def bootstrap(values, scenes):
    table = {}
    for value, scene in zip(values, scenes):
        table.setdefault(scene, []).append(value)
    sums = torch.tensor([sum(v) for v in table.values()], dtype=torch.float64)
    sizes = torch.tensor([len(v) for v in table.values()])
    drawn = torch.randint(len(table), (20000, len(table)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    return means.quantile(0.025).item(), means.quantile(0.975).item()
""",
    ],
    "paired_interval": [
        """
def paired_interval(a, b):
    d = np.array(b) - np.array(a)
    error = d.std(ddof=1) / len(d) ** 0.5
    low, high = t.interval(0.95, len(d) - 1, loc=d.mean(), scale=error)
    return d.mean(), low, high
""",
    ],
    "pareto": [
        """
def pareto(costs, gains):
    front, best = [], -math.inf
    order = sorted(range(len(costs)), key=lambda place: (costs[place], -gains[place]))
    for place in order:
        cost, gain = costs[place], gains[place]
        if gain > best or (front and gain == best and cost == costs[front[-1]]):
            front.append(place)
            best = gain
    return front
""",
    ],
}
