"""Widgets: a moved control changes picture and caption; what is shown holds a still as well."""

import base64
import io

import numpy as np
import PIL.Image
import pytest
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider

from deblurlib.course import widgets
from deblurlib.course.drawing import PALETTE, PAPER, chart, font, panel, table, titled
from deblurlib.course.widgets import Comparison, Picture, compare, explore

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def shown(monkeypatch):
    """What is displayed: the box, the bundle and its metadata."""
    found = []
    show = widgets._show

    def watched(box, still, alt):
        with monkeypatch.context() as patch:
            patch.setattr(
                widgets, "display", lambda data, raw, metadata: found.append((box, data, metadata))
            )
            show(box, still, alt)

    monkeypatch.setattr(widgets, "_show", watched)
    return found


def pixels(jpeg: bytes):
    return np.asarray(PIL.Image.open(io.BytesIO(jpeg)))


def render(level, kind, gain):
    value = round(level * gain * 10) + (100 if kind == "bright" else 0)
    return np.full((20, 30, 3), value, np.uint8)


def describe(level, kind, gain):
    return f"level {level} < 11, {kind}, gain {gain:.1f}."


def controls():
    return {
        "level": IntSlider(5, 0, 10, description="level"),
        "kind": Dropdown(options=["dark", "bright"], description="kind"),
        "gain": FloatSlider(value=1.0, min=0, max=2, description="gain"),
    }


def test_explore_shows_a_widget_with_a_still_and_its_description(shown):
    explore(render, describe, **controls())
    ((box, data, metadata),) = shown
    assert data[VIEW]["model_id"] == box.model_id
    assert data["text/plain"] == "level 5 < 11, dark, gain 1.0."
    assert metadata == {"image/jpeg": {"alt": data["text/plain"]}}
    still = pixels(base64.b64decode(data["image/jpeg"]))
    np.testing.assert_allclose(still, render(5, "dark", 1.0), atol=2)
    assert "deblurlib-explore" in box._dom_classes


@pytest.mark.parametrize(
    ("name", "value", "level"), [("level", 9, 90), ("kind", "bright", 150), ("gain", 0.2, 10)]
)
def test_a_moved_control_changes_picture_and_caption(shown, name, value, level):
    made = controls()
    explore(render, describe, **made)
    row, picture, _ = shown[0][0].children
    assert isinstance(picture, Picture)
    assert row.children == tuple(made.values())
    before = picture.jpeg, picture.caption
    made[name].value = value
    assert picture.jpeg != before[0] and picture.caption != before[1]
    np.testing.assert_allclose(pixels(picture.jpeg), level, atol=2)
    now = {key: control.value for key, control in made.items()}
    assert picture.caption == describe(**now)


def test_each_showing_has_controls_of_its_own(shown):
    first, second = controls(), controls()
    explore(render, describe, **first)
    explore(render, describe, **second)
    first["level"].value = 0
    pictures = [box.children[1] for box, *_ in shown]
    assert pictures[0].caption != pictures[1].caption


def test_compare_shows_both_pictures_with_a_still_of_both(shown):
    before, after = torch.zeros(3, 10, 20), torch.ones(1, 3, 10, 20)
    compare(before, after, "black, then white.", ("before", "after"))
    ((box, data, metadata),) = shown
    (slider,) = box.children
    assert isinstance(slider, Comparison)
    assert (slider.names, slider.alt, slider.position) == (
        ["before", "after"],
        data["text/plain"],
        50,
    )
    for address, level in ((slider.before, 0), (slider.after, 255)):
        kind, png = address.split(",")
        assert kind == "data:image/png;base64"
        assert pixels(base64.b64decode(png)).shape == (220, 440, 3)  # enlarged
        assert (pixels(base64.b64decode(png)) == level).all()
    assert data[VIEW]["model_id"] == box.model_id
    assert metadata == {"image/jpeg": {"alt": "black, then white."}}
    still = pixels(base64.b64decode(data["image/jpeg"]))
    assert still.shape[1] == 2 * 450 + 10
    assert still[-20, 100].max() < 5 and still[-20, 700].min() > 250


def test_compare_refuses_two_sizes(shown):
    with pytest.raises(ValueError, match=r"of one size are compared, not \(4, 5\) and \(4, 6\)"):
        compare(torch.rand(3, 4, 5), torch.rand(3, 4, 6), "-", ("a", "b"))
    assert shown == []


# Drawing


def test_a_panel_is_as_wide_as_asked_and_keeps_its_proportions():
    for picture in (torch.rand(3, 30, 60), torch.rand(1, 1, 30, 60), torch.rand(1, 3, 30, 60)):
        assert panel("title", picture, 200).size == (200, 100 + 22)
        assert panel("title", picture, 20).size == (20, 10 + 22)


def test_a_panel_shows_the_values_enlarged_as_pixels_and_reduced_as_their_mean():
    picture = torch.tensor([[[0.0, 1.0], [2.0, -1.0]]])
    large = np.asarray(panel("", picture, 100))[22:]
    assert large.shape == (100, 100, 3)
    assert set(np.unique(large)) == {0, 255}  # clipped, and not smoothed
    assert (large[:50, :50] == 0).all() and (large[:50, 50:] == 255).all()
    assert np.asarray(panel("", picture, 1))[22:].item(0) == 128


def test_a_panel_takes_what_a_network_gives():
    assert panel("", torch.rand(3, 4, 4, requires_grad=True).bfloat16(), 8).size == (8, 8 + 22)


def test_titled_adds_a_line():
    image = titled("a title", PIL.Image.new("RGB", (120, 40), "#000000"))
    assert image.size == (120, 62)
    line = np.asarray(image)[:22]
    assert line.min() < 80 and (line[0] == 255).all()


def test_a_chart_has_its_size_and_every_colour():
    series = {"one": [0.0, 1.0, 0.5], "two": [1.0, 0.0, 0.2]}
    image = chart("title", series, (300, 120), labels=("left", "right"), mark=0.5)
    assert image.size == (300, 142)
    found = {colour for _, colour in image.getcolors(100_000)}
    for colour in (*PALETTE[:2], PAPER):
        assert tuple(bytes.fromhex(colour[1:])) in found


def test_a_chart_of_nothing_but_zeros_is_flat():
    assert chart("", {"none": [0.0, 0.0]}, (200, 80)).size == (200, 102)


def test_a_table_is_as_large_as_its_rows():
    images = [PIL.Image.new("RGB", size, "#000000") for size in ((30, 20), (50, 10), (40, 5))]
    sheet = table(images, columns=2)
    assert (sheet.dtype, sheet.shape) == (np.uint8, (20 + 10 + 5, 30 + 10 + 50, 3))
    assert (sheet[:20, :30] == 0).all() and (sheet[30:, :40] == 0).all()
    assert (sheet[20:30] == 255).all() and (sheet[:, 30:40][:20] == 255).all()
    assert table(images[:1], columns=3).shape == (20, 30, 3)


def test_the_font_is_the_same_everywhere():
    assert font(14).getname() == ("DejaVu Sans", "Book")
