"""How motion blur is made: the mean of what the sensor sees while the shutter is open.

Two sources of what the sensor sees: real high-speed frames (`average_frames`, the GoPro data set's
way) and one sharp image moved along a random camera path (`CameraPath`, `expose`). Light adds up
linearly, a photograph's numbers don't: the mean is taken in linear light, and coded again after.
"""

import math
from dataclasses import dataclass

import torch
from kornia.geometry.transform import warp_perspective
from torch import Tensor

GAMMA = 2.2
"""The usual camera response: coded value = light ** (1 / 2.2), as GoPro's blur_gamma."""


def to_linear(image: Tensor, gamma: float = GAMMA) -> Tensor:
    """Coded values in [0, 1] to linear light in [0, 1]."""
    return image.clamp(min=0) ** gamma


def from_linear(light: Tensor, gamma: float = GAMMA) -> Tensor:
    """Linear light to coded values in [0, 1]; brighter than white is clipped, as a sensor does."""
    return light.clamp(0, 1) ** (1 / gamma)


def quantize(image: Tensor) -> Tensor:
    """Round values in [0, 1] to the 256 levels of an 8-bit file (halves to even); clips."""
    return (image.clamp(0, 1) * 255).round() / 255


def average_frames(frames: Tensor, linear_light: bool = False) -> Tensor:
    """The blurred image that consecutive sharp frames add up to.

    Args:
        frames: ``(N, 3, H, W)`` in [0, 1], in order. Take an odd N: the middle one is then the
            sharp image; an even N puts it half a frame off centre.
        linear_light: False averages the coded values (GoPro's `blur`), True the light they stand
            for (GoPro's `blur_gamma`).

    Returns:
        ``(3, H, W)`` in [0, 1], not rounded. Computed in float64, since the mean of 8-bit values
        falls on halves often, and they must round alike everywhere.

    Raises:
        ValueError: where `frames` is not a non-empty batch of images.
    """
    if frames.ndim != 4 or len(frames) == 0:
        raise ValueError(f"frames must be (N, 3, H, W) with N >= 1, not {tuple(frames.shape)}")
    frames = frames.double()
    if linear_light:
        return from_linear(to_linear(frames).mean(dim=0))
    return frames.mean(dim=0)


@dataclass(frozen=True)
class CameraPath:
    """Where the camera was during the exposure: a batch of B paths of N poses.

    Attributes:
        homographies: ``(B, N, 3, 3)``; each maps a pixel (x, y, 1) of the scene, counted from the
            frame's centre, to where that pose sees it, likewise.
        size: ``(H, W)`` of the frame that the path was made for, in pixels.
    """

    homographies: Tensor
    size: tuple[int, int]

    def __getitem__(self, entries: slice) -> "CameraPath":
        """The batch's `entries`, as paths."""
        return CameraPath(self.homographies[entries], self.size)

    def window(self, top: int, left: int, size: tuple[int, int]) -> "CameraPath":
        """The same camera's path, as a smaller frame at ``(top, left)`` of this one sees it.

        Raises:
            ValueError: where the window reaches beyond the frame.
        """
        (height, width), (inner_height, inner_width) = self.size, size
        if not (0 <= top <= height - inner_height and 0 <= left <= width - inner_width):
            raise ValueError(f"a window of {size} at {(top, left)} is not inside {self.size}")
        to_frame = torch.eye(3).to(self.homographies)
        to_frame[0, 2] = left + (inner_width - width) / 2
        to_frame[1, 2] = top + (inner_height - height) / 2
        return CameraPath(to_frame.inverse() @ self.homographies @ to_frame, size)

    @property
    def poses(self) -> int:
        """N, the number of poses."""
        return self.homographies.shape[1]

    @property
    def displacements(self) -> Tensor:
        """Shift ``(B, N, 9, 2)`` in pixels, (x, y), of nine points of the frame in each pose.

        The points are a 3 x 3 grid from corner to corner; the fifth (index 4) is the centre.
        """
        height, width = self.size
        y, x = torch.meshgrid(
            torch.tensor([-0.5, 0.0, 0.5]) * (height - 1),
            torch.tensor([-0.5, 0.0, 0.5]) * (width - 1),
            indexing="ij",
        )
        points = torch.stack([x.flatten(), y.flatten()], dim=1).to(self.homographies)
        homogeneous = torch.cat([points, torch.ones_like(points[:, :1])], dim=1)
        seen = torch.einsum("bnij,pj->bnpi", self.homographies, homogeneous)
        return seen[..., :2] / seen[..., 2:] - points

    @property
    def extent(self) -> Tensor:
        """``(B,)``: the length of the blur in pixels.

        The largest distance between two positions of one point, over the nine points.
        """
        shifts = self.displacements.transpose(1, 2)
        return torch.cdist(shifts, shifts).amax(dim=(1, 2, 3))


def random_camera_path(
    size: tuple[int, int],
    extent: Tensor,
    generator: torch.Generator,
    *,
    freedoms: int = 6,
    smoothness: float = 2.0,
) -> CameraPath:
    """Random smooth paths of a hand-held camera, one for every entry of `extent`.

    Each degree of freedom is a sum of cosines cos(k·π·t), k = 1 ... 6, over the exposure t in
    [0, 1], with random amplitudes that fall as ``k ** -smoothness``. Every such cosine has zero
    mean, so the path is centred on the scene: over the exposure nothing is shifted on average, and
    the middle pose is close to the undisturbed one. A sharp target off that centre caps what a
    network can learn, for it would have to guess the shift.

    There are as many poses as it takes for no point to move by more than a pixel from one to the
    next: fewer show as ghosts.

    Args:
        size: ``(H, W)`` of the frame in pixels.
        extent: ``(B,)``, the wanted lengths of the blur in pixels (`CameraPath.extent`), 0 or more.
        generator: the source of randomness, on the CPU.
        freedoms: 6 for a camera that turns and moves in space in front of a plane (its distance
            cancels out); 3 for the image plane: shift and roll.
        smoothness: 2 looks like the shake of a hand; larger gives straighter, more even paths.

    Raises:
        ValueError: for `freedoms` other than 3 or 6, or an extent that is negative or longer than
            the frame.
    """
    if freedoms not in (3, 6):
        raise ValueError(f"freedoms must be 3 or 6, not {freedoms}")
    if not ((extent >= 0) & (extent <= max(size))).all():
        raise ValueError(f"extent must be from 0 to the frame's longer side, not {extent.tolist()}")
    waves = torch.arange(1, 7, dtype=torch.float64)
    amplitudes = torch.randn(len(extent), 6, 6, generator=generator, dtype=torch.float64)
    amplitudes *= waves**-smoothness
    # Pitch, yaw, roll, then shift in x, y, z: pitch and yaw alone look much like shifts, and roll
    # and z move the frame's border only. In the image plane there are shifts and roll.
    amplitudes *= torch.tensor(
        [1.0, 1.0, 0.7, 0.5, 0.5, 0.4] if freedoms == 6 else [0.0, 0.0, 0.7, 1.0, 1.0, 0.0],
        dtype=torch.float64,
    )[:, None]

    def sample(poses: int) -> CameraPath:
        # The middles of equal intervals: there the cosines' means vanish exactly.
        times = (torch.arange(poses, dtype=torch.float64) + 0.5) / poses
        motion = amplitudes @ torch.cos(math.pi * waves[:, None] * times)
        path = CameraPath(_homographies(motion.transpose(1, 2), size), size)
        # Perspective leaves a mean shift of a percent or so of the extent: take it away.
        centring = torch.eye(3, dtype=torch.float64).repeat(len(extent), 1, 1, 1)
        centring[:, 0, :2, 2] = -path.displacements.mean(dim=(1, 2))
        return CameraPath(centring @ path.homographies, size)

    amplitudes /= max(size)  # from pixels to angles and distances, where displacements are linear
    for _ in range(3):  # all but linear: each round takes the extent closer to the wanted one
        amplitudes *= (extent.double() / sample(64).extent.clamp(min=1e-9))[:, None, None]
    longest_step = sample(256).displacements.diff(dim=1).norm(dim=-1).max().item()
    return sample(max(1, math.ceil(256 * longest_step)))


def expose(
    scene: Tensor,
    path: CameraPath,
    *,
    layer: Tensor | None = None,
    layer_path: CameraPath | None = None,
    gamma: float = GAMMA,
) -> tuple[Tensor, Tensor]:
    """Photograph a sharp scene with a moving camera, and a moving object in front if there is one.

    The frame is the middle of the scene, of the size that the path was made for: the margin around
    it supplies what moves into the frame (beyond the margin, border pixels repeat).

    Args:
        scene: ``(B, 3, H, W)``, coded values in [0, 1]; at least as large as the frame.
        path: the camera's path: how the scene moves.
        layer: ``(B, 4, H, W)``, an object in front: coded RGB, and its opacity in [0, 1].
        layer_path: how the object moves; of as many poses as `path`.
        gamma: of the camera response, light = value ** gamma; 1 takes the mean of coded values, as
            GoPro's `blur` does.

    Returns:
        ``(blurred, sharp)``, both ``(B, 3, h, w)`` of the frame's size, coded values, not rounded.
        `sharp` is cut out of the scene itself, not resampled: interpolation would soften it.

    Raises:
        ValueError: for a scene smaller than the frame, a layer without its path or the reverse, or
            paths of unequal length.
    """
    if scene.shape[-2] < path.size[0] or scene.shape[-1] < path.size[1]:
        raise ValueError(f"a scene of {tuple(scene.shape[-2:])} is smaller than {path.size}")
    light = to_linear(scene, gamma)
    poses = path.poses
    if layer is None and layer_path is None:
        seen = [_seen(light, path, first) for first in range(0, poses, _CHUNK)]
        return from_linear(torch.stack(seen).sum(dim=0) / poses, gamma), _crop(scene, path.size)

    if layer is None or layer_path is None:
        raise ValueError("layer and layer_path go together: give both or neither")
    if layer_path.poses != poses:
        raise ValueError("path and layer_path differ in their number of poses: draw them together")
    # Premultiplied by opacity, so that warping mixes in no colour from where the object is not.
    opacity = layer[:, 3:]
    object_light = torch.cat([to_linear(layer[:, :3], gamma) * opacity, opacity], dim=1)
    seen = [
        _seen(light, path, first, object_light, layer_path) for first in range(0, poses, _CHUNK)
    ]
    still = _crop(object_light, path.size)
    sharp = still[:, :3] + (1 - still[:, 3:]) * _crop(light, path.size)
    blurred = torch.stack(seen).sum(dim=0) / poses
    return from_linear(blurred, gamma), from_linear(sharp, gamma)


def add_sensor_noise(
    image: Tensor, generator: torch.Generator, *, shot: float = 5e-5, read: float = 1e-9
) -> Tensor:
    """Noise of a sensor: in linear light, with a variance of ``shot * light + read``.

    Args:
        image: ``(..., H, W)`` coded values in [0, 1].
        generator: the source of randomness, on the image's device.
        shot: variance per unit of light: photons arrive at random (1 / full-well capacity).
        read: variance of the electronics, whatever the light. Near black the camera response is
            steep: a standard deviation of 0.001 (variance 1e-6) would be ten 8-bit levels there.

    Returns:
        The noisy image, coded, in [0, 1], not rounded.
    """
    light = to_linear(image)
    noise = torch.randn(light.shape, generator=generator, device=light.device, dtype=light.dtype)
    return from_linear(light + noise * (shot * light + read).sqrt())


_CHUNK = 16  # poses warped at once: more would only take memory


def _homographies(motion: Tensor, size: tuple[int, int]) -> Tensor:
    """K (R + t nᵀ) K⁻¹ for ``(B, N, 6)`` rotations (radians) and shifts (in units of the distance).

    The focal length is the frame's longer side, a view of 53 degrees; the plane faces the camera.
    """
    pitch, yaw, roll, x, y, z = motion.unbind(dim=-1)
    zero = torch.zeros_like(roll)
    skew = torch.stack([zero, -roll, yaw, roll, zero, -pitch, -yaw, pitch, zero], dim=-1)
    rotation = torch.linalg.matrix_exp(skew.unflatten(-1, (3, 3)))
    shift = torch.stack([x, y, z], dim=-1)
    normal = torch.tensor([0.0, 0.0, 1.0], dtype=motion.dtype)
    focal_length = torch.tensor([max(size), max(size), 1.0], dtype=motion.dtype)
    return focal_length[:, None] * (rotation + shift[..., None] * normal) / focal_length


def _seen(
    light: Tensor,
    path: CameraPath,
    first: int,
    object_light: Tensor | None = None,
    object_path: CameraPath | None = None,
) -> Tensor:
    """The sum of what the poses `first` to ``first + _CHUNK`` see, ``(B, 3, h, w)``."""
    background = _warp(light, path, first)
    if object_light is None or object_path is None:
        return background.sum(dim=1)
    in_front = _warp(object_light, object_path, first)
    return (in_front[:, :, :3] + (1 - in_front[:, :, 3:]) * background).sum(dim=1)


def _warp(light: Tensor, path: CameraPath, first: int) -> Tensor:
    """The frame as seen by a chunk of poses: ``(B, N, C, h, w)``."""
    homographies = path.homographies[:, first : first + _CHUNK].to(light)
    batch, poses = homographies.shape[:2]
    top, left = _offset(light, path.size)
    centre_y, centre_x = (path.size[0] - 1) / 2, (path.size[1] - 1) / 2
    to_centre = torch.eye(3).to(light)
    to_centre[0, 2], to_centre[1, 2] = -left - centre_x, -top - centre_y
    to_frame = torch.eye(3).to(light)
    to_frame[0, 2], to_frame[1, 2] = centre_x, centre_y
    scenes = light[:, None].expand(-1, poses, -1, -1, -1).flatten(0, 1)
    seen = warp_perspective(
        scenes,
        (to_frame @ homographies @ to_centre).flatten(0, 1),
        dsize=path.size,
        padding_mode="border",
        align_corners=True,
    )
    return seen.unflatten(0, (batch, poses))


def _offset(scene: Tensor, size: tuple[int, int]) -> tuple[int, int]:
    """Top and left of the frame in the middle of the scene."""
    return (scene.shape[-2] - size[0]) // 2, (scene.shape[-1] - size[1]) // 2


def _crop(scene: Tensor, size: tuple[int, int]) -> Tensor:
    top, left = _offset(scene, size)
    return scene[..., top : top + size[0], left : left + size[1]]
