"""SRN: a scale-recurrent network (Tao et al. 2018), which SUNG's Table 1 compares with.

One encoder-decoder serves three scales, half a size apart, from small to large. At each it sees the
blurred image beside what the scale below restored, enlarged; in the variant with a ConvLSTM, the
features at its bottleneck remember the scale below, too (section 3 of the paper).

Layers, sizes and how weights begin are those of the authors' public code (jiangsutx/SRN-Deblur,
models/model.py and util/BasicConvLSTMCell.py): its "color" variant, the released one and the one
SUNG compares with, has no ConvLSTM; its "lstm" variant has one, and takes gray images there, colour
here. Kernels are 5x5; the paper's table of 3.76 M parameters is of 3x3 kernels (issue 48 there).

Where this differs: the authors' code resizes by TensorFlow 1's bilinear filter, which puts pixel 0
of all scales on the same corner. Here pixels have centres, as in the pyramid of targets that the
scales are held against.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.models.blocks import UNet, crop_to_level, pad_to_multiple, residual_blocks
from deblurlib.models.restoration import Restoration
from deblurlib.models.tiling import in_tiles, reach


class SRN(nn.Module):
    """The whole network.

    Args:
        width: channels at full size.
        blocks: residual blocks per encoder and decoder stage.
        kernel_size: of all convolutions but the ConvLSTM's (3x3) and the transposed ones (4x4).
        lstm: a ConvLSTM at the bottleneck, whose state goes from scale to scale.
        scales: how many; the weights are the same for any number.
        centred: padding of strided convolutions (see `UNet`); False is TensorFlow's, its authors'.
    """

    def __init__(
        self,
        width: int = 32,
        blocks: int = 3,
        kernel_size: int = 5,
        *,
        lstm: bool = False,
        scales: int = 3,
        centred: bool = False,
    ) -> None:
        super().__init__()
        if scales < 1:
            raise ValueError(f"scales must be 1 or more, not {scales}")
        self.scales = scales
        self.unet = UNet(
            6,
            width,
            blocks,
            kernel_size,
            centred=centred,
            block_kernel_size=kernel_size,
            up_kernel_size=4,
        )
        self.tail = nn.Sequential(
            *residual_blocks(width, blocks, kernel_size=kernel_size),
            nn.Conv2d(width, 3, kernel_size, padding=kernel_size // 2),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.memory = ConvLSTM(4 * width) if lstm else None

    def forward(
        self,
        blurred: Tensor,
        tile: int | None = None,
        on_tile: Callable[[int], object] | None = None,
    ) -> Restoration:
        """Restore ``blurred``, ``(N, 3, H, W)`` in [0, 1]; any H, W >= 1.

        Args:
            blurred: B.
            tile: side of the tiles that every scale goes through, in pixels, for images that are
                too large at once; None takes the whole. The result is the same.
            on_tile: called after every tile of the finest scale, with the number of its pixels.

        Returns:
            ``images``: one a scale, coarse to fine, the i-th from the end of ``ceil(H / 2**i)`` by
            ``ceil(W / 2**i)`` pixels. Values may leave [0, 1] slightly.

        Raises:
            ValueError: for tiles, with a ConvLSTM: its memory is of the whole image.
        """
        if tile is not None and self.memory is not None:
            raise ValueError("SRN with a ConvLSTM goes through no tiles: leave `tile` out")
        height, width = blurred.shape[-2:]
        padded = pad_to_multiple(blurred, 4 * 2 ** (self.scales - 1))
        images: list[Tensor] = []
        sharp, state = padded, None
        for i in reversed(range(self.scales)):
            size = (padded.shape[-2] // 2**i, padded.shape[-1] // 2**i)
            at_scale = _resize(padded, size)
            # What the scale below restored is taken as given: no gradient goes through it.
            given = torch.cat([at_scale, _resize(sharp, size).detach()], dim=1)
            if tile is None:
                sharp, state = self.restore(given, state)
            else:
                (sharp,) = in_tiles(
                    self._restore_alone,
                    [given],
                    side=tile,
                    overlap=self.reach,
                    on_tile=None if i else on_tile,
                )
            images.append(crop_to_level(sharp, (height, width), i))
        return Restoration(tuple(images))

    def restore(
        self, given: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """One scale: ``(N, 6, H, W)``, H and W multiples of 4, and what the ConvLSTM remembers.

        Returns:
            The restored image ``(N, 3, H, W)``, and the ConvLSTM's state for the next scale.
        """
        full, half, quarter = self.unet.encode(given)
        if self.memory is not None:
            quarter, state = self.memory(quarter, state)
        return self.tail(self.unet.decode(full, half, quarter)), state

    @property
    def reach(self) -> int:
        """How far one scale sees, in its own pixels; without the ConvLSTM."""
        return reach(self.unet) + reach(self.tail)

    def _restore_alone(self, given: Tensor) -> tuple[Tensor]:
        return (self.restore(given, None)[0],)


class ConvLSTM(nn.Module):
    """A cell that remembers features from scale to scale, as its authors' code has it.

    With x the features of this scale and c, h the state of the scale below, enlarged::

        i, j, f, o = conv(x ⊕ h)
        c = c * sigmoid(f + 1) + sigmoid(i) * tanh(j),    h = tanh(c) * sigmoid(o)

    The convolution is 3x3. Its weights begin as small as 10^-3: at first, hardly anything passes.

    Shape: ``(N, channels, H, W)`` and a state (c, h) of any size, or None -> h, and the state
    (c, h) of this scale; c and h have the shape of x.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * channels, 4 * channels, 3, padding=1)
        nn.init.trunc_normal_(self.gates.weight, std=1e-3, a=-2e-3, b=2e-3)
        if self.gates.bias is not None:
            nn.init.zeros_(self.gates.bias)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if state is None:
            c, h = torch.zeros_like(x), torch.zeros_like(x)
        else:
            c, h = (_resize(part, (x.shape[-2], x.shape[-1])) for part in state)
        i, j, f, o = self.gates(torch.cat([x, h], dim=1)).chunk(4, dim=1)
        c = c * torch.sigmoid(f + 1) + torch.sigmoid(i) * torch.tanh(j)
        h = torch.tanh(c) * torch.sigmoid(o)
        return h, (c, h)


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)
