"""What a network costs, by hand."""

import torch
from torch import Tensor, nn

from deblurlib.models import Restoration
from deblurlib.training.cost import fastest_seconds, multiply_adds, peak_memory


class Layers(nn.Module):
    """Two convolutions, 3 to 8 and back, the second at half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.ConvTranspose2d(8, 3, 2, stride=2)
        self.calls = 0

    def forward(self, blurred: Tensor) -> Restoration:
        self.calls += 1
        assert not torch.is_grad_enabled()
        return Restoration((self.second(self.first(blurred)),))


def test_multiply_adds_by_hand() -> None:
    # 8 x 10 outputs of 3 * 9 products for 8 channels; 8 x 10 inputs give 4 of 8 for 3 channels.
    assert multiply_adds(Layers(), 16, 20) == 80 * 27 * 8 + 80 * 8 * 4 * 3


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
