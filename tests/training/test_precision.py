"""The device that is there, not the one that torch was built for."""

from pathlib import Path

import pytest
import torch

from deblurlib.training.precision import best_device, device_name


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
