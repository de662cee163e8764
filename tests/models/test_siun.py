"""SIUN: its published size, its padding, and its iteration."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models import SIUN, create_model
from deblurlib.models.blocks import UNet


@pytest.fixture(scope="module")
def tiny() -> SIUN:
    torch.manual_seed(0)
    return SIUN(width=4, blocks=1, rdb_layers=2).eval()


def test_published_size() -> None:
    assert sum(parameter.numel() for parameter in create_model("siun").parameters()) == 6_306_278


@pytest.mark.parametrize("size", [(1, 1), (13, 2), (33, 48)])
def test_any_size(tiny: SIUN, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        restoration = tiny(torch.rand(2, 3, *size), iterations=2)
    half = (-(-size[0] // 2), -(-size[1] // 2))
    assert [tuple(x.shape) for x in restoration.images] == [(2, 3, *half), (2, 3, *size)]
    assert restoration.edges == ()
    assert all(((x > 0) & (x < 1)).all() for x in restoration.images)  # tanh(.) / 2 + 0.5


def test_iterations_are_its_authors(tiny: SIUN) -> None:
    with torch.no_grad():
        assert len(tiny(torch.rand(1, 3, 16, 16)).images) == 4
        assert len(tiny.train()(torch.rand(1, 3, 16, 16)).images) == 3
        tiny.eval()


def test_it_is_its_iteration_by_hand(tiny: SIUN) -> None:
    blurred = torch.rand(1, 3, 32, 48)
    levels = gaussian_pyramid(blurred, 1)
    with torch.no_grad():
        features = tiny.features(torch.cat([levels[1], levels[1]], 1))  # S_1 = B_1
        upscaled = torch.tanh(tiny.to_image(features)) / 2 + 0.5
        restored = tiny.reconstruction(torch.cat([upscaled, levels[0]], 1))
        expected = torch.tanh(restored) / 2 + 0.5
        torch.testing.assert_close(tiny(blurred, iterations=1).image, expected)


def test_no_gradient_between_scales(tiny: SIUN) -> None:
    blurred = torch.rand(1, 3, 16, 16, requires_grad=True)
    coarse, fine = tiny(blurred, iterations=2).images
    weight = tiny.reconstruction.tail[-1].weight
    alone = torch.autograd.grad(fine.sum(), weight, retain_graph=True)[0]
    # What the finest iteration gives from its input taken as data is all there is.
    levels = gaussian_pyramid(blurred.detach(), 2)
    again, _ = tiny.iterate(levels[1], coarse.detach(), levels[0])
    torch.testing.assert_close(alone, torch.autograd.grad(again.sum(), weight)[0])


def test_padding_is_tensorflows() -> None:
    """SAME padding of a 5x5 convolution of stride 2 on an even side: 1 before, 2 behind."""
    unet = UNet(3, 4, 1, centred=False)
    pad, convolution = unet.encoder2[:2]
    x = torch.randn(1, 4, 8, 12)
    expected = functional.conv2d(
        functional.pad(x, (1, 2, 1, 2)), convolution.weight, convolution.bias, stride=2
    )
    torch.testing.assert_close(convolution(pad(x)), expected)
    assert expected.shape[-2:] == (4, 6)
    assert unet(torch.randn(1, 3, 8, 12)).shape == (1, 4, 8, 12)


@pytest.mark.parametrize("centred", [True, False])
def test_doubling_undoes_halvings_shift(centred: bool) -> None:
    # A transposed convolution is its convolution's adjoint: <conv x, y> = <x, conv^T y>.
    unet = UNet(3, 4, 1, centred=centred).double()
    halving = nn.Sequential(*unet.encoder2[: 1 if centred else 2])
    doubling = nn.Sequential(*unet.decoder2[1:-1])
    doubling[0].weight.data = halving[-1].weight.data
    for layer in (halving[-1], doubling[0]):
        nn.init.zeros_(layer.bias)
    x, y = torch.randn(1, 4, 8, 12).double(), torch.randn(1, 8, 4, 6).double()
    torch.testing.assert_close((halving(x) * y).sum(), (x * doubling(y)).sum())
