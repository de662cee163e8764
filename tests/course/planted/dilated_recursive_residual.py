"""Wrong answers of the kind that learners give, and right ones written otherwise."""

MISTAKES = {
    "receptive_field": [
        (
            "always a cascade",
            {'sum(dilations) if arrangement == "cascaded" else max(dilations)': "sum(dilations)"},
            "side by side the largest counts",
        ),
        (
            "never a cascade",
            {'sum(dilations) if arrangement == "cascaded" else max(dilations)': "max(dilations)"},
            "one after the other, reaches add up",
        ),
        ("one side", {"1 + 2 * reach": "1 + reach"}, "you count one side only"),
        ("no middle", {"1 + 2 * reach": "2 * reach"}, "the pixel in the middle is missing"),
        ("the reach itself", {"1 + 2 * reach": "reach"}, "that is the reach to one side"),
        (
            "sides added up",
            {
                "recursions * total": "total",
                "1 + 2 * reach": "recursions * (1 + 2 * reach)",
            },
            "add up reaches, not sides",
        ),
        ("one recursion", {"recursions * total": "total"}, "that is one recursion"),
        ("the last dilation", {"max(dilations)": "dilations[-1]"}, "you took the last dilation"),
        ("the first dilation", {"max(dilations)": "dilations[0]"}, "you took the first dilation"),
        (
            "all taps to each side",
            {"(kernel_size // 2)": "kernel_size"},
            "you reach `kernel_size` times the dilation",
        ),
        (
            "all but the middle to each side",
            {"(kernel_size // 2)": "(kernel_size - 1)"},
            "counts the taps on *both* sides",
        ),
        (
            "the fusion counted",
            {"recursions * total *": "recursions * (total + 1) *"},
            "the 1×1 convolution sees no neighbours",
        ),
        ("always three taps", {" * (kernel_size // 2)": ""}, "`kernel_size` makes no difference"),
        (
            "half of what three taps leave",
            {"(kernel_size // 2)": "(kernel_size - 2)"},
            "*two* on each side; you count three",
        ),
        (
            "recursions of a parallel block only",
            {
                "recursions * total": 'total * (1 if arrangement == "cascaded" else recursions)',
            },
            "here your recursions are lost",
        ),
        (
            "nothing returned",
            {"return 1 + 2 * reach": "reach = 1 + 2 * reach"},
            "does your code end in",
        ),
        (
            "a float",
            {"(kernel_size // 2)": "(kernel_size - 1) / 2"},
            "is a float, and `-> int` promises",
        ),
        ("a list", {"return 1 + 2 * reach": "return [1 + 2 * reach]"}, "a whole number"),
    ],
    "dilated_convolution": [
        (
            "PyTorch's own",
            {"return out": "return functional.conv2d(padded, weight, dilation=dilation)"},
            "is PyTorch's",
        ),
        (
            "padded by one",
            {"(dilation, dilation, dilation, dilation)": "(1, 1, 1, 1)"},
            "runs over",
        ),
        (
            "the shrunk size",
            {
                "padded = functional.pad(x, (dilation, dilation, dilation, dilation))": "padded = x; height, width = height - 2 * dilation, width - 2 * dilation"
            },
            "The border is lost",
        ),
        (
            "padded by one, and shrunk",
            {
                "(dilation, dilation, dilation, dilation))": "(1, 1, 1, 1)); height, width = height + 2 - 2 * dilation, width + 2 - 2 * dilation"
            },
            "A pixel too little",
        ),
        (
            "channels not mixed",
            {
                'torch.einsum("oi,bihw->bohw", weight[:, :, a, b], tap)': "weight[0, :, a, b].view(1, -1, 1, 1) * tap"
            },
            "each channel out is a sum",
        ),
        (
            "channels kept apart",
            {'"oi,bihw->bohw"': '"oi,bihw->boihw"'},
            "still apart",
        ),
        (
            "no dilation",
            {
                "a * dilation, b * dilation": "a + dilation - 1, b + dilation - 1",
            },
            "The dilation makes no difference".lower(),
        ),
        (
            "dilation pixels left out",
            {
                "(dilation, dilation, dilation, dilation)": "[dilation + 1] * 4",
                "a * dilation, b * dilation": "a * (dilation + 1), b * (dilation + 1)",
            },
            "your taps lie 3 apart",
        ),
        (
            "a true convolution",
            {"weight[:, :, a, b]": "weight[:, :, 2 - a, 2 - b]"},
            "turned by 180°",
        ),
        (
            "x and y exchanged",
            {"weight[:, :, a, b]": "weight[:, :, b, a]"},
            "rows and columns of the kernel",
        ),
        (
            "the border repeated",
            {"dilation, dilation))": 'dilation, dilation), "replicate")'},
            "you repeat its border",
        ),
        (
            "the border mirrored",
            {"dilation, dilation))": 'dilation, dilation), "reflect")'},
            "you mirror it",
        ),
        (
            "rolled",
            {
                "padded[..., top : top + height, left : left + width]": "x.roll((dilation - top, dilation - left), (2, 3))"
            },
            "go on at its other side",
        ),
        (
            "padded left and above",
            {"(dilation, dilation, dilation, dilation)": "(2 * dilation, 0, 2 * dilation, 0)"},
            "moved down and to the right",
        ),
        (
            "padded right and below",
            {"(dilation, dilation, dilation, dilation)": "(0, 2 * dilation, 0, 2 * dilation)"},
            "moved up and to the left",
        ),
        ("only the last tap", {"out = out + torch": "out = torch"}, "only the last tap is left"),
        ("a mean of taps", {"return out": "return out / 9"}, "the mean of the nine taps"),
        (
            "a mean of channels",
            {"return out": "return out / x.shape[1]"},
            "the mean over the channels",
        ),
        (
            "the gradient cut",
            {"return out": "return out.detach()"},
            "the weights get no gradient",
        ),
        (
            "2 written in",
            {"a * dilation, b * dilation": "a * 2, b * 2"},
            "Is a number written in",
        ),
    ],
    "recursive_block": [
        ("x added", {"h = start + ": "h = x + "}, "you add x; DRRN adds H_0"),
        ("h added", {"h = start + ": "h = h + "}, "you add the h before"),
        ("nothing added", {"h = start + ": "h = "}, "nothing is added"),
        (
            "added at the end",
            {"h = start + ": "h = ", "return h": "return start + h"},
            "H_0 is added only at the end",
        ),
        (
            "added at the end as well",
            {"return h": "return start + h"},
            "and once more at the end",
        ),
        ("x added at the end", {"return h": "return x + h"}, "x is added at the end as well"),
        (
            "ReLU in place, which changes H_0",
            {"functional.relu(h)": "functional.relu_(h)"},
            "changes H_0, which you still need",
        ),
        (
            "a loop of three",
            {"range(self.recursions)": "range(3)"},
            "your loop runs 3 times whatever `recursions` is",
        ),
        (
            "W_1 in the place of W_2",
            {"self.third(": "self.second("},
            "you make three convolutions and use two",
        ),
        (
            "dilated",
            {"3, padding=1)": "3, padding=2, dilation=2)"},
            "DRRN's convolutions have dilation 1, yours has 2",
        ),
        ("begins with x", {"h = start\n": "h = x\n"}, "the first recursion begins with x"),
        (
            "no activation",
            {"functional.relu(h)": "h", "functional.relu(inner)": "inner"},
            "there is no activation at all",
        ),
        ("the first ReLU missing", {"functional.relu(h)": "h"}, "the first ReLU is missing"),
        (
            "the second ReLU missing",
            {"functional.relu(inner)": "inner"},
            "the second ReLU is missing",
        ),
        (
            "leaky",
            {
                "functional.relu(h)": "functional.leaky_relu(h, 0.2)",
                "functional.relu(inner)": "functional.leaky_relu(inner, 0.2)",
            },
            "a leaky ReLU of slope 0.2",
        ),
        (
            "ReLU after the convolutions",
            {
                "self.second(functional.relu(h))": "functional.relu(self.second(h))",
                "self.third(functional.relu(inner))": "functional.relu(self.third(inner))",
            },
            "your ReLUs come *after*",
        ),
        (
            "ReLU after the sum",
            {
                "start + self.third(functional.relu(inner))": "functional.relu(start + self.third(functional.relu(inner)))"
            },
            "no activation after the sum",
        ),
        (
            "fresh weights",
            {
                "self.second = nn.Conv2d(channels, channels, 3, padding=1)": "self.seconds = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(recursions))",
                "self.third = nn.Conv2d(channels, channels, 3, padding=1)": "self.thirds = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(recursions))",
                "for _ in": "for t in",
                "self.second(": "self.seconds[t](",
                "self.third(": "self.thirds[t](",
            },
            "Every recursion has weights of its own",
        ),
        (
            "no first convolution",
            {
                "        self.first = nn.Conv2d(channels, channels, 3, padding=1)\n": "",
                "self.first(x)": "x",
            },
            "W_0, is missing",
        ),
        (
            "one convolution for two",
            {
                "        self.third = nn.Conv2d(channels, channels, 3, padding=1)\n": "",
                "self.third(": "self.second(",
            },
            "One convolution stands in two places",
        ),
        (
            "made in forward",
            {
                "        self.third = nn.Conv2d(channels, channels, 3, padding=1)\n": "",
                "        self.second = nn.Conv2d(channels, channels, 3, padding=1)\n": "",
                "start = self.first(x)": "start = self.first(x); c = x.shape[1]",
                "self.second(": "nn.Conv2d(c, c, 3, padding=1)(",
                "self.third(": "nn.Conv2d(c, c, 3, padding=1)(",
            },
            "or made in `forward`, are not found",
        ),
        ("no bias", {"3, padding=1)": "3, padding=1, bias=False)"}, "The biases are missing"),
        ("no padding", {"3, padding=1)": "3)"}, "what is added has another size"),
        (
            "no padding, and nothing added",
            {"3, padding=1)": "3)", "start + ": ""},
            "The border is lost",
        ),
        (
            "one recursion too few",
            {"range(self.recursions)": "range(1, self.recursions)"},
            "your loop runs twice",
        ),
        (
            "one recursion too many",
            {"range(self.recursions)": "range(self.recursions + 1)"},
            "your loop runs four times",
        ),
        ("no loop", {"range(self.recursions)": "range(1)"}, "the loop over recursions is missing"),
    ],
    "count_paths": [
        ("x not added at all", {"h = x + total": "h = total"}, "x itself is not added"),
        (
            "a map",
            {"return h[0, 0]": "return (h[0, 0] > 0).double()"},
            "that is a map of 0 and 1",
        ),
        (
            "x for each dilation",
            {"total = total + feature": "total = total + feature + x * (d > 1)"},
            "x is added once for each dilation",
        ),
        (
            "the last convolution only",
            {"total = total + feature": "total = feature"},
            "the fusion sees the last convolution only",
        ),
        (
            "always cascaded",
            {'if arrangement == "cascaded":': "if True:"},
            "here each sees the one before",
        ),
        (
            "the last one of a cascade, always",
            {
                'if arrangement == "cascaded":': "if True:",
                "total = total + feature": "total = feature",
            },
            "and the fusion only the last",
        ),
        ("shares", {"return h[0, 0]": "return h[0, 0] / h.sum()"}, "a share of all paths"),
        ("four dimensions", {"return h[0, 0]": "return h"}, "return the one, `[0, 0]`"),
        (
            "one side",
            {
                "1 + 2 * reach, 1 + 2 * reach": "1 + reach, 1 + reach",
                "reach, reach] = 1": "reach // 2, reach // 2] = 1",
            },
            "both sides count",
        ),
        ("h added", {"h = x + total": "h = h + total"}, "you add h, as a chain"),
        (
            "x at the end",
            {"h = x + total": "h = total", "return h[0, 0]": "return (h + x)[0, 0]"},
            "x is added only at the end",
        ),
        (
            "x always",
            {"seen, total = h,": "seen, total = x,"},
            "each of your recursions begins with x again",
        ),
        (
            "never cascaded",
            {'if arrangement == "cascaded":': "if False:"},
            "`arrangement` makes no difference",
        ),
        (
            "cascaded, the last only",
            {
                "total = total + feature": 'total = feature if arrangement == "cascaded" else total + feature'
            },
            "your fusion sees the last convolution only: it sees all",
        ),
        (
            "the cascade goes on",
            {
                "    h = x\n": "    h = seen = x\n",
                "seen, total = h, torch.zeros_like(x)": 'total = torch.zeros_like(x); seen = seen if arrangement == "cascaded" else h',
            },
            "the second recursion goes on from the last convolution",
        ),
        (
            "dense",
            {"seen = feature": "seen = h + total"},
            "yours sees h and all features before",
        ),
        (
            "the running sum",
            {"seen = feature": "seen = total"},
            "sees the last feature, not the sum",
        ),
        (
            "the 1 in the corner",
            {"reach, reach] = 1": "0, 0] = 1"},
            "your 1 stands in the corner",
        ),
        (
            "h begins at 0",
            {"    h = x\n": "    h = torch.zeros_like(x)\n"},
            "h begins as x, not at 0",
        ),
        (
            "dilations written in",
            {"for d in dilations": "for d in (1, 2)"},
            "you use dilations 1 and 2 only",
        ),
        (
            "dilations put in order",
            {"for d in dilations": "for d in sorted(set(dilations))[:3]"},
            "or their order changed",
        ),
    ],
}

VARIANTS = {
    "receptive_field": [
        """
def receptive_field(dilations, recursions, arrangement, kernel_size=3):
    side = 1
    for _ in range(recursions):
        if arrangement == "parallel":
            side += (kernel_size - 1) * max(dilations)
        else:
            for d in dilations:
                side += (kernel_size - 1) * d
    return side
""",
        """
def receptive_field(dilations, recursions, arrangement, kernel_size=3):
    combine = {"parallel": max, "cascaded": sum}[arrangement]
    return recursions * combine(dilations) * (kernel_size - 1) + 1
""",
    ],
    "dilated_convolution": [
        """
def dilated_convolution(x, weight, dilation):
    # zeros between the taps of an ordinary convolution
    side = 2 * dilation + 1
    large = torch.zeros(*weight.shape[:2], side, side)
    large[:, :, ::dilation, ::dilation] = weight
    return functional.conv2d(x, large, padding=dilation)
""",
        """
def dilated_convolution(x, weight, dilation):
    b, c, h, w = x.shape
    padded = torch.zeros(b, c, h + 2 * dilation, w + 2 * dilation)
    padded[..., dilation:-dilation, dilation:-dilation] = x
    taps = [
        padded[..., i : i + h, j : j + w]
        for i in (0, dilation, 2 * dilation)
        for j in (0, dilation, 2 * dilation)
    ]
    return torch.einsum("oit,tbihw->bohw", weight.flatten(2), torch.stack(taps))
""",
        """
def dilated_convolution(x, weight, dilation):
    # an ordinary convolution of each of the small pictures
    h, w = x.shape[-2:]
    out = torch.zeros(len(x), len(weight), h, w)
    for i in range(min(dilation, h)):
        for j in range(min(dilation, w)):
            small = x[..., i::dilation, j::dilation]
            out[..., i::dilation, j::dilation] = nn.functional.conv2d(small, weight, padding="same")
    return out
""",
    ],
    "recursive_block": [
        """
class RecursiveBlock(nn.Module):
    def __init__(self, channels, recursions):
        super().__init__()
        conv = lambda: nn.Conv2d(channels, channels, kernel_size=3, padding="same")
        self.unit = nn.Sequential(nn.ReLU(), conv(), nn.ReLU(), conv())
        self.start = conv()
        self.steps = recursions

    def forward(self, x):
        h0 = h = self.start(x)
        for _ in range(self.steps):
            h = self.unit(h) + h0
        return h
""",
        """
class RecursiveBlock(nn.Module):
    def __init__(self, channels, recursions):
        super().__init__()
        self.w0 = nn.Conv2d(channels, channels, 3, padding=1)
        self.w1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.w2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)  # harmless on a copy
        self.recursions = recursions

    def forward(self, x):
        h0 = self.w0(x)
        h = h0.clone()
        for _ in range(self.recursions):
            h = h0 + self.w2(self.relu(self.w1(self.relu(h))))
        return h
""",
        """
class RecursiveBlock(nn.Module):
    def __init__(self, channels, recursions):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(3))
        self.recursions = recursions

    def forward(self, x):
        a, b, c = self.convs
        h0 = a(x)

        def refined(t):
            return h0 if t == 0 else h0 + c(b(refined(t - 1).clamp(min=0)).clamp(min=0))

        return refined(self.recursions)
""",
    ],
    "count_paths": [
        """
def count_paths(dilations, recursions, arrangement):
    cascaded = arrangement == "cascaded"
    reach = recursions * (sum(dilations) if cascaded else max(dilations))
    # by gradient, with weights of one
    x = torch.zeros(1, 1, 2 * reach + 1, 2 * reach + 1, dtype=torch.double, requires_grad=True)
    h = x
    for _ in range(recursions):
        features = [h]
        for d in dilations:
            conv = nn.Conv2d(1, 1, 3, padding=d, dilation=d, bias=False).double()
            nn.init.ones_(conv.weight)
            features.append(conv(features[-1] if cascaded else h))
        h = x + sum(features[1:])
    h[0, 0, reach, reach].backward()
    return x.grad[0, 0]
""",
        """
def count_paths(dilations, recursions, arrangement):
    reach = recursions * (sum(dilations) if arrangement == "cascaded" else max(dilations))
    counts = {(0, 0): 1}

    def step(seen, d):
        new = {}
        for (i, j), number in seen.items():
            for a in (-d, 0, d):
                for b in (-d, 0, d):
                    new[i + a, j + b] = new.get((i + a, j + b), 0) + number
        return new

    h = counts
    for _ in range(recursions):
        total, seen = {(0, 0): 1}, h
        for d in dilations:
            feature = step(seen, d)
            for place, number in feature.items():
                total[place] = total.get(place, 0) + number
            seen = feature if arrangement == "cascaded" else h
        h = total
    out = torch.zeros(2 * reach + 1, 2 * reach + 1)
    for (i, j), number in h.items():
        out[i + reach, j + reach] = number
    return out
""",
    ],
}
