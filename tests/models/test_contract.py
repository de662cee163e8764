"""What every network promises, whatever its architecture: the same checks for all of them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deblurlib.models import Restoration, create_model, list_models
from deblurlib.training.losses import DeblurringLoss

# Every network that there is, made small by its arguments.
_SUNG = {"width": 4, "blocks": 1, "rdb_layers": 2, "train_iterations": 2, "test_iterations": 2}
_SGENET = {"widths": (4, 8, 8), "blocks": 1}
_DMPHN = {"width": 4, "blocks": 1}
TINY: dict[str, dict[str, Any]] = {
    "dmphn_124": _DMPHN,
    "dmphn_1248": _DMPHN,
    "dmphn_stack": _DMPHN,
    "mimo_unet": {"width": 8, "blocks": 1},
    "nafnet": {"width": 4, "encoder_blocks": (1, 2), "decoder_blocks": (1, 1)},
    "nah": {"width": 4, "blocks": 2},
    "sgenet": _SGENET,
    "sgenet_small": _SGENET,
    "siun": _SUNG,
    "srn": {"width": 4, "blocks": 1},
    "srn_lstm": {"width": 4, "blocks": 1},
    "sung": _SUNG,
    "sung_base": _SUNG,
    "sung_base_small": _SUNG,
    "sung_small": _SUNG,
}
SCALES = {"mimo_unet": 3, "nah": 3, "siun": 2, "srn": 3, "srn_lstm": 3}


def tiny(name: str) -> nn.Module:
    torch.manual_seed(0)
    return create_model(name, **TINY[name])


def awake(model: nn.Module) -> nn.Module:
    """The network as after some training: what begins as zero is no longer."""
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return model


def every_output(restoration: Restoration) -> tuple[Tensor, ...]:
    return (*restoration.images, *restoration.edges, *restoration.guidance)


def test_all_networks_are_here() -> None:
    assert sorted(TINY) == list_models()


@pytest.mark.parametrize("size", [(1, 1), (13, 2), (33, 48)], ids=str)
@pytest.mark.parametrize("name", sorted(TINY))
def test_any_size(name: str, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        restoration = tiny(name).eval()(torch.rand(2, 3, *size))
    assert restoration.image.shape == (2, 3, *size)
    assert all(x.isfinite().all() for x in every_output(restoration))
    if name in SCALES:  # one image a scale, each of half the next one's size, rounded up
        expected = [
            (2, 3, -(-size[0] // 2**i), -(-size[1] // 2**i)) for i in reversed(range(SCALES[name]))
        ]
        assert [tuple(x.shape) for x in restoration.images] == expected


@pytest.mark.parametrize("name", sorted(TINY))
def test_a_step_of_training_reaches_every_parameter(name: str) -> None:
    model = awake(tiny(name)).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    blurred, sharp = torch.rand(2, 2, 3, 32, 32)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    DeblurringLoss()(model(blurred), sharp)["total"].backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    optimizer.step()
    for key, parameter in model.named_parameters():
        assert parameter.isfinite().all() and not torch.equal(parameter, before[key]), key


@pytest.mark.parametrize("name", sorted(TINY))
def test_same_seed_same_answer(name: str) -> None:
    image = torch.rand(1, 3, 20, 28)
    with torch.inference_mode():
        first, second = tiny(name).eval()(image), tiny(name).eval()(image)
    pairs = zip(every_output(first), every_output(second), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", sorted(TINY))
def test_low_precision_with_channels_last(name: str) -> None:
    model = awake(tiny(name))
    blurred, sharp = torch.rand(2, 1, 3, 32, 32)
    with torch.no_grad():
        exact = model(blurred).image
    model = model.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        restoration = model(blurred.to(memory_format=torch.channels_last))
    difference = (restoration.image.float() - exact).abs().mean()
    assert difference < 0.02 * exact.abs().max().clamp(min=1)
    DeblurringLoss()(restoration, sharp)["total"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
