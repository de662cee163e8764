"""Wrong answers of the kind that learners give, and right ones written otherwise."""

# exercise -> [(what is wrong, {old text in the solution: new text}, part of the message meant for it)]
MISTAKES = {
    "iterations_for": [
        (
            "rounded down",
            {
                "    iterations = 1\n    while length / 2**iterations > reach:\n        iterations += 1\n    return iterations": "    import math\n    return max(1, int(math.log2(length / reach)))"
            },
            "round up, not down",
        ),
        (
            "natural logarithm",
            {
                "    iterations = 1\n    while length / 2**iterations > reach:\n        iterations += 1\n    return iterations": "    import math\n    return max(1, math.ceil(math.log(length / reach)))"
            },
            "the *natural* logarithm",
        ),
        (
            "decimal logarithm",
            {
                "    iterations = 1\n    while length / 2**iterations > reach:\n        iterations += 1\n    return iterations": "    import math\n    return max(1, math.ceil(math.log10(length / reach)))"
            },
            "take the logarithm of base 2",
        ),
        (
            "the ratio",
            {
                "    iterations = 1\n    while length / 2**iterations > reach:\n        iterations += 1\n    return iterations": "    return max(1, int(length / reach))"
            },
            "how many times too long",
        ),
        (
            "halved once only",
            {"2**iterations": "(2 * iterations)"},
            "each level halves what the level before has left",
        ),
        ("one too many", {"return iterations": "return iterations + 1"}, "that is one too many"),
        ("down to a pixel", {"> reach": "> 1"}, "not until it is shorter than one"),
        ("strictly shorter", {"> reach": ">= reach"}, "equal will do"),
        ("rounded on the way", {"length / 2**": "length // 2**"}, "you round on the way"),
        ("none for a short blur", {"iterations = 1": "iterations = 0"}, "at least one iteration"),
        ("nothing returned", {"    return iterations": "    iterations"}, "nothing came back"),
        (
            "a fraction",
            {
                "    iterations = 1\n    while length / 2**iterations > reach:\n        iterations += 1\n    return iterations": "    import math\n    return math.log2(length / reach)"
            },
            "a whole number should come back",
        ),
        (
            "a float for a short blur",
            {
                "    iterations = 1\n    while length / 2**iterations > reach:\n        iterations += 1\n    return iterations": "    import math\n    return max(1.0, math.ceil(math.log2(length / reach)))"
            },
            "6 pixels, and a reach of 3: 1.0 is the right number",
        ),
        (
            "floats throughout",
            {"return iterations": "return float(iterations)"},
            "24 pixels, and a reach of 1: 5.0 is the right number",
        ),
        (
            "at most five",
            {"iterations += 1": "iterations += 1\n        if iterations == 5: break"},
            "right so far, but for",
        ),
    ],
    "climb_any_size": [
        (
            "padded for the pyramid only",
            {"multiple * 2**iterations": "2**iterations"},
            "at *every* level",
        ),
        (
            "4 written in",
            {"multiple * 2**": "4 * 2**"},
            "but not for 33 × 20, I = 3, multiples of 8",
        ),
        (
            "levels padded one by one",
            {
                "    padded = pad_to_multiple(blurred, multiple * 2**iterations)\n    levels = gaussian_pyramid(padded, iterations)": "    levels = [pad_to_multiple(b, 4 * 2**(3 - i)) for i, b in enumerate(gaussian_pyramid(blurred, iterations))]"
            },
            "Pad once, *before* the pyramid",
        ),
        (
            "padded one level too far",
            {"multiple * 2**iterations": "2 * multiple * 2**iterations"},
            "you pad further than needed",
        ),
        (
            "repeated in place of reflected",
            {
                "pad_to_multiple(blurred, multiple * 2**iterations)": 'functional.pad(blurred, (0, -width % (multiple * 2**iterations), 0, -height % (multiple * 2**iterations)), "replicate")'
            },
            "of what `pad_to_multiple` gives",
        ),
        (
            "begins with zeros",
            {
                "sharp, images = levels[iterations], []": "sharp, images = 0 * levels[iterations], []"
            },
            "you begin with S_3 = 0",
        ),
        (
            "S forgotten",
            {
                "iterate(levels[i + 1], sharp, levels[i])": "iterate(levels[i + 1], levels[i + 1], levels[i])"
            },
            "is forgotten",
        ),
        (
            "S cropped in the loop",
            {
                "images.append(sharp[..., :rows, :columns])": "sharp = sharp[..., :rows, :columns]; images.append(sharp)"
            },
            "hand on what is not cropped",
        ),
        (
            "S clipped in the loop",
            {"levels[i])\n": "levels[i]).clamp(0, 1)\n"},
            "as the iteration before has made it",
        ),
        (
            "the index one off",
            {"levels[i + 1], sharp, levels[i])": "levels[i + 1], sharp, levels[i + 1])"},
            "Is its index i?",
        ),
        (
            "downwards",
            {
                "sharp, images = levels[iterations], []": "sharp, images = levels[1], []",
                "in reversed(range(iterations)):": "in range(iterations):\n        sharp = levels[i + 1]",
            },
            "you climb down",
        ),
        (
            "one iteration too few",
            {"reversed(range(iterations))": "reversed(range(1, iterations))"},
            "yours makes 2",
        ),
        ("not cropped", {"sharp[..., :rows, :columns]": "sharp"}, "is not cropped yet"),
        (
            "rounded down",
            {"-(-height // 2**i), -(-width // 2**i)": "height // 2**i, width // 2**i"},
            "sides round *up*",
        ),
        (
            "cropped at the end",
            {"sharp[..., :rows, :columns]": "sharp[..., -rows:, -columns:]"},
            "keep the *first* rows",
        ),
        (
            "shrunk",
            {
                "sharp[..., :rows, :columns]": 'functional.interpolate(sharp, size=(rows, columns), mode="bilinear")'
            },
            "is shrunk to its size",
        ),
        (
            "clipped in the end",
            {"sharp[..., :rows, :columns]": "sharp[..., :rows, :columns].clamp(0, 1)"},
            "is clipped to [0, 1]",
        ),
        ("the last only", {"return images": "return images[-1]"}, "that is one image"),
        (
            "the start returned, too",
            {"levels[iterations], []": "levels[iterations], [levels[iterations]]"},
            "is where it begins, not a result",
        ),
        ("fine to coarse", {"return images": "return images[::-1]"}, "coarse to fine: S_2 first"),
        ("nothing returned", {"    return images": "    images"}, "nothing came back"),
        (
            "no gradient at all",
            {
                "images.append(sharp[..., :rows, :columns])": "images.append(sharp[..., :rows, :columns].detach())"
            },
            "an image has no gradient",
        ),
        (
            "cut between scales",
            {
                "        rows, columns": "        shown, sharp = sharp, sharp.detach()\n        rows, columns",
                "images.append(sharp[": "images.append(shown[",
            },
            "the gradient is cut between scales",
        ),
        (
            "`climb`, as it stands",
            {
                "    sharp, images = levels[iterations], []\n": "    def climb(iterate, B, through=False):\n        S, images = B[-1], []\n        for i in reversed(range(len(B) - 1)):\n            S = iterate(B[i + 1], S, B[i])\n            images.append(S)\n            if not through:\n                S = S.detach()\n        return images\n\n    sharp, images = None, []\n    climbed = climb(iterate, levels)\n",
                "        sharp = iterate(levels[i + 1], sharp, levels[i])\n": "        sharp = climbed[iterations - 1 - i]\n",
            },
            "or call `climb` with `through=True`",
        ),
        (
            "in place",
            {
                "    padded =": "    given = blurred.clone()\n    padded =",
                "    return images": "    blurred.mul_(0.5)\n    return images",
            },
            "in place",
        ),
        (
            "three iterations written in",
            {
                "multiple * 2**iterations": "multiple * 8",
                "gaussian_pyramid(padded, iterations)": "gaussian_pyramid(padded, 3)",
                "levels[iterations]": "levels[3]",
                "range(iterations)": "range(3)",
            },
            "but not for 9 × 7, I = 2",
        ),
    ],
    "computing": [
        (
            "one scale too far down",
            {"for i in range(iterations)": "for i in range(1, iterations + 1)"},
            "you count the pixels of B_2 and B_1",
        ),
        (
            "one iteration too many",
            {"for i in range(iterations)": "for i in range(iterations + 1)"},
            "one iteration too many",
        ),
        (
            "one side halved",
            {"(columns // 2**i)": "columns"},
            "both sides are halved",
        ),
        (
            "all alike",
            {"(rows // 2**i) * (columns // 2**i)": "rows * columns"},
            "costs the same in your code",
        ),
        (
            "the last alone",
            {"for i in range(iterations)": "for i in [0]"},
            "the last iteration alone",
        ),
        (
            "the first alone",
            {"for i in range(iterations)": "for i in [iterations - 1]"},
            "the first iteration alone",
        ),
        (
            "the limit",
            {
                "sum(per_pixel * (rows // 2**i) * (columns // 2**i) for i in range(iterations))": "per_pixel * rows * columns * 4 // 3"
            },
            "the limit for many iterations",
        ),
        ("per pixel forgotten", {"per_pixel * (rows": "(rows"}, "`per_pixel` is missing"),
        (
            "no padding, rounded up",
            {
                "rows, columns = height + -height % n, width + -width % n": "rows, columns = height, width",
                "(rows // 2**i) * (columns // 2**i)": "-(-rows // 2**i) * -(-columns // 2**i)",
            },
            "the padding is computed, too.",
        ),
        (
            "no padding, fractions",
            {
                "rows, columns = height + -height % n, width + -width % n": "rows, columns = height, width",
                "sum(per_pixel * (rows // 2**i) * (columns // 2**i) for i in range(iterations))": "int(sum(per_pixel * rows * columns / 4**i for i in range(iterations)))",
            },
            "and you have parts of pixels",
        ),
        (
            "no padding, a float",
            {
                "rows, columns = height + -height % n, width + -width % n": "rows, columns = height, width",
                "sum(per_pixel * (rows // 2**i) * (columns // 2**i) for i in range(iterations))": "sum(per_pixel * rows * columns / 4**i for i in range(iterations))",
            },
            "4,921.875 found; the sides are padded first",
        ),
        (
            "a float",
            {"(rows // 2**i) * (columns // 2**i)": "rows * columns / 4**i"},
            "divide with `//`",
        ),
        (
            "no padding, rounded down",
            {
                "rows, columns = height + -height % n, width + -width % n": "rows, columns = height, width"
            },
            "the sides are padded *up*",
        ),
        (
            "padded for one scale",
            {"n = multiple * 2**iterations": "n = multiple"},
            "you pad to multiples of 4.",
        ),
        (
            "padded for the pyramid only",
            {"n = multiple * 2**iterations": "n = 2**iterations"},
            "you pad to multiples of 2³",
        ),
        (
            "one halving too few",
            {"n = multiple * 2**iterations": "n = multiple * 2**(iterations - 1)"},
            "B_3 is halved once more",
        ),
        (
            "each level padded",
            {
                "n = multiple * 2**iterations": "n = multiple",
                "rows, columns = height + -height % n, width + -width % n": "up = lambda x: x + -x % n",
                "(rows // 2**i) * (columns // 2**i)": "up(-(-height // 2**i)) * up(-(-width // 2**i))",
            },
            "you pad every level by itself",
        ),
        (
            "cut in place of padded",
            {"height + -height % n, width + -width % n": "height - height % n, width - width % n"},
            "that would cut the photograph",
        ),
        (
            "a multiple too much",
            {
                "height + -height % n, width + -width % n": "(height // n + 1) * n, (width // n + 1) * n"
            },
            "where nothing is missing",
        ),
        (
            "4 written in",
            {"n = multiple * ": "n = 4 * "},
            "but for (3, 64, 96, 3, 8)",
        ),
        ("nothing returned", {"return sum": "sum"}, "nothing came back"),
    ],
    "truncated_losses": [
        (
            "begins above the coarsest",
            {"min(iterations, i + 1 + back)": "i + 1 + back"},
            "Nothing stands above S_4",
        ),
        (
            "always cut",
            {"i + 1 + back)": "i + 1)"},
            "every loss reaches its own iteration only",
        ),
        (
            "never cut",
            {"S[i] = sharp.detach()": "S[i] = sharp"},
            "where does your code cut?",
        ),
        (
            "one too far",
            {"i + 1 + back)": "i + 2 + back)"},
            "over two iterations before its own",
        ),
        (
            "cut after every second iteration",
            {
                "        start = min(iterations, i + 1 + back)\n        sharp = S[start]\n        for j in reversed(range(i, start)):\n            sharp = iterate(B[j + 1], sharp, B[j])\n        S[i] = sharp.detach()": "        sharp = iterate(B[i + 1], S[i + 1], B[i])\n        S[i] = sharp.detach() if (iterations - i) % (back + 1) == 0 else sharp"
            },
            "so S_2 and S_0 reach back",
        ),
        (
            "cut before every second iteration",
            {
                "        start = min(iterations, i + 1 + back)\n        sharp = S[start]\n        for j in reversed(range(i, start)):\n            sharp = iterate(B[j + 1], sharp, B[j])\n        S[i] = sharp.detach()": "        sharp = iterate(B[i + 1], S[i + 1], B[i])\n        S[i] = sharp.detach() if (iterations - i) % (back + 1) == 1 else sharp"
            },
            "so S_1 reaches back",
        ),
        (
            "begins with B",
            {"sharp = S[start]": "sharp = B[start]"},
            "S is lost where the gradient is cut",
        ),
        (
            "S forgotten altogether",
            {"iterate(B[j + 1], sharp, B[j])": "iterate(B[j + 1], B[j + 1], B[j])"},
            "S climbs along nowhere",
        ),
        (
            "writes into B",
            {"    S = {iterations: B[iterations]}": "    S = B"},
            "your code writes into the list B",
        ),
        ("squared", {"(sharp - GT[i]).abs()": "(sharp - GT[i]).square()"}, "mean *squared*"),
        ("a sum", {".abs().mean()": ".abs().sum()"}, "those are sums over pixels"),
        ("a map", {".abs().mean()": ".abs()"}, "take its mean"),
        ("the total", {"return losses": "return sum(losses)"}, "that is one loss"),
        ("fine to coarse", {"return losses": "return losses[::-1]"}, "begin with the coarsest"),
        (
            "numbers",
            {"(sharp - GT[i]).abs().mean()": "(sharp.detach() - GT[i]).abs().mean()"},
            "a loss has no gradient",
        ),
        (
            "1 written in",
            {"i + 1 + back)": "i + 2)"},
            "but not for I = 4 and `back` = 0",
        ),
        (
            "each S wrong",
            {
                "(sharp - GT[i]).abs().mean()": '(sharp - functional.interpolate(GT[i + 1], scale_factor=2, mode="bilinear")).abs().mean()'
            },
            "the next coarser size",
        ),
        (
            "only the last",
            {"return losses": "return losses[-1:]"},
            "1 came back",
        ),
        (
            "half of the gradient",
            {
                "S[i] = sharp.detach()": "S[i] = sharp.detach()\n        sharp = (sharp + sharp.detach()) / 2"
            },
            "its gradient has wrong values",
        ),
    ],
}

VARIANTS = {
    "iterations_for": [
        """
import math

def iterations_for(length, reach):
    return max(1, math.ceil(math.log2(length / reach)))
""",
        """
def iterations_for(length, reach):
    if length / 2 <= reach:
        return 1
    return 1 + iterations_for(length / 2, reach)
""",
    ],
    "climb_any_size": [
        """
def climb_any_size(iterate, blurred, iterations, multiple):
    n = multiple * 2**iterations
    B = [pad_to_multiple(blurred, n)]
    sizes = [blurred.shape[-2:]]
    for _ in range(iterations):
        B.append(gaussian_pyramid(B[-1], 1)[1])
        sizes.append([(side + 1) // 2 for side in sizes[-1]])
    S = {iterations: B[-1]}
    i = iterations - 1
    while i >= 0:
        S[i] = iterate(B[i + 1], S[i + 1], B[i])
        i -= 1
    return [S[i].narrow(2, 0, sizes[i][0]).narrow(3, 0, sizes[i][1]) for i in range(iterations)][::-1]
""",
        """
def climb_any_size(iterate, blurred, iterations, multiple):
    wanted = [level.shape for level in gaussian_pyramid(blurred, iterations)]
    levels = gaussian_pyramid(pad_to_multiple(blurred, multiple << iterations), iterations)[::-1]
    images = [levels[0]]
    for coarse, fine in zip(levels[:-1], levels[1:]):
        images.append(iterate(coarse, images[-1], fine))
    return tuple(x[:, :, : s[2], : s[3]] for x, s in zip(images[1:], wanted[-2::-1]))
""",
    ],
    "computing": [
        """
import math

def computing(per_pixel, height, width, iterations, multiple):
    # B_I in units of `multiple`; each iteration has four times the pixels of the one before
    h = math.ceil(height / (multiple * 2**iterations)) * multiple
    w = math.ceil(width / (multiple * 2**iterations)) * multiple
    total = 0
    for _ in range(iterations):
        h, w = 2 * h, 2 * w
        total += h * w
    return per_pixel * total
""",
        """
def computing(per_pixel, height, width, iterations, multiple):
    image = pad_to_multiple(torch.zeros(1, 1, height, width), multiple * 2**iterations)
    levels = gaussian_pyramid(image, iterations)
    return per_pixel * sum(level.numel() for level in levels[:-1])
""",
    ],
    "truncated_losses": [
        """
def truncated_losses(iterate, B, GT, back):
    I = len(B) - 1
    # first all S without gradient, then again from where each loss may begin
    S = [None] * I + [B[I]]
    with torch.no_grad():
        for i in range(I - 1, -1, -1):
            S[i] = iterate(B[i + 1], S[i + 1], B[i])

    def made(i, further):
        coarse = S[i + 1] if further == 0 or i == I - 1 else made(i + 1, further - 1)
        return iterate(B[i + 1], coarse, B[i])

    return [functional.l1_loss(made(i, back), GT[i]) for i in range(I - 1, -1, -1)]
""",
        """
def truncated_losses(iterate, B, GT, back):
    # every S in as many versions as it may be open
    I = len(B) - 1
    versions, losses = [B[I]], []
    for i in reversed(range(I)):
        versions = [iterate(B[i + 1], S, B[i]) for S in versions]
        losses.append(torch.mean(torch.abs(GT[i] - versions[0])))
        versions.append(versions[0].detach())
        versions = versions[-(back + 1) :]
    return losses
""",
    ],
}
