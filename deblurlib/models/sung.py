"""SUNG: a scale-iterative upscaling network with edge-map guidance (Min and Kang).

One network, used again at every scale (see scale_iteration.py). From (B_{i+1}, S_{i+1}) come
features F_i (deblurring path) and an edge map G_i (edge path), both at twice the size; from F_i,
G_i and B_i comes the sharper image S_i (restoration module).

Where the paper is silent, sizes and layers are SIUN's, which SUNG builds on. Each such choice is
an argument, and argued in the ledger (notebooks/ledger.md).
"""

import torch
from torch import Tensor, nn

from deblurlib.imaging.edges import Channels, EdgeMap, Operator
from deblurlib.models.blocks import (
    ResidualDenseBlock,
    UNet,
    pixel_shuffle_upsample,
    residual_blocks,
)
from deblurlib.models.scale_iteration import ScaleIteration
from deblurlib.models.tiling import reach


class SUNG(ScaleIteration):
    """The whole of Fig. 1; `ScaleIteration` has its loop over scales.

    Args:
        width: channels of F and of the U-Nets at full size (the paper's 32).
        blocks: residual blocks per U-Net stage (SIUN's 3).
        rdb_layers: convolutions per residual dense block (SIUN's 6); their growth is `width`.
        kernel_size: of the U-Nets' down- and upsampling convolutions (SIUN's 5).
        edge_guidance: False gives the *base* model of Table 2: no edge path, and in its place two
            convolutions with a U-Net and an RDB appended to the deblurring path, which makes it
            equal in parameters and no shallower.
        operator, edge_channels: the edge operator M (see `EdgeMap`).
        image_residual: S_i = B_i + what the restoration module adds, so that training starts from
            the blurred image. False gives SIUN's output, tanh(.)/2 + 0.5.
        gradient_through_scales, train_iterations, test_iterations: see `ScaleIteration`.
    """

    def __init__(
        self,
        width: int = 32,
        blocks: int = 3,
        rdb_layers: int = 6,
        kernel_size: int = 5,
        *,
        edge_guidance: bool = True,
        operator: Operator = "central",
        edge_channels: Channels = "rgb",
        image_residual: bool = True,
        gradient_through_scales: bool = False,
        train_iterations: int = 3,
        test_iterations: int = 4,
    ) -> None:
        super().__init__(
            gradient_through_scales=gradient_through_scales,
            train_iterations=train_iterations,
            test_iterations=test_iterations,
        )
        self.image_residual = image_residual

        sizes = (width, blocks, rdb_layers, kernel_size)
        self.deblurring_path = DeblurringPath(*sizes, deepened=not edge_guidance)
        self.edges: EdgeMap | None = None
        self.edge_path: EdgePath | None = None
        guidance = width + 3  # F and B
        if edge_guidance:
            self.edges = EdgeMap(operator, edge_channels)
            self.edge_path = EdgePath(self.edges.out_channels, *sizes)
            guidance += self.edges.out_channels  # and G
        self.restoration_module = RestorationModule(guidance, width, blocks, kernel_size)

    @property
    def reach(self) -> int:
        features = reach(self.deblurring_path)
        if self.edge_path is not None:
            features = max(features, 1 + reach(self.edge_path))  # M looks at its neighbours
        return 2 * features + reach(self.restoration_module)

    def iterate(
        self, blurred: Tensor, sharp: Tensor, next_blurred: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """One iteration: (B_{i+1}, S_{i+1}, B_i) -> (S_i, G_i); G_i is None in the base model."""
        features = self.deblurring_path(torch.cat([blurred, sharp], dim=1))
        if self.edges is None or self.edge_path is None:
            guidance, edge_map = [features], None
        else:
            edge_map = self.edge_path(torch.cat([self.edges(blurred), self.edges(sharp)], dim=1))
            guidance = [features, edge_map]
        restored = self.restoration_module(torch.cat([*guidance, next_blurred], dim=1))
        if self.image_residual:
            return next_blurred + restored, edge_map
        return torch.tanh(restored) / 2 + 0.5, edge_map


class DeblurringPath(nn.Module):
    """B_{i+1} ⊕ S_{i+1} -> F_i at twice the size (section II.A): SIUN's feature extraction.

    Shape: ``(N, 6, H, W)`` -> ``(N, width, 2H, 2W)``; H and W multiples of 4.
    """

    def __init__(
        self,
        width: int,
        blocks: int,
        rdb_layers: int,
        kernel_size: int,
        *,
        deepened: bool = False,
        centred: bool = True,
    ) -> None:
        super().__init__()
        self.head = nn.Conv2d(6, width, 3, padding=1)
        self.unet = UNet(width, width, blocks, kernel_size, centred=centred)
        self.dense_blocks = nn.ModuleList(
            ResidualDenseBlock(width, width, rdb_layers) for _ in range(3)
        )
        self.fusion = nn.Sequential(
            nn.Conv2d(3 * width, width, 1), nn.Conv2d(width, width, 3, padding=1)
        )
        # Only in the base model of Table 2: what the edge path would hold, put in series here.
        self.extension = (
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1),
                UNet(width, width, blocks, kernel_size),
                ResidualDenseBlock(width, width, rdb_layers),
                nn.Conv2d(width, width, 3, padding=1),
            )
            if deepened
            else nn.Identity()
        )
        self.upsample = pixel_shuffle_upsample(width, width)

    def forward(self, blurred_and_sharp: Tensor) -> Tensor:
        first = self.head(blurred_and_sharp)
        features = self.unet(first)
        outputs = []
        for dense_block in self.dense_blocks:
            features = dense_block(features)
            outputs.append(features)
        fused = first + self.fusion(torch.cat(outputs, dim=1))
        return self.upsample(self.extension(fused))


class EdgePath(nn.Module):
    """M(B_{i+1}) ⊕ M(S_{i+1}) -> G_i, the sharp image's edge map at twice the size (section II.B).

    Shape: ``(N, 2C, H, W)`` -> ``(N, C, 2H, 2W)`` for edge maps of C channels; H, W multiples of 4.
    """

    def __init__(
        self, edge_channels: int, width: int, blocks: int, rdb_layers: int, kernel_size: int
    ) -> None:
        super().__init__()
        self.head = nn.Conv2d(2 * edge_channels, width, 3, padding=1)
        self.unet = UNet(width, width, blocks, kernel_size)
        self.dense_block = ResidualDenseBlock(width, width, rdb_layers)
        self.upsample = pixel_shuffle_upsample(width, edge_channels)

    def forward(self, edge_maps: Tensor) -> Tensor:
        return self.upsample(self.dense_block(self.unet(self.head(edge_maps))))


class RestorationModule(nn.Module):
    """F_i ⊕ G_i ⊕ B_i -> S_i, or what is added to B_i to get it (section II.C).

    SIUN's reconstruction: a U-Net, residual blocks at full size, a 5x5 convolution to RGB.

    Shape: ``(N, in_channels, H, W)`` -> ``(N, 3, H, W)``; H and W multiples of 4.
    """

    def __init__(
        self, in_channels: int, width: int, blocks: int, kernel_size: int, *, centred: bool = True
    ) -> None:
        super().__init__()
        self.unet = UNet(in_channels, width, blocks, kernel_size, centred=centred)
        self.tail = nn.Sequential(
            *residual_blocks(width, blocks),
            nn.Conv2d(width, 3, 5, padding=2),
        )

    def forward(self, guidance: Tensor) -> Tensor:
        return self.tail(self.unet(guidance))
