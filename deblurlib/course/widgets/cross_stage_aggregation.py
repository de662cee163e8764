"""Lesson 09's widget: what CSAM passes on of a photograph, and what happens if it is overruled."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from ipywidgets import Dropdown, IntSlider
from matplotlib import colormaps
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.drawing import INK, PALETTE, PAPER, RULE, Pixels, font, panel, titled
from deblurlib.course.widgets import explore
from deblurlib.imaging.exposure import expose, random_camera_path
from deblurlib.imaging.scenes import load_photograph
from deblurlib.models.sgenet import CrossStageAggregation
from deblurlib.training.checkpoints import load_model
from deblurlib.training.metrics import psnr

SIDE, PATCH = 96, 24
"""Pixels of the blurred picture, and of the patch that is looked at."""

BLUR = 7.0
"""Length of the blur in pixels."""

# Top and left of the region of the photograph, twice as large as the frame with its margin.
_REGIONS = {"astronaut": (0, 110), "coffee": (60, 190), "motorcycle": (120, 250)}
_LEVELS = {"1": 0, "1/2": 1, "1/4": 2}


def _as_trained(weights: Tensor) -> Tensor:
    return weights


def _all_equal(weights: Tensor) -> Tensor:
    return torch.full_like(weights, 1 / weights.shape[1])


def _stage_two_as_it_was(weights: Tensor) -> Tensor:
    return torch.cat([weights[:, :1], torch.zeros_like(weights[:, 1:])], dim=1)


def _only_stage_two(weights: Tensor) -> Tensor:
    chosen = torch.zeros_like(weights)
    chosen[:, 0] = 1
    return chosen


def _without_stage_two(weights: Tensor) -> Tensor:
    rest = weights.clone()
    rest[:, 0] = 0
    return rest / rest.sum(dim=1, keepdim=True)


INTERVENTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "as trained": _as_trained,
    "all equal": _all_equal,
    "stage two, weight kept": _stage_two_as_it_was,
    "stage two, weight 1": _only_stage_two,
    "without stage two": _without_stage_two,
}
"""What is done to the weights ``(N, branches, 1, H, W)``, at every level."""

_CANVAS = (900, 500)
_MAP = 2 * SIDE  # on the screen
_TITLE, _GAP = 22, 8
_RIGHT = 3 * (_MAP + _GAP) + 10
_SEEN = 84  # of a patch on the screen


class _Run(NamedTuple):
    image: Tensor
    weights: list[Tensor]  # by level, (branches, h, w)


def aggregation_laboratory() -> None:
    """Look at the weights of the five branches, at a patch, and overrule them."""
    explore(
        render,
        describe,
        photograph=Dropdown(options=list(_REGIONS), description="photograph"),
        level=Dropdown(options=list(_LEVELS), description="level (size of its features)"),
        intervention=Dropdown(options=list(INTERVENTIONS), description="weights"),
        x=IntSlider(40, 0, SIDE - PATCH, 8, description="patch: x"),
        y=IntSlider(32, 0, SIDE - PATCH, 8, description="patch: y"),
    )


def render(photograph: str, level: str, intervention: str, x: int, y: int) -> Pixels:
    """Photograph and weight maps on the left; the patch's mean weights and its result right."""
    canvas = Image.new("RGB", _CANVAS, PAPER)
    pen = ImageDraw.Draw(canvas)
    blurred, sharp = _pair(photograph)
    result = _run(photograph, intervention)
    weights = result.weights[_LEVELS[level]]

    scale = _MAP // SIDE
    box = (x * scale, y * scale, (x + PATCH) * scale, (y + PATCH) * scale)
    whole = f"restored, {_psnr(result.image, sharp):.2f} dB"
    pictures = [panel(whole, result.image, _MAP)]
    top = _highest(weights)
    for name, values in zip(_names(), weights, strict=True):
        pictures.append(titled(name, _coloured(values / top).resize((_MAP, _MAP), 0)))
    for number, picture in enumerate(pictures):
        left, upper = number % 3 * (_MAP + _GAP), number // 3 * (_MAP + _TITLE + 4)
        ImageDraw.Draw(picture).rectangle(
            (box[0], box[1] + _TITLE, box[2] - 1, box[3] + _TITLE - 1), None, "#ffffff", 3
        )
        ImageDraw.Draw(picture).rectangle(
            (box[0] + 1, box[1] + _TITLE + 1, box[2] - 2, box[3] + _TITLE - 2), None, "#000000", 1
        )
        canvas.paste(picture, (left, upper))
    _draw_legend(canvas, pen, 2 * (_MAP + _TITLE + 4) + 8, top)
    _draw_bars(pen, _means(weights, x, y), intervention)

    patches = {"blurred": blurred, "restored": result.image, "sharp": sharp}
    pen.text((_RIGHT, 330), "the patch", INK, font(14), anchor="lm")
    for number, (name, image) in enumerate(patches.items()):
        cut = _cut(image, x, y)
        shown = panel(name, cut, _SEEN)
        left = _RIGHT + number * (_SEEN + 6)
        canvas.paste(shown, (left, 346))
        if name != "sharp":
            value = f"{_psnr(cut, _cut(sharp, x, y)):.2f} dB"
            pen.text((left + _SEEN / 2, 346 + shown.height + 11), value, INK, font(14), anchor="mm")
    return np.asarray(canvas)


def describe(photograph: str, level: str, intervention: str, x: int, y: int) -> str:
    """What the picture shows, in words."""
    blurred, sharp = _pair(photograph)
    result = _run(photograph, intervention)
    means = _means(result.weights[_LEVELS[level]], x, y)
    parts = ", ".join(
        f"{name.replace(',', '')}: {mean:.2f}" for name, mean in zip(_names(), means, strict=True)
    )
    size = "full size" if level == "1" else f"{level} of the size"
    before, after, whole = (
        _psnr(_cut(blurred, x, y), _cut(sharp, x, y)),
        _psnr(_cut(result.image, x, y), _cut(sharp, x, y)),
        _psnr(result.image, sharp),
    )
    return (
        f"{photograph}, weights {intervention}. In the patch at ({x}, {y}), at {size}, the"
        f" branches' mean weights are {parts}. The patch has {before:.2f} dB blurred and"
        f" {after:.2f} dB restored; the whole picture, restored, {whole:.2f} dB."
    )


def _draw_legend(canvas: Image.Image, pen: ImageDraw.ImageDraw, top: int, highest: float) -> None:
    width = 260
    ramp = torch.linspace(0, 1, width).expand(12, width)
    canvas.paste(_coloured(ramp), (150, top))
    pen.text((142, top + 6), "weight 0", INK, font(13), anchor="rm")
    pen.text((150 + width + 8, top + 6), f"{highest:.1f}", INK, font(13), anchor="lm")
    pen.text((150 + width + 50, top + 6), "frame: the patch", INK, font(13), anchor="lm")


def _draw_bars(pen: ImageDraw.ImageDraw, means: list[float], intervention: str) -> None:
    pen.text((_RIGHT, 11), "mean weights in the patch", INK, font(14), anchor="lm")
    pen.text((_RIGHT, 32), f"({intervention})", INK, font(13), anchor="lm")
    start, width, row = _RIGHT + 106, 130, 48
    equal = start + width / len(means)
    for number, (name, mean) in enumerate(zip(_names(), means, strict=True)):
        middle = 66 + row * number
        colour = PALETTE[1] if number == 0 else PALETTE[0]
        pen.rectangle((start, middle - 12, start + width, middle + 12), None, RULE)
        if mean > 0:
            pen.rectangle((start, middle - 12, start + width * mean, middle + 12), colour)
        pen.text((start - 8, middle), name, INK, font(12), anchor="rm")
        pen.text((start + width + 8, middle), f"{mean:.2f}", INK, font(13), anchor="lm")
    for y in range(50, 66 + row * (len(means) - 1) + 16, 8):
        pen.line([(equal, y), (equal, y + 4)], INK)
    pen.text((start, 66 + row * len(means) - 16), "dashed: equal shares", INK, font(12), "lm")


@lru_cache
def _network() -> nn.Module:
    return load_model("sgenet_small")


def _names() -> tuple[str, ...]:
    return _aggregations()[0].branch_names


def _aggregations() -> list[CrossStageAggregation]:
    return [m for m in _network().modules() if isinstance(m, CrossStageAggregation)]


@lru_cache
def _pair(photograph: str) -> tuple[Tensor, Tensor]:
    # Half the size: more of the photograph in few pixels, and sharper ones.
    top, left = _REGIONS[photograph]
    side = 2 * (SIDE + 16)
    region = load_photograph(photograph)[None, :, top : top + side, left : left + side]
    scene = functional.interpolate(region, scale_factor=0.5, mode="area")
    generator = torch.Generator().manual_seed(3)
    return expose(scene, random_camera_path((SIDE, SIDE), torch.tensor([BLUR]), generator))


@lru_cache(maxsize=64)
def _run(photograph: str, intervention: str) -> _Run:
    change, used = INTERVENTIONS[intervention], []

    def overrule(csam: CrossStageAggregation, inputs: tuple[Tensor, ...], _: Tensor) -> Tensor:
        branches = csam.branches(*inputs)
        weights = change(csam.weights(branches))
        used.append(weights[0, :, 0])
        return (weights * torch.stack(branches, dim=1)).sum(dim=1)

    hooks = [csam.register_forward_hook(overrule) for csam in _aggregations()]
    try:
        with torch.no_grad():
            image = _network()(_pair(photograph)[0]).image
    finally:
        for hook in hooks:
            hook.remove()
    return _Run(image, used)


def _highest(weights: Tensor) -> float:
    # A common scale for all branches, up to the next tenth.
    return min(1.0, int(10 * weights.max().item() + 1) / 10)


def _means(weights: Tensor, x: int, y: int) -> list[float]:
    step = SIDE // weights.shape[-1]
    own = weights[:, y // step : (y + PATCH) // step, x // step : (x + PATCH) // step]
    return [float(mean) for mean in own.mean(dim=(1, 2))]


def _cut(image: Tensor, x: int, y: int) -> Tensor:
    return image[..., y : y + PATCH, x : x + PATCH]


def _psnr(image: Tensor, sharp: Tensor) -> float:
    return psnr(image, sharp).item()


def _coloured(values: Tensor) -> Image.Image:
    return Image.fromarray(colormaps["viridis"](values.numpy(), bytes=True)[..., :3])
