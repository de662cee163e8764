"""The blocks' layers, sizes and equations."""

from typing import Any, Literal

import pytest
import torch
from torch.nn import functional

from deblurlib.models.blocks import (
    DilatedRecursiveBlock,
    ResidualBlock,
    ResidualDenseBlock,
    UNet,
    crop_to_level,
    pad_to_multiple,
    pixel_shuffle_upsample,
    residual_blocks,
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


def test_every_recursion_adds_the_modules_input() -> None:
    block = DilatedRecursiveBlock(4, dilations=(1, 3), recursions=3)
    x = torch.randn(1, 4, 9, 9)
    first, second = block.dilated

    def g(h: torch.Tensor) -> torch.Tensor:
        features = [functional.leaky_relu(layer(h), 0.2) for layer in (first, second)]
        return block.fusion(torch.cat(features, 1))

    torch.testing.assert_close(block(x), x + g(x + g(x + g(x))))


def test_cascaded_convolutions_see_the_one_before() -> None:
    block = DilatedRecursiveBlock(4, dilations=(1, 3), recursions=1, arrangement="cascaded")
    x = torch.randn(1, 4, 9, 9)
    one = functional.leaky_relu(block.dilated[0](x), 0.2)
    two = functional.leaky_relu(block.dilated[1](one), 0.2)
    torch.testing.assert_close(block(x), x + block.fusion(torch.cat([one, two], 1)))


def test_recursions_cost_no_parameters() -> None:
    sizes = {parameters(DilatedRecursiveBlock(8, recursions=t)) for t in (1, 2, 7)}
    # Three convolutions of 8 * 8 * 9 + 8, and one of 24 * 8 + 8.
    assert sizes == {3 * 584 + 200}


@pytest.mark.parametrize("arrangement", ["parallel", "cascaded"])
@pytest.mark.parametrize(("dilations", "recursions"), [((1,), 1), ((1, 2, 4), 1), ((3, 2), 3)])
def test_receptive_field_is_the_support_of_the_gradient(
    dilations: tuple[int, ...], recursions: int, arrangement: Literal["parallel", "cascaded"]
) -> None:
    block = DilatedRecursiveBlock(2, dilations, recursions, arrangement).double()
    side = block.receptive_field + 4
    x = torch.randn(1, 2, side, side, dtype=torch.float64, requires_grad=True)
    block(x)[..., side // 2, side // 2].sum().backward()
    for axis in (2, 3):
        others = tuple({0, 1, 2, 3} - {axis})
        seen = x.grad.abs().sum(dim=others).nonzero()
        assert seen.max() - seen.min() + 1 == block.receptive_field


@pytest.mark.parametrize("wrong", [{"dilations": ()}, {"dilations": (1, 0)}, {"recursions": 0}])
def test_impossible_recursions_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        DilatedRecursiveBlock(4, **wrong)


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_unet_keeps_the_size_and_adds_its_skips(kernel_size: int) -> None:
    unet = UNet(6, width=8, blocks=1, kernel_size=kernel_size)
    x = torch.randn(2, 6, 12, 20)
    assert unet(x).shape == (2, 8, 12, 20)
    for parameter in unet.decoder2.parameters():
        torch.nn.init.zeros_(parameter)
    torch.testing.assert_close(unet(x), unet.encoder1(x))  # only the skip is left


@pytest.mark.parametrize("centred", [True, False])
def test_even_kernels_double_in_place(centred: bool) -> None:
    # Each input pixel lies under the middle of its 4x4 patch, shifted to neither side.
    unet = UNet(3, 4, 1, centred=centred, up_kernel_size=4)
    (doubling,) = [m for m in unet.decoder2.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    torch.nn.init.ones_(doubling.weight)
    torch.nn.init.zeros_(doubling.bias)
    x = torch.zeros(1, 8, 5, 5)
    x[..., 2, 2] = 1
    rows = doubling(x)[0, 0].sum(1).nonzero().flatten()
    assert rows.tolist() == [3, 4, 5, 6]
    assert unet(torch.rand(1, 3, 8, 12)).shape == (1, 4, 8, 12)


def test_blocks_one_behind_the_other() -> None:
    first, second = blocks = residual_blocks(4, 2, leak=0.1, kernel_size=5)
    x = torch.randn(1, 4, 6, 6)
    torch.testing.assert_close(blocks(x), second(first(x)))
    assert first.body[0].kernel_size == second.body[2].kernel_size == (5, 5)
    assert first.body[1].negative_slope == 0.1


def test_upsampling_doubles() -> None:
    assert pixel_shuffle_upsample(4, 7, 1, bias=False)[0].weight.shape == (28, 4, 1, 1)
    assert pixel_shuffle_upsample(4, 7, 5)(torch.randn(1, 4, 3, 5)).shape == (1, 7, 6, 10)
    assert pixel_shuffle_upsample(4, 7)(torch.randn(1, 4, 3, 5)).shape == (1, 7, 6, 10)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (9, 15), (16, 32), (33, 17)])
def test_padding(size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    padded = pad_to_multiple(image, 16)
    assert padded.shape[-2] % 16 == padded.shape[-1] % 16 == 0
    assert padded.shape[-2] - size[0] < 16 > padded.shape[-1] - size[1]
    assert torch.equal(padded[..., : size[0], : size[1]], image)
    assert torch.equal(crop_to_level(padded, size), image)
    half = crop_to_level(padded[..., ::2, ::2], size, 1)
    assert torch.equal(half, image[..., ::2, ::2])
    if 8 < size[0] < 16:  # large enough to reflect: the row before the last comes next
        assert torch.equal(padded[..., size[0], : size[1]], image[..., size[0] - 2, :])
    if size[0] == 1:
        assert torch.equal(padded[..., -1, : size[1]], image[..., 0, :])
