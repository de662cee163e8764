"""Weights and training states on disk: safetensors, so that nothing is ever unpickled.

A weights file holds a network's parameters and a *card*, a small JSON text in its metadata: which
network, how it was trained, how well it does. A training state holds parameters and optimizer.
"""

import hashlib
import json
import os
import subprocess
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from deblurlib.data.location import data_directory
from deblurlib.imaging.files import replacing
from deblurlib.models import create_model, list_models

Card = dict[str, Any]


class DamagedError(ValueError):
    """A file is not whole, or none of ours."""


def save_weights(
    model: nn.Module, path: Path, card: Mapping[str, Any], *, half: bool = False
) -> None:
    """Write a network's weights with their card.

    Args:
        model: the network, on any device.
        path: the file; it appears whole or not at all.
        card: at least "model", the name for `create_model`; "arguments" where they differ from its
            defaults. "commit", of the code, is added where it is missing.
        half: write float16, in half the space; `load_model` makes float32 of it again.
    """
    full_card = {"commit": current_commit(), **card}
    tensors = {key: value.half() if half else value for key, value in model.state_dict().items()}
    _save_beside(tensors, path, {"card": json.dumps(full_card)})


def load_model(name: str | Path) -> nn.Module:
    """A trained network, in evaluation mode, on the CPU.

    Args:
        name: of weights that ship with the project (`list_weights`), or a weights file.

    Raises:
        FileNotFoundError, ValueError: where there are no such weights, or the file is not one of
            ours.
    """
    path = weights_path(name)
    card, tensors = _read(path)
    try:
        model = create_model(card["model"], **card.get("arguments", {}))
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path}: weights of another network or version ({str(error).splitlines()[0]})"
        ) from error
    return model.eval()


def read_card(name: str | Path) -> Card:
    """The card of a weights file; arguments and errors as `load_model`."""
    return _read(weights_path(name))[0]


def digest(model: nn.Module) -> str:
    """What a network's parameters are told by: 16 hexadecimal digits of their SHA-256."""
    sums = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        sums.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return sums.hexdigest()[:16]


def list_weights() -> list[str]:
    """Names of the weights that ship with the project."""
    return sorted(path.stem for path in (data_directory() / "weights").glob("*.safetensors"))


def weights_path(name: str | Path) -> Path:
    """Where the weights called `name` lie; a path to an existing file is returned as it is.

    Raises:
        FileNotFoundError: where there are none.
    """
    if Path(name).is_file():
        return Path(name)
    shipped = data_directory() / "weights" / f"{name}.safetensors"
    if shipped.is_file():
        return shipped
    known = f"names: {', '.join(list_weights()) or 'none'}"
    if str(name) in list_models():
        raise FileNotFoundError(f"{name}: no trained weights ship for this network; {known}")
    raise FileNotFoundError(f"{name}: no such weights; give a file or one of the {known}")


def save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    card: Mapping[str, Any],
    averaged: nn.Module | None = None,
) -> None:
    """Write all that a training needs to go on: parameters, their average, optimizer, and a card.

    Args:
        path: the file; it appears whole or not at all.
        model: the network.
        optimizer: of the network.
        card: what the state is of.
        averaged: the average of the network's weights, where one is kept.

    Raises:
        OSError: where the disk is full.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    if averaged is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in averaged.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    _save_beside(tensors, path, {"card": json.dumps(dict(card))})


def load_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    averaged: nn.Module | None = None,
) -> Card:
    """Put a state back into where `save_state` took it from; returns its card.

    Raises:
        DamagedError: where the file is damaged.
        ValueError: where it is of another network or optimizer.
    """
    card, tensors = _read(path)
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
    for key, tensor in tensors.items():
        kind, _, name = key.partition(".")
        parts[kind][name] = tensor
    try:
        model.load_state_dict(parts["model"])
        if averaged is not None:
            averaged.load_state_dict(parts["average"])
        places = [place for group in optimizer.param_groups for place in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, moment in parts["optimizer"].items():
            number, _, name = key.partition(".")
            place = places[int(number)]
            # A fused optimizer walks through memory: moments must lie as their weights do.
            if moment.shape == place.shape:
                moment = torch.empty_like(place).copy_(moment)
            state.setdefault(int(number), {})[name] = moment
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
    except (RuntimeError, ValueError, LookupError) as error:
        raise ValueError(f"{path}: the state of another network or optimizer") from error
    return card


def current_commit() -> str:
    """The code's git commit, with "+" where files differ from it; "unknown" outside a checkout."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _save_beside(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    # safetensors wants dense, unshared memory: channels_last weights are laid out anew.
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    metadata = {**metadata, "crc32": str(_crc32(plain))}
    with replacing(path) as beside:
        try:
            save_file(plain, beside, metadata)
        except SafetensorError as error:  # of its Rust code, which says "I/O error: ..."
            raise OSError(f"{path}: could not be written: {error}") from error
        with beside.open("rb") as file:
            os.fsync(file.fileno())  # else a power cut could leave the new name without content


def _read(path: Path) -> tuple[Card, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            card = json.loads(metadata["card"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise DamagedError(f"{path}: damaged, or not a file that this project wrote") from error
    if metadata.get("crc32", str(_crc32(tensors))) != str(_crc32(tensors)):
        raise DamagedError(f"{path}: damaged: its checksum is another")
    return card, tensors


def _crc32(tensors: Mapping[str, Tensor]) -> int:
    checksum = 0
    for _, tensor in sorted(tensors.items()):
        checksum = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, checksum)
    return checksum
