"""Nah et al.: its size, and how an image goes from scale to scale."""

import pytest
import torch
from torch import nn

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models import Nah, create_model


def test_published_size() -> None:
    model = create_model("nah")
    # The paper: 40 convolutions a scale, 120 in all, beside the two upconvolutions.
    convolutions = [m for m in model.networks.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 120
    assert {m.kernel_size for m in convolutions} == {(5, 5)}
    # By hand: 19 blocks of two convolutions, head and tail; a head of 6 channels at finer scales.
    blocks = 19 * 2 * (25 * 64 * 64 + 64)
    coarse = (25 * 3 * 64 + 64) + blocks + (25 * 64 * 3 + 3)
    fine = coarse + 25 * 3 * 64
    expected = coarse + 2 * fine + 2 * (25 * 3 * 12 + 12)
    assert sum(p.numel() for p in model.parameters()) == expected == 11_721_321


def test_it_is_its_scales_by_hand() -> None:
    torch.manual_seed(0)
    model = Nah(4, 2)
    blurred = torch.rand(1, 3, 16, 24)
    b1, b2, b3 = gaussian_pyramid(blurred, 2)
    with torch.no_grad():
        coarse, middle, fine = model.networks
        up3, up2 = model.upconvolutions
        l3 = coarse(b3 - 0.5)
        l2 = middle(torch.cat([b2 - 0.5, up3(l3)], 1))
        l1 = fine(torch.cat([b1 - 0.5, up2(l2)], 1))
        for answer, latent in zip(model(blurred).images, (l3, l2, l1), strict=True):
            torch.testing.assert_close(answer, latent + 0.5)


def test_scales_have_weights_of_their_own_and_learn_together() -> None:
    torch.manual_seed(0)
    model = Nah(4, 1, scales=2)
    model(torch.rand(1, 3, 16, 16)).image.sum().backward()
    # What the fine scale gets wrong reaches the coarse one, through the upconvolution.
    assert model.networks[0][0].weight.grad.any() and model.networks[1][0].weight.grad.any()
    assert model.networks[0][0].weight.shape[1] == 3 and model.networks[1][0].weight.shape[1] == 6


def test_no_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="scales must be 1 or more"):
        Nah(4, 1, scales=0)
