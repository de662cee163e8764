"""Widget of lesson 08: what a skip connection of SGENet predicts, and what it makes of it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from deblurlib.course.drawing import (
    INK,
    PALETTE,
    PAPER,
    RULE,
    Pixels,
    font,
    panel,
    table,
    titled,
)
from deblurlib.course.widgets import blurred_piece, explore
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.training.checkpoints import load_model
from deblurlib.training.metrics import psnr

SIDE = 112
"""Height and width of the picture: small, so that the network answers while a slider moves."""

SKIPS = {
    f"stage {stage}, {size}": (stage, level)
    for stage in (1, 2)
    for level, size in enumerate(("full size", "half size", "quarter size"))
}
"""Name -> stage and level of each skip connection."""

_MEAN = "mean over channels"
_WIDTH = 2 * SIDE  # of each of the eight panels
_ENLARGED = 4.0  # times which small differences are shown, 0.5 being none
_BARS = 45  # of the histogram; odd, so that one stands for 1


@dataclass(frozen=True)
class Skip:
    """What a CEM saw and made.

    Attributes:
        predicted: P, ``(1, 3, h, w)``.
        details: P less its Gaussian blur, not enlarged.
        attention: A, ``(1, channels, h, w)``.
    """

    predicted: Tensor
    details: Tensor
    attention: Tensor


def enhancement_laboratory() -> None:
    """Choose a skip connection, a photograph and its blur; switch the guidance on and off.

    Off, the gains are 1 on every skip; P is predicted as before.
    """
    explore(
        render,
        describe,
        photograph=ipywidgets.Dropdown(
            options=TEST_PHOTOGRAPHS, value="motorcycle", description="photograph"
        ),
        shake=ipywidgets.IntSlider(6, 0, 24, 2, description="shake (pixels)"),
        skip=ipywidgets.Dropdown(options=list(SKIPS), description="skip connection"),
        channel=ipywidgets.Dropdown(
            options=[_MEAN, *(f"channel {number}" for number in range(1, 9))],
            description="attention shown",
        ),
        guidance=ipywidgets.Dropdown(options=["on", "off"], description="guidance (gains)"),
    )


def render(photograph: str, shake: int, skip: str, channel: str, guidance: str) -> Pixels:
    """Above, the picture blurred, restored and sharp; below, what the skip has to say to it."""
    blurred, sharp = _pair(photograph, shake)
    restored, skips = _run(photograph, shake, guidance)
    stage, level = SKIPS[skip]
    found = skips[stage, level]
    gains = _gains(found, channel)
    reach = _reach(gains)
    extent = f"{1 - reach:.2f} to {1 + reach:.2f}"
    shown = f"A, {'mean' if channel == _MEAN else channel}: {extent}"
    panels = [
        panel(f"blurred: {_decibels(blurred, sharp)}", blurred, _WIDTH),
        panel(f"gains {guidance}: {_decibels(restored, sharp)}", restored, _WIDTH),
        panel("sharp", sharp, _WIDTH),
        panel("what the network adds, ×4", 0.5 + _ENLARGED * (restored - blurred), _WIDTH),
        panel(f"P of {skip}", found.predicted, _WIDTH),
        panel("its details, ×4", 0.5 + _ENLARGED * found.details, _WIDTH),
        panel(shown, 0.5 + 0.5 * (gains - 1) / reach, _WIDTH),
        _legend(gains, reach),
    ]
    return table(panels, columns=4)


def describe(photograph: str, shake: int, skip: str, channel: str, guidance: str) -> str:
    """What the picture shows, in words."""
    blurred, sharp = _pair(photograph, shake)
    restored, skips = _run(photograph, shake, guidance)
    stage, level = SKIPS[skip]
    found, truth = skips[stage, level], gaussian_pyramid(sharp, 2)[level]
    small = gaussian_pyramid(blurred, 2)[level]
    gains = _gains(found, channel)
    away = ((gains - 1).abs() > 0.05).float().mean().item()
    what = "mean gain over channels" if channel == _MEAN else f"gain of {channel}"
    return (
        f"{photograph.capitalize()} under a shake of {shake} pixels, {_decibels(blurred, sharp)};"
        f" restored with gains {guidance} {_decibels(restored, sharp)}. On the skip of {skip},"
        f" P has {_decibels(found.predicted, truth)} where the blurred picture of that size has"
        f" {_decibels(small, truth)}; the {what} is from {gains.min():.2f} to {gains.max():.2f},"
        f" and more than 0.05 away from 1 in {away:.0%} of the pixels."
    )


def _decibels(image: Tensor, sharp: Tensor) -> str:
    value = psnr(image, sharp).item()
    return f"{value:.2f} dB" if value < 99 else "no error"


def _gains(skip: Skip, channel: str) -> Tensor:
    if channel == _MEAN:
        return skip.attention.mean(dim=1)
    return skip.attention[:, int(channel.split()[1]) - 1]


def _reach(gains: Tensor) -> float:
    # How far from 1 the gray levels go: as far as nearly all gains do.
    return max(0.02, (gains - 1).abs().quantile(0.995).item())


def _legend(gains: Tensor, reach: float) -> Image.Image:
    """How many pixels have which gain, over the gray level that stands for it."""
    counts = torch.histc(gains.float(), _BARS, 1 - reach, 1 + reach)
    image = Image.new("RGB", (_WIDTH, _WIDTH), PAPER)
    pen = ImageDraw.Draw(image)
    bottom, step = _WIDTH - 54, _WIDTH / _BARS
    for number, share in enumerate((counts / counts.max().clamp(min=1)).tolist()):
        left = number * step
        pen.rectangle((left, bottom - share * (bottom - 4), left + step - 2, bottom), PALETTE[0])
    for y in range(0, bottom, 8):
        pen.line([(_WIDTH / 2, y), (_WIDTH / 2, y + 4)], INK)
    ramp = np.linspace(0, 255, _WIDTH).astype(np.uint8)
    image.paste(Image.fromarray(np.repeat(ramp[None], 16, axis=0)), (0, bottom + 1))
    pen.rectangle((0, bottom + 1, _WIDTH - 1, bottom + 16), None, RULE)
    ends = (f"{1 - reach:.2f}", "lowered"), ("1", "untouched"), (f"{1 + reach:.2f}", "raised")
    for place, (lines, anchor) in enumerate(zip(ends, "lmr", strict=True)):
        for row, text in enumerate(lines):
            at = (place * (_WIDTH - 1) / 2, bottom + 20 + 17 * row)
            pen.text(at, text, INK, font(13), anchor=f"{anchor}a")
    return titled("pixels by their gain", image)


@lru_cache(maxsize=64)
def _pair(photograph: str, shake: int) -> tuple[Tensor, Tensor]:
    return blurred_piece(photograph, SIDE, shake, margin=20)


@lru_cache(maxsize=128)
def _run(photograph: str, shake: int, guidance: str) -> tuple[Tensor, dict[tuple[int, int], Skip]]:
    """The restored picture, and what each CEM made on the way."""
    network, seen = _network(), {}
    modules = {
        module: (number, level)
        for number, stage in enumerate((network.stage1, network.stage2), start=1)
        for level, module in enumerate(stage.enhancements)
    }

    def keep(module: Any, given: tuple[Tensor, ...], out: tuple[Tensor, Tensor]) -> Any:
        predicted = out[1]
        details = module.details(predicted)
        attention = 2 * torch.sigmoid(module.context(details))
        seen[modules[module]] = Skip(predicted, details / module.contrast, attention)
        # Switched off, the features go on as they came.
        return out if guidance == "on" else (given[0], predicted)

    hooks = [module.register_forward_hook(keep) for module in modules]
    try:
        with torch.no_grad():
            blurred, _ = _pair(photograph, shake)
            restored = network(blurred.contiguous(memory_format=torch.channels_last)).image
    finally:
        for hook in hooks:
            hook.remove()
    return restored, seen


@lru_cache(maxsize=1)
def _network() -> Any:
    # In this order of memory its convolutions take a third less time.
    return load_model("sgenet_small").to(memory_format=torch.channels_last)  # type: ignore[call-overload]
