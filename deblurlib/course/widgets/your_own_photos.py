"""Widgets of lesson 16: a photograph of one's own, restored; and the seams of tiles."""

import math
import os
import shlex
import time
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import anywidget
import ipywidgets
import torch
import traitlets
from ipywidgets import Dropdown, FloatSlider, IntSlider
from PIL import Image, ImageOps
from torch import Tensor, nn

from deblurlib.batch import named
from deblurlib.course.drawing import Pixels, panel, table
from deblurlib.course.widgets import (
    Comparison,
    Keys,
    _jpeg,
    _png,
    _show,
    blurred_piece,
    explore,
)
from deblurlib.data.synthetic import photo_split
from deblurlib.imaging.files import opened, to_tensor
from deblurlib.imaging.photos import Photo, as_kept, open_photo
from deblurlib.inference import restore, trained
from deblurlib.models import ScaleIteration
from deblurlib.models.tiling import blended, in_tiles
from deblurlib.training.checkpoints import load_model

FIRST = "china-strong-1"
"""Of the photo split: what is shown until a photograph is uploaded."""

MOST = 25
"""Megapixels of a photograph that is restored here: one of 24 takes minutes on two cores."""

MOST_BYTES = 200_000_000
"""Of its file: more than 25 megapixels take with 16 bits a colour."""

MOST_ITERATIONS = 6

SHOWN = (900, 600)
"""Width and height that pictures are shown at, at most, in pixels."""

Way = Literal["cut hard", "scale by scale", "faded"]
WAYS: tuple[Way, ...] = ("cut hard", "scale by scale", "faded")

_NAMES = ("blurred", "restored")
_PIECE = 160  # pixels: side of the picture whose seams are shown
_AMPLIFIED = 20  # times: how its errors are shown


def your_photo(model: str = "sung_small") -> None:
    """Upload a photograph, compare it with what a network makes of it, and save that.

    It is opened, restored and saved as the command line does it; the result appears beside the
    notebook, and never in the place of another file.

    Args:
        model: the name of weights that ship with the project, or a weights file.

    Raises:
        FileNotFoundError, ValueError: as `trained`.
    """
    desk = Desk(trained(model))
    pictures = zip(_NAMES, desk.pictures, strict=True)
    still = table([panel(name, to_tensor(picture), 450) for name, picture in pictures], columns=2)
    _show(desk.box, _jpeg(still), desk.comparison.alt)


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
    whole, tiled = _in_tiles(None, 0, 0), _in_tiles(way, side, overlap)
    title = f"difference from the whole, × {_AMPLIFIED}"
    error = _AMPLIFIED * (tiled - whole).abs().amax(dim=1, keepdim=True)
    return table([panel("from tiles", tiled, 440), panel(title, error, 440)], columns=2)


def describe(way: Way, side: int, overlap: int) -> str:
    """How far the tiles are from the whole."""
    error = 255 * (_in_tiles(way, side, overlap) - _in_tiles(None, 0, 0)).abs().amax(dim=1)
    number = math.ceil(_PIECE / side) ** 2
    return (
        f"{number} tiles of {side} pixels, {way}, overlap {overlap}: the largest difference from"
        f" the whole is {error.max():.1f} levels of 255, the mean {error.mean():.3f}."
    )


class Desk:
    """What `your_photo` shows.

    Attributes:
        box: all of it.
        upload: where files come in, and where everything is said.
        iterations: I, where the network has scale iterations, else None.
        strength: how much of the network's change is added.
        keep: the button that saves.
        comparison: of the two `pictures`.
        pictures: the photograph and the restored one, as they are shown.
    """

    def __init__(self, network: nn.Module) -> None:
        self.upload = Upload(self.open, most=MOST_BYTES)
        self.iterations = None
        if isinstance(network, ScaleIteration):
            self.iterations = IntSlider(
                network.test_iterations, 1, MOST_ITERATIONS, description="scale iterations I"
            )
        self.strength = FloatSlider(1, min=0, max=1.5, step=0.1, description="strength")
        self.keep = ipywidgets.Button(description="save", tooltip="beside the notebook")
        self.comparison = Comparison(names=list(_NAMES))
        self._network = network
        self._take(_first())
        controls = [control for control in (self.iterations, self.strength) if control]
        for control in controls:
            control.continuous_update = False
            control.style.description_width = "initial"
            control.layout.margin = "2px 24px 2px 0"
        if self.iterations:
            self.iterations.observe(self._restore_anew, "value")
        self.strength.observe(self._compare, "value")
        self.keep.on_click(self.save)
        row = ipywidgets.HBox([*controls, self.keep], layout={"flex_flow": "row wrap"})
        self.box = ipywidgets.VBox([self.upload, row, self.comparison, Keys()])
        self.box.add_class("deblurlib-photo")

    def open(self, name: str, content: bytes) -> None:
        """Show a photograph, given as its file; if it cannot be, say why, and show what was."""
        self.upload.message = f"{name}: being opened …"
        with TemporaryDirectory() as folder:
            path = Path(folder, name)
            try:
                path.write_bytes(content)
                self._take(path)
            except Exception as error:  # an error that is not caught here, nobody would see
                self.upload.message = named(path, error).replace(f"{folder}{os.sep}", "")

    def save(self, _: Any = None) -> None:
        """Write the restored photograph into the current folder, under a name that is free."""
        restored = Image.blend(self._photo.image, self._restored, self.strength.value)
        path = _free(self._name)
        try:
            self._photo.save(restored, path)
        except Exception as error:  # as above
            self.upload.message = named(path, error)
        else:
            self.upload.message = f"saved as {path}, beside the notebook"

    def _take(self, path: Path) -> None:
        """Open a photograph and restore it; only when both are done, it is what is shown."""
        with opened(path) as image:
            megapixels = image.width * image.height / 1e6
        if megapixels > MOST:
            raise ValueError(
                f"{path}: {megapixels:.1f} megapixels, and at most {MOST} are restored here; on "
                f"the command line: python -m deblurlib restore {shlex.quote(path.name)}"
            )
        self._finish(path.name, open_photo(path))

    def _restore_anew(self, _: Any) -> None:
        try:
            self._finish(self._name, self._photo)
        except Exception as error:  # as above
            self.upload.message = named(Path(self._name), error)

    def _finish(self, name: str, photo: Photo) -> None:
        size = f"{photo.image.width} × {photo.image.height} pixels"
        self.upload.message = f"{name}: {size}, being restored …"
        I = self.iterations.value if self.iterations else None
        start = time.perf_counter()
        restored = restore(photo.image, self._network, iterations=I)
        seconds = time.perf_counter() - start
        self._name, self._photo, self._restored, self._I = name, photo, restored, I
        self._small = [_shown(image) for image in (photo.image, restored)]
        self._compare()
        said = f"{name}: {size}, restored in {seconds:.1f} s"
        if self._small[0].width < photo.image.width:
            said += f", shown at {self._small[0].width} × {self._small[0].height}"
        self.upload.message = "\n".join([said, *(f"note: {note}" for note in photo.notes)])

    @property
    def pictures(self) -> tuple[Image.Image, Image.Image]:
        blurred, restored = self._small
        return blurred, Image.blend(blurred, restored, self.strength.value)

    def _compare(self, _: Any = None) -> None:
        how = f"strength {self.strength.value:.1f}"
        if self._I is not None:
            how = f"I = {self._I}, {how}"
        with self.comparison.hold_sync():
            self.comparison.before, self.comparison.after = map(_png, self.pictures)
            self.comparison.alt = f"{self._name}, blurred, and restored with {how}."


class Upload(anywidget.AnyWidget):
    """A place to drop a file, or to choose one; and a line for what is to be said of it.

    Files are sent in pieces, for Jupyter's server ends the connection over a message of 10 MB.

    Args:
        on_file: called with the name and the content of each file.
        most: bytes that a file may have.
    """

    most = traitlets.Int().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(self, on_file: Callable[[str, bytes], object], most: int) -> None:
        super().__init__(most=most)
        self._on_file = on_file
        self._content = bytearray()
        self.on_msg(self._receive)

    def _receive(self, _: Any, piece: dict[str, Any], buffers: list[bytes]) -> None:
        if piece["start"] == 0:
            self._content.clear()
        self._content += buffers[0]
        if len(self._content) == piece["size"]:
            self._on_file(piece["name"], bytes(self._content))
            self._content.clear()

    _esm = """
    const PIECE = 4_000_000;  // bytes
    function render({ model, el }) {
      const area = document.createElement("div");
      area.className = "deblurlib-upload";
      const label = document.createElement("label");
      const input = document.createElement("input");
      input.type = "file";
      label.append("Choose a photo, or drop it here: ", input);
      const message = document.createElement("p");
      message.setAttribute("role", "status");
      const show = () => { message.textContent = model.get("message"); };
      const send = async (file) => {
        const { name, size } = file;
        if (size > model.get("most")) {
          const [has, most] = [size, model.get("most")].map((n) => `${(n / 1e6).toFixed(1)} MB`);
          message.textContent = `${name}: ${has}, and at most ${most} are taken here`;
          return;
        }
        message.textContent = `${name}: being sent …`;
        let start = 0;
        do {
          const piece = await file.slice(start, start + PIECE).arrayBuffer();
          model.send({ name, size, start }, undefined, [piece]);
          start += PIECE;
        } while (start < size);
      };
      let sent = Promise.resolve();  // one after the other
      const take = (files) => {
        for (const file of files) {
          sent = sent.then(() => send(file)).catch(() => {
            message.textContent = `${file.name}: cannot be read`;
          });
        }
      };
      input.addEventListener("change", () => {
        take(input.files);
        input.value = "";  // else the same file could not be chosen again
      });
      area.addEventListener("dragover", (event) => event.preventDefault());
      area.addEventListener("drop", (event) => {
        event.preventDefault();
        take(event.dataTransfer.files);
      });
      model.on("change:message", show);
      show();
      area.append(label, message);
      el.append(area);
    }
    export default { render };
    """

    _css = """
    .deblurlib-upload { border: 2px dashed var(--jp-border-color1, #888); padding: 8px 12px; }
    .deblurlib-upload p { white-space: pre-line; margin: 6px 0 0; overflow-wrap: anywhere; }
    """


def _first() -> Path:
    pairs = photo_split()
    names = [pairs.name(index) for index in range(len(pairs))]
    return pairs.files[names.index(FIRST)][0]


def _shown(image: Image.Image) -> Image.Image:
    """As large as `SHOWN` allows: reduced, or enlarged with its pixels visible."""
    scale = min(SHOWN[0] // image.width, SHOWN[1] // image.height)
    if scale:
        return ImageOps.scale(image, scale, Image.Resampling.NEAREST)
    reduced = image.copy()
    reduced.thumbnail(SHOWN)
    return reduced


def _free(name: str) -> Path:
    """Where the result of a photograph of that name goes."""
    photo = as_kept(Path(name))
    path = photo.with_stem(f"{photo.stem}-restored")
    for number in count(2):
        if not os.path.lexists(path):
            break
        path = photo.with_stem(f"{photo.stem}-restored-{number}")
    return path


@lru_cache(maxsize=256)
def _in_tiles(way: Way | None, side: int, overlap: int) -> Tensor:
    """``(1, 3, H, W)``: the whole, for no way, or from tiles."""
    network = load_model("sung_small")
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
