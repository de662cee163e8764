"""Wrong answers of the kind that learners give, and right ones written otherwise."""

PIXEL = "total = total + (S - GT).abs().mean()"
AUX = "aux = aux + (edges(S) - target).abs().mean()"
SUP = "sup = sup + (G - target).abs().mean()"

MISTAKES = {
    "pixel_loss": [
        ("the pyramid not turned", {"reversed(pyramid)": "pyramid"}, "turn one of them round"),
        ("a sum over pixels", {".abs().mean()": ".abs().sum()"}, "pixels are summed"),
        (
            "a mean over scales",
            {"return total": "return total / len(images)"},
            "the scales are averaged",
        ),
        ("squares", {".abs().mean()": ".square().mean()"}, "that is the mean square"),
        ("the 2-norm", {".abs().mean()": ".square().mean().sqrt()"}, "the 2-norm"),
        (
            "the mean first",
            {".abs().mean()": ".mean().abs()"},
            "the mean is taken before the absolute value",
        ),
        ("no absolute value", {".abs().mean()": ".mean()"}, "what is too dark pays"),
        (
            "no absolute value, turned",
            {"(S - GT).abs().mean()": "(GT - S).mean()"},
            "GT - S is averaged",
        ),
        (
            "the last scale only",
            {PIXEL: "total = (S - GT).abs().mean()"},
            "only the last image counts",
        ),
        (
            "a return in the loop",
            {"    return total": "        return total"},
            "only the first image",
        ),
        (
            "one mean over all pixels",
            {
                PIXEL: "total = total + (S - GT).abs().sum()",
                "return total": "return total / sum(S.numel() for S in images)",
            },
            "one mean over all scales' pixels",
        ),
        (
            "every second pixel",
            {
                PIXEL: "n = sharp.shape[-1] // S.shape[-1]\n"
                "        total = total + (S - sharp[..., ::n, ::n]).abs().mean()"
            },
            "every 2nd, every 4th pixel",
        ),
        (
            "shrunk targets",
            {"- GT)": "- functional.adaptive_avg_pool2d(sharp, S.shape[-2:]))"},
            "shrunk in another way",
        ),
        (
            "interpolated targets",
            {"- GT)": "- functional.interpolate(sharp, S.shape[-2:], mode='bilinear'))"},
            "shrunk by `interpolate`;",
        ),
        (
            "antialiased targets",
            {
                "- GT)": "- functional.interpolate(sharp, S.shape[-2:], mode='bilinear', "
                "antialias=True))"
            },
            "if with `antialias`",
        ),
        (
            "enlarged images",
            {
                PIXEL: "S = functional.interpolate(S, sharp.shape[-2:], mode='bilinear')\n"
                "        total = total + (S - sharp).abs().mean()"
            },
            "the images are enlarged",
        ),
        ("clamped", {"(S - GT)": "(S.clamp(0, 1) - GT)"}, "would go unpunished"),
        (
            "colours averaged",
            {"(S - GT).abs()": "(S - GT).mean(1).abs()"},
            "the colours are averaged",
        ),
        (
            "in place",
            {"(S - GT).abs()": "S.sub_(GT).abs()"},
            "changes the images that it was given",
        ),
        (
            "a list of losses",
            {
                "total = torch.zeros(())": "total = []",
                PIXEL: "total.append((S - GT).abs().mean())",
                "return total": "return torch.stack(total)",
            },
            "one number a scale",
        ),
        (
            "one number an image",
            {".abs().mean()": ".abs().mean((1, 2, 3))"},
            "one number for each image of the batch",
        ),
        ("item", {".abs().mean()": ".abs().mean().item()"}, "no gradient comes through"),
        ("a plain number", {"return total": "return float(total)"}, "not a plain number"),
        (
            "coarse scales detached",
            {"(S - GT)": "((S if S.shape == sharp.shape else S.detach()) - GT)"},
            "2 of 3 scales get no gradient",
        ),
        (
            "three scales written in",
            {
                "for S, GT in zip(images, reversed(pyramid), strict=True):": "for k in range(3):",
                PIXEL: "total = total + (images[k] - pyramid[2 - k]).abs().mean()",
            },
            "1 of them, up to",
        ),
        (
            "a size written in",
            {".abs().mean()": ".abs().sum() * (16 * 24 / S[0, 0].numel()) / 2304"},
            "right for three scales of a batch of two, but not",
        ),
        ("nothing returned", {"return total": "total"}, "does your code end in"),
    ],
    "edge_losses": [
        ("the pyramid not turned", {"reversed(pyramid)": "pyramid"}, "turn one of them round"),
        (
            "the map of the difference",
            {
                "targets = [edges(GT) for GT in reversed(pyramid)]": "targets = list(reversed(pyramid))",
                AUX: "aux = aux + edges(S - target).mean()",
            },
            "that is M(S - GT)",
        ),
        (
            "the edge map shrunk",
            {
                "pyramid = gaussian_pyramid(sharp,": "pyramid = gaussian_pyramid(edges(sharp),",
                "[edges(GT) for GT in reversed(pyramid)]": "pyramid[::-1]",
            },
            "Shrinking blurs edges",
        ),
        (
            "M(S) against GT",
            {"[edges(GT) for GT in reversed(pyramid)]": "list(reversed(pyramid))"},
            "M(S) is held against GT itself",
        ),
        ("clamped", {"edges(S)": "edges(S.clamp(0, 1))"}, "would go unpunished"),
        (
            "colours averaged",
            {
                "edges(S)": "edges(S).mean(1, keepdim=True)",
                "edges(GT)": "edges(GT).mean(1, keepdim=True)",
            },
            "each its own map",
        ),
        ("S against M(GT)", {AUX: AUX.replace("edges(S)", "S")}, "S is held against M(GT)"),
        (
            "equation (1)",
            {
                "[edges(GT) for GT in reversed(pyramid)]": "list(reversed(pyramid))",
                AUX: AUX.replace("edges(S)", "S"),
            },
            "that is equation (1)",
        ),
        (
            "M(S) against G",
            {
                "zip(restoration.images, targets, strict=True)": (
                    "zip(restoration.images, restoration.edges, strict=True)"
                )
            },
            "The *target* is M(GT)",
        ),
        ("in reverse", {"return aux, sup": "return sup, aux"}, "have changed places"),
        ("M(G)", {SUP: SUP.replace("(G -", "(edges(G) -")}, "G *is* an edge map already"),
        (
            "G against GT",
            {"zip(restoration.edges, targets,": "zip(restoration.edges, reversed(pyramid),"},
            "G is held against GT itself",
        ),
        (
            "G against M(S)",
            {
                "zip(restoration.edges, targets,": (
                    "zip(restoration.edges, [edges(S) for S in restoration.images],"
                )
            },
            "both would be taught by a guess",
        ),
        ("twice the first", {"return aux, sup": "return aux, aux"}, "where is G?"),
        ("the sum second", {"return aux, sup": "return aux, aux + sup"}, "the sum of both losses"),
        ("added up", {"return aux, sup": "return aux + sup"}, "one number came back"),
        ("sums over pixels", {".abs().mean()": ".abs().sum()"}, "pixels are summed"),
        (
            "a mean over scales",
            {"return aux, sup": "return aux / len(targets), sup / len(targets)"},
            "the scales are averaged",
        ),
        ("squares", {".abs().mean()": ".square().mean()"}, "that is the mean square"),
        ("no absolute value", {".abs().mean()": ".mean()"}, "too much here pays"),
        ("the mean first", {".abs().mean()": ".mean().abs()"}, "the mean is taken before"),
        (
            "the last scale only",
            {"aux = aux + ": "aux = ", "sup = sup + ": "sup = "},
            "only the last",
        ),
        (
            "a break in the loop",
            {SUP: SUP + "\n        break"},
            "only the first scale counts",
        ),
        ("in place", {"(G - target)": "G.sub_(target)"}, "changes what it was given"),
        (
            "M(S) detached",
            {"edges(S) - target": "edges(S).detach() - target"},
            "no gradient comes through",
        ),
        (
            "coarse scales detached",
            {"edges(S) -": "(edges(S) if S.shape == sharp.shape else edges(S).detach()) -"},
            "2 of 3 scales get no gradient",
        ),
        (
            "strict",
            {"targets, strict=False": "targets, strict=True"},
            "a network without an edge path stops it",
        ),
        (
            "both in one loop",
            {
                "zip(restoration.images, targets, strict=True):\n        "
                + AUX
                + "\n    for G, target in zip(restoration.edges, targets, strict=False):": (
                    "zip(restoration.images, targets):\n        pass\n"
                    "    for S, G, target in zip(restoration.images, restoration.edges, targets):\n"
                    "        " + AUX
                )
            },
            "L^EdgeAux must stay as it was",
        ),
        (
            "an operator of its own",
            {"    aux, sup = torch": "    edges = EdgeMap()\n    aux, sup = torch"},
            "is an argument, but an `EdgeMap()` of your own",
        ),
        (
            "a batch of two written in",
            {".abs().mean()": ".abs().mean((1, 2, 3)).sum() / 2"},
            "right for three scales and central differences, but not",
        ),
        (
            "two halvings written in",
            {"gaussian_pyramid(sharp, len(restoration.images) - 1)": "gaussian_pyramid(sharp, 2)"},
            "Is a number written in, or an",
        ),
        ("nothing returned", {"return aux, sup": "aux, sup"}, "does your code end in"),
    ],
    "fourier_gradient": [
        (
            "H · W forgotten",
            {"height * width * torch": "torch"},
            "too small by the number of pixels",
        ),
        (
            "one part counted",
            {"(2 * restored.numel())": "restored.numel()"},
            "twice too large",
        ),
        ("no mean", {" / (2 * restored.numel())": ""}, "the mean's share is missing"),
        (
            "neither",
            {"height * width * torch": "torch", " / (2 * restored.numel())": ""},
            "neither the mean's share",
        ),
        (
            "one image's share",
            {"(2 * restored.numel())": "(2 * restored[0].numel())"},
            "divides by one image's share",
        ),
        (
            "pixels alone",
            {"(2 * restored.numel())": "(2 * height * width)"},
            "divides by H · W alone",
        ),
        (
            "orthonormal",
            {
                "- sharp)": '- sharp, norm="ortho")',
                "ifft2(signs)": 'ifft2(signs, norm="ortho")',
            },
            "the root of H · W",
        ),
        ("the size", {".ifft2(signs).real": ".ifft2(signs).abs()"}, "a gradient has a sign"),
        ("GT - S", {"restored - sharp": "sharp - restored"}, "the sign is turned"),
        (
            "the sign of a complex number",
            {"torch.complex(spectrum.real.sign(), spectrum.imag.sign())": "spectrum.sgn()"},
            "`sgn` of a complex number has length 1",
        ),
        (
            "the mean of complex sizes",
            {
                "torch.complex(spectrum.real.sign(), spectrum.imag.sign())": "spectrum.sgn()",
                "(2 * restored.numel())": "restored.numel()",
            },
            "the gradient of the mean of |F(d)|",
        ),
        (
            "orthonormal on both ways",
            {
                "- sharp)": '- sharp, norm="ortho")',
                "height * width * torch.fft.ifft2(signs)": 'torch.fft.ifft2(signs, norm="ortho")',
            },
            "too small by the root of H · W",
        ),
        ("a square", {"height * width *": "width * width *"}, "by W · W"),
        ("a square, H", {"height * width *": "height * height *"}, "by H · H"),
        (
            "no signs",
            {"torch.complex(spectrum.real.sign(), spectrum.imag.sign())": "spectrum"},
            "the gradient of squares.",
        ),
        (
            "the slope of squares",
            {"torch.complex(spectrum.real.sign(), spectrum.imag.sign())": "2 * spectrum"},
            "not of absolute values",
        ),
        (
            "real signs only",
            {"spectrum.imag.sign()": "torch.zeros_like(spectrum.imag)"},
            "only the real part's signs",
        ),
        (
            "imaginary signs only",
            {"spectrum.real.sign()": "torch.zeros_like(spectrum.real)"},
            "only the imaginary part's signs",
        ),
        (
            "forward twice",
            {"height * width * torch.fft.ifft2": "torch.fft.fft2"},
            "upside down: the signs went *forward*",
        ),
        (
            "conjugated",
            {"ifft2(signs)": "ifft2(signs.conj())"},
            "or back with the imaginary part's sign turned",
        ),
        (
            "signs of pixels",
            {
                "return back / (2 * restored.numel())": "return (restored - sharp).sign() / sharp.numel()"
            },
            "the signs belong to the spectrum",
        ),
        ("every dimension", {"fft2": "fftn"}, "runs over batch and colours"),
        ("rows alone", {"ifft2": "ifft", "fft.fft2": "fft.fft"}, "along the rows alone"),
        ("complex", {"ifft2(signs).real": "ifft2(signs)"}, "complex numbers came back"),
        (
            "half a spectrum",
            {"fft2(restored - sharp)": "rfft2(restored - sharp)"},
            "That is half a spectrum",
        ),
        (
            "the loss",
            {
                "return back / (2 * restored.numel())": "return torch.view_as_real(spectrum).abs().mean()"
            },
            "perhaps the loss",
        ),
        ("in place", {"restored - sharp": "restored.sub_(sharp)"}, "changes the images"),
        (
            "a batch written in",
            {"(2 * restored.numel())": "(2 * 3 * 3 * height * width)"},
            "right for (3, 3, 6, 10), but not",
        ),
        (
            "an even width assumed",
            {
                "fft.fft2(restored - sharp)": "fft.rfft2(restored - sharp)",
                "fft.ifft2(signs).real": "fft.irfft2(signs)",
            },
            "takes the width for even",
        ),
        (
            "autograd",
            {
                "    height, width = restored.shape[-2:]\n": "    S = restored.clone().requires_grad_()\n",
                "    spectrum = torch.fft.fft2(restored - sharp)\n": (
                    "    spectrum = torch.view_as_real(torch.fft.fft2(S - sharp))\n"
                ),
                "    signs = torch.complex(spectrum.real.sign(), spectrum.imag.sign())\n": "",
                "    back = height * width * torch.fft.ifft2(signs).real\n": "",
                "return back / (2 * restored.numel())": (
                    "return torch.autograd.grad(spectrum.abs().mean(), S)[0]"
                ),
            },
            "autograd found them",
        ),
        (
            "torch.func",
            {
                "    return back / (2 * restored.numel())": (
                    "    def mean(S):\n"
                    "        return torch.view_as_real(torch.fft.fft2(S - sharp)).abs().mean()\n"
                    "    return torch.func.grad(mean)(restored)"
                )
            },
            "Compute the gradient by hand",
        ),
    ],
}

VARIANTS = {
    "pixel_loss": [
        """
def pixel_loss(images, sharp):
    pyramid = gaussian_pyramid(sharp, len(images) - 1)
    return sum(functional.l1_loss(S, GT) for S, GT in zip(images, pyramid[::-1]))
""",
        """
def pixel_loss(images, sharp):
    by_size = {level.shape: level for level in gaussian_pyramid(sharp, len(images) - 1)}
    parts = [torch.where(x > by_size[x.shape], x - by_size[x.shape], by_size[x.shape] - x) for x in images]
    return torch.stack([part.sum() / part.numel() for part in parts]).sum()
""",
    ],
    "edge_losses": [
        """
def edge_losses(restoration, sharp, edges):
    scales = len(restoration.images)
    aux = sup = torch.zeros(())
    for k, S in enumerate(restoration.images):
        target = edges(gaussian_pyramid(sharp, scales - 1 - k)[-1])
        aux = aux + functional.l1_loss(edges(S), target)
        if restoration.edges:
            sup = sup + functional.l1_loss(restoration.edges[k], target)
    return aux, sup
""",
        """
def edge_losses(restoration, sharp, edges):
    targets = {}
    for GT in gaussian_pyramid(sharp, len(restoration.images) - 1):
        targets[GT.shape[-2:]] = edges(GT).detach()
    def distance(found):
        return sum((m - targets[m.shape[-2:]]).abs().mean() for m in found)
    return distance(map(edges, restoration.images)), distance(restoration.edges)
""",
    ],
    "fourier_gradient": [
        """
def fourier_gradient(restored, sharp):
    signs = torch.view_as_real(torch.fft.fft2(restored - sharp)).sign()
    back = torch.fft.ifft2(torch.view_as_complex(signs), norm="forward")
    return back.real / signs.numel()
""",
        """
def fourier_gradient(restored, sharp):
    size = restored.shape[-2:]
    half = torch.fft.rfft2(restored - sharp)
    signs = half.real.sign() + 1j * half.imag.sign()
    pixels = size[0] * size[1]
    return torch.fft.irfft2(signs, s=size) * pixels / restored.numel() / 2
""",
        """
def fourier_gradient(restored, sharp):
    spectrum = torch.fft.fft2(restored - sharp)
    # The adjoint is the transform with the other sign: conjugate, forward, conjugate.
    signs = torch.complex(spectrum.real.sign(), -spectrum.imag.sign())
    return torch.fft.fft2(signs).conj().real / (2 * restored.numel())
""",
    ],
}
