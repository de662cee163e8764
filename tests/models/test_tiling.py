"""Tiles change nothing where they may not, and little where they may."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deblurlib.models import ScaleIteration, create_model
from deblurlib.models.srn import SRN
from deblurlib.models.tiling import MULTIPLE, blended, in_tiles, reach, tiles

_SUNG = {"width": 4, "blocks": 1, "rdb_layers": 2, "kernel_size": 3}
EXACT: dict[str, dict[str, Any]] = {
    "sung": _SUNG,
    "sung_base": _SUNG,
    "siun": {**_SUNG, "kernel_size": 5},
    "srn": {"width": 4, "blocks": 1},
}


def build(name: str, **changes: Any) -> nn.Module:
    torch.manual_seed(0)
    return create_model(name, **{**EXACT[name], **changes}).eval()


def seen(network: nn.Module, size: int) -> Tensor:
    """Which of ``size`` inputs along an axis the middle pixel of one iteration depends on."""
    for parameter in network.parameters():
        # Positive: nothing cancels, and no ReLU is silent. Small: no tanh is, either.
        nn.init.constant_(parameter, 0.4 / parameter[0].numel() if parameter.ndim > 1 else 0.0)
    if isinstance(network, SRN):
        inputs = [torch.rand(1, 6, 16, size, requires_grad=True)]
        out = network.restore(inputs[0], None)[0]
    else:
        assert isinstance(network, ScaleIteration)
        inputs = [
            torch.rand(1, 3, h, w, requires_grad=True)
            for h, w in ((8, size // 2), (8, size // 2), (16, size))
        ]
        out, _ = network.iterate(*inputs)
    gradients = torch.autograd.grad(out[0, 0, 8, size // 2].sum(), inputs)
    support = torch.zeros(size, dtype=torch.bool)
    for gradient in gradients:
        along = gradient.abs().sum(dim=(0, 1, 2)) > 0
        support |= along.repeat_interleave(size // len(along))
    return support.nonzero().flatten()


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("name", sorted(EXACT))
def test_the_reach_is_the_support_of_the_gradient(name: str, kernel_size: int) -> None:
    network = build(name, kernel_size=kernel_size)
    computed = reach(network)
    size = (2 * computed + 64) // 16 * 16
    places = seen(network, size)
    farthest = max(size // 2 - places[0].item(), places[-1].item() - size // 2)
    assert 0.8 * computed < farthest <= computed


@pytest.mark.parametrize("size", [(200, 264), (97, 410)], ids=str)
@pytest.mark.parametrize("name", sorted(EXACT))
def test_tiles_change_nothing(name: str, size: tuple[int, int]) -> None:
    network = build(name)
    blurred = torch.rand(2, 3, *size)
    with torch.inference_mode():
        whole, tiled = network(blurred), network(blurred, tile=40)
    assert reach(network) < max(size)  # else every tile would be the whole
    for kind in ("images", "edges"):
        for one, other in zip(getattr(whole, kind), getattr(tiled, kind), strict=True):
            torch.testing.assert_close(other, one, atol=2e-5, rtol=0)


def test_with_less_overlap_seams_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build("sung")
    monkeypatch.setattr(type(network), "reach", 0)
    blurred = torch.rand(1, 3, 200, 264)
    with torch.inference_mode():
        difference = (network(blurred).image - network(blurred, tile=40).image).abs()
    assert difference.max() > 1e-3


def test_a_memory_of_the_whole_image_goes_through_no_tiles() -> None:
    network = create_model("srn_lstm", width=4, blocks=1).eval()
    with pytest.raises(ValueError, match="ConvLSTM goes through no tiles"):
        network(torch.rand(1, 3, 32, 32), tile=16)


def test_tiles_by_hand() -> None:
    found = [(tile.inner, tile.outer) for tile in tiles(20, 8, 4)]
    assert found == [((0, 8), (0, 12)), ((8, 16), (4, 20)), ((16, 20), (12, 20))]


def test_every_tile_is_as_small_as_was_asked() -> None:
    sizes = []

    def compute(half: Tensor, full: Tensor) -> tuple[Tensor, None]:
        assert full.shape[-2:] == (2 * half.shape[-2], 2 * half.shape[-1])
        sizes.append(full.shape[-2:])
        return full + half.repeat_interleave(2, -1).repeat_interleave(2, -2), None

    half, full = torch.rand(1, 2, 20, 32), torch.rand(1, 2, 40, 64)
    out, nothing = in_tiles(compute, [half, full], side=13, overlap=5)
    assert nothing is None
    assert torch.equal(out, full + half.repeat_interleave(2, -1).repeat_interleave(2, -2))
    assert max(map(max, sizes)) <= 16 + 2 * MULTIPLE and len(sizes) == 3 * 4


def test_fading_tiles_sum_to_one() -> None:
    image = torch.rand(1, 3, 50, 70)
    torch.testing.assert_close(blended(lambda x: x, image, side=16, overlap=6), image)
    # A tile that is darker than its neighbour fades into it: no step anywhere.
    numbers = iter(range(100))
    flat = blended(
        lambda x: torch.full_like(x, float(next(numbers))),
        torch.zeros(1, 1, 8, 64),
        side=32,
        overlap=8,
    )
    assert flat[0, 0, 0, 0] == 0 and flat[0, 0, 0, -1] == 1
    assert flat[0, 0, 0].diff().max() < 0.08


def test_an_image_of_one_tile_is_left_whole() -> None:
    calls = []

    def compute(x: Tensor) -> Tensor:
        calls.append(x.shape)
        return x

    blended(compute, torch.rand(1, 3, 20, 30), side=30, overlap=8)
    assert calls == [(1, 3, 20, 30)]
