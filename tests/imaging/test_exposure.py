"""Motion blur: against real frames, by hand, and the properties a training target depends on."""

from pathlib import Path

import pytest
import torch

from deblurlib.imaging.exposure import (
    CameraPath,
    add_sensor_noise,
    average_frames,
    expose,
    from_linear,
    quantize,
    random_camera_path,
    to_linear,
)
from deblurlib.imaging.files import open_image, to_tensor


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", ["blur", "blur_gamma"])
def test_average_frames_reproduces_gopro(kind: str, gopro_sample: Path) -> None:
    sequence = gopro_sample / "train" / "GOPR0477_11_00"
    raw = sorted((gopro_sample / "raw" / "GOPR0477_11_00").glob("*.png"))
    frames = torch.stack([to_tensor(open_image(path)) for path in raw[:11]])
    sharp = quantize(frames[5])
    matches = [
        path.name
        for path in sorted((sequence / "sharp").glob("*.png"))
        if torch.equal(to_tensor(open_image(path)), sharp)
    ]
    assert len(matches) == 1
    expected = to_tensor(open_image(sequence / kind / matches[0]))
    blurred = average_frames(frames, linear_light=kind == "blur_gamma")
    assert torch.equal(quantize(blurred).float(), expected)


def test_averages_by_hand() -> None:
    frames = torch.tensor([0.0, 1.0, 1.0]).view(3, 1, 1, 1).expand(3, 3, 2, 2)
    torch.testing.assert_close(average_frames(frames), torch.full((3, 2, 2), 2 / 3).double())
    linear = average_frames(frames, linear_light=True)
    torch.testing.assert_close(linear, torch.full((3, 2, 2), (2 / 3) ** (1 / 2.2)).double())
    with pytest.raises(ValueError, match="N >= 1"):
        average_frames(frames[:0])


def test_camera_response_inverts() -> None:
    levels = torch.linspace(0, 1, 256)
    torch.testing.assert_close(from_linear(to_linear(levels)), levels)
    assert from_linear(torch.tensor(1.5)) == 1  # clipped, as a sensor does


@pytest.mark.parametrize("freedoms", [3, 6])
@pytest.mark.parametrize("extent", [0.0, 3.0, 12.0, 24.0])
def test_paths_are_centred_smooth_and_of_the_wanted_extent(freedoms: int, extent: float) -> None:
    wanted = torch.full((20,), extent)
    path = random_camera_path((96, 128), wanted, generator(1), freedoms=freedoms)
    shifts = path.displacements
    assert shifts.shape[0] == 20
    # A path is sampled at as many poses as it has pixels: its ends lie up to a step further out.
    assert (path.extent - extent).abs().max() <= min(1.0, 0.05 * extent + 1e-6)
    assert shifts.mean(dim=(1, 2)).abs().max() <= 1e-9  # over the exposure and the frame
    assert shifts.mean(dim=1).norm(dim=-1).max() <= 0.03 * extent + 1e-6  # at any one point
    steps = shifts.diff(dim=1).norm(dim=-1)
    assert not steps.numel() or steps.max() <= 1.0
    middle = shifts[:, shifts.shape[1] // 2].norm(dim=-1)
    assert middle.mean() <= 0.15 * extent + 1e-6


def test_three_freedoms_stay_in_the_image_plane() -> None:
    path = random_camera_path((64, 64), torch.full((5,), 8.0), generator(), freedoms=3)
    bottom = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(path.homographies[..., 2, :], bottom.expand(5, path.poses, 3))
    six = random_camera_path((64, 64), torch.full((5,), 8.0), generator())
    assert (six.homographies[..., 2, :2].abs().amax(dim=(1, 2)) > 1e-6).all()


def test_paths_depend_on_the_seed_alone() -> None:
    paths = [random_camera_path((32, 32), torch.tensor([9.0]), generator(s)) for s in (4, 4, 5)]
    assert torch.equal(paths[0].homographies, paths[1].homographies)
    assert paths[0].homographies.shape != paths[2].homographies.shape or not torch.allclose(
        paths[0].homographies, paths[2].homographies
    )


def shift_path(shifts: list[tuple[float, float]], size: tuple[int, int]) -> CameraPath:
    homographies = torch.eye(3, dtype=torch.float64).repeat(1, len(shifts), 1, 1)
    homographies[0, :, :2, 2] = torch.tensor(shifts, dtype=torch.float64)
    return CameraPath(homographies, size)


def test_a_window_is_a_piece_of_the_frame() -> None:
    scene = torch.rand(1, 3, 84, 92)
    path = random_camera_path((64, 72), torch.tensor([7.0]), generator(6))
    whole, _ = expose(scene, path)
    # The window's scene: what the frame's scene has around it, with the same margin of 10.
    piece, sharp = expose(scene[..., 5:57, 12:60], path.window(5, 12, (32, 28)))
    torch.testing.assert_close(
        to_linear(piece), to_linear(whole[..., 5:37, 12:40]), atol=1e-4, rtol=0
    )
    assert torch.equal(sharp, scene[..., 15:47, 22:50])


def test_expose_by_hand() -> None:
    # A white column on black, seen at -1, 0 and 1 pixels to the side: a third of the light each.
    scene = torch.zeros(1, 3, 9, 9)
    scene[..., 4] = 1
    blurred, sharp = expose(scene, shift_path([(-1, 0), (0, 0), (1, 0)], (5, 5)))
    row = torch.tensor([0, 1 / 3, 1 / 3, 1 / 3, 0]) ** (1 / 2.2)
    torch.testing.assert_close(blurred[0, 0, 2], row, atol=1e-5, rtol=0)
    assert torch.equal(sharp, scene[..., 2:7, 2:7])


def test_another_camera_response_by_hand() -> None:
    scene = torch.zeros(1, 3, 9, 9)
    scene[..., 4] = 0.9
    path = shift_path([(-1, 0), (0, 0), (1, 0)], (5, 5))
    layer = torch.zeros(1, 4, 9, 9)  # one that covers nothing takes the other way
    for more in ({}, {"layer": layer, "layer_path": path}):
        coded, sharp = expose(scene, path, gamma=1.0, **more)  # the mean of coded values
        row = torch.tensor([0, 0.3, 0.3, 0.3, 0])
        torch.testing.assert_close(coded[0, 0, 2], row, atol=1e-5, rtol=0)
        torch.testing.assert_close(sharp, scene[..., 2:7, 2:7])


def test_expose_moves_the_scene_the_way_displacements_say() -> None:
    scene = torch.rand(1, 3, 16, 16, generator=generator(2))
    blurred, _ = expose(scene, shift_path([(2, 3)], (8, 8)))
    # In linear light: near black, the response makes much of a rounding error.
    torch.testing.assert_close(
        to_linear(blurred), to_linear(scene[..., 1:9, 2:10]), atol=1e-4, rtol=0
    )


def test_a_still_camera_changes_nothing() -> None:
    scene = torch.rand(2, 3, 20, 21)
    path = random_camera_path((16, 17), torch.zeros(2), generator())
    blurred, sharp = expose(scene, path)
    torch.testing.assert_close(to_linear(blurred), to_linear(sharp), atol=1e-4, rtol=0)


def test_blur_conserves_light() -> None:
    scene = torch.zeros(1, 3, 80, 80)
    scene[..., 38:42, 38:42] = 0.8
    blurred, sharp = expose(scene, random_camera_path((64, 64), torch.tensor([12.0]), generator(3)))
    ratio = to_linear(blurred).sum() / to_linear(sharp).sum()
    assert abs(ratio - 1) < 0.03
    assert to_linear(blurred).amax() < 0.8 * to_linear(sharp).amax()


def test_a_batch_is_its_samples() -> None:
    scene = torch.rand(2, 3, 40, 40)
    path = random_camera_path((24, 24), torch.tensor([3.0, 9.0]), generator(2))
    together = expose(scene, path)[0]
    alone = torch.cat([expose(scene[k : k + 1], path[k : k + 1])[0] for k in range(2)])
    torch.testing.assert_close(together, alone)


def test_moving_object_in_front_of_a_still_scene() -> None:
    scene = torch.full((1, 3, 12, 12), 0.2)
    layer = torch.zeros(1, 4, 12, 12)
    layer[:, :3] = 0.9
    layer[:, 3, :, 5:7] = 1.0  # two columns wide
    still = shift_path([(0, 0)] * 3, (12, 12))
    moving = shift_path([(-1, 0), (0, 0), (1, 0)], (12, 12))
    blurred, sharp = expose(scene, still, layer=layer, layer_path=moving)
    expected = torch.full((12,), 0.2)
    expected[5:7] = 0.9
    torch.testing.assert_close(sharp[0, 0, 6], expected, atol=1e-5, rtol=0)
    light, dark = 0.9**2.2, 0.2**2.2
    share = torch.tensor([0, 0, 0, 0, 1, 2, 2, 1, 0, 0, 0, 0]) / 3
    by_hand = (share * light + (1 - share) * dark) ** (1 / 2.2)
    torch.testing.assert_close(blurred[0, 0, 6], by_hand, atol=1e-4, rtol=0)


def test_wrong_arguments_are_named() -> None:
    path = shift_path([(0, 0)], (8, 8))
    with pytest.raises(ValueError, match="smaller than"):
        expose(torch.rand(1, 3, 7, 9), path)
    with pytest.raises(ValueError, match="together"):
        expose(torch.rand(1, 3, 9, 9), path, layer=torch.rand(1, 4, 9, 9))
    with pytest.raises(ValueError, match="number of poses"):
        expose(
            torch.rand(1, 3, 9, 9),
            path,
            layer=torch.rand(1, 4, 9, 9),
            layer_path=shift_path([(0, 0), (1, 1)], (8, 8)),
        )
    with pytest.raises(ValueError, match="freedoms"):
        random_camera_path((8, 8), torch.ones(1), generator(), freedoms=4)
    for extent in (-1.0, 9.0, float("nan")):  # a camera that turns further loses the scene
        with pytest.raises(ValueError, match="extent"):
            random_camera_path((8, 8), torch.tensor([extent]), generator())
    with pytest.raises(ValueError, match="not inside"):
        path.window(1, 0, (8, 8))


def test_noise_has_the_stated_variance() -> None:
    image = torch.full((200, 200), 0.5)
    noisy = add_sensor_noise(image, generator(), shot=1e-3, read=1e-5)
    light = 0.5**2.2
    variance = (to_linear(noisy) - light).var().item()
    assert variance == pytest.approx(1e-3 * light + 1e-5, rel=0.05)
    assert torch.equal(noisy, add_sensor_noise(image, generator(), shot=1e-3, read=1e-5))
