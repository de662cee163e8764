"""The embedded data set: blurred and sharp pairs without any download.

For training, endless pairs: photographs and procedural scenes under random camera shake and moving
objects. For testing, a frozen split: photographs never trained on, under fixed shakes of three
strengths.
"""

import hashlib
import json
import math
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from deblurlib.data.location import data_directory
from deblurlib.data.pairs import ImagePairs, Pair, dihedral, folder_pairs
from deblurlib.imaging.exposure import add_sensor_noise, expose, quantize, random_camera_path
from deblurlib.imaging.files import save_image, to_image
from deblurlib.imaging.scenes import (
    TEST_PHOTOGRAPHS,
    TRAINING_PHOTOGRAPHS,
    load_photograph,
    procedural_scene,
)

STRENGTHS = {"mild": 6.0, "medium": 12.0, "strong": 24.0}
"""Length of the blur in pixels (`CameraPath.extent`) in the photo split."""


FOLDER = "photos-2"
"""Where the photo split is cached; a change to what it holds must change the number."""


class SyntheticPairs(Dataset[Pair]):
    """Endless training pairs; sample `index` is a pure function of (seed, epoch, index).

    Args:
        crop: side of the square samples, in pixels.
        length: samples an epoch.
        seed: another seed, another data set.
        extent: shortest and longest blur in pixels; drawn evenly in its logarithm.
        photographs: share of samples from photographs, the rest from procedural scenes.
        scenes: different procedural scenes an epoch (each about a second of work, once).
        frame: side of the camera's square frame in pixels. A sample is a random piece of it, as a
            training crop is of a photograph: the shake hardly differs from one of its corners to
            the other, however much it does over the frame.
        moving_objects: share of samples with an object that moves by itself.
    """

    def __init__(
        self,
        crop: int = 128,
        length: int = 4096,
        seed: int = 0,
        *,
        extent: tuple[float, float] = (2.0, 24.0),
        photographs: float = 0.5,
        scenes: int = 32,
        frame: int = 512,
        moving_objects: float = 0.2,
    ) -> None:
        self.crop, self.length, self.seed, self.epoch = crop, length, seed, 0
        self.extent, self.photographs = extent, photographs
        self.scenes, self.moving_objects = scenes, moving_objects
        self.frame = max(frame, crop)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Pair:
        if not 0 <= index < self.length:
            raise IndexError(f"index {index} is outside an epoch of {self.length} samples")
        rng = np.random.default_rng((self.seed, self.epoch, index))
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        low, high = np.log(self.extent)
        # Entry 0 is the camera's path, entry 1 the moving object's.
        extents = torch.from_numpy(np.exp(rng.uniform(low, high, size=2)))
        paths = random_camera_path((self.frame, self.frame), extents, generator)
        top, left = rng.integers(self.frame - self.crop + 1, size=2)
        paths = paths.window(int(top), int(left), (self.crop, self.crop))
        # A point strays from its mean by less than the extent.
        side = self.crop + 2 * math.ceil(extents.max().item())
        scene = self._scene(rng, side)
        if rng.random() < self.moving_objects:
            layer = torch.cat([self._scene(rng, side), _blob(side, generator)])
            blurred, sharp = expose(scene[None], paths[:1], layer=layer[None], layer_path=paths[1:])
        else:
            blurred, sharp = expose(scene[None], paths[:1])
        blurred = add_sensor_noise(blurred, generator, shot=float(rng.uniform(0, 1e-4)))
        return Pair(quantize(blurred[0]), quantize(sharp[0]))

    def _scene(self, rng: np.random.Generator, side: int) -> Tensor:
        """A sharp ``(3, side, side)`` crop at a random scale, turn and colour balance."""
        if rng.random() < self.photographs:
            # Enlarged, a photograph would be a soft target.
            large = [n for n in TRAINING_PHOTOGRAPHS if min(_photograph(n).shape[-2:]) >= side]
            source = _photograph(str(rng.choice(large)))
        else:
            # Scenes come back within an epoch, so that a worker can keep what it has rendered.
            number = int(rng.integers(self.scenes))
            source = _rendered(self.seed, self.epoch, number, max(512, side))
        # Scaling down makes sharper images of soft ones, and small things of large ones.
        largest = min(source.shape[-2:])
        region = min(round(side / rng.uniform(0.5, 1.0)), largest)
        top = rng.integers(source.shape[-2] - region + 1)
        left = rng.integers(source.shape[-1] - region + 1)
        scene = source[:, top : top + region, left : left + region]
        if region != side:
            scene = functional.interpolate(
                scene[None], (side, side), mode="bilinear", antialias=True
            )[0]
        gains = torch.from_numpy(rng.uniform(0.8, 1.2, size=(3, 1, 1))).float()
        return dihedral((scene * gains).clamp(0, 1), int(rng.integers(8)))


def photo_split() -> ImagePairs:
    """The frozen test split: 24 pairs, full frames, from photographs never trained on.

    Four photographs, each under two fixed shakes of three strengths (`STRENGTHS`), with a little
    sensor noise, at 8 bits. Written once into the data folder's ``cache``, with checksums; a file
    that no longer agrees with its checksum has the split written again.

    The names are ``PHOTOGRAPH-STRENGTH-NUMBER``.
    """
    folder = data_directory() / "cache" / FOLDER
    if not _is_intact(folder):
        _write_photo_split(folder)
    return folder_pairs(folder / "blurred", folder / "sharp")


def strength_of(name: str) -> str:
    """ "mild", "medium" or "strong": the strength in the name of a pair of the photo split."""
    return name.split("-")[1]


def _write_photo_split(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix="photos-"))
    try:
        for photograph in TEST_PHOTOGRAPHS:
            scene = load_photograph(photograph)
            # The margin of 20 pixels or more is for what moves into the frame.
            size = (min(384, scene.shape[-2] - 40), min(512, scene.shape[-1] - 40))
            for strength, extent in STRENGTHS.items():
                for number in (1, 2):
                    name = f"{photograph}-{strength}-{number}"
                    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")
                    generator = torch.Generator().manual_seed(seed)
                    path = random_camera_path(size, torch.tensor([extent]), generator)
                    blurred, sharp = expose(scene[None], path)
                    blurred = add_sensor_noise(blurred, generator)
                    save_image(to_image(blurred), beside / "blurred" / f"{name}.png")
                    save_image(to_image(sharp), beside / "sharp" / f"{name}.png")
        files = sorted(beside.rglob("*.png"))
        sums = {str(path.relative_to(beside)): _sha256(path) for path in files}
        (beside / "checksums.json").write_text(json.dumps(sums, indent=1) + "\n")
        if folder.exists() and not _is_intact(folder):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            beside.rename(folder)
        except OSError:
            # Another process was quicker, with the same content.
            if not _is_intact(folder):
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _is_intact(folder: Path) -> bool:
    try:
        sums = json.loads((folder / "checksums.json").read_text())
        return all(_sha256(folder / name) == expected for name, expected in sums.items())
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=32)
def _photograph(name: str) -> Tensor:
    return load_photograph(name)


@lru_cache(maxsize=64)
def _rendered(seed: int, epoch: int, number: int, side: int) -> Tensor:
    scene_seed = np.random.SeedSequence((seed, epoch, number)).generate_state(1)[0]
    return procedural_scene(side, side, int(scene_seed))


def _blob(side: int, generator: torch.Generator) -> Tensor:
    """Opacity ``(1, side, side)`` of a rounded random shape, with an edge about a pixel wide."""
    noise = torch.randn(1, 1, 5, 5, generator=generator)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 5), indexing="ij")
    height = noise + 1.5 - 2 * (x.square() + y.square()).sqrt()  # higher in the middle
    height = functional.interpolate(height, (side, side), mode="bicubic", align_corners=True)[0]
    slope = torch.linalg.vector_norm(torch.stack(torch.gradient(height[0])), dim=0)
    return (height / slope.clamp(min=1e-3) + 0.5).clamp(0, 1)
