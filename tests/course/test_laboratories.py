"""Every widget of the lessons is pure over the range of its controls, and each control counts."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest

from deblurlib.course import widgets

MODULES = [f"{widgets.__name__}.{found.name}" for found in pkgutil.iter_modules(widgets.__path__)]


class Laboratory:
    """What a widget's function hands to `explore`."""

    def __init__(self, render: Callable, describe: Callable, **controls: ipywidgets.Widget) -> None:
        self.render, self.describe, self.controls = render, describe, controls
        self.first = {name: control.value for name, control in controls.items()}

    def settings(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The first setting with one control moved, to each end or to each other choice."""
        for name, control in self.controls.items():
            if hasattr(control, "options"):
                values = [value for value in control.options if value != control.value]
            else:
                values = [end for end in (control.min, control.max) if end != control.value]
            for value in values:
                yield name, self.first | {name: value}


def laboratories() -> list[Any]:
    found = []
    for name in MODULES:
        module = importlib.import_module(name)
        if not hasattr(module, "explore"):  # a widget of its own, which has its own tests
            continue
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                module, "explore", lambda *of, **controls: found.append(Laboratory(*of, **controls))
            )
            before = len(found)
            for member in vars(module).values():
                if inspect.isfunction(member) and not inspect.signature(member).parameters:
                    member()  # it may be the one that shows the widget
            assert len(found) > before, f"{name} has no widget"
            found[before:] = [pytest.param(lab, id=name.rsplit(".")[-1]) for lab in found[before:]]
    return found


each_laboratory = pytest.mark.parametrize("lab", laboratories())


@each_laboratory
def test_render_is_pure_and_takes_the_controls_by_name(lab: Laboratory) -> None:
    picture = lab.render(**lab.first)
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    assert picture.shape[0] <= 600 and picture.shape[1] <= 960  # seen whole beside its controls
    for _, setting in list(lab.settings())[:2]:
        lab.render(**setting)
    np.testing.assert_array_equal(lab.render(**lab.first), picture)


@each_laboratory
def test_each_control_changes_the_picture_and_the_words(lab: Laboratory) -> None:
    picture, words = lab.render(**lab.first), lab.describe(**lab.first)
    for name, setting in lab.settings():
        moved = lab.render(**setting)
        assert moved.shape != picture.shape or (moved != picture).any(), (name, setting)
        assert lab.describe(**setting) != words, (name, setting)


@each_laboratory
def test_controls_are_labelled_and_words_are_a_sentence(lab: Laboratory) -> None:
    assert all(control.description for control in lab.controls.values())
    words = lab.describe(**lab.first)
    assert words.endswith(".") and "\n" not in words
