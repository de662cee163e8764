"""The blocks' layers, sizes and equations."""

import pytest
import torch
from torch.nn import functional

from deblurlib.models.blocks import (
    ResidualBlock,
    ResidualDenseBlock,
    UNet,
    pad_to_multiple,
    pixel_shuffle_upsample,
)


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_residual_block_has_no_activation_after_the_sum() -> None:
    block = ResidualBlock(4)
    x = torch.randn(1, 4, 6, 6)
    first, second = block.body[0], block.body[2]
    torch.testing.assert_close(block(x), x + second(functional.relu(first(x))))
    assert (block(x) < 0).any()


def test_dense_block_sees_everything_before_it() -> None:
    block = ResidualDenseBlock(4, growth=2, layers=2)
    x = torch.randn(1, 4, 5, 5)
    one = functional.relu(block.layers[0](x))
    two = functional.relu(block.layers[1](torch.cat([x, one], 1)))
    torch.testing.assert_close(block(x), x + block.fusion(torch.cat([x, one, two], 1)))
    assert all(parameter.ndim == 4 for parameter in block.parameters())  # no bias anywhere


def test_sizes_are_siuns() -> None:
    # Counted by hand from SIUN's layer list: 2.81 M for a U-Net, 0.20 M for a dense block.
    assert parameters(UNet(32)) == 2_807_552
    assert parameters(ResidualDenseBlock(32, 32)) == 200_704
    # And all of SIUN's 6,306,278 parameters, as a sum over these blocks and its plain convolutions.
    plain = 1_760 + 3_104 + 9_248 + 867 + 2_403
    siun = (
        plain
        + parameters(UNet(32))
        + 3 * parameters(ResidualDenseBlock(32, 32))
        + parameters(pixel_shuffle_upsample(32, 32))
        + parameters(UNet(6))
        + 3 * parameters(ResidualBlock(32))
    )
    assert siun == 6_306_278


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_unet_keeps_the_size_and_adds_its_skips(kernel_size: int) -> None:
    unet = UNet(6, width=8, blocks=1, kernel_size=kernel_size)
    x = torch.randn(2, 6, 12, 20)
    assert unet(x).shape == (2, 8, 12, 20)
    for parameter in unet.decoder2.parameters():
        torch.nn.init.zeros_(parameter)
    torch.testing.assert_close(unet(x), unet.encoder1(x))  # only the skip is left


def test_upsampling_doubles() -> None:
    assert pixel_shuffle_upsample(4, 7)(torch.randn(1, 4, 3, 5)).shape == (1, 7, 6, 10)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (9, 15), (16, 32), (33, 17)])
def test_padding(size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    padded = pad_to_multiple(image, 16)
    assert padded.shape[-2] % 16 == padded.shape[-1] % 16 == 0
    assert padded.shape[-2] - size[0] < 16 > padded.shape[-1] - size[1]
    assert torch.equal(padded[..., : size[0], : size[1]], image)
    if 8 < size[0] < 16:  # large enough to reflect: the row before the last comes next
        assert torch.equal(padded[..., size[0], : size[1]], image[..., size[0] - 2, :])
    if size[0] == 1:
        assert torch.equal(padded[..., -1, : size[1]], image[..., 0, :])
