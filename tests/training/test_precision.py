"""The device that is there, not the one that torch was built for."""

from pathlib import Path

import pytest
import torch

from deblurlib.training import precision
from deblurlib.training.precision import autocast, best_device, device_name


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
