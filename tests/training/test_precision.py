"""The device that is there, not the one that torch was built for."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from deblurlib.models import SGENet
from deblurlib.training import precision
from deblurlib.training.precision import autocast, best_device, device_name, training_precision

CPU = torch.device("cpu")


def test_a_gpu_build_without_a_gpu_uses_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert best_device() == torch.device("cpu")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert best_device() == torch.device("cuda")


def test_a_device_is_named_as_its_maker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_name(torch.device("meta")) == "meta"
    text = "processor: 0\nmodel name\t: Fast(R) 9\nmodel name\t: Fast(R) 9\n"
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    monkeypatch.setattr(Path, "read_text", lambda path: text)
    assert device_name(torch.device("cpu")) == "Fast(R) 9"
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    assert device_name(torch.device("cpu")) == "cpu"


@pytest.mark.parametrize("fast", [True, False])
def test_what_computes_in_bfloat16(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: fast)
    x, cpu = torch.ones(2, 2), torch.device("cpu")
    low = {}
    for name in ("auto", "float32", "bfloat16"):
        with autocast(cpu, name):
            low[name] = (x @ x).dtype == torch.bfloat16
    assert low == {"auto": fast, "float32": False, "bfloat16": True}
    with autocast(cpu):
        assert ((x @ x).dtype == torch.bfloat16) is fast
    with pytest.raises(ValueError, match="unknown precision 'half': choose from auto, float32"):
        autocast(cpu, "half")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("units", "channels", "chosen"),
    [
        ({"avx512_bf16": True}, 24, "float32"),
        ({"avx512_bf16": True}, 32, "auto"),
        ({"avx512_bf16": True, "amx_bf16": True}, 24, "auto"),
        ({}, 24, "auto"),
    ],
)
def test_what_would_get_wrong_gradients_is_trained_in_float32(
    units: dict[str, bool], channels: int, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_cpu_capabilities", lambda: units)
    plain = nn.Conv2d(channels, channels, 3)
    dilated = nn.Sequential(plain, nn.Conv2d(channels, channels, 3, dilation=2))
    assert training_precision(dilated, CPU) == chosen
    assert training_precision(dilated, CPU, "float32") == "float32"
    for network, device in ((plain, CPU), (dilated, torch.device("meta"))):
        assert training_precision(network, device) == "auto"
        assert training_precision(network, device, "bfloat16") == "bfloat16"
    if chosen == "float32":
        with pytest.raises(ValueError, match=r"'1': train with precision='float32'"):
            training_precision(dilated, CPU, "bfloat16")


def test_the_gradients_of_a_training_are_right() -> None:
    torch.manual_seed(0)
    network = SGENet((24, 28), 1)
    nn.init.normal_(network.stage2.tail.weight, std=0.1)
    network = network.to(memory_format=torch.channels_last)
    image = torch.rand(2, 3, 48, 48).to(memory_format=torch.channels_last)

    def gradients(chosen: precision.Precision) -> dict[str, torch.Tensor]:
        network.zero_grad()
        for size in (10**4, 10**5, 10**6):
            torch.full((size,), math.nan)  # what wrong code would read from freed memory
        with autocast(CPU, chosen):
            restoration = network(image)
        restoration.image.float().square().mean().backward()
        return {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}

    exact = gradients("float32")
    for name, gradient in gradients(training_precision(network, CPU)).items():
        if exact[name].norm() > 1e-6:  # biases whose effect is taken away again have none
            alike = cosine_similarity(gradient.flatten(), exact[name].flatten(), dim=0)
            assert alike > 0.9, name
