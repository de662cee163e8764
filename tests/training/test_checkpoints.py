"""Weights and states: saved whole or not at all, the same when loaded, named when damaged."""

import json
import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from deblurlib.models import create_model
from deblurlib.training import checkpoints
from deblurlib.training.checkpoints import (
    current_commit,
    list_weights,
    load_model,
    load_state,
    read_card,
    save_state,
    save_weights,
    weights_path,
)
from deblurlib.training.muon import Muon

SIZES = {"width": 4, "blocks": 1, "rdb_layers": 2, "kernel_size": 3}
CARD = {"model": "sung", "arguments": SIZES, "steps": 7}


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder without weights."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("DEBLURLIB_DATA", str(folder))
    return folder


def tiny(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return create_model("sung", **SIZES)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_weights_come_back_with_their_card(tmp_path: Path) -> None:
    network, path = tiny(), tmp_path / "new" / "tiny.safetensors"
    save_weights(network, path, {**CARD, "metrics": {"psnr": 30.5}})
    loaded = load_model(path)
    assert same_weights(network, loaded)
    assert not loaded.training
    assert next(loaded.parameters()).device.type == "cpu"
    card = read_card(str(path))
    assert card == {**CARD, "metrics": {"psnr": 30.5}, "commit": current_commit()}
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(loaded(image).image, network.eval()(image).image)


def test_channels_last_weights_are_saved(tmp_path: Path) -> None:
    # Strided weights are refused by safetensors, and must not come back transposed.
    network = tiny()
    save_weights(network.to(memory_format=torch.channels_last), tmp_path / "a.safetensors", CARD)
    assert same_weights(load_model(tmp_path / "a.safetensors"), tiny())


def test_shipped_weights_are_found_by_name(data_folder: Path) -> None:
    assert list_weights() == []
    for name, seed in (("sung_tiny", 1), ("another", 2)):
        save_weights(tiny(seed), data_folder / "weights" / f"{name}.safetensors", CARD)
    assert list_weights() == ["another", "sung_tiny"]
    assert weights_path("sung_tiny") == data_folder / "weights" / "sung_tiny.safetensors"
    assert same_weights(load_model("sung_tiny"), tiny(1))
    assert same_weights(load_model("another"), tiny(2))
    assert read_card("another")["steps"] == 7


def test_a_file_comes_before_a_name(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_weights(tiny(1), data_folder / "weights" / "tiny.safetensors", CARD)
    monkeypatch.chdir(data_folder)
    save_weights(tiny(2), Path("tiny"), CARD)
    assert same_weights(load_model("tiny"), tiny(2))


def test_a_file_needs_no_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_weights(tiny(), tmp_path / "a.safetensors", CARD)
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path / "gone"))
    assert same_weights(load_model(tmp_path / "a.safetensors"), tiny())
    with pytest.raises(FileNotFoundError, match="gone: no such data folder"):
        load_model("a")


def test_unknown_names_list_the_known(data_folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nosuch: no such weights; .* names: none"):
        load_model("nosuch")
    save_weights(tiny(), data_folder / "weights" / "one.safetensors", CARD)
    save_weights(tiny(), data_folder / "weights" / "two.safetensors", CARD)
    with pytest.raises(FileNotFoundError, match=r"nosuch: no such weights; .* names: one, two"):
        read_card("nosuch")
    # A network that exists, but that no trained weights ship for.
    with pytest.raises(FileNotFoundError, match="sung_base: no trained weights ship for this"):
        load_model("sung_base")
    with pytest.raises(FileNotFoundError, match=re.escape(str(data_folder))):
        load_model(data_folder)  # a folder is no weights file


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return Path.touch, (self.target,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path, target = tmp_path / "evil.safetensors", tmp_path / "hacked"
    path.write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(ValueError, match=re.escape(f"{path}: damaged, or not a file that this")):
        load_model(path)
    assert not target.exists()
    pickle.loads(path.read_bytes())  # the bomb is live
    assert target.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:5],
        lambda content: content[:300],
        lambda content: content[:-1],
        lambda content: bytes(range(256)) * 20,
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: b"version https://git-lfs.github.com/spec/v1\n",
    ],
    ids=["empty", "no header", "half a header", "a byte short", "noise", "huge header", "pointer"],
)
def test_damaged_files_are_named(damage: object, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_weights(tiny(), path, CARD)
    path.write_bytes(damage(path.read_bytes()))
    for read in (load_model, read_card):
        with pytest.raises(ValueError, match=re.escape(f"{path}: damaged")):
            read(path)
    network = tiny()
    with pytest.raises(ValueError, match=re.escape(f"{path}: damaged")):
        load_state(path, network, torch.optim.Adam(network.parameters()))


def test_a_torch_checkpoint_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    torch.save(tiny().state_dict(), path)
    with pytest.raises(ValueError, match=re.escape(f"{path}: damaged, or not a file that this")):
        load_model(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"card": "{half a"}])
def test_a_file_without_its_card_is_not_ours(
    metadata: dict[str, str] | None, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.safetensors"
    save_file(tiny().state_dict(), path, metadata)
    with pytest.raises(ValueError, match=re.escape(f"{path}: damaged, or not a file that this")):
        load_model(path)


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ({}, "model"),
        ([], "list indices"),
        ({"model": "resnet"}, "unknown model 'resnet'"),
        ({"model": "sung", "arguments": {**SIZES, "wings": 2}}, "wings"),
        ({"model": "sung", "arguments": {**SIZES, "width": 8}}, "Error.* in loading state_dict"),
        ({"model": "sung_base", "arguments": SIZES}, "Error.* in loading state_dict"),
    ],
)
def test_weights_of_another_network_are_named(card: object, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_file(tiny().state_dict(), path, {"card": json.dumps(card)})
    expected = rf"{re.escape(str(path))}: weights of another network or version \(.*{reason}"
    with pytest.raises(ValueError, match=expected) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)  # one line, for the command line


@pytest.mark.parametrize("saved", ["weights", "state"])
def test_nothing_is_left_half_written(
    saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, network = tmp_path / "tiny.safetensors", tiny()
    optimizer = torch.optim.Adam(network.parameters())
    save_weights(network, path, CARD)
    before = path.read_bytes()

    def full(tensors: object, file: str, metadata: object) -> None:
        Path(file).write_bytes(before[:100])
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        if saved == "weights":
            save_weights(network, path, CARD)
        else:
            save_state(path, network, optimizer, CARD)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def step(network: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    network(image, iterations=1).image.square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("kind", [torch.optim.Adam, partial(torch.optim.Adam, fused=True), Muon])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_state_goes_on_where_it_stopped(
    memory_format: torch.memory_format,
    kind: Callable[..., torch.optim.Optimizer],
    tmp_path: Path,
) -> None:
    # A fused optimizer pairs weights and moments by their place in memory, whatever their strides.
    network = tiny().to(memory_format=memory_format)
    optimizer = kind(network.parameters(), lr=0.01)
    for seed in range(3):
        step(network, optimizer, seed)
    save_state(tmp_path / "state.safetensors", network, optimizer, {"steps": 3})

    other = tiny(seed=1).to(memory_format=memory_format)
    other_optimizer = kind(other.parameters(), lr=0.01)
    assert load_state(tmp_path / "state.safetensors", other, other_optimizer) == {"steps": 3}
    assert same_weights(network, other)
    ours, theirs = optimizer.state_dict(), other_optimizer.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["state"].keys() == theirs["state"].keys() and ours["state"]
    for index, values in ours["state"].items():
        assert values.keys() == theirs["state"][index].keys() and values
        for name, value in values.items():
            assert torch.equal(value, theirs["state"][index][name])

    step(network, optimizer, 3)
    step(other, other_optimizer, 3)
    assert same_weights(network, other)


def test_a_state_before_the_first_step(tmp_path: Path) -> None:
    network, other = tiny(), tiny(1)
    save_state(tmp_path / "s", network, torch.optim.Adam(network.parameters()), {"steps": 0})
    optimizer = torch.optim.Adam(other.parameters())
    assert load_state(tmp_path / "s", other, optimizer) == {"steps": 0}
    assert same_weights(network, other)
    assert optimizer.state_dict()["state"] == {}


def test_a_state_of_another_network_is_named(tmp_path: Path) -> None:
    network = tiny()
    path = tmp_path / "state.safetensors"
    save_state(path, network, torch.optim.Adam(network.parameters()), {"steps": 0})
    other = create_model("sung", **{**SIZES, "width": 8})
    with pytest.raises(ValueError, match=re.escape(f"{path}: the state of another network")):
        load_state(path, other, torch.optim.Adam(other.parameters()))


def test_weights_hold_parameters_and_a_card_and_no_more(tmp_path: Path) -> None:
    network = tiny()
    save_weights(network, tmp_path / "a.safetensors", CARD)
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        assert set(file.keys()) == {name for name, _ in network.named_parameters()}
        assert set(file.metadata()) == {"card", "crc32"}


def test_the_commit_is_gits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert re.fullmatch(r"[0-9a-f]{12,40}\+?|unknown", current_commit())
    monkeypatch.setattr(checkpoints, "__file__", str(tmp_path / "checkpoints.py"))
    assert current_commit() == "unknown"  # outside a checkout
    monkeypatch.setenv("PATH", str(tmp_path))
    assert current_commit() == "unknown"  # without git
