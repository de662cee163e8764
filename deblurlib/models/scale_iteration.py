"""Scale iteration: one network, used again at every scale, from small to large (SIUN, SUNG).

With B_i the blurred image down-sampled by 2^i, it starts from S_I = B_I and climbs: from B_{i+1},
S_{i+1} and B_i comes the sharper image S_i, twice the size. S_0 is the result.
"""

import math
from collections.abc import Callable

from torch import Tensor, nn

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.blocks import crop_to_level, pad_to_multiple
from deblurlib.models.restoration import Restoration
from deblurlib.models.tiling import in_tiles


class ScaleIteration(nn.Module):
    """The loop; a network derives from it and defines `iterate`.

    Args:
        gradient_through_scales: let the loss at scale i reach the iterations before it through
            S_{i+1}. False is SIUN's way: each iteration takes its input as given.
        train_iterations, test_iterations: I where a call does not say (SUNG, section III.A).
    """

    def __init__(
        self,
        *,
        gradient_through_scales: bool = False,
        train_iterations: int = 3,
        test_iterations: int = 4,
    ) -> None:
        super().__init__()
        self.gradient_through_scales = gradient_through_scales
        self.train_iterations, self.test_iterations = train_iterations, test_iterations

    def forward(
        self,
        blurred: Tensor,
        iterations: int | None = None,
        tile: int | None = None,
        on_tile: Callable[[int], object] | None = None,
    ) -> Restoration:
        """Restore ``blurred``, coarse to fine.

        Args:
            blurred: B, ``(N, 3, H, W)`` in [0, 1]; any H, W >= 1.
            iterations: I; one iteration doubles the size once. At most as many as shrink the image
                to a pixel (or 4, for a smaller one).
            tile: side of the tiles that every iteration goes through, in pixels, for images that
                are too large at once; None takes the whole. The result is the same.
            on_tile: called after every tile of S_0, with the number of its pixels.

        Returns:
            S_{I-1}, ..., S_0 and, where the network predicts edge maps, G_{I-1}, ..., G_0; the
            i-th of ``ceil(H / 2**i)`` by ``ceil(W / 2**i)`` pixels. Values may leave [0, 1]
            slightly.

        Raises:
            ValueError: for iterations outside of that.
        """
        if iterations is None:
            iterations = self.train_iterations if self.training else self.test_iterations
        height, width = blurred.shape[-2:]
        padded = pad_to_multiple(blurred, self.multiple(height, width, iterations))
        pyramid = gaussian_pyramid(padded, iterations)

        sharp = pyramid[iterations]  # S_I = B_I
        images, edge_maps = [], []
        for i in reversed(range(iterations)):
            inputs = (pyramid[i + 1], sharp, pyramid[i])
            sharp, edge_map = (
                self.iterate(*inputs)
                if tile is None
                else in_tiles(
                    self.iterate,
                    inputs,
                    side=tile,
                    overlap=self.reach,
                    on_tile=None if i else on_tile,
                )
            )
            images.append(crop_to_level(sharp, (height, width), i))
            if edge_map is not None:
                edge_maps.append(crop_to_level(edge_map, (height, width), i))
            if not self.gradient_through_scales:
                sharp = sharp.detach()
        return Restoration(tuple(images), tuple(edge_maps))

    def multiple(self, height: int, width: int, iterations: int) -> int:
        """What both sides of an image are padded to multiples of, for I iterations.

        Raises:
            ValueError: for fewer than 1, or more than shrink the image to a pixel.
        """
        if iterations < 1 or all(2 ** (iterations - 1) >= n for n in (16, height, width)):
            most = math.ceil(math.log2(max(height, width, 16)))  # B_I is a single pixel there
            raise ValueError(
                f"iterations must be from 1 to {most} for an image of {height} x {width} pixels, "
                f"not {iterations}"
            )
        return 4 * 2**iterations  # 2**I for the pyramid, 4 for the U-Net at its coarsest level

    @property
    def reach(self) -> int:
        """How far S_i sees in one iteration, in its own pixels."""
        raise NotImplementedError

    def iterate(
        self, blurred: Tensor, sharp: Tensor, next_blurred: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """One iteration: (B_{i+1}, S_{i+1}, B_i) -> (S_i, G_i); G_i is None where there is none.

        B_{i+1} and S_{i+1} are ``(N, 3, H, W)`` with H and W multiples of 4, the rest twice that.
        """
        raise NotImplementedError
