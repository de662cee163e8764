"""Checks of lesson 05: the U-Net."""

import re
from collections.abc import Callable, Mapping, Sequence

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
from deblurlib.models.blocks import ResidualBlock


class _PreActivationBlock(nn.Module):
    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.body(x)

    def body(self, x: Tensor) -> Tensor:
        return self.conv2(functional.relu(self.conv1(functional.relu(x))))


@exercise(
    first="make two convolutions in `__init__`, 3x3 with padding 1, and keep `scale`; then write "
    "`forward` from the inside out: ReLU, convolution, ReLU, convolution."
)
def pre_activation_block(answer: Callable[[int, float], nn.Module]) -> Stages:
    yield "it runs"
    x = torch.randn(2, 5, 7, 9)
    module, reference = answer(5, 0.5), _PreActivationBlock(5, 0.5)
    before = x.clone()
    unpadded = "Each 3x3 convolution without padding takes off a border of one pixel."
    out = _run(module, x, {5: f"x cannot be added to something smaller. {unpadded}"})

    yield "shape"
    expect_shape(out, x.shape, {(2, 5, 3, 5): unpadded})

    yield "the input stays as it was"
    expect(
        torch.equal(x, before),
        "your block changed the tensor that it was given: an in-place ReLU writes into x, and then "
        "the negative values are missing from the skip as well.",
    )

    yield "parameters"
    one = 9 * 5 * 5 + 5
    hints_of_count = {
        one: "One convolution only is registered: used twice it would share its weights.",
        2 * (one - 5): "The biases are missing: `bias=False` is not asked for.",
        0: "No convolution is registered: keep them in `self`, made in `__init__`.",
    }
    expect_parameters(module, 2 * one, hints_of_count)

    yield "values"
    copy_weights(reference, module, x)
    with torch.no_grad():
        out, body = module(x), reference.body(x)
        conv1, conv2 = reference.conv1, reference.conv2
        post = conv2(functional.relu(conv1(x)))
        mistakes = {
            "the skip is missing: the block must give x plus what it computes.": 0.5 * body,
            "the factor `scale` is missing before the sum.": x + body,
            "`scale` multiplies the sum; it belongs to the computed part alone, and x goes "
            "through untouched.": 0.5 * (x + body),
            "this is the lesson's order, convolution first. Here a ReLU comes before each "
            "convolution.": x + 0.5 * post,
            "the ReLU between the two convolutions is missing: two convolutions in a row are only "
            "one larger one.": x + 0.5 * conv2(conv1(functional.relu(x))),
            "ReLU after the sum: the skip must carry x untouched, negative values too.": (
                functional.relu(x + 0.5 * body)
            ),
            "the skip carries relu(x); it must carry x itself, as it came in.": (
                functional.relu(x) + 0.5 * body
            ),
            "there is a ReLU after the last convolution: the block could only ever add, never "
            "take away.": x + 0.5 * functional.relu(body),
        }
        expect_values(out, reference(x), mistakes)

    yield "gradient"
    expect_gradients(module, module(x))


def _run(module: nn.Module, x: Tensor, misfits: Mapping[int, str]) -> Tensor:
    """The answer's output; `misfits` say what a sum of unequal sizes means, by one of the sizes."""
    try:
        out: Tensor = module(x)
    except RuntimeError as error:
        sizes = re.findall(r"\((\d+)\)", str(error)) if "must match" in str(error) else []
        for size in sizes:
            if int(size) in misfits:
                raise Wrong(misfits[int(size)]) from error
        raise
    return out


_Sizes = Callable[[int, Sequence[nn.Module]], int]


def _size(size: int, layers: Sequence[nn.Module]) -> int:
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            k, s, p = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
            size = (size + 2 * p - k) // s + 1
        elif isinstance(layer, nn.ConvTranspose2d):
            k, s, p = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
            size = (size - 1) * s - 2 * p + k + layer.output_padding[0]
    return size


@exercise(
    first="loop over the layers; for an `nn.Conv2d` replace `size` by the formula's result, with "
    "`layer.kernel_size[0]`, `layer.stride[0]` and `layer.padding[0]`."
)
def size_after(answer: _Sizes) -> Stages:
    yield "it runs"
    found = answer(8, [nn.Conv2d(1, 1, 3)])
    expect(found is not None, "nothing came back: does your code end in `return size`?")

    yield "a whole number"
    found = answer(9, [nn.Conv2d(1, 1, 4, 2, 1)])
    expect(
        isinstance(found, int),
        f"{found!r} came back: a size is a whole number. `//` divides and rounds down.",
    )

    yield "convolution"
    for size, k, s, p in (
        (16, 5, 1, 2),
        (16, 5, 2, 2),
        (15, 5, 2, 2),
        (20, 4, 2, 1),
        (17, 7, 3, 0),
    ):
        found, right = (
            answer(size, [nn.Conv2d(1, 1, k, s, p)]),
            _size(size, [nn.Conv2d(1, 1, k, s, p)]),
        )
        reasons = {
            (size - k) // s + 1: "The padding is not counted.",
            (size + p - k) // s + 1: "Padding stands at both ends: count it twice.",
            (size + 2 * p - k) // s: "The + 1 at the end is missing: the kernel's first place "
            "counts as well.",
            -(-(size + 2 * p - k) // s) + 1: "Round down: a step that does not fit is not made.",
            (size + 2 * p - k) + 1: "The stride is not counted.",
        }
        message = f"kernel {k}, stride {s}, padding {p}: {size} becomes {right}, not {found}."
        if found != right:
            raise Wrong(f"{message} {reasons.get(found, '')}".strip())

    yield "transposed convolution"
    cases = ((8, 7, 2, 3, 0), (8, 5, 2, 2, 1), (7, 4, 2, 1, 0), (5, 3, 3, 0, 2))
    for size, k, s, p, extra in cases:
        layer = nn.ConvTranspose2d(1, 1, k, s, p, output_padding=extra)
        found, right = answer(size, [layer]), _size(size, [layer])
        reasons = {
            right - extra: "`output_padding` is to be added.",
            right + p: "Padding is taken off at both ends: count it twice.",
            right + s: "Of n stamps, the last begins at (n - 1) · stride, not at n · stride.",
            right - k: "The last stamp is as wide as the kernel: add it.",
            right + 1: "There is no + 1 in this formula: the kernel's width has it already.",
            (size + 2 * p - k) // s
            + 1: "That is the formula of a convolution; this layer goes the other way.",
        }
        message = (
            f"kernel {k}, stride {s}, padding {p}, output padding {extra}: {size} becomes {right}, "
            f"not {found}."
        )
        if found != right:
            raise Wrong(f"{message} {reasons.get(found, '')}".strip())

    yield "layers in a chain"
    down, up = nn.Conv2d(1, 1, 5, 2, 2), nn.ConvTranspose2d(1, 1, 5, 2, 2, output_padding=1)
    for layers, what in (
        ([down, nn.Conv2d(1, 1, 3, 3)], "two strided convolutions"),
        ([down, nn.ReLU(), down, up, nn.ReLU(), up], "down twice, up twice, with ReLUs between"),
    ):
        found, right = answer(50, layers), _size(50, layers)
        message = f"{what}: 50 becomes {right}, not {found}."
        if found == _size(50, layers[:1]):
            message += " The answer is returned after the first layer: `return` stands in the loop."
        elif found == _size(50, layers[-1:]):
            message += " Each layer starts from the first size again: let `size` go on changing."
        expect(found == right, message)


def _encoder(in_channels: int, out_channels: int, kernel_size: int, blocks: int) -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size),
            nn.ReLU(),
            *(ResidualBlock(out_channels) for _ in range(blocks)),
        )


@exercise(
    first="count one convolution from i to o channels, kernel k x k: each of its o outputs has "
    "k · k · i weights, and a bias."
)
def encoder_parameters(answer: Callable[[int, int, int, int], int]) -> Stages:
    yield "it runs"
    found = answer(1, 1, 3, 0)
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(not isinstance(found, Tensor | nn.Module), "a number should come back, counted by hand.")

    yield "the first convolution alone"
    i, o, k = 3, 8, 5
    found, right = answer(i, o, k, 0), k * k * i * o + o
    reasons = {
        right + 2 * (9 * o * o + o): "With `residual_blocks` = 0 there are no blocks, but yours "
        "counts one all the same.",
        k * k * i * o: "The biases are missing, one for each output channel.",
        k * i * o + o: "A kernel is as high as it is wide: square its size.",
        k * k * i * o
        + i: "There is a bias for every channel that comes out, not for every one that goes in.",
        k * k * i * o + 1: "One bias is not enough: every output channel has its own.",
        k * k * i + o: "Each of the output channels has weights of its own for all inputs.",
    }
    expect(
        found == right,
        f"a {k}x{k} convolution from {i} to {o} channels has {right:,} parameters, not {found:,}. "
        f"{reasons.get(found, '')}".strip(),
    )

    yield "with residual blocks"
    b = 3
    module = _encoder(i, o, k, b)
    found, right = answer(i, o, k, b), sum(p.numel() for p in module.parameters())
    head, block = k * k * i * o + o, 2 * (9 * o * o + o)
    reasons = {
        head + b * block // 2: "Every residual block has two convolutions.",
        head: "The residual blocks are not counted.",
        head + b * 2 * (k * k * o * o + o): "The convolutions of the blocks are 3x3, whatever "
        "`kernel_size` is.",
        head + b * 2 * (9 * i * o + o): "The blocks work on what the first convolution gives: "
        "`out_channels` go in as well.",
        head + b * 2 * 9 * o * o: "The biases of the blocks' convolutions are missing.",
    }
    expect(
        found == right,
        f"with {b} blocks there are {right:,} parameters, not {found:,}. "
        f"{reasons.get(found, '')}".strip(),
    )

    yield "SIUN's three stages"
    for numbers in ((32, 32, 5, 3), (32, 64, 5, 3), (64, 128, 5, 3)):
        right = sum(p.numel() for p in _encoder(*numbers).parameters())
        found = answer(*numbers)
        expect(found == right, f"{numbers}: {right:,} expected, {found:,} found.")


class _AnyUNet(nn.Module):
    def __init__(self, in_channels: int, width: int, depth: int) -> None:
        super().__init__()
        sizes = [width * 2**level for level in range(depth)]
        self.encoders = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, 1 if level == 0 else 2, padding=1)
            for level, (inputs, outputs) in enumerate(
                zip([in_channels, *sizes[:-1]], sizes, strict=True)
            )
        )
        self.decoders = nn.ModuleList(
            nn.ConvTranspose2d(2 * outputs, outputs, 4, 2, padding=1)
            for outputs in reversed(sizes[:-1])
        )

    def forward(self, x: Tensor, mistake: str = "") -> Tensor:
        features = []
        for encoder in self.encoders:
            x = functional.relu(encoder(x))
            features.append(x)
        features.pop()
        for decoder in self.decoders:
            skip = features.pop()
            if mistake == "no skip" or (mistake == "first only" and features):
                x = functional.relu(decoder(x))
            elif mistake == "relu after":
                x = functional.relu(skip + decoder(x))
            elif mistake == "no relu":
                x = skip + decoder(x)
            elif mistake == "product":
                x = skip * functional.relu(decoder(x))
            else:
                x = skip + functional.relu(decoder(x))
        return x


@exercise(
    first="make the encoder's convolutions in a loop over levels, in an `nn.ModuleList`: level l "
    "gives width · 2**l channels."
)
def any_unet(answer: Callable[[int, int, int], nn.Module]) -> Stages:
    yield "it runs"
    x = torch.randn(2, 3, 16, 24)
    module, reference = answer(3, 4, 3), _AnyUNet(3, 4, 3)
    misfits = {
        24: "the features at full size meet a step up to half the size. Skips come back in "
        "reverse: what was kept last is added first.",
        6: "the deepest features meet the first step up, which is larger. They are nobody's skip: "
        "the way up starts from them.",
    }
    out = _run(module, x, misfits)

    yield "shape"
    expect_shape(
        out,
        (2, 4, 16, 24),
        {
            (2, 16, 4, 6): "That is the deepest level: the way up is missing.",
            (2, 8, 8, 12): "One step up is missing: there are depth - 1 of them.",
            (2, 8, 16, 24): "The last skip is stacked upon the features. Skips are added here.",
            (2, 4, 8, 12): "The first convolution must keep the size: its stride is 1.",
        },
    )

    yield "parameters"
    count = sum(parameter.numel() for parameter in reference.parameters())
    down = sum(parameter.numel() for parameter in reference.encoders.parameters())
    hints = {
        0: "A plain list hides modules from PyTorch: use `nn.ModuleList`.",
        down: "The decoders are hidden: a plain list hides modules from PyTorch, use "
        "`nn.ModuleList`.",
        count - down: "The encoders are hidden: a plain list hides modules from PyTorch, use "
        "`nn.ModuleList`.",
        _constant_width(3, 4, 3): "The number of channels must double with every halving.",
    }
    expect_parameters(module, count, hints)

    yield "values"
    copy_weights(reference, module, x)
    with torch.no_grad():
        mistakes = {
            "the skips are forgotten: each step up must be added to the features of its size.": (
                reference(x, "no skip")
            ),
            "one skip only, at full size. Every level but the deepest has one.": (
                reference(x, "first only")
            ),
            "ReLU after the skip's sum: it belongs to the decoder alone, before the sum.": (
                reference(x, "relu after")
            ),
            "the ReLU after the transposed convolution is missing.": reference(x, "no relu"),
            "the skip is multiplied: it is to be added.": reference(x, "product"),
        }
        expect_values(module(x), reference(x), mistakes)

    yield "gradient"
    expect_gradients(module, module(x))

    yield "other depths"
    for depth in (1, 2, 4):
        module, reference = answer(3, 4, depth), _AnyUNet(3, 4, depth)
        out = module(x)
        counts = [sum(p.numel() for p in m.parameters()) for m in (module, reference)]
        expect(
            counts[0] == counts[1] and out.shape == (2, 4, 16, 24),
            f"depth {depth}: {counts[1]:,} parameters and (2, 4, 16, 24) expected, got "
            f"{counts[0]:,} and {tuple(out.shape)}. Is a number of levels written into your code?",
        )
        copy_weights(reference, module, x)
        with torch.no_grad():
            expect(
                torch.allclose(module(x), reference(x), atol=1e-4),
                f"depth {depth}: right shape, wrong values. Does each step up meet the skip of its "
                "own level?",
            )


def _constant_width(in_channels: int, width: int, depth: int) -> int:
    first = 9 * in_channels * width + width
    return first + (depth - 1) * (9 * width * width + width + 16 * width * width + width)


quiz = Quiz(
    __name__,
    Question(
        "Why does a U-Net make its features smaller on the way?",
        (
            Choice(
                "So that a pixel of the result sees far for little work",
                "A 3×3 convolution at a quarter of the size spans 9 pixels of the picture, on a "
                "sixteenth of the places.",
                right=True,
            ),
            Choice(
                "So that it has fewer parameters",
                "It has more: channels double at each halving, and most parameters lie at the "
                "smallest size.",
            ),
            Choice(
                "Because a smaller picture is sharper, so that little is left to do",
                "The smear is shorter there, but detail is gone too. The result has to be at full "
                "size.",
            ),
        ),
    ),
    Question(
        "A wire one pixel wide must stand in the right column of the result. What puts it there?",
        (
            Choice(
                "The transposed convolutions: they undo the strided ones",
                "They undo the size only. Two different columns may look the same at half the "
                "size.",
            ),
            Choice(
                "The skip at full size",
                "It carries features that were never made smaller, and the way up adds to them.",
                right=True,
            ),
            Choice(
                "The doubled channels at the smaller sizes",
                "They could hold it: four pixels fit into four channels. But they are needed for "
                "other things, and nobody tells them to.",
            ),
        ),
    ),
    Question(
        "You replace added skips by concatenated ones, and a 3×3 convolution follows each. What "
        "happens to that convolution?",
        (
            Choice(
                "Nothing: it sees pictures of the same size",
                "Same height and width, but twice the channels go into it.",
            ),
            Choice(
                "Its weights and multiply-adds double",
                "Twice the channels go in, as many come out.",
                right=True,
            ),
            Choice(
                "Its weights double, its multiply-adds stay",
                "Every weight is used once at every pixel: both double together.",
            ),
        ),
    ),
    Question(
        "A U-Net of three scales is given a picture 50 pixels wide. What does PyTorch say?",
        (
            Choice(
                "Nothing: the result is 50 wide",
                "50 becomes 25, then 13. On the way back 13 becomes 26, and 26 cannot be added to "
                "25.",
            ),
            Choice(
                "Nothing: the result is 52 wide",
                "It does not come so far: the first sum on the way up fails.",
            ),
            Choice(
                "An error where the first skip on the way up is added: 26 is not 25",
                "50, 25, 13, 26. So pad to a multiple of 4 first, and crop afterwards.",
                right=True,
            ),
        ),
    ),
    Question(
        "All weights and biases of a residual block are zero. What does it give? And with a ReLU "
        "after the sum?",
        (
            Choice(
                "Its input; with the ReLU, the input without its negative values",
                "x + 0 is x. A ReLU behind the sum cuts the skip's negative half away, in every "
                "block anew.",
                right=True,
            ),
            Choice(
                "Its input, with or without the ReLU",
                "Only where the input has no negative values. In general the ReLU takes them away.",
            ),
            Choice(
                "Zero, in both cases",
                "The convolutions give zero, but the skip adds the input to it.",
            ),
        ),
    ),
)
