"""What the benchmarks share: a clock, the machine's peaks, and where the time goes."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from deblurlib.training.cost import wait_for


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds until the device has done it."""
    wait_for(device)
    started = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - started


def peak_arithmetic(device: torch.device, dtype: torch.dtype = torch.bfloat16) -> float:
    """Operations per second of a product of large matrices, the best of six."""
    side = 8192 if device.type == "cuda" else 2048
    one, other = torch.rand(2, side, side, device=device, dtype=dtype).unbind()
    return 2 * side**3 / min(timed(lambda: one @ other, device) for _ in range(6))


def peak_memory(device: torch.device) -> float:
    """Bytes per second, read and written, of a copy far larger than any cache; the best of six."""
    source = torch.rand(2**28, device=device)
    target = torch.empty_like(source)
    seconds = min(timed(lambda: target.copy_(source), device) for _ in range(6))
    return 2 * source.numel() * source.element_size() / seconds


def profiled(work: Callable[[], Any], device: torch.device) -> tuple[dict[str, float], int]:
    """The operators that take most of the time, with their shares; and the bytes they allocate.

    What is allocated is written at least once, so that is the least that goes through the memory.
    """
    gpu = device.type == "cuda"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])]
    with profile(activities=kinds, profile_memory=True) as watched:
        timed(work, device)
    side = "device" if gpu else "cpu"
    times = {e.key: getattr(e, f"self_{side}_time_total") for e in watched.key_averages()}
    total = sum(times.values())
    largest = sorted(times, key=lambda key: -times[key])[:8]
    written = sum(max(0, getattr(e, f"self_{side}_memory_usage")) for e in watched.events())
    return {key: round(times[key] / total, 4) for key in largest}, written
