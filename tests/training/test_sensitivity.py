"""The conditions are what they say, and gains what they are by hand."""

import json
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from deblurlib.data.location import data_directory
from deblurlib.imaging.exposure import from_linear, to_linear
from deblurlib.imaging.scenes import TEST_PHOTOGRAPHS
from deblurlib.models import Restoration, create_model
from deblurlib.training import sensitivity as module
from deblurlib.training.checkpoints import read_card
from deblurlib.training.metrics import psnr
from deblurlib.training.sensitivity import AXES, blurred_pairs, over_iterations, sensitivity


@pytest.fixture(autouse=True)
def one_photograph(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "TEST_PHOTOGRAPHS", TEST_PHOTOGRAPHS[:1])
    yield


def mean_psnr(axis: str, level: float) -> float:
    pairs = blurred_pairs(axis, level, shakes=1, side=64)
    assert len(pairs) == 1
    return psnr(pairs[0].blurred[None], pairs[0].sharp[None]).item()


@pytest.mark.parametrize("axis", ["blur", "noise", "jpeg", "defocus"])
def test_more_of_it_is_worse(axis: str) -> None:
    levels = AXES[axis][::2]
    if axis == "jpeg":
        levels = (95, 50, 5)
    psnrs = [mean_psnr(axis, level) for level in levels]
    assert psnrs == sorted(psnrs, reverse=True)
    assert psnrs[0] > psnrs[-1] + (0.02 if axis == "noise" else 0.5)


def test_the_shake_is_the_same_whatever_the_response() -> None:
    coded, light = (blurred_pairs("gamma", gamma, shakes=1, side=64)[0] for gamma in (1.0, 2.2))
    assert torch.equal(coded.sharp, light.sharp)
    assert light.blurred.mean() > coded.blurred.mean()  # light spreads from what is bright
    assert 0 < (light.blurred - coded.blurred).abs().mean() < 0.05


def test_defocus_spreads_a_point_into_a_disc_of_its_light() -> None:
    point = torch.zeros(1, 3, 21, 21)
    point[..., 10, 10] = 1
    light = to_linear(module._defocus(point, 4.0))
    assert light.sum() / 3 == pytest.approx(1, abs=1e-3)
    share = light[0, 0] / light.amax()
    assert share.sum() == pytest.approx(math.pi * 4**2, rel=0.05)
    assert share[10, 7] == 1 and 0 < share[10, 6] < 1 and share[10, 5] == 0
    flat = torch.full((1, 3, 9, 9), 0.5)
    torch.testing.assert_close(module._defocus(flat, 2.0), from_linear(to_linear(flat)))


class Brighter(nn.Module):
    """Adds a level of 255 to all."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1 / 255))

    def forward(self, blurred: Tensor) -> Restoration:
        return Restoration((blurred + self.weight.float(),))


def test_gains_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AXES", {"blur": (6,), "jpeg": (50,)})
    seen: list[int] = []
    results = sensitivity(
        {"it": Brighter().eval()}, on_level=lambda: seen.append(1), shakes=2, side=48
    )
    assert results.keys() == {"blur", "jpeg"} and len(seen) == 2
    for axis, level in (("blur", 6), ("jpeg", 50)):
        pairs = blurred_pairs(axis, level, shakes=2, side=48)
        before = [psnr(p.blurred[None], p.sharp[None]).item() for p in pairs]
        after = [psnr(p.blurred[None] + 1 / 255, p.sharp[None]).item() for p in pairs]
        assert results[axis]["blurred"] == [pytest.approx(sum(before) / 2)]
        gain = (sum(after) - sum(before)) / 2
        assert results[axis]["gains"]["it"] == [pytest.approx(gain, abs=1e-3)]


def test_only_networks_that_iterate_are_iterated() -> None:
    torch.manual_seed(0)
    tiny = create_model("siun", width=4, blocks=1, rdb_layers=2).eval()
    results = over_iterations({"siun": tiny, "other": Brighter()}, (1, 2))
    assert results["gains"].keys() == {"siun"}
    assert results["gains"]["siun"].keys() == {"mild", "medium", "strong"}
    assert all(
        len(gains) == 2 and gains[0] != gains[1] for gains in results["gains"]["siun"].values()
    )


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="choose from blur, noise"):
        blurred_pairs("rain", 1)


@pytest.mark.parametrize("file", ["sensitivity.json", "sensitivity_study.json"])
def test_the_committed_results_are_of_these_axes(file: str) -> None:
    committed = json.loads((data_directory() / "results" / file).read_text())
    assert {axis: tuple(of["levels"]) for axis, of in committed["axes"].items()} == AXES
    for axis in committed["axes"].values():
        assert axis["gains"].keys() == committed["weights"].keys()
        for gains in axis["gains"].values():
            assert len(gains) == len(axis["levels"]) == len(axis["blurred"])
    loops = {name for name, card in committed["weights"].items() if card["model"] != "sgenet_small"}
    assert set(committed["over_iterations"]["gains"]) == loops


def test_the_committed_results_are_of_the_weights_that_ship() -> None:
    committed = json.loads((data_directory() / "results" / "sensitivity.json").read_text())
    assert committed["weights"] == {name: read_card(name) for name in committed["weights"]}
