"""Widgets of lesson 16: a photograph of your own, restored; and the seams of a picture in tiles."""

import math
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import anywidget
import ipywidgets
import torch
import traitlets
from ipywidgets import Dropdown, FloatSlider, IntSlider
from PIL import Image
from torch import Tensor, nn

from deblurlib.course.drawing import Pixels, panel, table
from deblurlib.course.widgets import (
    Comparison,
    Keys,
    _enlarged,
    _jpeg,
    _png,
    _show,
    blurred_piece,
    explore,
)
from deblurlib.imaging.files import to_tensor
from deblurlib.imaging.photos import Photo, open_photo
from deblurlib.inference import restore
from deblurlib.models.tiling import blended, in_tiles
from deblurlib.training.checkpoints import load_model

LARGEST = 100_000_000
"""Bytes of a file that the desk takes."""

SIDE = 640
"""Longest side in pixels that the desk restores: some seconds on two CPU cores."""

Part = Literal["the whole, made smaller", "the middle, pixel for pixel"]
PARTS: tuple[Part, ...] = ("the whole, made smaller", "the middle, pixel for pixel")

Way = Literal["cut hard", "scale by scale", "faded"]
WAYS: tuple[Way, ...] = ("cut hard", "scale by scale", "faded")

_PIECE = 160  # side of the picture whose seams are shown
_AMPLIFIED = 20  # times: how its errors are shown


class Upload(NamedTuple):
    """A file as a browser hands it over; `data` is empty where `size` is more than `LARGEST`."""

    name: str
    size: int
    data: bytes


def photo_desk(example: Image.Image) -> None:
    """Drop a photograph, see it restored; choose how far down it starts, and how much is added.

    Args:
        example: what is shown until there is a photograph.
    """
    shown: dict[str, Any] = {"name": "The example", "image": example, "notes": ()}
    slider, line = Comparison(names=["photograph", "restored"]), Line()
    controls: dict[str, ipywidgets.Widget] = {
        "part": Dropdown(options=PARTS, description="show"),
        # Not while it is dragged: every value takes seconds.
        "iterations": IntSlider(4, 1, 6, description="iterations I", continuous_update=False),
        "strength": FloatSlider(
            value=1, min=0, max=2, step=0.1, description="strength", continuous_update=False
        ),
    }

    @lru_cache(maxsize=8)
    def restored(part: Part, iterations: int) -> tuple[Image.Image, Image.Image]:
        before = part_of(shown["image"], part)
        return before, restore(before, iterations=iterations, tile=None)

    def update(_: Any = None) -> None:
        part, iterations, strength = (control.value for control in controls.values())
        line.text = "Restoring …"
        try:
            before, whole = restored(part, iterations)
        except ValueError as error:
            line.text = f"✗ {error}"
            return
        after = Image.blend(before, whole, strength)
        said = f"{shown['name']}, {_size(shown['image'])} pixels: {part}, {_size(before)}."
        said += f" I = {iterations}, strength {strength:g}: {_changes(before, after)}"
        slider.alt = said
        slider.before, slider.after = (_png(_enlarged(picture)) for picture in (before, after))
        line.text = " ".join([said, *(f"Note: {note}." for note in shown["notes"])])

    def take(upload: Upload) -> None:
        line.text = f"Reading {upload.name} …"
        try:
            photo = read_upload(upload)
        except ValueError as error:
            line.text = f"✗ {error}"
            return
        restored.cache_clear()
        shown.update(name=upload.name, image=photo.image, notes=photo.notes)
        update()

    for control in controls.values():
        control.style.description_width = "initial"
        control.layout.margin = "2px 24px 2px 0"
        control.observe(update, "value")
    update()
    row = ipywidgets.HBox(list(controls.values()), layout={"flex_flow": "row wrap"})
    box = ipywidgets.VBox([FileDrop(take), row, slider, line, Keys()])
    box.add_class("deblurlib-desk")
    before, after = (to_tensor(picture) for picture in restored(PARTS[0], 4))
    still = [panel("photograph", before, 450), panel("restored", after, 450)]
    _show(box, _jpeg(table(still, columns=2)), line.text)


def read_upload(upload: Upload) -> Photo:
    """The photograph in a file that was handed over.

    Raises:
        ValueError: for a file that is too large, empty, damaged, or no image; in one line.
    """
    name, size, data = upload
    if size > LARGEST:
        raise ValueError(
            f"{name}: {size / 1e6:,.0f} MB, and at most {LARGEST / 1e6:.0f} MB come through here;"
            " give the file to `python -m deblurlib restore`"
        )
    if not data:
        raise ValueError(f"{name}: an empty file; was it copied to its end?")
    ending = Path(name).suffix[:9] if Path(name).suffix[1:].isalnum() else ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"photo{ending}"
        path.write_bytes(data)
        try:
            return open_photo(path)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from error


def part_of(image: Image.Image, part: Part) -> Image.Image:
    """What is restored of a photograph: no side longer than `SIDE`."""
    width, height = image.size
    if part == "the whole, made smaller":
        smaller = image.copy()
        smaller.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
        return smaller
    left, top = max(0, (width - SIDE) // 2), max(0, (height - SIDE) // 2)
    return image.crop((left, top, min(width, left + SIDE), min(height, top + SIDE)))


def seams_laboratory() -> None:
    """Cut a picture into tiles, restore each, put them together; see where it shows."""
    explore(
        render,
        describe,
        way=Dropdown(options=WAYS, description="tiles are"),
        side=IntSlider(80, 56, 120, 8, description="side of a tile"),
        overlap=IntSlider(16, 0, 48, 8, description="overlap"),
    )


def render(way: Way, side: int, overlap: int) -> Pixels:
    """What the tiles give, and how it differs from the whole, enlarged and amplified."""
    whole, tiled = _restored(None, 0, 0), _restored(way, side, overlap)
    error = _AMPLIFIED * (tiled - whole).abs().amax(dim=1, keepdim=True)
    return table([panel("from tiles", tiled, 440), panel(_TITLE, error, 440)], columns=2)


def describe(way: Way, side: int, overlap: int) -> str:
    """How large the differences are, and how large the step across a seam is."""
    error = 255 * (_restored(way, side, overlap) - _restored(None, 0, 0)).abs().amax(dim=1)
    number = math.ceil(_PIECE / side) ** 2
    return (
        f"{number} tiles of {side} pixels, {way}, overlap {overlap}: the largest difference from"
        f" the whole is {error.max():.1f} levels of 255, the mean {error.mean():.3f}."
    )


_TITLE = f"difference from the whole, × {_AMPLIFIED}"


@lru_cache(maxsize=256)
def _restored(way: Way | None, side: int, overlap: int) -> Tensor:
    """``(1, 3, H, W)``: the whole, for no way, or from tiles."""
    network = _network()
    blurred, _ = blurred_piece("coffee", _PIECE, 9, 24)

    def compute(piece: Tensor) -> Tensor:
        image: Tensor = network(piece).image
        return image

    with torch.inference_mode():
        if way == "faded":
            return blended(compute, blurred, side=side, overlap=overlap)
        if way == "cut hard":
            (tiled,) = in_tiles(lambda x: [compute(x)], [blurred], side=side, overlap=overlap)
            return tiled
        restored: Tensor = network(blurred, tile=None if way is None else side).image
        return restored


@lru_cache(maxsize=1)
def _network() -> nn.Module:
    return load_model("sung_small")


def _changes(before: Image.Image, after: Image.Image) -> str:
    change = 255 * (to_tensor(after) - to_tensor(before)).abs()
    return f"values change by {change.mean():.1f} levels of 255 on average."


def _size(image: Image.Image) -> str:
    return f"{image.width} × {image.height}"


class Line(anywidget.AnyWidget):
    """A line of text that is read aloud when it changes."""

    text = traitlets.Unicode().tag(sync=True)

    _esm = """
    function render({ model, el }) {
      const line = document.createElement("p");
      line.setAttribute("role", "status");
      const show = () => { line.textContent = model.get("text"); };
      model.on("change:text", show);
      show();
      el.append(line);
    }
    export default { render };
    """


class FileDrop(anywidget.AnyWidget):
    """Takes a file that is dropped on it, or chosen, and hands it on.

    It comes in slices: Jupyter takes no message of more than 10 MB, and would break the connection.
    """

    largest = traitlets.Int(LARGEST).tag(sync=True)

    def __init__(self, on_file: Callable[[Upload], None]) -> None:
        super().__init__()
        self._on_file = on_file
        self._slices: list[bytes] = []
        self.on_msg(self._receive)

    def _receive(self, _: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        if content["first"]:
            self._slices.clear()
        self._slices += map(bytes, buffers)
        if content["last"]:
            data = b"".join(self._slices)
            self._slices.clear()
            self._on_file(Upload(content["name"], content["size"], data))

    _esm = """
    const SLICE = 2 ** 21;
    function render({ model, el }) {
      const zone = document.createElement("label");
      zone.className = "deblurlib-drop";
      const said = document.createElement("span");
      said.textContent = "Drop a photograph here, or choose one: ";
      const input = document.createElement("input");
      Object.assign(input, { type: "file", accept: "image/*" });
      let newest = 0;
      async function hand_on(file) {
        const own = (newest += 1);
        // One that is too large is only named.
        const size = file.size > model.get("largest") ? 0 : file.size;
        let start = 0;
        do {
          const slice = await file.slice(start, Math.min(start + SLICE, size)).arrayBuffer();
          if (own !== newest) return;  // another one has been dropped meanwhile
          const content = { name: file.name, size: file.size, first: start === 0 };
          start += SLICE;
          model.send({ ...content, last: start >= size }, undefined, [slice]);
        } while (start < size);
      }
      input.addEventListener("change", () => { if (input.files[0]) hand_on(input.files[0]); });
      zone.addEventListener("dragover", (event) => event.preventDefault());
      zone.addEventListener("drop", (event) => {
        event.preventDefault();
        event.stopPropagation();
        if (event.dataTransfer.files[0]) hand_on(event.dataTransfer.files[0]);
      });
      zone.append(said, input);
      el.append(zone);
    }
    export default { render };
    """

    _css = """
    .deblurlib-drop { display: block; padding: 14px; margin: 4px 0; border: 2px dashed #0072b2; }
    .deblurlib-drop:focus-within { outline: 3px solid #0072b2; }
    """
