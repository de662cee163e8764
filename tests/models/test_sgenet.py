"""SGENet: what its parts promise, how its stages connect, and where gradient flows."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models import SGENet, create_model
from deblurlib.models.sgenet import (
    ContextualEnhancement,
    CrossStageAggregation,
    PlainSum,
    Selection,
)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def awake(model: nn.Module) -> nn.Module:
    """The network as after some training: what begins as zero is no longer."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if not parameter.any():
            parameter.data.normal_(0, 0.1, generator=generator)
    return model


@pytest.fixture(scope="module")
def tiny() -> nn.Module:
    torch.manual_seed(0)
    return awake(SGENet((4, 8, 8), blocks=1)).eval()


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


# Contextual enhancement ---------------------------------------------------------------------------


def test_cem_is_the_identity_on_features_where_guidance_is_flat() -> None:
    cem = ContextualEnhancement(6)  # begins with P = B
    features = torch.randn(2, 6, 12, 16)
    enhanced, predicted = cem(features, torch.full((2, 3, 12, 16), 0.3))
    assert torch.equal(predicted, torch.full((2, 3, 12, 16), 0.3))
    torch.testing.assert_close(enhanced, features, rtol=0, atol=1e-5)
    # And away from it where there is something to see.
    enhanced, _ = cem(features, torch.rand(2, 3, 12, 16))
    assert (enhanced - features).abs().mean() > 0.01


def test_cem_is_its_equations() -> None:
    cem = awake(ContextualEnhancement(6, sigma=1.0, contrast=10.0))
    features, blurred = torch.randn(1, 6, 9, 9), torch.rand(1, 3, 9, 9)
    enhanced, predicted = cem(features, blurred)
    torch.testing.assert_close(predicted, blurred + cem.predict(features))
    attention = 2 * torch.sigmoid(cem.context(cem.details(predicted)))
    torch.testing.assert_close(enhanced, attention * features)
    assert attention.min() > 0 and attention.max() < 2
    # A Gaussian of σ = 1 keeps 0.4026 of a single bright pixel in the 5 x 5 middle of itself, along
    # each axis exp(0) / sum(exp(-k² / 2)): what is left of it is detail.
    spike = torch.zeros(1, 3, 9, 9)
    spike[..., 4, 4] = 1
    kept = 1 / sum(torch.exp(torch.tensor(-(k**2) / 2)) for k in range(-2, 3)) ** 2
    torch.testing.assert_close(cem.details(spike)[0, 0, 4, 4], 10 * (1 - kept))


def test_cem_judges_a_detail_by_its_surroundings() -> None:
    cem = awake(ContextualEnhancement(6)).eval()
    image = torch.rand(1, 3, 41, 41, requires_grad=True)
    cem.attention(image)[..., 20, 20].sum().backward()
    rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    # 3 x 3 convolutions of dilation 1, 2, 4, and a Gaussian of 5 x 5 before them.
    assert rows.max() - rows.min() + 1 == 1 + 2 * (1 + 2 + 4) + 4


# Cross-stage aggregation --------------------------------------------------------------------------


@pytest.mark.parametrize("selection", ["spatial", "channel"])
def test_csam_weights_sum_to_one(selection: Selection) -> None:
    csam = CrossStageAggregation(6, selection=selection)
    branches = csam.branches(*torch.randn(3, 2, 6, 8, 10) * 5)
    weights = csam.weights(branches)
    assert len(branches) == len(csam.branch_names) == weights.shape[1] == 5
    assert weights.shape[2:] == ((1, 8, 10) if selection == "spatial" else (6, 1, 1))
    torch.testing.assert_close(weights.sum(dim=1), torch.ones_like(weights[:, 0]))
    assert weights.min() > 0 and weights.std() > 0.01


@pytest.mark.parametrize("selection", ["spatial", "channel"])
def test_csam_of_equal_branches_is_their_mean(selection: Selection) -> None:
    csam = CrossStageAggregation(6, selection=selection)
    for view in (*csam.encoder_views, *csam.decoder_views):
        nn.init.dirac_(view.weight)
        nn.init.zeros_(view.bias)
    features = torch.randn(2, 6, 8, 10)
    torch.testing.assert_close(csam(features, features, features), features)
    # Unequal ones under equal weights: their mean, too.
    nn.init.zeros_(csam.excite.weight)
    nn.init.zeros_(csam.excite.bias)
    own, encoded, decoded = torch.randn(3, 2, 6, 8, 10)
    torch.testing.assert_close(csam(own, encoded, decoded), (own + 2 * encoded + 2 * decoded) / 5)


def test_csam_can_pass_on_one_branch_alone() -> None:
    csam = CrossStageAggregation(6)
    own, encoded, decoded = torch.randn(3, 2, 6, 8, 10)
    nn.init.zeros_(csam.excite.weight)
    for chosen, expected in enumerate(csam.branches(own, encoded, decoded)):
        csam.excite.bias.data = 100.0 * torch.eye(5)[chosen]
        torch.testing.assert_close(csam(own, encoded, decoded), expected)


def test_csam_looks_at_stage_one_through_several_receptive_fields() -> None:
    csam = CrossStageAggregation(4, dilations=(1, 3))
    assert csam.branch_names[1:] == (
        "encoder, 3 x 3",
        "encoder, 7 x 7",
        "decoder, 3 x 3",
        "decoder, 7 x 7",
    )
    for branch, side in ((0, 1), (1, 3), (2, 7), (3, 3), (4, 7)):
        inputs = [torch.randn(1, 4, 15, 15, requires_grad=True) for _ in range(3)]
        csam.branches(*inputs)[branch][..., 7, 7].sum().backward()
        (seen,) = [x.grad for x in inputs if x.grad is not None]
        columns = seen.abs().sum(dim=(0, 1, 2)).nonzero()
        assert columns.max() - columns.min() + 1 == side


def test_spatial_selection_is_the_same_in_a_crop() -> None:
    own, encoded, decoded = torch.randn(3, 1, 4, 24, 24)
    crop = (..., slice(4, 20), slice(4, 20))
    inside = (..., slice(2, -2), slice(2, -2))  # the larger receptive field reaches 2 pixels
    for selection, same in (("spatial", True), ("channel", False)):
        csam = CrossStageAggregation(4, selection=selection)
        whole = csam(own, encoded, decoded)[crop]
        part = csam(own[crop], encoded[crop], decoded[crop])
        assert torch.allclose(whole[inside], part[inside], atol=1e-6) == same


# The whole network --------------------------------------------------------------------------------


def test_sizes() -> None:
    assert parameters(create_model("sgenet")) < 12_000_000
    assert parameters(create_model("sgenet_small")) < 1_000_000


@pytest.mark.parametrize("size", [(1, 1), (1, 17), (13, 2), (33, 48)])
def test_any_size(tiny: nn.Module, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        restoration = tiny(torch.rand(2, 3, *size))
    half = (-(-size[0] // 2), -(-size[1] // 2))
    assert [tuple(x.shape) for x in restoration.images] == [(2, 3, *size)] * 2
    assert [tuple(x.shape[-2:]) for x in restoration.guidance] == [half, size] * 2
    assert restoration.edges == ()
    assert all(x.isfinite().all() for x in (*restoration.images, *restoration.guidance))


def test_padding_does_not_show(tiny: nn.Module) -> None:
    # Far from the right and lower border, a wider image is restored the same.
    image = torch.rand(1, 3, 8, 260)
    with torch.inference_mode():
        whole, part = tiny(image).image, tiny(image[..., :249]).image
    torch.testing.assert_close(whole[..., :40], part[..., :40], atol=1e-5, rtol=0)


def test_it_begins_as_the_identity() -> None:
    blurred = torch.rand(1, 3, 21, 18)
    restoration = SGENet((4, 8, 8), blocks=1)(blurred)
    assert all(torch.equal(image, blurred) for image in restoration.images)
    pyramid = gaussian_pyramid(blurred, 1)
    # Up to the padding at the lower border, which the half size sees.
    for level, image in ((1, restoration.guidance[0]), (0, restoration.guidance[1])):
        torch.testing.assert_close(image[..., :8, :7], pyramid[level][..., :8, :7])


def test_it_is_two_stages_connected(tiny: SGENet) -> None:
    blurred = torch.rand(1, 3, 16, 24)
    pyramid = gaussian_pyramid(blurred, 1)
    with torch.no_grad():
        first = tiny.stage1(blurred, pyramid)
        second = tiny.stage2(torch.cat([blurred, first.image], 1), pyramid, earlier=first)
        restoration = tiny(blurred)
    expected = (first.image, second.image, *first.guidance, *second.guidance)
    for answer, value in zip((*restoration.images, *restoration.guidance), expected, strict=True):
        torch.testing.assert_close(answer, value)
    # Residual on the input: without its last convolution, a stage gives back the blurred image.
    assert [tuple(x.shape) for x in first.encoded] == [(1, 4, 16, 24), (1, 8, 8, 12)]
    assert [x.shape for x in first.decoded] == [x.shape for x in first.encoded]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"enhancement": False},
        {"aggregation": "sum"},
        {"selection": "channel"},
        {"recursions": 1},
        {"arrangement": "cascaded", "dilations": (1, 2)},
    ],
    ids=str,
)
def test_every_parameter_of_both_stages_learns(arguments: dict[str, object]) -> None:
    model = awake(SGENet((4, 8, 8), blocks=1, **arguments))
    restoration = model(torch.rand(1, 3, 32, 32))
    # The last image alone: gradient must find its way to stage one, too.
    restoration.image.square().sum().backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    assert len(restoration.guidance) == (0 if "enhancement" in arguments else 4)


def test_what_is_taken_away_is_away() -> None:
    parts = {type(part) for part in SGENet((4, 8), 1).modules()}
    assert {ContextualEnhancement, CrossStageAggregation} <= parts
    assert ContextualEnhancement not in {
        type(part) for part in SGENet((4, 8), 1, enhancement=False).modules()
    }
    parts = {type(part) for part in SGENet((4, 8), 1, aggregation="sum").modules()}
    assert CrossStageAggregation not in parts and PlainSum in parts
    assert torch.equal(PlainSum()(*torch.eye(3)), torch.ones(3))


def _outputs(restoration: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [tensor for group in restoration for tensor in group]


def test_compiled_and_exported_it_answers_the_same(tiny: nn.Module) -> None:
    blurred = torch.rand(1, 3, 21, 30)
    with torch.no_grad():
        eager = _outputs(tiny(blurred))
        # Captured whole. The code that "inductor" makes of it takes minutes to compile, so it is
        # compared in tests/benchmarks/networks.py.
        compiled = torch.compile(tiny, backend="aot_eager", fullgraph=True)(blurred)
        exported = torch.export.export(tiny, (blurred,)).module()(blurred)
    for other in (compiled, exported):
        for answer, expected in zip(_outputs(other), eager, strict=True):
            torch.testing.assert_close(answer, expected)
