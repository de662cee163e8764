"""A network over a split of pairs: one row an image, and their means."""

import datetime
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor, nn

from deblurlib.data.pairs import ImagePairs, Pair
from deblurlib.imaging.files import replacing
from deblurlib.models import iteration_arguments
from deblurlib.training.checkpoints import current_commit
from deblurlib.training.metrics import METRICS, finite_mean, psnr
from deblurlib.training.precision import bf16_is_fast

Row = dict[str, Any]


def evaluate(
    model: nn.Module,
    pairs: ImagePairs,
    *,
    iterations: int | None = None,
    on_row: Callable[[Row, Tensor], None] | None = None,
) -> list[Row]:
    """Restore every blurred image of a split, full frame, and measure.

    Args:
        model: a network in evaluation mode; the images go to its device.
        pairs: the split.
        iterations: I, for networks that have it; None takes the network's own.
        on_row: called with every row and the restored image ``(1, 3, H, W)``.

    Returns:
        A row a pair, in their order: its "name", and for "blurred" and "restored" a dictionary of
        all `METRICS`.
    """
    device = next(model.parameters()).device
    arguments = iteration_arguments(model, iterations)
    rows = []
    for index in range(len(pairs)):
        blurred, sharp = (image[None].to(device) for image in pairs[index])
        with torch.inference_mode():
            restored = model(blurred, **arguments).image
            row = {
                "name": pairs.name(index),
                "blurred": {name: of(blurred, sharp).item() for name, of in METRICS.items()},
                "restored": {name: of(restored, sharp).item() for name, of in METRICS.items()},
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
        with (
            torch.inference_mode(),
            torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device)),
        ):
            restored = model(blurred.to(memory_format=torch.channels_last)).image
        gains.append(psnr(restored, sharp) - psnr(blurred, sharp))
    model.train(training)
    return torch.cat(gains).mean().item()


def summarize(rows: Iterable[Row], group: Callable[[str], str]) -> dict[str, Any]:
    """Means over groups of rows, and over all.

    Args:
        rows: as `evaluate` returns them.
        group: the group of a row, from its name.

    Returns:
        For every group, the least blurred first, and for "all": "pairs" (how many), the mean of
        each metric of "blurred" and "restored", and "psnr_gain": mean, standard deviation and
        least of the gains in dB. Infinite values, of identical images, are left out; where there
        are any, "infinite" says how many of each metric, of "blurred" and "restored".
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[group(row["name"])].append(row)
    summary = {name: _means(members) for name, members in groups.items()}
    # From the least blurred group to the most.
    ordered = sorted(summary, key=lambda name: -summary[name]["blurred"]["psnr"])
    everything = [row for members in groups.values() for row in members]
    return {**{name: summary[name] for name in ordered}, "all": _means(everything)}


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
    means: dict[str, Any] = {"pairs": len(rows)}
    infinite: dict[str, dict[str, int]] = {}
    for state in ("blurred", "restored"):
        values = {name: [row[state][name] for row in rows] for name in rows[0][state]}
        means[state] = {name: finite_mean(of_rows) for name, of_rows in values.items()}
        counts = {name: sum(map(math.isinf, of_rows)) for name, of_rows in values.items()}
        infinite[state] = {name: count for name, count in counts.items() if count}
    # To or from infinity there is no gain in decibels.
    psnrs = [(row["blurred"]["psnr"], row["restored"]["psnr"]) for row in rows]
    gains = [after - before for before, after in psnrs if math.inf not in (before, after)]
    if not gains or any(map(math.isnan, gains)):
        means["psnr_gain"] = dict.fromkeys(("mean", "stdev", "least"), math.nan)
    else:
        spread = stdev(gains) if len(gains) > 1 else 0.0
        means["psnr_gain"] = {"mean": mean(gains), "stdev": spread, "least": min(gains)}
    return {**means, "infinite": infinite} if any(infinite.values()) else means
