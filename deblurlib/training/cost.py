"""What a network costs: multiply-adds, seconds and memory."""

import sys
import time
from collections.abc import Mapping

import psutil
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from deblurlib.training.precision import bf16_is_fast


def multiply_adds(model: nn.Module, height: int, width: int) -> int:
    """Multiplications, each with an addition, to restore one image; counted by running it.

    Of convolutions and matrix products; what else there is costs little beside them.
    """
    device = next(model.parameters()).device
    with FlopCounterMode(display=False) as counter:
        restore(model, torch.zeros(1, 3, height, width, device=device))
    return counter.get_total_flops() // 2  # it counts two for a multiply-add


def fastest_seconds(
    models: Mapping[str, nn.Module], image: Tensor, repeats: int = 3
) -> dict[str, float]:
    """Seconds to restore an image ``(1, 3, H, W)``: the least of some runs, after one uncounted.

    The networks take turns, so that a noisy machine disturbs all alike. In bfloat16 where that is
    fast.
    """
    for model in models.values():
        restore(model, image)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(repeats):
        for name, model in models.items():
            started = time.perf_counter()
            restore(model, image)
            seconds[name].append(time.perf_counter() - started)
    return {name: min(each) for name, each in seconds.items()}


def restore(model: nn.Module, image: Tensor) -> Tensor:
    """The restored image, in bfloat16 where that is fast; waits for its end."""
    low = bf16_is_fast(image.device)
    with torch.inference_mode(), torch.autocast(image.device.type, torch.bfloat16, enabled=low):
        restored: Tensor = model(image.to(memory_format=torch.channels_last)).image
    if image.device.type == "cuda":
        torch.cuda.synchronize(image.device)
    return restored


def peak_memory(device: torch.device) -> int:
    """The most bytes that were in use: on a GPU by torch since the last reset, else by the process.

    On a GPU, `torch.cuda.reset_peak_memory_stats` begins anew. A process cannot: its peak is that
    since its start.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        peak_set: int = psutil.Process().memory_info().peak_wset
        return peak_set
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
