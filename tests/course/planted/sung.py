"""Wrong answers of the kind that learners give, and right ones written otherwise."""

_LOOP = """    moved = []
    for pixels in edge_map.flatten(2):
        order = torch.randperm(height * width, generator=generator)
        moved.append(pixels[:, order])
    return torch.stack(moved).view_as(edge_map)"""

MISTAKES = {
    "shuffled": [
        (
            "drawn with replacement",
            {
                "torch.randperm(height * width, generator=generator)": "torch.randint(height * width, (height * width,), generator=generator)"
            },
            "some pixels come twice",
        ),
        (
            "an order for each channel",
            {
                "        order = torch.randperm(height * width, generator=generator)\n": "",
                "pixels[:, order]": "torch.stack([p[torch.randperm(height * width, generator=generator)] for p in pixels])",
            },
            "torn apart",
        ),
        (
            "one order for the whole batch",
            {
                _LOOP: "    order = torch.randperm(height * width, generator=generator)\n    return edge_map.flatten(2)[..., order].view_as(edge_map)"
            },
            "both pictures of the batch get the same order",
        ),
        (
            "columns only",
            {_LOOP: "    return edge_map[..., torch.randperm(width, generator=generator)]"},
            "stays in its row",
        ),
        (
            "rows only",
            {_LOOP: "    return edge_map[:, :, torch.randperm(height, generator=generator)]"},
            "stays in its column",
        ),
        (
            "whole rows, whole columns",
            {
                _LOOP: "    return edge_map[:, :, torch.randperm(height, generator=generator)][..., torch.randperm(width, generator=generator)]"
            },
            "whole rows and columns move",
        ),
        (
            "moved around",
            {
                _LOOP: "    by = torch.randint(1, height * width, (1,), generator=generator).item()\n    return edge_map.flatten(2).roll(by, dims=2).view_as(edge_map)"
            },
            "neighbours are still neighbours",
        ),
        (
            "mirrored",
            {_LOOP: "    return edge_map.flip(-1)"},
            "two generators with different seeds give the same",
        ),
        (
            "the generator forgotten",
            {", generator=generator)": ")"},
            "the same seed gives another order each time",
        ),
        (
            "seeds torch's own generator",
            {
                "    moved = []": "    moved = []\n    torch.manual_seed(generator.initial_seed())",
                "torch.randperm(height * width, generator=generator)": "torch.randperm(height * width)",
            },
            "you draw from torch's own generator",
        ),
        (
            "channels mixed",
            {
                _LOOP: "    order = torch.randperm(channels * height * width, generator=generator)\n    return edge_map.flatten(1)[:, order].view_as(edge_map)"
            },
            "from one channel into another",
        ),
        (
            "pictures mixed",
            {
                _LOOP: "    order = torch.randperm(batch * height * width, generator=generator)\n    return edge_map.transpose(0, 1).flatten(1)[:, order].view(channels, batch, height, width).transpose(0, 1)"
            },
            "from one picture of the batch into another",
        ),
        (
            "noise",
            {_LOOP: "    return edge_map + torch.randn(edge_map.shape, generator=generator)"},
            "values that the edge map did not have",
        ),
        ("not moved", {_LOOP: "    return edge_map.clone()"}, "nothing has moved"),
        (
            "left in one row",
            {".view_as(edge_map)": ""},
            "into rows and columns again",
        ),
        (
            "height and width changed",
            {".view_as(edge_map)": ".view(batch, channels, width, height)"},
            "Height and width have changed places",
        ),
        (
            "first picture only",
            {"torch.stack(moved).view_as(edge_map)": "moved[0].view(channels, height, width)"},
            "The batch is gone",
        ),
        (
            "in place",
            {
                "return torch.stack(moved).view_as(edge_map)": "return edge_map.copy_(torch.stack(moved).view_as(edge_map))"
            },
            "in place",
        ),
        (
            "detached",
            {"edge_map.flatten(2):": "edge_map.detach().flatten(2):"},
            "no gradient comes through",
        ),
        (
            "sizes written in",
            {"height * width": "240"},
            "is a size written in?",
        ),
        ("nothing returned", {"    return torch": "    torch"}, "nothing came back"),
    ],
    "edge_path_from_next": [
        (
            "M(B_i) not added",
            {"torch.relu(next_blurred + correction)": "torch.relu(correction)"},
            "M(B_i) is not added",
        ),
        (
            "no zeros",
            {
                "        nn.init.zeros_(self.upsample[0].weight)\n        nn.init.zeros_(self.upsample[0].bias)\n": ""
            },
            "The last convolution begins with zeros",
        ),
        (
            "bias not zero",
            {"        nn.init.zeros_(self.upsample[0].bias)\n": ""},
            "the last convolution's weights are zero, its bias is not",
        ),
        (
            "weights not zero",
            {"        nn.init.zeros_(self.upsample[0].weight)\n": ""},
            "hand on M(B_i) exactly; yours differs",
        ),
        (
            "the head zero in place of the last",
            {
                "self.upsample[0].weight": "self.head.weight",
                "self.upsample[0].bias": "self.head.bias",
            },
            "not one before it",
        ),
        (
            "negative edges",
            {"torch.relu(next_blurred + correction)": "next_blurred + correction"},
            "there are negative values",
        ),
        (
            "ReLU before the sum",
            {"torch.relu(next_blurred + correction)": "next_blurred + torch.relu(correction)"},
            "take none away",
        ),
        (
            "absolute value",
            {"torch.relu(next_blurred + correction)": "(next_blurred + correction).abs()"},
            "turned round, not cut off",
        ),
        (
            "cut off at 1",
            {"torch.relu(next_blurred + correction)": "(next_blurred + correction).clamp(0, 1)"},
            "are cut off at 1",
        ),
        (
            "order of the inputs",
            {"torch.cat([blurred, sharp], dim=1)": "torch.cat([sharp, blurred], dim=1)"},
            "have changed places",
        ),
        (
            "no U-Net",
            {"        self.unet = UNet(width, width)\n": "        self.unet = nn.Identity()\n"},
            "The U-Net is missing",
        ),
        (
            "no RDB",
            {"ResidualDenseBlock(width, width)": "nn.Identity()"},
            "The residual dense block is missing",
        ),
        (
            "three RDBs",
            {
                "ResidualDenseBlock(width, width)": "nn.Sequential(*(ResidualDenseBlock(width, width) for _ in range(3)))"
            },
            "the edge path has one",
        ),
        (
            "B alone",
            {
                "nn.Conv2d(2 * channels,": "nn.Conv2d(channels,",
                "torch.cat([blurred, sharp], dim=1)": "blurred",
            },
            "The head sees three channels",
        ),
        (
            "M(B_i) stacked as well",
            {
                "nn.Conv2d(2 * channels,": "nn.Conv2d(3 * channels,",
                "torch.cat([blurred, sharp], dim=1)": "torch.cat([blurred, sharp, nn.functional.avg_pool2d(next_blurred, 2)], dim=1)",
            },
            "The head sees nine channels",
        ),
        (
            "two layers change places",
            {
                "self.dense_block(self.unet(self.head(edge_maps)))": "self.unet(self.dense_block(self.head(edge_maps)))"
            },
            "in the order of use is",
        ),
        (
            "not upsampled",
            {
                "pixel_shuffle_upsample(width, channels)": "nn.Sequential(nn.Conv2d(width, channels, 3, padding=1))"
            },
            "does it end in the upsampling?",
        ),
        (
            "stacked in place of added",
            {"next_blurred + correction": "torch.cat([next_blurred, correction], dim=1)"},
            "do not stack",
        ),
        (
            "in place",
            {
                "torch.relu(next_blurred + correction)": "next_blurred.mul_(0.5).add_(correction).relu_()"
            },
            "in place",
        ),
        (
            "sharp detached",
            {"[blurred, sharp]": "[blurred, sharp.detach()]"},
            "the gradient to M(S_{i+1}) is cut",
        ),
        (
            "correction detached",
            {"next_blurred + correction": "next_blurred + correction.detach()"},
            "detached before it is added",
        ),
        (
            "three channels written in",
            {"2 * channels": "6", "(width, channels)": "(width, 3)"},
            "but not for 1 and 8",
        ),
        (
            "width written in",
            {
                "width, 3, padding": "8, 3, padding",
                "width, width": "8, 8",
                "(width, channels)": "(8, channels)",
            },
            "but not for 3 and 12",
        ),
        (
            "all layers zero",
            {
                "        nn.init.zeros_(self.upsample[0].weight)\n        nn.init.zeros_(self.upsample[0].bias)\n": "        for parameter in self.parameters():\n            nn.init.zeros_(parameter)\n"
            },
            "nothing but the last bias ever gets a gradient",
        ),
        (
            "head zero as well",
            {
                "nn.init.zeros_(self.upsample[0].bias)": "nn.init.zeros_(self.upsample[0].bias)\n        nn.init.zeros_(self.head.weight)"
            },
            "2 layers begin with zeros",
        ),
        (
            "last convolution frozen",
            {
                "nn.init.zeros_(self.upsample[0].bias)": "nn.init.zeros_(self.upsample[0].bias)\n        self.upsample.requires_grad_(False)"
            },
            "is frozen",
        ),
        (
            "B twice",
            {"torch.cat([blurred, sharp], dim=1)": "torch.cat([blurred, blurred], dim=1)"},
            "does not depend on M(S_{i+1})",
        ),
        (
            "S twice",
            {"torch.cat([blurred, sharp], dim=1)": "torch.cat([sharp, sharp], dim=1)"},
            "does not depend on M(B_{i+1})",
        ),
        (
            "a skip as in the deblurring path",
            {
                "        correction = self.upsample(self.dense_block(self.unet(self.head(edge_maps))))": "        first = self.head(edge_maps)\n        correction = self.upsample(first + self.dense_block(self.unet(first)))"
            },
            "nothing is added but M(B_i)",
        ),
        ("nothing returned", {"return torch.relu": "torch.relu"}, "nothing came back"),
    ],
    "with_guide": [
        (
            "hook not removed",
            {"handle.remove()": "pass"},
            "your function leaves something behind: a hook",
        ),
        (
            "removed only if all goes well",
            {
                "    try:\n        return network(blurred, iterations=iterations)\n    finally:\n        handle.remove()": "    found = network(blurred, iterations=iterations)\n    handle.remove()\n    return found"
            },
            "after an error in `replace`, a hook",
        ),
        (
            "counted up",
            {"iter(reversed(range(iterations)))": "iter(range(iterations))"},
            "is told i = 0, 1, 2",
        ),
        (
            "one too high",
            {"reversed(range(iterations))": "reversed(range(1, iterations + 1))"},
            "is told i = 3, 2, 1",
        ),
        (
            "always the same i",
            {"replace(next(scales), edge_map)": "replace(0, edge_map)"},
            "it is told [0, 0, 0]",
        ),
        (
            "the hook returns nothing",
            {"        return replace(next": "        replace(next"},
            "is not used",
        ),
        (
            "hook on the restoration module",
            {"network.edge_path.register": "network.restoration_module.register"},
            "output of `edge_path` that you hook?",
        ),
        (
            "hook on the deblurring path",
            {"network.edge_path.register": "network.deblurring_path.register"},
            "Hook `edge_path`",
        ),
        (
            "hook on M",
            {"network.edge_path.register": "network.edges.register"},
            "so the numbers i run out",
        ),
        (
            "all hooks removed",
            {"handle.remove()": "network.edge_path._forward_hooks.clear()"},
            "somebody else had registered is gone",
        ),
        (
            "hook on the inputs",
            {
                "def hook(module, inputs, edge_map)": "def hook(module, inputs)",
                "replace(next(scales), edge_map)": "replace(next(scales), inputs[0])",
                "register_forward_hook": "register_forward_pre_hook",
            },
            "hook its output",
        ),
        (
            "the network's own number of iterations",
            {
                "network(blurred, iterations=iterations)": "network(blurred)",
            },
            "with edges of one channel: is a number written in?",
        ),
        (
            "three iterations written in",
            {
                "iterations=iterations": "iterations=3",
                "range(iterations)": "range(3)",
            },
            "right for 45 × 70 and I = 3, but not for 16 × 16",
        ),
        (
            "errors swallowed",
            {
                "    finally:\n        handle.remove()": "    except Exception:\n        return None\n    finally:\n        handle.remove()"
            },
            "yours swallows it",
        ),
        (
            "the image only",
            {"iterations=iterations)": "iterations=iterations).image"},
            "the network's whole answer",
        ),
        (
            "without gradient",
            {"        return network(": "        with torch.no_grad():\n          return network("},
            "an image has no gradient",
        ),
        (
            "the guess detached",
            {"replace(next(scales), edge_map)": "replace(next(scales), edge_map.detach())"},
            "is cut or changed on its way",
        ),
        (
            "eval",
            {"    try:": "    network.eval()\n    try:"},
            "the network is in another mode",
        ),
        (
            "forward replaced, and left so",
            {
                "    handle = network.edge_path.register_forward_hook(hook)": "    original = network.edge_path.forward\n    network.edge_path.forward = lambda x: hook(None, None, original(x))",
                "handle.remove()": "network.edge_path.forward = original",
            },
            "other modules or attributes",
        ),
        (
            "replaced in the end",
            {
                "        return network(blurred, iterations=iterations)\n": "        found = network(blurred, iterations=iterations)\n        return found._replace(edges=tuple(replace(next(scales), e) for e in found.edges))\n",
                "        return replace(next(scales), edge_map)": "        return None",
            },
            "cropped already",
        ),
        ("nothing returned", {"        return network(": "        network("}, "nothing came back"),
    ],
}

VARIANTS = {
    "shuffled": [
        """
def shuffled(edge_map, generator):
    batch, channels, height, width = edge_map.shape
    order = torch.rand(batch, 1, height * width, generator=generator).argsort(dim=-1)
    pixels = edge_map.reshape(batch, channels, -1)
    return pixels.gather(2, order.expand(-1, channels, -1)).reshape(edge_map.shape)
""",
        """
def shuffled(edge_map, generator):
    out = torch.zeros_like(edge_map)
    width = edge_map.shape[3]
    for n in range(edge_map.shape[0]):
        order = torch.randperm(edge_map[n, 0].numel(), generator=generator).view(edge_map.shape[2:])
        out[n] = edge_map[n][:, order // width, order % width]
    return out
""",
    ],
    "edge_path_from_next": [
        """
class EdgePathFromNext(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        last = nn.Conv2d(width, 4 * channels, 3, padding=1)
        last.weight.data.zero_()
        last.bias.data.fill_(0)
        self.path = nn.Sequential(
            nn.Conv2d(channels * 2, width, kernel_size=3, padding="same"),
            UNet(width, width),
            ResidualDenseBlock(width, width),
            last,
            nn.PixelShuffle(2),
        )

    def forward(self, m_b, m_s, m_next):
        return (self.path(torch.cat((m_b, m_s), 1)) + m_next).clamp(min=0)
""",
        """
class EdgePathFromNext(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.up = pixel_shuffle_upsample(width, channels)
        for parameter in self.up.parameters():
            nn.init.zeros_(parameter)
        self.rdb = ResidualDenseBlock(width, growth=width, layers=6)
        self.u = UNet(width, width)
        self.first = nn.Conv2d(channels + channels, width, 3, 1, 1)

    def forward(self, blurred, sharp, next_blurred):
        x = self.first(torch.hstack([blurred, sharp]))
        for layer in (self.u, self.rdb, self.up):
            x = layer(x)
        return torch.maximum(x + next_blurred, torch.zeros(()))
""",
    ],
    "with_guide": [
        """
def with_guide(network, blurred, iterations, replace):
    calls = []

    def hook(module, given, guess):
        calls.append(guess.shape)
        return replace(iterations - len(calls), guess)

    removable = network.edge_path.register_forward_hook(hook)
    with removable:  # a handle is a context manager, too
        return network(blurred, iterations)
""",
        """
import copy


def with_guide(network, blurred, iterations, replace):
    class Guided(nn.Module):
        def __init__(self, path):
            super().__init__()
            self.path, self.i = path, iterations

        def forward(self, edge_maps):
            self.i -= 1
            return replace(self.i, self.path(edge_maps))

    usual = network.edge_path
    network.edge_path = Guided(usual)
    try:
        restoration = network(blurred, iterations=iterations)
    finally:
        network.edge_path = usual
    return restoration
""",
        """
def with_guide(network, blurred, iterations, replace):
    usual = network.edge_path.forward
    i = iterations

    def forward(edge_maps):
        nonlocal i
        i -= 1
        return replace(i, usual(edge_maps))

    network.edge_path.forward = forward
    try:
        return network(blurred, iterations=iterations)
    finally:
        del network.edge_path.forward
""",
    ],
}
