"""What a network costs, by hand."""

import json
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from deblurlib.data.location import data_directory
from deblurlib.models import Restoration, create_model, list_models
from deblurlib.training.cost import fastest_seconds, live_bytes, multiply_adds, peak_memory


class Layers(nn.Module):
    """Two convolutions, 3 to 8 and back, the second at half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.ConvTranspose2d(8, 3, 2, stride=2)
        self.calls = 0
        self.eval()

    def forward(self, blurred: Tensor) -> Restoration:
        self.calls += 1
        assert not torch.is_grad_enabled()
        return Restoration((self.second(self.first(blurred)),))


def test_multiply_adds_by_hand() -> None:
    # 8 x 10 outputs of 3 * 9 products for 8 channels; 8 x 10 inputs give 4 of 8 for 3 channels.
    assert multiply_adds(Layers(), 16, 20) == 80 * 27 * 8 + 80 * 8 * 4 * 3


@pytest.mark.parametrize("name", list_models())
def test_all_networks_are_counted_without_running_them(name: str) -> None:
    network = create_model(name).eval()
    assert multiply_adds(network, 720, 1280) > 1e9
    assert next(network.parameters()).device == torch.device("cpu") and not network.training


@pytest.mark.parametrize("name", ["sung_small", "nafnet", "dmphn_124", "srn_lstm"])
def test_counts_are_those_of_a_real_run(name: str) -> None:
    network = create_model(name).eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 3, 40, 56))
    assert multiply_adds(network, 40, 56) == counter.get_total_flops() / 2


def test_counts_known_from_elsewhere() -> None:
    committed = json.loads((data_directory() / "results" / "networks.json").read_text())
    for row in committed["networks"]:
        counted = multiply_adds(create_model(row["name"]).eval(), 720, 1280)
        # Those were counted on a CPU, where kornia blurs without a convolution: SGENet's details.
        assert counted / 1e9 == pytest.approx(row["gmacs"], rel=2e-4)
    # Of SIUN as its authors have it.
    siun = multiply_adds(create_model("siun").eval(), 768, 1280, iterations=3)
    assert siun / 1e9 == pytest.approx(829, abs=0.5)


def test_iterations_cost() -> None:
    network = create_model("sung_small").eval()
    assert multiply_adds(network, 64, 64, iterations=1) < multiply_adds(network, 64, 64)
    with pytest.raises(ValueError, match="SGENet has no scale iterations"):
        multiply_adds(create_model("sgenet_small").eval(), 64, 64, iterations=1)


def test_a_network_in_training_mode_is_refused() -> None:
    # SUNG iterates three times in training, and four times in use.
    with pytest.raises(ValueError, match=r"training mode: call its eval\(\)"):
        multiply_adds(create_model("sung_small"), 64, 64)
    with pytest.raises(ValueError, match=r"training mode: call its eval\(\)"):
        fastest_seconds({"one": Layers().train()}, torch.zeros(1, 3, 16, 16))


def test_seconds_of_every_network_warmed_up() -> None:
    models = {"one": Layers(), "two": Layers()}
    seconds = fastest_seconds(models, torch.zeros(1, 3, 16, 16), repeats=2)
    assert seconds.keys() == models.keys() and all(value > 0 for value in seconds.values())
    assert [model.calls for model in models.values()] == [3, 3]


def test_the_peak_is_that_of_the_process() -> None:
    before = peak_memory(torch.device("cpu"))
    large = torch.ones(50_000_000)  # 200 MB
    assert 2**26 < before <= peak_memory(torch.device("cpu")) < 2**40
    del large


@pytest.mark.skipif(sys.platform == "win32", reason="counted otherwise on Windows")
def test_the_peak_is_not_that_of_the_process_before() -> None:
    large = torch.ones(250_000_000)  # 1 GB
    code = "import torch, deblurlib.training.cost as c; print(c.peak_memory(torch.device('cpu')))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 2**26 < int(child.stdout) < 4 * large.numel()


class Chain(nn.Module):
    """Three results, of which two are held at once."""

    def forward(self, blurred: Tensor) -> Restoration:
        wide = blurred.repeat(1, 4, 1, 1)
        doubled = wide + wide
        del wide
        return Restoration((doubled[:, :3] * 2,))


def test_what_is_held_at_once_by_hand() -> None:
    # 12 and 12 channels of 4 bytes, after the 12 first ones were repeated out of the input.
    assert live_bytes(Chain().eval(), 10, 20) == 24 * 4 * 10 * 20


def test_more_pixels_hold_more() -> None:
    network = create_model("sung_small").eval()
    assert live_bytes(network, 256, 256) == 4 * live_bytes(network, 128, 128)
