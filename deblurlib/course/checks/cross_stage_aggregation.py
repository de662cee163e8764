"""Checks of lesson 09: branches mixed, a selection for every pixel, SKNet's for every channel."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.course.checks import (
    Stages,
    Wrong,
    copy_weights,
    exercise,
    expect,
    expect_parameters,
    expect_shape,
    expect_values,
)
from deblurlib.course.quiz import Choice, Question, Quiz


@exercise(first="make weights of the logits: `logits.softmax(dim=...)`. Which dimension?")
def mix(answer: Callable[[list[Tensor], Tensor], Tensor]) -> Stages:
    branches = [k + torch.randn(2, 4, 5, 6) for k in range(3)]  # unlike each other, and all sizes
    logits = 2 * torch.randn(2, 3, 5, 6)
    yield "it runs"
    out = _mixed(answer, branches, logits)
    yield "shape"
    expect_shape(
        out,
        (2, 4, 5, 6),
        {
            (2, 3, 4, 5, 6): "The weighted branches are there; their sum is missing.",
            (3, 2, 4, 5, 6): "The weighted branches are there; their sum is missing.",
            (2, 12, 5, 6): "The branches lie side by side as channels: add them, don't `cat` them.",
            (2, 3, 5, 6): "That is one number for each branch: the channels are added up, or the "
            "weights alone came back.",
            (2, 5, 6): "That is one number for each pixel: the channels are gone.",
        },
    )
    yield "values"
    right = _mix(logits.softmax(1), branches)
    over_pixels = logits.flatten(2).softmax(2).view_as(logits)
    expect_values(
        out,
        right,
        {
            "the weights are the logits themselves: softmax is missing.": _mix(logits, branches),
            "that is a sigmoid's: each weight is below 1, but they don't sum to 1. Softmax "
            "compares the branches.": _mix(logits.sigmoid(), branches),
            "these weights sum to 1, but each is a sigmoid over the sigmoids' sum. Softmax has e "
            "to the power of the logit in the sigmoid's place.": _mix(
                logits.sigmoid() / logits.sigmoid().sum(1, keepdim=True), branches
            ),
            "e to the power of the logits is there, the division by their sum is missing.": _mix(
                logits.exp(), branches
            ),
            "softmax goes over the batch (dimension 0): a picture's weights depend on the other "
            "pictures. Branches are dimension 1.": _mix(logits.softmax(0), branches),
            "softmax goes over rows (dimension 2); the branches are dimension 1.": _mix(
                logits.softmax(2), branches
            ),
            "softmax goes over columns (the last dimension); the branches are dimension 1.": _mix(
                logits.softmax(3), branches
            ),
            "softmax goes over the pixels, so they compete with each other. At each pixel the "
            "*branches* must compete.": _mix(over_pixels, branches),
            "the weights sum to 1 already: add the weighted branches, don't take their mean.": (
                right / 3
            ),
            "branch 0 is left out of the sum: stage two's own features are a branch, too.": _mix(
                logits.softmax(1)[:, 1:], branches[1:]
            ),
            "softmax does not see branch 0: all branches compete.": _mix(
                logits[:, 1:].softmax(1), branches[1:]
            ),
            "the weights go to the wrong branches: weight k belongs to branch k.": _mix(
                logits.softmax(1).flip(1), branches
            ),
            "that is the branch with the largest logit alone; softmax gives the others a share.": (
                torch.stack(branches, 1)
                .gather(1, logits.argmax(1)[:, None, None].expand(-1, -1, 4, -1, -1))
                .squeeze(1)
            ),
            "all branches count alike: the logits have no say.": sum(branches, torch.zeros(())) / 3,
            "everything is passed on in full: that is the plain sum.": sum(
                branches, torch.zeros(())
            ),
        },
    )
    yield "gradient"
    _expect_gradients_of_a_mixture(answer, branches, logits)
    yield "large logits"
    expect(
        _mixed(answer, branches, logits + 200).isfinite().all(),
        "with logits around 200 the result is not finite: exp overflows. `softmax` takes the "
        "largest logit away first, which changes no weight.",
    )
    yield "other sizes"
    for count, shape in ((5, (1, 1, 3, 3)), (2, (3, 3, 3, 3))):
        branches = [torch.randn(shape) for _ in range(count)]
        logits = torch.randn(shape[0], count, *shape[2:])
        out = _mixed(answer, branches, logits)
        expect_shape(out, shape)
        expect(
            torch.allclose(out, _mix(logits.softmax(1), branches), atol=1e-4),
            f"right for three branches of (2, 4, 5, 6), not for {count} of {shape}. Where sizes "
            "are equal, shapes fit by accident: say which dimension you mean.",
        )


@exercise(first="make the two 1×1 convolutions: `channels` to `hidden`, `hidden` to `branches`.")
def spatial_selection(answer: Callable[..., nn.Module]) -> Stages:
    channels, hidden, count = 4, 7, 3
    branches = [k + torch.randn(2, channels, 5, 6) for k in range(count)]
    yield "it runs"
    module = answer(channels, count, hidden)
    out = _selected(module, branches)
    yield "shape"
    expect_shape(
        out,
        (2, channels, 5, 6),
        {
            (2, count, 5, 6): "That is one number for each branch: mix the branches with them.",
            (2, count, channels, 5, 6): "The weighted branches are there; their sum is missing.",
            (2, count, 1, 5, 6): "Those are the weights alone: mix the branches with them.",
        },
    )
    yield "parameters"
    squeeze, excite = channels * hidden + hidden, hidden * count + count
    expect_parameters(
        module,
        squeeze + excite,
        {
            0: "The layers are in a plain list, or not kept on `self`: nothing is found.",
            channels * hidden + hidden * count: "The biases are missing: both convolutions have "
            "them.",
            squeeze - hidden + excite: "The first convolution's bias is missing: both are 1×1 and "
            "have one.",
            squeeze + excite - count: "The second convolution's bias is missing: both are 1×1 and "
            "have one.",
            9 * channels * hidden + hidden + 9 * hidden * count + count: "Your convolutions are "
            "3×3; these are 1×1.",
            9 * channels * hidden + hidden + excite: "Your first convolution is 3×3: both are 1×1 "
            "and have a bias.",
            squeeze + 9 * hidden * count + count: "Your second convolution is 3×3: both are 1×1 "
            "and have a bias.",
            count * channels * hidden + hidden + excite: "Your first convolution takes the "
            "branches side by side; it takes their *sum*, which has `channels` channels.",
            squeeze + hidden * count * channels + count * channels: "That is a logit for every "
            "channel; here a pixel's channels share one, so there are `branches` of them.",
            channels * count + count: "There is one convolution: the step through `hidden` "
            "channels is missing.",
            8 * channels + 8 + 8 * count + count: "There are 8 channels in between, not `hidden`.",
            squeeze + hidden + 1: "One logit comes out. Each branch needs its own.",
        },
    )
    yield "values"
    reference = _Spatial(channels, count, hidden)
    copy_weights(reference, module, branches)
    with torch.no_grad():
        out = _selected(module, branches)
        logits = reference.logits(sum(branches, torch.zeros(())))
        weights = logits.softmax(1)
        twice = functional.leaky_relu(logits, 0.2)
        total = sum(branches, torch.zeros(()))
        expect_values(
            out,
            _mix(weights, branches),
            {
                "the activation between the convolutions is missing.": _mix(
                    reference.logits(total, slope=1.0).softmax(1), branches
                ),
                "that is what plain ReLU gives; here the slope below 0 is 0.2.": _mix(
                    reference.logits(total, slope=0.0).softmax(1), branches
                ),
                "that is leaky ReLU's default slope of 0.01; here it is 0.2.": _mix(
                    reference.logits(total, slope=0.01).softmax(1), branches
                ),
                "no activation after the second convolution: logits may have any sign.": _mix(
                    twice.softmax(1), branches
                ),
                "the convolutions get the mean of the branches; take their sum.": _mix(
                    reference.logits(total / count).softmax(1), branches
                ),
                "the weights come from branch 0 alone: they cannot know whether another is any "
                "good. Take the sum of all.": _mix(
                    reference.logits(branches[0]).softmax(1), branches
                ),
                "the weights come from the last branch alone. Take the sum of all.": _mix(
                    reference.logits(branches[-1]).softmax(1), branches
                ),
                "the weights don't know stage two's own features: branch 0 belongs into the sum "
                "that they are made of.": _mix(
                    reference.logits(total - branches[0]).softmax(1), branches
                ),
                "stage two's own features are left out of the result: branch 0 is mixed in, "
                "too.": _mix(weights[:, 1:], branches[1:]),
                "that is a sigmoid's: the weights don't sum to 1. Softmax compares the "
                "branches.": _mix(logits.sigmoid(), branches),
                "softmax goes over columns (the last dimension); the branches compete, which are "
                "dimension 1.": _mix(logits.softmax(3), branches),
                "softmax goes over rows (dimension 2); the branches compete, which are "
                "dimension 1.": _mix(logits.softmax(2), branches),
                "softmax goes over the batch: pictures would compete with each other. The "
                "branches are dimension 1.": _mix(logits.softmax(0), branches),
                "softmax runs along a dimension of size 1, so every weight is 1, and this is the "
                "plain sum.": total,
                "softmax is missing: the logits are used as weights.": _mix(logits, branches),
                "the logits are averaged over the image: here every pixel has its own.": _mix(
                    logits.mean((2, 3), keepdim=True).softmax(1), branches
                ),
                "the sum of the branches is averaged over the image: that is SKNet's way. Here "
                "every pixel has its own weights.": _mix(
                    reference.logits(total.mean((2, 3), keepdim=True)).softmax(1), branches
                ),
                "the weights sum to 1 already: don't take the mean of the weighted branches.": (
                    _mix(weights, branches) / count
                ),
                "the mixture is the whole result; nothing more is added to it.": (
                    _mix(weights, branches) + branches[0]
                ),
                "branch 0 comes in whole: it has a weight like the others.": (
                    _mix(weights[:, 1:], branches[1:]) + branches[0]
                ),
            },
        )
    yield "gradient"
    _expect_gradients(module, reference, branches)
    yield "other sizes"
    for sizes in ((5, 2, 3), (1, 4, 6)):
        width, number, inner = sizes
        module = answer(width, number, inner)
        reference = _Spatial(width, number, inner)
        branches = [torch.randn(2, width, 4, 4) for _ in range(number)]
        copy_weights(reference, module, branches)
        with torch.no_grad():
            expect(
                torch.allclose(_selected(module, branches), reference(branches), atol=1e-4),
                f"right for 4 channels and 3 branches, not for {width} and {number}. Is a number "
                "written in that should be an argument?",
            )


@exercise(first="add the branches up, and take the mean over height and width, keeping both as 1.")
def channel_selection(answer: Callable[..., nn.Module]) -> Stages:
    channels, hidden, count = 4, 7, 3
    branches = [0.5 * k + torch.randn(2, channels, 5, 6) for k in range(count)]
    branches[0][1] += 2  # the pictures of the batch differ
    yield "it runs"
    module = answer(channels, count, hidden)
    out = _selected(module, branches)
    yield "shape"
    expect_shape(
        out,
        (2, channels, 5, 6),
        {
            (2, count, channels, 5, 6): "The weighted branches are there; their sum is missing.",
            (2, channels, 1, 1): "One number for each channel: the *branches* must not lose their "
            "pixels, only what the weights are made of.",
            (2, count, channels, 1, 1): "Those are the weights alone: mix the branches with them.",
            (2, count * channels, 1, 1): "Those are the logits: softmax and mixing are to come.",
        },
    )
    yield "parameters"
    expect_parameters(
        module,
        channels * hidden + hidden + (hidden + 1) * count * channels,
        {
            channels * hidden
            + hidden
            + (hidden + 1) * count: "That is a logit for each branch; here each branch has one "
            "for each channel."
        },
    )
    yield "values"
    reference = _Channel(channels, count, hidden)
    copy_weights(reference, module, branches)
    with torch.no_grad():
        out = _selected(module, branches)
        total = sum(branches, torch.zeros(()))
        mean = total.mean((2, 3), keepdim=True)

        def mixture(logits: Tensor, dim: int = 1) -> Tensor:
            return _mix(logits.unflatten(1, (count, channels)).softmax(dim), branches)

        logits = reference.logits(mean)
        swapped = logits.unflatten(1, (channels, count)).softmax(2).transpose(1, 2)
        every = reference.logits(total)
        expect_values(
            out,
            mixture(logits),
            {
                "the mean over the image is missing: every pixel chooses for itself.": mixture(
                    every
                ),
                "the mean is taken too late: the image is averaged first, then goes through the "
                "convolutions.": mixture(every.mean((2, 3), keepdim=True)),
                "the weights are averaged over the image; average the summed branches, before the "
                "convolutions.": _mix(
                    every.unflatten(1, (count, channels)).softmax(1).mean((3, 4), keepdim=True),
                    branches,
                ),
                "the mean goes over the batch as well, so one picture's weights depend on the "
                "others.": mixture(reference.logits(total.mean((0, 2, 3), keepdim=True))),
                "the mean goes over the rows only; height *and* width are averaged.": mixture(
                    reference.logits(total.mean(2, keepdim=True))
                ),
                "the mean goes over the columns only; height *and* width are averaged.": mixture(
                    reference.logits(total.mean(3, keepdim=True))
                ),
                "that is the largest value of the image; SKNet takes the mean.": mixture(
                    reference.logits(total.amax((2, 3), keepdim=True))
                ),
                "that is the sum over the image: larger pictures would give larger logits. Take "
                "the mean.": mixture(reference.logits(total.sum((2, 3), keepdim=True))),
                "softmax goes over the channels, so they compete with each other. For every "
                "channel, the *branches* compete.": mixture(logits, dim=2),
                "softmax goes over all branches and channels together, so only all of them sum to "
                "1; each channel's weights must.": _mix(
                    logits.softmax(1).unflatten(1, (count, channels)), branches
                ),
                "the logits are cut the other way round: the first `channels` of them belong to "
                "branch 0.": _mix(swapped, branches),
                "softmax runs along a dimension of size 1, so every weight is 1, and nothing is "
                "suppressed. Dimension 1 counts the branches.": total,
                "there is an activation after `excite`: a logit may have any sign.": mixture(
                    functional.relu(logits)
                ),
                "that is a sigmoid's: a channel's weights don't sum to 1.": _mix(
                    logits.sigmoid().unflatten(1, (count, channels)), branches
                ),
                "the activation between the convolutions is missing.": mixture(
                    reference.logits(mean, slope=1.0)
                ),
                "that is a leaky ReLU with slope 0.2; SKNet has plain ReLU.": mixture(
                    reference.logits(mean, slope=0.2)
                ),
                "that is a leaky ReLU with slope 0.01; SKNet has plain ReLU.": mixture(
                    reference.logits(mean, slope=0.01)
                ),
                "the convolutions get the mean of the branches; take their sum, then its mean over "
                "the image.": mixture(reference.logits(mean / count)),
                "the weights come from branch 0 alone. Take the sum of all.": mixture(
                    reference.logits(branches[0].mean((2, 3), keepdim=True))
                ),
                "stage two's own features are left out of the result: branch 0 is mixed in, "
                "too.": _mix(
                    logits.unflatten(1, (count, channels)).softmax(1)[:, 1:], branches[1:]
                ),
                "the weights sum to 1 already: don't take the mean of the weighted branches.": (
                    mixture(logits) / count
                ),
                "branch 0 comes in whole: it has a weight like the others.": branches[0]
                + _mix(logits.unflatten(1, (count, channels)).softmax(1)[:, 1:], branches[1:]),
            },
        )
    yield "gradient"
    # Alive whatever the random weights: else ReLU may silence a row of the first layer.
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.copy_(0.1 + 0.3 * torch.rand_like(parameter))
    copy_weights(reference, module, branches)
    _expect_gradients(module, reference, [1 + branch.abs() for branch in branches])
    yield "other sizes"
    for width, number, inner in ((5, 2, 3), (3, 3, 6)):
        module, reference = answer(width, number, inner), _Channel(width, number, inner)
        branches = [torch.randn(2, width, 3, 8) for _ in range(number)]
        copy_weights(reference, module, branches)
        with torch.no_grad():
            expect(
                torch.allclose(_selected(module, branches), reference(branches), atol=1e-4),
                f"right for 4 channels and 3 branches, not for {width} and {number}. Is a number "
                "written in that should be an argument?",
            )


def _mixed(
    answer: Callable[[list[Tensor], Tensor], Tensor], branches: Sequence[Tensor], logits: Tensor
) -> Tensor:
    return _unchanged(lambda given: answer(given, logits.clone()), branches)


def _selected(module: nn.Module, branches: Sequence[Tensor]) -> Tensor:
    return _unchanged(module, branches)


def _unchanged(answer: Callable[[list[Tensor]], Tensor], branches: Sequence[Tensor]) -> Tensor:
    """The answer to a list of branches, of which neither list nor branches may be changed."""
    before = [branch.clone() for branch in branches]
    given = list(before)
    try:
        out = answer(given)
    except Exception as error:
        # What comes of an emptied list is reported at a line that is innocent of it.
        _expect_same_list(given, before)
        if isinstance(error, RuntimeError):
            _explain_sizes(error)
        raise
    _expect_same_list(given, before)
    same = all(torch.equal(a, b) for a, b in zip(branches, before, strict=True))
    expect(
        same,
        "your code has changed the branches in place (`*=`, `+=`, `mul_`, ...); others may still "
        "need them. Make new tensors.",
    )
    return out


def _expect_same_list(given: list[Tensor], before: list[Tensor]) -> None:
    expect(
        len(given) == len(before) and all(a is b for a, b in zip(given, before, strict=True)),
        "your code changes the list of branches itself (`pop`, `append`, `branches[k] = ...`): "
        "it belongs to the caller, who finds it changed. Read from it only.",
    )


def _explain_sizes(error: RuntimeError) -> None:
    if "input to conv2d, but got input of size" in str(error):
        raise Wrong(
            "a convolution wants (N, channels, height, width), and gets fewer dimensions. A mean "
            "drops those that it averages, unless told `keepdim=True`. "
            f"(torch says: {str(error).splitlines()[0]})"
        ) from None
    if "must match the size" in str(error):
        raise Wrong(
            "weights and branches don't fit together. A weight has no channels, a branch has: give "
            "the weight a dimension of size 1 where the branch has its channels. "
            f"(torch says: {str(error).splitlines()[0]})"
        ) from None


def _expect_gradients_of_a_mixture(
    answer: Callable[[list[Tensor], Tensor], Tensor], branches: Sequence[Tensor], logits: Tensor
) -> None:
    inputs = [*branches, logits]
    *found, by_logits = _gradients(lambda given: _mixed(answer, given[:-1], given[-1]), inputs)
    *right, right_by_logits = _gradients(
        lambda given: _mix(given[-1].softmax(1), given[:-1]), inputs
    )
    expect(
        by_logits.any(),
        "no gradient reaches the logits, so nothing could ever learn to choose: is there a "
        "`detach` or a `no_grad` on the way of the weights?",
    )
    for k, (gradient, expected) in enumerate(zip(found, right, strict=True)):
        expect(
            _alike(gradient, expected),
            f"the gradient of branch {k} is cut off: is there a `detach`, or a `no_grad`?",
        )
    expect(_alike(by_logits, right_by_logits), "a part of the logits' gradient is cut off.")


def _expect_gradients(
    module: nn.Module, reference: "_Spatial | _Channel", branches: Sequence[Tensor]
) -> None:
    """Expect an answer that has the reference's weights to have its gradients, too."""
    module.zero_grad()
    found = _gradients(lambda given: _selected(module, given), branches)
    right = _gradients(reference, branches)
    if not all(map(_alike, found, right)):
        chosen = _gradients(lambda given: reference(_cut_off(given), given), branches)
        mixed = _gradients(lambda given: reference(given, _cut_off(given)), branches)
        learns = any(p.grad is not None and p.grad.any() for p in module.parameters())
        expect(
            learns,
            "the weights are cut off from the gradient (`detach`, `no_grad` or `.data`), so "
            "neither convolution learns.",
        )
        expect(
            not all(map(_alike, found, chosen)),
            "the branches get a gradient as parts of the mixture, but none through the weights: "
            "what the weights are made of is cut off. Is there a `detach`?",
        )
        expect(
            not all(map(_alike, found, mixed)),
            "the branches get a gradient through the weights, but none as parts of the mixture: "
            "there they are cut off. Is there a `detach`?",
        )
        number = next(
            k for k, pair in enumerate(zip(found, right, strict=True)) if not _alike(*pair)
        )
        raise Wrong(
            f"the values are right, but a part of the gradient of branch {number} is cut off. Is "
            "there a `detach`, a `no_grad` or a `.data`?"
        )
    for name, parameter in module.named_parameters():
        expect(
            parameter.grad is not None and parameter.grad.any(),
            f"`{name}` gets no gradient, so it never learns: is there a `detach` behind it?",
        )


def _gradients(answer: Callable[[list[Tensor]], Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    out = answer(leaves)
    expect(out.requires_grad, "no gradient comes through: is there a `detach` or a `no_grad`?")
    out.square().sum().backward()
    return [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]


def _cut_off(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach() for tensor in tensors]


def _alike(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(b.abs().max()))


def _mix(weights: Tensor, branches: Sequence[Tensor]) -> Tensor:
    """Weights ``(N, K, H, W)`` or ``(N, K, C, H, W)``."""
    if weights.ndim == 4:
        weights = weights.unsqueeze(2)
    return (weights * torch.stack(list(branches), dim=1)).sum(dim=1)


class _Spatial(nn.Module):
    def __init__(self, channels: int, branches: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = _strong(nn.Conv2d(channels, hidden, 1))
        self.excite = _strong(nn.Conv2d(hidden, branches, 1))

    def logits(self, summary: Tensor, slope: float = 0.2) -> Tensor:
        logits: Tensor = self.excite(functional.leaky_relu(self.squeeze(summary), slope))
        return logits

    def forward(self, branches: list[Tensor], mixed: list[Tensor] | None = None) -> Tensor:
        return _mix(self.logits(sum(branches, torch.zeros(()))).softmax(1), mixed or branches)


class _Channel(nn.Module):
    def __init__(self, channels: int, branches: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = _strong(nn.Conv2d(channels, hidden, 1))
        self.excite = _strong(nn.Conv2d(hidden, branches * channels, 1))

    def logits(self, summary: Tensor, slope: float = 0.0) -> Tensor:
        logits: Tensor = self.excite(functional.leaky_relu(self.squeeze(summary), slope))
        return logits

    def forward(self, branches: list[Tensor], mixed: list[Tensor] | None = None) -> Tensor:
        logits = self.logits(sum(branches, torch.zeros(())).mean((2, 3), keepdim=True))
        return _mix(logits.unflatten(1, (len(branches), -1)).softmax(1), mixed or branches)


def _strong(convolution: nn.Conv2d) -> nn.Conv2d:
    # With torch's own, the weights of all branches are so alike that mistakes hardly show.
    nn.init.normal_(convolution.weight)
    return convolution


quiz = Quiz(
    __name__,
    Question(
        "At one pixel, CSAM raises the logit of a single branch. What happens to the others' "
        "weights?",
        (
            Choice(
                "Nothing: their logits have not changed.",
                "Their logits have not, but all are divided by the same, larger sum.",
            ),
            Choice(
                "All of them fall, in proportion.",
                "What one gains the others lose. Their ratios stay as they were.",
                right=True,
            ),
            Choice(
                "Only the largest of them falls.",
                "Softmax divides all by the same sum: none is spared.",
            ),
        ),
    ),
    Question(
        "By mistake, the five branches are all the same tensor. What comes out?",
        (
            Choice(
                "That tensor, whatever the weights are.",
                "The weights sum to one: a mean of equal things is that thing.",
                right=True,
            ),
            Choice("Five times that tensor.", "That would be plain adding."),
            Choice(
                "It depends on the logits.",
                "The weights do. The result does not: they always sum to one.",
            ),
        ),
    ),
    Question(
        "The weights have the shape (N, 5, 1, H, W), and you write `softmax(dim=2)`. What do you "
        "get?",
        (
            Choice("An error.", "Dimension 2 is there, of size 1. Nothing complains."),
            Choice(
                "Weights that sum to one over the pixels.",
                "That would need dimensions 3 and 4.",
            ),
            Choice(
                "All weights 1: the plain sum.",
                "A softmax over a single number is always 1. Nothing is suppressed, and nothing "
                "complains.",
                right=True,
            ),
        ),
    ),
    Question(
        "A network with the selection *channel* was trained on small crops. On full photographs, "
        "what is different?",
        (
            Choice(
                "Nothing: a convolution works at any size.",
                "The convolutions do. But these weights hang on the mean over the image, and a "
                "photograph's mean is not its crops'.",
            ),
            Choice(
                "The weights are made of means over other, larger areas.",
                "So an object gets other weights in the photograph than in its crop. With the "
                "selection *spatial* this source of difference is not there.",
                right=True,
            ),
            Choice(
                "Only the border.",
                "The border differs in every convolutional network. Here, all pixels do.",
            ),
        ),
    ),
    Question(
        "Over a picture, stage two's own branch has a mean weight of 0.12, the least of the five. "
        "Is it unimportant?",
        (
            Choice(
                "Yes: seven eighths come from stage one.",
                "What counts is weight *times* branch, and the branches differ in strength.",
            ),
            Choice(
                "That is not known: its values may be large, and it may lead where it matters.",
                "A view's convolution can make its branch as faint or as loud as it likes, and a "
                "mean hides where the weight is high.",
                right=True,
            ),
            Choice(
                "No: the mean of a weight says nothing about single pixels.",
                "It does say little about them. That is a reason not to know, not one to say no.",
            ),
        ),
    ),
)
