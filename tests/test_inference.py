"""restore(): whatever holds an image goes in, an image of the same size comes out."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from deblurlib import inference
from deblurlib.data.location import data_directory
from deblurlib.data.synthetic import photo_split
from deblurlib.imaging.files import open_image, save_image, to_image, to_tensor
from deblurlib.inference import restore
from deblurlib.models import SGENet, create_model
from deblurlib.training.checkpoints import list_weights, save_weights
from deblurlib.training.cost import live_bytes
from deblurlib.training.metrics import psnr
from deblurlib.training.precision import Precision

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
SIZES = {"width": 4, "blocks": 1, "rdb_layers": 2, "kernel_size": 3}


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return create_model("sung", **SIZES).eval()


@pytest.fixture(scope="module")
def identity() -> nn.Module:
    """A network whose residual is zero: it returns its input."""
    model = create_model("sung", **SIZES).eval()
    for parameter in model.restoration_module.tail[-1].parameters():
        nn.init.zeros_(parameter)
    return model


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (37, 41)])
def test_any_size_comes_back_the_same(size: tuple[int, int], network: nn.Module) -> None:
    restored = restore(noise(*size), network)
    assert restored.mode == "RGB"
    assert (restored.height, restored.width) == size


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (37, 41)])
def test_a_zero_residual_changes_no_level(size: tuple[int, int], identity: nn.Module) -> None:
    assert np.array_equal(np.asarray(restore(noise(*size), identity)), noise(*size))


def test_files_images_and_arrays_are_one_picture(tmp_path: Path, network: nn.Module) -> None:
    levels = noise(21, 18)
    save_image(Image.fromarray(levels), tmp_path / "a.png")
    expected = np.asarray(restore(levels, network))
    assert not np.array_equal(expected, levels)
    for same in (
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        Image.fromarray(levels),
        Image.fromarray(levels).convert("RGBA"),
        levels / 255,
        (levels / 255).astype(np.float32),
        np.asfortranarray(levels),
    ):
        assert np.array_equal(np.asarray(restore(same, network)), expected)


def test_gray_is_taken_as_three_equal_channels(identity: nn.Module) -> None:
    gray = noise(9, 10)[..., 0]
    for same in (gray, gray / 255, Image.fromarray(gray)):
        assert np.array_equal(np.asarray(restore(same, identity)), np.dstack([gray] * 3))
    deep = Image.fromarray(gray.astype(np.uint16) * 257)
    assert np.array_equal(np.asarray(restore(deep, identity)), np.dstack([gray] * 3))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 8, 8), np.uint8), "(3, 8, 8)"),  # channels first
        (np.zeros((8, 8, 4), np.uint8), "(8, 8, 4)"),
        (np.zeros((1, 8, 8, 3), np.uint8), "(1, 8, 8, 3)"),
        (np.zeros((0, 8, 3), np.uint8), "(0, 8, 3)"),
        (np.zeros(8, np.uint8), "(8,)"),
        (np.zeros((8, 8), np.int64), "not int64"),
        (np.zeros((8, 8), bool), "not bool"),
        (np.full((8, 8, 3), 128.0), "[128, 128]; divide 8-bit values by 255"),
        (np.full((8, 8, 3), -0.1), "[-0.1, -0.1]"),
        (np.full((8, 8, 3), np.nan), "[nan, nan]"),
        (np.full((8, 8, 3), np.inf), "[inf, inf]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_arrays_are_refused(
    array: NDArray[np.generic], message: str, identity: nn.Module
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        restore(array, identity)


def test_a_single_nan_is_refused(identity: nn.Module) -> None:
    array = np.full((8, 8, 3), 0.5)
    array[3, 4, 1] = np.nan
    with pytest.raises(ValueError, match="must lie in"):
        restore(array, identity)


def test_broken_and_missing_photos_are_named(tmp_path: Path, identity: nn.Module) -> None:
    (tmp_path / "broken.jpg").write_text("no photo")
    with pytest.raises(ValueError, match=r"broken\.jpg: not an image"):
        restore(tmp_path / "broken.jpg", identity)
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg: no such file"):
        restore(tmp_path / "gone.jpg", identity)


def test_weights_by_file_and_by_name(
    tmp_path: Path, network: nn.Module, identity: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    card = {"model": "sung", "arguments": SIZES}
    path = tmp_path / "weights" / "sung_small.safetensors"
    save_weights(network, path, card)
    levels = noise(16, 16)
    expected = np.asarray(restore(levels, network)).astype(int)
    # By name, by default, by file: the same weights, on the device that is there.
    for restored in (
        restore(levels, "sung_small"),
        restore(levels),
        restore(levels, path),
        restore(levels, str(path)),
    ):
        assert abs(np.asarray(restored) - expected).max() <= 1
    # Written anew, loaded anew.
    save_weights(identity, path, card)
    os.utime(path, ns=(0, 1))
    assert np.array_equal(np.asarray(restore(levels)), levels)


def test_unknown_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nosuch: no such weights"):
        restore(noise(8, 8), "nosuch")
    (tmp_path / "broken.safetensors").write_bytes(bytes(100))
    with pytest.raises(ValueError, match=r"broken\.safetensors: damaged"):
        restore(noise(8, 8), tmp_path / "broken.safetensors")


@pytest.mark.parametrize("training", [True, False])
def test_the_networks_mode_is_put_back(training: bool, network: nn.Module) -> None:
    modes = []
    hook = network.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    network.train(training)
    try:
        restore(noise(8, 8), network)
        with pytest.raises(ValueError, match="iterations"):
            restore(noise(8, 8), network, iterations=0, tile=None)
        assert network.training == training
    finally:
        hook.remove()
        network.eval()
    assert modes == [False, False]


def test_a_network_without_iterations_restores_and_says_so() -> None:
    network, image = SGENet((4, 8), 1), noise(9, 13)
    assert np.array_equal(np.asarray(restore(image, network)), image)  # begins as the identity
    with pytest.raises(ValueError, match="SGENet has no scale iterations"):
        restore(image, network, iterations=2)


def test_iterations_reach_the_network(network: nn.Module) -> None:
    levels = noise(32, 32)
    one, four, own = (np.asarray(restore(levels, network, i)) for i in (1, 4, None))
    assert np.array_equal(own, four)  # I = 4 in evaluation mode
    assert not np.array_equal(one, four)


def test_restoring_needs_no_gradient_and_changes_nothing(network: nn.Module) -> None:
    before = [parameter.clone() for parameter in network.parameters()]
    levels = noise(8, 8)
    restore(levels, network)
    assert np.array_equal(levels, noise(8, 8))
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert parameter.grad is None and torch.equal(parameter, old)


def test_a_turned_photo_comes_back_upright(tmp_path: Path, identity: nn.Module) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(16, 24)).save(tmp_path / "turned.png", exif=exif)
    restored = restore(tmp_path / "turned.png", identity)
    assert restored.size == (16, 24)
    assert np.array_equal(np.asarray(restored), np.asarray(open_image(tmp_path / "turned.png")))


@pytest.mark.parametrize("name", ["sung", "siun", "srn"])
def test_tiles_are_within_a_level_of_the_whole(name: str) -> None:
    torch.manual_seed(0)
    sizes = {"width": 4, "blocks": 1, **({} if name == "srn" else {"rdb_layers": 2})}
    network = create_model(name, **sizes).eval()
    levels = noise(203, 150)
    # In bfloat16, other shapes are other sums: untrained networks differ by levels then.
    whole, tiled = (
        np.asarray(restore(levels, network, tile=tile, precision="float32")).astype(int)
        for tile in (None, 48)
    )
    assert not np.array_equal(whole, levels)
    assert np.abs(tiled - whole).max() <= 1


def test_little_memory_makes_tiles(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    levels, seen = noise(400, 300), []
    expected = np.asarray(restore(levels, network, tile=None)).astype(int)
    iterate = type(network).iterate

    def watched(self: nn.Module, *inputs: torch.Tensor) -> object:
        seen.append(inputs[-1].shape[-2:])
        return iterate(self, *inputs)

    monkeypatch.setattr(type(network), "iterate", watched)
    assert np.array_equal(np.asarray(restore(levels, network)), expected)
    assert max(seen) == (448, 320)  # padded to multiples of 64: the whole
    seen.clear()
    each = live_bytes(network, 128, 128) / 128**2
    monkeypatch.setattr(inference, "_OF_THE_WHOLE", 1)  # so small a network holds little more
    enough = 2 * (400 * 300 + each * 330**2)
    monkeypatch.setattr(inference, "free_memory", lambda device: enough)
    restored = np.asarray(restore(levels, network)).astype(int)
    assert np.abs(restored - expected).max() <= 1
    assert len(seen) > 4 and max(height for height, _ in seen) < 448
    monkeypatch.setattr(inference, "free_memory", lambda device: enough / 20)
    with pytest.raises(ValueError, match=r"400 x 300 pixels needs 0\.\d GB of free memory"):
        restore(levels, network)


def test_networks_that_see_farther_are_blended() -> None:
    torch.manual_seed(0)
    network = create_model("nafnet", width=4, encoder_blocks=(1, 1), decoder_blocks=(1, 1)).eval()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    levels = noise(200, 150)
    whole = np.asarray(restore(levels, network, tile=None)).astype(int)
    tiled = np.asarray(restore(levels, network, tile=64)).astype(int)
    assert 0 < np.abs(tiled - whole).max() < 32  # its attention looks at means of the whole


@pytest.mark.parametrize("tile", [None, 48])
@pytest.mark.parametrize("name", ["sung", "srn", "nafnet"])
def test_progress_counts_every_pixel_once(name: str, tile: int | None) -> None:
    sizes = {
        "sung": SIZES,
        "srn": {"width": 4, "blocks": 1},
        "nafnet": {"width": 4, "encoder_blocks": (1,), "decoder_blocks": (1,)},
    }
    done: list[int] = []
    restore(noise(101, 70), create_model(name, **sizes[name]), tile=tile, on_pixels=done.append)
    assert sum(done) == 101 * 70 and min(done) > 0
    assert len(done) == 1 if tile is None else len(done) >= 4


def test_precision_reaches_the_network(network: nn.Module) -> None:
    levels, seen = noise(32, 32), []
    hook = next(m for m in network.modules() if isinstance(m, nn.Conv2d)).register_forward_hook(
        lambda module, inputs, output: seen.append(output.dtype)
    )
    try:
        full, low = (np.asarray(restore(levels, network, precision=p)) for p in PRECISIONS)
    finally:
        hook.remove()
    assert set(seen) == {torch.float32, torch.bfloat16}
    assert not np.array_equal(full, low)
    with pytest.raises(ValueError, match="unknown precision 'half'"):
        restore(levels, network, precision="half")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list_weights())
def test_bfloat16_costs_no_sharpness(name: str) -> None:
    split = photo_split()
    for index in sorted(range(len(split)), key=lambda k: split[k].sharp.numel())[:3]:
        blurred, sharp = split[index]
        full, low = (
            psnr(to_tensor(restore(to_image(blurred), name, precision=p))[None], sharp[None])
            for p in PRECISIONS
        )
        assert abs(full - low) < 0.03


@pytest.mark.parametrize("tile", [0, -8])
def test_tiles_of_no_pixel_are_refused(tile: int, network: nn.Module) -> None:
    with pytest.raises(ValueError, match=f"tile must be a side of 1 pixel or more, not {tile}"):
        restore(noise(8, 8), network, tile=tile)


def test_padding_counts_as_memory(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = noise(1, 2000)  # but restored 64 pixels high, and with I = 9 2048 high
    whole = np.asarray(restore(narrow, network, tile=None)).astype(int)
    monkeypatch.setattr(inference, "_OF_THE_WHOLE", 1)
    each = live_bytes(network, 128, 128) / 128**2
    memory = 1.5 * each * 64 * 2000
    monkeypatch.setattr(inference, "free_memory", lambda device: memory)
    widths, iterate = [], type(network).iterate

    def watched(self: nn.Module, *inputs: torch.Tensor) -> object:
        widths.append(inputs[-1].shape[-1])
        return iterate(self, *inputs)

    monkeypatch.setattr(type(network), "iterate", watched)
    restored = np.asarray(restore(narrow, network)).astype(int)
    assert max(widths) < 1000 and np.abs(restored - whole).max() <= 1
    monkeypatch.setattr(inference, "_OF_THE_WHOLE", 100)
    with pytest.raises(ValueError, match=r"1 x 2000 pixels needs 0\.5 GB of free memory"):
        restore(narrow, network, iterations=9)


def test_what_tiles_change_is_as_measured() -> None:
    measured = json.loads((data_directory() / "results" / "tiling.json").read_text())
    largest: dict[str, int] = {}
    for row in measured["differences"]:
        largest[row["model"]] = max(largest.get(row["model"], 0), row["largest"])
    assert all(largest[name] <= 1 for name in ("sung_small", "siun", "srn"))
    # As the docstring of `restore` says.
    assert largest["sgenet_small"] == 5 and max(largest.values()) == largest["dmphn_stack"] == 15
    assert all(row["peak_gb"] < 6 and row["free_gb"] < 6 for row in measured["large"])
