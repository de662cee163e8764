"""A larger network begins with a smaller one's function, and all that is new can be learnt."""

import pytest
import torch
from torch import Tensor, nn

from deblurlib.models import create_model
from deblurlib.models.enlarge import enlarge

SMALL_SUNG = {"width": 4, "blocks": 1, "rdb_layers": 2, "kernel_size": 3}
LARGE_SUNG = {"width": 6, "blocks": 2, "rdb_layers": 3, "kernel_size": 5}
SMALL_SGENET = {"widths": (4, 6, 8), "blocks": 1}
LARGE_SGENET = {"widths": (6, 12, 16), "blocks": 3}

SIZES = {
    "sung": (SMALL_SUNG, LARGE_SUNG),
    "sung_base": (SMALL_SUNG, LARGE_SUNG),
    "siun": ({"width": 4, "blocks": 1}, {"width": 6, "blocks": 2}),
    "sgenet": (SMALL_SGENET, LARGE_SGENET),
    "mimo_unet": ({"width": 4, "blocks": 1}, {"width": 4, "blocks": 2}),
}


def network(name: str, arguments: dict[str, object], *, trained: bool = False) -> nn.Module:
    torch.manual_seed(len(str(arguments)))
    model = create_model(name, **arguments).eval()
    if trained:  # what begins as zero is no longer
        for parameter in model.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.1)
    return model


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.rand(1, 3, 41, 52, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["sung", "sung_base", "siun", "sgenet", "mimo_unet"])
def test_the_larger_one_begins_with_the_smaller_ones_function(name: str, image: Tensor) -> None:
    small, large = (network(name, a, trained=True) for a in SIZES[name])
    with torch.no_grad():
        before = small(image)
        assert not torch.allclose(before.image, image, atol=1e-2)  # it does something
        enlarge(small, large)
        after = large(image)
    for of_small, of_large in zip(before, after, strict=True):
        for a, b in zip(of_small, of_large, strict=True):
            torch.testing.assert_close(b, a, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["sung", "sung_base", "sgenet"])
def test_all_that_is_new_learns(name: str, image: Tensor) -> None:
    small, large = (network(name, a, trained=True) for a in SIZES[name])
    enlarge(small, large)
    weights = {k: w for k, w in large.train().named_parameters() if "weight" in k}
    optimizer = torch.optim.SGD(weights.values(), lr=1.0)
    for _ in range(2):  # the second reaches what nothing listened to in the first
        optimizer.step()  # the first time without gradients
        optimizer.zero_grad()
        restoration = large(image)
        predictions = [*restoration.images, *restoration.edges, *restoration.guidance]
        torch.stack([x.square().mean() for x in predictions]).sum().backward()
    assert not [key for key, weight in weights.items() if not weight.grad.any()]


def test_of_equal_sizes_it_is_a_copy() -> None:
    given, taken = (network("sung", SMALL_SUNG, trained=t) for t in (True, False))
    enlarge(given, taken)
    for key, value in given.state_dict().items():
        assert torch.equal(taken.state_dict()[key], value)


def test_it_leaves_modes_and_the_small_one_alone() -> None:
    small, large = network("sung", SMALL_SUNG, trained=True), network("sung", LARGE_SUNG)
    before = {key: value.clone() for key, value in small.state_dict().items()}
    enlarge(small, large.train())
    assert large.training and not small.training
    assert all(torch.equal(value, before[key]) for key, value in small.state_dict().items())


@pytest.mark.parametrize(
    ("of", "to"),
    [
        (("sung", SMALL_SUNG), ("sung_base", LARGE_SUNG)),
        (("sung", SMALL_SUNG), ("sgenet", LARGE_SGENET)),
        (("sung", LARGE_SUNG), ("sung", SMALL_SUNG)),
        (("sung", SMALL_SUNG), ("sung", LARGE_SUNG | {"width": 3})),
        (("sung", SMALL_SUNG | {"kernel_size": 5}), ("sung", LARGE_SUNG | {"kernel_size": 3})),
        (("sung", SMALL_SUNG), ("sung", LARGE_SUNG | {"operator": "sobel"})),
        (("sung", SMALL_SUNG), ("sung", LARGE_SUNG | {"image_residual": False})),
        (("sgenet", SMALL_SGENET), ("sgenet", LARGE_SGENET | {"recursions": 2})),
        (("sgenet", SMALL_SGENET), ("sgenet", LARGE_SGENET | {"widths": (6, 12, 16, 24)})),
    ],
)
def test_what_cannot_grow_is_refused(of: tuple, to: tuple) -> None:
    small, large = network(*of, trained=True), network(*to)
    with pytest.raises(ValueError, match=r"cannot go on from what this \w+ has learnt"):
        enlarge(small, large)
