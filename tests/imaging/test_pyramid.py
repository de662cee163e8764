"""B_i: sizes, alignment, and what a Gaussian pyramid keeps."""

import pytest
import torch
from kornia.geometry.transform import pyrdown

from deblurlib.imaging.pyramid import gaussian_pyramid


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 8), (17, 31), (64, 48)])
def test_exact_sizes(size: tuple[int, int]) -> None:
    for i, level in enumerate(gaussian_pyramid(torch.rand(2, 3, *size), 4)):
        assert level.shape == (2, 3, -(-size[0] // 2**i), -(-size[1] // 2**i))


def test_level_zero_is_the_image_and_constants_stay() -> None:
    image = torch.rand(1, 3, 7, 7)
    assert gaussian_pyramid(image, 2)[0] is image
    for level in gaussian_pyramid(torch.full((1, 3, 7, 5), 0.3), 3):
        torch.testing.assert_close(level, torch.full_like(level, 0.3))


def test_one_step_is_kornias() -> None:
    image = torch.rand(1, 3, 16, 12)
    torch.testing.assert_close(gaussian_pyramid(image, 1)[1], pyrdown(image, "replicate"))


def test_pixels_do_not_wander() -> None:
    # A ramp's value at each coarse pixel is the ramp at the middle of the pixels that it covers.
    ramp = torch.arange(64.0).expand(1, 3, 64, 64)
    coarse = gaussian_pyramid(ramp, 2)[2]
    expected = torch.arange(16.0) * 4 + 1.5
    torch.testing.assert_close(coarse[0, 0, 8, 3:-3], expected[3:-3])


def test_negative_levels() -> None:
    with pytest.raises(ValueError, match="levels"):
        gaussian_pyramid(torch.rand(1, 3, 4, 4), -1)
