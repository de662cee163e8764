"""Checks and quiz of lesson 04, edge operators."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from deblurlib.course.checks import Stages, exercise, expect, expect_shape, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz


@exercise(
    first="take the right neighbour of every pixel, `image[..., :, 1:]`, minus the pixel itself."
)
def forward_magnitude(answer: Callable[[Tensor, float], Tensor]) -> Stages:
    image, epsilon = torch.rand(2, 3, 5, 7), 0.01
    yield "it runs"
    try:
        out = answer(image, epsilon)
    except RuntimeError as error:
        expect(
            "must match" not in str(error),
            "dx and dy have different shapes. Repeat only the last column for dx and only the last"
            " row for dy, so that each comes out as large as the image.",
        )
        raise
    yield "shape"
    expect_shape(
        out,
        (2, 3, 5, 7),
        {
            (
                2,
                3,
                4,
                6,
            ): "Without its border an image of N pixels has N - 1 differences: repeat the"
            " last column and row first.",
            (2, 1, 5, 7): "Each colour channel has an edge map of its own: do not sum them.",
        },
    )
    yield "values"
    dx = functional.pad(image, (0, 1, 0, 0), "replicate").diff(dim=-1)
    dy = functional.pad(image, (0, 0, 0, 1), "replicate").diff(dim=-2)
    dx_zeros = functional.pad(image, (0, 1)).diff(dim=-1)
    dy_zeros = functional.pad(image, (0, 0, 0, 1)).diff(dim=-2)
    root = (dx.square() + dy.square() + epsilon).sqrt()
    expect_values(
        out,
        root,
        {
            "this is the pixel minus its left and upper neighbour: backward differences. Take the"
            " next pixel minus this one.": _backward(image, epsilon),
            "the sum of squares is there, the root is missing.": dx.square()
            + dy.square()
            + epsilon,
            "these are |dx| + |dy|. A diagonal edge would count more than an upright one: take the"
            " root of the sum of squares.": dx.abs() + dy.abs(),
            "ε is missing under the root.": (dx.square() + dy.square()).sqrt(),
            "ε belongs under the root, not behind it.": (dx.square() + dy.square()).sqrt()
            + epsilon,
            "at the right and lower border the image falls to 0: zeros were put there. Repeat the"
            " last column and row, so that the frame is no edge.": (
                dx_zeros.square() + dy_zeros.square() + epsilon
            ).sqrt(),
            "dx is counted twice and dy never: the second difference runs along the rows too.": (
                2 * dx.square() + epsilon
            ).sqrt(),
        },
    )


@exercise(first="make the difference [-1, 0, 1], and `torch.outer` it with the smoothing.")
def gradient_kernels(answer: Callable[[Tensor], Tensor]) -> Stages:
    smoothing = torch.tensor([1.0, 2.0, 1.0])
    yield "it runs"
    out = answer(smoothing)
    yield "shape"
    expect_shape(
        out,
        (2, 1, 3, 3),
        {
            (
                2,
                3,
                3,
            ): "`conv2d` wants (output channels, input channels, height, width): there is one"
            " input channel, add a dimension for it.",
            (1, 2, 3, 3): "two output channels of one input channel are wanted; it is the other way"
            " round here.",
        },
    )
    yield "values"
    along_x = torch.outer(smoothing / smoothing.sum(), torch.tensor([-1.0, 0.0, 1.0]))
    expected = torch.stack([along_x, along_x.T])[:, None]
    expect_values(
        out,
        expected,
        {
            "these are the two kernels in the other order: the first one must answer to changes"
            " along x, so its columns differ.": expected.flip(0),
            "the kernels grow with the smoothing: divide it by its sum, or Sobel's edges would be"
            " four times those of central differences.": expected * 4,
            "left minus right: the sign is turned. `conv2d` does not flip a kernel, so the right"
            " neighbour has the +1.": -expected,
            "divided by the largest tap. Divide by the sum, so that a step of height 1 answers with"
            " 1.": expected * 2,
            "both kernels answer to changes along x: the second should be the transpose of the"
            " first.": torch.stack([along_x, along_x])[:, None],
            "the sum of all |taps| is one here. The positive ones alone should sum to one, so that"
            " a step of height 1 answers with 1.": expected / 2,
        },
    )
    yield "any smoothing"
    for taps in ([0.0, 1.0, 0.0], [3.0, 10.0, 3.0]):
        smoothing = torch.tensor(taps)
        along_x = torch.outer(smoothing / smoothing.sum(), torch.tensor([-1.0, 0.0, 1.0]))
        out = answer(smoothing)
        expect_values(
            out,
            torch.stack([along_x, along_x.T])[:, None],
            {
                f"{taps} gives Sobel's kernels: use the argument.": expected,
                "right for [1, 2, 1] only: divide by the sum of *this* smoothing, not by 4.": (
                    torch.stack([along_x, along_x.T])[:, None] * smoothing.sum() / 4
                ),
            },
        )


@exercise(first="take the forward differences along the rows: `rows.diff(dim=-1).abs()`.")
def edge_width(answer: Callable[[Tensor, float], Tensor]) -> Stages:
    step = (torch.arange(24) >= 12).float()
    yield "it runs"
    out = answer(step[None], 0.0)
    yield "shape"
    expect_shape(
        out,
        (),
        {(1,): "One number is wanted, the mean over the rows, not one for each row."},
    )
    yield "a sharp step"
    expect(
        abs(float(out) - 1) < 1e-4,
        f"a sharp step is 1 pixel wide, not {float(out):.3f}."
        + (" The mean was taken along the row where the sum is meant." if float(out) < 0.5 else ""),
    )
    yield "a wider one"
    ramp = ((torch.arange(24) - 8) / 8).clamp(0, 1)
    width = float(answer(ramp[None], 0.0))
    expect(abs(width - 8) < 1e-3, f"a step smeared over 8 pixels is 8 wide, not {width:.3f}.")
    yield "downward too"
    width = float(answer(1 - ramp[None], 0.0))
    expect(
        abs(width - 8) < 1e-3,
        f"from light to dark the same ramp gives {width:.3f}: take absolute differences.",
    )
    yield "rows of their own"
    width = float(answer(torch.stack([ramp, 0.5 * ramp]), 0.0))
    expect(
        abs(width - 8) < 1e-3,
        "two ramps 8 wide, one of half the contrast, should give 8; yours gives"
        f" {width:.3f}: each row has a peak of its own, `amax(dim=-1)`.",
    )
    yield "the mean of widths"
    sharp = (torch.arange(24) >= 12).float()
    width = float(answer(torch.stack([ramp, 0.5 * sharp]), 0.0))
    expect(
        abs(width - 4.5) < 1e-3,
        f"widths of 8 and 1 have the mean 4.5, not {width:.3f}: divide row by row, and take the"
        " mean of the widths at the end.",
    )
    yield "up and down"
    bump = ((torch.arange(24) > 8) & (torch.arange(24) < 14)).float()
    width = float(answer(bump[None], 0.0))
    expect(
        abs(width - 2) < 1e-3,
        f"a row that goes up and down again has two edges, so 2, not {width:.3f}: take the absolute"
        " value of each difference, not of their sum.",
    )
    yield "flat rows"
    width = float(answer(torch.stack([ramp, torch.full((24,), 0.3)]), 0.0))
    expect(width == width, "a flat row has peak 0, and 0 / 0 is NaN: leave out rows below `least`.")
    expect(
        abs(width - 8) < 1e-3,
        f"one row with an edge and a flat one should give 8, not {width:.3f}: the flat row must not"
        " be averaged in.",
    )
    yield "the limit"
    width = float(answer(torch.stack([ramp, sharp]), 0.125))  # just the ramp's largest difference
    expect(
        abs(width - 1) < 1e-3,
        "a row whose largest difference *is* `least` should be left out too: `peaks > least`.",
    )


def _backward(image: Tensor, epsilon: float) -> Tensor:
    dx = functional.pad(image, (1, 0, 0, 0), "replicate").diff(dim=-1)
    dy = functional.pad(image, (0, 0, 1, 0), "replicate").diff(dim=-2)
    return (dx.square() + dy.square() + epsilon).sqrt()


quiz = Quiz(
    __name__,
    Question(
        "A sharp, upright edge is smeared sideways over 8 pixels. What happens to its edge map?",
        (
            Choice(
                "It gets wider and lower; its sum stays about the same.",
                "The brightness still climbs from dark to light, only in eight small steps.",
                right=True,
            ),
            Choice(
                "It gets wider, its height stays.",
                "Then the sum of all steps would be more than the way from dark to light.",
            ),
            Choice(
                "It vanishes.",
                "Eight steps of an eighth are still steps, though an eighth is easily missed.",
            ),
        ),
    ),
    Question(
        "Why is there an ε under the root of M?",
        (
            Choice(
                "To make weak edges stronger.",
                "At 10⁻⁶ it adds a thousandth where nothing is; no edge gets stronger by it.",
            ),
            Choice(
                "Because the root's slope is infinite at 0, and flat areas are everywhere.",
                "An infinite slope times a zero is NaN, and one NaN spoils every weight.",
                right=True,
            ),
            Choice(
                "To keep the root of a negative number from coming up.",
                "A sum of squares is never negative.",
            ),
        ),
    ),
    Question(
        "Why are the kernels of M fixed, and not trained along?",
        (
            Choice(
                "Training them would be slow.",
                "Eighteen numbers cost next to nothing.",
            ),
            Choice(
                "`conv2d` cannot be trained with 3 × 3 kernels.",
                "It can, and does in every network here.",
            ),
            Choice(
                "The loss would be smallest with kernels of zero: no edges, no difference.",
                "You saw it: the loss fell, and the kernels with it.",
                right=True,
            ),
        ),
    ),
    Question(
        "Two restored images have the same pixel L1. Can their edge L1 differ?",
        (
            Choice(
                "No: the edge map is computed from the pixels.",
                "From pixels and their neighbours. A constant error is invisible to differences.",
            ),
            Choice(
                "Yes: one may be too bright everywhere, the other blurred.",
                "Differences do not see a constant; smeared edges they do.",
                right=True,
            ),
        ),
    ),
    Question(
        "What would be lost if M kept the direction, and gave dx and dy with their signs?",
        (
            Choice(
                "Nothing; it would be more exact.",
                "Unsure which side is the lighter one, a network's best signed answer is 0.",
            ),
            Choice(
                "Sharpness alone would no longer be what is asked for.",
                "The paper wants intensity: how much changes, whichever way.",
                right=True,
            ),
            Choice(
                "The map could not be compared by L1.",
                "L1 compares any two tensors of one shape.",
            ),
        ),
    ),
)
