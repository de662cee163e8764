"""Widget of lesson 02: a pair, a crop of both, and what a shift or a turn of one of them does."""

from functools import lru_cache
from typing import Literal

import numpy as np
from ipywidgets import Dropdown, IntSlider
from PIL import Image, ImageDraw
from torch import Tensor

from deblurlib.course.drawing import GAP, INK, PALETTE, PAPER, RULE, Pixels, font, panel
from deblurlib.course.widgets import explore
from deblurlib.data.faults import misalignment, unrelated
from deblurlib.data.pairs import ImagePairs, Pair, dihedral
from deblurlib.data.synthetic import STRENGTHS, photo_split
from deblurlib.imaging.files import to_image
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.training.metrics import psnr

Turned = Literal["both pictures", "only B"]

SIDE, CROP, FURTHEST = 304, 108, 16  # of the square, of the crop, and of a shift, in pixels
_SHOWN = 2 * CROP
_WIDTH = 4 * _SHOWN + 3 * GAP
_BARS = 118  # height of what stands below the pictures
_FULL = 40.0  # dB at the right end of the bars


def pair_laboratory() -> None:
    """Cut and turn a crop of a pair, shift its pictures against each other, and ask the check."""
    places = {"min": 0, "max": SIDE - CROP, "step": 4}
    explore(
        render,
        describe,
        photograph=Dropdown(
            options=list(TEST_PHOTOGRAPHS), value="motorcycle", description="photograph"
        ),
        blur=Dropdown(options=list(STRENGTHS), value="mild", description="blur"),
        left=IntSlider(84, **places, description="crop from the left"),
        top=IntSlider(100, **places, description="crop from the top"),
        turn=IntSlider(4, 0, 7, description="turn"),
        turned=Dropdown(options=["both pictures", "only B"], description="turned:"),
        right=IntSlider(0, 0, FURTHEST, description="B shifted right"),
        down=IntSlider(0, 0, FURTHEST, description="B shifted down"),
    )


def render(
    photograph: str,
    blur: str,
    left: int,
    top: int,
    turn: int,
    turned: Turned,
    right: int,
    down: int,
) -> Pixels:
    """The crop's place, the crop of both, their difference; below, bars and words."""
    blurred, sharp = _crops(photograph, blur, left, top, turn, turned, right, down)
    difference = 2 * (blurred - sharp).abs().mean(dim=1, keepdim=True)
    whole = panel("GT, and where the crop is", _square(photograph, blur, 0, 0)[1], _SHOWN)
    scale, head = _SHOWN / SIDE, whole.height - _SHOWN
    corner = (scale * left, head + scale * top)
    ImageDraw.Draw(whole).rectangle(
        (*corner, corner[0] + scale * CROP, corner[1] + scale * CROP), None, PALETTE[4], 3
    )
    sheet = Image.new("RGB", (_WIDTH, whole.height + GAP + _BARS), PAPER)
    pictures = [
        whole,
        panel("B", blurred, _SHOWN),
        panel("GT", sharp, _SHOWN),
        panel("difference, twice as bright", difference, _SHOWN),
    ]
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * (_SHOWN + GAP), 0))
    pen = ImageDraw.Draw(sheet)
    scores = {
        "as it belongs": _score(*_crops(photograph, blur, left, top, turn, "both pictures", 0, 0)),
        "as set here": _score(blurred, sharp),
    }
    first, width = 2 * _SHOWN + 2 * GAP, 2 * _SHOWN + GAP
    for number, (name, decibels) in enumerate(scores.items()):
        y = whole.height + GAP + 22 + 34 * number
        pen.text((first - GAP, y), f"PSNR of the crop, {name}", INK, font(14), anchor="rm")
        pen.rectangle((first, y - 11, first + width - 1, y + 11), None, RULE)
        end = first + min(decibels / _FULL, 1) * (width - 1)
        pen.rectangle((first, y - 11, end, y + 11), PALETTE[number])
        inside = end > first + 80
        place, anchor = (end - 6, "rm") if inside else (end + 6, "lm")
        pen.text(
            (place, y), f"{decibels:.1f} dB", PAPER if inside else INK, font(14), anchor=anchor
        )
    y = whole.height + GAP + 94
    pen.text((first - GAP, y), "alignment check of the square", INK, font(14), anchor="rm")
    said = _said(photograph, blur, turn, turned, right, down)
    pen.text((first, y), said, INK, font(14), anchor="lm")
    return np.asarray(sheet)


def describe(
    photograph: str,
    blur: str,
    left: int,
    top: int,
    turn: int,
    turned: Turned,
    right: int,
    down: int,
) -> str:
    """Both scores, and what the check says, with all that was set."""
    belongs = _score(*_crops(photograph, blur, left, top, turn, "both pictures", 0, 0))
    here = _score(*_crops(photograph, blur, left, top, turn, turned, right, down))
    return (
        f"{photograph} under {blur} shake, the crop {left} from the left and {top} from"
        f" the top, turn {turn} of {turned}, B shifted by {right} to the right and {down} down: the"
        f" crop has {here:.1f} dB, and {belongs:.1f} dB as it belongs. The alignment check says:"
        f" {_said(photograph, blur, turn, turned, right, down)}."
    )


@lru_cache(maxsize=32)
def _square(photograph: str, blur: str, right: int, down: int) -> tuple[Tensor, Tensor]:
    """The middle of a pair, ``(1, 3, SIDE, SIDE)`` both, the blurred one shifted."""
    blurred, sharp = _pair(photograph, blur)
    top, left = ((length - SIDE) // 2 for length in sharp.shape[-2:])

    def cut(image: Tensor, y: int, x: int) -> Tensor:
        return image[None, :, y : y + SIDE, x : x + SIDE]

    return cut(blurred, top - down, left - right), cut(sharp, top, left)


@lru_cache(maxsize=12)
def _pair(photograph: str, blur: str) -> Pair:
    pairs = _split()
    return pairs[[pairs.name(k) for k in range(len(pairs))].index(f"{photograph}-{blur}-1")]


@lru_cache(maxsize=1)
def _split() -> ImagePairs:
    return photo_split()


def _crops(
    photograph: str,
    blur: str,
    left: int,
    top: int,
    turn: int,
    turned: Turned,
    right: int,
    down: int,
) -> tuple[Tensor, Tensor]:
    blurred, sharp = (
        picture[..., top : top + CROP, left : left + CROP]
        for picture in _square(photograph, blur, right, down)
    )
    blurred = dihedral(blurred, turn)
    return blurred, dihedral(sharp, turn) if turned == "both pictures" else sharp


def _score(blurred: Tensor, sharp: Tensor) -> float:
    return psnr(blurred, sharp).item()


@lru_cache(maxsize=256)
def _said(photograph: str, blur: str, turn: int, turned: Turned, right: int, down: int) -> str:
    blurred, sharp = _square(photograph, blur, right, down)
    if turned == "only B":
        blurred = dihedral(blurred, turn)
    levels = np.asarray(to_image(blurred)), np.asarray(to_image(sharp))
    if unrelated(*levels):
        return "nothing in common: another scene, or one of them flipped"
    shift = misalignment(*levels)
    if shift is None:
        return "nothing found"
    return f"B is shifted by {shift[0]} pixels right and {shift[1]} down"
