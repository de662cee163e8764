"""The networks side by side: parameters, multiply-adds and seconds for one 720 x 1280 frame.

Not a test: run it on a machine that does nothing else.

    python tests/benchmarks/networks.py [--names sung sgenet ...] [--out data/results/networks.json]
    python tests/benchmarks/networks.py --compiled sgenet_small

The networks take turns, so that a noisy machine disturbs all alike; the fastest of `repeats` runs
counts. Gains in PSNR are read from the results that were committed with weights, where there are
any. `--compiled` compares a network compiled by torch.compile with itself, in answers and time.
"""

import json
import time
from pathlib import Path

import torch
import tyro
from torch import nn

from deblurlib.data.location import data_directory
from deblurlib.models import create_model
from deblurlib.training.cost import fastest_seconds, multiply_adds
from deblurlib.training.precision import best_device, bf16_is_fast, device_name, on_device

SIZE = (720, 1280)


def main(
    names: tuple[str, ...] = ("sung", "sgenet", "sung_small", "sgenet_small"),
    repeats: int = 3,
    compiled: str | None = None,
    out: Path | None = None,
) -> None:
    """Measure, print, and write where asked.

    Args:
        names: of networks, as `create_model` takes them.
        repeats: timed runs of each, after one that is not counted.
        compiled: a network to compare with itself compiled, instead of all that.
        out: where to write the numbers as JSON.
    """
    device = best_device()
    if compiled:
        compare_compiled(compiled, device)
        return
    frame = torch.rand(1, 3, *SIZE, device=device).to(memory_format=torch.channels_last)
    networks = {name: on_device(create_model(name), device).eval() for name in names}
    seconds = fastest_seconds(networks, frame, repeats)

    rows = []
    for name, network in networks.items():
        rows.append(
            {
                "name": name,
                "parameters": sum(parameter.numel() for parameter in network.parameters()),
                "gmacs": multiply_adds(network, *SIZE) / 1e9,
                "seconds": seconds[name],
                "psnr_gain": committed_gain(name),
            }
        )
    about = {"device": device_name(device), "threads": torch.get_num_threads()}
    about |= {"bfloat16": bf16_is_fast(device), "torch": torch.__version__}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'':14}{'parameters':>12}{'GMAC':>9}{'seconds':>9}{'gain':>9}")
    for row in rows:
        gain = "" if row["psnr_gain"] is None else f"{row['psnr_gain']:+.2f} dB"
        print(
            f"{row['name']:14}{row['parameters']:12,}{row['gmacs']:9.0f}{row['seconds']:9.2f}"
            f"{gain:>9}"
        )
    if out:
        out.write_text(json.dumps({**about, "networks": rows}, indent=1) + "\n")


def committed_gain(name: str) -> float | None:
    """Mean gain in dB on the photo split, where weights of that name ship."""
    results = data_directory() / "results" / f"{name}-photos.json"
    if not results.is_file():
        return None
    return json.loads(results.read_text())["summary"]["all"]["psnr_gain"]["mean"]


def compare_compiled(name: str, device: torch.device) -> None:
    """Compile a network for one size, and print how it differs in answers and time."""
    torch.manual_seed(0)
    network = on_device(create_model(name), device).eval()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)  # what begins as zero would hide differences
    frame = torch.rand(1, 3, 256, 256, device=device).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        started = time.perf_counter()
        fast = torch.compile(network)
        answer = fast(frame).image
        print(f"compiled in {time.perf_counter() - started:.0f} s")
        torch.testing.assert_close(answer, network(frame).image, atol=1e-5, rtol=1e-4)
        times = {"eager": [], "compiled": []}
        for _ in range(5):
            for way, of in (("eager", network), ("compiled", fast)):
                started = time.perf_counter()
                of(frame)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                times[way].append(time.perf_counter() - started)
    for way, of in times.items():
        print(f"{way:10}{min(of):8.3f} s")


if __name__ == "__main__":
    tyro.cli(main)
