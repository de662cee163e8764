"""Training crops read from the cache, against decoding for every crop, and against copying memory.

Not a test: run it on a machine that does nothing else.

    python tests/benchmarks/data_cache.py [--data GOPRO_Large] [--pairs 6] [--out FILE]

Without data, pairs of 720 x 1280 are synthesised: procedural scenes with a sensor's noise, which
take PNG about as many bytes as photographs do. All ways deliver the same crops; the cache should
be 20 times as fast as decoding or more.
"""

import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import tyro
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from deblurlib.data.cache import build_cache, decoded_bytes
from deblurlib.data.pairs import (
    ImagePairs,
    RandomCrops,
    RawCrops,
    find_pairs,
    finish,
    folder_pairs,
)
from deblurlib.imaging.exposure import add_sensor_noise
from deblurlib.imaging.files import save_image, to_image
from deblurlib.imaging.scenes import procedural_scene


def main(
    data: Path | None = None,
    pairs: int = 6,
    crops: int = 2400,
    side: int = 256,
    batch: int = 4,
    workers: int = 2,
    out: Path | None = None,
) -> None:
    """Measure crops per second of every way, and print them with their ratios.

    Args:
        data: folder of training pairs, as `find_pairs` takes it; synthesised if not given.
        pairs: how many different pairs to use.
        crops: how many crops the fast ways deliver; decoding stops after a twentieth.
        side: of the crops, in pixels.
        batch: crops a batch.
        workers: of the data loaders.
        out: where to write the numbers as JSON.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = (find_pairs(data, "train") if data else synthesised(folder, pairs)).files[:pairs]
        started = time.perf_counter()
        cached = build_cache(ImagePairs(files), folder / "cache", workers=workers)
        build = 2 * len(files) / (time.perf_counter() - started)
        # Another place in the list, another crop.
        files = [files[k % len(files)] for k in range(crops)]
        direct, cached = ImagePairs(files), type(cached)(files, folder / "cache")

        def loaded(dataset: Dataset) -> DataLoader:
            return DataLoader(dataset, batch_size=batch, num_workers=workers)

        ways = {
            "decoding, loader": loaded(RandomCrops(direct, side)),
            "cache, loader": loaded(RandomCrops(cached, side)),
            "cache, loader, raw": loaded(RawCrops(cached, side)),
        }
        decoded, finished, raw = (next(iter(way)) for way in ways.values())
        assert all(map(torch.equal, decoded, finished)) and all(
            map(torch.equal, decoded, finish(raw))
        )
        rate = {
            "decoding, loader": batch * per_second(ways["decoding, loader"], crops // 20 // batch),
            "cache, loader": batch * per_second(ways["cache, loader"], crops // batch),
            "cache, loader, raw": batch * per_second(ways["cache, loader, raw"], crops // batch),
            "cache, no loader": per_second(windows(cached, side), crops),
            "copying memory": per_second(copies(cached, side), crops),
        }
        pixels = decoded_bytes(ImagePairs(files)) / 3
        png = sum(path.stat().st_size for path in {path for pair in files for path in pair})
    ratios = {
        "cache / decoding, loader": rate["cache, loader"] / rate["decoding, loader"],
        "cache, raw / decoding, loader": rate["cache, loader, raw"] / rate["decoding, loader"],
        "cache / copying memory, no loader": rate["cache, no loader"] / rate["copying memory"],
    }
    facts = {
        "data": "synthesised" if data is None else data.name,
        "pairs": pairs,
        "file bytes a pixel": png / pixels,
        "images cached a second": build,
        "crop": side,
        "batch": batch,
        "workers": workers,
        "processors": os.cpu_count(),
    }
    for key, value in {
        **facts,
        **{f"{way}: crops/s": r for way, r in rate.items()},
        **ratios,
    }.items():
        print(f"{key:40}{value:>12.2f}" if isinstance(value, float) else f"{key:40}{value:>12}")
    if out:
        results = {**facts, "torch": torch.__version__, "crops_per_second": rate, "ratios": ratios}
        out.write_text(json.dumps(results, indent=1) + "\n")


def per_second(items: Iterable[object], count: int) -> float:
    """Items a second, the first one's time, in which workers start, not counted."""
    taking = itertools.islice(items, count)
    next(taking)
    started = time.perf_counter()
    taken = sum(1 for _ in taking)
    return taken / (time.perf_counter() - started)


def windows(pairs: ImagePairs, side: int) -> Iterable[object]:
    """Nothing but both images' pixels, window after window."""
    rng = np.random.default_rng(0)
    for index in range(len(pairs)):
        blurred, sharp = pairs.levels(index)
        top, left = (int(rng.integers(n - side + 1)) for n in sharp.shape[:2])
        window = (slice(top, top + side), slice(left, left + side))
        yield blurred[window].copy(), sharp[window].copy()


def copies(pairs: ImagePairs, side: int) -> Iterable[object]:
    """As many bytes, each image's in one piece, out of an array as large as all pixels."""
    size = 3 * side * side
    memory = np.full(decoded_bytes(pairs), 1, np.uint8)
    starts = np.random.default_rng(0).integers(len(memory) - size, size=(len(pairs), 2))
    for first, second in starts.tolist():
        yield memory[first : first + size].copy(), memory[second : second + size].copy()


def synthesised(folder: Path, count: int) -> ImagePairs:
    """Pairs of 720 x 1280 in the folder's input and target."""
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        sharp = procedural_scene(720, 1280, seed)
        smeared = functional.avg_pool2d(sharp, (1, 11), 1, (0, 5), count_include_pad=False)
        # The mean of eleven frames has less noise than the frame in their middle.
        for kind, image, frames in (("input", smeared, 11), ("target", sharp, 1)):
            noisy = add_sensor_noise(image, generator, shot=5e-5 / frames)
            save_image(to_image(noisy), folder / kind / f"{seed}.png")
    return folder_pairs(folder / "input", folder / "target")


if __name__ == "__main__":
    tyro.cli(main)
