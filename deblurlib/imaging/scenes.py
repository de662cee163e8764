"""Sharp scenes: procedural ones without end, and photographs that installed packages carry.

A procedural scene is a stack of layers, far to near, each hiding what lies behind it: the *dead
leaves* model, whose edges and scales are distributed as in photographs. A layer is a group of
similar things (leaves, stones, windows, letters, wires), so that a scene has objects and not just
shapes. Networks trained on such scenes come close to those trained on photographs (Achddou,
Gousseau and Ladjal 2021).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from deblurlib.imaging.files import open_image, to_tensor

Array = NDArray[np.floating]
Random = np.random.Generator
Window = tuple[slice, slice]  # rows and columns of a picture


@dataclass(frozen=True)
class Photograph:
    """A photograph that comes with an installed package.

    Attributes:
        package, file: where it lies: the importable package, and the path inside it.
        subject: what it shows.
        licence: under which it is free to use, and whose it is.
    """

    package: str
    file: str
    subject: str
    licence: str


def _scikit_image(file: str, subject: str, licence: str) -> Photograph:
    return Photograph("skimage", f"data/{file}", subject, licence)


PHOTOGRAPHS = {
    "astronaut": _scikit_image("astronaut.png", "Eileen Collins", "public domain, NASA"),
    "brick": _scikit_image("brick.png", "a brick wall, gray", "CC0, CC0Textures"),
    "camera": _scikit_image("camera.png", "a man with a camera, gray", "CC0, Lav Varshney"),
    "chelsea": _scikit_image("chelsea.png", "a cat", "CC0, Stefan van der Walt"),
    "china": Photograph(
        "sklearn", "datasets/images/china.jpg", "a pavilion", "CC BY 2.0, danielbuechele"
    ),
    "coffee": _scikit_image("coffee.png", "a cup of coffee", "CC0, Rachel Michetti"),
    "coins": _scikit_image(
        "coins.png", "Greek coins, gray", "no known restrictions, Brooklyn Museum"
    ),
    "flower": Photograph(
        "sklearn", "datasets/images/flower.jpg", "a dahlia", "CC BY 2.0, vultilion"
    ),
    "grace_hopper": Photograph(
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        "Grace Hopper",
        "public domain, US Navy",
    ),
    "grass": _scikit_image("grass.png", "grass, gray", "CC0, linolafett"),
    "gravel": _scikit_image("gravel.png", "gravel, gray", "CC0, CC0Textures"),
    "hubble_deep_field": _scikit_image(
        "hubble_deep_field.jpg", "galaxies", "public domain, NASA and ESA"
    ),
    "motorcycle": _scikit_image(
        "motorcycle_left.png",
        "a motorcycle in a garage",
        "Middlebury stereo 2014, Scharstein et al., published for research",
    ),
    "rocket": _scikit_image("rocket.jpg", "a rocket at dusk", "public domain, SpaceX"),
}
"""All photographs, by name. data/README.md has the same table for readers."""

TEST_PHOTOGRAPHS = ("astronaut", "china", "coffee", "motorcycle")
"""Never trained on: what the test split is made of."""

DEMO_PHOTOGRAPH = "grace_hopper"
"""Neither trained on nor tested with: lesson 00's example."""

TRAINING_PHOTOGRAPHS = tuple(
    name for name in PHOTOGRAPHS if name not in (*TEST_PHOTOGRAPHS, DEMO_PHOTOGRAPH)
)


def load_photograph(name: str) -> Tensor:
    """A photograph by name: ``(3, H, W)`` float32 RGB in [0, 1]; gray ones three times the same.

    Raises:
        ValueError: for an unknown name.
        FileNotFoundError: where the package that carries it is missing.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"unknown photograph {name!r}: choose from {', '.join(PHOTOGRAPHS)}")
    photograph = PHOTOGRAPHS[name]
    spec = find_spec(photograph.package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"{name}: comes with {photograph.package}, which is not installed")
    return to_tensor(open_image(Path(spec.origin).parent / photograph.file))


def procedural_scene(height: int, width: int, seed: int) -> Tensor:
    """A sharp scene: ``(3, height, width)`` float32 RGB in [0, 1], coded values as in a photo.

    A pure function of its arguments. Rendered at twice the size and averaged down in coded values,
    so that edges are a pixel wide.
    """
    rng = np.random.default_rng((seed, height, width))
    canvas = _Canvas(rng, 2 * height, 2 * width)
    kinds = [_foliage, _street, _close_up, _against_the_sky, _print]
    rng.choice(np.array(kinds, dtype=object), p=[0.35, 0.25, 0.15, 0.15, 0.1])(rng, canvas)
    pixels = canvas.pixels * _light(rng, canvas)
    pixels = pixels.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    # Exposure and contrast differ from photo to photo.
    pixels = np.clip(pixels, 0, 1) ** rng.uniform(0.75, 1.3)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32))


class _Canvas:
    """What has been painted so far, with the noise, the colours and the light that it shares."""

    def __init__(self, rng: Random, height: int, width: int) -> None:
        self.height, self.width = height, width
        # Sizes are fractions of the side, but no smaller scene is made of smaller things.
        self.unit = max(height, width, 128) / 1024
        self.fine, self.coarse = (_noise(rng, height, width, power) for power in (0.9, 1.6))
        family = _PALETTES[rng.integers(len(_PALETTES))]
        self.colours = [_COLOURS[name] for name in family]
        angle = rng.uniform(0, 2 * math.pi)
        self.light = np.array([math.cos(angle), math.sin(angle)])
        self.pixels = np.zeros((height, width, 3), np.float32)
        self.pixels += self.texture(rng, self.colour(rng), plain=True)

    def colour(self, rng: Random) -> Array:
        """One of the scene's colours, varied a little."""
        base = np.array(self.colours[rng.integers(len(self.colours))], np.float32) / 255
        varied = base * rng.uniform(0.75, 1.2) + rng.normal(0, 0.02, 3)
        return np.clip(varied, 0.02, 0.98).astype(np.float32)

    def texture(
        self, rng: Random, colour: Array, window: Window | None = None, plain: bool = False
    ) -> Array:
        """A surface, ``(h, w, 3)``: a colour with grain, stains, a gradient and maybe a pattern."""
        window = window or (slice(0, self.height), slice(0, self.width))
        grain = self.elsewhere(rng, self.fine, window) * rng.uniform(0.0, 0.12)
        stains = self.elsewhere(rng, self.coarse, window) * rng.uniform(0.02, 0.15)
        surface = 1 + grain + stains + self.ramp(rng, window) * rng.uniform(0, 0.3)
        tinted = colour * surface[..., None]
        if not plain and rng.random() < 0.5:
            other = colour * rng.uniform(0.4, 0.8) if rng.random() < 0.5 else self.colour(rng)
            drawn = self.pattern(rng, window)
            tinted[drawn] = other * surface[drawn][:, None]
        return tinted

    def elsewhere(self, rng: Random, noise: Array, window: Window) -> Array:
        """A piece of the size of `window` from somewhere in the noise, which is periodic."""
        shift = rng.integers(0, (self.height, self.width))
        rows, columns = (np.arange(w.start, w.stop) + s for w, s in zip(window, shift, strict=True))
        return noise.take(rows, 0, mode="wrap").take(columns, 1, mode="wrap")

    def ramp(self, rng: Random, window: Window) -> Array:
        """A plane that falls from 1 to -1 across the canvas, in a random direction."""
        y, x = self.grid(window)
        angle = rng.uniform(0, 2 * math.pi)
        return math.cos(angle) * (2 * x / self.width - 1) + math.sin(angle) * (
            2 * y / self.height - 1
        )

    def grid(self, window: Window) -> tuple[Array, Array]:
        """The window's rows ``(h, 1)`` and columns ``(1, w)``."""
        y, x = (np.arange(w.start, w.stop, dtype=np.float32) for w in window)
        return y[:, None], x[None, :]

    def pattern(self, rng: Random, window: Window) -> NDArray[np.bool_]:
        """Where stripes, checks, dots, a grid or the joints of bricks are drawn, ``(h, w)``."""
        y, x = self.grid(window)
        angle = float(rng.choice([0, math.pi / 2, rng.uniform(0, math.pi)]))
        period = self.unit * math.exp(rng.uniform(math.log(10), math.log(90)))
        bend = self.coarse[window] * rng.uniform(0, 0.15)
        u = x * (math.cos(angle) / period) + y * (math.sin(angle) / period) + bend
        v = y * (math.cos(angle) / period) - x * (math.sin(angle) / period) + bend
        share = rng.uniform(0.1, 0.5)
        joint = share / 4
        match rng.choice(["stripes", "checks", "dots", "grid", "bricks"]):
            case "stripes":
                return u - np.floor(u) < share
            case "checks":
                return (np.floor(2 * u) + np.floor(2 * v)) % 2 == 0
            case "dots":
                return (u - np.rint(u)) ** 2 + (v - np.rint(v)) ** 2 < joint
            case "grid":
                return (u - np.floor(u) < joint) | (v - np.floor(v) < joint)
        row = np.floor(2 * v)
        u += 0.5 * (row % 2)
        return (2 * v - row < 2 * joint) | (u - np.floor(u) < joint)

    def paint(self, rng: Random, draw: Callable[[ImageDraw.ImageDraw], None]) -> None:
        """Lay one group of things over the canvas.

        `draw` paints on a gray picture: 0 leaves the canvas as it is, another value covers it, with
        a brightness of value / 160.
        """
        picture = Image.new("L", (self.width, self.height))
        draw(ImageDraw.Draw(picture))
        tone = np.asarray(picture, np.float32) / 160
        mask = tone > 0
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return
        if rng.random() < 0.6:
            self.cast_shadow(rng, mask)
        window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        texture = self.texture(rng, self.colour(rng), window) * tone[window][..., None]
        np.copyto(self.pixels[window], texture, where=mask[window][..., None])

    def cast_shadow(self, rng: Random, mask: NDArray[np.bool_]) -> None:
        """Darken what lies beside a group, away from the light."""
        distance = self.unit * rng.uniform(4, 24)
        dx, dy = (-self.light * distance).astype(int)
        small = Image.fromarray(mask).convert("L").reduce(4)
        # Enlarging from a quarter of the size is what softens the shadow's edge.
        shadow = np.asarray(small.resize((self.width, self.height), Image.Resampling.BILINEAR))
        darker = 1 - np.roll(shadow, (dy, dx), (0, 1)).astype(np.float32) / 255 * rng.uniform(
            0.2, 0.6
        )
        self.pixels *= darker[..., None]


# The kinds of scene.


def _foliage(rng: Random, canvas: _Canvas) -> None:
    """Leaves, stones, fruit: heaps of similar things, large ones behind, small ones in front."""
    for scale in np.geomspace(
        rng.uniform(0.35, 0.6), rng.uniform(0.015, 0.03), rng.integers(7, 11)
    ):
        canvas.paint(rng, _heap(rng, canvas, scale))
        if rng.random() < 0.3:
            canvas.paint(rng, _branches(rng, canvas))


def _street(rng: Random, canvas: _Canvas) -> None:
    """House fronts with windows and signs."""
    for _ in range(rng.integers(3, 7)):
        canvas.paint(rng, _facade(rng, canvas))
        canvas.paint(rng, _windows(rng, canvas))
    for _ in range(rng.integers(2, 5)):
        canvas.paint(rng, _facade(rng, canvas, share=rng.uniform(0.1, 0.3)))
        canvas.paint(rng, _words(rng, canvas, lines=int(rng.integers(1, 4))))
    for scale in (0.1, 0.04):
        canvas.paint(rng, _heap(rng, canvas, scale, most=12))
    canvas.paint(rng, _wires(rng, canvas))


def _close_up(rng: Random, canvas: _Canvas) -> None:
    """A few large things, near enough to show what they are made of."""
    for scale in np.geomspace(0.6, 0.08, rng.integers(4, 7)):
        canvas.paint(rng, _heap(rng, canvas, scale, most=5))
    for _ in range(rng.integers(1, 3)):
        canvas.paint(rng, _heap(rng, canvas, rng.uniform(0.008, 0.03), most=60))


def _against_the_sky(rng: Random, canvas: _Canvas) -> None:
    """Branches and wires in front of a bright sky, the ground below."""
    sky = np.array(_COLOURS[rng.choice(["sky", "cloud", "sand"])], np.float32) / 255
    y = np.arange(canvas.height, dtype=np.float32)[:, None]
    clouds = np.clip(canvas.coarse * rng.uniform(0, 0.2), 0, 0.3)
    canvas.pixels[:] = sky * (1.1 - 0.3 * y / canvas.height)[..., None] + clouds[..., None]
    for _ in range(rng.integers(2, 5)):
        canvas.paint(rng, rng.choice(np.array([_branches, _wires], dtype=object))(rng, canvas))
    for scale in np.geomspace(0.3, 0.02, rng.integers(3, 6)):
        canvas.paint(rng, _heap(rng, canvas, scale, lowest=rng.uniform(0.4, 0.8)))


def _print(rng: Random, canvas: _Canvas) -> None:
    """Printed paper: lines of text of several sizes, pictures between them."""
    paper = np.array(_COLOURS[rng.choice(["paper", "sand", "cloud"])], np.float32) / 255
    canvas.pixels[:] = canvas.texture(rng, paper, plain=True)
    for _ in range(rng.integers(1, 4)):
        canvas.paint(rng, _facade(rng, canvas, share=rng.uniform(0.1, 0.4)))
    for _ in range(rng.integers(3, 6)):
        canvas.paint(rng, _words(rng, canvas, lines=int(rng.integers(2, 12))))
    canvas.paint(rng, _heap(rng, canvas, 0.08, most=6))


# Groups of things. Each draws values around 160 (see `_Canvas.paint`).

Draw = Callable[[ImageDraw.ImageDraw], None]


def _heap(rng: Random, canvas: _Canvas, scale: float, most: int = 400, lowest: float = 0.0) -> Draw:
    """Similar things of about `scale` times the side, heaped or spread, in one place or several."""
    side = 1024 * canvas.unit
    count = int(min(most, rng.uniform(0.3, 1.2) / scale**2 + 1))
    outline = rng.choice(np.array([_leaf, _blob, _polygon, _stone, _strip], dtype=object))
    places = rng.uniform((0, lowest), (1, 1), size=(rng.integers(1, 4), 2))
    spread = rng.uniform(0.1, 0.6)
    turn, aspect = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1.0)
    lined = rng.random() < 0.4

    def draw(pen: ImageDraw.ImageDraw) -> None:
        shape = outline(rng)
        for _ in range(count):
            middle = places[rng.integers(len(places))] + rng.normal(0, spread, 2)
            # Power law: twice as small, eight times as many in all the groups together.
            radius = 0.5 * side * scale * rng.uniform(0.6, 1.4)
            angle = turn + rng.normal(0, 0.7)
            if rng.random() < 0.5:
                shape = outline(rng)
            x, y = shape[:, 0], shape[:, 1] * aspect
            points = np.stack(
                [
                    middle[0] * canvas.width + radius * (x * math.cos(angle) - y * math.sin(angle)),
                    middle[1] * canvas.height
                    + radius * (x * math.sin(angle) + y * math.cos(angle)),
                ],
                axis=1,
            )
            tone = int(rng.uniform(110, 210))
            corners = [(float(px), float(py)) for px, py in points]
            pen.polygon(corners, fill=tone, outline=tone // 2 if lined else None)
            if lined and outline is _leaf:
                pen.line([corners[0], corners[len(corners) // 2]], fill=tone // 2, width=2)

    return draw


def _facade(rng: Random, canvas: _Canvas, share: float | None = None) -> Draw:
    """A rectangle, a little askew: a house front or a board."""
    width = canvas.width * (share or rng.uniform(0.25, 0.7))
    height = canvas.height * (share or rng.uniform(0.3, 0.9)) * rng.uniform(0.5, 1.2)
    x, y = rng.uniform(-0.1, 0.9) * canvas.width, rng.uniform(-0.1, 0.8) * canvas.height
    askew = rng.normal(0, 0.02 * canvas.width, (4, 2))

    def draw(pen: ImageDraw.ImageDraw) -> None:
        corners = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
        pen.polygon([(float(a), float(b)) for a, b in corners + askew], fill=160)

    return draw


def _windows(rng: Random, canvas: _Canvas) -> Draw:
    """Rows of equal rectangles with frames."""
    step = rng.uniform(30, 140, 2) * canvas.unit
    size = step * rng.uniform(0.35, 0.8, 2)
    start = rng.uniform(0, 0.7, 2) * (canvas.width, canvas.height)
    columns, rows = rng.integers(2, 9, 2)
    slant = rng.normal(0, 0.05)

    def draw(pen: ImageDraw.ImageDraw) -> None:
        for row in range(rows):
            for column in range(columns):
                x = start[0] + column * step[0]
                y = start[1] + row * step[1] + slant * (x - start[0])
                tone = int(rng.uniform(70, 220))
                box = (float(x), float(y), float(x + size[0]), float(y + size[1]))
                frame = max(1, round(3 * canvas.unit))
                pen.rectangle(box, fill=tone, outline=235, width=frame)
                if size[0] > 24 * canvas.unit:
                    middle = float(x + size[0] / 2)
                    pen.line([(middle, box[1]), (middle, box[3])], fill=235, width=frame)

    return draw


def _wires(rng: Random, canvas: _Canvas) -> Draw:
    """Sagging wires from side to side, and a pole."""
    count, sag = rng.integers(2, 8), rng.uniform(0, 0.15)
    heights = rng.uniform(0.05, 0.7) + rng.uniform(-0.15, 0.15, (count, 2))
    pole, dark = rng.uniform(0, 1), rng.random() < 0.7

    def draw(pen: ImageDraw.ImageDraw) -> None:
        tone = 60 if dark else 200
        t = np.linspace(0, 1, 24)
        for left, right in heights:
            y = left + (right - left) * t + 4 * sag * t * (1 - t)
            line = [
                (float(a * canvas.width), float(b * canvas.height))
                for a, b in zip(t, y, strict=True)
            ]
            pen.line(line, fill=tone, width=max(1, round(rng.uniform(2, 6) * canvas.unit)))
        x, wide = pole * canvas.width, rng.uniform(6, 24) * canvas.unit
        pen.rectangle((x, canvas.height * 0.05, x + wide, canvas.height), fill=tone + 30)

    return draw


def _branches(rng: Random, canvas: _Canvas) -> Draw:
    """A bare tree or a blade of grass: a line that forks, thinner at every fork."""
    stems = rng.integers(1, 6)
    base_y = rng.uniform(0.5, 1.1)

    def draw(pen: ImageDraw.ImageDraw) -> None:
        def grow(x: float, y: float, angle: float, length: float, width: float) -> None:
            for _ in range(3):
                bend = angle + rng.normal(0, 0.15)
                to = (x + length / 3 * math.cos(bend), y + length / 3 * math.sin(bend))
                pen.line([(x, y), to], fill=int(rng.uniform(60, 120)), width=max(1, round(width)))
                x, y = to
            if width > 1.5 * canvas.unit:
                for _ in range(rng.integers(2, 4)):
                    grow(x, y, angle + rng.normal(0, 0.5), length * 0.72, width * 0.62)

        for _ in range(stems):
            start = rng.uniform(0, canvas.width), base_y * canvas.height
            length, width = rng.uniform((120, 6), (260, 20)) * canvas.unit
            grow(*start, -math.pi / 2 + rng.normal(0, 0.3), length, width)

    return draw


def _words(rng: Random, canvas: _Canvas, lines: int) -> Draw:
    """Lines of invented words in one of matplotlib's fonts."""
    size = max(6, round(math.exp(rng.uniform(math.log(18), math.log(110))) * canvas.unit))
    font = _font(str(rng.choice(_FONTS)), size)
    x, y = rng.uniform(-0.05, 0.6) * canvas.width, rng.uniform(0, 0.8) * canvas.height
    tone = int(rng.choice([40, 60, 220]))
    letters = np.array(list("aaabcddeeeefghiijklmnnooprrsstttuuvwxyzABDEGKMRST0123456789"))

    def draw(pen: ImageDraw.ImageDraw) -> None:
        for line in range(lines):
            words = ["".join(rng.choice(letters, rng.integers(1, 9))) for _ in range(6)]
            pen.text((x, y + line * size * 1.3), " ".join(words), fill=tone, font=font)

    return draw


# Outlines: closed polygons ``(N, 2)`` of radius about 1.


def _leaf(rng: Random) -> Array:
    t = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    point = rng.uniform(0.5, 2.0)
    return np.stack([np.cos(t), np.sign(np.sin(t)) * np.abs(np.sin(t)) ** point], 1)


def _blob(rng: Random) -> Array:
    t = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    radius = 1 + sum(rng.normal(0, 0.35 / k) * np.cos(k * t + rng.uniform(0, 6)) for k in (2, 3, 4))
    return np.stack([radius * np.cos(t), radius * np.sin(t)], 1)


def _polygon(rng: Random) -> Array:
    corners = rng.integers(3, 8)
    t = np.sort(rng.uniform(0, 2 * math.pi, corners))
    radius = rng.uniform(0.4, 1.2, corners)
    return np.stack([radius * np.cos(t), radius * np.sin(t)], 1)


def _stone(rng: Random) -> Array:
    t = np.linspace(0, 2 * math.pi, 9, endpoint=False) + rng.normal(0, 0.15, 9)
    radius = rng.uniform(0.8, 1.1, 9)
    return np.stack([radius * np.cos(t), radius * np.sin(t)], 1)


def _strip(rng: Random) -> Array:
    t = np.linspace(-1.5, 1.5, 12)
    bend = rng.normal(0, 0.3) * t**2 + rng.normal(0, 0.1) * np.sin(3 * t)
    thickness = rng.uniform(0.05, 0.3)
    return np.concatenate(
        [np.stack([t, bend - thickness], 1), np.stack([t, bend + thickness], 1)[::-1]]
    )


# Light, noise, colours, fonts.


def _light(rng: Random, canvas: _Canvas) -> Array:
    """How brightly each place is lit, ``(H, W, 1)``: from one side, with soft large shadows."""
    soft = canvas.coarse * rng.uniform(0, 0.1)
    everywhere = (slice(0, canvas.height), slice(0, canvas.width))
    return (1 + canvas.ramp(rng, everywhere) * rng.uniform(0, 0.25) + soft)[..., None]


def _noise(rng: Random, height: int, width: int, power: float) -> Array:
    """Noise whose amplitude falls as 1 / frequency**power: ``(H, W)``, mean 0, deviation 1."""
    white = np.fft.rfft2(rng.standard_normal((height, width), np.float32))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = np.inf  # no mean
    noise = np.fft.irfft2(white / frequency**power, s=(height, width)).astype(np.float32)
    return noise / max(float(noise.std()), 1e-6)


_COLOURS = {
    "soil": (92, 70, 52), "earth": (128, 100, 74), "sand": (196, 172, 134),
    "bark": (84, 72, 62), "moss": (88, 98, 52), "leaf": (92, 122, 54), "pine": (44, 66, 42),
    "straw": (186, 164, 92), "sky": (138, 176, 216), "cloud": (214, 222, 230),
    "sea": (64, 104, 132), "dusk": (96, 88, 120), "stone": (150, 146, 140),
    "slate": (92, 96, 102), "brick": (152, 82, 62), "clay": (178, 120, 88),
    "skin": (218, 172, 142), "umber": (132, 92, 70), "paper": (236, 232, 220),
    "ink": (34, 34, 38), "red": (174, 48, 42), "blue": (46, 78, 136),
    "yellow": (216, 178, 66), "rose": (196, 120, 128),
}  # fmt: skip

# Colours that are seen together.
_PALETTES = (
    ("leaf", "moss", "pine", "straw", "soil", "sky"),
    ("leaf", "pine", "red", "rose", "yellow", "soil"),
    ("sand", "earth", "stone", "sky", "sea", "paper"),
    ("brick", "clay", "stone", "slate", "paper", "ink"),
    ("stone", "slate", "cloud", "ink", "blue", "red"),
    ("skin", "umber", "ink", "paper", "blue", "clay"),
    ("bark", "straw", "earth", "umber", "sand", "moss"),
    ("dusk", "slate", "ink", "yellow", "sea", "cloud"),
    ("paper", "cloud", "ink", "stone", "yellow", "sea"),
)

_FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf")


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    spec = find_spec("matplotlib")
    assert spec is not None  # a dependency of this package
    assert spec.origin is not None
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data/fonts/ttf" / name, size)
