"""What every check stands on: stages, reports, explained errors, weights by order of use."""

import functools
import linecache
import math
import random
import statistics

import pytest
import torch
from torch import nn
from torch.nn import functional

from deblurlib.course import checks, progress
from deblurlib.course.checks import (
    Check,
    Wrong,
    copy_weights,
    exercise,
    expect,
    expect_gradients,
    expect_parameters,
    expect_shape,
    expect_values,
)


@exercise(first="double the image.")
def doubled(answer):
    """Its docstring."""
    image = torch.rand(2, 3)
    yield "it runs"
    out = answer(image)
    yield "shape"
    expect_shape(out, (2, 3), {(3, 2): "It is turned."})
    yield "values"
    expect_values(out, image * 2, {"that is the square.": image**2})


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


def learner(source: str, name: str = "answer", filename: str = "/tmp/ipykernel_1/12.py"):
    """What a cell of a notebook defines; its source is where IPython puts it."""
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    namespace = {"torch": torch, "nn": nn, "functools": functools, "statistics": statistics}
    exec(compile(source, filename, "exec"), namespace)
    return namespace[name]


# Reports


def test_a_right_answer_passes_every_stage_and_is_kept(capsys):
    report = doubled.examine(lambda x: x + x)
    assert (report.status, report.message) == ("passed", "")
    assert report.passed == ("it runs", "shape", "values")
    assert doubled(lambda x: x + x) is None
    assert capsys.readouterr().out == "✓ it runs\n✓ shape\n✓ values\n● doubled: passed.\n"
    assert progress.load().passed == {"test_checks_framework": ["doubled"]}


def test_a_wrong_answer_stops_at_its_stage_with_the_message_meant_for_it(capsys, kept):
    report = doubled.examine(lambda x: x.T)
    assert (report.status, report.stage, report.passed) == ("wrong", "shape", ("it runs",))
    assert report.message == "expected (2, 3), got (3, 2). It is turned."
    assert doubled.examine(lambda x: x**2).message == "that is the square."
    doubled(lambda x: x**2)
    assert capsys.readouterr().out == "✓ it runs\n✓ shape\n✗ values: that is the square.\n"
    assert not kept.exists()


def test_a_stub_is_not_yet_an_answer(capsys, kept):
    def stub(x):
        raise NotImplementedError  # your lines, about 1

    doubled(stub)
    assert capsys.readouterr().out == "○ doubled: not yet. First: double the image.\n"
    assert not kept.exists()


def test_a_module_whose_forward_is_misspelt_is_no_stub():
    report = doubled.examine(learner("class answer(nn.Module):\n    def froward(self, x): ...")())
    assert report.status == "wrong"
    assert 'missing the required "forward"' in report.message


def test_a_check_looks_like_the_function_that_it_is_made_of():
    assert isinstance(doubled, Check)
    assert (doubled.__name__, doubled.__doc__) == ("doubled", "Its docstring.")
    assert doubled.name == "doubled"


def test_a_check_may_take_several_answers_and_one_stage():
    @exercise(first="-")
    def pair(one, two):
        yield "equal"
        expect(one == two, "they differ.")

    assert pair.examine(1, 1).passed == ("equal",)
    assert pair.examine(1, 2).message == "they differ."
    assert pair.examine(1).status == "wrong"  # as where a learner has edited the check's cell


# Errors of the learner's


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "'NoneType' object is not callable"),
        (3, "'int' object is not callable"),
        ("text", "'str' object is not callable"),
        (lambda x: None, "nothing came back: does your code end in `return ...`?"),
        (lambda x: 1.5, "a tensor should come back, not a float."),
        (lambda x: (x, x), "a tensor should come back, not a tuple."),
        (lambda x: 2, "a tensor should come back, not an int."),
        (lambda x: x.numpy() * 2, "a tensor should come back, not"),
        (lambda x: torch.nn.Linear, "a tensor should come back, not a type."),
        (lambda x: x * math.nan, "there are NaN or infinite values in it."),
        (lambda x: x / 0, "there are NaN or infinite values in it."),
        (lambda x: x.bool(), "wrong values"),
        (lambda x: x.long(), "wrong values"),
        (lambda x: x.to(torch.complex64) * 1j, "wrong values"),
        (lambda x: x.to_sparse(), "NotImplementedError: Could not run"),
        (lambda x: torch.empty(0), "expected (2, 3), got (0,)."),
        (lambda x: torch.tensor(0.0), "expected (2, 3), got ()."),
        (lambda: 1, "takes 0 positional arguments"),
        (lambda x: exec("raise SystemExit(1)"), "SystemExit: 1"),
        (lambda x: exec("raise Exception"), "Exception"),
        (lambda x: exec("raise ValueError('one\\ntwo')"), "ValueError: one"),
    ],
)
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_nothing_that_an_answer_does_raises(answer, said, capsys):
    doubled(answer)
    printed = capsys.readouterr().out
    assert "✗" in printed and said in printed
    assert "two" not in printed


def test_an_endless_recursion_is_explained():
    report = doubled.examine(learner("def answer(x):\n    return answer(x)\n"))
    assert report.message.startswith("RecursionError: maximum recursion depth exceeded")
    assert report.message.endswith("in your line 2: `return answer(x)`")


def test_an_error_is_explained_with_the_learners_line():
    answer = learner("def answer(x):\n    y = x * 2\n    return y.no_such_thing\n")
    report = doubled.examine(answer)
    assert (report.status, report.stage) == ("wrong", "it runs")
    assert report.message == (
        "AttributeError: 'Tensor' object has no attribute 'no_such_thing',"
        " in your line 3: `return y.no_such_thing`"
    )


def test_an_error_within_a_package_is_explained_with_the_learners_line():
    source = """
class answer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x):
        return self.layer(x)
"""
    report = doubled.examine(learner(source)())
    assert "mat1 and mat2 shapes cannot be multiplied" in report.message
    assert report.message.endswith("in your line 8: `return self.layer(x)`")


def test_an_error_within_the_standard_library_is_explained_with_the_learners_line():
    report = doubled.examine(learner("def answer(x):\n    return statistics.mean([])\n"))
    assert report.message.endswith("in your line 2: `return statistics.mean([])`")


def test_a_folder_called_deblurlib_hides_no_line():
    source = "def answer(x):\n    return 1 / 0\n"
    report = doubled.examine(learner(source, filename="/home/me/deblurlib/notebooks/mine.py"))
    assert report.message == "ZeroDivisionError: division by zero, in your line 2: `return 1 / 0`"


def test_a_line_whose_source_is_not_known_is_left_out():
    namespace = {}
    exec("def answer(x):\n    return 1 / 0", namespace)
    assert doubled.examine(namespace["answer"]).message == "ZeroDivisionError: division by zero."


def test_a_learner_who_interrupts_is_obeyed():
    def answer(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        doubled(answer)


# Chance


@exercise(first="-")
def drawn(answer):
    yield "it runs"
    answer(torch.rand(3))


def test_what_is_drawn_depends_on_nothing_that_ran_before():
    seen = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        drawn.examine(lambda x: seen.append((x, torch.rand(2))))
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0)


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_drawn_afterwards_is_what_would_have_been_drawn(fails):
    def answer(x):
        torch.manual_seed(99)
        torch.rand(5)
        if fails:
            raise ValueError

    torch.manual_seed(3)
    random.seed(3)
    expected = torch.rand(2), random.random()
    torch.manual_seed(3)
    random.seed(3)
    drawn.examine(answer)
    assert torch.equal(torch.rand(2), expected[0])
    assert random.random() == expected[1]


def test_an_accelerators_chance_is_left_alone(monkeypatch):
    # Seeding all of torch would seed the accelerators too, and nothing would set them back.
    touched = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", touched.append)
    drawn.examine(lambda x: None)
    assert not touched


# Expectations


def wrong(function, *arguments, **named) -> str:
    with pytest.raises(Wrong) as caught:
        function(*arguments, **named)
    return str(caught.value)


def test_values_name_the_place_of_the_largest_difference():
    expected = torch.arange(6.0).reshape(2, 3)
    out = expected.clone()
    out[1, 0] += 2
    assert wrong(expect_values, out, expected) == (
        "right shape, wrong values. The largest difference is at [1, 0]: 3.0000 expected, "
        "5.0000 found."
    )


def test_a_single_number_has_no_place():
    message = wrong(expect_values, torch.tensor(2.0), torch.tensor(3.0))
    assert message == "right shape, wrong values. 3.0000 expected, 2.0000 found."


def test_values_may_differ_by_rounding_type_and_gradient():
    expected = torch.rand(50)
    expect_values(expected + 1e-6, expected)
    expect_values(expected.double(), expected)
    expect_values(expected.clone().requires_grad_(), expected)
    expect_values(torch.ones(3, dtype=torch.long), torch.ones(3))
    expect_values(torch.ones(3, dtype=torch.bool), torch.ones(3))
    wrong(expect_values, expected + 1e-2, expected)
    expect_values(expected + 1e-2, expected, tolerance=0.1)


def test_a_mistake_of_another_shape_is_passed_over():
    mistakes = {"one": torch.ones(3), "two": torch.full((2,), 2.0)}
    assert wrong(expect_values, torch.full((2,), 2.0), torch.zeros(2), mistakes) == "two"
    assert wrong(expect_values, torch.ones(2), torch.zeros(2), mistakes).startswith("right shape")


def test_parameters_are_counted_and_a_known_count_is_explained():
    expect_parameters(nn.Linear(3, 4), 16)
    hints = {16: "The bias is one too many."}
    message = wrong(expect_parameters, nn.Linear(3, 4), 12, hints)
    assert message == "12 expected, 16 found. The bias is one too many."
    assert wrong(expect_parameters, nn.Linear(30, 100), 12) == "12 expected, 3,100 found."


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.idle = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.used(x)


def test_gradients_find_the_layer_that_is_never_used():
    x = torch.rand(2, 3)
    message = wrong(expect_gradients, (module := Unused()), module(x))
    assert message.startswith("`idle.weight` gets no gradient")
    expect_gradients((module := nn.Linear(3, 3)), module(x))
    expect_gradients(module, module(x))  # what the first left behind counts for nothing


def test_gradients_that_are_cut_off_are_named():
    module = nn.Linear(3, 3)
    message = wrong(expect_gradients, module, module(torch.rand(2, 3)).detach())
    assert "no gradient comes through" in message


# Weights by order of use


class Reference(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))
        self.fusion = nn.Conv2d(4, 2, 1, bias=False)

    def forward(self, x):
        for layer in self.layers:
            x = functional.relu(layer(x))
        return self.fusion(x)


class Otherwise(nn.Module):
    """The same, with other names, registered in another order, as modules and as a Sequential."""

    def __init__(self):
        super().__init__()
        self.z = nn.Conv2d(4, 2, 1, bias=False)
        self.b = nn.Conv2d(4, 4, 3, padding=1)
        self.a = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())

    def forward(self, x):
        return self.z(self.b(self.a(x)).relu())


X = torch.rand(1, 4, 5, 6, generator=torch.Generator().manual_seed(0))


def test_weights_are_copied_in_the_order_of_use():
    ours, theirs = Reference(), Otherwise()
    copy_weights(ours, theirs, X)
    torch.testing.assert_close(theirs(X), ours(X))
    assert all(p.requires_grad and p.grad is None for p in theirs.parameters())
    assert not any(layer._forward_hooks for m in (ours, theirs) for layer in m.modules())


def test_a_layer_that_is_used_again_is_copied_again():
    class Shared(nn.Module):
        def __init__(self, uses):
            super().__init__()
            self.layer, self.uses = nn.Linear(3, 3), uses

        def forward(self, x):
            for _ in range(self.uses):
                x = self.layer(x)
            return x

    x = torch.rand(2, 3)
    ours, theirs = Shared(3), Shared(3)
    copy_weights(ours, theirs, x)
    torch.testing.assert_close(theirs(x), ours(x))
    message = wrong(copy_weights, ours, Shared(2), x)
    assert message == "3 layers with weights should be used, each use counted; yours uses 2."


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Conv2d(4, 2, 3, padding=1, bias=False), "kernel_size=(3, 3)"),
        (nn.Conv2d(4, 2, 1), "it should be Conv2d(4, 2, kernel_size=(1, 1), stride=(1, 1), bias="),
        (nn.Linear(6, 6), "Linear(in_features=6"),
    ],
)
def test_another_layer_is_named_by_its_place_in_the_order_of_use(layer, said):
    theirs = Otherwise()
    theirs.z = layer
    message = wrong(copy_weights, Reference(), theirs, X)
    assert message.startswith("layer 3 in the order of use is ")
    assert said in message


def test_an_answer_that_fails_while_it_is_watched_leaves_no_hook():
    theirs = Otherwise()
    theirs.b = nn.Conv2d(5, 4, 3)
    with pytest.raises(RuntimeError):
        copy_weights(Reference(), theirs, X)
    assert not any(layer._forward_hooks for layer in theirs.modules())


def test_modules_of_this_package_are_not_the_learners():
    report = doubled.examine(lambda x: checks.expect_shape(x, (1,)))
    assert report.message == "expected (1,), got (2, 3)."
