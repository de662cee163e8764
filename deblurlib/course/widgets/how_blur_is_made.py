"""Widget of lesson 01: a camera that shakes, what nine points trace, and the photograph."""

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from matplotlib import colormaps
from PIL import Image, ImageDraw
from torch import Tensor

from deblurlib.course.drawing import GAP, INK, PAPER, RULE, Pixels, font, panel, titled
from deblurlib.course.widgets import explore
from deblurlib.imaging.exposure import (
    CameraPath,
    add_sensor_noise,
    expose,
    from_linear,
    random_camera_path,
    to_linear,
)
from deblurlib.imaging.scenes import load_photograph

Mean = Literal["linear light", "coded values"]

SIDE = 160  # of the frame, in its own pixels
POSES = 32  # more would take too long between a slider and its picture
_MARGIN = 24  # of scene around the frame: what the shake brings in
_SHOWN, _SMALL = 3 * SIDE, 220
_KERNEL = 35  # side of a local kernel; of longer blur the caption tells the length
_BRIGHTEST = 0.12  # from this share of the light on, a kernel's pixel is white


def shake_laboratory() -> None:
    """Shake the camera, turn it, zoom, let an object move; see kernels and photograph."""
    explore(
        render,
        describe,
        length=IntSlider(12, 0, 24, description="shake in pixels"),
        smoothness=FloatSlider(2.0, min=1.0, max=4.0, step=0.5, description="smoothness"),
        rotation=IntSlider(0, -8, 8, description="roll in degrees"),
        zoom=IntSlider(0, -12, 12, description="zoom in percent"),
        moving_object=IntSlider(0, 0, 40, 2, description="ball moves, pixels"),
        noise=IntSlider(0, 0, 8, description="noise, percent of white"),
        mean=Dropdown(options=["linear light", "coded values"], description="mean of"),
        seed=IntSlider(3, 0, 20, description="another hand"),
    )


def render(
    length: int,
    smoothness: float,
    rotation: int,
    zoom: int,
    moving_object: int,
    noise: int,
    mean: Mean,
    seed: int,
) -> Pixels:
    """Nine points' paths and kernels on the left, the photograph on the right."""
    path = _path(length, smoothness, rotation, zoom, seed)
    sheet = Image.new("RGB", (_SMALL + GAP + _SHOWN, _SHOWN + 22), PAPER)
    sheet.paste(titled("where nine points go", _traces(path)), (0, 0))
    sheet.paste(titled("nine kernels, as large as there", _kernels(path)), (0, 22 + _SMALL + GAP))
    picture = _photograph(length, smoothness, rotation, zoom, moving_object, mean, seed)
    if noise:
        generator = torch.Generator().manual_seed(0)
        picture = add_sensor_noise(picture, generator, shot=(noise / 100) ** 2)
    sheet.paste(panel(f"the photograph: mean of {mean}", picture, _SHOWN), (_SMALL + GAP, 0))
    return np.asarray(sheet)


def describe(
    length: int,
    smoothness: float,
    rotation: int,
    zoom: int,
    moving_object: int,
    noise: int,
    mean: Mean,
    seed: int,
) -> str:
    """The lengths of the blur in the centre and the corners, and all that was set, in words."""
    shifts = _path(length, smoothness, rotation, zoom, seed).displacements[0].transpose(0, 1)
    lengths = torch.cdist(shifts, shifts).amax(dim=(1, 2))
    least, most = (f"{corner:.1f}" for corner in lengths[[0, 2, 6, 8]].aminmax())
    corners = least if least == most else f"{least} to {most}"
    return (
        f"Hand {seed}, shake of {length} pixels, smoothness {smoothness:g}, roll of {rotation}"
        f" degrees, zoom of {zoom} percent: the blur is {lengths[4]:.1f} pixels long in the centre,"
        f" {corners} in the corners. The ball moves"
        f" {moving_object} pixels of its own; noise is {noise} percent at white;"
        f" the mean is taken of {mean}."
    )


@lru_cache(maxsize=64)
def _path(length: int, smoothness: float, rotation: int, zoom: int, seed: int) -> CameraPath:
    generator = torch.Generator().manual_seed(seed)
    hand = random_camera_path(
        (SIDE, SIDE), torch.tensor([float(length)]), generator, smoothness=smoothness
    )
    # As many poses for every setting: `expose` takes as long.
    chosen = (torch.arange(POSES) + 0.5) / POSES * hand.poses
    times = (torch.arange(POSES, dtype=torch.float64) + 0.5) / POSES - 0.5
    angle = math.radians(rotation) * times
    turned = torch.eye(3, dtype=torch.float64).repeat(POSES, 1, 1)
    turned[:, 0, 0] = turned[:, 1, 1] = angle.cos()
    turned[:, 1, 0], turned[:, 0, 1] = angle.sin(), -angle.sin()
    turned[:, :2, :2] *= (1 + zoom / 100 * times)[:, None, None]
    return CameraPath(turned @ hand.homographies[:, chosen.long()], (SIDE, SIDE))


@lru_cache(maxsize=16)
def _photograph(
    length: int,
    smoothness: float,
    rotation: int,
    zoom: int,
    moving_object: int,
    mean: Mean,
    seed: int,
) -> Tensor:
    path = _path(length, smoothness, rotation, zoom, seed)
    times = (torch.arange(POSES, dtype=torch.float64) + 0.5) / POSES - 0.5
    own = torch.eye(3, dtype=torch.float64).repeat(POSES, 1, 1)
    own[:, 0, 2] = moving_object * times
    ball_path = CameraPath(path.homographies @ own, path.size)
    scene, ball = _scene()
    if mean == "linear light":
        return expose(scene, path, layer=ball, layer_path=ball_path)[0]
    # `expose` averages light: given the coded values as if they were light, it averages these.
    ball = torch.cat([from_linear(ball[:, :3]), ball[:, 3:]], dim=1)
    return to_linear(expose(from_linear(scene), path, layer=ball, layer_path=ball_path)[0])


@lru_cache(maxsize=1)
def _scene() -> tuple[Tensor, Tensor]:
    side = SIDE + 2 * _MARGIN
    photograph = load_photograph("astronaut")[None, :, : 2 * side, 60 : 60 + 2 * side]
    scene = torch.nn.functional.avg_pool2d(photograph, 2)
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    x, y = x - 0.62 * side, y - 0.68 * side
    opacity = torch.sigmoid(2 * (11 - torch.hypot(x, y)))
    white = torch.sigmoid(3 * (5 - (x + y).abs()))  # a bright band over a blue ball
    blue = torch.tensor([0.0, 0.25, 0.5]).view(3, 1, 1)
    ball = torch.cat([blue + (1 - blue) * white, opacity[None]])
    return scene, ball[None]


def _traces(path: CameraPath) -> Image.Image:
    image = Image.new("RGB", (_SMALL, _SMALL), PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, _SMALL - 1, _SMALL - 1), None, RULE)
    for place, shifts in zip(_places(), path.displacements[0].transpose(0, 1), strict=True):
        points = [(place[0] + x, place[1] + y) for x, y in (1.6 * shifts).tolist()]
        for k in range(POSES - 1):
            pen.line(points[k : k + 2], _colour(k), 2)
        start = points[0]
        pen.ellipse((start[0] - 3, start[1] - 3, start[0] + 3, start[1] + 3), PAPER, _colour(0))
    pen.text((_SMALL / 2, _SMALL - 9), "circle: shutter opens", INK, font(12), anchor="mm")
    return image


def _kernels(path: CameraPath) -> Image.Image:
    image = Image.new("L", (_SMALL, _SMALL))
    tile = _SMALL // 3
    for number, shifts in enumerate(path.displacements[0].transpose(0, 1)):
        levels = (_kernel(shifts) / _BRIGHTEST).clamp(0, 1).sqrt() * 255
        drawn = Image.fromarray(levels.byte().numpy())
        enlarged = drawn.resize((3 * _KERNEL, 3 * _KERNEL), Image.Resampling.NEAREST)
        corner = (3 * _KERNEL - tile) // 2
        cut = enlarged.crop((corner, corner, corner + tile, corner + tile))
        image.paste(cut, (number % 3 * (tile + 1), number // 3 * (tile + 1)))
    return image.convert("RGB")


def _kernel(shifts: Tensor) -> Tensor:
    """How long a point's light stays where, ``(_KERNEL, _KERNEL)``; each pose on four pixels."""
    kernel = torch.zeros(_KERNEL + 2, _KERNEL + 2, dtype=torch.float64)
    at = (shifts + _KERNEL // 2 + 1).clamp(0, _KERNEL + 0.99)
    whole = at.long()
    x, y = (at - whole).unbind(dim=1)
    for right, share_x in ((0, 1 - x), (1, x)):
        for down, share_y in ((0, 1 - y), (1, y)):
            places = (whole[:, 1] + down, whole[:, 0] + right)
            kernel.index_put_(places, share_x * share_y / POSES, accumulate=True)
    return kernel[1:-1, 1:-1]


def _places() -> list[tuple[float, float]]:
    thirds = [_SMALL * (k + 0.5) / 3 for k in range(3)]
    return [(x, y) for y in thirds for x in thirds]


@lru_cache
def _colour(pose: int) -> str:
    red, green, blue, _ = colormaps["viridis"](0.9 * pose / POSES, bytes=True)
    return f"#{red:02x}{green:02x}{blue:02x}"
