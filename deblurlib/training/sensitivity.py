"""Where a network stops working: other blur, noise, compression, camera response, defocus; and I.

Each axis leaves the photo split's middle ground in one direction, all else equal: the same test
photographs, the same shakes. A gain in PSNR below 0 says that the image was better before.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import mean
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.data.pairs import Pair
from deblurlib.data.synthetic import STRENGTHS, photo_split, strength_of
from deblurlib.imaging.exposure import (
    GAMMA,
    add_sensor_noise,
    expose,
    from_linear,
    quantize,
    random_camera_path,
    to_linear,
)
from deblurlib.imaging.files import to_image, to_tensor
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS, load_photograph
from deblurlib.models import ScaleIteration, iteration_arguments
from deblurlib.training.metrics import psnr
from deblurlib.training.precision import autocast

AXES: Mapping[str, Sequence[float]] = {
    "blur": (0, 2, 4, 6, 9, 12, 18, 24, 36, 48),
    "noise": (0, 5e-5, 2e-4, 8e-4, 3.2e-3),
    "jpeg": (100, 95, 85, 70, 50, 30),
    "gamma": (1.0, 1.4, 1.8, 2.2, 2.6),
    "defocus": (0, 1, 2, 3, 4, 6),
}
"""What is varied, and its levels: length of the blur in pixels; shot noise (`add_sensor_noise`);
JPEG's quality; γ of the camera response, light = value ** γ (1 averages coded values, as GoPro's
`blur`); radius in pixels of the disc of a lens out of focus, with no motion at all."""

USUAL = {"blur": STRENGTHS["mild"], "noise": 5e-5, "gamma": GAMMA}
"""Of what is not being varied: as in the photo split; no JPEG, no defocus."""


def blurred_pairs(axis: str, level: float, *, shakes: int = 2, side: int = 320) -> list[Pair]:
    """The test photographs under one condition.

    Args:
        axis, level: one of `AXES`, and how much of it.
        shakes: camera paths per photograph; the same ones for all levels but for their length.
        side: of the square frames, in pixels, where a photograph is large enough.

    Returns:
        Pairs ``(3, H, W)`` of 8-bit values.

    Raises:
        ValueError: for an unknown axis.
    """
    return [
        blurred_pair(axis, level, photograph, shake, side=side)
        for photograph in TEST_PHOTOGRAPHS
        for shake in range(shakes)
    ]


def blurred_pair(
    axis: str, level: float, photograph: str, shake: int = 0, *, side: int = 320
) -> Pair:
    """One of `blurred_pairs`.

    Raises:
        ValueError: for an unknown axis.
    """
    if axis not in AXES:
        raise ValueError(f"unknown axis {axis!r}: choose from {', '.join(AXES)}")
    usual = {**USUAL, axis: level}
    extent = 0.0 if axis == "defocus" else usual["blur"]
    scene = load_photograph(photograph)[None]
    size = (min(side, scene.shape[-2] - 40), min(side, scene.shape[-1] - 40))
    number = TEST_PHOTOGRAPHS.index(photograph)
    generator = torch.Generator().manual_seed(1000 * number + shake)
    path = random_camera_path(size, torch.tensor([extent]), generator)
    blurred, sharp = expose(scene, path, gamma=usual["gamma"])
    if axis == "defocus":
        blurred = _defocus(sharp, level)
    blurred = quantize(add_sensor_noise(blurred, generator, shot=usual["noise"]))
    if axis == "jpeg":
        blurred = _compress(blurred, round(level))
    return Pair(blurred[0], quantize(sharp)[0])


def sensitivity(
    networks: Mapping[str, nn.Module], *, on_level: Callable[[], None] | None = None, **sizes: int
) -> dict[str, Any]:
    """Measure networks along all `AXES`.

    Args:
        networks: by name, in evaluation mode.
        on_level: called after every level of every axis.
        sizes: for `blurred_pairs`.

    Returns:
        For every axis: "levels", "blurred" (the mean PSNR before, per level, in dB; None where
        images are identical), and "gains": for every network the mean gain per level.
    """
    results: dict[str, Any] = {}
    for axis, levels in AXES.items():
        before: list[float | None] = []
        gains: dict[str, list[float | None]] = {name: [] for name in networks}
        for level in levels:
            pairs = blurred_pairs(axis, level, **sizes)
            blurred = [psnr(pair.blurred[None], pair.sharp[None]).item() for pair in pairs]
            before.append(_finite_mean(blurred))
            for name, network in networks.items():
                restored = [_restored_psnr(network, pair) for pair in pairs]
                gains[name].append(
                    _finite_mean([r - b for r, b in zip(restored, blurred, strict=True)])
                )
            if on_level:
                on_level()
        results[axis] = {"levels": list(levels), "blurred": before, "gains": gains}
    return results


def over_iterations(
    networks: Mapping[str, nn.Module],
    numbers: Sequence[int] = (1, 2, 3, 4, 5, 6),
    *,
    on_number: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Gain on the photo split over the number of scale iterations I at test time.

    Args:
        networks: by name, in evaluation mode; those without scale iterations are left out.
        numbers: I, one after the other.
        on_number: called after every I of every network.

    Returns:
        "iterations", and "gains": for every network and strength of blur the mean gain per I, dB.
    """
    split = photo_split()
    pairs = [split[index] for index in range(len(split))]
    strengths = [strength_of(split.name(index)) for index in range(len(split))]
    blurred = [psnr(pair.blurred[None], pair.sharp[None]).item() for pair in pairs]
    gains: dict[str, dict[str, list[float]]] = {}
    for name, network in networks.items():
        if not isinstance(network, ScaleIteration):
            continue
        gains[name] = {strength: [] for strength in STRENGTHS}
        for number in numbers:
            each = [
                _restored_psnr(network, pair, number) - before
                for pair, before in zip(pairs, blurred, strict=True)
            ]
            for strength, values in gains[name].items():
                values.append(
                    mean(g for g, s in zip(each, strengths, strict=True) if s == strength)
                )
            if on_number:
                on_number()
    return {"iterations": list(numbers), "gains": gains}


def _restored_psnr(network: nn.Module, pair: Pair, iterations: int | None = None) -> float:
    device = next(network.parameters()).device
    blurred, sharp = (image[None].to(device) for image in pair)
    arguments = iteration_arguments(network, iterations)
    with torch.inference_mode(), autocast(device):
        restored = network(blurred.to(memory_format=torch.channels_last), **arguments).image
    return psnr(restored, sharp).item()


def _defocus(sharp: Tensor, radius: float) -> Tensor:
    """Every point of light becomes a disc of that radius in pixels, its border a pixel soft."""
    reach = math.ceil(radius)
    offsets = torch.arange(-reach, reach + 1, dtype=sharp.dtype)
    distance = torch.hypot(offsets[:, None], offsets[None])
    disc = (radius + 0.5 - distance).clamp(0, 1)
    disc = (disc / disc.sum()).expand(3, 1, -1, -1)
    light = functional.pad(to_linear(sharp), [reach] * 4, mode="reflect")
    return from_linear(functional.conv2d(light, disc, groups=3))


def _compress(image: Tensor, quality: int) -> Tensor:
    """``(1, 3, H, W)`` written as JPEG and read again."""
    file = io.BytesIO()
    to_image(image).save(file, "JPEG", quality=quality)
    return to_tensor(Image.open(file))[None]


def _finite_mean(values: Sequence[float]) -> float | None:
    kept = [value for value in values if math.isfinite(value)]
    return mean(kept) if kept else None
