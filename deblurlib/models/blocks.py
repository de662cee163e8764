"""The blocks that the networks are made of.

SUNG takes its deblurring path from SIUN (Ye et al. 2020), so U-Net, residual block and residual
dense block are SIUN's to the last layer; widths and depths are arguments. The dilated recursive
block is SGENet's.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.models.tiling import reach


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x))), no activation after the sum.

    Args:
        channels: of x and of the result.
        leak: slope of the activation below 0; 0 is SIUN's ReLU. A leaky one cannot fall silent.
        kernel_size: of both convolutions, odd (SIUN's 3; SRN and Nah et al. have 5).

    Shape: ``(B, channels, H, W)`` -> the same.
    """

    def __init__(self, channels: int, leak: float = 0.0, kernel_size: int = 3) -> None:
        super().__init__()
        half = kernel_size // 2
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size, padding=half),
            nn.LeakyReLU(leak) if leak else nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size, padding=half),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def residual_blocks(
    channels: int, number: int, leak: float = 0.0, kernel_size: int = 3
) -> nn.Sequential:
    """`number` of `ResidualBlock`, one behind the other: ``(B, channels, H, W)`` -> the same."""
    return nn.Sequential(*(ResidualBlock(channels, leak, kernel_size) for _ in range(number)))


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


class DilatedRecursiveBlock(nn.Module):
    """Features of several reaches at once, refined again and again by the same few weights.

    The dilated convolution module with recursive residual learning that SGENet begins with. One
    recursion is g: a 3x3 convolution a dilation, each with a leaky ReLU, all of them concatenated,
    and a 1x1 convolution back to `channels`. Every recursion t uses the same g and adds the
    module's input x, as DRRN's recursive blocks do (Tai et al. 2017)::

        h_0 = x,    h_t = x + g(h_{t-1}),    result h_T

    The paper says "dilated", "recursive" and "multi-scale", and no more: the rest is a
    reconstruction.

    Args:
        channels: of x, of each dilated convolution and of the result.
        dilations: d_1, d_2, ...: a convolution of dilation d compares pixels that lie d apart.
        recursions: T; the parameters are the same for any number.
        arrangement: "parallel": all dilated convolutions see h. "cascaded": each sees the one
            before it, which makes the receptive field larger.

    Shape: ``(B, channels, H, W)`` -> the same.

    Raises:
        ValueError: for dilations or recursions below 1.
    """

    def __init__(
        self,
        channels: int,
        dilations: Sequence[int] = (1, 2, 4),
        recursions: int = 3,
        arrangement: Literal["parallel", "cascaded"] = "parallel",
    ) -> None:
        super().__init__()
        if recursions < 1 or not dilations or min(dilations) < 1:
            raise ValueError(
                f"dilations and recursions must be 1 or more, not {tuple(dilations)}, {recursions}"
            )
        self.dilations, self.recursions, self.arrangement = dilations, recursions, arrangement
        self.dilated = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=d, dilation=d) for d in dilations
        )
        self.fusion = nn.Conv2d(len(dilations) * channels, channels, 1)

    @property
    def receptive_field(self) -> int:
        """Side in pixels of the square of inputs that one output can depend on."""
        reach = sum if self.arrangement == "cascaded" else max
        return 1 + 2 * self.recursions * reach(self.dilations)

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for _ in range(self.recursions):
            h = x + self.recursion(h)
        return h

    def recursion(self, h: Tensor) -> Tensor:
        """g: what one recursion adds to the module's input."""
        features: list[Tensor] = []
        for convolution in self.dilated:
            cascaded = features and self.arrangement == "cascaded"
            features.append(convolution(_leaky_relu(features[-1]) if cascaded else h))
        # One activation for all of them: in the backward pass it takes half the time of several.
        # And in their place: they are the largest tensor of the network.
        return self.fusion(_leaky_relu(torch.cat(features, dim=1), inplace=True))


class UNet(nn.Module):
    """SIUN's encoder and decoder over three scales, skips added rather than concatenated.

    An encoder stage is a 5x5 convolution (stride 1, then 2, 2) with ReLU and `blocks` residual
    blocks, at ``width``, ``2 * width`` and ``4 * width`` channels. A decoder stage is `blocks`
    residual blocks and a 5x5 transposed convolution of stride 2 with ReLU.

    Args:
        in_channels: of x.
        width: channels at full size, and of the result.
        blocks: residual blocks a stage.
        kernel_size: of these convolutions, odd (SIUN's 5).
        centred: where a stride of 2 begins. SIUN ran on TensorFlow, whose SAME padding puts
            (k // 2 - 1, k // 2) zeros around; False does that, True puts k // 2 on either side.
        block_kernel_size: of the residual blocks, odd (SRN's 5).
        up_kernel_size: of the transposed convolutions, where not `kernel_size` (SRN's 4).

    Shape: ``(B, in_channels, H, W)`` -> ``(B, width, H, W)``; H and W must be multiples of 4.
    """

    def __init__(
        self,
        in_channels: int,
        width: int = 32,
        blocks: int = 3,
        kernel_size: int = 5,
        *,
        centred: bool = True,
        block_kernel_size: int = 3,
        up_kernel_size: int | None = None,
    ) -> None:
        super().__init__()

        def stage(channels: int) -> nn.Sequential:
            return residual_blocks(channels, blocks, kernel_size=block_kernel_size)

        def encoder(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                *_halving(inputs, outputs, kernel_size, centred),
                nn.ReLU(),
                *stage(outputs),
            )

        def decoder(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                *stage(inputs),
                *_doubling(inputs, outputs, up_kernel_size or kernel_size, centred),
                nn.ReLU(),
            )

        self.encoder1 = nn.Sequential(
            nn.Conv2d(in_channels, width, kernel_size, padding=kernel_size // 2),
            nn.ReLU(),
            *stage(width),
        )
        self.encoder2 = encoder(width, 2 * width)
        self.encoder3 = encoder(2 * width, 4 * width)
        self.decoder3 = decoder(4 * width, 2 * width)
        self.decoder2 = decoder(2 * width, width)

    @property
    def reach(self) -> int:
        """How far it sees, in pixels."""

        def between(part: nn.Sequential, finer: int) -> int:
            """Of a part between two sizes, whose finer pixels measure `finer` of the finest."""
            return sum(
                reach(layer) * (2 * finer if isinstance(layer, ResidualBlock) else finer)
                for layer in part
            )

        halves = between(self.encoder2, 1) + between(self.decoder2, 1)
        return reach(self.encoder1) + halves + between(self.encoder3, 2) + between(self.decoder3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(*self.encode(x))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features at full, half and quarter size: ``width``, 2 and 4 times that in channels."""
        full = self.encoder1(x)
        half = self.encoder2(full)
        return full, half, self.encoder3(half)

    def decode(self, full: Tensor, half: Tensor, quarter: Tensor) -> Tensor:
        """What `encode` gave -> ``(B, width, H, W)``."""
        half = half + self.decoder3(quarter)
        return full + self.decoder2(half)


def _halving(inputs: int, outputs: int, kernel_size: int, centred: bool) -> list[nn.Module]:
    half = kernel_size // 2
    if centred:
        return [nn.Conv2d(inputs, outputs, kernel_size, 2, padding=half)]
    pad = nn.ZeroPad2d((half - 1, half, half - 1, half))
    return [pad, nn.Conv2d(inputs, outputs, kernel_size, 2)]


def _doubling(inputs: int, outputs: int, kernel_size: int, centred: bool) -> list[nn.Module]:
    half = kernel_size // 2
    odd = kernel_size % 2
    if centred or not odd:  # an even kernel lies in the middle, whatever the rule
        # output_padding makes the size exactly twice the input's.
        padding = (kernel_size - 1) // 2
        return [nn.ConvTranspose2d(inputs, outputs, kernel_size, 2, padding, output_padding=odd)]
    # What `_halving` puts around is taken away again: half - 1 before, half behind.
    crop = nn.ZeroPad2d((0, -1, 0, -1))
    return [nn.ConvTranspose2d(inputs, outputs, kernel_size, 2, half - 1), crop]


def pixel_shuffle_upsample(
    in_channels: int, out_channels: int, kernel_size: int = 3, *, bias: bool = True
) -> nn.Sequential:
    """Twice the size: a convolution to four times the channels, shuffled into 2x2 pixels.

    Shape: ``(B, in_channels, H, W)`` -> ``(B, out_channels, 2H, 2W)``.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, 4 * out_channels, kernel_size, padding=kernel_size // 2, bias=bias),
        nn.PixelShuffle(2),
    )


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Extend ``(B, C, H, W)`` to the right and below until both sides are multiples.

    Reflects where the image is large enough for it, else repeats the last row or column.
    """
    height, width = image.shape[-2:]
    below, right = -height % multiple, -width % multiple
    # One side at a time: an image may be wide enough to reflect and too low for it.
    image = functional.pad(image, (0, right, 0, 0), "reflect" if right < width else "replicate")
    return functional.pad(image, (0, 0, 0, below), "reflect" if below < height else "replicate")


def crop_to_level(image: Tensor, size: tuple[int, int], level: int = 0) -> Tensor:
    """What of a padded image belongs to an image of `size`, both halved `level` times.

    Takes away what `pad_to_multiple` put around: ``ceil(H / 2**level)`` rows stay, and as many
    columns.
    """
    height, width = size
    return image[..., : -(-height // 2**level), : -(-width // 2**level)]


def _leaky_relu(x: Tensor, *, inplace: bool = False) -> Tensor:
    # Its gradient never dies, which matters where the same weights serve again and again.
    return functional.leaky_relu(x, 0.2, inplace=inplace)
