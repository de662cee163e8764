"""Pictures hold the pixels that they say."""

import numpy as np
import pytest
import torch

from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.files import to_image
from deblurlib.training.pictures import pieces, with_edge_maps


def test_edge_maps_stand_below_their_images() -> None:
    torch.manual_seed(0)
    images = {"blurred": torch.full((3, 8, 40), 0.5), "sharp": torch.rand(3, 8, 40)}
    picture = np.asarray(with_edge_maps(images))
    assert picture.shape[1:] == (80, 3)
    assert np.array_equal(picture[-16:-8, 40:], np.asarray(to_image(images["sharp"])))
    assert picture[-8:, :40].max() < 16  # plain gray has no edges
    edges = EdgeMap()(images["sharp"][None])[0]
    shown = picture[-8:, 40:].astype(float)
    expected = 255 * edges / edges.quantile(0.999)
    assert np.abs(shown - expected.clamp(0, 255).permute(1, 2, 0).numpy()).max() <= 1
    assert picture[:-16, :].min() < 128  # names are written over them


def test_pieces_are_cut_out_and_enlarged() -> None:
    torch.manual_seed(0)
    images = {"one": torch.rand(3, 20, 30), "other": torch.rand(3, 20, 30)}
    picture = np.asarray(pieces(images, [(2, 3, 5, 8), (0, 20, 6, 8)], scale=2))
    assert picture.shape[1] == 2 * 8 * 2 + 4
    large = np.asarray(to_image(images["other"][:, 0:6, 20:28])).repeat(2, 0).repeat(2, 1)
    assert np.array_equal(picture[-12:, -16:], large)
    first = np.asarray(to_image(images["one"][:, 2:7, 3:11])).repeat(2, 0).repeat(2, 1)
    assert np.array_equal(picture[-26:-16, :16], first)


@pytest.mark.parametrize("box", [(15, 25, 10, 10), (-1, 0, 5, 5), (0, 0, 0, 5)])
def test_a_box_beyond_the_image_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="inside of 20 x 30 pixels"):
        pieces({"one": torch.rand(3, 20, 30)}, [box])


def test_boxes_are_of_one_width() -> None:
    with pytest.raises(ValueError, match="all of one width"):
        pieces({"one": torch.rand(3, 20, 30)}, [(0, 0, 5, 5), (0, 0, 5, 6)])
