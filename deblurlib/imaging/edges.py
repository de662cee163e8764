"""M(.): edge maps by convolution with fixed kernels (SUNG, section II.B).

"By applying a convolution layer with a fixed kernel, an edge map of an image is easily obtained by
computing the difference of the adjacent pixels. By focusing on the intensity, not the direction, of
the edge map, we can obtain sharpness in an image."

The paper names no kernel. The default here is the pair of central differences common in
gradient-guided restoration; the others are there to compare with.
"""

from contextlib import nullcontext
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.amp import is_autocast_available
from torch.nn import functional

Operator = Literal["central", "forward", "sobel", "scharr", "prewitt", "laplacian"]
Channels = Literal["rgb", "luminance"]


class EdgeMap(nn.Module):
    """M: the intensity of an image's edges, sqrt(dx² + dy² + ε).

    Every first-order kernel is a weighted mean of neighbour differences (its positive taps sum to
    one), so a step of height h answers with h whatever the operator, and losses on the maps keep
    their weight when the operator is changed. "laplacian" has a single, second-order kernel (four
    neighbours minus four times the centre) and answers sqrt(d² + ε).

    Borders repeat the outermost pixel, so a constant image has no edge at its frame. The kernels
    are buffers, not parameters: nothing here is trained. The map is computed in float32 whatever
    autocast says, because differences of neighbours drown in bfloat16's eight bits.

    Args:
        operator: one of "central" (default), "forward", "sobel", "scharr", "prewitt", "laplacian".
        channels: "rgb" gives one map per colour channel, "luminance" one map of
            0.299 R + 0.587 G + 0.114 B.
        epsilon: ε, in squared intensity; keeps the gradient of the root finite where the image is
            flat. A flat area therefore answers with sqrt(ε), not 0.

    Shape: ``(B, 3, H, W)`` -> ``(B, 3, H, W)``, or ``(B, 1, H, W)`` for "luminance"; any H, W >= 1.

    Raises:
        ValueError: for an unknown operator or channel choice.

    >>> step = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 3, 4, 4)
    >>> EdgeMap(epsilon=0.0)(step)[0, 0, 1]
    tensor([0., 1., 1., 0.])
    """

    kernels: Tensor
    luminance_weights: Tensor

    def __init__(
        self,
        operator: Operator = "central",
        channels: Channels = "rgb",
        epsilon: float = 1e-6,
    ) -> None:
        super().__init__()
        if operator not in get_args(Operator):
            raise ValueError(f"unknown operator {operator!r}: choose from {get_args(Operator)}")
        if channels not in get_args(Channels):
            raise ValueError(f"unknown channels {channels!r}: choose from {get_args(Channels)}")
        self.operator, self.channels, self.epsilon = operator, channels, epsilon
        self.out_channels = 3 if channels == "rgb" else 1
        # Not persistent: a weights file holds what was learned, and these were not.
        self.register_buffer("kernels", _kernels(operator), persistent=False)
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        self.register_buffer("luminance_weights", weights, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Edge map of ``image``, float32."""
        kind = image.device.type
        # "meta", where shapes are computed without values, has no autocast to switch off.
        exact = (
            torch.autocast(kind, enabled=False) if is_autocast_available(kind) else nullcontext()
        )
        with exact:
            image = image.float()
            if self.channels == "luminance":
                image = (image * self.luminance_weights).sum(dim=1, keepdim=True)
            batch, channels, height, width = image.shape
            # Each channel is filtered alone, as an image of its own.
            planes = image.reshape(batch * channels, 1, height, width)
            padded = functional.pad(planes, (1, 1, 1, 1), mode="replicate")
            differences = functional.conv2d(padded, self.kernels)
            magnitude = torch.sqrt(differences.square().sum(dim=1) + self.epsilon)
            return magnitude.view(batch, channels, height, width)

    def extra_repr(self) -> str:
        return f"{self.operator!r}, {self.channels!r}, epsilon={self.epsilon:g}"


def _kernels(operator: Operator) -> Tensor:
    """The operator's 3x3 kernels, ``(2, 1, 3, 3)`` for x and y, or ``(1, 1, 3, 3)``."""
    if operator == "laplacian":
        return torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)
    difference = torch.tensor([0.0, -1.0, 1.0] if operator == "forward" else [-1.0, 0.0, 1.0])
    smoothing = torch.tensor(
        {
            "central": [0.0, 1.0, 0.0],
            "forward": [0.0, 1.0, 0.0],
            "sobel": [1.0, 2.0, 1.0],
            "scharr": [3.0, 10.0, 3.0],
            "prewitt": [1.0, 1.0, 1.0],
        }[operator]
    )
    along_x = torch.outer(smoothing / smoothing.sum(), difference)
    return torch.stack([along_x, along_x.T]).unsqueeze(1)
