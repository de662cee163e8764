"""MIMO-UNet: its published sizes, its three modules, and its residual outputs."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models import MIMOUNet, create_model
from deblurlib.models.mimo_unet import AsymmetricFusion, FeatureAttention, ShallowFeatures


def millions(module: nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_published_sizes() -> None:
    # The paper's table gives 6.8 M for MIMO-UNet and 16.1 M for MIMO-UNet+.
    assert millions(create_model("mimo_unet")) == 6.807171
    assert round(millions(create_model("mimo_unet", blocks=20)), 1) == 16.1


def test_each_output_adds_to_the_blurred_image_of_its_size() -> None:
    model = MIMOUNet(8, 1)
    for convolution in (model.image1, model.image2, model.image3):
        for parameter in convolution.parameters():
            nn.init.zeros_(parameter)
    blurred = torch.rand(1, 3, 16, 24)
    pyramid = gaussian_pyramid(blurred, 2)
    for image, expected in zip(model(blurred).images, reversed(pyramid), strict=True):
        torch.testing.assert_close(image, expected)


def test_smaller_inputs_come_from_the_pyramid() -> None:
    model = MIMOUNet(8, 1)
    seen: list[torch.Tensor] = []
    for module in (model.shallow2, model.shallow3):
        module.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    blurred = torch.rand(1, 3, 16, 24)
    model(blurred)
    for given, expected in zip(seen, gaussian_pyramid(blurred, 2)[1:], strict=True):
        torch.testing.assert_close(given, expected)


def test_attention_is_a_product() -> None:
    attention = FeatureAttention(4)
    above, shallow = torch.randn(2, 1, 4, 6, 6)
    expected = above + attention.merge(above * shallow)
    torch.testing.assert_close(attention(above, shallow), expected)


def test_shallow_features_keep_the_image() -> None:
    shallow = ShallowFeatures(8)
    nn.init.dirac_(shallow.refine.weight)
    nn.init.zeros_(shallow.refine.bias)
    image = torch.rand(1, 3, 6, 6)
    features = shallow(image)
    torch.testing.assert_close(features[:, :3], image)
    torch.testing.assert_close(features[:, 3:], shallow.features(image))


@pytest.mark.parametrize("level", [0, 1])
def test_fusion_sees_all_sizes(level: int) -> None:
    encoded = [torch.randn(1, 4 * 2**i, 16 >> i, 24 >> i, requires_grad=True) for i in range(3)]
    fusion = AsymmetricFusion(28, 4 * 2**level)
    fused = fusion(*encoded)
    assert fused.shape == encoded[level].shape
    sizes = [functional.interpolate(x, fused.shape[-2:]) for x in encoded]
    torch.testing.assert_close(fused, fusion.fuse(torch.cat(sizes, 1)))
    gradients = torch.autograd.grad(fused.square().sum(), encoded)
    assert all(gradient.any() for gradient in gradients)


def test_a_width_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="width must be 2 or more"):
        MIMOUNet(1)
