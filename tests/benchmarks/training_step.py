"""How fast a network trains, in every way that the loop knows, and how near that is to the peak.

Not a test: run it on a machine that does nothing else.

    python tests/benchmarks/training_step.py [--model sung] [--crop 256] [--batch 4] [--compile]
        [--repeats 4] [--out FILE]

The ways take turns in one process, so that a noisy machine disturbs all alike; the ratio of their
fastest steps is what counts. On a processor with AMX, bfloat16 should be 3.5 times as fast as
float32 or more. Peaks are measured here too: arithmetic by products of large matrices in bfloat16,
memory by copying.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import tyro
from measuring import peak_arithmetic, peak_memory, profiled, timed
from torch.utils.flop_counter import FlopCounterMode

from deblurlib.models import create_model
from deblurlib.training.losses import DeblurringLoss
from deblurlib.training.precision import best_device, bf16_is_fast, device_name, on_device

PLAIN = "float32"
FAST = "bfloat16, channels last, fused Adam"
COMPILED = FAST + ", compiled"


def main(
    model: str = "sung",
    crop: int = 256,
    batch: int = 4,
    repeats: int = 4,
    compile: bool = False,
    out: Path | None = None,
) -> None:
    """Measure all ways in turn; print images per second, shares of the peaks, and a profile.

    Args:
        model: a name for `create_model`.
        crop: side of the crops in pixels.
        batch: crops a step.
        repeats: measured steps of each way, after two that are not counted.
        compile: also measure it compiled (minutes on a CPU).
        out: where to write the numbers as JSON.
    """
    device = best_device()
    ways = {name: training_step(model, device, crop, batch, way=name) for name in (PLAIN, FAST)}
    if compile:
        ways[COMPILED] = training_step(model, device, crop, batch, way=COMPILED)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 2):
        for name, step in ways.items():
            seconds[name].append(timed(step, device))
    warm_up = {name: sum(times[:2]) - 2 * min(times[2:]) for name, times in seconds.items()}
    fastest = {name: min(times[2:]) for name, times in seconds.items()}

    with FlopCounterMode(display=False) as counter:
        ways[PLAIN]()
    operations = counter.get_total_flops()
    arithmetic, memory = peak_arithmetic(device), peak_memory(device)
    largest, moved = profiled(ways[FAST], device)

    print(f"{model}, I = 3, {batch} x {crop}² on {device}, {torch.get_num_threads()} threads")
    print(f"the device has bfloat16 units: {bf16_is_fast(device)}; measured peaks: ", end="")
    print(f"{arithmetic / 1e12:.2f} TFLOP/s, {memory / 1e9:.0f} GB/s")
    print(f"{'':52}{'images/s':>9}{'ratio':>7}{'of peak':>9}{'warm-up':>9}")
    for name, time_of_step in fastest.items():
        print(
            f"{name:52}{batch / time_of_step:9.2f}{fastest[PLAIN] / time_of_step:7.2f}"
            f"{operations / time_of_step / arithmetic:9.1%}{warm_up[name]:8.1f}s"
        )
    print(f"memory: at least {moved / fastest[FAST] / memory:.1%} of the peak ({FAST})")
    print(f"where the time goes ({FAST}):")
    for operator, share in largest.items():
        print(f"{share:7.1%}  {operator}")
    if out:
        facts: dict[str, Any] = {"model": model, "crop": crop, "batch": batch}
        facts |= {"threads": torch.get_num_threads(), "device": device_name(device)}
        facts |= {"torch": torch.__version__, "flop_a_step": operations}
        facts |= {"peak_flop_per_second": arithmetic, "peak_bytes_per_second": memory}
        facts |= {"seconds": {name: times[2:] for name, times in seconds.items()}}
        facts |= {"images_per_second": {n: batch / t for n, t in fastest.items()}}
        facts |= {"ratio": {n: fastest[PLAIN] / t for n, t in fastest.items()}}
        facts |= {"of_peak": {n: operations / t / arithmetic for n, t in fastest.items()}}
        facts |= {"of_peak_memory_at_least": moved / fastest[FAST] / memory}
        facts |= {"warm_up_seconds": warm_up, "profile": largest}
        out.write_text(json.dumps(facts, indent=1) + "\n")


def training_step(
    model: str, device: torch.device, crop: int, batch: int, *, way: str
) -> Callable[[], None]:
    """One step of the loop, as a function without arguments."""
    torch.manual_seed(0)
    fast = way != PLAIN
    network = create_model(model).train()
    network = on_device(network, device) if fast else network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, fused=fast)
    criterion = DeblurringLoss().to(device)
    blurred, sharp = torch.rand(2, batch, 3, crop, crop, device=device).unbind()
    if fast:
        blurred, sharp = (x.to(memory_format=torch.channels_last) for x in (blurred, sharp))
    run = torch.compile(network) if way == COMPILED else network

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            restoration = run(blurred)
        criterion(restoration, sharp)["total"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


if __name__ == "__main__":
    tyro.cli(main)
