"""Lesson 10's widget: a trained SGENet stage by stage, and with a part of it switched off."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from deblurlib.course.drawing import INK, PALETTE, PAPER, RULE, Pixels, font, panel, table
from deblurlib.course.widgets import blurred_piece, explore
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.models.restoration import Restoration
from deblurlib.models.sgenet import ContextualEnhancement, CrossStageAggregation
from deblurlib.training.checkpoints import load_model
from deblurlib.training.metrics import psnr

SIDE = 144
"""Of the piece of a photograph that is restored, in pixels."""

ENLARGED = 5
"""Times: what stage two adds is a matter of a few grey levels."""

SHOWN = (
    "stage one",
    "stage two",
    "what stage two adds",
    "predicted images of stage one",
    "predicted images of stage two",
)
SWITCHES = ("nothing", "CEM", "CSAM", "view of stage one")

_WIDTH = 290  # of a panel: twice the piece
_SWITCHED = {
    "CEM": "CEM switched off",
    "CSAM": "CSAM's weights all equal",
    "view of stage one": "stage two blind to stage one",
}


def two_stage_laboratory() -> None:
    """Choose a photograph, its blur, what is shown, and a part to switch off."""
    explore(
        render,
        describe,
        photograph=ipywidgets.Dropdown(options=TEST_PHOTOGRAPHS, description="photograph"),
        strength=ipywidgets.IntSlider(10, 2, 24, 2, description="blur in pixels"),
        shown=ipywidgets.Dropdown(options=SHOWN, value=SHOWN[1], description="shown"),
        off=ipywidgets.Dropdown(options=SWITCHES, description="switched off"),
    )


def render(photograph: str, strength: int, shown: str, off: str) -> Pixels:
    """Three pictures above, the gain of each stage below."""
    blurred, sharp = pair(photograph, strength)
    restored = restore(photograph, strength, off)
    first, second = restored.images
    decibels = [psnr(image, sharp).item() for image in (blurred, first, second)]
    if shown.startswith("predicted"):
        half = len(restored.guidance) // 2
        images = restored.guidance[:half] if shown.endswith("one") else restored.guidance[half:]
        panels = {f"predicted, {image.shape[-1]} pixels wide": image for image in images}
    else:
        chosen = {
            "stage one": (f"stage one: {decibels[1]:.2f} dB", first),
            "stage two": (f"stage two: {decibels[2]:.2f} dB", second),
            "what stage two adds": (
                f"stage two less stage one, × {ENLARGED}",
                0.5 + ENLARGED * (second - first),
            ),
        }
        title, picture = chosen[shown]
        blurry = f"blurred: {decibels[0]:.2f} dB"
        panels = {blurry: blurred, title: picture, "sharp": sharp}
    above = table([panel(name, image, _WIDTH) for name, image in panels.items()], len(panels))
    bars = _bars(above.shape[1], stage_gains(photograph, strength, off), off)
    if off != SWITCHES[0]:
        _mark(bars, stage_gains(photograph, strength, SWITCHES[0]))
    return np.concatenate([above, np.asarray(bars)])


def describe(photograph: str, strength: int, shown: str, off: str) -> str:
    """What `render` shows, in words."""
    blurred, sharp = pair(photograph, strength)
    before = psnr(blurred, sharp).item()
    first, second = stage_gains(photograph, strength, off)
    words = (
        f"{photograph.capitalize()}, blurred over {strength} pixels: {before:.2f} dB. Stage one "
        f"gains {first:+.2f} dB, stage two {second:+.2f} dB"
    )
    if off != SWITCHES[0]:
        whole = stage_gains(photograph, strength, SWITCHES[0])
        words += f", with {_SWITCHED[off]} (whole: {whole[0]:+.2f} and {whole[1]:+.2f} dB)"
    return f"{words}. Shown: {shown}."


@lru_cache(maxsize=64)
def pair(photograph: str, strength: int) -> tuple[Tensor, Tensor]:
    """A piece of a photograph, blurred and sharp, ``(1, 3, SIDE, SIDE)``."""
    return blurred_piece(photograph, SIDE, strength, margin=30)


@lru_cache(maxsize=64)
def restore(photograph: str, strength: int, off: str) -> Restoration:
    """What the shipped network makes of it, with a part of it switched off."""
    blurred, _ = pair(photograph, strength)
    with torch.no_grad(), switched_off(_network(), off):
        restored = _network()(blurred)
    assert isinstance(restored, Restoration)
    return restored


@contextmanager
def switched_off(network: Any, part: str) -> Iterator[None]:
    """Hooks on an SGENet that put one of `SWITCHES` out of action, and come off at the end.

    Without CEM features pass as they are; with CSAM's weights equal, all of its branches count
    alike; without its view of stage one, stage two has the blurred image in the place of stage
    one's, and CSAM passes on stage two's own features only.
    """

    def features_as_they_are(_: nn.Module, inputs: Any, output: Any) -> Any:
        return inputs[0], output[1]

    def all_alike(module: CrossStageAggregation, inputs: Any, _: Any) -> Tensor:
        return torch.stack(module.branches(*inputs)).mean(dim=0)

    def own_features(_: nn.Module, inputs: Any, __: Any) -> Any:
        return inputs[0]

    def blurred_twice(_: nn.Module, inputs: Any) -> Any:
        blurred = inputs[0][:, :3]
        return (torch.cat([blurred, blurred], dim=1), *inputs[1:])

    hooks = []
    for module in network.modules():
        if isinstance(module, ContextualEnhancement) and part == "CEM":
            hooks.append(module.register_forward_hook(features_as_they_are))
        if isinstance(module, CrossStageAggregation) and part == "CSAM":
            hooks.append(module.register_forward_hook(all_alike))
        if isinstance(module, CrossStageAggregation) and part == "view of stage one":
            hooks.append(module.register_forward_hook(own_features))
    if part == "view of stage one":
        hooks.append(network.stage2.register_forward_pre_hook(blurred_twice))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@lru_cache(maxsize=1)
def _network() -> Any:
    return load_model("sgenet_small")


@lru_cache(maxsize=256)
def stage_gains(photograph: str, strength: int, off: str) -> tuple[float, float]:
    """What both stages gain over the blurred image, in dB, with a part switched off."""
    blurred, sharp = pair(photograph, strength)
    before = psnr(blurred, sharp).item()
    first, second = restore(photograph, strength, off).images
    return psnr(first, sharp).item() - before, psnr(second, sharp).item() - before


_HEIGHT, _ZERO, _DECIBEL = 118, 480, 100  # x of no gain, and pixels a dB
_LEFT = 180  # where a bar ends that would be longer


def _bars(width: int, both: tuple[float, float], off: str) -> Image.Image:
    image = Image.new("RGB", (width, _HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    title = "gain over the blurred image" + (f", with {_SWITCHED[off]}" if off in _SWITCHED else "")
    pen.text((width / 2, 22), title, INK, font(14), anchor="mm")
    for row, gain in enumerate(both):
        top, end = _top(row), _x(gain, width)
        pen.rectangle((min(_ZERO, end), top, max(_ZERO, end), top + 22), PALETTE[row])
        if end == _LEFT:
            pen.text((_LEFT + 6, top + 11), "◀", PAPER, font(14), anchor="lm")
        name = f"stage {'two' if row else 'one'}"
        pen.text((12, top + 11), name, INK, font(14), anchor="lm")
        pen.text((166, top + 11), f"{gain:+.2f} dB", INK, font(14), anchor="rm")
    pen.line([(_ZERO, _top(0) - 6), (_ZERO, _top(1) + 28)], RULE, 2)
    return image


def _mark(image: Image.Image, both: tuple[float, float]) -> None:
    """Where the bars of the whole network end."""
    pen = ImageDraw.Draw(image)
    for row, gain in enumerate(both):
        top, end = _top(row), _x(gain, image.width)
        pen.line([(end, top - 4), (end, top + 26)], INK, 3)
    pen.text((image.width - 4, 22), "black lines: the whole network", INK, font(13), anchor="rm")


def _top(row: int) -> int:
    return 42 + 36 * row


def _x(gain: float, width: int) -> int:
    return round(min(max(_ZERO + _DECIBEL * gain, _LEFT), width - 4))
