"""Widget of lesson 13: a wrong prediction, what each loss says to it, and which way it pushes."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

from deblurlib.course.drawing import (
    GAP,
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
from deblurlib.course.widgets import explore
from deblurlib.imaging.scenes import load_photograph
from deblurlib.models.restoration import Restoration
from deblurlib.training.losses import DeblurringLoss, LossWeights

SIDE = 128
"""Height and width of the pictures."""

FAULTS = ("too blurred", "too bright", "shifted to the right", "noisy", "ringing")
LEVELS = 256
"""Levels of brightness, by which errors are counted."""

_SHOWN = 292  # of each picture on the screen
_BARS = 150  # height of the lower row
_NAMES = {"pixel": "pixel", "edge_aux": "edge", "fourier": "Fourier"}
_PASS_BAND = (0.10, 0.16)  # centre and width of the ripples' band, in waves per pixel, on both axes


@dataclass(frozen=True)
class Verdict:
    """What the losses say to a prediction.

    Attributes:
        terms: name -> weight times loss.
        total: their sum.
        gradient: of the total, ``(1, SIDE, SIDE)``: summed over colours, and times the number of
            values, so that L^Pix alone gives -1, 0 or 1 for each colour.
    """

    terms: dict[str, float]
    total: float
    gradient: Tensor


def loss_laboratory() -> None:
    """Spoil a prediction, weigh the terms; see the total's gradient, and who has which share."""
    explore(
        render,
        describe,
        fault=Dropdown(options=list(FAULTS), description="the prediction is"),
        error=IntSlider(4, 0, 12, description="mean error, in levels"),
        pixel=FloatSlider(1.0, min=0.0, max=2.0, step=0.1, description="λ pixel"),
        edge=FloatSlider(1.0, min=0.0, max=2.0, step=0.1, description="λ edge"),
        fourier=FloatSlider(0.0, min=0.0, max=0.2, step=0.01, description="λ Fourier"),
    )


def render(fault: str, error: int, pixel: float, edge: float, fourier: float) -> Pixels:
    """Prediction, target and the total's gradient; below, the terms' shares and a legend."""
    verdict = _verdict(fault, error, pixel, edge, fourier)
    largest = _largest(verdict.gradient)
    pictures = [
        panel(
            f"prediction S: {fault}" if error else "prediction S: perfect",
            _spoilt(fault, error),
            _SHOWN,
        ),
        panel("target GT", _target(), _SHOWN),
        _framed(panel("gradient of the total", 0.5 + 0.5 * verdict.gradient / largest, _SHOWN)),
        _shares(verdict, {"pixel": pixel, "edge_aux": edge, "fourier": fourier}),
        _legend(largest),
    ]
    upper, lower = table(pictures[:3], columns=3), table(pictures[3:], columns=2)
    gap = np.full((GAP, upper.shape[1], 3), 255, dtype=np.uint8)
    return np.concatenate([upper, gap, lower])


def describe(fault: str, error: int, pixel: float, edge: float, fourier: float) -> str:
    """The terms and what the gradient asks for, in words."""
    verdict = _verdict(fault, error, pixel, edge, fourier)
    weights = f"with weights {pixel:g} (pixel), {edge:g} (edge) and {fourier:g} (Fourier)"
    if not error:
        return f"The prediction is perfect (else it would be {fault}); {weights} the total is 0."
    terms = ", ".join(f"{_NAMES[name]} {value:.4f}" for name, value in verdict.terms.items())
    push = verdict.gradient.abs().mean().item()
    return (
        f"{fault.capitalize()} by {error} of {LEVELS} levels in the mean: {weights} the total is"
        f" {verdict.total:.4f}, of which {terms or 'nothing is left'}. The gradient of a pixel, its"
        f" colours summed, is {push:.1f} in size in the mean; the pixel term gives {3 * pixel:.1f}"
        " at most."
    )


@lru_cache(maxsize=64)
def _verdict(fault: str, error: int, pixel: float, edge: float, fourier: float) -> Verdict:
    loss = DeblurringLoss(LossWeights(pixel, edge, 0.0, fourier))
    prediction = _spoilt(fault, error)[None].clone().requires_grad_()
    if not (pixel or edge or fourier):
        return Verdict({}, 0.0, torch.zeros(1, SIDE, SIDE))
    found = loss(Restoration(images=(prediction,)), _target()[None])
    (gradient,) = torch.autograd.grad(found["total"], prediction)
    weights = {"pixel": pixel, "edge_aux": edge, "fourier": fourier}
    terms = {name: weight * found[name].item() for name, weight in weights.items() if weight}
    return Verdict(terms, found["total"].item(), gradient[0].sum(0, keepdim=True) * 3 * SIDE**2)


@lru_cache(maxsize=128)
def _spoilt(fault: str, error: int) -> Tensor:
    """The target with a fault that costs `error` levels in the mean, ``(3, SIDE, SIDE)``."""
    target, wanted = _target(), error / LEVELS
    if not error:
        return target
    if fault == "too bright":
        return target + wanted
    if fault in ("noisy", "ringing"):
        change = _noise() if fault == "noisy" else _ripples()
        return target + wanted / change.abs().mean() * change
    spoil = _blurred if fault == "too blurred" else _shifted
    least, most = 0.0, 16.0
    for _ in range(14):  # both cost the more, the stronger they are
        middle = (least + most) / 2
        if (spoil(middle) - target).abs().mean() < wanted:
            least = middle
        else:
            most = middle
    return spoil(most)


@lru_cache(maxsize=1)
def _target() -> Tensor:
    photograph = load_photograph("motorcycle")[:, 130 : 130 + SIDE, 250 : 250 + SIDE]
    # Whole levels of 256, so that nothing is lost when a brightness is added and taken away.
    return (photograph * (LEVELS - 1)).round() / LEVELS


@lru_cache(maxsize=1)
def _noise() -> Tensor:
    return torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@lru_cache(maxsize=1)
def _ripples() -> Tensor:
    """A band of frequencies alone: echoes beside every edge, as where deconvolution goes wrong."""
    padded = functional.pad(_target()[None], (SIDE // 2,) * 4, mode="reflect")[0]
    y = torch.fft.fftfreq(2 * SIDE)[:, None]
    x = torch.fft.rfftfreq(2 * SIDE)
    centre, width = _PASS_BAND
    response = torch.exp(-(((torch.hypot(y, x) - centre) / (width / 4)) ** 2))
    ripples = torch.fft.irfft2(torch.fft.rfft2(padded) * response, s=(2 * SIDE, 2 * SIDE))
    return ripples[:, SIDE // 2 : -SIDE // 2, SIDE // 2 : -SIDE // 2]


def _blurred(sigma: float) -> Tensor:
    if sigma < 0.01:
        return _target()
    reach = min(math.ceil(3 * sigma), SIDE - 1)
    taps = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    taps = (taps / taps.sum()).expand(3, 1, 1, -1)
    picture = functional.pad(_target()[None], (reach,) * 4, mode="replicate")
    picture = functional.conv2d(picture, taps, groups=3)
    return functional.conv2d(picture, taps.transpose(2, 3), groups=3)[0]


def _shifted(pixels: float) -> Tensor:
    whole = int(pixels)
    padded = functional.pad(_target()[None], (whole + 1, 0, 0, 0), mode="replicate")[0]
    part = pixels - whole
    return (1 - part) * padded[..., 1 : SIDE + 1] + part * padded[..., :SIDE]


def _largest(gradient: Tensor) -> float:
    # What is white and black: as far as nearly all of the picture goes.
    return max(gradient.abs().flatten().quantile(0.995).item(), 1e-3)


def _framed(picture: Image.Image) -> Image.Image:
    # Where all of it is white, it would not be seen on the paper.
    box = (0, picture.height - _SHOWN, _SHOWN - 1, picture.height - 1)
    ImageDraw.Draw(picture).rectangle(box, None, RULE)
    return picture


def _shares(verdict: Verdict, weights: dict[str, float]) -> Image.Image:
    width = 2 * _SHOWN + GAP
    image = Image.new("RGB", (width, _BARS), PAPER)
    pen = ImageDraw.Draw(image)
    left, right = 230, width - 60
    for row, (name, weight) in enumerate(weights.items()):
        y = 24 + 46 * row
        value = verdict.terms.get(name, 0.0)
        share = value / verdict.total if verdict.total else 0.0
        pen.text((8, y), f"{_NAMES[name]}", INK, font(15), anchor="lm")
        pen.text((left - 10, y), f"{weight:g} × loss = {value:.4f}", INK, font(14), anchor="rm")
        pen.rectangle((left, y - 14, right, y + 14), None, RULE)
        if share:
            pen.rectangle((left, y - 14, left + share * (right - left), y + 14), PALETTE[row])
        pen.text((width - 4, y), f"{share:.0%}", INK, font(15), anchor="rm")
    return titled(f"the terms' shares in the total of {verdict.total:.4f}", image)


def _legend(largest: float) -> Image.Image:
    image = Image.new("RGB", (_SHOWN, _BARS), PAPER)
    pen = ImageDraw.Draw(image)
    ramp = np.linspace(0, 255, _SHOWN).astype(np.uint8)
    image.paste(Image.fromarray(np.repeat(ramp[None], 28, axis=0)), (0, 10))
    pen.rectangle((0, 10, _SHOWN - 1, 37), None, RULE)
    texts = (
        (f"-{largest:.1f}", "the step", "brightens"),
        ("0", "as it is", ""),
        (f"+{largest:.1f}", "the step", "darkens"),
    )
    for place, (lines, anchor) in enumerate(zip(texts, "lmr", strict=True)):
        for row, text in enumerate(lines):
            at = (place * (_SHOWN - 1) / 2, 46 + 20 * row)
            pen.text(at, text, INK, font(14), anchor=f"{anchor}a")
    pen.text((0, _BARS - 28), "L^Pix (λ = 1): 1 a colour; three are summed", INK, font(13))
    return titled("gray levels of the gradient", image)
