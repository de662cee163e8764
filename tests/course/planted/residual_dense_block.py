"""Wrong answers of the kind that learners give, and right ones written otherwise."""

MISTAKES = {
    "convolution_widths": [
        (
            "the fusion forgotten",
            {"[*pairs, (channels + layers * growth, channels)]": "pairs"},
            "the 1×1 fusion at the end is missing",
        ),
        (
            "a plain chain",
            {"channels + k * growth": "channels if k == 0 else growth"},
            "the last output only",
        ),
        (
            "counted from 1",
            {"channels + k * growth": "channels + (k + 1) * growth"},
            "one `growth` too wide",
        ),
        (
            "x left out",
            {"channels + k * growth": "k * growth or channels"},
            "layers 2 and 3 see the other layers, but not x",
        ),
        (
            "doubled, as the toy's numbers",
            {"channels + k * growth": "channels * 2**k"},
            "the widths double",
        ),
        (
            "x has no channels",
            {"channels + k * growth": "growth + k * growth"},
            "yours takes 16 channels",
        ),
        (
            "a layer returns the stack",
            {
                "(channels + k * growth, growth)": "(channels + k * growth, channels + (k + 1) * growth)"
            },
            "a layer makes only its own `growth` channels",
        ),
        (
            "a layer keeps x's channels",
            {"(channels + k * growth, growth)": "(channels + k * growth, channels)"},
            "each dense layer makes 16 channels",
        ),
        (
            "the fusion without x",
            {"(channels + layers * growth, channels)": "(layers * growth, channels)"},
            "it takes 32 channels more",
        ),
        (
            "the fusion one layer short",
            {
                "(channels + layers * growth, channels)": "(channels + (layers - 1) * growth, channels)"
            },
            "x and three layers are",
        ),
        (
            "the fusion to growth",
            {"(channels + layers * growth, channels)": "(channels + layers * growth, growth)"},
            "it must have x's",
        ),
        (
            "32 written in",
            {"(channels + layers * growth, channels)": "(32 + layers * growth, 32)"},
            "Is a number written in",
        ),
        (
            "one number a layer",
            {"[*pairs, (channels + layers * growth, channels)]": "[pair[0] for pair in pairs]"},
            "a list of pairs",
        ),
        (
            "nothing returned",
            {
                "return [*pairs, (channels + layers * growth, channels)]": "pairs.append((channels + layers * growth, channels))"
            },
            "does your code end in",
        ),
    ],
    "scaled_dense_block": [
        (
            "no scale",
            {"0.2 * self.closing": "self.closing"},
            "the factor 0.2 before the sum is missing",
        ),
        (
            "the sum scaled",
            {
                "x + 0.2 * self.closing(torch.cat(features, dim=1))": "0.2 * (x + self.closing(torch.cat(features, dim=1)))"
            },
            "only what is added to x is to be scaled",
        ),
        ("no residual", {"return x + ": "return "}, "x is not added"),
        (
            "plain ReLU",
            {
                "functional.leaky_relu(layer(torch.cat(features, dim=1)), 0.2)": "functional.relu(layer(torch.cat(features, dim=1)))"
            },
            "that is what plain ReLU gives",
        ),
        ("the default slope", {"dim=1)), 0.2)": "dim=1)))"}, "default slope of 0.01"),
        (
            "no activation",
            {
                "functional.leaky_relu(layer(torch.cat(features, dim=1)), 0.2)": "layer(torch.cat(features, dim=1))"
            },
            "there is no activation at all",
        ),
        (
            "activation after the closing convolution",
            {
                "0.2 * self.closing(torch.cat(features, dim=1))": "0.2 * functional.leaky_relu(self.closing(torch.cat(features, dim=1)), 0.2)"
            },
            "no activation after the closing convolution",
        ),
        (
            "activation after the sum",
            {
                "return x + 0.2 * self.closing(torch.cat(features, dim=1))": "return functional.leaky_relu(x + 0.2 * self.closing(torch.cat(features, dim=1)), 0.2)"
            },
            "no activation after the sum",
        ),
        ("no bias", {"3, padding=1)": "3, padding=1, bias=False)"}, "The biases are missing"),
        (
            "a 1×1 fusion",
            {
                "channels + layers * growth, channels, 3, padding=1": "channels + layers * growth, channels, 1"
            },
            "ESRGAN's is 3×3",
        ),
        (
            "closing to growth",
            {
                "layers * growth, channels, 3": "layers * growth, growth, 3",
                "return x + 0.2 *": "return 0.2 *",
            },
            "not to `growth`",
        ),
        (
            "a plain chain",
            {
                "channels + k * growth": "growth if k else channels",
                "layer(torch.cat(features, dim=1))": "layer(features[-1])",
                "channels + layers * growth": "growth",
                "self.closing(torch.cat(features, dim=1))": "self.closing(features[-1])",
            },
            "that is a plain chain",
        ),
        (
            "chained layers",
            {
                "channels + k * growth": "growth if k else channels",
                "layer(torch.cat(features, dim=1))": "layer(features[-1])",
            },
            "Each layer sees the last output only",
        ),
        (
            "closing sees the last layer",
            {
                "channels + layers * growth": "growth",
                "self.closing(torch.cat(features, dim=1))": "self.closing(features[-1])",
            },
            "The closing convolution sees the last layer only",
        ),
        ("a plain list", {"nn.ModuleList(": "list("}, "layers in a plain list are not found"),
    ],
    "contributions": [
        (
            "widths written in",
            {"split(widths, dim=1)": "split([6, 4, 4, 4], dim=1)"},
            "the first block written into",
        ),
        (
            "pieces of growth",
            {"split(widths, dim=1)": "split(widths[-1], dim=1)"},
            "the first piece belongs to x",
        ),
        (
            "pieces of equal width",
            {"split(widths, dim=1)": "chunk(len(widths), dim=1)"},
            "a piece of 5 columns",
        ),
        ("x left out", {"torch.stack(parts)": "torch.stack(parts[1:])"}, "One source is missing"),
        (
            "the residual as a part",
            {"torch.stack(parts)": "torch.stack([*parts, x])"},
            "There is one too many",
        ),
        (
            "the residual in x's part",
            {"torch.stack(parts)": "torch.stack([x + parts[0], *parts[1:]])"},
            "the parts sum up to the block's output",
        ),
        (
            "cat",
            {"torch.stack(parts)": "torch.cat(parts)"},
            "The parts follow each other in the batch",
        ),
        (
            "cat of channels",
            {"torch.stack(parts)": "torch.cat(parts, dim=1)"},
            "The parts lie on top of each other as channels",
        ),
        (
            "stacked behind the batch",
            {"torch.stack(parts)": "torch.stack(parts, dim=1)"},
            "stack along dimension 0",
        ),
        ("summed", {"torch.stack(parts)": "sum(parts)"}, "keep the parts, don't add them up"),
        (
            "ReLU",
            {"torch.stack(parts)": "functional.relu(torch.stack(parts))"},
            "ReLU has cut the parts off",
        ),
        ("sizes", {"torch.stack(parts)": "torch.stack(parts).abs()"}, "these are the parts' sizes"),
        ("last first", {"torch.stack(parts)": "torch.stack(parts[::-1])"}, "in reverse"),
        (
            "running sums",
            {"torch.stack(parts)": "torch.stack(parts).cumsum(0)"},
            "these are running sums",
        ),
        (
            "the whole, repeated",
            {"torch.stack(parts)": "torch.stack([block(x) - x] * len(parts))"},
            "each part is the whole fusion",
        ),
        ("a mean", {"torch.stack(parts)": "torch.stack(parts) / len(parts)"}, "not their mean"),
    ],
}

VARIANTS = {
    "convolution_widths": [
        """
def convolution_widths(channels, growth, layers):
    stack, pairs = channels, []
    while len(pairs) < layers:
        pairs.append([stack, growth])
        stack += growth
    pairs.append([stack, channels])
    return tuple(pairs)
""",
        """
def convolution_widths(channels, growth, layers):
    ins = range(channels, channels + (layers + 1) * growth, growth)
    return list(zip(ins, [growth] * layers + [channels]))
""",
    ],
    "scaled_dense_block": [
        """
class ScaledDenseBlock(nn.Module):
    def __init__(self, channels, growth, layers=4):
        super().__init__()
        self.last = nn.Conv2d(channels + layers * growth, channels, kernel_size=3, padding="same")
        widths = range(channels, channels + layers * growth, growth)
        self.steps = nn.ModuleList(
            nn.Sequential(nn.Conv2d(w, growth, 3, 1, 1), nn.LeakyReLU(0.2, inplace=True))
            for w in widths
        )

    def forward(self, x):
        stack = x
        for step in self.steps:
            stack = torch.cat([stack, step(stack)], dim=1)
        return torch.add(x, self.last(stack), alpha=0.2)
""",
        """
class ScaledDenseBlock(nn.Module):
    def __init__(self, channels, growth, layers=4):
        super().__init__()
        for k in range(layers):
            setattr(self, f"conv{k}", nn.Conv2d(channels + k * growth, growth, 3, padding=1))
        self.conv_last = nn.Conv2d(channels + layers * growth, channels, 3, padding=1)
        self.count = layers

    def forward(self, x):
        seen = [x]
        for k in range(self.count):
            new = getattr(self, f"conv{k}")(torch.cat(seen, 1))
            seen.append(torch.maximum(new, 0.2 * new))
        return self.conv_last(torch.cat(seen, 1)) / 5 + x
""",
    ],
    "contributions": [
        """
def contributions(block, x):
    features = [x]
    for layer in block.layers:
        features.append(functional.relu(layer(torch.cat(features, dim=1))))
    table, start, parts = block.fusion.weight[:, :, 0, 0], 0, []
    for feature in features:
        end = start + feature.shape[1]
        parts.append(torch.einsum("oc,bchw->bohw", table[:, start:end], feature))
        start = end
    return torch.stack(parts, dim=0)
""",
        """
def contributions(block, x):
    features = [x]
    for layer in block.layers:
        features.append(functional.relu(layer(torch.cat(features, dim=1))))
    parts = []
    for k in range(len(features)):
        silent = [f if j == k else torch.zeros_like(f) for j, f in enumerate(features)]
        parts.append(block.fusion(torch.cat(silent, dim=1))[None])
    return torch.cat(parts)
""",
    ],
}
