"""SUNG: shapes, sizes, weight sharing, and where gradient flows."""

import pytest
import torch

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models import SUNG, create_model


@pytest.fixture(scope="module")
def tiny() -> SUNG:
    torch.manual_seed(0)
    return SUNG(width=4, blocks=1, rdb_layers=2, kernel_size=3).eval()


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_published_size_and_its_base() -> None:
    sung, base = create_model("sung"), create_model("sung_base")
    # Deblurring path and restoration module as SIUN's, an edge path of one U-Net and one RDB.
    assert parameters(sung.edge_path) == 6 * 32 * 9 + 32 + 2_807_552 + 200_704 + 32 * 12 * 9 + 12
    assert abs(parameters(base) / parameters(sung) - 1) < 0.02
    convolutions = [
        sum(isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d) for m in model.modules())
        for model in (sung, base)
    ]
    assert abs(convolutions[0] - convolutions[1]) <= 1  # of about a hundred: the same depth
    assert parameters(create_model("sung_small")) < 1_000_000


@pytest.mark.parametrize("name", ["sung", "sung_base", "sung_small", "sung_base_small"])
@pytest.mark.parametrize("size", [(1, 1), (1, 17), (13, 2), (33, 48)])
def test_any_size(name: str, size: tuple[int, int]) -> None:
    model = create_model(name, width=4, blocks=1).eval()
    with torch.inference_mode():
        restoration = model(torch.rand(2, 3, *size), iterations=2)
    half = (-(-size[0] // 2), -(-size[1] // 2))
    assert [tuple(x.shape) for x in restoration.images] == [(2, 3, *half), (2, 3, *size)]
    expected = [] if "base" in name else [(2, 3, *half), (2, 3, *size)]
    assert [tuple(x.shape) for x in restoration.edges] == expected
    assert all(x.isfinite().all() for x in restoration.images)


def test_iterations_by_mode_and_by_call(tiny: SUNG) -> None:
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert len(tiny(image).images) == 4
        assert len(tiny.train()(image).images) == 3
        assert len(tiny.eval()(image, iterations=1).images) == 1
    with pytest.raises(ValueError, match="iterations"):
        tiny(image, iterations=0)


def test_it_is_the_papers_iteration_with_shared_weights(tiny: SUNG) -> None:
    blurred = torch.rand(1, 3, 32, 48)
    levels = gaussian_pyramid(blurred, 2)  # multiples of 4 * 2**2: no padding
    with torch.no_grad():
        coarse, coarse_edges = tiny.iterate(levels[2], levels[2], levels[1])  # S_2 = B_2
        fine, fine_edges = tiny.iterate(levels[1], coarse, levels[0])
        restoration = tiny(blurred, iterations=2)
    for answer, expected in zip(
        (*restoration.images, *restoration.edges),
        (coarse, fine, coarse_edges, fine_edges),
        strict=True,
    ):
        torch.testing.assert_close(answer, expected)


def test_image_residual_starts_from_the_blurred_image() -> None:
    image = torch.rand(1, 3, 16, 16)
    for residual, expected in ((True, image), (False, torch.full_like(image, 0.5))):
        model = SUNG(width=4, blocks=1, rdb_layers=2, image_residual=residual).eval()
        for parameter in model.restoration_module.tail[-1].parameters():
            torch.nn.init.zeros_(parameter)
        torch.testing.assert_close(model(image).image, expected)


@pytest.mark.parametrize("through", [False, True])
def test_gradient_between_scales_is_a_choice(
    through: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SUNG(width=4, blocks=1, rdb_layers=2, gradient_through_scales=through)
    given = []
    iterate = model.iterate

    def spy(blurred: torch.Tensor, sharp: torch.Tensor, next_blurred: torch.Tensor) -> object:
        given.append(sharp)
        return iterate(blurred, sharp, next_blurred)

    monkeypatch.setattr(model, "iterate", spy)
    model(torch.rand(1, 3, 16, 16), iterations=2)
    assert [sharp.requires_grad for sharp in given] == [False, through]


def test_every_parameter_learns() -> None:
    for name in ("sung", "sung_base"):
        model = create_model(name, width=4, blocks=1, rdb_layers=2)
        restoration = model(torch.rand(1, 3, 32, 32), iterations=1)
        loss = sum(x.square().sum() for x in (*restoration.images, *restoration.edges))
        loss.backward()
        silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
        assert silent == []


def test_edge_path_sees_edges_alone(tiny: SUNG) -> None:
    # G depends on M(B) and M(S): adding a constant to the image must not change it.
    image = torch.rand(1, 3, 32, 32) / 2
    with torch.no_grad():
        here, brighter = tiny(image, iterations=1), tiny(image + 0.3, iterations=1)
    torch.testing.assert_close(here.edges[0], brighter.edges[0], atol=1e-4, rtol=0)
    assert not torch.allclose(here.images[0] + 0.3, brighter.images[0], atol=1e-3)


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match="sung_small"):
        create_model("resnet")
