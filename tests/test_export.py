"""What is exported answers as the network does, for sizes that the export has not seen."""

import json
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from deblurlib import export as module
from deblurlib.cli import main
from deblurlib.export import SMALLEST, export
from deblurlib.models import create_model
from deblurlib.training.checkpoints import save_weights

_ITERATIVE = {"width": 4, "blocks": 1, "rdb_layers": 2, "kernel_size": 3, "test_iterations": 1}
_OTHER = {"width": 4, "blocks": 1}
TINY: dict[str, dict[str, Any]] = {
    "dmphn_124": _OTHER,
    "dmphn_1248": _OTHER,
    "dmphn_stack": _OTHER,
    "mimo_unet": _OTHER,
    "nafnet": {"width": 4, "encoder_blocks": (1, 1), "decoder_blocks": (1, 1)},
    "nah": _OTHER,
    "sgenet": {"widths": (4, 8), "blocks": 1},
    "siun": _ITERATIVE,
    "srn": _OTHER,
    "srn_lstm": _OTHER,
    "sung": _ITERATIVE,
    "sung_base": _ITERATIVE,
}


def trained(name: str, folder: Path) -> Path:
    """Weights of a tiny network that changes its input."""
    torch.manual_seed(0)
    network = create_model(name, **TINY[name])
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    path = folder / f"tiny-{name}.safetensors"
    save_weights(network, path, {"model": name, "arguments": TINY[name]})
    return path


@pytest.mark.parametrize("name", TINY)
def test_every_network_can_be_exported(name: str, tmp_path: Path) -> None:
    files = export(trained(name, tmp_path), tmp_path / "out")
    assert [file.path.name for file in files] == [f"tiny-{name}.onnx", f"tiny-{name}.pt2"]
    for file in files:
        assert file.path.is_file() and len(file.differences) == 5
        assert all(difference < 1e-5 for difference in file.differences.values())
        assert len({height % 64 for height, _ in file.differences}) > 3
    model = onnx.load(files[0].path)
    (card,) = (entry.value for entry in model.metadata_props if entry.key == "card")
    extra = {"card.json": ""}
    torch.export.load(files[1].path, extra_files=extra)
    assert json.loads(card) == json.loads(extra["card.json"])
    assert json.loads(card)["model"] == name
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [dimension.dim_value for dimension in shape] == [1, 3, 0, 0]  # 0: open


def test_what_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = trained("nah", tmp_path)
    real = module._save_onnx

    def another(program: Any, path: Path, card: str) -> None:
        real(program, path, card)
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            if tensor.name.endswith("bias"):
                values = onnx.numpy_helper.to_array(tensor) + 0.1
                tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        onnx.save(model, path)

    monkeypatch.setattr(module, "_save_onnx", another)
    with pytest.raises(ValueError, match=r"\.onnx: differs by .* and was not kept"):
        export(weights, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny-nah.pt2"]


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, out = trained("sung_base", tmp_path), tmp_path / "out"
    assert main(["export", str(weights), "--out", str(out), "--iterations", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{out}/tiny-sung_base.onnx" in lines[0] and "on 65 x 65 pixels" in lines[1]
    assert f"{out}/tiny-sung_base.pt2" in lines[6] and len(lines) == 12


def test_more_iterations_want_larger_images() -> None:
    network = create_model("sung", **TINY["sung"])
    assert module._smallest(network, None) == module._smallest(network, 4) == SMALLEST
    assert module._smallest(network, 5) == 129


def test_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "nothing", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: nothing: no such weights")
    weights = trained("nah", tmp_path)
    assert main(["export", str(weights), "--iterations", "2"]) == 1
    assert "Nah has no scale iterations" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", str(weights)]) == 1
    assert "pip install onnx onnxruntime onnxscript" in capsys.readouterr().err
