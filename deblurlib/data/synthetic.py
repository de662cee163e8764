"""The embedded data set: blurred and sharp pairs without any download.

For training, endless pairs: photographs and procedural scenes under random camera shake and moving
objects. For testing, a frozen split: photographs never trained on, under fixed shakes of three
strengths.
"""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from deblurlib.data.location import data_directory
from deblurlib.data.pairs import (
    ImagePairs,
    Pair,
    Sample,
    TrainingSamples,
    dihedral,
    folder_pairs,
)
from deblurlib.imaging.exposure import (
    GAMMA,
    CameraPath,
    add_sensor_noise,
    expose,
    quantize,
    random_camera_path,
)
from deblurlib.imaging.files import replacing, save_image, to_image
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

SCENES = 1
"""In the names of folders of rendered scenes; a change to `procedural_scene` must change it."""


class Shot(NamedTuple):
    """What a sample is made of, before the exposure; `develop` makes a `Pair` of some of them."""

    scene: Tensor
    """``(3, H, W)``, 8-bit levels: the frame, and around it what may move into it."""
    path: CameraPath
    layer: Tensor | None
    """``(4, H, W)``, 8-bit levels of an object in front and of its opacity; None for none."""
    layer_path: CameraPath | None
    noise: float
    """The sensor's shot noise (`add_sensor_noise`)."""
    seed: int
    """Of the noise."""
    gamma: float
    """Of the camera response (`expose`)."""


class _Synthetic(TrainingSamples[Sample]):
    """Endless training pairs; sample `index` is a pure function of (seed, epoch, index).

    Args:
        crop: side of the square samples, in pixels.
        length: samples an epoch.
        seed: another seed, another data set.
        extent: shortest and longest blur in pixels; drawn evenly in its logarithm.
        photographs: share of samples from photographs, the rest from procedural scenes.
        scenes: different procedural scenes in all (each about a second of work, once).
        bank: a folder for the rendered scenes, which all processes share, and the next run too;
            None renders them in every process. The samples are the same.
        frame: side of the camera's square frame in pixels. A sample is a random piece of it, as a
            training crop is of a photograph: the shake hardly differs from one of its corners to
            the other, however much it does over the frame.
        moving_objects: share of samples with an object that moves by itself.
        response: least and largest γ of the camera response; drawn evenly.
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
        bank: Path | None = None,
        frame: int = 512,
        moving_objects: float = 0.2,
        response: tuple[float, float] = (GAMMA, GAMMA),
    ) -> None:
        super().__init__(crop, seed)
        self.length, self.extent, self.photographs = length, extent, photographs
        self.moving_objects, self.response = moving_objects, response
        self.frame = max(frame, crop)
        self.scenes = SceneBank(seed, scenes, max(512, self._side(max(extent))), bank)

    def __len__(self) -> int:
        return self.length

    def _shoot(self, index: int) -> Shot:
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
        side = self._side(extents.max().item())
        scene, layer, layer_path = self._scene(rng, side), None, None
        if rng.random() < self.moving_objects:
            layer = torch.cat([self._scene(rng, side), _levels(_blob(side, generator))])
            layer_path = paths[1:]
        noise, seed = float(rng.uniform(0, 1e-4)), int(rng.integers(2**63))
        gamma = float(rng.uniform(*self.response))
        return Shot(scene, paths[:1], layer, layer_path, noise, seed, gamma)

    def _side(self, extent: float) -> int:
        """Of a sample's scene: a point strays from its mean by less than the extent."""
        return self.crop + 2 * math.ceil(extent)

    def _scene(self, rng: np.random.Generator, side: int) -> Tensor:
        """Levels ``(3, side, side)`` of a crop at a random scale, turn and colour balance."""
        if rng.random() < self.photographs:
            # Enlarged, a photograph would be a soft target.
            large = [n for n in TRAINING_PHOTOGRAPHS if min(_photograph(n).shape[-2:]) >= side]
            source = _photograph(str(rng.choice(large)))
        else:
            source = self.scenes[int(rng.integers(len(self.scenes)))]
        # Scaling down makes sharper images of soft ones, and small things of large ones.
        largest = min(source.shape[-2:])
        region = min(round(side / rng.uniform(0.5, 1.0)), largest)
        top = rng.integers(source.shape[-2] - region + 1)
        left = rng.integers(source.shape[-1] - region + 1)
        scene = source[:, top : top + region, left : left + region] / 255
        if region != side:
            scene = functional.interpolate(
                scene[None], (side, side), mode="bilinear", antialias=True
            )[0]
        gains = torch.from_numpy(rng.uniform(0.8, 1.2, size=(3, 1, 1))).float()
        return _levels(dihedral(scene * gains, int(rng.integers(8))))


class SyntheticPairs(_Synthetic[Pair]):
    __doc__ = _Synthetic.__doc__

    def __getitem__(self, index: int) -> Pair:
        return Pair(*(images[0] for images in develop([self._shoot(index)])))


class SyntheticShots(_Synthetic[Shot]):
    """The samples of `SyntheticPairs` before `develop`, which is most of the work."""

    def collate(self, samples: list[Shot]) -> list[Shot]:
        return samples  # they differ in size

    def finish(self, batch: Sequence[Shot]) -> Pair:
        return develop(batch)

    def __getitem__(self, index: int) -> Shot:
        return self._shoot(index)


def develop(shots: Sequence[Shot]) -> Pair:
    """A batch of the exposed shots, on the device where their scenes are.

    The noise is drawn there, so it depends on the kind of device; nothing else does, but for
    rounding.
    """
    pairs = [_develop(shot) for shot in shots]
    return Pair(*(torch.cat(images) for images in zip(*pairs, strict=True)))


def _develop(shot: Shot) -> Pair:
    scene = shot.scene[None] / 255
    layer = None if shot.layer is None else shot.layer[None] / 255
    blurred, sharp = expose(
        scene, shot.path, layer=layer, layer_path=shot.layer_path, gamma=shot.gamma
    )
    generator = torch.Generator(scene.device).manual_seed(shot.seed)
    blurred = add_sensor_noise(blurred, generator, shot=shot.noise)
    return Pair(quantize(blurred), quantize(sharp))


class SceneBank(Dataset[Tensor]):
    """Procedural scenes ``(3, side, side)`` in 8-bit levels, rendered when they are first wanted.

    Args:
        seed: of the scenes.
        count: how many there are.
        side: their side in pixels.
        folder: where they are kept for other processes; None keeps them in this one.
    """

    def __init__(self, seed: int, count: int, side: int, folder: Path | None = None) -> None:
        self.seed, self.count, self.side = seed, count, side
        self.folder = folder and folder / f"scenes-{SCENES}-{seed}-{side}"
        self._kept: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Tensor:
        if number not in self._kept:
            self._kept[number] = self._scene(number)
        return self._kept[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_kept": {}}  # another process is not sent the scenes

    def fill(self, workers: int | None = None, *, progress: bool = True) -> None:
        """Render what the folder lacks, on all cores or with so many workers."""
        workers = min(os.cpu_count() or 1 if workers is None else workers, self.count)
        scenes = DataLoader(self, batch_size=None, num_workers=workers, collate_fn=lambda _: None)
        for _ in tqdm(scenes, "scenes", unit="scene", disable=not progress):
            pass

    def _scene(self, number: int) -> Tensor:
        file = self.folder and self.folder / f"{number}.npy"
        if file is None or not file.is_file():
            seed = np.random.SeedSequence((self.seed, number)).generate_state(1)[0]
            scene = _levels(procedural_scene(self.side, self.side, int(seed)))
            if file is None:
                return scene
            with replacing(file) as beside:
                np.save(beside, scene.numpy())
        # Mapped, so that processes share the memory; "c" is for copy on write.
        return torch.from_numpy(np.load(file, mmap_mode="c"))


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


@torch.autocast("cpu", enabled=False)  # whatever the caller computes in: files outlive it
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
    return _levels(load_photograph(name))


def _levels(image: Tensor) -> Tensor:
    """Values in [0, 1] to 8-bit levels; clips."""
    return (image.clamp(0, 1) * 255).round().byte()


def _blob(side: int, generator: torch.Generator) -> Tensor:
    """Opacity ``(1, side, side)`` of a rounded random shape, with an edge about a pixel wide."""
    noise = torch.randn(1, 1, 5, 5, generator=generator)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 5), indexing="ij")
    height = noise + 1.5 - 2 * (x.square() + y.square()).sqrt()  # higher in the middle
    height = functional.interpolate(height, (side, side), mode="bicubic", align_corners=True)[0]
    slope = torch.linalg.vector_norm(torch.stack(torch.gradient(height[0])), dim=0)
    return (height / slope.clamp(min=1e-3) + 0.5).clamp(0, 1)
