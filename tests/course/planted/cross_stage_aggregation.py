"""Wrong answers of the kind that learners give, and right ones written otherwise."""

_MIX = "(weights.unsqueeze(2) * stacked).sum(dim=1)"
_RETURN = "return sum(weights[:, k : k + 1] * branch for k, branch in enumerate(branches))"
_LOGITS = "self.excite(functional.leaky_relu(self.squeeze(summary), 0.2))"
_BY_CHANNEL = "return sum(w * branch for w, branch in zip(weights.unbind(1), branches))"

MISTAKES = {
    "mix": [
        ("no softmax", {"logits.softmax(dim=1)": "logits"}, "softmax is missing"),
        ("sigmoid", {"logits.softmax(dim=1)": "logits.sigmoid()"}, "that is a sigmoid's"),
        (
            "not divided by the sum",
            {"logits.softmax(dim=1)": "logits.exp()"},
            "the division by their sum is missing",
        ),
        ("over the batch", {"softmax(dim=1)": "softmax(dim=0)"}, "goes over the batch"),
        ("over the rows", {"softmax(dim=1)": "softmax(dim=2)"}, "over rows (dimension 2)"),
        ("over the columns", {"softmax(dim=1)": "softmax(dim=-1)"}, "over columns"),
        (
            "over the pixels",
            {"logits.softmax(dim=1)": "logits.flatten(2).softmax(dim=-1).view_as(logits)"},
            "so they compete with each other",
        ),
        ("a mean of the weighted", {_MIX: _MIX.replace("sum", "mean")}, "don't take their mean"),
        (
            "stage two's own forgotten",
            {_MIX: "(weights[:, 1:].unsqueeze(2) * stacked[:, 1:]).sum(dim=1)"},
            "branch 0 is left out of the sum",
        ),
        (
            "stage two's own out of the softmax",
            {
                "logits.softmax": "logits[:, 1:].softmax",
                "torch.stack(branches": "torch.stack(branches[1:]",
            },
            "softmax does not see branch 0",
        ),
        (
            "wrong way round",
            {"torch.stack(branches": "torch.stack(branches[::-1]"},
            "the weights go to the wrong branches",
        ),
        (
            "the winner takes all",
            {
                "logits.softmax(dim=1)": (
                    "(logits == logits.amax(dim=1, keepdim=True)).to(logits.dtype)"
                )
            },
            "the largest logit alone",
        ),
        ("plain mean", {_MIX: "stacked.mean(dim=1)"}, "the logits have no say"),
        (
            "softmax along a dimension of size 1",
            {"logits.softmax(dim=1)": "logits.unsqueeze(2).softmax(dim=2)[:, :, 0]"},
            "that is the plain sum",
        ),
        ("not summed", {".sum(dim=1)": ""}, "their sum is missing"),
        (
            "side by side",
            {_MIX: "(weights.unsqueeze(2) * stacked).flatten(1, 2)"},
            "don't `cat` them",
        ),
        (
            "summed over channels",
            {_MIX: "(weights.unsqueeze(2) * stacked).sum(dim=2)"},
            "That is one number for each branch",
        ),
        ("no place for channels", {"weights.unsqueeze(2)": "weights"}, "don't fit together"),
        (
            "overflow",
            {"logits.softmax(dim=1)": "logits.exp() / logits.exp().sum(1, keepdim=True)"},
            "exp overflows",
        ),
        (
            "in place",
            {_MIX: "sum(b.mul_(w.unsqueeze(1)) for b, w in zip(branches, weights.unbind(1)))"},
            "has changed the branches in place",
        ),
        (
            "three branches written in",
            {
                _MIX: "sum(weights[:, k, None] * branches[k] for k in range(2)) "
                "+ weights[:, -1, None] * branches[-1]"
            },
            "right for three branches",
        ),
        ("nothing returned", {"return ": ""}, "does your code end in"),
        (
            "a sigmoid over its sum",
            {"logits.softmax(dim=1)": "logits.sigmoid() / logits.sigmoid().sum(1, keepdim=True)"},
            "each is a sigmoid over the sigmoids' sum",
        ),
        (
            "the list emptied",
            {_MIX: "sum(weights[:, k, None] * branches.pop(0) for k in range(len(branches)))"},
            "changes the list of branches itself",
        ),
        (
            "the logits cut off",
            {"logits.softmax": "logits.detach().softmax"},
            "nothing could ever learn to choose",
        ),
        (
            "a branch cut off",
            {"torch.stack(branches,": "torch.stack([branches[0].detach(), *branches[1:]],"},
            "the gradient of branch 0 is cut off",
        ),
        (
            "no gradient at all",
            {
                "weights = ": "logits, branches = logits.data, [b.data for b in branches]\n    weights = "
            },
            "no gradient comes through",
        ),
    ],
    "spatial_selection": [
        ("no activation", {_LOGITS: "self.excite(self.squeeze(summary))"}, "is missing"),
        (
            "plain ReLU",
            {_LOGITS: "self.excite(functional.relu(self.squeeze(summary)))"},
            "that is what plain ReLU gives",
        ),
        ("default slope", {"self.squeeze(summary), 0.2)": "self.squeeze(summary))"}, "0.01"),
        (
            "activation after excite",
            {_LOGITS: f"functional.leaky_relu({_LOGITS}, 0.2)"},
            "no activation after the second convolution",
        ),
        (
            "mean of the branches",
            {"sum(branches)\n": "sum(branches) / len(branches)\n"},
            "get the mean of the branches",
        ),
        ("from stage two alone", {"sum(branches)\n": "branches[0]\n"}, "from branch 0 alone"),
        ("from the last alone", {"sum(branches)\n": "branches[-1]\n"}, "from the last branch"),
        (
            "stage two not in the sum",
            {"sum(branches)\n": "sum(branches[1:])\n"},
            "the weights don't know stage two's own features",
        ),
        (
            "stage two not in the result",
            {"enumerate(branches))": "enumerate(branches) if k)"},
            "are left out of the result",
        ),
        ("sigmoid", {"logits.softmax(dim=1)": "logits.sigmoid()"}, "that is a sigmoid's"),
        ("over columns", {"softmax(dim=1)": "softmax(dim=-1)"}, "goes over columns"),
        ("over rows", {"softmax(dim=1)": "softmax(dim=2)"}, "goes over rows"),
        ("over the batch", {"softmax(dim=1)": "softmax(dim=0)"}, "goes over the batch"),
        (
            "over a dimension of size 1",
            {"logits.softmax(dim=1)": "logits.unsqueeze(2).softmax(dim=2)[:, :, 0]"},
            "along a dimension of size 1",
        ),
        ("no softmax", {".softmax(dim=1)": ""}, "softmax is missing"),
        (
            "a mean of the weighted",
            {"enumerate(branches))": "enumerate(branches)) / len(branches)"},
            "don't take the mean",
        ),
        ("a residual", {"return sum(": "return branches[0] + sum("}, "nothing more is added"),
        ("the weights alone", {_RETURN: "return weights"}, "mix the branches with them"),
        ("no bias", {", 1)\n": ", 1, bias=False)\n"}, "The biases are missing"),
        ("3x3", {", 1)\n": ", 3, padding=1)\n"}, "Your convolutions are 3×3"),
        (
            "side by side",
            {
                "nn.Conv2d(channels, hidden": "nn.Conv2d(branches * channels, hidden",
                "sum(branches)\n": "torch.cat(branches, dim=1)\n",
            },
            "takes the branches side by side",
        ),
        (
            "a logit for every channel",
            {
                "nn.Conv2d(hidden, branches, 1)": "nn.Conv2d(hidden, branches * channels, 1)",
                "logits.softmax(dim=1)": "logits.unflatten(1, (len(branches), -1)).softmax(1)",
                "weights[:, k : k + 1]": "weights[:, k]",
            },
            "That is a logit for every channel",
        ),
        (
            "one convolution",
            {
                "        self.squeeze = nn.Conv2d(channels, hidden, 1)\n": "",
                "nn.Conv2d(hidden, branches, 1)": "nn.Conv2d(channels, branches, 1)",
                _LOGITS: "self.excite(summary)",
            },
            "There is one convolution",
        ),
        (
            "a plain list",
            {
                "self.squeeze = nn.Conv2d(channels, hidden, 1)": (
                    "self.both = [nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, branches, 1)]"
                ),
                "        self.excite = nn.Conv2d(hidden, branches, 1)\n": "",
                _LOGITS: "self.both[1](functional.leaky_relu(self.both[0](summary), 0.2))",
            },
            "The layers are in a plain list",
        ),
        ("no place for channels", {"k : k + 1": "k"}, "don't fit together"),
        (
            "eight written in",
            {
                "(channels, hidden, 1)": "(channels, 8, 1)",
                "(hidden, branches, 1)": "(8, branches, 1)",
            },
            "There are 8 channels in between",
        ),
        (
            "a single logit",
            {"(hidden, branches, 1)": "(hidden, 1, 1)", "weights[:, k : k + 1]": "weights"},
            "One logit comes out",
        ),
        (
            "three branches written in",
            {"nn.Conv2d(hidden, branches, 1)": "nn.Conv2d(hidden, 3, 1)"},
            "it should be Conv2d(3, 2",
        ),
        (
            "the first without bias",
            {"hidden, 1)\n        self.excite": "hidden, 1, bias=False)\n        self.excite"},
            "The first convolution's bias is missing",
        ),
        (
            "the second without bias",
            {"nn.Conv2d(hidden, branches, 1)": "nn.Conv2d(hidden, branches, 1, bias=False)"},
            "The second convolution's bias is missing",
        ),
        (
            "the first 3x3",
            {"(channels, hidden, 1)": "(channels, hidden, 3, padding=1)"},
            "Your first convolution is 3×3",
        ),
        (
            "the second 3x3",
            {"(hidden, branches, 1)": "(hidden, branches, 3, padding=1)"},
            "Your second convolution is 3×3",
        ),
        (
            "logits averaged",
            {"logits.softmax(": "logits.mean((2, 3), keepdim=True).softmax("},
            "the logits are averaged over the image",
        ),
        (
            "SKNet's mean",
            {"sum(branches)\n": "sum(branches).mean((2, 3), keepdim=True)\n"},
            "that is SKNet's way",
        ),
        (
            "stage two unweighted",
            {
                _RETURN: "return branches[0] + sum("
                "weights[:, k : k + 1] * branches[k] for k in range(1, len(branches)))"
            },
            "branch 0 comes in whole",
        ),
        (
            "in place",
            {_RETURN: f"branches[0] *= weights[:, :1]\n        {_RETURN}"},
            "has changed the branches in place",
        ),
        (
            "summed up in the first",
            {
                "sum(branches)\n": "branches[0]\n        for b in branches[1:]:\n            summary += b\n"
            },
            "(`*=`, `+=`, `mul_`, ...)",
        ),
        (
            "the list emptied",
            {"sum(branches)\n": "sum(branches.pop() for _ in range(len(branches)))\n"},
            "changes the list of branches itself",
        ),
        (
            "the sum cut off",
            {"sum(branches)\n": "sum(branches).detach()\n"},
            "none through the weights",
        ),
        (
            "the mixed branches cut off",
            {"k + 1] * branch for": "k + 1] * branch.detach() for"},
            "none as parts of the mixture",
        ),
        (
            "the weights cut off",
            {"softmax(dim=1)": "softmax(dim=1).detach()"},
            "neither convolution learns",
        ),
        (
            "one branch cut off",
            {"sum(branches)\n": "branches[0].detach() + sum(branches[1:])\n"},
            "a part of the gradient of branch 0",
        ),
    ],
    "channel_selection": [
        (
            "no mean",
            {".mean((2, 3), keepdim=True)": ""},
            "the mean over the image is missing",
        ),
        (
            "mean of the logits",
            {
                ".mean((2, 3), keepdim=True)": "",
                "logits.unflatten": "logits.mean((2, 3), keepdim=True).unflatten",
            },
            "the mean is taken too late",
        ),
        (
            "mean of the weights",
            {
                ".mean((2, 3), keepdim=True)": "",
                ".softmax(dim=1)": ".softmax(dim=1).mean((3, 4), keepdim=True)",
            },
            "the weights are averaged over the image",
        ),
        ("mean over the batch", {"(2, 3)": "(0, 2, 3)"}, "goes over the batch as well"),
        ("mean over rows", {"(2, 3)": "2"}, "goes over the rows only"),
        ("mean over columns", {"(2, 3)": "3"}, "goes over the columns only"),
        ("maximum", {".mean(": ".amax("}, "the largest value of the image"),
        ("sum over the image", {".mean(": ".sum("}, "that is the sum over the image"),
        ("over channels", {"softmax(dim=1)": "softmax(dim=2)"}, "goes over the channels"),
        (
            "over everything",
            {
                "logits.unflatten(1, (len(branches), -1)).softmax(dim=1)": (
                    "logits.softmax(dim=1).unflatten(1, (len(branches), -1))"
                )
            },
            "over all branches and channels together",
        ),
        (
            "cut the other way",
            {
                "(len(branches), -1)).softmax(dim=1)": (
                    "(-1, len(branches))).softmax(dim=2).transpose(1, 2)"
                )
            },
            "cut the other way round",
        ),
        ("sigmoid", {".softmax(dim=1)": ".sigmoid()"}, "that is a sigmoid's"),
        (
            "no activation",
            {"functional.relu(self.squeeze(summary))": "self.squeeze(summary)"},
            "the activation between the convolutions is missing",
        ),
        (
            "leaky",
            {
                "functional.relu(self.squeeze(summary))": "functional.leaky_relu(self.squeeze(summary), 0.2)"
            },
            "with slope 0.2",
        ),
        ("leaky by default", {"functional.relu(": "functional.leaky_relu("}, "with slope 0.01"),
        (
            "mean of the branches",
            {"sum(branches).mean": "torch.stack(branches).mean(0).mean"},
            "get the mean of the branches",
        ),
        ("from stage two alone", {"sum(branches).mean": "branches[0].mean"}, "from branch 0 alone"),
        (
            "stage two left out",
            {
                "in zip(weights.unbind(1), branches))": "in list(zip(weights.unbind(1), branches))[1:])"
            },
            "are left out of the result",
        ),
        (
            "a mean of the weighted",
            {"branches))": "branches)) / len(branches)"},
            "don't take the mean",
        ),
        ("the weights alone", {_BY_CHANNEL: "return weights"}, "Those are the weights alone"),
        (
            "branches averaged",
            {"w * branch for": "w * branch.mean((2, 3), keepdim=True) for"},
            "must not lose their pixels",
        ),
        ("means without their dimensions", {", keepdim=True": ""}, "unless told `keepdim=True`"),
        (
            "over a dimension of size 1",
            {".softmax(dim=1)": ".softmax(dim=-1)"},
            "along a dimension of size 1",
        ),
        (
            "activation after excite",
            {
                "self.excite(functional.relu(self.squeeze(summary)))": (
                    "functional.relu(self.excite(functional.relu(self.squeeze(summary))))"
                )
            },
            "there is an activation after `excite`",
        ),
        (
            "stage two unweighted",
            {
                _BY_CHANNEL: "return branches[0] + sum("
                "weights[:, k] * branches[k] for k in range(1, len(branches)))"
            },
            "branch 0 comes in whole",
        ),
        (
            "in place",
            {_BY_CHANNEL: f"branches[0] *= weights[:, 0]\n        {_BY_CHANNEL}"},
            "has changed the branches in place",
        ),
        (
            "the list emptied",
            {"sum(branches).mean": "sum(branches.pop() for _ in range(len(branches))).mean"},
            "changes the list of branches itself",
        ),
        (
            "the sum cut off",
            {"sum(branches).mean": "sum(branches).detach().mean"},
            "none through the weights",
        ),
        (
            "the mixed branches cut off",
            {"w * branch for": "w * branch.detach() for"},
            "none as parts of the mixture",
        ),
        (
            "the weights cut off",
            {"weights.unbind(1)": "weights.detach().unbind(1)"},
            "neither convolution learns",
        ),
    ],
}

VARIANTS = {
    "mix": [
        """
def mix(branches, logits):
    result = 0
    for weight, branch in zip(functional.softmax(logits, 1).unbind(1), branches):
        result = result + weight[:, None] * branch
    return result
""",
        """
def mix(branches, logits):
    powers = torch.exp(logits - logits.amax(1, keepdim=True))
    weights = powers / powers.sum(1, keepdim=True)
    return torch.einsum("nkhw,knchw->nchw", weights, torch.stack(branches))
""",
    ],
    "spatial_selection": [
        """
class SpatialSelection(nn.Module):
    def __init__(self, channels, branches, hidden=8):
        super().__init__()
        self.judge = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.LeakyReLU(0.2), nn.Conv2d(hidden, branches, 1),
            nn.Softmax(dim=1),
        )

    def forward(self, branches):
        stacked = torch.stack(branches, dim=2)
        return torch.einsum("nkhw,nckhw->nchw", self.judge(stacked.sum(2)), stacked)
""",
        """
class SpatialSelection(nn.Module):
    def __init__(self, channels, branches, hidden=8):
        super().__init__()
        self.second = nn.Conv2d(hidden, branches, kernel_size=1)
        self.first = nn.Conv2d(channels, hidden, kernel_size=1)

    def forward(self, branches):
        total = torch.zeros_like(branches[0])
        for branch in branches:
            total = total + branch
        hidden = self.first(total)
        logits = self.second(torch.maximum(hidden, hidden / 5))
        weights = (logits - logits.logsumexp(1, keepdim=True)).exp().unsqueeze(2)
        return (weights * torch.stack(branches, dim=1)).sum(1)
""",
    ],
    "channel_selection": [
        """
class ChannelSelection(nn.Module):
    def __init__(self, channels, branches, hidden=8):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, branches * channels, 1)

    def forward(self, branches):
        means = [functional.adaptive_avg_pool2d(branch, 1) for branch in branches]
        hidden = self.squeeze(torch.stack(means).sum(0)).clamp(min=0)
        logits = torch.stack(self.excite(hidden).chunk(len(branches), dim=1))
        return (logits.softmax(0) * torch.stack(branches)).sum(0)
""",
        """
class ChannelSelection(nn.Module):
    def __init__(self, channels, branches, hidden=8):
        super().__init__()
        self.excite = nn.Conv2d(hidden, branches * channels, 1)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.relu = nn.ReLU()

    def forward(self, branches):
        stacked = torch.stack(branches, dim=1)
        n, k, c = stacked.shape[:3]
        logits = self.excite(self.relu(self.squeeze(stacked.sum(1).mean((-1, -2))[..., None, None])))
        return torch.einsum("nkc,nkchw->nchw", logits.view(n, k, c).softmax(1), stacked)
""",
    ],
}
