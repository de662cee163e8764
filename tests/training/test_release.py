"""A run's weights, made ready to ship."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from deblurlib import models
from deblurlib.data import location
from deblurlib.data.pairs import ImagePairs
from deblurlib.imaging.files import save_image, to_image
from deblurlib.models import SUNG, create_model
from deblurlib.training import release as module
from deblurlib.training.checkpoints import load_model, read_card, save_weights
from deblurlib.training.release import release

CARD = {"model": "tiny", "config": {"steps": 9}, "steps": 8, "seconds": 70}


@pytest.fixture(autouse=True)
def two_pairs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    monkeypatch.setitem(models._BUILDERS, "tiny", partial(SUNG, width=4, blocks=1, rdb_layers=2))
    files = []
    for name in ("rocket-mild-1", "rocket-strong-1"):
        files.append((tmp_path / "blurred" / f"{name}.png", tmp_path / "sharp" / f"{name}.png"))
        for path in files[-1]:
            save_image(to_image(torch.rand(3, 16, 16)), path)
    monkeypatch.setattr(module, "photo_split", lambda: ImagePairs(files))


def test_what_ships_is_half_as_large_and_measured(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "some"
    torch.manual_seed(0)
    network = create_model("tiny").eval()
    save_weights(network, run / "weights.safetensors", CARD)
    entries = [{"step": 4}, {"step": 8, "gain": 0.12345}]
    (run / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    weights = release(run, "mine")
    assert weights == location.data_directory() / "weights" / "mine.safetensors"
    with safe_open(weights, "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118
    for key, value in load_model("mine").state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, network.state_dict()[key].half().float())
    card = read_card("mine")
    results = json.loads((tmp_path / "results" / "mine-photos.json").read_text())
    assert results["weights"] == card
    gains = {kind: means["psnr_gain"]["mean"] for kind, means in results["summary"].items()}
    assert card["photos"] == {kind: round(gain, 3) for kind, gain in gains.items()}
    assert gains.keys() == {"mild", "strong", "all"}
    assert card["curve"] == [[8, 0.123]]
    assert {key: card[key] for key in CARD} == CARD
    assert "note" not in card
    assert read_card(release(run, "mine", "of a goal"))["note"] == "of a goal"


def test_a_run_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"weights.safetensors: no weights yet; finish"):
        release(tmp_path, "mine")
