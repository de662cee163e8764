"""Tables of committed studies, beside what others have published, as Markdown.

Ours and theirs never share a column: theirs are on GoPro after full trainings, ours on what the
study says. ``python -m deblurlib.training.tables README.md`` writes the tables into a page anew.
"""

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from deblurlib.data.location import data_directory
from deblurlib.imaging.files import replacing
from deblurlib.training.checkpoints import list_weights, read_card, weights_path
from deblurlib.training.statistics import t_interval
from deblurlib.training.studies import load, paired_differences

Results = Mapping[str, Any]


def published() -> list[dict[str, str]]:
    """Rows of ``data/published.csv``: network, data, psnr (dB), ssim, ssim_variant, source."""
    with (data_directory() / "published.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def table1(results: Results | None = None) -> str:
    """SUNG's Table 1: the paper's numbers, and ours (None: of the committed study)."""
    results, theirs = results or load("table1"), _of_the_paper()
    rows = [
        [
            row["name"],
            *(theirs[row["name"]][key] for key in ("psnr", "ssim")),
            *(_spread(row["restored"][metric], digits) for metric, digits in _COLUMNS),
        ]
        for row in results["variants"]
    ]
    head = ["network", "PSNR in the paper", "SSIM in the paper", *(_HEADS[m] for m, _ in _COLUMNS)]
    blurred = (f"{results['blurred'][metric]:.{digits}f}" for metric, digits in _COLUMNS)
    return _table(head, [*rows, ["*blurred*", "", "", *blurred]]) + _about(results) + _THEIRS


def table2(results: Results | None = None) -> str:
    """SUNG's Table 2: with and without the edge map, and what is between them.

    The interval is Student's, over seeds: where it holds 0, these seeds can't tell.
    """
    results, theirs = results or load("table2"), _of_the_paper()
    variants = results["variants"]
    names = [row["name"] for row in variants]
    rows = []
    for metric, digits in _COLUMNS:
        paper = ["", "", ""]
        if key := {"psnr": "psnr", "ssim_rgb": "ssim"}.get(metric):
            base, sung = (Decimal(theirs[name][key]) for name in names)
            paper = [str(base), str(sung), f"{sung - base:+}"]
        (difference,) = paired_differences(results, metric).values()
        low, high = t_interval(difference)
        ours = [_spread(row["restored"][metric], digits) for row in variants]
        gain = f"{mean(difference):+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
        rows.append([_HEADS[metric], *paper, *ours, gain])
    rows.append(["parameters", "", "", "", *(f"{row['parameters']:,}" for row in variants), ""])
    papers, ours = ([f"{name}, {whose}" for name in names] for whose in ("paper", "ours"))
    head = ["", *papers, "difference, paper", *ours, "difference, ours [95 %]"]
    return _table(head, rows) + _about(results) + _THEIRS


def networks(results: Results | None = None) -> str:
    """All networks, equally trained: cost, and gain in PSNR over the blurred image, best first."""
    results = results or load("networks")
    groups = list(results["variants"][0]["groups"])
    variants = sorted(results["variants"], key=lambda row: -mean(row["gains"]))
    rows = [
        [
            row["name"],
            f"{row['parameters'] / 1e6:.2f} M",
            f"{row['gmacs']:.0f}",
            f"{row['seconds']:.2f}",
            _spread(row["gains"], 2, sign="+"),
            *(f"{mean(row['groups'][group]):+.2f}" for group in groups),
            _spread(row["restored"]["edge_psnr"], 2),
        ]
        for row in variants
    ]
    head = ["network", "parameters", "GMAC", "seconds", "gain, dB", *groups, _HEADS["edge_psnr"]]
    about = f" GMAC and seconds: a frame of 720 × 1280, {results['device']}."
    return _table(head, rows) + _about(results) + about


def weights() -> str:
    """Weights that ship: what went into them, and their gain in PSNR on the photo split, in dB.

    Trainings that began with the weights of another have a sum: that one's steps or hours first.
    """
    rows = []
    for name in list_weights():
        results = json.loads((data_directory() / "results" / f"{name}-photos.json").read_text())
        stages = [read_card(name)]
        while "initial" in stages[0]:
            stages.insert(0, stages[0]["initial"])
        hours = (f"{s['seconds'] / 3600:.1f}" if "seconds" in s else "?" for s in stages)
        rows.append(
            [
                f"`{name}`",
                f"{results['cost']['parameters'] / 1e6:.2f} M",
                f"{weights_path(name).stat().st_size / 1e6:.1f}",
                " + ".join(f"{stage['steps']:,}" for stage in stages),
                " + ".join(hours),
                *(f"{group['psnr_gain']['mean']:+.2f}" for group in results["summary"].values()),
                f"{results['summary']['all']['psnr_gain']['least']:+.2f}",
            ]
        )
    groups = list(results["summary"])
    return _table(["weights", "parameters", "MB", "steps", "hours", *groups, "least"], rows)


def update(page: str) -> str:
    """The page with its tables made anew, between ``<!-- table2 -->`` and ``<!-- end -->``."""
    makers = {"table1": table1, "table2": table2, "networks": networks, "weights": weights}

    def fill(match: re.Match[str]) -> str:
        return f"{match[1]}\n\n{makers[match[2]]()}\n\n{match[3]}"

    return re.sub(rf"(<!-- ({'|'.join(makers)}) -->).*?(<!-- end -->)", fill, page, flags=re.DOTALL)


def _of_the_paper() -> dict[str, dict[str, str]]:
    """What SUNG's tables say, by network."""
    return {row["network"]: row for row in published() if row["source"].startswith("Min and Kang")}


_THEIRS = " *Theirs: GoPro.*"
_COLUMNS = (("psnr", 2), ("ssim_rgb", 4), ("ssim_3d", 4), ("edge_psnr", 2))
_HEADS = {
    "psnr": "PSNR, dB",
    "ssim_rgb": "SSIM (2-D, RGB)",
    "ssim_3d": "SSIM (3-D)",
    "edge_psnr": "PSNR of edges, dB",
}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    alignment = ["---", *["---:"] * (len(head) - 1)]
    lines = ("| " + " | ".join(cells) + " |" for cells in (head, alignment, *rows))
    return "\n".join(lines)


def _about(results: Results) -> str:
    sizes = "networks of reduced size" if results["profile"] == "quick" else "full-size networks"
    data = (
        "the embedded data, tested on the photo split"
        if results["data"] == "embedded"
        else f"{results['data']}, tested on its test pairs"
    )
    return (
        f"\n\n*Ours: {sizes}, {results['steps']:,} steps of {results['batch']} crops of "
        f"{results['crop']}² on {data} ({results['pairs']} pairs), mean ± standard deviation of "
        f"{len(results['seeds'])} seeds.*"
    )


def _spread(values: Sequence[float], digits: int, sign: str = "") -> str:
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):{sign}.{digits}f}{deviation}"


def _main(*pages: str) -> None:
    for page in map(Path, pages):
        text = update(page.read_text())
        with replacing(page) as beside:
            beside.write_text(text)


if __name__ == "__main__":
    _main(*sys.argv[1:])
