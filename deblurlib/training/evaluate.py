"""A network over a split of pairs: one row an image, and their means."""

import csv
import datetime
import json
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor, nn

from deblurlib.data.pairs import ImagePairs, Pair
from deblurlib.data.synthetic import STRENGTHS
from deblurlib.imaging.files import replacing
from deblurlib.models import iteration_arguments
from deblurlib.training.checkpoints import current_commit
from deblurlib.training.cost import multiply_adds, peak_memory, refuse_training, wait_for
from deblurlib.training.memory import freed_memory_kept
from deblurlib.training.metrics import METRICS, finite_mean, psnr
from deblurlib.training.precision import autocast, device_name
from deblurlib.training.statistics import bootstrap_interval

Row = dict[str, Any]


def evaluate(
    model: nn.Module,
    pairs: ImagePairs,
    *,
    iterations: int | None = None,
    done: Sequence[Row] = (),
    on_row: Callable[[Row, Tensor], None] | None = None,
) -> list[Row]:
    """Restore every blurred image of a split, full frame, in float32, and measure.

    Args:
        model: a network in evaluation mode; the images go to its device.
        pairs: the split.
        iterations: I, for networks that have it; None takes the network's own.
        done: rows of the first pairs, of an evaluation that was stopped; those are not done again.
        on_row: called with every new row and the restored image ``(1, 3, H, W)``.

    Returns:
        A row a pair, in their order: its "name", for "blurred" and "restored" a dictionary of all
        `METRICS`, and the "seconds" that the network took (the first image of every size is
        restored once before, uncounted).

    Raises:
        ValueError: for a network in training mode, or rows that are not of these pairs.
    """
    refuse_training(model)
    rows = list(done)
    for index, row in enumerate(rows):
        if index >= len(pairs) or row["name"] != pairs.name(index):
            raise ValueError(f"{row['name']!r} is not pair {index} of these: begin anew")
    device = next(model.parameters()).device
    arguments = iteration_arguments(model, iterations)
    sizes: set[torch.Size] = set()
    with torch.inference_mode(), freed_memory_kept(device):
        for index in range(len(rows), len(pairs)):
            blurred, sharp = (image[None].to(device) for image in pairs[index])
            if blurred.shape not in sizes:
                model(blurred, **arguments)
                sizes.add(blurred.shape)
            wait_for(device)
            started = time.perf_counter()
            restored = model(blurred, **arguments).image
            wait_for(device)
            seconds = time.perf_counter() - started
            row = {
                "name": pairs.name(index),
                "blurred": {name: of(blurred, sharp).item() for name, of in METRICS.items()},
                "restored": {name: of(restored, sharp).item() for name, of in METRICS.items()},
                "seconds": seconds,
            }
            rows.append(row)
            if on_row:
                on_row(row, restored)
    return rows


def mean_gain(model: nn.Module, pairs: Iterable[Pair]) -> float:
    """The mean gain in PSNR over the blurred images, in dB: what `evaluate` finds, but quicker.

    Only PSNR, and in bfloat16 where that is fast, as in training. The model's mode stays.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    gains = []
    for pair in pairs:
        blurred, sharp = (image[None].to(device) for image in pair)
        with torch.inference_mode(), autocast(device):
            restored = model(blurred.to(memory_format=torch.channels_last)).image
        gains.append(psnr(restored, sharp) - psnr(blurred, sharp))
    model.train(training)
    return torch.cat(gains).mean().item()


def scene_of(name: str) -> str:
    """What a pair shows, from its name: pairs of one scene are alike, and count as one.

    The photograph of the embedded split, the sequence of GoPro (also where its frames lie in one
    folder), the scene of RealBlur, the video of HIDE; else itself.

    >>> scene_of("motorcycle-mild-1"), scene_of("GOPR0384_11_00/000001"), scene_of("7fromGOPR1089")
    ('motorcycle', 'GOPR0384_11_00', 'GOPR1089')
    >>> scene_of("GOPR0384_11_00-000001"), scene_of("109fromGOPR1096.MP4")
    ('GOPR0384_11_00', 'GOPR1096')
    """
    photograph = re.fullmatch(rf"(.+)-(?:{'|'.join(STRENGTHS)})-\d+", name)
    video = re.fullmatch(r"\d+from(.+?)(?:\.MP4)?", name)
    sequence = re.fullmatch(r"(GOPR\d+_\d+_\d+)-\d+", name)
    match = photograph or video or sequence
    return match[1] if match else name.rpartition("/")[0] or name


def summarize(rows: Iterable[Row], group: Callable[[str], str]) -> dict[str, Any]:
    """Means over groups of rows, and over all.

    Args:
        rows: as `evaluate` returns them.
        group: the group of a row, from its name.

    Returns:
        For every group, the least blurred first, and for "all": "pairs" (how many), the mean of
        each metric of "blurred" and "restored"; of those of "restored" also the "stdev" over pairs
        and the "interval" that holds the mean with 95% (`bootstrap_interval` over scenes); and
        "psnr_gain": mean, stdev, interval and least of the gains in dB. Infinite values, of
        identical images, are left out; where there are any, "infinite" says how many of each
        metric, of "blurred" and "restored".
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[group(row["name"])].append(row)
    summary = {name: _means(members) for name, members in groups.items()}
    # From the least blurred group to the most.
    ordered = sorted(summary, key=lambda name: -summary[name]["blurred"]["psnr"])
    everything = [row for members in groups.values() for row in members]
    return {**{name: summary[name] for name in ordered}, "all": _means(everything)}


def table(summary: Mapping[str, Any]) -> str:
    """A summary as text: PSNR of every group, then all metrics over all pairs, with intervals."""
    lines = [f"{'PSNR in dB':10}{'pairs':>6}{'blurred':>10}{'restored':>10}{'gain':>8}  [95 %]"]
    for name, means in summary.items():
        gain = means["psnr_gain"]
        low, high = gain["interval"]
        lines.append(
            f"{name:10}{means['pairs']:6}{means['blurred']['psnr']:10.2f}"
            f"{means['restored']['psnr']:10.2f}{gain['mean']:+8.2f}  [{low:+.2f}, {high:+.2f}]"
        )
    means = summary["all"]
    lines.append(f"\n{'metric':16}{'blurred':>10}{'restored':>10}  [95 %]")
    for metric, (low, high) in means["interval"].items():
        before, after = (means[state][metric] for state in ("blurred", "restored"))
        digits = 4 if metric.startswith("ssim") else 2
        lines.append(
            f"{metric:16}{before:10.{digits}f}{after:10.{digits}f}"
            f"  [{low:.{digits}f}, {high:.{digits}f}]"
        )
    for name, means in summary.items():
        for state, counts in means.get("infinite", {}).items():
            if "psnr" in counts:
                lines.append(
                    f"{name}: {counts['psnr']} {state} and sharp images are identical: their PSNR "
                    "is infinite, and left out of these means"
                )
    return "\n".join(lines)


def cost_of(
    model: nn.Module, pairs: ImagePairs, rows: Sequence[Row], iterations: int | None = None
) -> dict[str, Any]:
    """What an evaluation took: the network, arithmetic for the first image, time, memory."""
    device = next(model.parameters()).device
    height, width = pairs[0].sharp.shape[-2:]
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "gmacs": multiply_adds(model, height, width, iterations=iterations) / 1e9,
        "size": f"{height} x {width}",
        "seconds": mean(row["seconds"] for row in rows),
        "peak_memory": peak_memory(device),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "precision": "float32",
    }


class Journal:
    """Rows of an evaluation in progress, one written as soon as it is there: a stopped one goes on.

    Args:
        path: the file; hidden beside the results that are to come.
        about: what is being measured, all that decides the rows (JSON).

    Raises:
        ValueError: where the file is of another evaluation.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        identity: dict[str, Any] = json.loads(json.dumps(about))
        # What follows the last line's end was being written when the process was killed.
        lines = path.read_text().split("\n")[:-1] if path.is_file() else []
        try:
            begun, *rows = map(json.loads, lines) if lines else [identity]
        except ValueError as error:
            raise ValueError(f"{path}: damaged; delete it to begin anew") from error
        if begun != identity:
            different = ", ".join(k for k in identity if begun.get(k) != identity[k])
            raise ValueError(
                f"{path}: an evaluation of other {different} was stopped here; "
                "finish it, or delete this file"
            )
        self.rows: list[Row] = rows
        with replacing(path) as beside:
            beside.write_text("".join(json.dumps(line) + "\n" for line in (identity, *rows)))

    def add(self, row: Row) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def remove(self) -> None:
        """Once the results are written."""
        self.path.unlink()


def save_csv(path: Path, rows: Iterable[Row]) -> None:
    """One line an image: name, scene, seconds, and all metrics, blurred and restored."""
    lines = []
    for row in rows:
        line = {"name": row["name"], "scene": scene_of(row["name"]), "seconds": row["seconds"]}
        for state in ("blurred", "restored"):
            line |= {f"{state}_{metric}": value for metric, value in row[state].items()}
        lines.append(line)
    with replacing(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def save_results(path: Path, rows: list[Row], summary: Mapping[str, Any], **about: Any) -> None:
    """Write a results file (JSON): what was measured, on what, when, with which code.

    What is no finite number, as the PSNR of identical images, is written as null.
    """
    results = {
        **about,
        "date": datetime.date.today().isoformat(),
        "commit": current_commit(),
        "torch": torch.__version__,
        "summary": dict(summary),
        "rows": rows,
    }
    with replacing(path) as beside:
        beside.write_text(json.dumps(_plain(results), indent=1, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """The value with null for infinity and NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _means(rows: list[Row]) -> dict[str, Any]:
    scenes = [scene_of(row["name"]) for row in rows]
    means: dict[str, Any] = {"pairs": len(rows)}
    infinite: dict[str, dict[str, int]] = {}
    for state in ("blurred", "restored"):
        values = {name: [row[state][name] for row in rows] for name in rows[0][state]}
        means[state] = {name: finite_mean(of_rows) for name, of_rows in values.items()}
        counts = {name: sum(map(math.isinf, of_rows)) for name, of_rows in values.items()}
        infinite[state] = {name: count for name, count in counts.items() if count}
    spreads = {name: _spread(of_rows, scenes) for name, of_rows in values.items()}
    means["stdev"] = {name: spread["stdev"] for name, spread in spreads.items()}
    means["interval"] = {name: spread["interval"] for name, spread in spreads.items()}
    # To or from infinity there is no gain in decibels.
    psnrs = [(row["blurred"]["psnr"], row["restored"]["psnr"]) for row in rows]
    gains = [math.inf if math.inf in both else both[1] - both[0] for both in psnrs]
    finite = [gain for gain in gains if not math.isinf(gain)]
    least = math.nan if not finite or any(map(math.isnan, finite)) else min(finite)
    average = mean(finite) if finite else math.nan
    means["psnr_gain"] = {"mean": average, **_spread(gains, scenes), "least": least}
    return {**means, "infinite": infinite} if any(infinite.values()) else means


def _spread(values: Sequence[float], scenes: Sequence[str]) -> dict[str, Any]:
    """Standard deviation and interval of the mean, of what is finite."""
    pairs = zip(values, scenes, strict=True)
    finite = [(value, scene) for value, scene in pairs if not math.isinf(value)]
    if not finite or any(math.isnan(value) for value, _ in finite):
        return {"stdev": math.nan, "interval": [math.nan, math.nan]}
    kept, of_scenes = zip(*finite, strict=True)
    deviation = stdev(kept) if len(kept) > 1 else 0.0
    return {"stdev": deviation, "interval": list(bootstrap_interval(kept, of_scenes))}
