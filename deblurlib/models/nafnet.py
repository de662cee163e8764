"""NAFNet: a nonlinear-activation-free network (Chen et al. 2022), today's plain yardstick.

A U-Net whose blocks have no ReLU, GELU or sigmoid: half of the channels multiply the other half
(section 4 and Fig. 3 of the paper). Block numbers are the published GoPro configuration's: 1, 1, 1,
28 on the way down, 1 in the middle, 1 a level on the way up; width 32 has 17.1 M parameters, width
64 67.9 M (megvii-research/NAFNet, MIT: basicsr/models/archs/NAFNet_arch.py and options/).

Its published GoPro results are those of the variant "NAFNetLocal" (Chu et al. 2022; local_arch.py
and options/test/GoPro there): trained on crops of 256, it takes the attention's means over windows
of 384 pixels where it is tested, not over the whole image. Here that is an argument.

Where this differs: padding reflects instead of adding zeros.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.models.blocks import crop_to_level, pad_to_multiple, pixel_shuffle_upsample
from deblurlib.models.official import load_parameters, read_state_dict
from deblurlib.models.restoration import Restoration


class NAFNet(nn.Module):
    """The whole network; its image is the blurred one plus what it adds.

    Args:
        width: channels at full size; every level down has twice those of the one above.
        encoder_blocks: blocks at 1, 1/2, 1/4, ... of the image's size.
        middle_blocks: below them.
        decoder_blocks: on the way up, coarse to fine; as many levels as the encoder has.
        test_window: side in pixels of the image of the windows that channel attention takes its
            means over in evaluation (its authors' 384); None takes them over the whole image.
    """

    def __init__(
        self,
        width: int = 32,
        encoder_blocks: Sequence[int] = (1, 1, 1, 28),
        middle_blocks: int = 1,
        decoder_blocks: Sequence[int] = (1, 1, 1, 1),
        *,
        test_window: int | None = None,
    ) -> None:
        super().__init__()
        if len(encoder_blocks) != len(decoder_blocks):
            raise ValueError(
                "encoder_blocks and decoder_blocks must have as many levels, not "
                f"{tuple(encoder_blocks)} and {tuple(decoder_blocks)}"
            )
        self.width, self.levels = width, len(encoder_blocks)
        widths = [width * 2**level for level in range(self.levels + 1)]
        finer, coarser = widths[:-1], widths[1:]

        def stage(level: int, number: int) -> nn.Sequential:
            window = None if test_window is None else max(1, test_window // 2**level)
            return nn.Sequential(*(NAFBlock(widths[level], window) for _ in range(number)))

        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.encoders = nn.ModuleList(
            stage(level, number) for level, number in enumerate(encoder_blocks)
        )
        self.downsamples = nn.ModuleList(
            nn.Conv2d(f, c, 2, stride=2) for f, c in zip(finer, coarser, strict=True)
        )
        self.middle = stage(self.levels, middle_blocks)
        self.upsamples = nn.ModuleList(
            pixel_shuffle_upsample(c, f, kernel_size=1, bias=False)
            for f, c in zip(reversed(finer), reversed(coarser), strict=True)
        )
        self.decoders = nn.ModuleList(
            stage(self.levels - up, number) for up, number in enumerate(decoder_blocks, 1)
        )
        self.tail = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, blurred: Tensor) -> Restoration:
        """Restore ``blurred``, ``(N, 3, H, W)`` in [0, 1]; any H, W >= 1.

        Returns:
            ``images``: one, of the input's size. Values may leave [0, 1] slightly.
        """
        height, width = blurred.shape[-2:]
        padded = pad_to_multiple(blurred, 2**self.levels)
        features = self.head(padded)
        skips: list[Tensor] = []
        for encoder, downsample in zip(self.encoders, self.downsamples, strict=True):
            features = encoder(features)
            skips.append(features)
            features = downsample(features)
        features = self.middle(features)
        for decoder, upsample in zip(self.decoders, self.upsamples, strict=True):
            features = decoder(upsample(features) + skips.pop())
        return Restoration((crop_to_level(padded + self.tail(features), (height, width)),))


class NAFBlock(nn.Module):
    """x + β mix(x), then that + γ feed(of that); β and γ begin as 0, and the block as the identity.

    Both begin with a layer norm, widen the channels to twice as many and gate them back. ``mix``
    looks at neighbours and, by its attention, at the whole image; ``feed`` at each pixel alone.

    Args:
        channels: of x and of the result.
        test_window: see `ChannelAttention`.

    Shape: ``(N, channels, H, W)`` -> the same.
    """

    def __init__(self, channels: int, test_window: int | None = None) -> None:
        super().__init__()
        wide = 2 * channels
        self.mix = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv2d(channels, wide, 1),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide),
            SimpleGate(),
            ChannelAttention(channels, test_window),
            nn.Conv2d(channels, channels, 1),
        )
        self.feed = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv2d(channels, wide, 1),
            SimpleGate(),
            nn.Conv2d(channels, channels, 1),
        )
        self.mix_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.feed_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mix_scale * self.mix(x)
        return x + self.feed_scale * self.feed(x)


class SimpleGate(nn.Module):
    """One half of the channels times the other: ``(N, 2C, H, W)`` -> ``(N, C, H, W)``."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        return first * second


class ChannelAttention(nn.Module):
    """SCA: each channel scaled by what the channels' means over the image suggest, no sigmoid.

    Args:
        channels: of x and of the result.
        test_window: side in pixels of x of the windows that means are taken over in evaluation;
            None takes them over the whole of x, as always in training.

    Shape: ``(N, channels, H, W)`` -> the same.
    """

    def __init__(self, channels: int, test_window: int | None = None) -> None:
        super().__init__()
        self.test_window = test_window
        self.weigh = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.training or self.test_window is None:
            return x * self.weigh(x.mean(dim=(-2, -1), keepdim=True))
        means = _window_means(_window_means(x, self.test_window, dim=-2), self.test_window, dim=-1)
        return x * self.weigh(means)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of every pixel over its channels: ``(N, C, H, W)`` -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        # In float32 at least: features grow large, and their squares larger.
        x = x.permute(0, 2, 3, 1).to(torch.promote_types(x.dtype, torch.float32))
        x = functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


def load_official(file: str | Path, test_window: int | None = 384) -> NAFNet:
    """The network with its authors' published weights (``NAFNet-GoPro-width32.pth`` and others).

    The file is read as data: no code in it is run. Width and numbers of blocks are read off it. The
    authors' repository has the MIT licence; the weights are no part of this project. A printed line
    says so.

    Args:
        file: as published.
        test_window: see `NAFNet`; 384 is what the authors test their GoPro weights with.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a file that holds anything but NAFNet's parameters, under ``params``.
    """
    path = Path(file)
    ours = {_our_name(name): value for name, value in read_state_dict(path, "params").items()}

    def blocks(part: str) -> list[int]:
        numbers = [re.match(rf"{part}\.(\d+)\.(\d+)\.mix_scale", name) for name in ours]
        pairs = [(int(match[1]), int(match[2])) for match in numbers if match]
        return [
            1 + max(block for level, block in pairs if level == number)
            for number in sorted({level for level, _ in pairs})
        ]

    middle = sum(bool(re.fullmatch(r"middle\.\d+\.mix_scale", name)) for name in ours)
    encoder, decoder = blocks("encoders"), blocks("decoders")
    if "head.weight" not in ours or len(encoder) != len(decoder):
        raise ValueError(
            f"{path}: not NAFNet's parameters; give a file that its authors published "
            "(megvii-research/NAFNet)"
        )
    model = NAFNet(len(ours["head.weight"]), encoder, middle, decoder, test_window=test_window)
    load_parameters(model, ours, path)
    print(
        f"NAFNet of width {model.width} from {path}: its authors' weights, MIT licence", flush=True
    )
    return model


def _window_means(x: Tensor, side: int, dim: int) -> Tensor:
    """Means over windows along `dim`, which stay inside of x; over all of it where it is short."""
    size = x.shape[dim]
    if side >= size:
        return x.mean(dim=dim, keepdim=True)
    windows = size - side + 1
    zero = torch.zeros_like(x.narrow(dim, 0, 1))
    sums = torch.cat([zero, x], dim=dim).cumsum(
        dim, dtype=torch.promote_types(x.dtype, torch.float32)
    )
    means = (sums.narrow(dim, side, windows) - sums.narrow(dim, 0, windows)) / side
    # The window of a pixel is centred on it; near a border, the last that fits.
    window = (torch.arange(size, device=x.device) - (size - windows) // 2).clamp(0, windows - 1)
    return means.index_select(dim, window)


# The authors' names for our modules, by the words between the dots.
_PARTS = {"intro": "head", "ending": "tail", "downs": "downsamples", "ups": "upsamples"}
_PARTS |= {"middle_blks": "middle"}
_IN_BLOCK = {
    "norm1": "mix.0",
    "conv1": "mix.1",
    "conv2": "mix.2",
    "sca.1": "mix.4.weigh",
    "conv3": "mix.5",
    "norm2": "feed.0",
    "conv4": "feed.1",
    "conv5": "feed.3",
    "beta": "mix_scale",
    "gamma": "feed_scale",
}


def _our_name(name: str) -> str:
    """What the authors call ``middle_blks.0.conv1.weight`` is ``middle.0.mix.1.weight`` here."""
    part, _, rest = name.partition(".")
    match = re.fullmatch(r"((?:\d+\.)+)(\w+|sca\.1)((?:\.(?:weight|bias))?)", rest)
    if match and match[2] in _IN_BLOCK:
        rest = f"{match[1]}{_IN_BLOCK[match[2]]}{match[3]}"
    return f"{_PARTS.get(part, part)}.{rest}"
