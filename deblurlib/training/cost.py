"""What a network costs: multiply-adds, seconds and memory."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from deblurlib.models import iteration_arguments
from deblurlib.training.memory import freed_memory_kept
from deblurlib.training.precision import autocast


def multiply_adds(
    model: nn.Module, height: int, width: int, *, iterations: int | None = None
) -> int:
    """Multiplications, each with an addition, to restore one image.

    Of convolutions and matrix products; what else there is costs little beside them. Nothing is
    computed: the network runs on the "meta" device, where tensors have shapes and no values, so any
    size takes about a second and no memory.

    Args:
        model: in evaluation mode, on any device; it stays as it is.
        height, width: of the image.
        iterations: I, for networks that have it; None takes the network's own.

    Raises:
        ValueError: for a network in training mode, or `iterations` where it has none.
    """
    refuse_training(model)
    arguments = iteration_arguments(model, iterations)
    image = torch.empty(1, 3, height, width, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        functional_call(model, _shapes(model), (image,), arguments)
    return counter.get_total_flops() // 2  # it counts two for a multiply-add


def live_bytes(model: nn.Module, height: int, width: int) -> int:
    """The most bytes of intermediate results that a network holds at once, restoring one image.

    Counted on the "meta" device as `multiply_adds` does, in float32: without parameters, and
    without what a convolution's implementation needs for itself.
    """
    shapes = _shapes(model)
    image = torch.empty(1, 3, height, width, device="meta")
    with torch.no_grad(), _Live() as live:
        functional_call(model, shapes, (image,))
    return live.most


class _Live(TorchDispatchMode):
    """Watches which results are still held, operation by operation."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._held: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        results = function(*arguments, **(options or {}))
        for result in tree_leaves(results):
            if isinstance(result, Tensor):
                storage = result.untyped_storage()
                reference = StorageWeakRef(storage)
                self._held[reference.cdata] = (reference, storage.nbytes())
        self._held = {key: held for key, held in self._held.items() if not held[0].expired()}
        self.most = max(self.most, sum(size for _, size in self._held.values()))
        return results


def fastest_seconds(
    models: Mapping[str, nn.Module], image: Tensor, repeats: int = 3
) -> dict[str, float]:
    """Seconds to restore an image ``(1, 3, H, W)``: the least of some runs, after one uncounted.

    The networks take turns, so that a noisy machine disturbs all alike. In bfloat16 where that is
    fast.

    Raises:
        ValueError: for a network in training mode.
    """
    for model in models.values():
        refuse_training(model)
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
    with torch.inference_mode(), autocast(image.device), freed_memory_kept(image.device):
        restored: Tensor = model(image.to(memory_format=torch.channels_last)).image
    wait_for(image.device)
    return restored


def wait_for(device: torch.device) -> None:
    """Wait until an accelerator has done what it was told; a clock would measure the telling."""
    if device.type not in ("cpu", "meta"):
        torch.accelerator.synchronize(device)


def refuse_training(model: nn.Module) -> None:
    """What is measured must be the network as it is used.

    Raises:
        ValueError: where any part of it is in training mode: dropout and batch normalisation then
            give other answers, scale iteration and windowed means do other work.
    """
    training = [name for name, module in model.named_modules() if module.training]
    if training:
        where = f" (its part {training[0]!r} is)" if training[0] else ""
        raise ValueError(f"the network is in training mode{where}: call its eval() first")


def free_memory(device: torch.device) -> int:
    """Bytes that can be had without swapping."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    available: int = psutil.virtual_memory().available
    return available


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
    if sys.platform == "linux":
        # Not getrusage's: that of a new process begins with its parent's.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _shapes(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers without their values."""
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: torch.empty_like(value, device="meta") for name, value in state.items()}
