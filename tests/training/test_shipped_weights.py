"""The weights that ship: their results were measured with these very weights, and hold."""

import json

import pytest
import torch

from deblurlib.data.location import data_directory
from deblurlib.data.synthetic import STRENGTHS, photo_split
from deblurlib.training.checkpoints import list_weights, load_model, read_card
from deblurlib.training.metrics import psnr


@pytest.mark.parametrize("name", list_weights())
def test_they_sharpen_at_every_strength_as_their_results_say(name: str) -> None:
    results = json.loads((data_directory() / "results" / f"{name}-photos.json").read_text())
    assert results["weights"] == read_card(name)
    for strength in STRENGTHS:
        assert results["summary"][strength]["psnr_gain"]["mean"] > 0
    split = photo_split()
    assert [row["name"] for row in results["rows"]] == [split.name(k) for k in range(len(split))]
    smallest = min(range(len(split)), key=lambda k: split[k].sharp.numel())
    blurred, sharp = split[smallest]
    with torch.inference_mode():
        restored = load_model(name)(blurred[None]).image
    measured = psnr(restored, sharp[None]).item()
    assert measured == pytest.approx(results["rows"][smallest]["restored"]["psnr"], abs=0.01)
