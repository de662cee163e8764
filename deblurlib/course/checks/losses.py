"""Checks of lesson 13: equation (1) over scales, both edge losses, the Fourier term's gradient."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from deblurlib.course.checks import Stages, Wrong, exercise, expect, expect_shape, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.restoration import Restoration

Distance = Callable[[Tensor, Tensor], Tensor]


@exercise(
    first="pair each image with the target of its size: one of the two lists is to be turned."
)
def pixel_loss(answer: Callable[[Sequence[Tensor], Tensor], Tensor]) -> Stages:
    sharp = torch.rand(2, 3, 16, 24)
    targets = gaussian_pyramid(sharp, 2)[::-1]
    images = _off(targets, (0.3, 0.2, 0.1))
    kept = [image.clone() for image in (*images, sharp)]
    yield "it runs"
    out = _met(lambda: answer(images, sharp))
    yield "inputs untouched"
    expect(
        all(map(torch.equal, (*images, sharp), kept)),
        "your code changes the images that it was given, by `-=`, `abs_` or the like. The network "
        "still needs them, and the next term would see them changed.",
    )
    yield "a scalar"
    expect_shape(
        _tensor(out),
        (),
        {
            (3,): "That is one number a scale: add them up.",
            (2, 3, 16, 24): "That is a whole picture: take the mean over pixels.",
            (2,): "That is one number for each image of the batch: the mean runs over it, too.",
        },
    )
    yield "values"
    right = _summed(images, targets, _l1)
    expect_values(
        _tensor(out).detach(),
        right,
        {
            "pixels are summed, not averaged: the finest scale would decide nearly alone.": (
                _summed(images, targets, lambda a, b: (a - b).abs().sum())
            ),
            "the scales are averaged; here they are *summed*, as the terms of the total are.": (
                right / 3
            ),
            "that is the mean square, not the mean absolute difference.": _summed(
                images, targets, lambda a, b: (a - b).square().mean()
            ),
            "the root of a mean square is a norm, too, but the 2-norm: take absolute values.": (
                _summed(images, targets, lambda a, b: (a - b).square().mean().sqrt())
            ),
            "the mean is taken before the absolute value, so that errors of unlike sign cancel.": (
                _summed(images, targets, lambda a, b: (a - b).mean().abs())
            ),
            "the absolute value is missing: what is too dark pays for what is too bright.": (
                _summed(images, targets, lambda a, b: (a - b).mean())
            ),
            "the absolute value is missing, and GT - S is averaged.": _summed(
                images, targets, lambda a, b: (b - a).mean()
            ),
            "only the last image counts, the one at full size.": _l1(images[-1], targets[-1]),
            "only the first image counts: is there a `return` inside the loop?": _l1(
                images[0], targets[0]
            ),
            "one mean over all scales' pixels together: the finest scale has most of them. Each "
            "scale is averaged by itself.": torch.cat(
                [(a - b).abs().flatten() for a, b in zip(images, targets, strict=True)]
            ).mean(),
            "the small targets are every 2nd, every 4th pixel of the sharp image. Take those of "
            "the pyramid, which are blurred before pixels are left out.": _summed(
                images, [sharp[..., ::n, ::n] for n in (4, 2, 1)], _l1
            ),
            "the small targets are shrunk in another way; take those of the pyramid, which the "
            "network's inputs are made like, too.": _summed(
                images, [_resized(sharp, image, mode="area") for image in images], _l1
            ),
            "the small targets are shrunk by `interpolate`; take those of the pyramid, which the "
            "network's inputs are made like, too.": _summed(
                images, [_resized(sharp, image) for image in images], _l1
            ),
            "the small targets are shrunk by `interpolate`, if with `antialias`; take those of the "
            "pyramid, which the network's inputs are made like, too.": _summed(
                images,
                [
                    functional.interpolate(sharp, image.shape[-2:], mode="bilinear", antialias=True)
                    for image in images
                ],
                _l1,
            ),
            "the images are enlarged and held against the sharp image at full size; each is "
            "to be held against the target of its *own* size.": _summed(
                [_resized(image, sharp) for image in images], [sharp] * 3, _l1
            ),
            "S is clamped to [0, 1]: what a network answers beyond is wrong, too, and would go "
            "unpunished.": _summed([image.clamp(0, 1) for image in images], targets, _l1),
            "the colours are averaged before the absolute value is taken: each counts by itself.": (
                _summed(images, targets, lambda a, b: (a - b).mean(1).abs().mean())
            ),
        },
    )
    yield "gradient"
    learning = [image.clone().requires_grad_() for image in images]
    _expect_gradients(answer(learning, sharp), _summed(learning, targets, _l1), learning)
    yield "other sizes"
    for scales, size in ((1, (9, 6)), (4, (13, 22))):
        picture = torch.rand(1, 3, *size)
        targets = gaussian_pyramid(picture, scales - 1)[::-1]
        images = _off(targets, (0.4, 0.3, 0.2, 0.1)[-scales:])
        try:
            found = _tensor(_met(partial(answer, images, picture)))
        except (Wrong, ValueError, IndexError) as error:
            raise Wrong(
                f"right for three scales; {scales} of them, up to {size[0]} × {size[1]}, stop it. "
                f"Is a number written in? ({str(error).splitlines()[0]})"
            ) from error
        expect(
            abs(found.item() - _summed(images, targets, _l1).item()) < 1e-4,
            f"right for three scales of a batch of two, but not for {scales}, up to {size[0]} × "
            f"{size[1]}. Is a number written in?",
        )


@exercise(first="make the targets: the edge map of each level of the pyramid, coarse to fine.")
def edge_losses(answer: Callable[[Restoration, Tensor, EdgeMap], tuple[Tensor, Tensor]]) -> Stages:
    sharp, edges = torch.rand(2, 3, 16, 24), EdgeMap()
    pyramid = gaussian_pyramid(sharp, 2)[::-1]
    targets = [edges(level) for level in pyramid]
    images, maps = _off(pyramid, (0.3, 0.2, 0.1)), _off(targets, (0.1, 0.3, 0.2))
    images[1] = 0.3 * pyramid[1]  # its edges are too weak, where noise makes the others' too strong
    restoration = Restoration(tuple(images), tuple(maps))
    kept = [tensor.clone() for tensor in (*images, *maps, sharp)]
    yield "it runs"
    aux, sup = _two(_met(lambda: answer(restoration, sharp, edges)))
    yield "inputs untouched"
    expect(
        all(map(torch.equal, (*images, *maps, sharp), kept)),
        "your code changes what it was given, by `-=`, `abs_` or the like. Other terms still need "
        "it.",
    )
    yield "two scalars"
    for value in (aux, sup):
        expect_shape(
            value,
            (),
            {
                (3,): "That is one number a scale: add them up.",
                (1,): "One number, but in a list: start from `torch.zeros(())`.",
            },
        )
    yield "auxiliary"
    aux, sup = aux.detach(), sup.detach()
    maps_of = [edges(image) for image in images]
    right_aux, right_sup = _summed(maps_of, targets, _l1), _summed(maps, targets, _l1)
    expect(
        not _same(aux, right_sup) or not _same(sup, right_aux),
        "both are right, but have changed places: `aux` comes first.",
    )
    shrunk = [_resized(edges(sharp), level, mode="area") for level in pyramid]
    halved = gaussian_pyramid(edges(sharp), 2)[::-1]
    small = (
        "the edge map of the full size is shrunk. Shrinking blurs edges: first make the sharp "
        "image small, GT_i, then take *its* edge map."
    )
    expect_values(
        aux,
        right_aux,
        {
            "that is M(S - GT), the edges of the difference. Two maps first, then their "
            "difference.": _summed(images, pyramid, lambda a, b: edges(a - b).mean()),
            small: _summed(maps_of, shrunk, _l1),
            f"{small} ": _summed(maps_of, halved, _l1),
            "M(S) is held against GT itself, an edge map against a photograph.": _summed(
                maps_of, pyramid, _l1
            ),
            "S is held against M(GT), a photograph against an edge map.": _summed(
                images, targets, _l1
            ),
            "S is held against GT: that is equation (1). The edge maps are missing.": _summed(
                images, pyramid, _l1
            ),
            "that is G against M(GT), equation (3), where (2) is wanted.": right_sup,
            "S is clamped to [0, 1]: what a network answers beyond is wrong, too, and would go "
            "unpunished.": _summed([edges(image.clamp(0, 1)) for image in images], targets, _l1),
            "the colours are averaged: M gives each its own map, and each counts by itself.": (
                _summed(
                    [m.mean(1, keepdim=True) for m in maps_of],
                    [m.mean(1, keepdim=True) for m in targets],
                    _l1,
                )
            ),
            "that is M(S) against G. The *target* is M(GT); G is a guess itself.": _summed(
                maps_of, maps, _l1
            ),
            **_slips(maps_of, targets, right_aux),
        },
    )
    yield "supervision"
    expect_values(
        sup,
        right_sup,
        {
            "M(G) is taken, but G *is* an edge map already.": _summed(
                [edges(edge_map) for edge_map in maps], targets, _l1
            ),
            "G is held against GT itself, an edge map against a photograph.": _summed(
                maps, pyramid, _l1
            ),
            "G is held against M(S): both would be taught by a guess. The target is M(GT).": (
                _summed(maps, maps_of, _l1)
            ),
            "both numbers are equation (2): where is G?": right_aux,
            "that is the sum of both losses; (3) alone is wanted, second.": right_aux + right_sup,
            small: _summed(maps, shrunk, _l1),
            f"{small} ": _summed(maps, halved, _l1),
            **_slips(maps, targets, right_sup),
        },
    )
    yield "gradient"
    learning = [tensor.clone().requires_grad_() for tensor in (*images, *maps)]
    both = Restoration(tuple(learning[:3]), tuple(learning[3:]))
    found = _two(answer(both, sharp, edges))
    _expect_gradients(
        found[0], _summed([edges(s) for s in learning[:3]], targets, _l1), learning[:3]
    )
    _expect_gradients(found[1], _summed(learning[3:], targets, _l1), learning[3:])
    (leaked, *_) = torch.autograd.grad(
        _two(answer(both, sharp, edges))[1] + 0 * learning[0].sum(), learning[:1]
    )
    expect(not leaked.any(), "L^EdgeSup gives S a gradient: it is to look at G and M(GT) only.")
    yield "no edge path"
    try:
        aux, sup = answer(Restoration(tuple(images)), sharp, edges)
    except (ValueError, IndexError, RuntimeError, TypeError) as error:
        raise Wrong(
            "a network without an edge path stops it: `edges` is empty there, and L^EdgeSup is 0. "
            f"Does a strict `zip`, or an index, expect as many maps as images? ({error})"
        ) from error
    expect(
        aux is not None and sup is not None,
        "without predicted edge maps `None` comes back: L^EdgeAux needs no G, and L^EdgeSup is 0.",
    )
    expect(
        _same(torch.as_tensor(aux).detach(), right_aux),
        "without predicted edge maps, L^EdgeAux must stay as it was: it doesn't look at G.",
    )
    expect(
        _same(torch.as_tensor(sup), torch.zeros(())),
        "without predicted edge maps L^EdgeSup is 0: there is nothing to teach.",
    )
    yield "other operators and sizes"
    for scales, size, other in (
        (1, (9, 6), EdgeMap("sobel")),
        (4, (13, 22), EdgeMap("forward", "luminance")),
    ):
        picture = torch.rand(1, 3, *size)
        pyramid = gaussian_pyramid(picture, scales - 1)[::-1]
        targets = [other(level) for level in pyramid]
        images, maps = _off(pyramid, (0.1,) * scales), _off(targets, (0.2,) * scales)
        about = f"{scales} scale{'s' * (scales > 1)} up to {size[0]} × {size[1]}"
        try:
            pair = _two(answer(Restoration(tuple(images), tuple(maps)), picture, other))
        except (RuntimeError, ValueError, IndexError) as error:
            raise Wrong(
                f"right for three scales; {about}, with another operator, stop it. Is a number "
                f"written in, or an `EdgeMap` of your own? ({str(error).splitlines()[0]})"
            ) from error
        wanted = (
            _summed([other(image) for image in images], targets, _l1),
            _summed(maps, targets, _l1),
        )
        own = EdgeMap()
        own_targets = [own(level) for level in pyramid]
        expect(
            not _same(pair[0].detach(), _summed([own(s) for s in images], own_targets, _l1)),
            "`edges` is an argument, but an `EdgeMap()` of your own is used: with Sobel's operator "
            "nothing changes.",
        )
        expect(
            all(_same(a.detach(), b) for a, b in zip(pair, wanted, strict=True)),
            f"right for three scales and central differences, but not for {about} with another "
            "operator. Is a number written in?",
        )


@exercise(first="transform the difference: `torch.fft.fft2(restored - sharp)`.")
def fourier_gradient(answer: Callable[[Tensor, Tensor], Tensor]) -> Stages:
    restored, sharp = torch.rand(3, 3, 6, 10), torch.rand(3, 3, 6, 10)
    kept = restored.clone(), sharp.clone()
    yield "it runs"
    out = answer(restored, sharp)
    yield "inputs untouched"
    expect(
        torch.equal(restored, kept[0]) and torch.equal(sharp, kept[1]),
        "your code changes the images that it was given, by `-=` or the like.",
    )
    yield "shape"
    expect_shape(
        out,
        (3, 3, 6, 10),
        {
            (): "That is one number, perhaps the loss: its *gradient* has a number a pixel.",
            (3, 3, 6, 6): "That is half a spectrum, from `rfft2`: it has to be transformed back.",
            (3, 3, 6, 10, 2): "That is a spectrum as pairs of numbers: transform it back.",
        },
    )
    expect(
        not out.is_complex(),
        "complex numbers came back. A pixel is real, so the gradient is the *real* part.",
    )
    yield "values"
    right = _fourier_gradient(restored, sharp)
    d = restored - sharp
    spectrum = torch.fft.fft2(d)
    signs = _signs(spectrum)
    share = 60 / 1080

    def back(values: Tensor) -> Tensor:
        return torch.fft.ifft2(values).real * share

    everywhere = torch.fft.fftn(d)
    rows = torch.fft.fft(d)
    expect_values(
        out,
        right,
        {
            "too small by the number of pixels: `ifft2` divides by H · W, the way back for a "
            "gradient does not.": right / 60,
            "twice too large: the mean runs over real *and* imaginary parts, 2 · N · 3 · H · W "
            "numbers.": right * 2,
            "the way back is right, but the mean's share is missing: divide by how many numbers it "
            "runs over.": right * 1080,
            "neither the mean's share nor H · W of the way back is there.": right * 18,
            "the mean runs over the batch, too: yours divides by one image's share.": (right * 3),
            "the mean runs over images and colours, too: yours divides by H · W alone, twice.": (
                right * 9
            ),
            "with `norm='ortho'` the way back divides by the root of H · W: take the plain one, "
            "times H · W.": right * 60**0.5,
            "too small by the root of H · W: that is the gradient for a spectrum with "
            "`norm='ortho'`. L^F has the plain one.": right / 60**0.5,
            "the way back is multiplied by W · W: it is H · W, not a square.": right * 10 / 6,
            "the way back is multiplied by H · H: it is H · W, not a square.": right * 6 / 10,
            "that is the size of complex numbers: a gradient has a sign, take the real part.": (
                right.abs()
            ),
            "the sign is turned: that is *minus* the gradient. Is the difference GT - S?": -right,
            "that is the gradient of the mean of |F(d)|, the length of each complex number. Real "
            "and imaginary part have a sign each.": 2 * back(spectrum.sgn()),
            "`sgn` of a complex number has length 1, and is not one of signs: real and imaginary "
            "part have a sign each.": back(spectrum.sgn()),
            "without signs that is the way there and back, d itself, scaled: the gradient of "
            "squares.": back(spectrum),
            "that is twice the way there and back: the gradient of squares, not of absolute "
            "values.": back(2 * spectrum),
            "only the real part's signs go back: the imaginary part of the spectrum counts, too.": (
                back(spectrum.real.sign() + 0j)
            ),
            "only the imaginary part's signs go back: the real part of the spectrum counts, "
            "too.": back(1j * spectrum.imag.sign()),
            "upside down: the signs went *forward* (`fft2`), or back with the imaginary part's "
            "sign turned. Plain `ifft2(a + i b)` is wanted.": torch.fft.fft2(signs).real / 1080,
            "that is the sign of d, equation (1)'s gradient: the signs belong to the spectrum.": (
                d.sign() / d.numel()
            ),
            "the transform runs over batch and colours as well: `fft2` takes height and width "
            "alone.": torch.fft.ifftn(_signs(everywhere)).real * share,
            "the transform runs along the rows alone: `fft2` takes height and width.": (
                torch.fft.ifft(_signs(rows)).real * share
            ),
        },
        tolerance=1e-6,
    )
    yield "other sizes"
    for size in ((1, 3, 5, 7), (3, 1, 8, 4)):
        restored, sharp = torch.rand(*size), torch.rand(*size)
        try:
            out = answer(restored, sharp)
        except (RuntimeError, ValueError) as error:
            raise Wrong(
                f"pictures of {size} stop it: is a size written in, or an even one assumed? "
                f"({str(error).splitlines()[0]})"
            ) from error
        narrow = (*size[:-1], size[-1] - 1)
        expect_shape(out, size, {narrow: "`irfft2` takes the width for even: give it `s=(H, W)`."})
        expect(
            torch.allclose(out, _fourier_gradient(restored, sharp), atol=1e-6),
            f"right for (3, 3, 6, 10), but not for pictures of {size}. Is a number written in?",
        )
    yield "without autograd"
    with _WithoutAutograd():
        answer(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4))


class _WithoutAutograd(TorchFunctionMode):
    """Sees every tensor that is made, inside `torch.func.grad` as well."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        expect(
            not (isinstance(out, Tensor) and out.requires_grad),
            "the numbers are right, but autograd found them. Compute the gradient by hand: signs "
            "of the spectrum, and the way back.",
        )
        return out


def _l1(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean()


def _summed(found: Sequence[Tensor], targets: Sequence[Tensor], distance: Distance) -> Tensor:
    return torch.stack([distance(a, b) for a, b in zip(found, targets, strict=True)]).sum()


def _slips(found: Sequence[Tensor], targets: Sequence[Tensor], right: Tensor) -> dict[str, Tensor]:
    """What slips of arithmetic give, whatever is compared."""
    return {
        "pixels are summed, not averaged: the finest scale would decide nearly alone.": _summed(
            found, targets, lambda a, b: (a - b).abs().sum()
        ),
        "the scales are averaged; here they are *summed*.": right / len(found),
        "that is the mean square, not the mean absolute difference.": _summed(
            found, targets, lambda a, b: (a - b).square().mean()
        ),
        "the absolute value is missing: too much here pays for too little there.": _summed(
            found, targets, lambda a, b: (a - b).mean()
        ),
        "the mean is taken before the absolute value, so that errors of unlike sign cancel.": (
            _summed(found, targets, lambda a, b: (a - b).mean().abs())
        ),
        "only the last scale counts.": _l1(found[-1], targets[-1]),
        "only the first scale counts: is there a `return` inside the loop?": _l1(
            found[0], targets[0]
        ),
    }


def _off(targets: Sequence[Tensor], errors: Sequence[float]) -> list[Tensor]:
    """Targets with errors of another size at each scale, that are not 0 in the mean."""
    return [
        target + error * (torch.randn_like(target) + (0.5, -0.5)[scale % 2])
        for scale, (target, error) in enumerate(zip(targets, errors, strict=True))
    ]


def _resized(image: Tensor, like: Tensor, mode: str = "bilinear") -> Tensor:
    return functional.interpolate(image, like.shape[-2:], mode=mode)


def _signs(spectrum: Tensor) -> Tensor:
    return torch.complex(spectrum.real.sign(), spectrum.imag.sign())


def _fourier_gradient(restored: Tensor, sharp: Tensor) -> Tensor:
    height, width = restored.shape[-2:]
    back = torch.fft.ifft2(_signs(torch.fft.fft2(restored - sharp))).real * height * width
    return back / (2 * restored.numel())


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a.float(), b.float(), rtol=1e-4, atol=1e-4)


def _tensor(out: Tensor) -> Tensor:
    expect(out is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        not isinstance(out, int | float),
        "a tensor should come back, not a plain number: `item()` or `float()` cuts it off from the "
        "network, and no gradient comes through.",
    )
    expect(isinstance(out, Tensor), f"a tensor should come back, not this: {out!r:.60}.")
    return out


def _met(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except NotImplementedError:
        raise
    except RuntimeError as error:
        expect(
            "must match" not in str(error),
            "an image meets a target of another size. `images` run coarse to fine, the pyramid "
            f"fine to coarse: turn one of them round. ({str(error).splitlines()[0]})",
        )
        raise


def _two(out: Any) -> tuple[Tensor, Tensor]:
    expect(out is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        not isinstance(out, Tensor) or out.shape == (2,),
        "one number came back; the two losses are wanted apart: `return aux, sup`.",
    )
    expect(
        isinstance(out, tuple | list | Tensor) and len(out) == 2,
        f"two losses should come back, `return aux, sup`, not this: {out!r:.60}.",
    )
    aux, sup = out
    return _tensor(aux), _tensor(sup)


def _expect_gradients(loss: Tensor, right: Tensor, learning: Sequence[Tensor]) -> None:
    expect(
        _tensor(loss).requires_grad,
        "the number is right, but no gradient comes through, and nothing can be learnt from it. Is "
        "there a `detach`, a `no_grad` or an `item`?",
    )
    found = torch.autograd.grad(loss, learning, allow_unused=True)
    wanted = torch.autograd.grad(right, learning)
    missing = [k for k, gradient in enumerate(found) if gradient is None or not gradient.any()]
    expect(
        not missing,
        f"the number is right, but {len(missing)} of {len(learning)} scales get no gradient: is "
        "something detached on the way?",
    )
    for ours, theirs in zip(found, wanted, strict=True):
        expect(
            torch.allclose(ours, theirs, rtol=1e-3, atol=1e-7),
            "the number is right, but its gradient is not: is a part of it detached?",
        )


quiz = Quiz(
    __name__,
    Question(
        "In training, five patches look the same when blurred. A pixel in their middle is 0.1, "
        "0.1, 0.2, 0.8 and 0.9 in the sharp ones. What does a network trained with the mean "
        "absolute difference answer there?",
        (
            Choice("0.42", "That is the mean, the best answer to squared differences."),
            Choice(
                "0.2",
                "The median: two values below, two above. Move it either way, and three values "
                "get farther, two nearer.",
                right=True,
            ),
            Choice("0.1", "The most frequent value. It is best only if it has the majority."),
            Choice("0.5", "Half way between the ends: that is best for the *largest* difference."),
        ),
    ),
    Question(
        "Somebody trains with L^EdgeAux alone. It falls to nearly 0, and the pictures are "
        "negatives: black is white. Is there a mistake in the code?",
        (
            Choice(
                "Yes: M of a negative is negative, so the loss should be large.",
                "M squares the differences, so their signs are gone. It is never negative.",
            ),
            Choice(
                "Not necessarily: 1 - S has the edge map of S.",
                "M forgets the direction of an edge. Only L^Pix knows which side is bright.",
                right=True,
            ),
            Choice(
                "Yes: two of the three colours must have changed places.",
                "That would give false colours, and not a negative.",
            ),
        ),
    ),
    Question(
        "After one batch at I = 1 the deblurring path has a gradient of exactly 0, and the edge "
        "path has one. Which loss explains it, if the network is wired as it should be?",
        (
            Choice(
                "L^Pix alone",
                "S_0 is made of F, G and B, so both paths would get a gradient.",
            ),
            Choice(
                "L^EdgeAux alone",
                "M(S_0) depends on S_0, and so on F: the deblurring path would get one.",
            ),
            Choice(
                "L^EdgeSup alone",
                "G comes from the edge path and nothing else; with one scale there is no S_1 "
                "through which it could reach the rest.",
                right=True,
            ),
        ),
    ),
    Question(
        "Your loss is a *sum* over pixels, and gradients are clipped to norm 1. You double the "
        "sides of the crops. What happens to the balance between L^Pix at the finest and at the "
        "coarsest of three scales, and what would it be with means?",
        (
            Choice(
                "It stays 16 to 1, if errors are alike; with means it is 1 to 1.",
                "Both scales get four times the pixels. The finest has 16 times those of the "
                "coarsest, before and after; only a mean takes this out.",
                right=True,
            ),
            Choice(
                "It goes from 16 to 64 to 1; with means it stays 16 to 1.",
                "Both scales grow alike, and a mean does not know how many pixels there were.",
            ),
            Choice(
                "Clipping makes it 1 to 1 in both cases.",
                "Clipping shortens the whole gradient. It does not change what it is made of.",
            ),
        ),
    ),
    Question(
        "Training runs for hours, then the loss is NaN. The batch has a picture with a black frame "
        "that the network copies exactly. Which line would you look at first?",
        (
            Choice(
                "`(S - GT).abs().mean()`",
                "The absolute value has a kink at 0, but PyTorch's gradient there is 0, not NaN.",
            ),
            Choice(
                "`(dx.square() + dy.square()).sqrt()`",
                "In the black frame both differences are 0, and the root's slope there is "
                "infinite.",
                right=True,
            ),
            Choice(
                "`torch.fft.rfft2(S - GT)`",
                "A transform is linear: zeros go in, zeros come out, with a harmless gradient.",
            ),
        ),
    ),
)
