"""SIUN: a scale-iterative upscaling network (Ye, Lyu and Chen 2020), which SUNG builds on.

From (B_{i+1}, S_{i+1}) come features and from them an image at twice the size; a second U-Net makes
S_i of that image and B_i. Layers, sizes and padding are those of its authors' public code, to the
last of 6,306,278 parameters. Feature extraction and reconstruction are what SUNG took over as its
deblurring path and its restoration module.
"""

import torch
from torch import Tensor, nn

from deblurlib.models.scale_iteration import ScaleIteration
from deblurlib.models.sung import DeblurringPath, RestorationModule
from deblurlib.models.tiling import reach


class SIUN(ScaleIteration):
    """The whole network.

    Its authors train with I = 3 and no gradient between scales, and test with I = 4.

    Args:
        width: channels at full size.
        blocks: residual blocks per U-Net stage.
        rdb_layers: convolutions per residual dense block; their growth is `width`.
        kernel_size: of the U-Nets' down- and upsampling convolutions.
        centred: padding of strided convolutions (see `UNet`); False is TensorFlow's, its authors'.
        gradient_through_scales, train_iterations, test_iterations: see `ScaleIteration`.
    """

    def __init__(
        self,
        width: int = 32,
        blocks: int = 3,
        rdb_layers: int = 6,
        kernel_size: int = 5,
        *,
        centred: bool = False,
        gradient_through_scales: bool = False,
        train_iterations: int = 3,
        test_iterations: int = 4,
    ) -> None:
        super().__init__(
            gradient_through_scales=gradient_through_scales,
            train_iterations=train_iterations,
            test_iterations=test_iterations,
        )
        self.features = DeblurringPath(width, blocks, rdb_layers, kernel_size, centred=centred)
        self.to_image = nn.Conv2d(width, 3, 3, padding=1)
        self.reconstruction = RestorationModule(6, width, blocks, kernel_size, centred=centred)

    @property
    def reach(self) -> int:
        return 2 * reach(self.features) + reach(self.to_image) + reach(self.reconstruction)

    def iterate(
        self, blurred: Tensor, sharp: Tensor, next_blurred: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """(B_{i+1}, S_{i+1}, B_i) -> (S_i, None)."""
        upscaled = _to_range(self.to_image(self.features(torch.cat([blurred, sharp], dim=1))))
        restored = self.reconstruction(torch.cat([upscaled, next_blurred], dim=1))
        return _to_range(restored), None


def _to_range(x: Tensor) -> Tensor:
    return torch.tanh(x) / 2 + 0.5
