"""Checks of lesson 12: edges in wrong places, an edge path with a better start, other guides."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.checks import (
    Stages,
    Wrong,
    copy_weights,
    exercise,
    expect,
    expect_gradients,
    expect_parameters,
    expect_shape,
    expect_values,
)
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.imaging.edges import EdgeMap
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models import SUNG, Restoration
from deblurlib.models.blocks import (
    ResidualDenseBlock,
    UNet,
    pad_to_multiple,
    pixel_shuffle_upsample,
)


@exercise(first="an order for H · W pixels: torch.randperm(H * W, generator=generator).")
def shuffled(answer: Callable[[Tensor, torch.Generator], Tensor]) -> Stages:
    height, width = 12, 20
    # Each value says where it comes from: picture, channel and pixel.
    places = torch.arange(float(height * width)).view(1, 1, height, width)
    given = places + 1000 * torch.arange(3.0).view(1, 3, 1, 1)
    given = given + 10_000 * torch.arange(2.0).view(2, 1, 1, 1)
    kept, before = given.clone(), torch.default_generator.get_state()
    yield "it runs"
    out = answer(given, _seeded(1))
    yield "shape"
    expect_shape(
        out,
        (2, 3, height, width),
        {
            (2, 3, height * width): "Put the pixels into rows and columns again.",
            (2, 3, width, height): "Height and width have changed places.",
            (3, height, width): "The batch is gone.",
        },
    )
    expect(torch.equal(given, kept), "your code changes `edge_map` itself, in place.")
    yield "all values are still there"
    expect(
        torch.equal(out.detach(), out.detach().round())
        and not set(out.flatten().tolist()) - set(kept.flatten().tolist()),
        "there are values that the edge map did not have: move pixels, make no new ones.",
    )
    for n in range(2):
        own = set(kept[n].flatten().tolist())
        expect(
            not set(out[n].flatten().tolist()) - own,
            "pixels wander from one picture of the batch into another.",
        )
        for c in range(3):
            own = set(kept[n, c].flatten().tolist())
            kept_values = set(out[n, c].flatten().tolist())
            expect(
                not kept_values - own,
                "values wander from one channel into another; a channel's values must stay in it.",
            )
            expect(
                len(kept_values) == len(own),
                "some pixels come twice, others not at all: an order has each of them once.",
            )
    yield "a pixel's channels stay together"
    source = out.detach() % 1000
    expect(
        bool((source == source[:, :1]).all()),
        "each channel has an order of its own, so the three colours of a pixel are torn apart.",
    )
    yield "the places are shuffled"
    found = source[:, 0]
    expect(not torch.equal(found[0], places[0, 0]), "nothing has moved.")
    expect(
        not torch.equal(found, answer(kept.clone(), _seeded(2))[:, 0].detach() % 1000),
        "two generators with different seeds give the same: draw the order from `generator`.",
    )
    expect(
        torch.equal(found, answer(kept.clone(), _seeded(1))[:, 0].detach() % 1000),
        "the same seed gives another order each time: hand `generator` on to `torch.randperm`.",
    )
    expect(
        torch.equal(torch.default_generator.get_state(), before),
        "besides `generator`, you draw from torch's own generator: that changes what runs after.",
    )
    rows, columns = found // width, found % width
    own_row = torch.arange(height).view(1, -1, 1)
    expect(
        not bool((rows == own_row).all()),
        "every pixel stays in its row: shuffle all H · W places, not columns alone.",
    )
    expect(
        not bool((columns == torch.arange(width)).all()),
        "every pixel stays in its column: shuffle all H · W places, not rows alone.",
    )
    steps = (found.flatten(1)[:, 1:] - found.flatten(1)[:, :-1]).abs() == 1
    expect(
        steps.float().mean() < 0.5,
        "neighbours are still neighbours: the edges were moved, not shuffled.",
    )
    expect(
        not bool((rows == rows[..., :1]).all() or (columns == columns[:, :1]).all()),
        "whole rows and columns move, and stay together: shuffle all H · W places.",
    )
    expect(
        not torch.equal(found[0], found[1]),
        "both pictures of the batch get the same order: draw one for each.",
    )
    yield "other sizes"
    for shape in ((1, 1, 1, 40), (3, 5, 7, 4), (2, 3, 33, 1)):
        one = torch.rand(shape)
        try:
            out = answer(one, _seeded(4))
            same = out.shape == one.shape and torch.equal(
                out.flatten(2).sort().values, one.flatten(2).sort().values
            )
        except (RuntimeError, IndexError):
            same = False
        expect(same, f"right for (2, 3, 12, 20), but not for {shape}: is a size written in?")
    yield "gradient"
    of = torch.rand(1, 2, 3, 5, requires_grad=True)
    out = answer(of, _seeded(3))
    expect(out.requires_grad, "no gradient comes through: is there a `detach` or a `no_grad`?")
    (slope,) = torch.autograd.grad((out * out.detach()).sum(), of)
    expect(
        torch.allclose(slope, of.detach()),
        "the gradient does not arrive at the pixels that the values come from.",
    )


@exercise(first="the layers of EdgePath: head, U-Net, one RDB, upsampling.")
def edge_path_from_next(answer: Callable[[int, int], nn.Module]) -> Stages:
    edges = EdgeMap()
    blurred, sharp = edges(torch.rand(2, 3, 8, 12)), edges(torch.rand(2, 3, 8, 12))
    following = edges(torch.rand(2, 3, 16, 24))
    kept = following.clone()
    yield "it runs"
    module = answer(3, 8)
    try:
        out = module(blurred, sharp, following)
    except RuntimeError as error:
        expect(
            "must match the size" not in str(error),
            "what the path makes has not the size of M(B_i), to which it is added: does it end in"
            " the upsampling?",
        )
        raise
    yield "shape"
    expect_shape(
        out,
        (2, 3, 16, 24),
        {
            (2, 8, 16, 24): "Those are `width` channels: G has as many as an edge map.",
            (2, 3, 8, 12): "G is twice as large as what the path sees.",
            (2, 3, 32, 48): "That is doubled twice.",
            (2, 6, 16, 24): "Add to M(B_i); do not stack.",
        },
    )
    expect(torch.equal(following, kept), "your code changes M(B_i) itself, in place.")
    yield "an untrained path hands on M(B_i)"
    with torch.no_grad():
        again = module(2 * blurred, 3 * sharp, following)
        doubled = module(blurred, sharp, 2 * following)
        beyond = out - following
    expect(
        bool(out.detach().any()),
        "the untrained path gives zeros: M(B_i) is not added.",
    )
    if not torch.allclose(out, following, atol=1e-6):
        expect(
            not torch.allclose(doubled, out, atol=1e-6),
            "the result does not depend on M(B_i): what the path makes must be added to it.",
        )
        expect(
            not torch.allclose(out, following.clamp(max=1), atol=1e-6),
            "large values are cut off at 1: M goes up to the root of 2; only negative ones go.",
        )
        if torch.allclose(out, again, atol=1e-6):
            # The same for every picture; and for every pixel, if only the last bias makes it.
            with torch.no_grad():  # far above 0, where nothing is cut off
                added = module(blurred, sharp, following + 9) - following - 9
            phases = functional.pixel_unshuffle(added, 2).flatten(2)
            constant = bool((phases.amax(dim=2) - phases.amin(dim=2) < 1e-5).all())
            raise Wrong(
                "the last convolution's weights are zero, its bias is not: something is still"
                " added, the same for every picture."
                if constant
                else "what is added is the same for every picture, but not zero: it is the *last*"
                " convolution that begins with zeros, not one before it."
            )
        raise Wrong(
            "the untrained path should hand on M(B_i) exactly; yours differs by up to"
            f" {beyond.abs().max().item():.3f}. The last convolution begins with zeros."
        )
    yield "parameters"
    reference = _FromNext(3, 8)
    counts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in reference.named_children()
    }
    count = sum(counts.values())
    expect_parameters(
        module,
        count,
        {
            count - counts["unet"]: "The U-Net is missing.",
            count - counts["dense_block"]: "The residual dense block is missing.",
            count + counts["dense_block"]: "Two residual dense blocks; one is enough here.",
            count + 2 * counts["dense_block"]: "Three residual dense blocks are the deblurring"
            " path's; the edge path has one.",
            count + 3 * 8 * 9: "The head sees nine channels: M(B_i) is only added in the end.",
            count - 3 * 8 * 9: "The head sees three channels: stack M(B_{i+1}) and M(S_{i+1}).",
            count - 12: "The upsampling's convolution has no bias.",
        },
    )
    yield "it can learn"
    for name, parameter in module.named_parameters():
        expect(
            parameter.requires_grad,
            f"`{name}` is frozen (requires_grad is False): zeros are where it begins, not where it"
            " stays.",
        )
    weights = [parameter for parameter in module.parameters() if parameter.dim() > 1]
    zeros = sum(not bool(weight.any()) for weight in weights)
    expect(
        zeros < len(weights),
        "all layers begin with zeros, so nothing but the last bias ever gets a gradient: only the"
        " *last* convolution is to begin so.",
    )
    expect(
        zeros <= 1,
        f"{zeros} layers begin with zeros; only the *last* convolution is to begin so.",
    )
    yield "values"
    with torch.no_grad():
        for parameter in reference.upsample.parameters():
            parameter.normal_(0, 0.3)  # no zeros: the rest must have a say
    copy_weights(reference, module, blurred, sharp, following)
    out = module(blurred, sharp, following)
    with torch.no_grad():
        right = reference(blurred, sharp, following)
        change = reference.change(blurred, sharp)
        turned = reference(sharp, blurred, following)
        blurred_only = reference(blurred, blurred, following)
        sharp_only = reference(sharp, sharp, following)
        head = reference.head(torch.cat([blurred, sharp], dim=1))
        dense = reference.dense_block(reference.unet(head))
        skipped = (following + reference.upsample(head + dense)).relu()
        small = (following + change).clamp(0, 1)
    expect_values(
        out,
        right,
        {
            "there are negative values; an edge map has none: cut them off at 0.": following
            + change,
            "the ReLU stands before the sum, so the path can only add edges, and take none away.": (
                following + change.relu()
            ),
            "negative values are turned round, not cut off: a -0.3 becomes an edge of 0.3.": (
                following + change
            ).abs(),
            "large values are cut off at 1: M goes up to the root of 2; only negative ones go.": (
                small
            ),
            "M(B_{i+1}) and M(S_{i+1}) have changed places.": turned,
            "the result does not depend on M(S_{i+1}): is M(B_{i+1}) stacked with itself?": (
                blurred_only
            ),
            "the result does not depend on M(B_{i+1}): is M(S_{i+1}) stacked with itself?": (
                sharp_only
            ),
            "the head's output is added before the upsampling, as in the deblurring path; the edge"
            " path has no such skip, and nothing is added but M(B_i).": skipped,
            "M(B_i) is subtracted.": (change - following).relu(),
            "what the path adds counts half, or is scaled: add it as it is.": (
                following + change / 2
            ).relu(),
        },
    )
    yield "gradient"
    of = [x.clone().requires_grad_() for x in (blurred, sharp, following)]
    out = module(*of)
    learns = torch.autograd.grad(
        out.sum(), list(module.parameters()), retain_graph=True, allow_unused=True
    )
    expect(
        any(slope is not None and slope.any() for slope in learns),
        "no layer of the path gets a gradient: is what it makes detached before it is added?",
    )
    expect_gradients(module, out)
    names = ("M(B_{i+1})", "M(S_{i+1})", "M(B_i)")
    with torch.enable_grad():
        mine = torch.autograd.grad(module(*of).sum(), of, allow_unused=True)
        theirs = torch.autograd.grad(reference(*of).sum(), of)
    for name, slope, wanted in zip(names, mine, theirs, strict=True):
        expect(
            slope is not None and torch.allclose(slope, wanted, rtol=1e-3, atol=1e-4),
            f"the gradient to {name} is cut or changed.",
        )
    yield "other numbers"
    for channels, width in ((1, 8), (3, 12), (2, 4)):
        reference = _FromNext(channels, width)
        of = [torch.rand(1, channels, *size) for size in ((4, 8), (4, 8), (8, 16))]
        with torch.no_grad():
            for parameter in reference.upsample.parameters():
                parameter.normal_(0, 0.3)
        case = f"right for 3 channels and width 8, but not for {channels} and {width}"
        try:
            module = answer(channels, width)
            copy_weights(reference, module, *of)
            with torch.no_grad():
                same = torch.allclose(module(*of), reference(*of), rtol=1e-4, atol=1e-4)
        except (Wrong, RuntimeError) as error:
            raise Wrong(f"{case}: is a number written in?") from error
        expect(same, f"{case}: is a number written in?")


@exercise(first="def hook(module, inputs, edge_map): ..., and register it with edge_path.")
def with_guide(
    answer: Callable[[nn.Module, Tensor, int, Callable[[int, Tensor], Tensor]], Restoration],
) -> Stages:
    torch.manual_seed(1)
    network = SUNG(width=4, blocks=1, rdb_layers=2, kernel_size=3).train()
    picture = torch.rand(2, 3, 45, 70)
    with torch.no_grad():
        usual = network(picture, iterations=3)
        calls = _guesses(network, picture, 3, _half)
        unused = _guesses(network, picture, 3, lambda i, edge_map: edge_map)
    right = _guided(network, picture, 3, _half)
    # A hook of somebody else's, which is to be there afterwards, too.
    assert network.edge_path is not None
    network.edge_path.register_forward_hook(lambda module, inputs, output: None)
    state = _state(network)
    seen: list[tuple[int, Tensor]] = []

    def replace(i: int, edge_map: Tensor) -> Tensor:
        seen.append((i, edge_map.detach()))
        return _half(i, edge_map)

    yield "it runs"
    try:
        found = answer(network, picture, 3, replace)
    except (RuntimeError, StopIteration) as error:
        expect(
            "StopIteration" not in f"{error!r} {error.__cause__!r}",
            "the hook is called more often than there are scales, so the numbers i run out. Hook"
            " `edge_path`, which runs once at each scale.",
        )
        raise
    yield "what `replace` is asked"
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(bool(seen), "`replace` was never called.")
    expect(
        len(seen) == 3,
        f"for I = 3, `replace` is to be called three times; yours calls it {len(seen)} times."
        + (" Hand `iterations` on to the network." if len(seen) == 4 else ""),
    )
    order = [i for i, _ in seen]
    expect(
        order != [0, 1, 2],
        "`replace` is told i = 0, 1, 2; the climb begins at the smallest picture: i = 2, 1, 0.",
    )
    expect(
        order != [3, 2, 1],
        "`replace` is told i = 3, 2, 1: the first guess is G_2, made of B_3.",
    )
    expect(order == [2, 1, 0], f"`replace` should be told i = 2, 1, 0; it is told {order}.")
    for (i, given), wanted, own in zip(seen, calls, unused, strict=True):
        if given.shape != wanted.shape:
            hint = ""
            if given.shape[1] == 6:
                hint = " Those are the path's inputs; hook its output."
            elif given.shape[-1] == wanted.shape[-1]:
                hint = " Hook `edge_path`."
            elif given.shape[:2] == wanted.shape[:2]:
                hint = " That is cropped already: `replace` is to be asked during the climb."
            raise Wrong(
                f"at i = {i}, `replace` should get G of {tuple(wanted.shape)}, got"
                f" {tuple(given.shape)}.{hint}"
            )
        expect(
            i == 2 or given.shape != own.shape or not torch.allclose(given, own, atol=1e-5),
            f"at i = {i}, `replace` gets what the network makes without any other guide: what"
            " `replace` gave before is not used. Does the hook end in `return ...`?",
        )
        expect(
            torch.allclose(given, wanted, atol=1e-5),
            f"at i = {i}, `replace` should get what the edge path has made, G_{i}. Does S climb"
            " along, made with the guides before?"
            if i < 2
            else f"at i = {i}, `replace` should get what the edge path has made of B_3, G_2."
            " Is it the output of `edge_path` that you hook?",
        )
    yield "what comes back"
    expect(
        isinstance(found, Restoration),
        "the network's whole answer should come back, a `Restoration` with images and edges, not"
        f" {type(found).__name__}.",
    )
    expect(
        all(image.requires_grad for image in found.images),
        "an image has no gradient: is there a `detach` or a `no_grad`?",
    )
    for k, (image, wanted) in enumerate(zip(found.images, right.images, strict=True)):
        expect_shape(image, tuple(wanted.shape))
        with torch.no_grad():
            expect_values(
                image,
                wanted,
                {f"S_{2 - k} is what the network makes of its own guess.": usual.images[k]},
                1e-5,
            )
    expect(
        len(found.edges) == 3
        and all(
            a.shape == b.shape and torch.allclose(a, b, atol=1e-5)
            for a, b in zip(found.edges, right.edges, strict=True)
        ),
        "the images are right; `edges` should hold the guides that were used.",
    )
    yield "gradient"
    network.zero_grad()
    _loss(found).backward()
    slopes = _gradients(network)
    network.zero_grad()
    _loss(right).backward()
    wanted_slopes = _gradients(network)
    for name, slope in wanted_slopes.items():
        expect(
            name in slopes and torch.allclose(slopes[name], slope, rtol=1e-3, atol=1e-5),
            f"the gradient of `{name}` is cut or changed on its way.",
        )
    network.zero_grad()
    yield "the network is left as it was"
    _expect_untouched(network, state, picture, usual, "your function leaves something behind: ")
    yield "also when `replace` fails"

    def failing(i: int, edge_map: Tensor) -> Tensor:
        if i == 1:
            raise _Trouble("in replace")
        return edge_map

    try:
        answer(network, picture, 3, failing)
    except _Trouble:
        pass
    else:
        raise Wrong("an error in `replace` must come out; yours swallows it.")
    _expect_untouched(network, state, picture, usual, "after an error in `replace`, ")
    yield "other calls"
    network = SUNG(width=4, blocks=1, rdb_layers=2, kernel_size=3, edge_channels="luminance")
    for iterations, size in ((1, (16, 16)), (4, (70, 33)), (2, (5, 9))):
        picture = torch.rand(1, 3, *size)
        with torch.no_grad():
            right = _guided(network, picture, iterations, _half)
            try:
                found = answer(network, picture, iterations, _half)
                same = len(found.images) == iterations and all(
                    a.shape == b.shape and torch.allclose(a, b, atol=1e-5)
                    for a, b in zip(found.images, right.images, strict=True)
                )
            except (RuntimeError, ValueError, StopIteration):
                same = False
        expect(
            same,
            f"right for 45 × 70 and I = 3, but not for {size[0]} × {size[1]} and I ="
            f" {iterations}, with edges of one channel: is a number written in?",
        )


class _Trouble(Exception):  # noqa: N818 (not a failure of the check)
    pass


class _FromNext(nn.Module):
    """The reference of `edge_path_from_next`; its last convolution does not begin with zeros."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(2 * channels, width, 3, padding=1)
        self.unet = UNet(width, width)
        self.dense_block = ResidualDenseBlock(width, width)
        self.upsample = pixel_shuffle_upsample(width, channels)

    def change(self, blurred: Tensor, sharp: Tensor) -> Tensor:
        both = torch.cat([blurred, sharp], dim=1)
        return self.upsample(self.dense_block(self.unet(self.head(both))))

    def forward(self, blurred: Tensor, sharp: Tensor, following: Tensor) -> Tensor:
        return torch.relu(following + self.change(blurred, sharp))


def _half(i: int, edge_map: Tensor) -> Tensor:
    """Another guide, which differs from scale to scale."""
    return edge_map * (0.3 + 0.4 * i) + 0.2


def _climb(
    network: SUNG, picture: Tensor, iterations: int, replace: Callable[[int, Tensor], Tensor]
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """(G as the path made it, G as used, S) at every scale, coarse to fine, not cropped."""
    levels = gaussian_pyramid(pad_to_multiple(picture, 4 * 2**iterations), iterations)
    assert network.edges is not None and network.edge_path is not None
    sharp, found = levels[iterations], []
    for i in reversed(range(iterations)):
        sharp = sharp.detach()  # the library's way between scales
        features = network.deblurring_path(torch.cat([levels[i + 1], sharp], dim=1))
        both = [network.edges(levels[i + 1]), network.edges(sharp)]
        guess = network.edge_path(torch.cat(both, dim=1))
        used = replace(i, guess)
        sharp = levels[i] + network.restoration_module(torch.cat([features, used, levels[i]], 1))
        found.append((guess, used, sharp))
    return found


def _guesses(network: SUNG, picture: Tensor, iterations: int, replace: Any) -> list[Tensor]:
    return [guess for guess, *_ in _climb(network, picture, iterations, replace)]


def _guided(network: SUNG, picture: Tensor, iterations: int, replace: Any) -> Restoration:
    images, edges = [], []
    for k, (_, used, sharp) in enumerate(_climb(network, picture, iterations, replace)):
        i = iterations - 1 - k
        height, width = (-(-side // 2**i) for side in picture.shape[-2:])
        images.append(sharp[..., :height, :width])
        edges.append(used[..., :height, :width])
    return Restoration(tuple(images), tuple(edges))


def _loss(restoration: Restoration) -> Tensor:
    return torch.stack([image.square().mean() for image in restoration.images]).sum()


def _gradients(network: nn.Module) -> dict[str, Tensor]:
    return {
        name: parameter.grad.clone()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def _state(network: nn.Module) -> list[Any]:
    """What a function might leave behind in a network."""
    return [
        (name, id(module), module.training, sorted(vars(module)), _hooks(module))
        for name, module in network.named_modules()
    ]


def _hooks(module: nn.Module) -> int:
    return len(module._forward_hooks) + len(module._forward_pre_hooks)


def _expect_untouched(
    network: nn.Module, state: list[Any], picture: Tensor, usual: Restoration, begins: str
) -> None:
    hooks, before = sum(_hooks(module) for module in network.modules()), sum(x[-1] for x in state)
    expect(
        hooks >= before,
        begins + "a hook that somebody else had registered is gone. Remove your own, by its"
        " handle, and no other.",
    )
    expect(
        hooks == before,
        begins + "a hook is still registered, and works on in every later run. Remove it"
        " whatever happens: `try: ... finally: handle.remove()`.",
    )
    expect(
        [one[2] for one in state] == [module.training for module in network.modules()],
        begins + "the network is in another mode: leave `train()` and `eval()` alone.",
    )
    expect(
        state == _state(network),
        begins + "the network has other modules or attributes than before.",
    )
    with torch.no_grad():
        now = network(picture, iterations=3)
    expect(
        torch.equal(now.image, usual.image),
        begins + "the network's result without you is another than before.",
    )


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


quiz = Quiz(
    __name__,
    Question(
        "A row of a picture goes dark, bright, dark. Another is its negative: bright, dark,"
        " bright. What does an edge path make of the two?",
        (
            Choice(
                "The same G: the direction must come from F or B.",
                "M has no direction, and the path sees nothing but M.",
                right=True,
            ),
            Choice(
                "G and -G.",
                "That would need a direction. Both have the same M(B) and M(S), so the path cannot"
                " tell them apart.",
            ),
            Choice(
                "Two different maps: its U-Net is not linear.",
                "It is not; but it gets the very same input twice.",
            ),
        ),
    ),
    Question(
        "You train SUNG without the loss on G, with all else as before. What do you expect of G?",
        (
            Choice(
                "It stays at its first values: nothing teaches the edge path.",
                "The picture's losses reach it through the restoration module.",
            ),
            Choice(
                "Three maps of some use to the restoration, but hardly edge maps.",
                "Only that loss asks for M(GT). Without it the path is three more channels of"
                " features.",
                right=True,
            ),
            Choice(
                "Sharper edges, as nothing holds it back.",
                "Nothing else in the training asks for edges in G.",
            ),
        ),
    ),
    Question(
        "With G = 0 your trained network loses four fifths of its gain. A colleague writes: "
        "“Edge guidance brings four fifths of the gain.” What is missing?",
        (
            Choice(
                "A network trained without the guide: it would have learned to do without.",
                "Zeroing tells what *these weights* lean on. What the guide brought is the distance"
                " to the base model, trained alike.",
                right=True,
            ),
            Choice(
                "Nothing: the gain went with G, so it came from G.",
                "The weights met zeros nowhere in training. A chair with a leg sawn off does not"
                " show that stools fall.",
            ),
            Choice(
                "More test pictures.",
                "They help against chance, but the question would still be another one.",
            ),
        ),
    ),
    Question(
        "With the true M(GT) for G your network gains 0.3 dB more. Is it worth improving the edge"
        " path?",
        (
            Choice(
                "No: more than 0.3 dB is impossible, M(GT) is perfect.",
                "For the other parts *as they are*. Trained with better guides, they could rely on"
                " them more: think of the toy, which needed B and M(GT) alone.",
            ),
            Choice(
                "It may be: 0.3 dB is what the other parts, trained with soft guesses, make of"
                " true edges.",
                "And not even a firm limit for them: a softer map, of the kind they know, may serve"
                " them better than the truth.",
                right=True,
            ),
            Choice(
                "Yes: then put M(GT) in its place, in use.",
                "In use there is no GT: it is what you look for.",
            ),
        ),
    ),
    Question(
        "Your SUNG beats a base model of 6.3 million parameters, trained alike, by 0.5 dB. SUNG"
        " has 9.3 million. What do you do first?",
        (
            Choice(
                "Report that edge guidance brings 0.5 dB.",
                "Or three million more parameters do, or a longer computation.",
            ),
            Choice(
                "Give the base model as many parameters, layers and steps, and train both with"
                " several seeds.",
                "Then size and chance are ruled out. The loss on G remains as a difference:"
                " say so.",
                right=True,
            ),
            Choice(
                "Cut SUNG's channels until it has 6.3 million.",
                "It would be equal in number, but with narrower parts than either of the two"
                " that you want to compare.",
            ),
        ),
    ),
)
