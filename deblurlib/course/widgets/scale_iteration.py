"""Lesson 11's widget: a trained SUNG climbs from the smallest picture to the full one, by steps."""

from functools import lru_cache
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from deblurlib.course.drawing import INK, PALETTE, PAPER, RULE, Pixels, font, panel, table, titled
from deblurlib.course.widgets import blurred_piece, explore
from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.training.checkpoints import load_model
from deblurlib.training.metrics import psnr

SIDE = 128
"""Of the piece of a photograph that is restored, in pixels."""

MOST = 6
"""Iterations."""

BRIGHTER = 2
"""Times: edge maps are shown so, for most of them is dark."""

_WIDTH = 218  # of a panel


def scale_stepper() -> None:
    """Choose a photograph, its blur and I, and go from i = I to 0."""
    explore(
        render,
        describe,
        photograph=ipywidgets.Dropdown(options=TEST_PHOTOGRAPHS, description="photograph"),
        strength=ipywidgets.IntSlider(16, 4, 40, 4, description="blur in pixels"),
        iterations=ipywidgets.IntSlider(4, 1, MOST, description="iterations I"),
        step=ipywidgets.IntSlider(2, 0, MOST, description="step (0 is the start)"),
    )


def render(photograph: str, strength: int, iterations: int, step: int) -> Pixels:
    """B_i, S_i and the two edge maps at the chosen step; below, the gain at every step."""
    scale = climb(photograph, strength, iterations)[min(step, iterations)]
    i, size = scale.i, scale.sharp.shape[-1]
    edges = EdgeMap()(scale.sharp).mean(dim=1, keepdim=True)
    panels = [
        panel(f"B_{i}, {size} pixels wide", scale.blurred, _WIDTH),
        panel(f"S_{i}" + (f" = B_{i}" if scale.edges is None else ""), scale.sharp, _WIDTH),
        _no_guess()
        if scale.edges is None
        else panel(
            f"G_{i}, the guess × {BRIGHTER}",
            BRIGHTER * scale.edges.mean(dim=1, keepdim=True),
            _WIDTH,
        ),
        panel(f"M(S_{i}) × {BRIGHTER}", BRIGHTER * edges, _WIDTH),
    ]
    if step > iterations:
        panels[-1] = panel(f"no step {step}: I = {iterations}", BRIGHTER * edges, _WIDTH)
    above = table(panels, len(panels))
    bars = _bars(above.shape[1], climb(photograph, strength, iterations), i)
    return np.concatenate([above, np.asarray(bars)])


def describe(photograph: str, strength: int, iterations: int, step: int) -> str:
    """What `render` shows, in words."""
    scales = climb(photograph, strength, iterations)
    scale, last = scales[min(step, iterations)], scales[-1]
    i = scale.i
    words = (
        f"{photograph.capitalize()}, blurred over {strength} pixels; I = {iterations}, i = {i}: "
        f"{scale.sharp.shape[-1]} pixels wide, where the blur has {strength / 2**i:.1f}. "
    )
    if scale.edges is None:
        words += f"S_{i} = B_{i}, {scale.before:.2f} dB; nothing is restored yet"
    else:
        words += (
            f"B_{i} has {scale.before:.2f} dB against the sharp picture of that size, S_{i} "
            f"{scale.after:.2f}: {scale.gain:+.2f} dB"
        )
    if step > iterations:
        words += f"; there is no step {step}, the climb ends after {iterations}"
    return f"{words}. At full size {last.gain:+.2f} dB."


class Scale(NamedTuple):
    """What there is at size i: B_i, S_i, G_i (None at the start), and their PSNR."""

    i: int
    blurred: Tensor
    sharp: Tensor
    edges: Tensor | None
    before: float
    after: float

    @property
    def gain(self) -> float:
        """Of S_i over B_i, in dB."""
        return self.after - self.before


@lru_cache(maxsize=256)
def climb(photograph: str, strength: int, iterations: int) -> tuple[Scale, ...]:
    """Every scale from i = I to 0, with the shipped weights."""
    blurred, truth = pair(photograph, strength)
    levels, truths = (gaussian_pyramid(image, iterations) for image in (blurred, truth))
    with torch.no_grad():
        restored = _network()(blurred, iterations=iterations)
    scales = []
    for k in range(iterations + 1):
        i = iterations - k
        sharp = restored.images[k - 1] if k else levels[i]
        scales.append(
            Scale(
                i,
                levels[i],
                sharp,
                restored.edges[k - 1] if k else None,
                psnr(levels[i], truths[i]).item(),
                psnr(sharp, truths[i]).item(),
            )
        )
    return tuple(scales)


@lru_cache(maxsize=64)
def pair(photograph: str, strength: int) -> tuple[Tensor, Tensor]:
    """A piece of a photograph, blurred and sharp, ``(1, 3, SIDE, SIDE)``."""
    return blurred_piece(photograph, SIDE, strength, margin=40)


@lru_cache(maxsize=1)
def _network() -> Any:
    return load_model("sung_small")


def _no_guess() -> Image.Image:
    image = Image.new("RGB", (_WIDTH, _WIDTH), PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, _WIDTH - 1, _WIDTH - 1), outline=RULE)
    pen.text((_WIDTH / 2, _WIDTH / 2), "no guess yet", INK, font(13), anchor="mm")
    return titled("G comes with step 1", image)


_ROW, _TOP, _ZERO, _DECIBEL = 30, 46, 400, 80  # pixels; x of no gain, and pixels a dB


def _bars(width: int, scales: tuple[Scale, ...], chosen: int) -> Image.Image:
    """The gain at every size, coarse to fine, the chosen one in colour."""
    height = _TOP + _ROW * (MOST + 1)
    image = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((width / 2, 24), "gain of S_i over B_i, at each size", INK, font(14), anchor="mm")
    for row, scale in enumerate(scales):
        top = _TOP + _ROW * row
        end = round(min(max(_ZERO + _DECIBEL * scale.gain, 210), width - 4))
        colour = PALETTE[1] if scale.i == chosen else PALETTE[0]
        pen.rectangle((min(_ZERO, end), top, max(_ZERO, end), top + 18), colour)
        mark = "▶ " if scale.i == chosen else ""
        name = f"{mark}i = {scale.i}, {scale.sharp.shape[-1]} px"
        pen.text((130, top + 9), name, INK, font(13), anchor="rm")
        said = "start" if scale.edges is None else f"{scale.gain:+.2f} dB"
        pen.text((202, top + 9), said, INK, font(13), anchor="rm")
    pen.line([(_ZERO, _TOP - 6), (_ZERO, _TOP + _ROW * len(scales) - 6)], RULE, 2)
    return image
