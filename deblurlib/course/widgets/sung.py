"""Lesson 12's widgets: other guides in the place of G and F, and the channels of F one by one."""

from functools import lru_cache
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from deblurlib.course.drawing import INK, PALETTE, PAPER, RULE, Pixels, font, panel, table
from deblurlib.course.widgets import blurred_piece, explore
from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.training.checkpoints import load_model
from deblurlib.training.metrics import psnr

SIDE = 128
"""Of the piece of a photograph that is restored, in pixels."""

ITERATIONS = 3
BRIGHTER = 2
"""Times: edge maps are shown so, for most of them is dark."""

CHANNELS = 16
"""Of F in `sung_small`."""

GUIDES = {
    "as guessed": "the guess of the edge path",
    "zero": "zeros",
    "shuffled": "the guess with its pixels shuffled",
    "M(B)": "the edges of the blurred picture",
    "M(GT)": "the true edges",
}
"""What may stand in the place of G, and in words."""

FEATURES = {"as they are": "F as it is", "zero": "zeros for F"}
STRENGTHS = {"6 pixels": 6, "12 pixels": 12, "24 pixels": 24}

_WIDTH = 218  # of a panel


def edge_path_laboratory() -> None:
    """Choose a photograph, its blur, and what the restoration module gets for G and F."""
    explore(
        render,
        describe,
        photograph=ipywidgets.Dropdown(options=TEST_PHOTOGRAPHS, description="photograph"),
        strength=ipywidgets.Dropdown(
            options=tuple(STRENGTHS), value="12 pixels", description="blur"
        ),
        guide=ipywidgets.Dropdown(options=tuple(GUIDES), value="zero", description="in place of G"),
        features=ipywidgets.Dropdown(options=tuple(FEATURES), description="F"),
        scale=ipywidgets.IntSlider(0, 0, ITERATIONS - 1, description="scale i"),
    )


def feature_browser() -> None:
    """Choose a photograph, its blur, and one channel of F_0, to see it and to take it away."""
    explore(
        render_channel,
        describe_channel,
        photograph=ipywidgets.Dropdown(options=TEST_PHOTOGRAPHS, description="photograph"),
        strength=ipywidgets.Dropdown(
            options=tuple(STRENGTHS), value="12 pixels", description="blur"
        ),
        channel=ipywidgets.IntSlider(13, 0, CHANNELS - 1, description="channel of F"),
    )


def render(photograph: str, strength: str, guide: str, features: str, scale: int) -> Pixels:
    """B_i, what stands for G, S_i with it and S_i as it is; below, the gain at every size."""
    changed = climb(photograph, strength, guide, features)
    usual = climb(photograph, strength, "as guessed", "as they are")
    here, there = changed[ITERATIONS - 1 - scale], usual[ITERATIONS - 1 - scale]
    panels = [
        panel(f"B_{scale}, {here.blurred.shape[-1]} pixels wide", here.blurred, _WIDTH),
        panel(f"in place of G_{scale}, × {BRIGHTER}", _brighter(here.edges), _WIDTH),
        panel(f"S_{scale} with it", here.sharp, _WIDTH),
        panel(f"S_{scale} as it is", there.sharp, _WIDTH),
    ]
    above = table(panels, len(panels))
    return np.concatenate([above, np.asarray(_bars(above.shape[1], changed, usual, scale))])


def describe(photograph: str, strength: str, guide: str, features: str, scale: int) -> str:
    """What `render` shows, in words."""
    changed = climb(photograph, strength, guide, features)[ITERATIONS - 1 - scale]
    usual = climb(photograph, strength, "as guessed", "as they are")[ITERATIONS - 1 - scale]
    return (
        f"{photograph.capitalize()}, blurred over {strength}. At every scale the restoration"
        f" module gets {GUIDES[guide]} for G, and {FEATURES[features]}. At i = {scale} the map in"
        f" the place of G is {changed.off:.1f} levels of 255 away from M(GT_{scale}), and S_{scale}"
        f" gains {changed.gain:+.2f} dB over B_{scale}; as it is, {usual.gain:+.2f} dB."
    )


def render_channel(photograph: str, strength: str, channel: int) -> Pixels:
    """The channel of F_0 large, what S_0 owes to it, S_0 without it; below, all channels."""
    maps = feature_maps(photograph, strength)
    without, _, owed = lesion(photograph, strength, channel)
    above = table(
        [
            panel(f"channel {channel} of F_0", maps[channel], _WIDTH),
            panel(
                "S_0", climb(photograph, strength, "as guessed", "as they are")[-1].sharp, _WIDTH
            ),
            panel(f"S_0 without channel {channel}", without, _WIDTH),
            panel("difference × 20, around gray", 0.5 + 20 * owed, _WIDTH),
        ],
        4,
    )
    width = above.shape[1]
    side = (width - 15 * 4) // CHANNELS
    strip = Image.new("RGB", (width, side + 40), PAPER)
    pen = ImageDraw.Draw(strip)
    for number in range(CHANNELS):
        left = number * (side + 4)
        small = panel("", maps[number], side).crop((0, 22, side, 22 + side))
        strip.paste(small, (left, 16))
        chosen = number == channel
        if chosen:
            pen.rectangle((left - 2, 14, left + side + 1, side + 17), outline=PALETTE[1], width=3)
        pen.text(
            (left + side / 2, side + 30), f"{'▲ ' if chosen else ''}{number}", INK, font(13), "mm"
        )
    return np.concatenate([above, np.asarray(strip)])


def describe_channel(photograph: str, strength: str, channel: int) -> str:
    """What `render_channel` shows, in words."""
    features = climb(photograph, strength, "as guessed", "as they are")[-1].features
    below = (features[:, channel] < 0).float().mean().item()
    _, gain, owed = lesion(photograph, strength, channel)
    usual = climb(photograph, strength, "as guessed", "as they are")[-1].gain
    return (
        f"{photograph.capitalize()}, blurred over {strength}: {below:.0%} of channel {channel} of"
        f" F_0 is below 0. With its mean in the place of its values, S_0 changes by"
        f" {255 * owed.abs().mean().item():.2f} levels of 255 on average, and its gain goes from"
        f" {usual:+.3f} to {gain:+.3f} dB."
    )


class Scale(NamedTuple):
    """B_i, what stood for F_i and G_i, and S_i; the map's distance to M(GT_i), and S_i's gain."""

    blurred: Tensor
    features: Tensor
    edges: Tensor
    sharp: Tensor
    off: float
    gain: float


@lru_cache(maxsize=256)
def climb(photograph: str, strength: str, guide: str, features: str) -> tuple[Scale, ...]:
    """Every scale from coarse to fine, with the shipped weights."""
    blurred, truth = (gaussian_pyramid(image, ITERATIONS) for image in pair(photograph, strength))
    network, edges = _network(), EdgeMap()
    sharp, scales = blurred[ITERATIONS], []
    with torch.no_grad():
        for i in reversed(range(ITERATIONS)):
            true_edges = edges(truth[i])
            inputs = blurred[i + 1], sharp
            found = network.deblurring_path(torch.cat(inputs, dim=1))
            if features == "zero":
                found = torch.zeros_like(found)
            if guide == "M(GT)":
                edge_map = true_edges
            elif guide == "M(B)":
                edge_map = edges(blurred[i])
            else:
                edge_map = network.edge_path(torch.cat([edges(image) for image in inputs], dim=1))
                if guide == "zero":
                    edge_map = torch.zeros_like(edge_map)
                if guide == "shuffled":
                    edge_map = _shuffled(edge_map)
            sharp = _restored(found, edge_map, blurred[i])
            gain = psnr(sharp, truth[i]) - psnr(blurred[i], truth[i])
            off = 255 * (edge_map - true_edges).abs().mean()
            scales.append(Scale(blurred[i], found, edge_map, sharp, off.item(), gain.item()))
    return tuple(scales)


@lru_cache(maxsize=256)
def lesion(photograph: str, strength: str, channel: int) -> tuple[Tensor, float, Tensor]:
    """S_0 with a channel of F_0 at its mean, its gain in dB, and what it lacks of S_0."""
    blurred, truth = pair(photograph, strength)
    last = climb(photograph, strength, "as guessed", "as they are")[-1]
    features = last.features.clone()
    features[:, channel] = features[:, channel].mean()
    with torch.no_grad():
        without = _restored(features, last.edges, blurred)
    gain = psnr(without, truth) - psnr(blurred, truth)
    return without, gain.item(), (last.sharp - without).mean(dim=1, keepdim=True)


@lru_cache(maxsize=32)
def feature_maps(photograph: str, strength: str) -> tuple[Tensor, ...]:
    """The channels of F_0, ``(1, SIDE, SIDE)``: gray is 0, the farthest value is 0 or 1."""
    features = climb(photograph, strength, "as guessed", "as they are")[-1].features[0]
    return tuple(0.5 + one[None] / (2 * one.abs().max()) for one in features)


@lru_cache(maxsize=32)
def pair(photograph: str, strength: str) -> tuple[Tensor, Tensor]:
    """A piece of a photograph, blurred and sharp, ``(1, 3, SIDE, SIDE)``."""
    return blurred_piece(photograph, SIDE, STRENGTHS[strength], margin=40)


@lru_cache(maxsize=1)
def _network() -> Any:
    return load_model("sung_small")


def _restored(features: Tensor, edge_map: Tensor, blurred: Tensor) -> Tensor:
    return blurred + _network().restoration_module(torch.cat([features, edge_map, blurred], dim=1))


def _shuffled(edge_map: Tensor) -> Tensor:
    pixels = edge_map.flatten(2)
    order = torch.randperm(pixels.shape[-1], generator=torch.Generator().manual_seed(0))
    return pixels[..., order].view_as(edge_map)


def _brighter(edge_map: Tensor) -> Tensor:
    return BRIGHTER * edge_map.mean(dim=1, keepdim=True)


_ROW, _TOP, _ZERO, _DECIBEL = 58, 46, 400, 80  # pixels; x of no gain, and pixels a dB


def _bars(
    width: int, changed: tuple[Scale, ...], usual: tuple[Scale, ...], chosen: int
) -> Image.Image:
    """The gain at every size, coarse to fine, as changed and as it is."""
    image = Image.new("RGB", (width, _TOP + _ROW * ITERATIONS), PAPER)
    pen = ImageDraw.Draw(image)
    title = "gain of S_i over B_i: above as chosen, below as it is"
    pen.text((width / 2, 24), title, INK, font(14), anchor="mm")
    for row, pairs in enumerate(zip(changed, usual, strict=True)):
        i = ITERATIONS - 1 - row
        top = _TOP + _ROW * row
        name = f"{'▶ ' if i == chosen else ''}i = {i}, {pairs[0].blurred.shape[-1]} px"
        pen.text((130, top + 20), name, INK, font(13), anchor="rm")
        for line, (scale, colour) in enumerate(zip(pairs, (PALETTE[1], PALETTE[0]), strict=True)):
            y = top + 21 * line
            end = round(min(max(_ZERO + _DECIBEL * scale.gain, 212), width - 4))
            pen.rectangle((min(_ZERO, end), y, max(_ZERO, end), y + 17), colour)
            pen.text((204, y + 9), f"{scale.gain:+.2f} dB", INK, font(13), anchor="rm")
    pen.line([(_ZERO, _TOP - 6), (_ZERO, _TOP + _ROW * ITERATIONS - 10)], RULE, 2)
    return image
