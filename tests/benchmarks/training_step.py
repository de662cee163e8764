"""How much faster full-size SUNG trains in bfloat16, channels last, than in plain float32.

Not a test: run it on a machine that does nothing else.

    python tests/benchmarks/training_step.py [--crop 256] [--batch 4] [--repeats 4] [--out FILE]

The two ways take turns in one process, so that a noisy machine disturbs both alike; the ratio of
their fastest steps is what counts. On a processor with AMX it should be 3.5 or more.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
import tyro

from deblurlib.models import create_model
from deblurlib.training.losses import DeblurringLoss
from deblurlib.training.precision import best_device, bf16_is_fast, on_device


def main(crop: int = 256, batch: int = 4, repeats: int = 4, out: Path | None = None) -> None:
    """Measure both ways in turn and print their steps per second.

    Args:
        crop: side of the crops in pixels.
        batch: crops a step.
        repeats: measured steps of each way, after one that is not counted.
        out: where to write the numbers as JSON.
    """
    device = best_device()
    ways = {"float32": training_step(device, crop, batch, fast=False)}
    ways["bfloat16, channels last"] = training_step(device, crop, batch, fast=True)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 1):
        for name, step in ways.items():
            started = time.perf_counter()
            step()
            if repeat:
                seconds[name].append(time.perf_counter() - started)
    fastest = {name: min(times) for name, times in seconds.items()}
    plain, fast = fastest.values()
    print(f"SUNG, I = 3, {batch} x {crop}² on {device}, {torch.get_num_threads()} threads")
    print(f"the device has bfloat16 units: {bf16_is_fast(device)}")
    for name, time_of_step in fastest.items():
        print(f"{name:25}{1 / time_of_step:8.3f} steps/s")
    print(f"{'ratio':25}{plain / fast:8.2f}")
    if out:
        facts = {"crop": crop, "batch": batch, "threads": torch.get_num_threads()}
        facts |= {"device": str(device), "torch": torch.__version__}
        out.write_text(json.dumps({**facts, "seconds": seconds, "ratio": plain / fast}, indent=1))


def training_step(device: torch.device, crop: int, batch: int, *, fast: bool) -> Callable[[], None]:
    """One step of the loop, as a function without arguments that waits for its end."""
    torch.manual_seed(0)
    network = create_model("sung").train()
    layout = torch.channels_last if fast else torch.contiguous_format
    network = on_device(network, device) if fast else network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, fused=fast)
    criterion = DeblurringLoss().to(device)
    blurred, sharp = torch.rand(2, batch, 3, crop, crop, device=device).unbind()
    blurred = blurred.to(memory_format=layout)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            restoration = network(blurred)
        criterion(restoration, sharp)["total"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


if __name__ == "__main__":
    tyro.cli(main)
