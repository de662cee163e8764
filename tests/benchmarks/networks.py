"""The networks side by side on a frame: parameters, multiply-adds, seconds, and their limit.

Not a test: run it on a machine that does nothing else.

    python tests/benchmarks/networks.py [--names sung sgenet ...] [--out data/results/networks.json]
    python tests/benchmarks/networks.py --compiled sgenet_small

Each network restores the frame in two ways: as `restore` does by default (weights and image
channels last, bfloat16 where the device has units for it), and as PyTorch does unasked (float32, in
its own layout). All take turns in one process, so that a noisy machine disturbs all alike; the
fastest of `repeats` runs counts, and the first one makes the others warm. The limit is what the
arithmetic alone would take at the measured peak of large matrix products. Gains in PSNR are read
from the results that were committed with weights, where there are any. `--compiled` compares a
network compiled by torch.compile with itself, in answers and time.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
import tyro
from measuring import peak_arithmetic, profiled, timed
from torch import Tensor, nn

from deblurlib.data.location import data_directory
from deblurlib.models import create_model
from deblurlib.training.cost import multiply_adds, restore
from deblurlib.training.precision import best_device, bf16_is_fast, device_name, on_device

NAMES = (
    *("sung", "sgenet", "sung_small", "sgenet_small", "sung_base", "siun", "srn", "srn_lstm"),
    *("nah", "dmphn_124", "dmphn_1248", "dmphn_stack", "mimo_unet", "nafnet"),
)


def main(
    names: tuple[str, ...] = NAMES,
    repeats: int = 2,
    size: tuple[int, int] = (720, 1280),
    compiled: str | None = None,
    out: Path | None = None,
) -> None:
    """Measure, print, and write where asked.

    Args:
        names: of networks, as `create_model` takes them.
        repeats: runs of each network in each way.
        size: height and width of the frame in pixels.
        compiled: a network to compare with itself compiled, instead of all that.
        out: where to write the numbers as JSON.
    """
    device = best_device()
    torch.manual_seed(0)
    frame = torch.rand(1, 3, *size, device=device)
    if compiled:
        compare_compiled(compiled, frame)
        return
    work = {}
    for name in names:
        work[name, "plain"] = partial(plain, create_model(name).to(device).eval(), frame)
        fast = on_device(create_model(name), device).eval()
        work[name, "default"] = partial(restore, fast, frame)
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in work}
    for turn in range(repeats):
        for key, run in work.items():
            seconds[key].append(timed(run, device))
            print(turn, *key, f"{seconds[key][-1]:.2f} s", flush=True)

    low = bf16_is_fast(device)
    peaks = {
        "float32": peak_arithmetic(device, torch.float32),
        "bfloat16": peak_arithmetic(device, torch.bfloat16),
    }
    peak = peaks["bfloat16" if low else "float32"]
    rows: list[dict[str, Any]] = []
    for name in names:
        network = create_model(name).eval()
        fastest, unasked = (min(seconds[name, way]) for way in ("default", "plain"))
        operations = 2 * multiply_adds(network, *size)
        rows.append(
            {
                "name": name,
                "parameters": sum(parameter.numel() for parameter in network.parameters()),
                "gmacs": operations / 2e9,
                "seconds": fastest,
                "plain_seconds": unasked,
                "ratio": unasked / fastest,
                "of_peak": operations / fastest / peak,
                "profile": profiled(work[name, "default"], device)[0],
                "psnr_gain": committed_gain(name),
            }
        )
    about = {"device": device_name(device), "threads": torch.get_num_threads()}
    about |= {"bfloat16": low, "torch": torch.__version__, "size": list(size)}
    about |= {"peak_flop_per_second": peaks}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(
        f"{'':14}{'parameters':>12}{'GMAC':>7}{'seconds':>9}{'plain':>8}{'ratio':>7}"
        f"{'of peak':>9}{'gain':>10}"
    )
    for row in rows:
        gain = "" if row["psnr_gain"] is None else f"{row['psnr_gain']:+.2f} dB"
        print(
            f"{row['name']:14}{row['parameters']:12,}{row['gmacs']:7.0f}{row['seconds']:9.2f}"
            f"{row['plain_seconds']:8.2f}{row['ratio']:7.2f}{row['of_peak']:9.1%}{gain:>10}"
        )
    for row in rows:
        shares = ", ".join(f"{key} {share:.0%}" for key, share in row["profile"].items())
        print(f"{row['name']}: {shares}")
    if out:
        out.write_text(json.dumps({**about, "networks": rows}, indent=1) + "\n")


def plain(network: nn.Module, frame: Tensor) -> None:
    """As PyTorch does it unasked."""
    with torch.inference_mode():
        network(frame)


def committed_gain(name: str) -> float | None:
    """Mean gain in dB on the photo split, where weights of that name ship."""
    results = data_directory() / "results" / f"{name}-photos.json"
    if not results.is_file():
        return None
    return json.loads(results.read_text())["summary"]["all"]["psnr_gain"]["mean"]


def compare_compiled(name: str, frame: Tensor) -> None:
    """Compile a network for one size, and print how it differs in answers and time."""
    device = frame.device
    network = on_device(create_model(name), device).eval()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)  # what begins as zero would hide differences
    fast = torch.compile(network)
    first = timed(lambda: restore(fast, frame), device)
    print(f"compiled and run in {first:.0f} s (less where an earlier process left it in the cache)")
    difference = (restore(fast, frame).float() - restore(network, frame).float()).abs().max()
    print(f"largest difference {difference:.1e}")
    for way, of in (("eager", network), ("compiled", fast)) * 2:
        print(f"{way:10}{timed(partial(restore, of, frame), device):8.3f} s")


if __name__ == "__main__":
    tyro.cli(main)
