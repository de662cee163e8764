"""The blocks that the networks are made of, with SIUN's layers (Ye et al. 2020).

SUNG takes its deblurring path from SIUN, so these are SIUN's U-Net, residual block and residual
dense block to the last layer; widths and depths are arguments.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x))), 3x3 convolutions, no activation after the sum.

    Shape: ``(B, channels, H, W)`` -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class ResidualDenseBlock(nn.Module):
    """RDB: each layer sees all before it; a 1x1 convolution fuses them, and the input is added.

    Layer k is a 3x3 convolution from ``channels + k * growth`` to ``growth`` channels with ReLU and
    no bias (Zhang et al. 2020, the residual dense network).

    Shape: ``(B, channels, H, W)`` -> the same.
    """

    def __init__(self, channels: int, growth: int, layers: int = 6) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + k * growth, growth, 3, padding=1, bias=False)
            for k in range(layers)
        )
        self.fusion = nn.Conv2d(channels + layers * growth, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(functional.relu(layer(torch.cat(features, dim=1))))
        return x + self.fusion(torch.cat(features, dim=1))


class UNet(nn.Module):
    """SIUN's encoder and decoder over three scales, skips added rather than concatenated.

    An encoder stage is a 5x5 convolution (stride 1, then 2, 2) with ReLU and `blocks` residual
    blocks, at ``width``, ``2 * width`` and ``4 * width`` channels. A decoder stage is `blocks`
    residual blocks and a 5x5 transposed convolution of stride 2 with ReLU. An odd `kernel_size`
    other than SIUN's 5 makes these convolutions larger or smaller.

    Shape: ``(B, in_channels, H, W)`` -> ``(B, width, H, W)``; H and W must be multiples of 4.
    """

    def __init__(
        self, in_channels: int, width: int = 32, blocks: int = 3, kernel_size: int = 5
    ) -> None:
        super().__init__()
        self.encoder1 = self._encoder(in_channels, width, blocks, kernel_size, stride=1)
        self.encoder2 = self._encoder(width, 2 * width, blocks, kernel_size, stride=2)
        self.encoder3 = self._encoder(2 * width, 4 * width, blocks, kernel_size, stride=2)
        self.decoder3 = self._decoder(4 * width, 2 * width, blocks, kernel_size)
        self.decoder2 = self._decoder(2 * width, width, blocks, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        full = self.encoder1(x)
        half = self.encoder2(full)
        quarter = self.encoder3(half)
        half = half + self.decoder3(quarter)
        return full + self.decoder2(half)

    @staticmethod
    def _encoder(
        in_channels: int, out_channels: int, blocks: int, kernel_size: int, stride: int
    ) -> nn.Sequential:
        # Centred padding, (2, 2) for 5x5; TensorFlow's SAME, which SIUN ran with, pads (1, 2).
        return nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2),
            nn.ReLU(),
            *(ResidualBlock(out_channels) for _ in range(blocks)),
        )

    @staticmethod
    def _decoder(
        in_channels: int, out_channels: int, blocks: int, kernel_size: int
    ) -> nn.Sequential:
        return nn.Sequential(
            *(ResidualBlock(in_channels) for _ in range(blocks)),
            # output_padding=1 makes the size exactly twice the input's.
            nn.ConvTranspose2d(
                in_channels, out_channels, kernel_size, 2, kernel_size // 2, output_padding=1
            ),
            nn.ReLU(),
        )


def pixel_shuffle_upsample(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice the size: a 3x3 convolution to four times the channels, shuffled into 2x2 pixels.

    Shape: ``(B, in_channels, H, W)`` -> ``(B, out_channels, 2H, 2W)``.
    """
    return nn.Sequential(nn.Conv2d(in_channels, 4 * out_channels, 3, padding=1), nn.PixelShuffle(2))


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Extend ``(B, C, H, W)`` to the right and below until both sides are multiples.

    Reflects where the image is large enough for it, else repeats the last row or column.
    """
    height, width = image.shape[-2:]
    below, right = -height % multiple, -width % multiple
    # One side at a time: an image may be wide enough to reflect and too low for it.
    image = functional.pad(image, (0, right, 0, 0), "reflect" if right < width else "replicate")
    return functional.pad(image, (0, 0, 0, below), "reflect" if below < height else "replicate")
