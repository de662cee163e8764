"""Equations (1) to (4) of SUNG and the Fourier term, by hand on images of one colour."""

import math

import pytest
import torch
from torch import Tensor

from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models import Restoration
from deblurlib.training.losses import DeblurringLoss, LossWeights

ONLY_PIXEL = LossWeights(pixel=1, edge_aux=0, edge_sup=0)
FLAT = math.sqrt(1e-6)
"""What M answers where an image is flat: the root of its ε."""


def plain(value: float, *size: int) -> Tensor:
    return torch.full((2, 3, *(size or (8, 8))), value)


def step_image(height: float) -> Tensor:
    """Black on the left, `height` on the right of 8 x 8 pixels."""
    image = torch.zeros(2, 3, 8, 8)
    image[..., 4:] = height
    return image


def test_equation_1_is_the_mean_absolute_difference() -> None:
    losses = DeblurringLoss(ONLY_PIXEL)(Restoration((plain(0.7),)), plain(0.4))
    assert losses.keys() == {"total", "pixel"}
    torch.testing.assert_close(losses["pixel"], torch.tensor(0.3))
    torch.testing.assert_close(losses["total"], torch.tensor(0.3))


def test_equation_2_compares_edges_of_images() -> None:
    weights = LossWeights(pixel=0, edge_aux=1, edge_sup=0)
    # A difference in brightness is none in edges.
    flat = DeblurringLoss(weights)(Restoration((plain(0.7),)), plain(0.4))
    assert flat.keys() == {"total", "edge_aux"}
    assert flat["edge_aux"] == 0
    # Central differences see a step of height h as h in 2 of 8 columns.
    losses = DeblurringLoss(weights, EdgeMap(epsilon=0.0))(
        Restoration((step_image(0.8),)), step_image(0.5)
    )
    torch.testing.assert_close(losses["edge_aux"], torch.tensor(0.3 * 2 / 8))


def test_equation_3_compares_predicted_with_true_edges() -> None:
    weights = LossWeights(pixel=0, edge_aux=0, edge_sup=1)
    restoration = Restoration((plain(0.7),), (plain(0.25),))
    losses = DeblurringLoss(weights)(restoration, plain(0.4))
    assert losses.keys() == {"total", "edge_sup"}
    torch.testing.assert_close(losses["edge_sup"], torch.tensor(0.25 - FLAT))


def test_equation_4_is_the_weighted_sum() -> None:
    restoration = Restoration((step_image(0.8),), (plain(0.25),))
    weights = LossWeights(pixel=2, edge_aux=3, edge_sup=5, fourier=7)
    losses = DeblurringLoss(weights)(restoration, step_image(0.5))
    assert losses.keys() == {"total", "pixel", "edge_aux", "edge_sup", "fourier"}
    by_hand = sum(
        weight * losses[name]
        for name, weight in (("pixel", 2), ("edge_aux", 3), ("edge_sup", 5), ("fourier", 7))
    )
    torch.testing.assert_close(losses["total"], by_hand)
    assert all(term > 0 for term in losses.values())


def test_the_papers_weights_are_the_default() -> None:
    assert LossWeights() == LossWeights(pixel=1, edge_aux=1, edge_sup=1, fourier=0, guidance=1)


def test_terms_are_summed_over_scales_coarse_to_fine() -> None:
    # 8 x 8 and 5 x 5 pixels in turn: halving rounds up.
    for size, half in (((8, 8), (4, 4)), ((5, 5), (3, 3))):
        restoration = Restoration(
            (plain(0.5, *half), plain(0.7, *size)), (plain(0.1, *half), plain(0.3, *size))
        )
        losses = DeblurringLoss()(restoration, plain(0.4, *size))
        # A scale counts as much as any other, however few its pixels.
        torch.testing.assert_close(losses["pixel"], torch.tensor(0.1 + 0.3))
        torch.testing.assert_close(losses["edge_sup"], torch.tensor(0.1 + 0.3 - 2 * FLAT))
        assert losses["edge_aux"].item() == pytest.approx(0, abs=1e-6)


def test_a_perfect_prediction_has_no_loss() -> None:
    sharp = torch.rand(2, 3, 8, 8)
    weights = LossWeights(fourier=0.1)
    losses = DeblurringLoss(weights)(Restoration((sharp,), (EdgeMap()(sharp),)), sharp)
    assert losses.keys() == {"total", "pixel", "edge_aux", "edge_sup", "fourier"}
    assert all(term == 0 for term in losses.values())


def test_a_network_without_edges_has_no_edge_term() -> None:
    losses = DeblurringLoss()(Restoration((plain(0.7),)), plain(0.4))
    assert losses.keys() == {"total", "pixel", "edge_aux"}
    torch.testing.assert_close(losses["total"], torch.tensor(0.3))


def test_a_term_of_weight_zero_is_not_computed() -> None:
    class Never(EdgeMap):
        def forward(self, image: Tensor) -> Tensor:
            raise AssertionError("an edge map was computed")

    restoration = Restoration((plain(0.7),), (plain(0.1),))
    losses = DeblurringLoss(ONLY_PIXEL, Never())(restoration, plain(0.4))
    assert losses.keys() == {"total", "pixel"}
    # Without predicted edges even the supervised term needs no map.
    weights = LossWeights(edge_aux=0)
    assert "pixel" in DeblurringLoss(weights, Never())(Restoration((plain(0.7),)), plain(0.4))
    with pytest.raises(AssertionError, match="computed"):
        DeblurringLoss(weights, Never())(restoration, plain(0.4))


def test_the_fourier_term_by_hand() -> None:
    # The difference is 1 at one of 2 x 2 pixels. Its real-input transform keeps 2 x 2 of the
    # frequencies, each +1 or -1 with imaginary part 0: the mean over both parts is a half.
    weights = LossWeights(pixel=0, edge_aux=0, edge_sup=0, fourier=0.1)
    sharp = torch.zeros(1, 3, 2, 2)
    restored = sharp.clone()
    restored[..., 1, 1] = 1
    losses = DeblurringLoss(weights)(Restoration((restored,)), sharp)
    torch.testing.assert_close(losses["fourier"], torch.tensor(0.5))
    torch.testing.assert_close(losses["total"], torch.tensor(0.05))


def test_the_fourier_term_is_not_normalised() -> None:
    # A constant difference d has one frequency, of N * N * d, among N * (N / 2 + 1) complex ones.
    weights = LossWeights(pixel=0, edge_aux=0, edge_sup=0, fourier=1)
    losses = DeblurringLoss(weights)(Restoration((plain(0.75),)), plain(0.5))
    torch.testing.assert_close(losses["fourier"], torch.tensor(0.25 * 64 / (8 * 5 * 2)))


def test_gradient_reaches_every_prediction_and_stays_finite() -> None:
    # Flat and exactly right predictions included: there roots and norms have their corners.
    for value in (0.4, 0.7):
        image = plain(value).requires_grad_()
        coarse = plain(0.6, 4, 4).requires_grad_()
        edges, coarse_edges = plain(0.1).requires_grad_(), plain(0.2, 4, 4).requires_grad_()
        restoration = Restoration((coarse, image), (coarse_edges, edges))
        DeblurringLoss(LossWeights(fourier=0.1))(restoration, plain(0.4))["total"].backward()
        for tensor in (image, coarse, edges, coarse_edges):
            assert tensor.grad is not None and tensor.grad.isfinite().all()
        assert coarse.grad.any() and edges.grad.any() and coarse_edges.grad.any()
        assert image.grad.any() == (value != 0.4)


def test_the_pixel_terms_gradient_by_hand() -> None:
    image = plain(0.7).requires_grad_()
    DeblurringLoss(ONLY_PIXEL)(Restoration((image,)), plain(0.4))["total"].backward()
    torch.testing.assert_close(image.grad, torch.full_like(image, 1 / image.numel()))


def test_everything_is_float32_whatever_the_network_ran_in() -> None:
    sharp = torch.rand(2, 3, 8, 8)
    low = Restoration((sharp.bfloat16() / 2,), (sharp.bfloat16(),))
    criterion = DeblurringLoss(LossWeights(fourier=0.1))
    outside = criterion(low, sharp)
    with torch.autocast("cpu", torch.bfloat16):
        inside = criterion(low, sharp)
    exact = criterion(Restoration((low.images[0].float(),), (low.edges[0].float(),)), sharp)
    for name, term in outside.items():
        assert term.dtype == inside[name].dtype == torch.float32
        assert term == inside[name] == exact[name]


def test_stages_are_summed_and_guidance_is_held_against_its_scale() -> None:
    # Two images of full size, as two stages give, and guidance at three sizes.
    restoration = Restoration(
        (plain(0.5), plain(0.7)), guidance=(plain(0.6, 2, 2), plain(0.5, 4, 4), plain(0.8))
    )
    losses = DeblurringLoss(LossWeights(guidance=2))(restoration, plain(0.4))
    assert losses.keys() == {"total", "pixel", "edge_aux", "guidance"}
    torch.testing.assert_close(losses["pixel"], torch.tensor(0.1 + 0.3))
    torch.testing.assert_close(losses["guidance"], torch.tensor(0.2 + 0.1 + 0.4))
    torch.testing.assert_close(losses["total"], losses["pixel"] + 2 * losses["guidance"])
    # Unsupervised: no term, whatever the network predicts.
    assert "guidance" not in DeblurringLoss(LossWeights(guidance=0))(restoration, plain(0.4))


def test_each_prediction_meets_the_target_of_its_size() -> None:
    sharp = torch.rand(1, 3, 9, 14)
    levels = gaussian_pyramid(sharp, 2)
    restoration = Restoration((sharp,), guidance=(levels[2], levels[0], levels[1]))
    losses = DeblurringLoss(LossWeights(fourier=0.1))(restoration, sharp)
    assert losses["guidance"] == losses["total"] == 0


def test_a_prediction_of_an_odd_size_is_named() -> None:
    restoration = Restoration((plain(0.5, 8, 8),), guidance=(plain(0.5, 5, 4),))
    with pytest.raises(ValueError, match="5 x 4 pixels has no target"):
        DeblurringLoss()(restoration, plain(0.4))


def test_charbonnier_by_hand() -> None:
    weights = LossWeights(pixel=1, edge_aux=0)
    criterion = DeblurringLoss(weights, norm="charbonnier")
    # sqrt(0.003² + 0.001²) - 0.001
    losses = criterion(Restoration((plain(0.403),)), plain(0.4))
    expected = math.hypot(0.003, 0.001) - 0.001
    assert losses["pixel"].item() == pytest.approx(expected, rel=1e-3)
    # Far from 0 it is the L1, less ε; at 0 it is smooth.
    assert criterion(Restoration((plain(0.9),)), plain(0.4))["pixel"].item() == pytest.approx(
        0.499, abs=1e-5
    )
    exact = plain(0.4).requires_grad_()
    loss = criterion(Restoration((exact,)), plain(0.4))["pixel"]
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-9) and not exact.grad.any()
