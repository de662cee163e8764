"""The widget of lesson 04: an edge laboratory."""

from functools import lru_cache
from typing import get_args

import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from torch import Tensor
from torch.nn import functional

from deblurlib.course.drawing import Pixels, chart, panel, table
from deblurlib.course.widgets import explore
from deblurlib.imaging.edges import EdgeMap, Operator
from deblurlib.imaging.exposure import expose, random_camera_path
from deblurlib.imaging.scenes import PHOTOGRAPHS, load_photograph

SIDE = 192
_STRONGEST = 0.6  # at the right end of the histograms
_ORANGE = torch.tensor([0.90, 0.62, 0.0]).view(3, 1, 1)


def edge_laboratory() -> None:
    """Choose photograph, blur, operator and threshold; see M(B) beside M(GT)."""
    explore(
        render,
        describe,
        photograph=Dropdown(
            options=list(PHOTOGRAPHS), value="motorcycle", description="photograph"
        ),
        blur=IntSlider(6, 0, 12, description="blur in pixels"),
        operator=Dropdown(options=list(get_args(Operator)), description="operator"),
        threshold=FloatSlider(0.2, min=0.0, max=0.5, step=0.02, description="threshold"),
    )


def render(photograph: str, blur: int, operator: Operator, threshold: float) -> Pixels:
    """B, GT and their edge maps, what is above the threshold in orange; below, both histograms."""
    blurred, sharp = _pair(photograph, blur)
    maps = {"M(B)": _edges(blurred, operator), "M(GT)": _edges(sharp, operator)}
    pictures = [panel("B, blurred", blurred, 218), panel("GT, sharp", sharp, 218)]
    for name, edge_map in maps.items():
        share = (edge_map > threshold).float().mean().item()
        title = f"{name}, {100 * share:.1f} % above"
        pictures.append(panel(title, _marked(edge_map, threshold), 218))
    # The root of the counts: else nothing would be seen but the flat areas.
    counts = {name: torch.histc(m, 60, 0, _STRONGEST).sqrt().tolist() for name, m in maps.items()}
    title = "how many pixels have an edge of this strength (root of the count)"
    size = (4 * 218 + 30, 150)
    mark = threshold / _STRONGEST
    histograms = chart(title, counts, size, labels=("0", f"{_STRONGEST}"), mark=mark)
    upper = table(pictures, columns=4)
    return _stacked(upper, table([histograms], columns=1))


def describe(photograph: str, blur: int, operator: Operator, threshold: float) -> str:
    """The shares above the threshold, in words."""
    blurred, sharp = _pair(photograph, blur)
    shares = [
        100 * (_edges(image, operator) > threshold).float().mean().item()
        for image in (blurred, sharp)
    ]
    return (
        f"{photograph} under a blur of {blur} pixels: {shares[0]:.1f} % of the blurred image's edge"
        f" map ({operator}) is above {threshold:.2f}, {shares[1]:.1f} % of the sharp one's."
    )


@lru_cache(maxsize=64)
def _pair(photograph: str, blur: int) -> tuple[Tensor, Tensor]:
    scene = load_photograph(photograph)[None]
    side = SIDE + 32  # a margin for what the shake brings into the frame
    scale = max(side / min(scene.shape[-2:]), 0.5)
    height, width = (round(scale * n) for n in scene.shape[-2:])
    scene = functional.interpolate(scene, (height, width), mode="bilinear", antialias=True)
    top, left = (height - side) // 2, (width - side) // 2
    scene = scene[..., top : top + side, left : left + side]
    generator = torch.Generator().manual_seed(3)
    return expose(scene, random_camera_path((SIDE, SIDE), torch.tensor([float(blur)]), generator))


def _edges(image: Tensor, operator: Operator) -> Tensor:
    return EdgeMap(operator, channels="luminance")(image)[0]


def _marked(edge_map: Tensor, threshold: float) -> Tensor:
    # Shown twice as bright as they are: most edges are weak.
    gray = (2 * edge_map).clamp(0, 1).expand(3, -1, -1)
    strength = (0.4 + 2 * edge_map).clamp(0, 1)
    return torch.where(edge_map > threshold, strength * _ORANGE, gray)


def _stacked(upper: Pixels, lower: Pixels) -> Pixels:
    gap = torch.full((8, upper.shape[1], 3), 255, dtype=torch.uint8)
    return torch.cat([torch.tensor(upper), gap, torch.tensor(lower)]).numpy()
