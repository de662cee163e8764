"""A small network's weights as the beginning of a larger one's, so that nothing learnt is lost.

A step of a small network is cheap, and learns the beginnings; the large one goes on from there.
After T. Chen, I. Goodfellow and J. Shlens, "Net2Net: accelerating learning via knowledge transfer"
(ICLR 2016), but for what is new: their new channels are copies, ours are random, and nothing
listens to them yet. So no two are alike, and none needs noise to part them.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

import torch
from torch import Tensor, nn

from deblurlib.models.blocks import DilatedRecursiveBlock, ResidualBlock, ResidualDenseBlock
from deblurlib.models.sung import SUNG, DeblurringPath

Convolution = nn.Conv2d | nn.ConvTranspose2d


@torch.no_grad()
def enlarge(small: nn.Module, large: nn.Module) -> None:
    """Give `large` the function of `small`, a network of the same class but for its sizes.

    Wider layers, larger kernels, more residual blocks, more layers in a residual dense block: the
    first channels compute what they did. What is new keeps the random weights that `large` came
    with, and whoever sees it begins with zeros there: the first step of a training changes them.

    Args:
        small: the trained network.
        large: one that is as large or larger in everything. It is changed.

    Raises:
        ValueError: where the one cannot become the other.
    """
    refusal = ValueError(
        f"{type(large).__name__}: cannot go on from what this {type(small).__name__} has learnt: "
        "both must be of one class and equal but for their sizes, none of which may shrink"
    )
    channels = _channels_side_by_side(small) | _channels_side_by_side(large)
    try:
        for old, new in _matched(small, large):
            if isinstance(old, Convolution) and isinstance(new, Convolution):
                small_inputs, large_inputs = (channels.get(c, (c.in_channels,)) for c in (old, new))
                _enlarge(old, new, _places(small_inputs, large_inputs))
            elif isinstance(new, ResidualBlock) and old is None:
                for parameter in new.body[-1].parameters():  # it adds nothing
                    nn.init.zeros_(parameter)
    except (RuntimeError, IndexError, AttributeError) as error:
        raise refusal from error
    # Not all that decides a network's function is a weight: recursions, say, or what M sees.
    modes = small.training, large.training
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before, after = small.eval()(image).image, large.eval()(image).image
    small.train(modes[0])
    large.train(modes[1])
    if not torch.allclose(before, after, atol=1e-3):
        raise refusal


def _matched(small: nn.Module, large: nn.Module) -> Iterator[tuple[nn.Module | None, nn.Module]]:
    """The parts of `large` with those of `small`; None for what is new.

    In a run of parts of one type, the new ones stand last.
    """
    small_runs, large_runs = (
        [list(run) for _, run in groupby(network.children(), type)] for network in (small, large)
    )
    nothing: list[nn.Module] = []
    for olds, news in zip_longest(small_runs, large_runs, fillvalue=nothing):
        for old, new in zip_longest(olds, news):
            yield old, new
            if old is not None:
                yield from _matched(old, new)


def _channels_side_by_side(network: nn.Module) -> dict[nn.Module, tuple[int, ...]]:
    """Convolutions that see several tensors concatenated, with the channels of each of them."""
    channels: dict[nn.Module, tuple[int, ...]] = {}
    for module in network.modules():
        if isinstance(module, ResidualDenseBlock):
            width = module.fusion.out_channels
            growth = (module.fusion.in_channels - width) // len(module.layers)
            for k, layer in enumerate([*module.layers, module.fusion]):
                channels[layer] = (width, *[growth] * k)
        elif isinstance(module, DilatedRecursiveBlock):
            channels[module.fusion] = (module.fusion.out_channels,) * len(module.dilated)
        elif isinstance(module, DeblurringPath):
            channels[module.fusion[0]] = (module.head.out_channels,) * len(module.dense_blocks)
        elif isinstance(module, SUNG):  # F, and then G and B, which never change their number
            modules = module.restoration_module.modules()
            first = next(part for part in modules if isinstance(part, nn.Conv2d))
            width = module.deblurring_path.head.out_channels
            channels[first] = (width, first.in_channels - width)
    return channels


def _places(small: Sequence[int], large: Sequence[int]) -> Tensor:
    """Where the input channels of a small convolution lie among those of the large one."""
    before = [sum(large[:number]) for number in range(len(small))]
    places = [torch.arange(width) + first for width, first in zip(small, before, strict=True)]
    return torch.cat(places)


def _enlarge(old: Convolution, new: Convolution, places: Tensor) -> None:
    """One convolution: its first outputs are the old ones, and see the old inputs alone."""
    # A transposed convolution has its inputs first.
    transposed = isinstance(new, nn.ConvTranspose2d)
    before, after = (c.weight.transpose(0, 1) if transposed else c.weight for c in (old, new))
    outputs, size = before.shape[0], before.shape[-1]
    margin = (after.shape[-1] - size) // 2
    after[:outputs] = 0
    middle = slice(margin, margin + size)
    after[:outputs][:, places, middle, middle] = before
    if old.bias is not None and new.bias is not None:
        new.bias[:outputs] = old.bias
