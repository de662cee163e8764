"""Widget of lesson 15: one thing that spoils a photograph, how much of it, and what is restored."""

from functools import lru_cache

import torch
from ipywidgets import Dropdown, IntSlider

from deblurlib.course.drawing import Pixels, panel, table
from deblurlib.course.widgets import explore
from deblurlib.data.pairs import Pair
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.models.restoration import Restoration
from deblurlib.training.checkpoints import load_model
from deblurlib.training.metrics import psnr
from deblurlib.training.sensitivity import AXES, blurred_pair

SIDE = 192
"""Height and width of the pictures, in their own pixels."""

STEPS = 4
"""The slider's steps from an axis' first level to its last."""

_SHOWN = 300  # of each picture on the screen
_UNITS = {
    "blur": "a shake of {:g} pixels",
    "noise": "a shot noise of {:g}",
    "jpeg": "JPEG of quality {:g}",
    "gamma": "a camera response of γ = {:g}",
    "defocus": "a lens out of focus by {:g} pixels, no motion",
}


def failure_laboratory() -> None:
    """Choose what spoils a photograph and how much; see what the networks make of it."""
    explore(
        render,
        describe,
        axis=Dropdown(options=list(AXES), description="what varies"),
        amount=IntSlider(2, 0, STEPS, description="how much"),
        photograph=Dropdown(options=sorted(TEST_PHOTOGRAPHS), description="photograph"),
        weights=Dropdown(options=["sung_small", "sgenet_small"], description="network"),
    )


def render(axis: str, amount: int, photograph: str, weights: str) -> Pixels:
    """The photograph spoilt, restored and sharp, with their PSNR."""
    pair, restored = _restored(axis, _level(axis, amount), photograph, weights)
    titles = [
        f"{name}, {psnr(image[None], pair.sharp[None]).item():.2f} dB"
        for name, image in (("as taken", pair.blurred), ("restored", restored))
    ]
    pictures = zip((*titles, "sharp"), (pair.blurred, restored, pair.sharp), strict=True)
    return table([panel(title, picture, _SHOWN) for title, picture in pictures], columns=3)


def describe(axis: str, amount: int, photograph: str, weights: str) -> str:
    """What was set, and what the network gained or lost by it."""
    level = _level(axis, amount)
    pair, restored = _restored(axis, level, photograph, weights)
    before, after = (psnr(x[None], pair.sharp[None]).item() for x in (pair.blurred, restored))
    verdict = "gains" if after > before else "loses"
    return (
        f"The photograph {photograph!r} with {_UNITS[axis].format(level)}: {weights} {verdict} "
        f"{abs(after - before):.2f} dB."
    )


def _level(axis: str, amount: int) -> float:
    levels = AXES[axis]
    return levels[round(amount / STEPS * (len(levels) - 1))]


@lru_cache(maxsize=64)
def _restored(axis: str, level: float, photograph: str, weights: str) -> tuple[Pair, torch.Tensor]:
    pair = blurred_pair(axis, level, photograph, side=SIDE)
    with torch.inference_mode():
        restoration: Restoration = _network(weights)(pair.blurred[None])
    return pair, restoration.image[0]


@lru_cache
def _network(weights: str) -> torch.nn.Module:
    return load_model(weights)
