"""MIMO-UNet: a U-Net of multiple inputs and multiple outputs (Cho et al. 2021).

One U-Net instead of a stack of networks: its encoder takes the blurred image at three sizes, its
decoder restores it at three sizes (section 3 and Fig. 2 of the paper). What is its own: the shallow
convolutional module (SCM) and the feature attention module (FAM) bring smaller images in; the
asymmetric feature fusion (AFF) lets every skip connection see all of the encoder's sizes.

Layers and sizes are those of the authors' public code (chosj95/MIMO-UNet, models/MIMOUNet.py and
models/layers.py). MIMO-UNet+ has 20 residual blocks a stage in place of 8; its authors train it
with dropout on the skip connections, which is not here.

Where this differs: the smaller images are a Gaussian pyramid's, as are the targets that the outputs
are held against. Its authors take every second pixel, and halve targets by a bilinear filter.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.blocks import crop_to_level, pad_to_multiple, residual_blocks
from deblurlib.models.restoration import Restoration


class MIMOUNet(nn.Module):
    """The whole network.

    Args:
        width: channels at full size, 2 or more.
        blocks: residual blocks per encoder and decoder stage; MIMO-UNet+ has 20.
    """

    def __init__(self, width: int = 32, blocks: int = 8) -> None:
        super().__init__()
        if width < 2:
            raise ValueError(f"width must be 2 or more, not {width}")
        full, half, quarter = width, 2 * width, 4 * width

        self.head = _convolution(3, full)
        self.encoder1, self.encoder2, self.encoder3 = (
            residual_blocks(channels, blocks) for channels in (full, half, quarter)
        )
        self.halve1, self.halve2 = (
            _convolution(full, half, stride=2),
            _convolution(half, quarter, stride=2),
        )
        self.shallow2, self.shallow3 = ShallowFeatures(half), ShallowFeatures(quarter)
        self.attention2, self.attention3 = FeatureAttention(half), FeatureAttention(quarter)
        self.fusion1 = AsymmetricFusion(full + half + quarter, full)
        self.fusion2 = AsymmetricFusion(full + half + quarter, half)

        self.decoder3, self.decoder2, self.decoder1 = (
            residual_blocks(channels, blocks) for channels in (quarter, half, full)
        )
        self.double3, self.double2 = _doubling(quarter, half), _doubling(half, full)
        self.merge2 = _convolution(2 * half, half, kernel_size=1)
        self.merge1 = _convolution(2 * full, full, kernel_size=1)
        self.image3, self.image2, self.image1 = (
            nn.Conv2d(channels, 3, 3, padding=1) for channels in (quarter, half, full)
        )

    def forward(self, blurred: Tensor) -> Restoration:
        """Restore ``blurred``, ``(N, 3, H, W)`` in [0, 1]; any H, W >= 1.

        Returns:
            ``images``: S_3, S_2, S_1, of a quarter, half and all of the input's size, rounded up;
            each is the blurred image plus what the network adds. Values may leave [0, 1] slightly.
        """
        height, width = blurred.shape[-2:]
        b1, b2, b3 = gaussian_pyramid(pad_to_multiple(blurred, 4), 2)

        e1 = self.encoder1(self.head(b1))
        e2 = self.encoder2(self.attention2(self.halve1(e1), self.shallow2(b2)))
        e3 = self.encoder3(self.attention3(self.halve2(e2), self.shallow3(b3)))
        skip1, skip2 = self.fusion1(e1, e2, e3), self.fusion2(e1, e2, e3)

        d3 = self.decoder3(e3)
        d2 = self.decoder2(self.merge2(torch.cat([self.double3(d3), skip2], dim=1)))
        d1 = self.decoder1(self.merge1(torch.cat([self.double2(d2), skip1], dim=1)))
        images = (b3 + self.image3(d3), b2 + self.image2(d2), b1 + self.image1(d1))
        return Restoration(
            tuple(
                crop_to_level(image, (height, width), level)
                for level, image in zip((2, 1, 0), images, strict=True)
            )
        )


class ShallowFeatures(nn.Module):
    """SCM: features of a smaller blurred image, by few layers, with the image itself among them.

    Shape: ``(N, 3, H, W)`` -> ``(N, channels, H, W)``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(3, channels // 4),
            _convolution(channels // 4, channels // 2, kernel_size=1),
            _convolution(channels // 2, channels // 2),
            _convolution(channels // 2, channels - 3, kernel_size=1),
        )
        self.refine = nn.Conv2d(channels, channels, 1)

    def forward(self, blurred: Tensor) -> Tensor:
        return self.refine(torch.cat([blurred, self.features(blurred)], dim=1))


class FeatureAttention(nn.Module):
    """FAM: the scale above's features, emphasised or suppressed by the smaller image's.

    x + conv(x * y): no sigmoid, the product itself is the attention.

    Shape: twice ``(N, channels, H, W)`` -> the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.merge = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, above: Tensor, shallow: Tensor) -> Tensor:
        return above + self.merge(above * shallow)


class AsymmetricFusion(nn.Module):
    """AFF: a skip connection out of all of the encoder's sizes, brought to one by nearest pixels.

    Shape: the encoder's features at full, half and quarter size, ``in_channels`` in all ->
    ``(N, out_channels, h, w)``, as large as those that have ``out_channels``.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.fuse = nn.Sequential(
            _convolution(in_channels, out_channels, kernel_size=1),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )

    def forward(self, *encoded: Tensor) -> Tensor:
        (size,) = (x.shape[-2:] for x in encoded if x.shape[1] == self.out_channels)
        return self.fuse(torch.cat([functional.interpolate(x, size) for x in encoded], dim=1))


def _convolution(
    inputs: int, outputs: int, kernel_size: int = 3, *, stride: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size, stride, padding=kernel_size // 2), nn.ReLU()
    )


def _doubling(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, padding=1), nn.ReLU())
