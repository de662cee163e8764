"""Wrong answers of the kind that learners give, and right ones written otherwise."""

MISTAKES = {
    "details_left": [
        (
            "the wrong way round",
            {"strength(blurred) / strength(sharp)": "strength(sharp) / strength(blurred)"},
            "the other way round",
        ),
        ("no root", {".mean(dim=(1, 2, 3)).sqrt()": ".mean(dim=(1, 2, 3))"}, "the root is missing"),
        (
            "the pictures themselves",
            {"(picture - blur)": "picture"},
            "subtract their Gaussian blur",
        ),
        ("the blur's strength", {"(picture - blur)": "blur"}, "what the Gaussian leaves"),
        (
            "the mean size",
            {".square().mean(dim=(1, 2, 3)).sqrt()": ".abs().mean(dim=(1, 2, 3))"},
            "the mean of the sizes",
        ),
        (
            "the plain mean",
            {".square().mean(dim=(1, 2, 3)).sqrt()": ".mean(dim=(1, 2, 3))"},
            "bright and dark ones cancel",
        ),
        ("reflected", {', border_type="replicate"': ""}, "must repeat"),
        (
            "details of the difference",
            {"strength(blurred) /": "strength(blurred - sharp) /"},
            "details of its own",
        ),
        ("one number in all", {".mean(dim=(1, 2, 3))": ".mean()"}, "keep the batch"),
        ("one a channel", {"dim=(1, 2, 3)": "dim=(2, 3)"}, "one number a channel"),
        ("keepdim", {"dim=(1, 2, 3)": "dim=(1, 2, 3), keepdim=True"}, "leave `keepdim` out"),
        ("sigma written in", {"(sigma, sigma)": "(1.0, 1.0)", "size, ": "5, "}, "is a 1 written"),
        (
            "percent",
            {"return strength(blurred) /": "return 100 * strength(blurred) /"},
            "that is in percent",
        ),
        (
            "one enlarged",
            {"return strength(blurred) /": "return strength(10 * blurred) /"},
            "one picture's details are enlarged",
        ),
        (
            "in place",
            {"return strength(blurred) /": "blurred -= 0.1\n    return strength(blurred) /"},
            "you changed the input `blurred` in place",
        ),
        (
            "nothing returned",
            {"return strength(blurred) / strength(sharp)": "strength(blurred) / strength(sharp)"},
            "does your code end in",
        ),
    ],
    "bounded_gain": [
        ("a bias", {", bias=False": ""}, "There is a bias"),
        ("no padding", {"padding=1, ": ""}, "the gain is smaller than the features"),
        ("no shift", {" - self.shift": ""}, "With s = 0"),
        ("the other way", {" - self.shift": " + self.shift"}, "s has the wrong sign"),
        ("ln(m)", {"math.log(most - 1)": "math.log(most)"}, "That is s = ln(m)"),
        ("no logarithm", {"math.log(most - 1)": "most - 1"}, "The logarithm is missing"),
        ("base 10", {"math.log(most - 1)": "math.log10(most - 1)"}, "the logarithm to base 10"),
        ("not stretched", {"self.most * torch": "torch"}, "the factor `most` is missing, s"),
        (
            "neither stretched nor shifted",
            {"self.most * torch": "torch", " - self.shift": ""},
            "That is a plain sigmoid",
        ),
        (
            "the lesson's",
            {"self.most * torch": "2 * torch", " - self.shift": ""},
            "the gain reaches 2 and not `most`",
        ),
        (
            "shifted outside",
            {
                "self.most * torch.sigmoid(self.look(details) - self.shift)": "self.most * torch.sigmoid(self.look(details)) + 1 - self.most / 2"
            },
            "the shift belongs inside the sigmoid",
        ),
        (
            "cut off",
            {
                "self.most * torch.sigmoid(self.look(details) - self.shift)": "(1 + self.look(details)).clamp(0, 2 * self.most)"
            },
            "above `most`",
        ),
        (
            "ReLU before the sigmoid",
            {"self.look(details) - self.shift": "functional.relu(self.look(details)) - self.shift"},
            "does not fall below 1.00",
        ),
        ("the gain alone", {"return gain * features": "return gain"}, "you return the gain alone"),
        ("added", {"return gain * features": "return gain + features"}, "you add the gain"),
        (
            "a residual",
            {"return gain * features": "return features + gain * features"},
            "are doubled",
        ),
        (
            "a power",
            {
                "self.most * torch.sigmoid(self.look(details) - self.shift)": "(2 * torch.sigmoid(self.look(details))) ** math.log2(self.most)"
            },
            "you took a power",
        ),
        (
            "from the features",
            {
                "nn.Conv2d(3, channels": "nn.Conv2d(channels, channels",
                "look(details)": "look(features)",
            },
            "looks at the features",
        ),
        (
            "one gain",
            {"nn.Conv2d(3, channels, 3": "nn.Conv2d(3, 1, 3"},
            "One gain for all channels",
        ),
        ("5 written in", {"math.log(most - 1)": "math.log(4)"}, "right for most = 5"),
        ("4 written in", {"math.log(most - 1)": "math.log(3)"}, "fits a limit of 4 only"),
        (
            "another constant",
            {"math.log(most - 1)": "math.log(most) - 1"},
            "s must follow from `most`: solve",
        ),
        (
            "details detached",
            {"self.look(details)": "self.look(details.detach())"},
            "no gradient comes back to the details",
        ),
        (
            "in place",
            {
                "return gain * features": "with torch.no_grad():\n            features *= gain\n        return features"
            },
            "you changed the input `features` in place",
        ),
        (
            "s is learned",
            {"math.log(most - 1)": "nn.Parameter(torch.tensor(math.log(most - 1)))"},
            "s is no parameter",
        ),
    ],
    "supervised_attention": [
        ("no residual", {"features + passed": "passed"}, "X is not added"),
        (
            "the CEM's gain",
            {" - 1\n": "\n"},
            "A is 2 sigmoid, 1 at z = 0",
        ),
        (
            "a plain sigmoid",
            {"2 * torch.sigmoid(": "torch.sigmoid(", " - 1\n": "\n"},
            "A is a plain sigmoid",
        ),
        (
            "half of it",
            {"2 * torch.sigmoid(": "torch.sigmoid(", " - 1\n": " - 0.5\n"},
            "A gets to ½ at most",
        ),
        (
            "falls with z",
            {
                "2 * torch.sigmoid(self.attend(details)) - 1": "1 - 2 * torch.sigmoid(self.attend(details))"
            },
            "or A has the wrong sign",
        ),
        (
            "tanh",
            {"2 * torch.sigmoid(self.attend(details)) - 1": "torch.tanh(self.attend(details))"},
            "twice as steep",
        ),
        (
            "no sigmoid",
            {"2 * torch.sigmoid(self.attend(details)) - 1": "self.attend(details)"},
            "The sigmoid is missing",
        ),
        (
            "softmax",
            {"2 * torch.sigmoid(self.attend(details)) - 1": "self.attend(details).softmax(1)"},
            "a softmax over channels",
        ),
        (
            "another alpha and beta",
            {"2 * torch": "3 * torch"},
            "Which A does that take",
        ),
        (
            "P itself",
            {"self.attend(details)": "self.attend(predicted)"},
            "The attention looks at P itself",
        ),
        (
            "MPRNet's own",
            {
                "2 * torch.sigmoid(self.attend(details)) - 1": "torch.sigmoid(self.attend(predicted))"
            },
            "give it P's details. A is a plain sigmoid",
        ),
        ("not enlarged", {"10 * (": "1 * ("}, "The details are not enlarged"),
        (
            "the blur",
            {"self.attend(details)": "self.attend(blur)"},
            "The attention looks at P's Gaussian blur",
        ),
        (
            "details of what is added",
            {
                "gaussian_blur2d(predicted,": "gaussian_blur2d(predicted - blurred,",
                "(predicted - blur)": "(predicted - blurred - blur)",
            },
            "details of W_P * X alone",
        ),
        (
            "details of the blurred image",
            {
                "gaussian_blur2d(predicted,": "gaussian_blur2d(blurred,",
                "(predicted - blur)": "(blurred - blur)",
            },
            "details of the blurred image",
        ),
        ("reflected", {', border_type="replicate"': ""}, "The blur must repeat the border"),
        (
            "the sum multiplied",
            {
                "attention * self.body(features)": "attention * (features + self.body(features))",
                "features + passed": "passed",
            },
            "A multiplies the sum",
        ),
        (
            "X multiplied, W_X * X added",
            {
                "attention * self.body(features)": "attention * features",
                "features + passed": "self.body(features) + passed",
            },
            "the other way round",
        ),
        (
            "W_X last",
            {"attention * self.body(features)": "self.body(attention * features)"},
            "W_X is applied to A",
        ),
        ("A added", {"attention * self": "attention + self"}, "A is added to W_X * X"),
        ("no attention", {"attention * self": "self"}, "the attention is not used"),
        (
            "P without B",
            {"blurred + self.predict": "self.predict"},
            "P is W_P * X alone: add the blurred image",
        ),
        ("minus", {"blurred + self.predict": "blurred - self.predict"}, "the equation has a plus"),
        (
            "clamped",
            {"blurred + self.predict(features)": "(blurred + self.predict(features)).clamp(0, 1)"},
            "P is cut off to [0, 1]",
        ),
        (
            "details returned",
            {"features + passed, predicted": "features + passed, details"},
            "give back P itself",
        ),
        (
            "in place",
            {
                "predicted = blurred + self.predict(features)": "with torch.no_grad():\n            blurred += self.predict(features)\n        predicted = blurred"
            },
            "you changed the input `blurred` in place",
        ),
        (
            "A returned",
            {"return features + passed, predicted": "return features + passed, attention"},
            "Did you return A?",
        ),
        (
            "the other order",
            {"return features + passed, predicted": "return predicted, features + passed"},
            "P comes first",
        ),
        (
            "features alone",
            {"return features + passed, predicted": "return features + passed"},
            "two things should come back",
        ),
        ("biases", {", bias=False": ""}, "The biases are to be left out"),
        (
            "a bias in W_P",
            {"nn.Conv2d(channels, 3, 1, bias=False)": "nn.Conv2d(channels, 3, 1)"},
            "W_P has a bias",
        ),
        (
            "a bias in W_A",
            {"nn.Conv2d(3, channels, 1, bias=False)": "nn.Conv2d(3, channels, 1)"},
            "W_A or W_X has a bias",
        ),
        ("3×3", {"1, bias=False": "3, padding=1, bias=False"}, "These convolutions are 3×3"),
        (
            "the CEM's W_P",
            {"nn.Conv2d(channels, 3, 1,": "nn.Conv2d(channels, 3, 3, padding=1,"},
            "as W_P is in the CEM",
        ),
        (
            "W_X left out",
            {
                "        self.body = nn.Conv2d(channels, channels, 1, bias=False)\n": "",
                "self.body(features)": "features",
            },
            "W_X is missing",
        ),
        (
            "one attention for all channels",
            {"nn.Conv2d(3, channels, 1": "nn.Conv2d(3, 1, 1"},
            "W_A makes one channel",
        ),
        (
            "detached",
            {"self.attend(details)": "self.attend(details.detach())"},
            "P is detached before the attention",
        ),
    ],
}

VARIANTS = {
    "details_left": [
        """
def details_left(blurred, sharp, sigma):
    size = 2 * round(2 * sigma) + 1
    both = torch.cat([blurred, sharp])
    details = both - gaussian_blur2d(both, (size, size), (sigma, sigma), "replicate")
    one, other = details.flatten(1).norm(dim=1).chunk(2)
    return one / other
""",
        """
def details_left(blurred, sharp, sigma):
    size = 2 * round(2 * sigma) + 1
    sums = []
    for picture in (blurred, sharp):
        added = unsharp_mask(picture, size, (sigma, sigma), "replicate") - picture
        sums.append(torch.einsum("nchw,nchw->n", added, added))
    return (sums[0] / sums[1]) ** 0.5
""",
        """
def details_left(blurred, sharp, sigma):
    size = 2 * round(2 * sigma) + 1
    # The mean of details is close to 0: the lesson says that this is taken, too.
    def spread(image):
        image = image - gaussian_blur2d(image, size, (sigma, sigma), border_type="replicate")
        return image.flatten(1).std(dim=1)
    return spread(blurred) / spread(sharp)
""",
    ],
    "bounded_gain": [
        """
class BoundedGain(nn.Module):
    def __init__(self, channels, most):
        super().__init__()
        self.most = float(most)
        self.to_z = nn.Sequential(nn.Conv2d(3, channels, kernel_size=3, padding="same", bias=False))

    def forward(self, features, details):
        return features * self.most / (1 + (self.most - 1) * torch.exp(-self.to_z(details)))
""",
        """
class BoundedGain(nn.Module):
    def __init__(self, channels, most):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, 1, 1, bias=False)
        self.register_buffer("least", torch.tensor(1 / most))

    def forward(self, features, details):
        gain = (self.conv(details) + torch.logit(self.least)).sigmoid().div(self.least)
        return torch.mul(features, gain)
""",
    ],
    "supervised_attention": [
        """
class SupervisedAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, 3, 1, bias=False)
        self.conv3 = nn.Sequential(nn.Conv2d(3, channels, 1, bias=False), nn.Sigmoid())

    def forward(self, x, x_img):
        x1 = self.conv1(x)
        img = self.conv2(x) + x_img
        high = unsharp_mask(img, 5, (1.0, 1.0), "replicate") - img
        return x1 * (self.conv3(10 * high) - 0.5) * 2 + x, img
""",
        """
class SupervisedAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        def weight(a, b):
            return nn.Parameter(torch.randn(b, a, 1, 1) / a)
        self.a, self.p, self.x = weight(3, channels), weight(channels, 3), weight(channels, channels)

    def forward(self, features, blurred):
        image = torch.einsum("oi,nihw->nohw", self.p[:, :, 0, 0], features) + blurred
        fine = image - gaussian_blur2d(image, (5, 5), (1.0, 1.0), "replicate")
        gain = torch.tanh(5 * functional.conv2d(fine, self.a))
        return [torch.addcmul(features, gain, functional.conv2d(features, self.x)), image]
""",
    ],
}
