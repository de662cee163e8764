"""Checks of lesson 06: widths, ESRGAN's block, the fusion taken apart."""

import re
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.checks import (
    Stages,
    Wrong,
    copy_weights,
    exercise,
    expect,
    expect_gradients,
    expect_parameters,
    expect_shape,
    expect_values,
)
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.models.blocks import ResidualDenseBlock

Pairs = list[tuple[int, int]]


@exercise(first="write the pair of layer 1: it sees x alone, and makes `growth` channels.")
def convolution_widths(answer: Callable[[int, int, int], Iterable[Sequence[int]]]) -> Stages:
    yield "it runs"
    found = answer(32, 16, 3)
    yield "one pair a convolution"
    pairs = _pairs(found)
    expect(
        len(pairs) != 3,
        "3 pairs for 3 layers: the dense layers are there, the 1×1 fusion at the end is missing.",
    )
    expect(len(pairs) == 4, f"3 layers and a fusion are 4 pairs; {len(pairs)} came back.")
    yield "what goes in"
    ins = [pair[0] for pair in pairs]
    expect(
        ins[:3] != [32, 16, 16],
        "each layer takes the last output only, as in a plain chain; a dense layer takes all "
        "before it.",
    )
    expect(
        ins[:3] != [48, 64, 80],
        "every layer is one `growth` too wide: layer 1 sees x alone. Count from k = 0.",
    )
    expect(
        ins[0] == 32,
        f"layer 1 sees x alone, so {32} channels go in; yours takes {ins[0]} channels.",
    )
    expect(
        ins[1:3] != [16, 32],
        "layers 2 and 3 see the other layers, but not x: its channels go into every layer.",
    )
    expect(
        ins[1:3] != [64, 128],
        "the widths double. In the toy the *numbers* double; a layer adds only `growth` channels.",
    )
    expect(
        ins[:3] == [32, 48, 64],
        f"for 32 channels and growth 16, 32, 48, 64 channels go into the layers, not {ins[:3]}.",
    )
    yield "what comes out"
    outs = [pair[1] for pair in pairs]
    expect(
        outs[:3] != ins[1:4],
        "a layer makes only its own `growth` channels; stacking them on the rest comes after it.",
    )
    expect(outs[:3] == [16, 16, 16], f"each dense layer makes 16 channels, not {outs[:3]}.")
    yield "the fusion"
    expect(
        ins[3] != 48,
        "the fusion sees the layers, but not x: it takes 32 channels more.",
    )
    expect(ins[3] == 80, f"x and three layers are 32 + 3 · 16 = 80 channels, not {ins[3]}.")
    expect(
        outs[3] != 16,
        "yours ends with `growth` channels; x is added to the fusion, so it must have x's.",
    )
    expect(outs[3] == 32, f"the fusion comes back to x's 32 channels, not to {outs[3]}.")
    yield "other sizes"
    for channels, growth, layers in ((8, 4, 6), (5, 7, 1), (64, 32, 8)):
        pairs, wanted = _pairs(answer(channels, growth, layers)), _widths(channels, growth, layers)
        expect(
            pairs == wanted,
            f"right for (32, 16, 3), not for {(channels, growth, layers)}: {wanted} expected, "
            f"{pairs} found. Is a number written in that should be an argument?",
        )


# Each miscount below gives another row of answers for these.


@exercise(first="make the dense layers in an `nn.ModuleList`; layer k takes channels + k · growth.")
def scaled_dense_block(answer: Callable[..., nn.Module]) -> Stages:
    x = torch.randn(2, 8, 9, 11)
    yield "it runs"
    module = answer(8, 4)
    out = module(x)
    yield "shape"
    expect_shape(
        out,
        (2, 8, 9, 11),
        {
            (2, 4, 9, 11): "The closing convolution comes back to `channels`, not to `growth`.",
            (2, 24, 9, 11): "That is everything stacked: the closing convolution is missing.",
            (2, 8, 7, 9): "The border is lost: pad by one pixel.",
        },
    )
    yield "parameters"
    reference = _ScaledDenseBlock(8, 4)
    closing, dense = 9 * 24 * 8, sum(9 * (8 + 4 * k) * 4 for k in range(4))
    expect_parameters(
        module,
        dense + closing + 4 * 4 + 8,
        {
            closing
            + 8: "Those are the closing convolution's alone: layers in a plain list are not "
            "found. Use `nn.ModuleList`.",
            dense + closing: "The biases are missing: ESRGAN's convolutions have them.",
            dense + 24 * 8 + 4 * 4 + 8: "Your closing convolution is 1×1; ESRGAN's is 3×3.",
            9 * (8 * 4 + 3 * 4 * 4 + 4 * 8)
            + 4 * 4
            + 8: "Nothing is stacked: that is a plain chain.",
            9 * (8 * 4 + 3 * 4 * 4 + 24 * 8) + 4 * 4 + 8: "Each layer sees the last output only.",
            9 * 4 * (8 + 4 + 8 + 12 + 16 * 2) + 24: "x goes into the first layer only.",
            dense + 9 * 4 * 8 + 4 * 4 + 8: "The closing convolution sees the last layer only.",
        },
    )
    yield "values"
    copy_weights(reference, module, x)
    with torch.no_grad():
        out = module(x)
        expect_values(
            out,
            reference(x),
            {
                "the factor 0.2 before the sum is missing.": reference(x, scale=1.0),
                "0.2 scales the sum; only what is added to x is to be scaled.": 0.2
                * reference(x, scale=1.0),
                "x is not added: the local residual is missing.": reference(x) - x,
                "that is what plain ReLU gives; here the slope below 0 is 0.2.": reference(
                    x, slope=0
                ),
                "that is LeakyReLU's default slope of 0.01; ESRGAN's is 0.2.": reference(
                    x, slope=0.01
                ),
                "there is no activation at all: each dense layer needs a leaky ReLU.": reference(
                    x, slope=1.0
                ),
                "no activation after the closing convolution: what is added must reach below 0 "
                "freely.": x + 0.2 * functional.leaky_relu((reference(x, scale=1.0) - x), 0.2),
                "no activation after the sum: x must pass as it is.": functional.leaky_relu(
                    reference(x), 0.2
                ),
            },
        )
    yield "gradient"
    expect_gradients(module, module(x))
    yield "other sizes"
    out = answer(6, 5, layers=2)(torch.randn(1, 6, 7, 7))
    expect_shape(out, (1, 6, 7, 7))
    expect_parameters(answer(6, 5, layers=2), 9 * (6 * 5 + 11 * 5 + 16 * 6) + 5 + 5 + 6)


@exercise(first="cut `block.fusion.weight` along dimension 1, one piece for each of `features`.")
def contributions(answer: Callable[[ResidualDenseBlock, Tensor], Tensor]) -> Stages:
    block = ResidualDenseBlock(6, 4, layers=3)
    x = torch.randn(2, 6, 7, 9)
    with torch.no_grad():
        features = [x]
        for layer in block.layers:
            features.append(functional.relu(layer(torch.cat(features, dim=1))))
        pieces = block.fusion.weight.split([6, 4, 4, 4], dim=1)
        parts = torch.stack(
            [functional.conv2d(*pair) for pair in zip(features, pieces, strict=True)]
        )
        yield "it runs"
        try:
            out = answer(block, x)
        except RuntimeError as error:
            weight = re.search(r"weight of size \[6, (\d+), 1, 1\]", str(error))
            if weight is None:
                raise
            expect(
                weight[1] != "4",
                "the first piece belongs to x, so it is as wide as x: 6 channels here. You cut it "
                "`growth` wide, which is 4.",
            )
            raise Wrong(
                f"a piece of {weight[1]} columns meets a feature of another width. Cut the weights "
                "as the stack was built: x has 6 channels here, and each layer 4."
            ) from None
    yield "shape"
    expect_shape(
        out,
        (4, 2, 6, 7, 9),
        {
            (3, 2, 6, 7, 9): "One source is missing. Is x among them?",
            (5, 2, 6, 7, 9): "There is one too many: the residual is not the fusion's.",
            (
                8,
                6,
                7,
                9,
            ): "The parts follow each other in the batch: `stack` them, don't `cat` them.",
            (2, 24, 7, 9): "The parts lie on top of each other as channels: `stack`, don't `cat`.",
            (2, 4, 6, 7, 9): "The sources come first: stack along dimension 0.",
            (2, 6, 7, 9): "That is one picture: keep the parts, don't add them up.",
        },
    )
    yield "sum"
    with torch.no_grad():
        fused = block(x) - x
    expect(
        not torch.allclose(out.sum(0), block(x), atol=1e-5),
        "the parts sum up to the block's output. Leave the residual x out: it never went through "
        "the fusion.",
    )
    yield "values"
    running = parts.cumsum(0)
    expect_values(
        out,
        parts,
        {
            "ReLU has cut the parts off below 0: the fusion is linear, without an activation.": (
                functional.relu(parts)
            ),
            "these are the parts' sizes, not the parts: without their signs they don't sum up.": (
                parts.abs()
            ),
            "the parts are right, but in reverse: x's comes first.": parts.flip(0),
            "these are running sums: part k is to hold source k alone.": running,
            "each part is the whole fusion: all but one source must be left out.": (
                fused.expand_as(parts)
            ),
            "each part is divided by the number of sources: their *sum* is to give what the fusion "
            "adds, not their mean.": parts / 4,
        },
    )
    yield "other sizes"
    other, picture = ResidualDenseBlock(5, 3, layers=2), torch.randn(1, 5, 4, 4)
    with torch.no_grad():
        try:
            out = answer(other, picture)
        except (RuntimeError, ValueError) as error:
            raise Wrong(
                "a block of 5 channels, growth 3 and two layers stops it: are the widths of the "
                "first block written into your code? Take them from the features."
            ) from error
        expect(
            torch.allclose(out.sum(0) + picture, other(picture), atol=1e-5),
            "for a block of 5 channels, growth 3 and two layers the parts don't sum up.",
        )


def _pairs(found: Iterable[Sequence[int]]) -> Pairs:
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, list | tuple) and all(isinstance(p, list | tuple) for p in found),
        f"a list of pairs (channels in, channels out) should come back, not {found!r}.",
    )
    pairs = [tuple(pair) for pair in found]
    expect(all(len(pair) == 2 for pair in pairs), "each pair is (channels in, channels out).")
    return pairs  # type: ignore[return-value]


def _widths(channels: int, growth: int, layers: int) -> Pairs:
    dense = [(channels + k * growth, growth) for k in range(layers)]
    return [*dense, (channels + layers * growth, channels)]


class _ScaledDenseBlock(nn.Module):
    def __init__(self, channels: int, growth: int, layers: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + k * growth, growth, 3, padding=1) for k in range(layers)
        )
        self.closing = nn.Conv2d(channels + layers * growth, channels, 3, padding=1)

    def forward(self, x: Tensor, slope: float = 0.2, scale: float = 0.2) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(functional.leaky_relu(layer(torch.cat(features, dim=1)), slope))
        return x + scale * self.closing(torch.cat(features, dim=1))


quiz = Quiz(
    __name__,
    Question(
        "A block has 32 channels, growth 32 and 6 layers. How many channels go into layer 6?",
        (
            Choice("32", "That is a plain chain. A dense layer takes everything before it."),
            Choice(
                "192",
                "x and *five* layers lie before layer 6: 32 + 5 · 32.",
                right=True,
            ),
            Choice("224", "That goes into the fusion: x and all six layers."),
            Choice("1024", "The toy's numbers double; the widths grow by 32 a layer, and no more."),
        ),
    ),
    Question(
        "You double the growth rate. What happens to the receptive field?",
        (
            Choice("It doubles.", "The growth rate is a number of channels. No pixel is added."),
            Choice(
                "Nothing.",
                "Only the number of 3×3 layers in a row counts: 1 + 2 · layers.",
                right=True,
            ),
            Choice(
                "It grows by 2.",
                "That is what one more *layer* does: one pixel on each side.",
            ),
        ),
    ),
    Question(
        "Your block loads the trained weights without a complaint, but the pictures are worse. "
        "Which slip fits?",
        (
            Choice(
                "Each layer gets the last output only.",
                "The layers would have other shapes, and loading would fail.",
            ),
            Choice(
                "x is left out of the concatenation.",
                "Then every layer is narrower, and loading would fail.",
            ),
            Choice(
                "x is not added at the end.",
                "A sum has no parameters, so nothing notices that it is missing. Only values do.",
                right=True,
            ),
        ),
    ),
    Question(
        "What do Zhang et al. call the contiguous memory mechanism?",
        (
            Choice(
                "Writing all features into one buffer",
                "That is a matter of the machine. It changes no value, and is not what they mean.",
            ),
            Choice(
                "The output of one block goes into every layer of the next",
                "It does, as x in each concatenation: the block's state is remembered.",
                right=True,
            ),
            Choice(
                "Features are kept from one picture to the next",
                "Nothing is kept between pictures: a block is a plain function of its input.",
            ),
        ),
    ),
    Question(
        "The fusion's weights for one layer are as large as for the others. Is it used as much?",
        (
            Choice(
                "Yes: the weights say how much the fusion listens.",
                "Listening is one half. A feature that is 0 everywhere adds nothing.",
            ),
            Choice(
                "Not necessarily: what counts is weight times feature.",
                "The trained blocks show it: weights alike, and features of very unequal strength.",
                right=True,
            ),
            Choice(
                "No: the fusion uses the last layer only.",
                "It has weights for x and for every layer.",
            ),
        ),
    ),
)
