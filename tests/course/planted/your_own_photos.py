"""Wrong answers of the kind that learners give, and right ones written otherwise."""

# exercise -> [(what is wrong, {old text in the solution: new text}, part of the message meant for it)]
MISTAKES = {
    "network_input": [
        (
            "not turned",
            {"    image = ImageOps.exif_transpose(image)\n": ""},
            "it lies on its side",
        ),
        (
            "turned the wrong way",
            {
                "    image = ImageOps.exif_transpose(image)\n": "    if image.getexif().get(274) == 6:\n        image = image.rotate(90, expand=True)\n    else:\n        image = ImageOps.exif_transpose(image)\n"
            },
            "the wrong way round",
        ),
        (
            "only turned by quarters",
            {
                "    image = ImageOps.exif_transpose(image)\n": "    if image.getexif().get(274) == 6:\n        image = image.rotate(-90, expand=True)\n"
            },
            "EXIF's orientation is not heard",
        ),
        (
            "16 bits cut off",
            {'if image.mode == "I;16":': "if False:"},
            "`convert` cuts off",
        ),
        ("16 bits over 255", {"/ 65535": "/ 255"}, "you divide them by 255"),
        ("16 bits over 65536", {"/ 65535": "/ 65536"}, "divide by 65535, not 65536"),
        (
            "16 bits as 8",
            {"np.asarray(image) / 65535": "np.rint(np.asarray(image) / 257) / 255"},
            "you round to 8 bits",
        ),
        (
            "16 bits in one channel",
            {
                "        pixels = pixels[..., None].expand(-1, -1, 3)\n": "        pixels = pixels[..., None]\n"
            },
            "gray: repeat it",
        ),
        ("up to 255", {'convert("RGB")) / 255': 'convert("RGB")) / 1'}, "values go up to 255"),
        ("over 256", {'convert("RGB")) / 255': 'convert("RGB")) / 256'}, "divide by 255, not 256"),
        ("BGR", {"[None].float()": "[None].float().flip(1)"}, "red and blue are exchanged"),
        ("light", {"[None].float()": "[None].float() ** 2.2"}, "this is light"),
        ("float64", {"[None].float()": "[None]"}, "a network's weights are float32"),
        ("integers", {"[None].float()": "[None].long()"}, "float is wanted"),
        (
            "channels last",
            {"pixels.permute(2, 0, 1)[None]": "pixels[None]"},
            "before rows and columns",
        ),
        (
            "nothing permuted",
            {"pixels.permute(2, 0, 1)[None]": "pixels"},
            "and a batch of one around it",
        ),
        ("no batch", {"[None].float()": ".float()"}, "a batch of one is missing"),
        ("transposed", {"permute(2, 0, 1)": "permute(2, 1, 0)"}, "rows and columns are exchanged"),
        (
            "opacity kept",
            {'image.convert("RGB")': 'image.convert("RGBA" if image.mode == "RGBA" else "RGB")'},
            "is opacity, or black ink",
        ),
        (
            "gray kept",
            {
                'image.convert("RGB")': '(image.convert("L") if image.mode == "L" else image.convert("RGB"))',
                "    return pixels": "    pixels = pixels if pixels.ndim == 3 else pixels[..., None]\n    return pixels",
            },
            "gray has one channel",
        ),
        (
            "on black",
            {
                "    else:\n": '    else:\n        if image.mode == "RGBA":\n            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)\n'
            },
            "you lay it on black",
        ),
        (
            "numbers of colours",
            {
                'image.convert("RGB")': '(Image.fromarray(np.asarray(image)).convert("RGB") if image.mode == "P" else image.convert("RGB"))'
            },
            "are numbers of colours",
        ),
        ("nothing returned", {"    return pixels": "    pixels"}, "nothing came back"),
    ],
    "measured_reach": [
        (
            "the width",
            {
                "return int((places - middle).abs().max())": "return int(places[:, 0].max() - places[:, 0].min()) + 1"
            },
            "5 is the width of the window",
        ),
        (
            "from end to end",
            {
                "return int((places - middle).abs().max())": "return int(places[:, 0].max() - places[:, 0].min())"
            },
            "from one end to the other",
        ),
        (
            "how many",
            {"return int((places - middle).abs().max())": "return len(places)"},
            "you count the pixels",
        ),
        (
            "the whole output",
            {"compute(x)[0, :, middle, middle].sum()": "compute(x).sum()"},
            "every pixel seems to matter",
        ),
        ("a place", {"(places - middle).abs()": "places"}, "where the farthest pixel stands"),
        (
            "one beside",
            {"compute(x)[0, :, middle, middle]": "compute(x)[0, :, middle - 1, middle - 1]"},
            "from which pixel do you count",
        ),
        ("rows alone", {"[:, 2:]": "[:, 2:3]"}, "look along columns"),
        ("columns alone", {"[:, 2:]": "[:, 3:]"}, "look along rows"),
        ("to the right alone", {".abs().max()": ".max()"}, "take the distance without its sign"),
        ("positive gradients", {"x.grad != 0": "x.grad > 0"}, "a negative gradient counts"),
        ("larger than nothing", {"x.grad != 0": "x.grad.abs() > 1e-8"}, "of exactly 0"),
        (
            "the first channel",
            {"[0, :, middle, middle].sum()": "[0, 0, middle, middle]"},
            "the third channel",
        ),
        (
            "zeros",
            {
                "torch.rand(1, channels, side, side, requires_grad=True)": "torch.zeros(1, channels, side, side, requires_grad=True)"
            },
            "at zeros it is silent",
        ),
        (
            "a tensor",
            {"return int((places - middle).abs().max())": "return (places - middle).abs().max()"},
            "a whole number (`int`)",
        ),
        ("one channel", {"torch.rand(1, channels,": "torch.rand(1, 1,"}, "RuntimeError"),
        ("nothing returned", {"    return int(": "    int("}, "nothing came back"),
    ],
    "faded": [
        (
            "not divided",
            {"return total / sums": "return total"},
            "divide by the sum of the weights",
        ),
        (
            "hard",
            {
                "return (slopes / (2 * max(1, overlap))).clamp(0, 1)": "return ((r > a) & (r < b)).float()"
            },
            "tiles are cut hard",
        ),
        (
            "the mean",
            {
                "return (slopes / (2 * max(1, overlap))).clamp(0, 1)": "return torch.ones(last - first)"
            },
            "tiles are averaged where they overlap",
        ),
        (
            "without the half",
            {"torch.arange(first, last) + 0.5": "torch.arange(first, last) + 0.0"},
            "r is the middle of a row",
        ),
        ("twice as steep", {"(2 * max(1, overlap))": "max(1, overlap)"}, "divide by 2 o"),
        (
            "rows alone",
            {
                "weights(a, b, first, last)[:, None] * weights(c, d, left, right)": "weights(a, b, first, last)[:, None].expand(-1, right - left)"
            },
            "columns don't",
        ),
        (
            "columns alone",
            {
                "weights(a, b, first, last)[:, None] * weights(c, d, left, right)": "weights(c, d, left, right).expand(last - first, -1)"
            },
            "rows don't",
        ),
        ("added", {"[:, None] * weights(c": "[:, None] + weights(c"}, "are added; multiply them"),
        ("the whole", {"compute(x[place])": "compute(x)[place]"}, "`compute` is given the whole"),
        (
            "no overlap",
            {
                "total[place] += w * compute(x[place])": "total[place] += w * functional.interpolate(compute(x[..., a:b, c:d]), size=(last - first, right - left))"
            },
            "tiles with their overlap",
        ),
        (
            "in place",
            {"    return total / sums": "    x.mul_(0.5)\n    return total / sums"},
            "in place",
        ),
        ("nothing returned", {"    return total / sums": "    total / sums"}, "nothing came back"),
        ("sums written, not added", {"sums[place] += w": "sums[place] = w"}, "divide by the sum"),
        (
            "the first tile dropped",
            {
                "total[place] += w * compute(x[place])": "total[place] += w * compute(x[place]) * (a > 0 or c > 0)"
            },
            "not the tile's own",
        ),
    ],
    "unexplained": [
        ("coded values", {"to_linear(x.double())": "x.double()"}, "you compare coded values"),
        (
            "padded",
            {
                "unfold(S, side)": "unfold(S, side, padding=rim)",
                "inner = B[..., rim : B.shape[-2] - rim, rim : B.shape[-1] - rim].flatten()": "inner = B.flatten()",
            },
            "pixels at the border",
        ),
        (
            "the corner",
            {
                "B[..., rim : B.shape[-2] - rim, rim : B.shape[-1] - rim]": "B[..., : B.shape[-2] - 2 * rim, : B.shape[-1] - 2 * rim]"
            },
            "yours meet the one in a corner",
        ),
        (
            "squares",
            {
                "left.norm() / (inner - inner.mean()).norm()": "left.square().sum() / (inner - inner.mean()).square().sum()"
            },
            "take the root of both",
        ),
        (
            "the mean left in",
            {"(inner - inner.mean()).norm()": "inner.norm()"},
            "subtract its mean first",
        ),
        (
            "not divided",
            {"(left.norm() / (inner - inner.mean()).norm()).item()": "left.norm().item()"},
            "that is the length of what is left",
        ),
        ("exchanged", {"for x in (sharp, blurred)": "for x in (blurred, sharp)"}, "0 expected"),
        (
            "what is explained",
            {
                "return (left.norm() / (inner - inner.mean()).norm()).item()": "return 1 - (left.norm() / (inner - inner.mean()).norm()).item()"
            },
            "a kernel explains all of it",
        ),
        ("a tensor", {").norm()).item()": ").norm())"}, "`.item()`"),
        (
            "a vector",
            {
                "(left.norm() / (inner - inner.mean()).norm()).item()": "left / (inner - inner.mean()).norm()"
            },
            "one number should come back",
        ),
        (
            "cut off at -rim",
            {
                "B[..., rim : B.shape[-2] - rim, rim : B.shape[-1] - rim]": "B[..., rim:-rim, rim:-rim]"
            },
            "RuntimeError",
        ),
        ("nothing returned", {"    return (left": "    (left"}, "nothing came back"),
        (
            "always five",
            {"unfold(S, side)": "unfold(S, 5)", "rim = side // 2": "rim = 2"},
            "but for a kernel of 1 × 1",
        ),
    ],
}

VARIANTS = {
    "network_input": [
        """
def network_input(image):
    upright = ImageOps.exif_transpose(image)
    if np.asarray(upright).dtype == np.uint16:
        gray = np.asarray(upright).astype(np.float32) / 65535
        levels = np.stack([gray, gray, gray])
    else:
        levels = np.moveaxis(np.asarray(upright.convert("RGB"), dtype=np.float32), -1, 0) / 255
    return torch.tensor(levels).unsqueeze(0)
""",
        """
from deblurlib.imaging.files import to_tensor

def network_input(image):
    image = ImageOps.exif_transpose(image)
    if image.mode == "I;16":
        return (torch.from_numpy(np.asarray(image).astype("float32")) / 65535).repeat(1, 3, 1, 1)
    return to_tensor(image).unsqueeze(0)
""",
    ],
    "measured_reach": [
        """
def measured_reach(compute, channels, side):
    x = torch.randn(1, channels, side, side).abs().requires_grad_()
    out = compute(x)[..., side // 2, side // 2]
    (gradient,) = torch.autograd.grad(out.sum(), x)
    seen = (gradient[0] != 0).any(dim=0)
    farthest = 0
    for y in range(side):
        for x_ in range(side):
            if seen[y, x_]:
                farthest = max(farthest, abs(y - side // 2), abs(x_ - side // 2))
    return farthest
""",
    ],
    "faded": [
        """
def faded(compute, x, side, overlap):
    height, width = x.shape[-2:]
    fade = max(overlap, 1)

    def ramp(start, length):
        end = min(start + side, length)
        low, high = max(0, start - overlap), min(length, end + overlap)
        place = torch.arange(low, high, dtype=torch.float32).add(0.5)
        up, down = (place - start + overlap) / (2 * fade), (end + overlap - place) / (2 * fade)
        return low, high, torch.stack([up, down, torch.ones_like(up)]).amin(dim=0)

    out, norm = 0, 0
    for left in range(0, width, side):
        for top in range(0, height, side):
            t, b, down = ramp(top, height)
            l, r, across = ramp(left, width)
            weight = torch.outer(down, across)
            pad = (l, width - r, t, height - b)
            out = out + functional.pad(compute(x[:, :, t:b, l:r]) * weight, pad)
            norm = norm + functional.pad(weight, pad)
    return out / norm
""",
    ],
    "unexplained": [
        """
def unexplained(sharp, blurred, side):
    S = to_linear(sharp.double()).mean(dim=1)[0]
    B = to_linear(blurred.double()).mean(dim=1)[0]
    rows = S.unfold(0, side, 1).unfold(1, side, 1)
    A = rows.reshape(-1, side * side)
    r = side // 2
    b = B[r : r + rows.shape[0], r : r + rows.shape[1]].reshape(-1)
    k = torch.linalg.pinv(A) @ b
    return float((A @ k - b).norm() / (b - b.mean()).norm())
""",
    ],
}
