"""SGENet: a spatial-guided enhancement network in two stages.

Each stage is an encoder-decoder. It begins with dilated convolutions under recursive residual
learning; on its skip connections, contextual enhancement (CEM) predicts the sharp image and lets
its details recalibrate the features; between the stages, cross-stage aggregation (CSAM) selects
what of stage one's features goes on to stage two. Each stage ends in an image.

Only the paper's abstract, module descriptions and conclusion are public. What they fix is fixed
here; all else is a reconstruction, each choice an argument, and argued in the ledger
(notebooks/ledger.md).
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Literal, NamedTuple

import torch
from kornia.filters import gaussian_blur2d
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.blocks import (
    DilatedRecursiveBlock,
    pad_to_multiple,
    pixel_shuffle_upsample,
    residual_blocks,
)
from deblurlib.models.restoration import Restoration

Arrangement = Literal["parallel", "cascaded"]
Aggregation = Literal["attention", "sum"]
Selection = Literal["spatial", "channel"]


class SGENet(nn.Module):
    """The whole network ("Network Architecture").

    Args:
        widths: channels of a stage at 1, 1/2, 1/4, ... of the image's size; two or more.
        blocks: residual blocks per encoder and decoder level.
        dilations, recursions, arrangement: of the block that each stage begins with (see
            `DilatedRecursiveBlock`).
        enhancement: CEM on every skip connection; False leaves the skips as they are.
        aggregation: how stage two gets stage one's features: "attention" is CSAM, "sum" adds the
            features of both of stage one's sides to stage two's.
        selection: of CSAM: by every pixel ("spatial"), or by every channel ("channel").
    """

    def __init__(
        self,
        widths: Sequence[int] = (24, 48, 96, 192),
        blocks: int = 2,
        *,
        dilations: Sequence[int] = (1, 2, 4),
        recursions: int = 3,
        arrangement: Arrangement = "parallel",
        enhancement: bool = True,
        aggregation: Aggregation = "attention",
        selection: Selection = "spatial",
    ) -> None:
        super().__init__()
        self.levels = len(widths)

        def stage(in_channels: int, aggregations: Sequence[nn.Module] = ()) -> Stage:
            multi_scale = DilatedRecursiveBlock(widths[0], dilations, recursions, arrangement)
            return Stage(in_channels, widths, blocks, multi_scale, enhancement, aggregations)

        self.stage1 = stage(3)
        # Stage one has two sides wherever it has a skip connection: at all levels but the lowest.
        self.stage2 = stage(
            6,
            [
                CrossStageAggregation(width, selection=selection)
                if aggregation == "attention"
                else PlainSum()
                for width in widths[:-1]
            ],
        )
        # Features begin small, some hundredths. Biases of torch's usual size would decide over them
        # which side of an activation a channel lies on, whatever the image.
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, blurred: Tensor) -> Restoration:
        """Restore ``blurred``, ``(N, 3, H, W)`` in [0, 1]; any H, W >= 1.

        Returns:
            ``images``: stage one's and stage two's, both of the input's size. ``guidance``: what
            the skip connections predict, stage one's coarse to fine, then stage two's; level l has
            ``ceil(H / 2**l)`` by ``ceil(W / 2**l)`` pixels. Values may leave [0, 1] slightly.
        """
        height, width = blurred.shape[-2:]
        padded = pad_to_multiple(blurred, 2 ** (self.levels - 1))
        pyramid = gaussian_pyramid(padded, self.levels - 2)

        first = self.stage1(padded, pyramid)
        second = self.stage2(torch.cat([padded, first.image], dim=1), pyramid, earlier=first)

        def crop(image: Tensor) -> Tensor:
            scale = padded.shape[-1] // image.shape[-1]
            return image[..., : -(-height // scale), : -(-width // scale)]

        return Restoration(
            images=(crop(first.image), crop(second.image)),
            guidance=tuple(crop(image) for image in (*first.guidance, *second.guidance)),
        )


class StageOutput(NamedTuple):
    """What one stage hands on.

    Attributes:
        image: the restored image ``(N, 3, H, W)``.
        encoded, decoded: features of its two sides, one tensor a level that has a skip connection,
            fine to coarse; level l is ``(N, widths[l], H / 2**l, W / 2**l)``.
        guidance: the images that its CEMs predicted, coarse to fine.
    """

    image: Tensor
    encoded: list[Tensor]
    decoded: list[Tensor]
    guidance: list[Tensor]


class Stage(nn.Module):
    """One encoder-decoder; its image is the blurred one plus what the network adds.

    Args:
        in_channels: of its input: 3 for the blurred image, 6 with stage one's beside it.
        widths, blocks: as `SGENet` has them.
        multi_scale: the block in front of the encoder, at ``widths[0]`` channels.
        enhancement: CEM on the skip connections.
        aggregations: for each level with a skip connection, what fuses the features of an earlier
            stage into this one's; none in the first stage.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        blocks: int,
        multi_scale: nn.Module,
        enhancement: bool = True,
        aggregations: Sequence[nn.Module] = (),
    ) -> None:
        super().__init__()
        self.head = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.multi_scale = multi_scale
        finer, coarser = widths[:-1], widths[1:]
        self.encoders = nn.ModuleList(residual_blocks(width, blocks, leak=0.2) for width in widths)
        self.downsamples = nn.ModuleList(
            nn.Conv2d(f, c, 3, stride=2, padding=1) for f, c in zip(finer, coarser, strict=True)
        )
        self.aggregations = nn.ModuleList(aggregations)
        self.enhancements = nn.ModuleList(
            ContextualEnhancement(width) for width in finer if enhancement
        )
        self.upsamples = nn.ModuleList(
            pixel_shuffle_upsample(c, f, kernel_size=1) for f, c in zip(finer, coarser, strict=True)
        )
        self.decoders = nn.ModuleList(residual_blocks(width, blocks, leak=0.2) for width in finer)
        self.tail = _adding_nothing(nn.Conv2d(widths[0], 3, 3, padding=1))

    def forward(
        self, x: Tensor, blurred: Sequence[Tensor], earlier: StageOutput | None = None
    ) -> StageOutput:
        """Restore.

        Args:
            x: ``(N, in_channels, H, W)``; H and W multiples of ``2 ** (levels - 1)``.
            blurred: the blurred image at the size of every skip connection, fine to coarse.
            earlier: the stage before, where there is one.
        """
        features = self.multi_scale(self.head(x))
        encoded: list[Tensor] = []
        decoded: list[Tensor] = []
        guidance: list[Tensor] = []
        for level, downsample in enumerate(self.downsamples):
            features = self.encoders[level](features)
            if earlier is not None:
                features = self.aggregations[level](
                    features, earlier.encoded[level], earlier.decoded[level]
                )
            encoded.append(features)
            features = downsample(features)
        features = self.encoders[-1](features)

        for level in reversed(range(len(encoded))):
            skip = encoded[level]
            if self.enhancements:
                skip, predicted = self.enhancements[level](skip, blurred[level])
                guidance.append(predicted)
            features = self.decoders[level](self.upsamples[level](features) + skip)
            decoded.insert(0, features)
        return StageOutput(blurred[0] + self.tail(features), encoded, decoded, guidance)


class ContextualEnhancement(nn.Module):
    """CEM: a predicted image's details say which features of a skip connection to raise or lower.

    ::

        P = B + conv(X)                     the sharp image as X has it, supervised
        D = contrast * (P - blur(P))        its details: what a Gaussian takes away
        A = 2 sigmoid(context(D))           in (0, 2), for every channel and pixel
        result: A * X

    The convolutions of ``context`` are dilated, to judge a detail by its surroundings, and have no
    bias: where the predicted image is flat, A is 1, and the features pass as they are.

    Args:
        channels: of the features X.
        sigma: of the Gaussian that parts details from the rest, in pixels of that level.
        contrast: brings details, a few hundredths of the range of images, to the size of features.
    """

    def __init__(self, channels: int, sigma: float = 1.0, contrast: float = 10.0) -> None:
        super().__init__()
        self.sigma, self.contrast = sigma, contrast
        self.predict = _adding_nothing(nn.Conv2d(channels, 3, 3, padding=1))
        hidden = max(8, channels // 2)

        def layer(in_channels: int, dilation: int) -> list[nn.Module]:
            convolution = nn.Conv2d(
                in_channels, hidden, 3, padding=dilation, dilation=dilation, bias=False
            )
            # Without it, three layers shrink their input until A is 1 wherever one looks.
            nn.init.kaiming_normal_(convolution.weight, a=0.2)
            return [convolution, nn.LeakyReLU(0.2)]

        self.context = nn.Sequential(
            *layer(3, 1),
            *layer(hidden, 2),
            *layer(hidden, 4),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )

    def forward(self, features: Tensor, blurred: Tensor) -> tuple[Tensor, Tensor]:
        """(X, B) -> (recalibrated features, P): ``(N, channels, H, W)`` and ``(N, 3, H, W)``."""
        predicted = blurred + self.predict(features)
        return self.attention(predicted) * features, predicted

    def attention(self, predicted: Tensor) -> Tensor:
        """A, from a predicted image: ``(N, 3, H, W)`` -> ``(N, channels, H, W)`` in (0, 2)."""
        return 2 * torch.sigmoid(self.context(self.details(predicted)))

    def details(self, predicted: Tensor) -> Tensor:
        """D: what a Gaussian blur takes away from the image, enlarged."""
        # Replicated: "reflect" fails where an image is smaller than the Gaussian.
        size = 2 * round(2 * self.sigma) + 1
        blur = gaussian_blur2d(predicted, size, (self.sigma, self.sigma), border_type="replicate")
        return self.contrast * (predicted - blur)


class CrossStageAggregation(nn.Module):
    """CSAM: stage two's features and stage one's, and weights that choose how much of which.

    The branches are stage two's own features U_0, and both of stage one's sides, encoder and
    decoder, each through receptive fields of several sizes: U_1, ..., U_K. They are mixed by a
    softmax over branches of what their sum suggests (SKNet's selective kernels, Li et al. 2019,
    over stages)::

        w = softmax(excite(squeeze(U_0 + ... + U_K))),    result: w_0 U_0 + ... + w_K U_K

    Weights sum to one: to pass on more of one branch is to suppress the others.

    Args:
        channels: of each of the three inputs and of the result.
        dilations: of the 3x3 convolutions that look at each side of stage one; a branch each.
        selection: "spatial": every pixel chooses, for all its channels. "channel": every channel
            chooses, for all pixels of the image, from their mean (SKNet's way).
    """

    def __init__(
        self, channels: int, dilations: Sequence[int] = (1, 2), selection: Selection = "spatial"
    ) -> None:
        super().__init__()
        self.channels, self.selection = channels, selection

        def views() -> nn.ModuleList:
            return nn.ModuleList(
                nn.Conv2d(channels, channels, 3, padding=d, dilation=d) for d in dilations
            )

        self.encoder_views, self.decoder_views = views(), views()
        seen = [
            f"{side}, {1 + 2 * d} x {1 + 2 * d}"
            for side in ("encoder", "decoder")
            for d in dilations
        ]
        self.branch_names = ("stage two", *seen)

        squeezed = max(8, channels // 2)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        weights = len(self.branch_names) * (channels if selection == "channel" else 1)
        self.excite = nn.Conv2d(squeezed, weights, 1)

    def forward(self, own: Tensor, encoded: Tensor, decoded: Tensor) -> Tensor:
        """Stage two's features, stage one's encoder's and decoder's -> ``(N, channels, H, W)``."""
        branches = self.branches(own, encoded, decoded)
        # In float32, as the weights are: in bfloat16 alone, CPUs are slow to multiply all channels
        # of a pixel by one value.
        weights = self.weights(branches).unbind(dim=1)
        return _sum(w * branch for w, branch in zip(weights, branches, strict=True)).to(own.dtype)

    def branches(self, own: Tensor, encoded: Tensor, decoded: Tensor) -> list[Tensor]:
        """U_0, ..., U_K, each ``(N, channels, H, W)``, in the order of ``branch_names``."""
        return [
            own,
            *(view(encoded) for view in self.encoder_views),
            *(view(decoded) for view in self.decoder_views),
        ]

    def weights(self, branches: Sequence[Tensor]) -> Tensor:
        """w in (0, 1), summing to 1 over the branches, its dimension 1.

        ``(N, K + 1, 1, H, W)``, or ``(N, K + 1, channels, 1, 1)`` for the selection "channel".
        """
        summary = _sum(branches)
        if self.selection == "channel":
            summary = summary.mean(dim=(-2, -1), keepdim=True)
        logits = self.excite(functional.leaky_relu(self.squeeze(summary), 0.2))
        return logits.unflatten(1, (len(branches), -1)).softmax(dim=1, dtype=torch.float32)


class PlainSum(nn.Module):
    """What stands in CSAM's place without it: all is passed on, nothing suppressed."""

    def forward(self, own: Tensor, encoded: Tensor, decoded: Tensor) -> Tensor:
        return own + encoded + decoded


def _adding_nothing(convolution: nn.Conv2d) -> nn.Conv2d:
    """The convolution with zeros: what is added to the blurred image begins as nothing."""
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, tensors)
