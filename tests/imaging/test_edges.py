"""M against kornia, against values computed by hand, and at its borders."""

import math
from typing import get_args

import pytest
import torch
from kornia.filters import spatial_gradient

from deblurlib.imaging.edges import EdgeMap, Operator


def rgb(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows).expand(1, 3, -1, -1)


@pytest.mark.parametrize(("operator", "mode"), [("central", "diff"), ("sobel", "sobel")])
def test_matches_kornia(operator: Operator, mode: str) -> None:
    image = torch.rand(2, 3, 9, 11)
    # kornia's kernels estimate a derivative per pixel; neighbours here are two pixels apart.
    dx, dy = (2 * spatial_gradient(image, mode)).unbind(dim=2)
    expected = torch.sqrt(dx**2 + dy**2 + 1e-6)
    torch.testing.assert_close(EdgeMap(operator)(image), expected)


BUMP = [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
CORNER = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("operator", "rows", "dx", "dy"),
    [
        # At the middle pixel of a 3 x 3 image, by hand.
        ("central", BUMP, 0.0, 0.0),
        ("central", CORNER, 0.0, 0.0),
        ("forward", BUMP, -1.0, -1.0),
        ("forward", [[0.0, 0.0, 0.0], [0.0, 0.2, 0.9], [0.0, 0.5, 0.0]], 0.7, 0.3),
        ("sobel", CORNER, 1 / 4, 1 / 4),
        ("prewitt", CORNER, 1 / 3, 1 / 3),
        ("scharr", CORNER, 3 / 16, 3 / 16),
        ("central", [[0.0, 0.1, 0.0], [0.3, 0.0, 0.7], [0.0, 0.4, 0.0]], 0.4, 0.3),
        ("sobel", [[0.0, 0.1, 0.8], [0.3, 0.0, 0.7], [0.0, 0.4, 0.0]], 1.6 / 4, -0.2 / 4),
        ("laplacian", BUMP, -4.0, 0.0),
        ("laplacian", [[9.0, 0.1, 9.0], [0.2, 0.5, 0.3], [9.0, 0.4, 9.0]], -1.0, 0.0),
    ],
)
def test_by_hand(operator: Operator, rows: list[list[float]], dx: float, dy: float) -> None:
    answer = EdgeMap(operator, epsilon=1e-4)(rgb(rows))[0, :, 1, 1]
    torch.testing.assert_close(answer, torch.full((3,), math.sqrt(dx**2 + dy**2 + 1e-4)))


@pytest.mark.parametrize("operator", [name for name in get_args(Operator) if name != "laplacian"])
def test_a_step_answers_with_its_height(operator: Operator) -> None:
    step = torch.tensor([0.1, 0.1, 0.7, 0.7]).expand(1, 3, 5, 4)
    torch.testing.assert_close(EdgeMap(operator, epsilon=0)(step).amax(), torch.tensor(0.6))


@pytest.mark.parametrize("operator", get_args(Operator))
def test_no_edge_at_the_frame_and_any_size(operator: Operator) -> None:
    for size in ((1, 1), (1, 7), (5, 2)):
        flat = EdgeMap(operator, epsilon=1e-6)(torch.full((2, 3, *size), 0.5))
        torch.testing.assert_close(flat, torch.full((2, 3, *size), 1e-3))


def test_luminance_is_the_edge_map_of_the_gray_image() -> None:
    image = torch.rand(1, 3, 6, 6)
    gray = 0.299 * image[:, :1] + 0.587 * image[:, 1:2] + 0.114 * image[:, 2:]
    answer = EdgeMap(channels="luminance")(image)
    assert answer.shape == (1, 1, 6, 6)
    torch.testing.assert_close(answer, EdgeMap()(gray.expand(-1, 3, -1, -1))[:, :1])


def test_fixed_float32_and_differentiable() -> None:
    edges = EdgeMap()
    assert not list(edges.parameters())
    assert not edges.state_dict()
    image = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        answer = edges(image)
    assert answer.dtype == torch.float32
    answer.sum().backward()  # a flat image: without epsilon the root's gradient is infinite
    assert image.grad is not None
    assert image.grad.isfinite().all()


@pytest.mark.parametrize("arguments", [{"operator": "canny"}, {"channels": "hsv"}])
def test_unknown_choice_is_named(arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments.values()))):
        EdgeMap(**arguments)
