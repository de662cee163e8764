"""Widget of lesson 03: an error microscope, which shows what each metric makes of a distortion."""

import io
import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from ipywidgets import Dropdown, IntSlider
from kornia.metrics import ssim
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

from deblurlib.course.drawing import INK, PALETTE, PAPER, RULE, Pixels, font, panel, table
from deblurlib.course.widgets import blurred_piece, explore
from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.exposure import quantize
from deblurlib.imaging.files import to_image
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.training.metrics import METRICS

SIDE = 172
"""Of the piece of a photograph, in pixels, and of each panel."""

BRIGHTER = 4
"""Times: the maps of errors are shown so, for most of them is dark."""

DISTORTIONS = {
    "moving camera": (1, 2, "a blur of {} px sideways"),
    "noise": (0, 1, "noise of {} % of white"),
    "brighter": (0, 2, "every value {} levels of 255 brighter"),
    "paler": (0, 6, "{} % of the contrast taken away"),
    "over-sharpened": (0, 20, "outlines exaggerated by {} %"),
    "moved": (0, 1, "moved sideways by {} px"),
    "JPEG": (55, -5, "JPEG of quality {}"),
}
"""What may be done to the sharp piece: its amount at strength 0, what a step adds; in words."""

_MARGIN = 24  # of photograph around the piece: what a blur, or a move, brings in
_SCALES = {  # name -> its lowest and highest value in the chart, and how it is written
    "psnr": (10.0, 50.0, "{:.1f} dB"),
    "edge_psnr": (10.0, 50.0, "{:.1f} dB"),
    "ssim_rgb": (0.0, 1.0, "{:.3f}"),
    "ssim_gray": (0.0, 1.0, "{:.3f}"),
    "ssim_3d": (0.0, 1.0, "{:.3f}"),
}


def error_microscope() -> None:
    """Choose a photograph, a distortion and its strength; see the errors and all metrics."""
    explore(
        render,
        describe,
        photograph=Dropdown(options=TEST_PHOTOGRAPHS, description="photograph"),
        distortion=Dropdown(options=tuple(DISTORTIONS), value="noise", description="distortion"),
        strength=IntSlider(4, 1, 10, description="strength"),
    )


def render(photograph: str, distortion: str, strength: int) -> Pixels:
    """Sharp and distorted piece, three maps of the error; below, every metric as a bar."""
    sharp, distorted = pair(photograph, distortion, strength)
    edges = EdgeMap()
    error = BRIGHTER * (distorted - sharp).abs()
    unlike = 1 - ssim(distorted, sharp, 11)
    of_edges = BRIGHTER * (edges(distorted) - edges(sharp)).abs()
    above = table(
        [
            panel("sharp", sharp, SIDE),
            panel(distortion, distorted, SIDE),
            panel(f"error × {BRIGHTER}", error.mean(1, keepdim=True), SIDE),
            panel("1 − SSIM", unlike.mean(1, keepdim=True), SIDE),
            panel(f"error of M × {BRIGHTER}", of_edges.mean(1, keepdim=True), SIDE),
        ],
        columns=5,
    )
    chart = _bars(above.shape[1], scores(photograph, distortion, strength))
    return np.concatenate([above, np.asarray(chart)])


def describe(photograph: str, distortion: str, strength: int) -> str:
    """What `render` shows, in words."""
    found = scores(photograph, distortion, strength)
    amount, fidelity = _amount(distortion, strength), found["edge_psnr"]
    edges = "infinite" if math.isinf(fidelity) else f"{fidelity:.1f} dB"
    return (
        f"{photograph.capitalize()}, {DISTORTIONS[distortion][2].format(amount)}: PSNR"
        f" {found['psnr']:.1f} dB, edge fidelity {edges}; SSIM {found['ssim_rgb']:.3f} per"
        f" channel, {found['ssim_gray']:.3f} gray, {found['ssim_3d']:.3f} in 3-D."
    )


@lru_cache(maxsize=64)
def scores(photograph: str, distortion: str, strength: int) -> Mapping[str, float]:
    """Every metric of the distorted piece, by name."""
    sharp, distorted = pair(photograph, distortion, strength)
    return {name: metric(distorted, sharp).item() for name, metric in METRICS.items()}


@lru_cache(maxsize=64)
def pair(photograph: str, distortion: str, strength: int) -> tuple[Tensor, Tensor]:
    """The piece, sharp and distorted, on 8-bit levels, ``(1, 3, SIDE, SIDE)``."""
    wide, amount = _sharp(photograph), _amount(distortion, strength)
    sharp = wide[..., _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    if distortion == "moving camera":
        side = _MARGIN - amount // 2
        rows = wide[..., _MARGIN:-_MARGIN, side : wide.shape[-1] - side]
        distorted = functional.avg_pool2d(rows, (1, amount), 1)
    elif distortion == "noise":
        distorted = sharp + 0.01 * amount * _noise()
    elif distortion == "brighter":
        distorted = sharp + amount / 255
    elif distortion == "paler":
        mean = sharp.mean((-2, -1), keepdim=True)
        distorted = mean + (1 - 0.01 * amount) * (sharp - mean)
    elif distortion == "over-sharpened":
        side = _MARGIN - 2
        smooth = functional.avg_pool2d(wide[..., side:-side, side:-side], 5, 1)
        distorted = sharp + 0.01 * amount * (sharp - smooth)
    elif distortion == "moved":
        left = _MARGIN - amount
        distorted = wide[..., _MARGIN:-_MARGIN, left : left + SIDE]
    else:
        distorted = _jpeg(sharp, amount)
    return sharp, quantize(distorted)


def _amount(distortion: str, strength: int) -> int:
    start, step, _ = DISTORTIONS[distortion]
    return start + step * strength


@lru_cache(maxsize=8)
def _sharp(photograph: str) -> Tensor:
    """The piece with its margin; a blur of no length is the photograph itself."""
    return quantize(blurred_piece(photograph, SIDE + 2 * _MARGIN, 1, 0)[1])


@lru_cache(maxsize=1)
def _noise() -> Tensor:
    return torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def _jpeg(image: Tensor, quality: int) -> Tensor:
    file = io.BytesIO()
    to_image(image[0]).save(file, "jpeg", quality=quality)
    levels = torch.from_numpy(np.array(Image.open(file)))
    return levels.permute(2, 0, 1)[None] / 255


def _bars(width: int, found: Mapping[str, float]) -> Image.Image:
    sheet = Image.new("RGB", (width, 26 * len(found) + 38), PAPER)
    pen = ImageDraw.Draw(sheet)
    left, right = 130, width - 110
    for number, (name, (low, high, form)) in enumerate(_SCALES.items()):
        y = 16 + 26 * number + (8 if number > 1 else 0)  # the decibels stand apart
        share = (found[name] - low) / (high - low)
        infinite = math.isinf(share)
        end = left + min(max(share, 0.0), 1.0) * (right - left)
        pen.rectangle((left, y, right, y + 17), RULE)
        pen.rectangle((left, y, end, y + 17), PALETTE[0] if number < 2 else PALETTE[4])
        value = "infinite" if infinite else form.format(found[name])
        pen.text((left - 8, y + 9), name, INK, font(13), anchor="rm")
        pen.text((right + 8, y + 9), value, INK, font(13), anchor="lm")
    scale = "bars: decibels from 10 to 50, SSIM from 0 to 1"
    pen.text((left, sheet.height - 2), scale, INK, font(12), anchor="ls")
    return sheet
