"""What the networks are trained to make small.

SUNG: equations (1) to (4) of its paper, summed over scales. SGENet: the same terms summed over its
stages, and one for the images that guide it; its paper's losses are not public.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.restoration import Restoration

Norm = Literal["l1", "charbonnier"]


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
        guidance: of the images that SGENet predicts on its skip connections, each against the
            sharp image at its scale. 0 leaves them unsupervised.
    """

    pixel: float = 1.0
    edge_aux: float = 1.0
    edge_sup: float = 1.0
    fourier: float = 0.0
    guidance: float = 1.0


class DeblurringLoss(nn.Module):
    """L = L^Pix + L^EdgeAux + L^EdgeSup (+ Fourier and guidance terms), each over all predictions.

    A term is summed over a network's predictions, each held against the target of its size, and is
    a mean over pixels, channels and batch: a scale counts as much as any other. All is computed in
    float32.

    Args:
        weights: of the terms.
        edges: M, the operator whose maps are compared.
        norm: of the differences of images and edge maps: "l1" is the mean of |d|, as SUNG has it;
            "charbonnier" the mean of sqrt(d^2 + ε^2) - ε with ε = 10^-3, smooth at 0, as
            multi-stage networks since MPRNet have it. The Fourier term is always the L1.
    """

    def __init__(
        self,
        weights: LossWeights | None = None,
        edges: EdgeMap | None = None,
        norm: Norm = "l1",
    ) -> None:
        super().__init__()
        self.weights = weights or LossWeights()
        self.edges = edges or EdgeMap()
        self.distance = {"l1": _l1, "charbonnier": _charbonnier}[norm]

    def forward(self, restoration: Restoration, sharp: Tensor) -> dict[str, Tensor]:
        """The loss and its terms.

        Args:
            restoration: what the network returned for a batch.
            sharp: GT, ``(B, 3, H, W)`` in [0, 1]; GT_i is its Gaussian pyramid.

        Returns:
            Scalars: "total", the weighted sum to minimise, and each term that has a weight and
            something to compare ("pixel", "edge_aux", "edge_sup", "fourier", "guidance"), not
            weighted. A network without edge maps has no "edge_sup", one without guidance no
            "guidance".
        """
        with torch.autocast(sharp.device.type, enabled=False):
            images = [image.float() for image in restoration.images]
            maps = [edge_map.float() for edge_map in restoration.edges]
            guidance = [image.float() for image in restoration.guidance]
            target = _Targets(sharp.float(), self.edges)

            terms: dict[str, Tensor] = {}
            if self.weights.pixel:  # equation (1)
                terms["pixel"] = _sum(self.distance(x, target.image(x)) for x in images)
            if self.weights.edge_aux:  # equation (2)
                terms["edge_aux"] = _sum(
                    self.distance(self.edges(x), target.edge_map(x)) for x in images
                )
            if self.weights.edge_sup and maps:  # equation (3)
                terms["edge_sup"] = _sum(self.distance(g, target.edge_map(g)) for g in maps)
            if self.weights.fourier:
                terms["fourier"] = _sum(
                    _l1(_spectrum(x), _spectrum(target.image(x))) for x in images
                )
            if self.weights.guidance and guidance:
                terms["guidance"] = _sum(self.distance(p, target.image(p)) for p in guidance)
            total = _sum(getattr(self.weights, name) * term for name, term in terms.items())
            return {"total": total, **terms}  # equation (4)


class _Targets:
    """What a prediction of each size is held against, computed once a size."""

    def __init__(self, sharp: Tensor, edges: EdgeMap) -> None:
        self.pyramid, self.edges = [sharp], edges
        self.edge_maps: dict[int, Tensor] = {}

    def level(self, prediction: Tensor) -> int:
        """The pyramid's level that has the prediction's size."""
        size = prediction.shape[-2:]
        level = 0
        while self.pyramid[level].shape[-2:] != size:
            if self.pyramid[level].shape[-2:] == (1, 1):
                raise ValueError(
                    f"a prediction of {size[0]} x {size[1]} pixels has no target: an image of "
                    f"{self.pyramid[0].shape[-2]} x {self.pyramid[0].shape[-1]} never has this "
                    "size when halved"
                )
            level += 1
            if level == len(self.pyramid):
                self.pyramid.append(gaussian_pyramid(self.pyramid[-1], 1)[1])
        return level

    def image(self, prediction: Tensor) -> Tensor:
        return self.pyramid[self.level(prediction)]

    def edge_map(self, prediction: Tensor) -> Tensor:
        level = self.level(prediction)
        if level not in self.edge_maps:
            self.edge_maps[level] = self.edges(self.pyramid[level])
        return self.edge_maps[level]


def _l1(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs().mean()


def _charbonnier(prediction: Tensor, target: Tensor, epsilon: float = 1e-3) -> Tensor:
    # Less ε, so that a perfect prediction has no loss; the gradient is the same.
    return ((prediction - target).square() + epsilon**2).sqrt().mean() - epsilon


def _sum(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


def _spectrum(image: Tensor) -> Tensor:
    return torch.view_as_real(torch.fft.rfft2(image))
