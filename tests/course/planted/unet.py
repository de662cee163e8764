"""Wrong answers of the kind that learners give, and right ones written otherwise."""

MISTAKES = {
    "pre_activation_block": [
        ("skip forgotten", {"return x + self.scale": "return self.scale"}, "the skip is missing"),
        ("scale forgotten", {"x + self.scale * out": "x + out"}, "the factor `scale` is missing"),
        (
            "the sum is scaled",
            {"x + self.scale * out": "self.scale * (x + out)"},
            "belongs to the computed part alone",
        ),
        (
            "the lesson's order",
            {
                "out = self.conv1(functional.relu(x))": "out = self.conv1(x)",
            },
            "this is the lesson's order",
        ),
        (
            "no ReLU between",
            {"self.conv2(functional.relu(out))": "self.conv2(out)"},
            "ReLU between the two convolutions is missing",
        ),
        (
            "ReLU after the sum",
            {"return x + self.scale * out": "return functional.relu(x + self.scale * out)"},
            "ReLU after the sum",
        ),
        (
            "ReLU at the end of the body",
            {"self.scale * out": "self.scale * functional.relu(out)"},
            "ReLU after the last convolution",
        ),
        (
            "skip from behind the ReLU",
            {"return x + self.scale": "return functional.relu(x) + self.scale"},
            "the skip carries relu(x)",
        ),
        (
            "in place",
            {"functional.relu(x)": "functional.relu(x, inplace=True)"},
            "changed the tensor that it was given",
        ),
        ("no padding", {"3, padding=1": "3"}, "takes off a border"),
        (
            "the same convolution twice",
            {
                "out = self.conv2": "out = self.conv1",
                "        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)\n": "",
            },
            "One convolution only is registered",
        ),
    ],
    "size_after": [
        ("no padding", {"size + 2 * padding - kernel": "size - kernel"}, "padding is not counted"),
        (
            "padding once",
            {"size + 2 * padding - kernel": "size + padding - kernel"},
            "Padding stands at both ends",
        ),
        ("no + 1", {"// stride + 1": "// stride"}, "The + 1 at the end is missing"),
        ("a float", {"// stride + 1": "/ stride + 1"}, "a size is a whole number"),
        (
            "rounded up",
            {
                "(size + 2 * padding - kernel) // stride": "-(-(size + 2 * padding - kernel) // stride)"
            },
            "a step that does not fit",
        ),
        (
            "no output padding",
            {" + layer.output_padding[0]": ""},
            "`output_padding` is to be added",
        ),
        ("no kernel", {" + kernel + layer": " + layer"}, "The last stamp is as wide"),
        ("n stamps", {"(size - 1) * stride": "size * stride"}, "not at n · stride"),
        (
            "padding taken off once",
            {"stride - 2 * padding": "stride - padding"},
            "taken off at both ends",
        ),
        (
            "one formula for both",
            {
                "size = (size - 1) * stride - 2 * padding + kernel + layer.output_padding[0]": (
                    "size = (size + 2 * padding - kernel) // stride + 1"
                )
            },
            "the formula of a convolution",
        ),
        (
            "return in the loop",
            {"\n    return size": "\n        return size"},
            "`return` stands in the loop",
        ),
        (
            "every layer from the first size",
            {
                "    for layer in layers:": "    first = size\n    for layer in layers:\n        size = first",
            },
            "starts from the first size again",
        ),
    ],
    "encoder_parameters": [
        (
            "no biases",
            {"in_channels * out_channels + out_channels": "in_channels * out_channels"},
            "one for each output channel",
        ),
        ("kernel not squared", {"kernel_size**2": "kernel_size"}, "square its size"),
        (
            "biases of the inputs",
            {
                "in_channels * out_channels + out_channels": "in_channels * out_channels + in_channels"
            },
            "not for every one that goes in",
        ),
        (
            "one bias",
            {"in_channels * out_channels + out_channels": "in_channels * out_channels + 1"},
            "One bias is not enough",
        ),
        (
            "one convolution a block",
            {"residual_blocks * 2 *": "residual_blocks *"},
            "has two convolutions",
        ),
        ("one block", {"residual_blocks * 2 *": "2 *"}, "yours counts one all the same"),
        ("blocks forgotten", {" + residual_blocks * 2 * inner": ""}, "blocks are not counted"),
        (
            "the large kernel in the blocks",
            {"3**2": "kernel_size**2"},
            "whatever `kernel_size` is",
        ),
        (
            "blocks from the input's channels",
            {"3**2 * out_channels": "3**2 * in_channels"},
            "The blocks work on what",
        ),
        (
            "no biases in the blocks",
            {"out_channels * out_channels + out_channels": "out_channels * out_channels"},
            "biases of the blocks' convolutions",
        ),
    ],
    "any_unet": [
        (
            "no skips",
            {"skip + functional.relu": "functional.relu"},
            "the skips are forgotten",
        ),
        (
            "ReLU after the sum",
            {"skip + functional.relu(up(x))": "functional.relu(skip + up(x))"},
            "ReLU after the skip's sum",
        ),
        (
            "no ReLU on the way up",
            {"skip + functional.relu(up(x))": "skip + up(x)"},
            "ReLU after the transposed convolution is missing",
        ),
        (
            "skips multiplied",
            {"skip + functional": "skip * functional"},
            "the skip is multiplied",
        ),
        (
            "decoders in a plain list",
            {"self.decoders = nn.ModuleList(decoders)": "self.decoders = decoders"},
            "The decoders are hidden",
        ),
        (
            "encoders in a plain list",
            {"self.encoders = nn.ModuleList(encoders)": "self.encoders = encoders"},
            "The encoders are hidden",
        ),
        (
            "skips in the order in which they were made",
            {"features.pop()\n            x = skip": "features.pop(0)\n            x = skip"},
            "what was kept last is added first",
        ),
        (
            "the deepest features are their own skip",
            {"        features.pop()  # the deepest has no skip\n": ""},
            "They are nobody's skip",
        ),
        (
            "channels do not double",
            {"width * 2**level": "width"},
            "must double with every halving",
        ),
        (
            "the first stage halves too",
            {"1 if level == 0 else 2": "2"},
            "The first convolution must keep the size",
        ),
        (
            "three levels for every depth",
            {"range(depth)": "range(3)", "range(depth - 1)": "range(2)"},
            "Is a number of levels written",
        ),
    ],
}

VARIANTS = {
    "pre_activation_block": [
        """class PreActivationBlock(nn.Module):
    def __init__(self, channels, scale):
        super().__init__()
        self.scale = scale
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding="same"),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding="same"),
        )

    def forward(self, x):
        return self.body(x).mul(self.scale).add(x)
""",
        """class PreActivationBlock(nn.Module):
    def __init__(self, channels, scale):
        super().__init__()
        self.last = nn.Conv2d(channels, channels, 3, 1, 1)
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.register_buffer("factor", torch.tensor(scale))

    def forward(self, x):
        hidden = self.first(x.clamp(min=0))
        return torch.lerp(x, x + self.last(hidden.clamp(min=0)), self.factor)
""",
    ],
    "size_after": [
        """def size_after(size, layers):
    import math

    for layer in layers:
        if isinstance(layer, nn.ConvTranspose2d):
            stamps = (size - 1) * layer.stride[0] + layer.kernel_size[0]
            size = stamps + layer.output_padding[0] - 2 * layer.padding[0]
        elif isinstance(layer, nn.Conv2d):
            room = size + 2 * layer.padding[0] - (layer.kernel_size[0] - 1)
            size = math.ceil(room / layer.stride[0])
    return size
""",
        """def size_after(size, layers):
    row = torch.zeros(1, 1, size, size)
    for layer in layers:
        row = layer(row)
    return row.shape[-1]
""",
    ],
    "encoder_parameters": [
        """def encoder_parameters(in_channels, out_channels, kernel_size, residual_blocks):
    def convolution(i, o, k):
        return o * (k * k * i + 1)

    first = convolution(in_channels, out_channels, kernel_size)
    return first + sum(2 * convolution(out_channels, out_channels, 3) for _ in range(residual_blocks))
""",
        """def encoder_parameters(in_channels, out_channels, kernel_size, residual_blocks):
    total = torch.tensor([kernel_size, kernel_size, in_channels, out_channels]).prod().item()
    return total + out_channels + residual_blocks * out_channels * (18 * out_channels + 2)
""",
    ],
    "any_unet": [
        """class AnyUNet(nn.Module):
    def __init__(self, in_channels, width, depth):
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, 1 if width else 2, padding=1), nn.ReLU()
        )
        self.inner = Level(width, depth - 1) if depth > 1 else nn.Identity()

    def forward(self, x):
        return self.inner(self.down(x))


class Level(nn.Module):
    def __init__(self, channels, levels):
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1)
        self.down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.inner = Level(2 * channels, levels - 1) if levels > 1 else nn.Identity()

    def forward(self, x):
        below = self.inner(self.down(x).relu())
        return x + self.up(below).relu()
""",
        """class AnyUNet(nn.Module):
    def __init__(self, in_channels, width, depth):
        super().__init__()
        self.depth = depth
        for level in range(depth - 1):
            c = width << level
            setattr(self, f"up{level}", nn.ConvTranspose2d(2 * c, c, 4, 2, 1))
        for level in range(depth):
            before = width << (level - 1) if level else in_channels
            convolution = nn.Conv2d(before, width << level, 3, 2 if level else 1, 1)
            setattr(self, f"down{level}", convolution)

    def forward(self, x):
        kept = {}
        for level in range(self.depth):
            x = kept[level] = getattr(self, f"down{level}")(x).clamp(min=0)
        for level in range(self.depth - 2, -1, -1):
            x = kept[level] + getattr(self, f"up{level}")(x).clamp(min=0)
        return x
""",
    ],
}
