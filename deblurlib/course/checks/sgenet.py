"""Checks of lesson 10: sizes of the predicted images, their loss, stages in a row."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.checks import (
    Stages,
    Wrong,
    exercise,
    expect,
    expect_shape,
    expect_values,
)
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.imaging.pyramid import gaussian_pyramid
from deblurlib.models.blocks import DilatedRecursiveBlock, pad_to_multiple
from deblurlib.models.restoration import Restoration
from deblurlib.models.sgenet import ContextualEnhancement, CrossStageAggregation, Stage, StageOutput

Sizes = list[tuple[int, int]]


@exercise(first="write the size at level 0 alone: that of the photograph itself.")
def guidance_sizes(answer: Callable[[int, int, Sequence[int]], Sequence[Sequence[int]]]) -> Stages:
    yield "it runs"
    found = answer(50, 75, (24, 48, 96, 192))
    yield "one size a skip connection"
    sizes = _sizes(found)
    expect(
        len(sizes) != 4,
        "four widths are four levels, but the lowest has no skip connection: nothing is predicted "
        "there.",
    )
    expect(len(sizes) != 6, "six sizes are those of both stages; asked for are those of one.")
    expect(
        len(sizes) == 3,
        f"four levels have three skip connections, so three sizes; {len(sizes)} came back.",
    )
    yield "order"
    right = [(13, 19), (25, 38), (50, 75)]
    expect(
        sizes != right[::-1],
        "the sizes are right, but run fine to coarse. The network returns them as it makes "
        "them: on the way up, coarse to fine.",
    )
    yield "sizes"
    expect(
        sizes != [(width, height) for height, width in right],
        "height and width have changed places: the height comes first, as in a tensor's shape.",
    )
    expect(
        sizes != [(14, 20), (28, 40), (56, 80)],
        "those are the sizes inside the network, of the padded picture. What comes out is cropped.",
    )
    expect(
        sizes != [(12, 18), (25, 37), (50, 75)],
        "yours round down, and lose a row or column: 25 rows are 12.5 pairs, and the half one "
        "needs a row of its own.",
    )
    expect(
        sizes != [(12, 19), (25, 38), (50, 75)],
        "`round` takes a half to the even side: 12.5 becomes 12. Every half must go up.",
    )
    expect(
        sizes[-1] != (25, 38) and sizes[-1] != (25, 37),
        "one level too far down: level 0 is the full size, and the first skip connection is there.",
    )
    expect(
        sizes != [(17, 25), (25, 38), (50, 75)],
        "yours divide by 1, 2, 3; each level has *half* the size of the one above: by 1, 2, 4.",
    )
    expect(sizes == right, f"for 50 × 75 and four widths {right} is expected, not {sizes}.")
    yield "other sizes"
    for height, width, widths in (
        (64, 64, (16, 32)),
        (5, 1, (8, 8, 8)),
        (33, 720, (4, 8, 16, 32, 64)),
    ):
        sizes, wanted = _sizes(answer(height, width, widths)), _wanted(height, width, len(widths))
        expect(
            sizes == wanted,
            f"right for 50 × 75 and four widths, not for {height} × {width} and {len(widths)}: "
            f"{wanted} expected, {sizes} found. Is a number written in?",
        )


@exercise(first="find the level of `pyramid` that has the shape of the first predicted image.")
def guidance_loss(answer: Callable[..., Tensor]) -> Stages:
    sharp = torch.rand(2, 3, 24, 40)
    pyramid = gaussian_pyramid(sharp, 2)
    targets = [*pyramid[::-1], *pyramid[::-1]]  # coarse to fine, two stages
    guidance = [target + 0.1 * torch.randn_like(target) for target in targets]
    yield "it runs"
    try:
        out = answer(guidance, sharp, 0.05)
    except NotImplementedError:
        raise
    except (RuntimeError, KeyError, IndexError, StopIteration) as error:
        raise Wrong(
            "a predicted image meets a target of another size, or finds none. Go by the image's "
            "shape, not by its place in the list: after stage one's, coarse to fine, stage two's "
            f"begin at the coarse one again. ({type(error).__name__})"
        ) from error
    yield "a scalar"
    expect_shape(
        out,
        (),
        {
            (6,): "That is one number a predicted image: add them up.",
            (2, 3, 24, 40): "That is a whole picture: take the mean over pixels.",
            (1,): "One number, but in a list: start from `torch.zeros(())`.",
        },
    )
    yield "values"
    expect_values(
        out.detach(),
        _summed([p - t for p, t in zip(guidance, targets, strict=True)], _charbonnier),
        _loss_mistakes(guidance, sharp),
    )
    yield "gradient"
    learning = [image.clone().requires_grad_() for image in guidance]
    loss = answer(learning, sharp, 0.05)
    expect(
        loss.requires_grad,
        "no gradient comes through: nothing can be learnt from it. Is there a `detach`, `no_grad` "
        "or `item`?",
    )
    loss.backward()
    expect(
        all(image.grad is not None and image.grad.any() for image in learning),
        "not every predicted image gets a gradient.",
    )
    yield "other sizes"
    odd = torch.rand(1, 3, 13, 22)
    pyramid = gaussian_pyramid(odd, 1)
    one_stage = [level + 0.1 for level in pyramid[::-1]]
    expect_values(
        answer(one_stage, odd, 0.05).detach(),
        _summed([p - t for p, t in zip(one_stage, pyramid[::-1], strict=True)], _charbonnier),
    )
    yield "ε by default"
    expect_values(answer(one_stage, odd).detach(), torch.tensor(2 * ((0.01 + 1e-6) ** 0.5 - 1e-3)))
    expect_values(answer(pyramid, odd).detach(), torch.zeros(()))


@exercise(first="pad `blurred`, make its pyramid, and run the first stage on the two.")
def restore_in_stages(answer: Callable[[Sequence[Stage], Tensor], Restoration]) -> Stages:
    stages, blurred = _stages(3), torch.rand(2, 3, 10, 15)
    with torch.no_grad():
        right = _restore(stages, blurred)
        yield "it runs"
        out = _answered(answer, stages, blurred)
        yield "images"
        images = out.images
        expect(
            len(images) != 1,
            "only the last stage's image came back: the loss looks at every stage's.",
        )
        expect(len(images) == 3, f"three stages make three images; {len(images)} came back.")
        for image in images:
            expect_shape(
                image,
                (2, 3, 10, 15),
                {(2, 3, 12, 16): "That is still padded: crop it to the size of `blurred`."},
            )
        expect(
            not torch.allclose(images[0], right.images[2], atol=1e-5),
            "the images are in reverse: the last one is to be the result.",
        )
        yield "stage one"
        padded = pad_to_multiple(blurred, 4)
        shifted = stages[0](padded, gaussian_pyramid(padded, 1)).image
        padded = functional.pad(blurred, (1, 0, 2, 0), "reflect")
        above = stages[0](padded, gaussian_pyramid(padded, 1)).image
        expect_values(
            images[0],
            right.images[0],
            {
                "yours is shifted: the padding lies to the right and below, so crop there only.": (
                    shifted[..., 2:, 1:]
                ),
                "you crop around the middle, but the padding lies to the right and below only: the "
                "picture is shifted.": shifted[..., 1:11, :15],
                "you pad above and to the left, and crop below and to the right: the picture is "
                "shifted. `pad_to_multiple` pads where you crop.": above[..., :10, :15],
                "you pad above and to the left. The picture is in its place, but the network pads "
                "below and to the right, and halves other pairs of rows.": above[..., 2:, 1:],
                "you clip to [0, 1]. The network does not: what is clipped gets no gradient.": (
                    right.images[0].clamp(0, 1)
                ),
                "you pad to a multiple of 8, as four levels need it. Three halve twice, so 4 is "
                "enough: is a number written in, or one halving counted too many?": (
                    _restore(stages, blurred, multiple=8).images[0]
                ),
                "the lower and right border differ. `pad_to_multiple` reflects the picture there; "
                "zeros would be a black frame.": _restore(stages, blurred, zeros=True).images[0],
            },
        )
        yield "stage two"
        expect_values(
            images[1],
            right.images[1],
            {
                "what CSAM needs does not arrive: hand the earlier stage's output on as the third "
                "argument.": _restore(stages, blurred, bridge="none").images[1],
                "blurred and restored have changed places: the blurred image's channels come "
                "first.": _restore(stages, blurred, swapped=True).images[1],
                "stage two sees stage one's image clipped to [0, 1]. It should see it as it is.": (
                    _restore(stages, blurred, view="clipped").images[1]
                ),
                "stage two sees the blurred image twice, and never stage one's.": _restore(
                    stages, blurred, view="blurred"
                ).images[1],
                "stage two sees stage one's image twice, and never the blurred one.": _restore(
                    stages, blurred, view="restored"
                ).images[1],
                "stage two's pyramid is made of stage one's image. CEM and the last sum need the "
                "*blurred* one: what a stage adds is added to the input.": _restore(
                    stages, blurred, residual="earlier"
                ).images[1],
            },
        )
        yield "stage three"
        expect_values(
            images[2],
            right.images[2],
            {
                "stage three gets stage one's output for its CSAM; it is to get the output of the "
                "stage just before, two's.": _restore(stages, blurred, bridge="first").images[2],
                "stage three sees stage one's image; it is to see that of the stage just before, "
                "two's.": _restore(stages, blurred, view="first").images[2],
                "stage three sees stage one's image and gets its features: both should be stage "
                "two's.": _restore(stages, blurred, bridge="first", view="first").images[2],
                "that is stage two's image once more: is the loop's result kept?": right.images[1],
            },
        )
        yield "guidance"
        _expect_guidance(out, right)
        yield "other numbers and sizes"
        for number, size, levels in ((1, (8, 8), 3), (2, (7, 9), 4), (4, (1, 5), 2)):
            picture = torch.rand(1, 3, *size)
            some = _stages(number, levels)
            right = _restore(some, picture, multiple=2 ** (levels - 1))
            try:
                out = _answered(answer, some, picture)
            except (RuntimeError, IndexError, Wrong) as error:
                raise Wrong(
                    f"right for three stages of three levels; {number} of {levels} levels, on a "
                    f"picture of {size[0]} × {size[1]}, stop it. Is a number written in? "
                    f"({str(error).splitlines()[0]})"
                ) from error
            expect(
                len(out.images) == number,
                f"{number} stages make {number} images; {len(out.images)} came back. Is the number "
                "of stages written in?",
            )
            for found, wanted in zip(
                (*out.images, *out.guidance), (*right.images, *right.guidance), strict=True
            ):
                expect_shape(found, tuple(wanted.shape))
                expect_values(found, wanted)
    yield "gradient"
    handed = [_handing_on(stage) for stage in stages]
    out = answer(stages, blurred)
    expect(
        out.images[-1].requires_grad,
        "no gradient comes through at all: is there a `no_grad` or a `detach`?",
    )
    expect(
        all(image.requires_grad for image in (*out.images, *out.guidance)),
        "some of the images that come back are cut off (`detach`): a loss on them teaches nothing.",
    )
    loss = out.images[-1].square().sum()
    for number, outputs in enumerate(handed[:-1]):
        stage, output = ("one", "two")[number], outputs[-1]
        expect(
            _reached(loss, [output.image]),
            f"stage {stage}'s image is cut off (`detach`): the last image's loss never reaches the "
            "convolution that made it.",
        )
        encoders, decoders = _reached(loss, output.encoded), _reached(loss, output.decoded)
        expect(
            encoders or decoders,
            f"stage {stage}'s features are cut off (`detach`): its encoder and decoder learn "
            "nothing from what CSAM makes of them.",
        )
        expect(
            encoders,
            f"the features of stage {stage}'s encoder are cut off (`detach`), those of its decoder "
            "are not.",
        )
        expect(
            decoders,
            f"the features of stage {stage}'s decoder are cut off (`detach`), those of its encoder "
            "are not.",
        )


def _handing_on(stage: Stage) -> list[StageOutput]:
    """From now on `stage` gives away copies, kept in this list.

    A gradient that comes from another stage arrives at them, one from within the stage does not.
    """
    kept: list[StageOutput] = []
    forward = stage.forward

    def recorded(*arguments: Any, **named: Any) -> StageOutput:
        out = forward(*arguments, **named)
        kept.append(
            out._replace(
                image=out.image.clone(),
                encoded=[features.clone() for features in out.encoded],
                decoded=[features.clone() for features in out.decoded],
            )
        )
        return kept[-1]

    stage.forward = recorded  # type: ignore[method-assign]
    return kept


def _reached(loss: Tensor, handed: Sequence[Tensor]) -> bool:
    """Whether the gradient arrives at all of them."""
    found = torch.autograd.grad(loss, list(handed), retain_graph=True, allow_unused=True)
    return all(gradient is not None and bool(gradient.any()) for gradient in found)


def _sizes(found: Sequence[Sequence[int]]) -> Sizes:
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, list | tuple)
        and all(isinstance(size, list | tuple) and len(size) == 2 for size in found),
        f"a list of pairs (height, width) should come back, not {found!r}.",
    )
    expect(
        all(int(side) == side for size in found for side in size),
        f"sizes are whole numbers of pixels; yours are {list(found)}.",
    )
    return [(int(height), int(width)) for height, width in found]


def _wanted(height: int, width: int, levels: int) -> Sizes:
    scales = [2**level for level in reversed(range(levels - 1))]
    return [(-(-height // scale), -(-width // scale)) for scale in scales]


def _charbonnier(difference: Tensor, epsilon: float = 0.05) -> Tensor:
    return (difference.square() + epsilon**2).sqrt().mean() - epsilon


def _summed(differences: Sequence[Tensor], distance: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([distance(difference) for difference in differences]).sum()


def _loss_mistakes(guidance: Sequence[Tensor], sharp: Tensor) -> dict[str, Tensor]:
    """What a slip would give for the images of two stages at three sizes."""
    pyramid = gaussian_pyramid(sharp, 2)
    differences = [p - t for p, t in zip(guidance, 2 * pyramid[::-1], strict=True)]
    right = _summed(differences, _charbonnier)

    def against(smaller: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        return _summed([p - smaller(sharp, p) for p in guidance], _charbonnier)

    def resized(image: Tensor, like: Tensor, **how: object) -> Tensor:
        return functional.interpolate(image, like.shape[-2:], **how)  # type: ignore[arg-type]

    pixels = "the coarse targets are not those of the pyramid: "
    return {
        "that is the mean absolute difference, L1: Charbonnier adds ε² and takes the root.": (
            _summed(differences, lambda d: d.abs().mean())
        ),
        "`epsilon` is an argument, but yours has 0.001 whatever it says.": _summed(
            differences, lambda d: _charbonnier(d, 1e-3)
        ),
        "that is the mean squared difference: the root is missing.": _summed(
            differences, lambda d: d.square().mean()
        ),
        "the root is taken after the mean. Each pixel has a root of its own.": _summed(
            differences, lambda d: (d.square().mean() + 0.05**2).sqrt() - 0.05
        ),
        "each image's distance is ε too large: take ε away, so that a perfect prediction has 0.": (
            right + 6 * 0.05
        ),
        "ε stands under the root as it is; it should be squared there.": _summed(
            differences, lambda d: (d.square() + 0.05).sqrt().mean() - 0.05
        ),
        "ε is taken away once, not once for each predicted image.": right + 5 * 0.05,
        "pixels are summed, not averaged: the finest size would decide nearly alone.": _summed(
            differences, lambda d: ((d.square() + 0.05**2).sqrt() - 0.05).sum()
        ),
        "the sizes are averaged; the loss is their *sum*.": right / len(guidance),
        "the two pictures of the batch are summed: average over the batch, too.": 2 * right,
        "only stage one's images count. Did a `zip` stop at the shorter list?": _summed(
            differences[:3], _charbonnier
        ),
        "only stage two's images count: stage one's CEMs would have no teacher.": _summed(
            differences[3:], _charbonnier
        ),
        "only the last predicted image counts; the loss is a sum over all.": _summed(
            differences[-1:], _charbonnier
        ),
        "only full-size images count: the coarse ones are missing.": _summed(
            [differences[2], differences[5]], _charbonnier
        ),
        pixels + "every second pixel was taken, without blurring first.": against(
            lambda image, like: resized(image, like, mode="nearest")
        ),
        pixels + "these are means of blocks; `gaussian_pyramid` blurs first.": against(
            lambda image, like: resized(image, like, mode="area")
        ),
        "the predicted images are enlarged to full size. Compare at the size at which they were "
        "made.": _summed(
            [resized(p, sharp, mode="bilinear", align_corners=False) - sharp for p in guidance],
            _charbonnier,
        ),
    }


def _stages(number: int, levels: int = 3) -> list[Stage]:
    """Stages none of which adds nothing."""
    widths = (4, 6, 8, 10)[:levels]
    stages = []
    for index in range(number):
        aggregations = [CrossStageAggregation(width) for width in widths[:-1]] if index else []
        stage = Stage(
            6 if index else 3,
            widths,
            1,
            DilatedRecursiveBlock(widths[0], (1, 2), 2),
            aggregations=aggregations,
        )
        enhancements = [m for m in stage.modules() if isinstance(m, ContextualEnhancement)]
        for convolution in (stage.tail, *(each.predict for each in enhancements)):
            nn.init.normal_(convolution.weight, std=0.1)
        stages.append(stage)
    return stages


def _restore(
    stages: Sequence[Stage],
    blurred: Tensor,
    *,
    multiple: int = 4,
    zeros: bool = False,
    bridge: str = "last",
    view: str = "both",
    residual: str = "blurred",
    swapped: bool = False,
) -> Restoration:
    """The right answer, or with the slips that the arguments name."""
    height, width = blurred.shape[-2:]
    if zeros:
        padded = functional.pad(blurred, (0, -width % multiple, 0, -height % multiple))
    else:
        padded = pad_to_multiple(blurred, multiple)
    pyramid = gaussian_pyramid(padded, len(stages[0].downsamples) - 1)
    outputs: list[StageOutput] = [stages[0](padded, pyramid)]
    for stage in stages[1:]:
        seen = outputs[0 if view == "first" else -1].image
        if view == "clipped":
            seen = seen.clamp(0, 1)
        pair = [
            seen if view == "restored" else padded,
            padded if view == "blurred" else seen,
        ]
        x = torch.cat(pair[::-1] if swapped else pair, dim=1)
        earlier = {"last": outputs[-1], "first": outputs[0], "none": None}[bridge]
        own = gaussian_pyramid(outputs[-1].image, 1) if residual == "earlier" else pyramid
        outputs.append(stage(x, own, earlier))

    def crop(image: Tensor) -> Tensor:
        scale = padded.shape[-1] // image.shape[-1]
        return image[..., : -(-height // scale), : -(-width // scale)]

    return Restoration(
        images=tuple(crop(output.image) for output in outputs),
        guidance=tuple(crop(image) for output in outputs for image in output.guidance),
    )


def _answered(
    answer: Callable[[Sequence[Stage], Tensor], Restoration],
    stages: Sequence[Stage],
    blurred: Tensor,
) -> Restoration:
    try:
        out = answer(stages, blurred)
    except RuntimeError as error:
        said = str(error)
        expect(
            "channels" not in said,
            "a stage gets another number of channels than it takes: the first takes the blurred "
            "image alone (3), each later one blurred ⊕ the image before (6).",
        )
        expect(
            "must match" not in said and "Sizes of tensors" not in said,
            f"two sizes don't meet inside a stage, for a picture of {blurred.shape[-2]} × "
            f"{blurred.shape[-1]}. Pad it first, and make both the first input and the pyramid of "
            "the padded picture.",
        )
        raise
    expect(out is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(out, Restoration),
        f"a `Restoration` should come back, not a {type(out).__name__}.",
    )
    return out


def _expect_guidance(out: Restoration, right: Restoration) -> None:
    number = len(out.guidance)
    expect(number > 0, "the predicted images are missing: `Restoration(images=..., guidance=...)`.")
    expect(
        number != 2,
        "one stage's predicted images only: all stages' are wanted, since each is supervised.",
    )
    expect(number == 6, f"three stages of two skips predict 6 images; {number} came back.")
    shapes = [tuple(image.shape) for image in out.guidance]
    expected = [tuple(image.shape) for image in right.guidance]
    expect(
        (2, 3, 6, 8) not in shapes and (2, 3, 12, 16) not in shapes,
        f"the predicted images are still padded: {shapes}. Crop each at its own size.",
    )
    expect(
        shapes != expected[::-1],
        "the predicted images run fine to coarse; keep the order in which a stage returns them.",
    )
    expect(
        shapes != sorted(expected),
        "the predicted images are sorted by size; they come stage by stage, each coarse to fine.",
    )
    expect(shapes[0] != (2, 3, 5, 7), "15 columns halve to 8, not to 7: round the crop up.")
    expect(shapes == expected, f"expected sizes {expected}, got {shapes}.")
    backwards = [image for k in (4, 2, 0) for image in right.guidance[k : k + 2]]
    mistakes = {
        "the last stage's come first; stage one's should.": backwards,
        "the predicted images are clipped to [0, 1]; what is clipped gets no gradient.": [
            image.clamp(0, 1) for image in right.guidance
        ],
    }
    for k, (found, wanted) in enumerate(zip(out.guidance, right.guidance, strict=True)):
        expect_values(found, wanted, {what: values[k] for what, values in mistakes.items()})


quiz = Quiz(
    __name__,
    Question(
        "An SGENet fresh from `create_model` gets a photograph of 50 × 75 pixels. What comes out?",
        (
            Choice(
                "Noise, for its weights are random",
                "They are, except where something is added to a picture: those convolutions begin "
                "at zero.",
            ),
            Choice(
                "The photograph, unchanged",
                "Both stages add exactly nothing, and what was padded is cropped away.",
                right=True,
            ),
            Choice(
                "An error: 50 and 75 are no multiples of 8",
                "The network pads inside. A *stage* alone would raise one.",
            ),
            Choice(
                "Black, for the last convolution is zero",
                "It is, but its output is *added* to the blurred image.",
            ),
        ),
    ),
    Question(
        "The toy's stage two sees the blurred image beside stage one's. What could it not do if it "
        "saw stage one's alone?",
        (
            Choice(
                "Hand on stage one's image as it is",
                "What a stage makes is added to the blurred image. To arrive at stage one's, the "
                "toy must add the difference of the two, and so know both. (The real one also has "
                "features.)",
                right=True,
            ),
            Choice(
                "Give back the blurred image",
                "A weight of zero does that, whatever it sees.",
            ),
            Choice(
                "Make use of stage one's image",
                "It could, but only by adding it to the blurred one.",
            ),
        ),
    ),
    Question(
        "Which part has the fewest parameters for its multiply-adds?",
        (
            Choice(
                "The lowest level of the encoder",
                "The other way round: the widest convolutions, on the fewest pixels.",
            ),
            Choice(
                "The dilated recursive block",
                "A few thin convolutions, used three times on every pixel of the full size.",
                right=True,
            ),
            Choice(
                "CSAM",
                "It costs both: four 3×3 convolutions at every level with a skip, each used once.",
            ),
        ),
    ),
    Question(
        "You train with a loss on the last image alone. What happens to stage one?",
        (
            Choice(
                "Nothing: it gets no gradient",
                "From the second step on it gets one, through its image and through the features "
                "that CSAM reads.",
            ),
            Choice(
                "It learns, but nobody asks its image to be a sharp one",
                "It learns whatever helps stage two. A loss of its own makes it a restored image.",
                right=True,
            ),
            Choice(
                "It learns to give the sharp image, as before",
                "Nothing holds it against the sharp image any more.",
            ),
        ),
    ),
    Question(
        "Two stages with trained weights run at any size. The result is bad at 50 × 75, but "
        "right at 48 × 72. A fresh network gives back its input at 48 × 72 only. Which slip fits?",
        (
            Choice(
                "It pads on one side and crops on the other",
                "Multiples of 8 need no padding, so there it cannot show. Elsewhere the picture "
                "is shifted by a few pixels.",
                right=True,
            ),
            Choice(
                "Stage two adds to stage one's image",
                "A fresh network would still give back its input, at every size.",
            ),
            Choice(
                "Stage one's image is detached",
                "That changes gradients, not results.",
            ),
        ),
    ),
)
