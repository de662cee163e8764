"""What every network of the project returns."""

from typing import NamedTuple

from torch import Tensor


class Restoration(NamedTuple):
    """Predictions from coarse to fine.

    Attributes:
        images: restored images ``(B, 3, h, w)``; the last has the input's size.
        edges: predicted edge maps beside them, empty where a network predicts none.
        guidance: images ``(B, 3, h, w)`` that a network predicts on its way, to guide itself; the
            loss holds them against the sharp image, too. Empty where a network predicts none.
    """

    images: tuple[Tensor, ...]
    edges: tuple[Tensor, ...] = ()
    guidance: tuple[Tensor, ...] = ()

    @property
    def image(self) -> Tensor:
        """The result: the restored image at full size."""
        return self.images[-1]
