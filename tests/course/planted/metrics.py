"""Wrong answers of the kind that learners give, and right ones written otherwise."""

# exercise -> [(what is wrong, {old text in the solution: new text}, part of the message)]
MISTAKES = {
    "reported_psnr": [
        ("one number for the batch", {"mean(dim=(1, 2, 3))": "mean()"}, "One number for the whole"),
        ("colours apart", {"dim=(1, 2, 3)": "dim=(2, 3)"}, "The colours are still apart"),
        (
            "dimensions kept",
            {"dim=(1, 2, 3)": "dim=(1, 2, 3), keepdim=True"},
            "without `keepdim` there is one",
        ),
        ("mean over colours only", {"dim=(1, 2, 3)": "dim=1"}, "Rows and columns are still"),
        (
            "not rounded",
            {
                "quantize(restored.float())": "restored.float().clamp(0, 1)",
                "quantize(sharp": "(sharp",
            },
            "are not rounded to 256 levels",
        ),
        (
            "as they are",
            {"quantize(restored": "(restored", "quantize(sharp": "(sharp"},
            "neither clipped nor rounded",
        ),
        (
            "rounded, not clipped",
            {
                "quantize(restored.float())": "(restored.float() * 255).round() / 255",
            },
            "but not clipped",
        ),
        ("only the restored one", {"quantize(sharp": "(sharp"}, "only the restored picture"),
        (
            "only the sharp one",
            {"quantize(restored": "(restored"},
            "Round the restored one",
        ),
        (
            "the restored one clipped",
            {"quantize(restored.float())": "restored.float().clamp(0, 1)"},
            "the restored one is just clipped",
        ),
        (
            "bytes",
            {
                "quantize(restored.float()) - quantize(sharp.float())": "((restored.float().clamp(0, 1) * 255).byte() / 255 - (sharp * 255).byte() / 255)"
            },
            "cut off below",
        ),
        (
            "the difference rounded",
            {
                "quantize(restored.float()) - quantize(sharp.float())": "quantize((restored - sharp).abs())"
            },
            "the difference is rounded",
        ),
        ("sign", {"-10 *": "10 *"}, "the sign is turned"),
        ("20 for 10", {"-10 *": "-20 *"}, "20 times the logarithm"),
        ("root", {"log10(mse)": "log10(mse.sqrt())"}, "error's *root*"),
        ("natural logarithm", {"log10": "log"}, "the natural logarithm"),
        ("no logarithm", {"-10 * torch.log10(mse)": "mse"}, "the logarithm is missing"),
        ("peak of 255", {"torch.log10(mse)": "torch.log10(mse / 255**2)"}, "you took 255"),
        (
            "peak: the picture's maximum",
            {"torch.log10(mse)": "torch.log10(mse / quantize(sharp.float()).amax((1, 2, 3)) ** 2)"},
            "the largest that each sharp picture has",
        ),
        (
            "peak: the batch's maximum",
            {"torch.log10(mse)": "torch.log10(mse / quantize(sharp.float()).max() ** 2)"},
            "the largest of the whole batch",
        ),
        (
            "peak of 256",
            {"torch.log10(mse)": "torch.log10(mse * 255**2 / 256**2)"},
            "not 256",
        ),
        (
            "rounded to 257 levels",
            {
                "quantize(restored.float())": "(restored.float().clamp(0, 1) * 256).round() / 256",
                "quantize(sharp.float())": "(sharp.float().clamp(0, 1) * 256).round() / 256",
            },
            "multiply by 255 before rounding",
        ),
        ("sum", {".mean(dim=(1, 2, 3))": ".sum(dim=(1, 2, 3))"}, "squared errors are added up"),
        (
            "mean of the colours' PSNRs",
            {"dim=(1, 2, 3)": "dim=(2, 3)", "torch.log10(mse)": "torch.log10(mse).mean(dim=1)"},
            "the mean of the colours' PSNRs",
        ),
        ("absolute differences", {"-10 *": "-20 *", ".square()": ".abs()"}, "absolute differences"),
        (
            "the batch's for each",
            {".mean(dim=(1, 2, 3))": ".mean().expand(len(sharp))"},
            "the value of the whole batch",
        ),
        (
            "in place",
            {"    difference =": "    restored.clamp_(0, 1)\n    difference ="},
            "changes the pictures",
        ),
        ("an ε", {"log10(mse)": "log10(mse + 1e-8)"}, "identical pictures have infinite PSNR"),
        (
            "in bfloat16",
            {"restored.float()": "restored", "sharp.float()": "sharp"},
            "from the first line on",
        ),
        ("sharp in bfloat16", {"sharp.float()": "sharp"}, "the *sharp* picture is bfloat16"),
        (
            "a number of pixels written in",
            {".mean(dim=(1, 2, 3))": ".sum(dim=(1, 2, 3)) / 144"},
            "is a number of pixels written in",
        ),
        ("nothing returned", {"return -10": "-10"}, "`return ...`"),
    ],
    "finite_mean": [
        (
            "mean of means",
            {
                "self.total += kept.double().sum().item()": "self.total += kept.double().mean().item()",
                "self.count += len(kept)": "self.count += 1",
            },
            "the mean of the batches' means",
        ),
        (
            "divided by batches",
            {"self.count += len(kept)": "self.count += 1"},
            "That is their sum",
        ),
        (
            "size of the last batch",
            {"self.count += len(kept)": "self.count = len(kept)"},
            "the size of the last batch",
        ),
        (
            "forgets",
            {
                "self.total += kept": "self.total = kept",
                "self.count += len(kept)": "self.count = len(kept)",
            },
            "`update` forgets what came before",
        ),
        (
            "first batch only",
            {"        kept =": "        if self.count:\n            return\n        kept ="},
            "only the first batch",
        ),
        (
            "running mean",
            {
                "self.total += kept.double().sum().item()": "self.total = (self.total + kept.mean().item()) / 2 if self.count else kept.mean().item()",
                "self.total / self.count if": "self.total if",
            },
            "with the mean so far",
        ),
        ("infinite kept", {"values[~values.isinf()]": "values"}, "makes your mean infinite"),
        (
            "times the mask",
            {"values[~values.isinf()]": "values * ~values.isinf()"},
            "infinity times 0",
        ),
        (
            "counted as 0",
            {"values[~values.isinf()]": "values.where(~values.isinf(), 0)"},
            "but still in the count",
        ),
        (
            "batches with infinite ones",
            {"+= len(values) - len(kept)": "+= int(values.isinf().any())"},
            "the number of *batches*",
        ),
        (
            "infinite of the last batch",
            {"self.infinite +=": "self.infinite ="},
            "the last batch's",
        ),
        (
            "never counted",
            {"self.infinite += len(values) - len(kept)": "pass"},
            "three values were infinite; 0",
        ),
        ("divides by 0", {" if self.count else math.inf": ""}, "you divide by 0"),
        ("0 where none is finite", {"else math.inf": "else 0.0"}, "the mean is infinite, and 2"),
        (
            "NaN dropped",
            {"~values.isinf()": "values.isfinite()"},
            "a broken picture must show",
        ),
        (
            "NaN counted",
            {"+= len(values) - len(kept)": "+= int((~values.isfinite()).sum())"},
            "a NaN is no infinite value",
        ),
        (
            "compute resets",
            {
                "        return (self.total": "        total, count = self.total, self.count\n        self.total, self.count = 0.0, 0\n        return (self.total",
                "self.total / self.count if self.count": "total / count if count",
            },
            "should change nothing",
        ),
        (
            "kept in the class",
            {
                "    def __init__(self) -> None:\n        self.total, self.count, self.infinite = 0.0, 0, 0": "    values = []\n    def __init__(self) -> None:\n        pass",
                "        kept = values[~values.isinf()]\n        self.total += kept.double().sum().item()\n        self.count += len(kept)\n        self.infinite += len(values) - len(kept)": "        self.values += values.tolist()",
                "        return (self.total / self.count if self.count else math.inf), self.infinite": "        kept = [v for v in self.values if not math.isinf(v)]\n        return (sum(kept) / len(kept) if kept else math.inf), len(self.values) - len(kept)",
            },
            "remembers the values of an older",
        ),
        ("no count returned", {"math.inf), self.infinite": "math.inf)"}, "should give two things"),
    ],
    "ssim_uniform": [
        ("population", {"sample = 49 / 48": "sample = 1.0"}, "divided by 49"),
        ("upside down", {"49 / 48": "48 / 49"}, "the wrong way up"),
        (
            "covariance of the population",
            {"covariance = sample * ": "covariance = "},
            "the covariance isn't",
        ),
        (
            "variances of the population",
            {
                "sample * (mu_xx - mu_x**2), sample * (mu_yy - mu_y**2)": "mu_xx - mu_x**2, mu_yy - mu_y**2"
            },
            "the variances aren't",
        ),
        (
            "raw moments",
            {" - mu_x**2": "", " - mu_y**2": "", " - mu_x * mu_y": ""},
            "the squares of the means are not subtracted",
        ),
        ("constants not squared", {"0.01**2": "0.01", "0.03**2": "0.03"}, "C_2 are squared"),
        (
            "constants exchanged",
            {"0.01**2": "0.030**2", "0.03**2": "0.01**2"},
            "C_2 are exchanged",
        ),
        (
            "constants for 255",
            {"0.01**2": "2.55**2", "0.03**2": "7.65**2"},
            "for pictures up to 255",
        ),
        ("no constants", {" + 0.01**2": "", " + 0.03**2": ""}, "C_1 and C_2 are missing"),
        ("luminance alone", {"luminance * structure": "luminance"}, "the luminance alone"),
        ("structure alone", {"luminance * structure": "structure"}, "structure alone"),
        ("sum", {"luminance * structure": "luminance + structure"}, "they are multiplied"),
        (
            "deviations for covariance",
            {"covariance = sample * (mu_xy - mu_x * mu_y)": "covariance = (var_x * var_y).sqrt()"},
            "the product of the deviations",
        ),
        ("11 pixels", {"p, 7, stride": "p, 11, stride"}, "11 × 11 pixels; here it is 7 × 7."),
        (
            "11 pixels throughout",
            {"p, 7, stride": "p, 11, stride", "49 / 48": "121 / 120"},
            "the sample's factor follows",
        ),
        ("stride", {", stride=1": ""}, "windows are 7 apart"),
        ("zeros outside", {"stride=1": "stride=1, padding=3"}, "with zeros there"),
        (
            "mirrored outside",
            {
                "x, y = restored, sharp": 'x, y = (functional.pad(i, (3, 3, 3, 3), "reflect") for i in (restored, sharp))'
            },
            "mirrored there",
        ),
        (
            "repeated outside",
            {
                "x, y = restored, sharp": 'x, y = (functional.pad(i, (3, 3, 3, 3), "replicate") for i in (restored, sharp))'
            },
            "its border repeated",
        ),
        (
            "one window",
            {"functional.avg_pool2d(p, 7, stride=1)": "p.mean((2, 3), keepdim=True)"},
            "one window for the whole picture",
        ),
        (
            "ratio of means",
            {
                "(luminance * structure).mean(dim=(1, 2, 3))": "((2 * mu_x * mu_y + 0.01**2) * (2 * covariance + 0.03**2)).mean((1, 2, 3)) / ((mu_x**2 + mu_y**2 + 0.01**2) * (var_x + var_y + 0.03**2)).mean((1, 2, 3))"
            },
            "divide in each window",
        ),
        (
            "gray",
            {
                "x, y = restored, sharp": "x, y = ((i * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True) for i in (restored, sharp))"
            },
            "the SSIM of the gray pictures",
        ),
        (
            "mean of the colours",
            {
                "x, y = restored, sharp": "x, y = (i.mean(1, keepdim=True) for i in (restored, sharp))"
            },
            "the SSIM of the colours' mean",
        ),
        (
            "clipped",
            {"x, y = restored, sharp": "x, y = restored.clamp(0, 1), sharp.clamp(0, 1)"},
            "what lies outside is clipped",
        ),
        (
            "restored one clipped",
            {"x, y = restored,": "x, y = restored.clamp(0, 1),"},
            "the restored picture is clipped where",
        ),
        (
            "rounded",
            {"x, y = restored, sharp": "x, y = quantize(restored), quantize(sharp)"},
            "measured as they are",
        ),
        ("a loss", {"return (lum": "return 1 - (lum"}, "that is 1 − SSIM"),
        ("one for the batch", {".mean(dim=(1, 2, 3))": ".mean()"}, "One number for the batch"),
        (
            "the batch's for each",
            {".mean(dim=(1, 2, 3))": ".mean().expand(len(sharp))"},
            "got the same value",
        ),
        ("the map", {".mean(dim=(1, 2, 3))": ""}, "That is the map"),
        ("colours apart", {"dim=(1, 2, 3)": "dim=(2, 3)"}, "colours are still apart"),
        ("in place", {"x, y = restored": "x, y = restored.add_(1e-3)"}, "changes the pictures"),
        ("detached", {"x, y = restored,": "x, y = restored.detach(),"}, "no gradient comes"),
        (
            "a part detached",
            {"luminance = (2": "var_x = var_x.detach()\n    luminance = (2"},
            "their gradient is not",
        ),
        (
            "numbers of windows written in",
            {".mean(dim=(1, 2, 3))": ".sum(dim=(1, 2, 3)) / (3 * 14 * 17)"},
            "is a size written in",
        ),
    ],
    "aligned_psnr": [
        ("lowest", {".max(dim=0)": ".min(dim=0)"}, "the lowest of all shifts"),
        (
            "one shift for all",
            {
                "best, number = torch.stack(scores).max(dim=0)": "scores = torch.stack(scores)\n    number = scores.mean(1).argmax().expand(len(sharp))\n    best = scores[number[0]]"
            },
            "one shift is taken for the whole batch",
        ),
        (
            "roll",
            {
                "psnr(restored[..., top : top + high, left : left + wide], inner)": "psnr(restored.roll((-a, -b), (2, 3)), sharp)"
            },
            "comes in on the other",
        ),
        (
            "all of the overlap",
            {
                "psnr(restored[..., top : top + high, left : left + wide], inner)": "psnr(restored[..., max(0, a) : height + min(0, a), max(0, b) : width + min(0, b)], sharp[..., max(0, -a) : height + min(0, -a), max(0, -b) : width + min(0, -b)])"
            },
            "judged on pixels of its own",
        ),
        (
            "the sharp one moves",
            {
                "inner = sharp": "inner = restored",
                "psnr(restored[...": "psnr(sharp[...",
            },
            "the sharp window moves",
        ),
        (
            "signs of the shift",
            {"torch.tensor(shifts)": "-torch.tensor(shifts)"},
            "the signs are turned",
        ),
        (
            "right before down",
            {"torch.tensor(shifts)[number]": "torch.tensor(shifts)[number].flip(1)"},
            "down and right are exchanged",
        ),
        (
            "places, not shifts",
            {"torch.tensor(shifts)[number]": "torch.tensor(shifts)[number] + reach"},
            "the shift is counted from `reach`",
        ),
        ("the number", {"torch.tensor(shifts)[number]": "number"}, "look it up in the list"),
        (
            "all shifts",
            {"return best,": "return torch.stack(scores),"},
            "All shifts are still there",
        ),
        (
            "no shift",
            {"return best,": "return scores[len(scores) // 2],"},
            "the PSNR without any shift",
        ),
        (
            "mean",
            {"return best,": "return torch.stack(scores).mean(dim=0),"},
            "mean over all shifts",
        ),
        (
            "only the PSNRs",
            {"return best, torch.tensor(shifts)[number]": "return best"},
            "two tensors",
        ),
        (
            "one size for two windows",
            {"top, left = reach + a, reach + b": "top, left = reach + a, 2 * reach + b"},
            "runs over the edge",
        ),
        (
            "shift (0, 0) left out",
            {
                "    for a, b in shifts:\n": "    shifts = [s for s in shifts if s != (0, 0)]\n    for a, b in shifts:\n"
            },
            "the shift (0, 0) is missing",
        ),
        (
            "float shifts",
            {"torch.tensor(shifts)[number]": "torch.tensor(shifts).float()[number]"},
            "shifts are whole numbers",
        ),
        (
            "raw error",
            {
                "psnr(restored[..., top : top + high, left : left + wide], inner)": "-10 * (restored[..., top : top + high, left : left + wide] - inner).square().mean((1, 2, 3)).log10()"
            },
            "neither clipped nor rounded before",
        ),
        (
            "clipped, not rounded",
            {
                "psnr(restored[..., top : top + high, left : left + wide], inner)": "-10 * (restored[..., top : top + high, left : left + wide].clamp(0, 1) - inner.clamp(0, 1)).square().mean((1, 2, 3)).log10()"
            },
            "clipped and not rounded",
        ),
        (
            "only the restored one on levels",
            {
                "psnr(restored[..., top : top + high, left : left + wide], inner)": "-10 * (quantize(restored[..., top : top + high, left : left + wide]) - inner).square().mean((1, 2, 3)).log10()"
            },
            "only the restored picture is clipped and rounded",
        ),
        (
            "only the sharp one on levels",
            {
                "psnr(restored[..., top : top + high, left : left + wide], inner)": "-10 * (restored[..., top : top + high, left : left + wide] - quantize(inner)).square().mean((1, 2, 3)).log10()"
            },
            "only the sharp picture is clipped and rounded",
        ),
        (
            "one decibel more at reach 0",
            {"return best,": "return best + (0 if reach else 1),"},
            "the plain PSNR of each picture",
        ),
        (
            "reach 0",
            {
                "sharp[..., reach : reach + high, reach : reach + wide]": "sharp[..., reach:-reach, reach:-reach]"
            },
            "as a slice `[0:-0]` is",
        ),
        (
            "25 shifts written in",
            {"torch.tensor(shifts)[number]": "torch.stack([number // 5 - 2, number % 5 - 2], 1)"},
            "not for 3 and 2 pictures",
        ),
        (
            "in place",
            {"    scores = []": "    restored.mul_(0.999)\n    scores = []"},
            "changes the pictures",
        ),
    ],
}

# exercise -> whole right answers, written another way
VARIANTS = {
    "reported_psnr": [
        """
def reported_psnr(restored, sharp):
    a, b = ((x.to(torch.float32).clamp(0, 1) * 255).round() for x in (restored, sharp))
    return 10 * torch.log10(255**2 / ((a - b) ** 2).flatten(1).mean(1))
""",
        """
def reported_psnr(restored, sharp):
    values = []
    for x, y in zip(restored, sharp):
        error = functional.mse_loss(quantize(x.float()), quantize(y.float())).item()
        values.append(10 * math.log10(1 / error) if error else math.inf)
    return torch.tensor(values)
""",
        """
def reported_psnr(restored, sharp):
    a, b = quantize(restored.double()), quantize(sharp.double())
    return 20 * math.log10(1.0) - 10 * (a - b).pow(2).flatten(1).mean(1).log10()
""",
    ],
    "finite_mean": [
        """
class FiniteMean:
    def __init__(self):
        self.all = []

    def update(self, values):
        self.all += values.tolist()

    def compute(self):
        finite = [value for value in self.all if abs(value) != math.inf]
        average = mean(finite) if finite else math.inf
        return average, len(self.all) - len(finite)
""",
        """
class FiniteMean:
    def __init__(self):
        self.seen = torch.zeros(0)

    def update(self, values):
        self.seen = torch.cat([self.seen, values])

    def compute(self):
        endless = self.seen.isinf()
        if endless.all():
            return torch.tensor(torch.inf), endless.sum()
        return self.seen[~endless].mean(), endless.sum()
""",
    ],
    "ssim_uniform": [
        """
def ssim_uniform(restored, sharp):
    def windows(image):
        return image.unfold(2, 7, 1).unfold(3, 7, 1).flatten(-2)

    x, y = windows(restored), windows(sharp)
    mx, my = x.mean(-1), y.mean(-1)
    both = ((x - mx[..., None]) * (y - my[..., None])).sum(-1) / 48
    above = (2 * mx * my + 1e-4) * (2 * both + 9e-4)
    below = (mx**2 + my**2 + 1e-4) * (x.var(-1) + y.var(-1) + 9e-4)
    return (above / below).flatten(1).mean(1)
""",
        """
def ssim_uniform(restored, sharp):
    box = torch.full((3, 1, 7, 7), 1 / 49, dtype=restored.dtype)
    m = lambda image: functional.conv2d(image, box, groups=3)
    a, b = m(restored), m(sharp)
    vx = (m(restored**2) - a * a) * 49 / 48
    vy = (m(sharp**2) - b * b) * 49 / 48
    c = (m(restored * sharp) - a * b) * 49 / 48
    s = (2 * a * b + 0.0001) * (2 * c + 0.0009) / ((a * a + b * b + 0.0001) * (vx + vy + 0.0009))
    return torch.stack([one.mean() for one in s])
""",
        """
def ssim_uniform(restored, sharp):
    x, y = (i.double().unfold(2, 7, 1).unfold(3, 7, 1) for i in (restored, sharp))
    mx, my = x.mean((-1, -2), keepdim=True), y.mean((-1, -2), keepdim=True)
    vx, vy, c = (p.sum((-1, -2)) / 48 for p in ((x - mx) ** 2, (y - my) ** 2, (x - mx) * (y - my)))
    mx, my = mx[..., 0, 0], my[..., 0, 0]
    light = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
    return (light * (2 * c + 9e-4) / (vx + vy + 9e-4)).mean((1, 2, 3))
""",
    ],
    "aligned_psnr": [
        """
def aligned_psnr(restored, sharp, reach):
    height, width = sharp.shape[-2:]
    restored, sharp = quantize(restored), quantize(sharp)
    best, where = [], []
    for x, y in zip(restored, sharp):
        found = (-math.inf, None)
        for a in range(-reach, reach + 1):
            for b in range(-reach, reach + 1):
                moved = x.roll((-a, -b), (1, 2))
                keep = (slice(None), slice(reach, height - reach), slice(reach, width - reach))
                error = (moved[keep] - y[keep]).square().mean()
                found = max(found, ((-10 * error.log10()).item(), (a, b)), key=lambda f: f[0])
        best.append(found[0])
        where.append(found[1])
    return torch.tensor(best), torch.tensor(where)
""",
        """
def aligned_psnr(restored, sharp, reach):
    x, y = (quantize(image).double() for image in (restored, sharp))
    rows, columns = (n - 2 * reach for n in y.shape[-2:])
    windows = x.unfold(2, rows, 1).unfold(3, columns, 1)
    fixed = y[..., reach : reach + rows, reach : reach + columns]
    errors = (windows - fixed[:, :, None, None]).square().mean((1, 4, 5))
    place = errors.flatten(1).argmin(1)
    side = 2 * reach + 1
    where = torch.stack([place // side, place % side], 1) - reach
    return -10 * errors.flatten(1).amin(1).log10(), where
""",
    ],
}
