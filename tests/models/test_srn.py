"""SRN: its published sizes, weights shared over scales, and what goes from scale to scale."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from deblurlib.models import SRN, create_model
from deblurlib.models.srn import ConvLSTM


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def resized(x: Tensor, factor: float) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_published_sizes() -> None:
    # By hand from the layers of the authors' code; issue 48 there says "about 6.8 M".
    blocks = sum(6 * 2 * (25 * c * c + c) for c in (32, 64, 128))
    down = (25 * 6 * 32 + 32) + (25 * 32 * 64 + 64) + (25 * 64 * 128 + 128)
    up = (16 * 128 * 64 + 64) + (16 * 64 * 32 + 32)
    color = blocks + down + up + 25 * 32 * 3 + 3
    assert parameters(create_model("srn")) == color == 6_881_251
    gates = 9 * 256 * 512 + 512
    assert parameters(create_model("srn_lstm")) == color + gates == 8_061_411
    # The paper's table gives 3.76 M for the whole network with 3x3 kernels (same issue).
    assert round(parameters(SRN(kernel_size=3, lstm=True)) / 1e6, 2) == 3.76


@pytest.mark.parametrize("lstm", [False, True])
def test_scales_share_their_weights(lstm: bool) -> None:
    small, large = SRN(4, 1, lstm=lstm, scales=1), SRN(4, 1, lstm=lstm, scales=4)
    assert parameters(small) == parameters(large)
    large.load_state_dict(small.state_dict())
    image = torch.rand(1, 3, 32, 64)
    with torch.no_grad():
        # The coarsest scale of many is the only scale of one, on the small image.
        coarsest = large(image).images[0]
        torch.testing.assert_close(coarsest, small(resized(image, 1 / 8)).image)


@pytest.mark.parametrize("lstm", [False, True])
def test_it_is_its_scales_by_hand(lstm: bool) -> None:
    model = SRN(4, 1, lstm=lstm).eval()
    blurred = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        quarter = resized(blurred, 1 / 4)
        first, state = model.restore(torch.cat([quarter, quarter], 1), None)
        given = torch.cat([resized(blurred, 1 / 2), resized(first, 2)], 1)
        second, state = model.restore(given, state)
        third, state = model.restore(torch.cat([blurred, resized(second, 2)], 1), state)
        for answer, expected in zip(model(blurred).images, (first, second, third), strict=True):
            torch.testing.assert_close(answer, expected)
    assert (state is not None) == lstm


def test_no_gradient_through_images_but_through_memory() -> None:
    for lstm in (False, True):
        model = SRN(4, 1, lstm=lstm, scales=2)
        blurred = torch.rand(1, 3, 16, 16)
        coarse, fine = model(blurred).images
        (through,) = torch.autograd.grad(fine.sum(), coarse, retain_graph=True, allow_unused=True)
        assert through is None
        if model.memory is not None:
            # The half of the gates that sees h learns only through the state of the scale below.
            fine.sum().backward()
            assert model.memory.gates.weight.grad[:, 16:].any()


def test_memory_is_a_convlstm() -> None:
    cell = ConvLSTM(3)
    torch.nn.init.normal_(cell.gates.weight, std=0.3)
    x, c, h = torch.randn(3, 1, 3, 6, 8)
    answer, (memory, hidden) = cell(x, (c, h))
    i, j, f, o = cell.gates(torch.cat([x, h], 1)).split(3, dim=1)
    expected = c * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)
    torch.testing.assert_close(memory, expected)
    torch.testing.assert_close(answer, torch.tanh(expected) * torch.sigmoid(o))
    assert answer is hidden
    # A state from a smaller scale is enlarged; none is a state of zeros.
    small = (resized(c, 1 / 2), resized(h, 1 / 2))
    large = tuple(resized(part, 2) for part in small)
    torch.testing.assert_close(cell(x, small)[0], cell(x, large)[0])
    torch.testing.assert_close(cell(x, None)[0], cell(x, (0 * c, 0 * h))[0])


def test_no_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="scales must be 1 or more"):
        SRN(4, 1, scales=0)
