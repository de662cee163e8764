"""The colours of the course can be told apart by everybody."""

import itertools

import pytest
import torch
from kornia.color import linear_rgb_to_rgb, rgb_to_lab, rgb_to_linear_rgb
from matplotlib.colors import to_rgb

from deblurlib.course.drawing import INK, PALETTE, PAPER

# Machado, Oliveira and Fernandes 2009: what is seen without one kind of cones, in linear light.
VISION = {
    "all cones": torch.eye(3).tolist(),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


def distance(first: str, second: str, vision: str) -> float:
    """Between two colours as they are seen, in CIELAB, where 2 can just be told apart."""
    colours = rgb_to_linear_rgb(torch.tensor([to_rgb(first), to_rgb(second)]).view(2, 3, 1, 1))
    seen = torch.einsum("ij,njhw->nihw", torch.tensor(VISION[vision]), colours).clamp(0, 1)
    lab = rgb_to_lab(linear_rgb_to_rgb(seen))
    return (lab[0] - lab[1]).norm().item()


@pytest.mark.parametrize("vision", VISION)
def test_palette(vision: str) -> None:
    for first, second in itertools.combinations([*PALETTE, INK, PAPER], 2):
        assert distance(first, second, vision) > 10, (first, second)


def test_the_measure_finds_red_beside_green() -> None:
    assert distance("#d62728", "#2ca02c", "all cones") > 100
    assert distance("#d62728", "#2ca02c", "no green") < 10
