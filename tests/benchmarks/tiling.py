"""Restoring in tiles: what it changes, and what memory a large photograph takes.

Not a test: run it on a machine that does nothing else.

    python tests/benchmarks/tiling.py [--weights sung_small ...] [--out data/results/tiling.json]
    python tests/benchmarks/tiling.py --megapixels 24 --memory 6

The first restores a test photograph, blurred by a shake, as a whole and in tiles of several sides,
and gives the largest and the mean difference in levels of 255. The second restores a photograph
made large in a process of its own, as if so many GB were free, and gives its peak.
"""

import json
import multiprocessing
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import tyro

from deblurlib import inference
from deblurlib.data.synthetic import photo_split
from deblurlib.imaging.files import to_image
from deblurlib.inference import restore
from deblurlib.training.checkpoints import load_model, read_card
from deblurlib.training.cost import peak_memory
from deblurlib.training.precision import best_device, device_name, on_device

CPU = torch.device("cpu")


def main(
    weights: tuple[str, ...] = ("sung_small", "sgenet_small"),
    sides: tuple[int, ...] = (128, 256, 384),
    megapixels: float | None = None,
    memory: float = 6.0,
    out: Path | None = None,
) -> None:
    """Measure, print, and write where asked.

    Args:
        weights: names of shipped weights, or weights files.
        sides: of the tiles in pixels.
        megapixels: measure the memory for a photograph of that size instead.
        memory: GB that are taken to be free, for that.
        out: where to write the numbers as JSON.
    """
    if megapixels is None:
        results = {"differences": differences(weights, sides)}
    else:
        # A process's peak counts from its start, so each photograph has one of its own.
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            jobs = [(name, megapixels, memory) for name in weights]
            results = {"large": pool.starmap(large, jobs, chunksize=1)}
    if out:
        before = json.loads(out.read_text()) if out.is_file() else {}
        about = {"device": device_name(best_device()), "threads": torch.get_num_threads()}
        about |= {"torch": torch.__version__}
        out.write_text(json.dumps({**before, **about, **results}, indent=1) + "\n")


def differences(weights: tuple[str, ...], sides: tuple[int, ...]) -> list[dict[str, Any]]:
    """Tiles against the whole, both in float32."""
    split = photo_split()
    photo = to_image(split[len(split) - 1].blurred)
    rows = []
    for name in weights:
        network = on_device(load_model(name), best_device())
        whole, *tiled = (
            np.asarray(restore(photo, network, tile=side, precision="float32"), dtype=int)
            for side in (None, *sides)
        )
        for side, pixels in zip(sides, tiled, strict=True):
            difference = np.abs(pixels - whole)
            row = {"model": read_card(name)["model"], "size": [photo.height, photo.width]}
            row |= {"tile": side, "largest": int(difference.max())}
            row |= {"mean": float(difference.mean())}
            row |= {"share_changed": float((difference > 0).any(-1).mean())}
            print(row, flush=True)
            rows.append(row)
    return rows


def large(name: str, megapixels: float, memory: float) -> dict[str, Any]:
    """One large photograph; the peak includes Python, torch and the photograph itself."""
    split = photo_split()
    photo = to_image(split[0].blurred)
    factor = (1e6 * megapixels / (photo.width * photo.height)) ** 0.5
    photo = photo.resize((round(factor * photo.width), round(factor * photo.height)))
    sides = []
    automatic = inference._automatic

    def watched(*arguments: Any) -> int | None:
        sides.append(automatic(*arguments))
        return sides[-1]

    with (
        mock.patch.object(inference, "free_memory", lambda device: int(1e9 * memory)),
        mock.patch.object(inference, "_automatic", watched),
    ):
        started = time.perf_counter()
        restore(photo, name)
        seconds = time.perf_counter() - started
    row = {"model": name, "size": [photo.height, photo.width], "free_gb": memory}
    row |= {"tile": sides[0], "seconds": seconds, "peak_gb": peak_memory(CPU) / 1e9}
    print(row, flush=True)
    return row


if __name__ == "__main__":
    tyro.cli(main)
