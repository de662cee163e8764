"""Nah et al. 2017: a multi-scale network, the first to be trained on GoPro.

Three networks of 40 convolutions, one a scale, from small to large. Each sees the blurred image and
what the scale below restored, enlarged by an upconvolution; each ends in an image (section 3.2 and
Figs. 3 and 4 of the paper). 19 residual blocks of 64 channels, 5x5 kernels, no batch normalisation,
no activation after a block's sum.

Where the paper is silent, layers are those of the authors' own port to PyTorch
(SeungjunNah/DeepDeblur-PyTorch, src/model/MSResNet.py): the upconvolution is a 5x5 convolution and
a pixel shuffle, images go in and out as image - 0.5, and nothing is added to the result. The
adversarial term of the paper's loss is left out, as in that port's default.
"""

import torch
from torch import Tensor, nn

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.blocks import (
    crop_to_level,
    pad_to_multiple,
    pixel_shuffle_upsample,
    residual_blocks,
)
from deblurlib.models.restoration import Restoration


class Nah(nn.Module):
    """The whole network.

    Args:
        width: channels of every scale.
        blocks: residual blocks per scale.
        kernel_size: of all convolutions, odd.
        scales: K; every scale has weights of its own.
    """

    def __init__(
        self, width: int = 64, blocks: int = 19, kernel_size: int = 5, *, scales: int = 3
    ) -> None:
        super().__init__()
        if scales < 1:
            raise ValueError(f"scales must be 1 or more, not {scales}")
        half = kernel_size // 2

        def scale(in_channels: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(in_channels, width, kernel_size, padding=half),
                *residual_blocks(width, blocks, kernel_size=kernel_size),
                nn.Conv2d(width, 3, kernel_size, padding=half),
            )

        # Coarse to fine; only the coarsest has no image from below.
        self.networks = nn.ModuleList([scale(3), *(scale(6) for _ in range(scales - 1))])
        self.upconvolutions = nn.ModuleList(
            pixel_shuffle_upsample(3, 3, kernel_size) for _ in range(scales - 1)
        )

    def forward(self, blurred: Tensor) -> Restoration:
        """Restore ``blurred``, ``(N, 3, H, W)`` in [0, 1]; any H, W >= 1.

        Returns:
            ``images``: L_K, ..., L_1, coarse to fine, the i-th from the end of ``ceil(H / 2**i)``
            by ``ceil(W / 2**i)`` pixels. Values may leave [0, 1] slightly.
        """
        height, width = blurred.shape[-2:]
        coarsest = len(self.networks) - 1
        padded = pad_to_multiple(blurred, 2**coarsest)
        pyramid = [image - 0.5 for image in gaussian_pyramid(padded, coarsest)]

        latent = self.networks[0](pyramid[coarsest])
        images = [latent]
        for network, upconvolution, image in zip(
            self.networks[1:], self.upconvolutions, reversed(pyramid[:-1]), strict=True
        ):
            latent = network(torch.cat([image, upconvolution(latent)], dim=1))
            images.append(latent)
        return Restoration(
            tuple(
                # 0.5 is added in the input's precision, which is finer than autocast's.
                crop_to_level(image.to(blurred.dtype) + 0.5, (height, width), coarsest - k)
                for k, image in enumerate(images)
            )
        )
