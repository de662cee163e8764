"""Which device to use, and whether bfloat16 pays on it.

Every device computes in bfloat16; only some have units for it. On the others it is emulated and
slower than float32, so a run asks here before it switches over.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn

Precision = Literal["auto", "float32", "bfloat16"]
"""What a network computes in; "auto": bfloat16 where that is fast."""

# Intel's and AMD's x86 units; ARM's are left out, as torch's convolutions do not use them.
_CPU_UNITS = ("amx_bf16", "avx512_bf16")


def bf16_is_fast(device: torch.device) -> bool:
    """Whether ``device`` has units for bfloat16 that torch's convolutions use.

    True for CUDA GPUs from Ampere on, for AMD and Intel GPUs that say so, and for x86 processors
    with AMX or AVX512-BF16; False for everything else, Apple's GPU included.

    >>> bf16_is_fast(torch.device("meta"))
    False
    """
    if device.type == "cuda":
        if not torch.cuda.is_available():
            return False
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "xpu":
        supported = getattr(torch.xpu, "is_bf16_supported", None)  # newer than torch 2.6
        return supported is not None and bool(supported())
    if device.type == "cpu":
        # Without oneDNN, convolutions fall back to code that knows nothing of these units.
        capabilities = _cpu_capabilities()
        return torch.backends.mkldnn.is_available() and any(
            capabilities.get(unit, False) for unit in _CPU_UNITS
        )
    return False


def autocast(device: torch.device, precision: Precision = "auto") -> torch.autocast:
    """A context in which what a network computes on ``device`` is of that precision.

    In bfloat16, torch itself leaves in float32 what would suffer.

    Raises:
        ValueError: for another precision.
    """
    if precision not in get_args(Precision):
        raise ValueError(
            f"unknown precision {precision!r}: choose from {', '.join(get_args(Precision))}"
        )
    low = precision == "bfloat16" or (precision == "auto" and bf16_is_fast(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=low)


def training_precision(
    network: nn.Module, device: torch.device, precision: Precision = "auto"
) -> Precision:
    """What to train a network in on ``device``: as asked for, if its gradients come out right.

    On x86 processors with AVX512-BF16 and without AMX, oneDNN (in torch 2.13) computes the bfloat16
    gradient of a dilated convolution's weights from memory that it never wrote, where channels lie
    last and their number is no multiple of 16. SGENet has such convolutions.

    Raises:
        ValueError: where bfloat16 is asked for, and its gradients would be wrong.
    """
    capabilities = _cpu_capabilities()
    suspect = capabilities.get("avx512_bf16", False) and not capabilities.get("amx_bf16", False)
    if precision == "float32" or device.type != "cpu" or not suspect:
        return precision
    wrong = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
        and max(module.dilation) > 1
        and (module.in_channels % 16 or module.out_channels % 16)
    ]
    if wrong and precision == "bfloat16":
        raise ValueError(
            f"this processor's bfloat16 gradients are wrong for dilated convolutions such as "
            f"{wrong[0]!r}: train with precision='float32'"
        )
    return "float32" if wrong else precision


def best_device() -> torch.device:
    """The accelerator of this machine, else the CPU."""
    # Asked first: without one, a build of torch for GPUs would still name what it was built for.
    found = torch.accelerator.is_available() and torch.accelerator.current_accelerator()
    return found or torch.device("cpu")


def device_name(device: torch.device) -> str:
    """What a number was measured on: the maker's name for a GPU or processor, where it is told."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.is_file() else []
    names = (line.split(": ")[1] for line in lines if line.startswith("model name"))
    return next(names, str(device)) if device.type == "cpu" else str(device)


def on_device(model: nn.Module, device: torch.device) -> nn.Module:
    """The network on `device`, its weights laid out channels last: what convolutions run on."""
    # torch's type stubs do not know this overload.
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _cpu_capabilities() -> Mapping[str, Any]:
    if hasattr(torch.cpu, "get_capabilities"):
        return torch.cpu.get_capabilities()
    # Before torch had a public query: the same two answers, False where even these are missing.
    private = {"amx_bf16": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}
    return {unit: getattr(torch.cpu, name, lambda: False)() for unit, name in private.items()}
