"""Wrong answers of the kind that learners give, and right ones written otherwise."""

# exercise -> [(what is wrong, {old text in the solution: new text}, part of the message)]
MISTAKES = {
    "forward_magnitude": [
        (
            "root forgotten",
            {"torch.sqrt(dx.square() + dy.square() + epsilon)": "dx**2 + dy**2 + epsilon"},
            "the root is missing",
        ),
        (
            "sum of absolute values",
            {"torch.sqrt(dx.square() + dy.square() + epsilon)": "dx.abs() + dy.abs()"},
            "these are |dx| + |dy|",
        ),
        (
            "backward differences",
            {"(0, 1, 0, 0)": "(1, 0, 0, 0)", "(0, 0, 0, 1)": "(0, 0, 1, 0)"},
            "backward differences",
        ),
        ("ε forgotten", {" + epsilon": ""}, "ε is missing"),
        ("ε outside the root", {" + epsilon)": ") + epsilon"}, "under the root, not behind it"),
        ("zeros for a border", {', "replicate"': ""}, "zeros were put there"),
        (
            "no border",
            {
                'functional.pad(image, (0, 1, 0, 0), "replicate").diff(dim=-1)': "image.diff(dim=-1)[..., :-1, :]",
                'functional.pad(image, (0, 0, 0, 1), "replicate").diff(dim=-2)': "image.diff(dim=-2)[..., :-1]",
            },
            "repeat the last column",
        ),
        (
            "the same axis twice",
            {"(0, 0, 0, 1)": "(0, 1, 0, 0)", "dim=-2": "dim=-1"},
            "dx is counted twice",
        ),
        (
            "channels summed",
            {"dy.square() + epsilon)": "dy.square() + epsilon).sum(1, keepdim=True)"},
            "do not sum them",
        ),
        (
            "axes of differing length",
            {'functional.pad(image, (0, 0, 0, 1), "replicate").diff(dim=-2)': "image.diff(dim=-2)"},
            "Repeat only the last column for dx",
        ),
        ("nothing returned", {"    return torch": "    torch"}, "`return ...`"),
    ],
    "edge_width": [
        (
            "sums and peaks summed first",
            {"(totals[kept] / peaks[kept]).mean()": "totals[kept].sum() / peaks[kept].sum()"},
            "take the mean of the widths at the end",
        ),
        (
            "absolute value of the sum",
            {
                "rows.diff(dim=-1).abs()": "rows.diff(dim=-1)",
                "steps.sum(dim=-1), steps.amax(dim=-1)": "steps.sum(-1).abs(), steps.abs().amax(-1)",
            },
            "not of their sum",
        ),
        ("at the limit", {"peaks > least": "peaks >= max(least, 1e-6)"}, "should be left out too"),
        (
            "mean for sum",
            {"steps.sum(dim=-1)": "steps.mean(dim=-1)"},
            "mean was taken along the row",
        ),
        ("no absolute value", {".abs()": ""}, "take absolute differences"),
        (
            "one peak for all rows",
            {"steps.amax(dim=-1)": "steps.amax().expand(len(rows))"},
            "each row has a peak of its own",
        ),
        ("flat rows kept", {"kept = peaks > least": "kept = peaks >= 0"}, "0 / 0 is NaN"),
        (
            "flat rows counted as zero",
            {
                "(totals[kept] / peaks[kept]).mean()": "torch.where(kept, totals / peaks.clamp(min=1e-9), 0).mean()"
            },
            "must not be averaged in",
        ),
        ("no mean over rows", {"peaks[kept]).mean()": "peaks[kept])"}, "not one for each row"),
        ("along the wrong axis", {"rows.diff(dim=-1)": "rows.diff(dim=0)"}, "not nan"),
    ],
    "gradient_kernels": [
        ("not transposed", {"along_x.T": "along_x"}, "both kernels answer to changes along x"),
        (
            "by the largest tap",
            {"smoothing.sum()": "smoothing.max()"},
            "divided by the largest tap",
        ),
        ("by Sobel's sum", {"smoothing.sum()": "4"}, "the sum of *this* smoothing"),
        (
            "axes swapped",
            {
                "torch.outer(smoothing / smoothing.sum(), difference)": "torch.outer(difference, smoothing / smoothing.sum())"
            },
            "in the other order",
        ),
        ("not normalised", {" / smoothing.sum()": ""}, "divide it by its sum"),
        (
            "left minus right",
            {"smoothing / smoothing.sum(), difference": "smoothing / smoothing.sum(), -difference"},
            "the sign is turned",
        ),
        (
            "normalised by all taps",
            {"/ smoothing.sum()": "/ (2 * smoothing.sum())"},
            "The positive ones alone",
        ),
        ("dimension forgotten", {".unsqueeze(1)": ""}, "there is one input channel"),
        ("dimension at the front", {".unsqueeze(1)": ".unsqueeze(0)"}, "the other way round"),
        (
            "always Sobel",
            {"    along_x =": "    smoothing = torch.tensor([1.0, 2.0, 1.0])\n    along_x ="},
            "use the argument",
        ),
    ],
}

# exercise -> whole right answers, written another way
VARIANTS = {
    "forward_magnitude": [
        """
def forward_magnitude(image, epsilon):
    right = torch.cat([image[..., :, 1:], image[..., :, -1:]], dim=3)
    below = torch.cat([image[..., 1:, :], image[..., -1:, :]], dim=2)
    return ((right - image) ** 2 + (below - image) ** 2 + epsilon) ** 0.5
""",
        """
def forward_magnitude(image, epsilon):
    squares = torch.full_like(image, epsilon)
    squares[..., :-1] += image.diff(dim=-1).square()
    squares[..., :-1, :] += image.diff(dim=-2).square()
    return squares.sqrt()
""",
    ],
    "edge_width": [
        """
def edge_width(rows, least):
    widths = []
    for row in rows:
        steps = (row[1:] - row[:-1]).abs()
        if steps.max() > least:
            widths.append(steps.sum() / steps.max())
    return torch.stack(widths).mean()
"""
    ],
    "gradient_kernels": [
        """
def gradient_kernels(smoothing):
    weights = (smoothing / smoothing.sum()).view(3, 1)
    x = weights * torch.tensor([[-1.0, 0.0, 1.0]])
    kernels = torch.zeros(2, 1, 3, 3)
    kernels[0, 0], kernels[1, 0] = x, x.transpose(0, 1)
    return kernels
"""
    ],
}
