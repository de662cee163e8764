"""Checks of the exercises: one module a lesson, named as the lesson is.

A check is a generator that says what it looks at next, and expects things of the answer:

    @exercise(first="pad the image by one pixel")
    def gradient_magnitude(answer):
        yield "it runs"
        out = answer(image)
        yield "shape"
        expect_shape(out, image.shape)

Called with a learner's answer it prints how far the answer came, and what to do next. It never
raises for a wrong answer, so that a notebook can be run to its end.
"""

import functools
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from deblurlib.course.progress import record_pass

Stages = Iterator[str]

_NOT_THE_LEARNERS = (
    *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
    str(Path(__file__).parents[2]),
)


class Wrong(Exception):  # noqa: N818 (a verdict, not a failure)
    """What is wrong with an answer, in words for the learner."""


@dataclass(frozen=True)
class Report:
    """How an answer fared: the stages that it passed, the one it is at, and what to do."""

    name: str
    status: Literal["passed", "wrong", "not yet"]
    passed: tuple[str, ...]
    stage: str
    message: str

    def __str__(self) -> str:
        if self.status == "not yet":
            return f"○ {self.name}: not yet. {self.message}"
        lines = [f"✓ {stage}" for stage in self.passed]
        if self.status == "passed":
            return "\n".join([*lines, f"● {self.name}: passed."])
        return "\n".join([*lines, f"✗ {self.stage}: {self.message}"])


class Check:
    """A check: call it with an answer to see how far it comes; `examine` gives the report."""

    def __init__(self, stages: Callable[..., Stages], first: str) -> None:
        functools.update_wrapper(self, stages)
        self.name = stages.__name__
        self.topic = stages.__module__.rsplit(".", 1)[-1]
        self.first = first
        self._stages = stages

    def __call__(self, *answers: Any) -> None:
        report = self.examine(*answers)
        print(report)
        if report.status == "passed":
            record_pass(self.topic, self.name)

    def examine(self, *answers: Any) -> Report:
        passed: list[str] = []
        stage = "it runs"

        def report(status: Literal["passed", "wrong", "not yet"], message: str = "") -> Report:
            return Report(self.name, status, tuple(passed), stage, message)

        try:
            # What an answer draws must neither hang on what ran before, nor change what runs next.
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)
                for number, following in enumerate(self._stages(*answers)):
                    if number:
                        passed.append(stage)
                    stage = following
        except Wrong as wrong:
            return report("wrong", str(wrong))
        except (Exception, SystemExit) as error:  # whatever an answer may do
            # The stub raises it bare; torch, where `forward` is missing, with a message.
            if isinstance(error, NotImplementedError) and not error.args:
                return report("not yet", f"First: {self.first}")
            return report("wrong", _explain(error))
        passed.append(stage)
        return report("passed")


def exercise(first: str) -> Callable[[Callable[..., Stages]], Check]:
    """Make a check of stages; `first` is what a learner who has not written a line does first."""
    return lambda stages: Check(stages, first)


def expect(condition: Any, message: str) -> None:
    """Go on if `condition` holds; else that is what is wrong."""
    if not condition:
        raise Wrong(message)


def expect_shape(
    out: Any, shape: tuple[int, ...], hints: Mapping[tuple[int, ...], str] = {}
) -> None:
    """Expect a tensor of a shape; `hints` say where another, well-known shape comes from."""
    expect(out is not None, "nothing came back: does your code end in `return ...`?")
    expect(isinstance(out, Tensor), f"a tensor should come back, not {_article(out)}.")
    shape, found = tuple(shape), tuple(out.shape)
    message = f"expected {shape}, got {found}."
    if found in hints:
        message += f" {hints[found]}"
    expect(found == shape, message)


def expect_values(
    out: Tensor, expected: Tensor, mistakes: Mapping[str, Tensor] = {}, tolerance: float = 1e-4
) -> None:
    """Expect a tensor's values; `mistakes` are messages with the values that a mistake gives."""
    expect(out.isfinite().all(), "there are NaN or infinite values in it.")
    if _close(out, expected, tolerance):
        return
    for message, values in mistakes.items():
        if values.shape == out.shape and _close(out, values, tolerance):
            raise Wrong(message)
    error = (out.float() - expected.float()).abs()
    place = tuple(int(n) for n in torch.unravel_index(error.argmax(), error.shape))
    where = f" The largest difference is at {list(place)}:" if place else ""
    raise Wrong(
        f"right shape, wrong values.{where} {expected[place].item():.4f} expected,"
        f" {out[place].item():.4f} found."
    )


def expect_parameters(module: nn.Module, count: int, hints: Mapping[int, str] = {}) -> None:
    """Expect a number of parameters; `hints` say where another, well-known number comes from."""
    found = sum(parameter.numel() for parameter in module.parameters())
    message = f"{count:,} expected, {found:,} found."
    if found in hints:
        message += f" {hints[found]}"
    expect(found == count, message)


def expect_gradients(module: nn.Module, out: Tensor) -> None:
    """Expect every parameter to have a say in `out`."""
    expect(out.requires_grad, "no gradient comes through: is there a `detach` or a `no_grad`?")
    module.zero_grad()
    out.square().sum().backward()
    for name, parameter in module.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.any())
        expect(learns, f"`{name}` gets no gradient: it is made, but never used.")


def copy_weights(source: nn.Module, target: nn.Module, *inputs: Any) -> None:
    """Give `target` the weights of `source`, layer by layer in the order in which they are used.

    So an answer may name and register its layers as it likes.
    """
    ours, theirs = _layers_in_use(source, *inputs), _layers_in_use(target, *inputs)
    expect(
        len(ours) == len(theirs),
        f"{len(ours)} layers with weights should be used, each use counted;"
        f" yours uses {len(theirs)}.",
    )
    with torch.no_grad():
        for number, (ours_k, theirs_k) in enumerate(zip(ours, theirs, strict=True), start=1):
            given, own = (dict(layer.named_parameters()) for layer in (ours_k, theirs_k))
            expect(
                {name: value.shape for name, value in given.items()}
                == {name: value.shape for name, value in own.items()},
                f"layer {number} in the order of use is {theirs_k}; it should be {ours_k}.",
            )
            for name, value in given.items():
                own[name].copy_(value)


def _layers_in_use(module: nn.Module, *inputs: Any) -> list[nn.Module]:
    used: list[nn.Module] = []
    hooks = [
        layer.register_forward_hook(lambda layer, *_: used.append(layer))
        for layer in module.modules()
        if next(layer.children(), None) is None and next(layer.parameters(), None) is not None
    ]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return used


def _close(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return torch.allclose(a.float(), b.float(), rtol=tolerance, atol=tolerance)


def _article(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _explain(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_NOT_THE_LEARNERS)
    ]
    if not own:
        return f"what came back cannot be looked at ({text})."
    last = own[-1]
    return f"{text}, in your line {last.lineno}: `{last.line}`" if last.line else f"{text}."
