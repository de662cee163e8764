"""What SUNG is trained to make small: equations (1) to (4) of the paper, summed over scales."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.restoration import Restoration


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts; a term of weight 0 is not computed.

    Attributes:
        pixel: of L^Pix, equation (1).
        edge_aux: of L^EdgeAux, equation (2).
        edge_sup: of L^EdgeSup, equation (3). The paper adds all three with weight 1, equation (4).
        fourier: of L1 between Fourier transforms, which the paper does not have (MIMO-UNet has it,
            weighted 0.1): it makes high frequencies count. The transform is not normalised, so a
            small weight is a strong one.
    """

    pixel: float = 1.0
    edge_aux: float = 1.0
    edge_sup: float = 1.0
    fourier: float = 0.0


class DeblurringLoss(nn.Module):
    """L = L^Pix + L^EdgeAux + L^EdgeSup (+ a Fourier term), each summed over all scales.

    The norm is the mean absolute difference: over pixels, channels and batch, so that a scale
    counts as much as any other. All is computed in float32.

    Args:
        weights: of the terms.
        edges: M, the operator whose maps are compared.
    """

    def __init__(self, weights: LossWeights | None = None, edges: EdgeMap | None = None) -> None:
        super().__init__()
        self.weights = weights or LossWeights()
        self.edges = edges or EdgeMap()

    def forward(self, restoration: Restoration, sharp: Tensor) -> dict[str, Tensor]:
        """The loss and its terms.

        Args:
            restoration: what the network returned for a batch.
            sharp: GT, ``(B, 3, H, W)`` in [0, 1]; GT_i is its Gaussian pyramid.

        Returns:
            Scalars: "total", the weighted sum to minimise, and each term that has a weight and
            something to compare ("pixel", "edge_aux", "edge_sup", "fourier"), not weighted. A
            network without edge maps has no "edge_sup".
        """
        with torch.autocast(sharp.device.type, enabled=False):
            scales = len(restoration.images)
            # Coarse to fine, as the predictions: GT_{I-1}, ..., GT_0.
            targets = gaussian_pyramid(sharp.float(), scales - 1)[::-1]
            images = [image.float() for image in restoration.images]
            maps = [edge_map.float() for edge_map in restoration.edges]

            terms: dict[str, Tensor] = {}
            if self.weights.pixel:
                terms["pixel"] = _summed_l1(images, targets)  # equation (1)
            if self.weights.edge_aux or (self.weights.edge_sup and maps):
                target_maps = [self.edges(target) for target in targets]
                if self.weights.edge_aux:  # equation (2)
                    terms["edge_aux"] = _summed_l1([self.edges(x) for x in images], target_maps)
                if self.weights.edge_sup and maps:  # equation (3)
                    terms["edge_sup"] = _summed_l1(maps, target_maps)
            if self.weights.fourier:
                terms["fourier"] = _summed_l1(
                    [_spectrum(x) for x in images], [_spectrum(target) for target in targets]
                )
            total = sum(getattr(self.weights, name) * term for name, term in terms.items())
            return {"total": total, **terms}  # equation (4)


def _summed_l1(predictions: list[Tensor], targets: list[Tensor]) -> Tensor:
    differences = [(p - t).abs().mean() for p, t in zip(predictions, targets, strict=True)]
    return torch.stack(differences).sum()


def _spectrum(image: Tensor) -> Tensor:
    return torch.view_as_real(torch.fft.rfft2(image))
