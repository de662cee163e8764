"""Widgets: one module a lesson holds pure functions from parameters to a picture; here they move.

    explore(render, describe, strength=IntSlider(8, 0, 24, description="blur"))

shows the controls, ``render(strength=8)`` beneath them, and ``describe(strength=8)`` as its
caption. Where no kernel runs, what is seen is the picture as it was first shown.
"""

import base64
import io
from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets
import PIL.Image
import torch
import traitlets
from IPython.display import display
from PIL import ImageOps
from torch import Tensor

from deblurlib.course.drawing import Pixels, panel, table
from deblurlib.imaging.exposure import expose, random_camera_path
from deblurlib.imaging.files import to_image
from deblurlib.imaging.scenes import load_photograph

_WIDTH = 450  # of each picture in a comparison, about
_CENTRES = {  # y and x of what is worth looking at, as shares of the photograph
    "astronaut": (0.24, 0.42),
    "china": (0.42, 0.5),
    "coffee": (0.45, 0.5),
    "motorcycle": (0.5, 0.45),
}


def explore(
    render: Callable[..., Pixels], describe: Callable[..., str], **controls: ipywidgets.Widget
) -> None:
    """Show a picture that follows its controls.

    Args:
        render: parameters, by the names of the controls -> ``(H, W, 3)`` pixels. Pure, and quick.
        describe: the same parameters -> what the picture shows, in words: its caption, and the
            description for those who cannot see it.
        controls: widgets with a value and a description.
    """
    picture = Picture()

    def update(_: Any = None) -> None:
        values = {name: control.value for name, control in controls.items()}
        with picture.hold_sync():
            picture.jpeg = _jpeg(render(**values))
            picture.caption = describe(**values)

    for control in controls.values():
        control.style.description_width = "initial"
        control.layout.margin = "2px 24px 2px 0"
        control.observe(update, "value")
    update()
    row = ipywidgets.HBox(list(controls.values()), layout={"flex_flow": "row wrap"})
    box = ipywidgets.VBox([row, picture, Keys()])
    box.add_class("deblurlib-explore")
    _show(box, picture.jpeg, picture.caption)


def compare(before: Tensor, after: Tensor, alt: str, names: tuple[str, str]) -> None:
    """Show two pictures of one size over each other, with a handle that wipes between them.

    Args:
        before, after: ``(3, H, W)`` or ``(1, 3, H, W)`` in [0, 1].
        alt: what is to be seen, for those who cannot see it.
        names: of the two pictures.

    Raises:
        ValueError: where their sizes differ.
    """
    if before.shape[-2:] != after.shape[-2:]:
        raise ValueError(
            f"pictures of one size are compared, not {tuple(before.shape[-2:])} and"
            f" {tuple(after.shape[-2:])}"
        )
    pictures = [_png(_enlarged(to_image(picture))) for picture in (before, after)]
    slider = Comparison(before=pictures[0], after=pictures[1], names=list(names), alt=alt)
    still = [panel(name, p, _WIDTH) for name, p in zip(names, (before, after), strict=True)]
    _show(ipywidgets.VBox([slider]), _jpeg(table(still, columns=2)), alt)


def blurred_piece(
    photograph: str, side: int, strength: float, margin: int
) -> tuple[Tensor, Tensor]:
    """A square piece of a test photograph, blurred and sharp, ``(1, 3, side, side)``.

    Args:
        photograph: one of `TEST_PHOTOGRAPHS`.
        side: of the piece, in pixels.
        strength: of the blur, in pixels; the camera's path is always the same one.
        margin: around the piece, for what moves into the frame.
    """
    scene = load_photograph(photograph)[None]
    whole = side + 2 * margin
    top, left = (
        min(max(0, round(share * length) - whole // 2), length - whole)
        for share, length in zip(_CENTRES[photograph], scene.shape[-2:], strict=True)
    )
    generator = torch.Generator().manual_seed(3)
    path = random_camera_path((side, side), torch.tensor([float(strength)]), generator)
    return expose(scene[..., top : top + whole, left : left + whole], path)


class Keys(anywidget.AnyWidget):
    """Not to be seen: lets controls have the keys that are pressed in them.

    Else JupyterLab takes them: an arrow would leave the control, and `d d` delete its cell.
    """

    _esm = """
    const ours = ["explore", "desk", "dashboard", "quiz"].map(k => `.deblurlib-${k}`).join();
    // It looks for this mark on the very element that has the focus.
    const mark = ({ target }) => {
      if (target.closest(ours)) {
        target.setAttribute("data-lm-suppress-shortcuts", "true");
      }
    };
    function initialize() {
      document.addEventListener("focusin", mark);
      return () => document.removeEventListener("focusin", mark);
    }
    export default { initialize };
    """


class Picture(anywidget.AnyWidget):
    """The picture of `explore` over its caption, which is its description as well."""

    jpeg = traitlets.Bytes().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)

    _esm = """
    function render({ model, el }) {
      const picture = document.createElement("img");
      picture.style.maxWidth = "100%";
      const caption = document.createElement("p");
      caption.setAttribute("role", "status");
      const show = () => {
        URL.revokeObjectURL(picture.src);
        picture.src = URL.createObjectURL(new Blob([model.get("jpeg")], { type: "image/jpeg" }));
        picture.alt = caption.textContent = model.get("caption");
      };
      model.on("change", show);
      show();
      el.append(picture, caption);
    }
    export default { render };
    """


class Comparison(anywidget.AnyWidget):
    """The two pictures and the handle of `compare`; it is moved by mouse, touch or arrow keys."""

    before = traitlets.Unicode().tag(sync=True)
    after = traitlets.Unicode().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    position = traitlets.Int(50).tag(sync=True)

    _esm = """
    function render({ model, el }) {
      const root = document.createElement("div");
      root.className = "deblurlib-compare";
      const pictures = document.createElement("div");
      pictures.className = "pictures";
      const under = document.createElement("img");
      const over = document.createElement("img");
      over.alt = "";
      over.className = "over";
      const line = document.createElement("div");
      line.className = "line";
      const handle = document.createElement("input");
      Object.assign(handle, { type: "range", min: 0, max: 100, step: 1 });
      // Else the arrow keys would go to the notebook.
      handle.setAttribute("data-lm-suppress-shortcuts", "true");
      const labels = document.createElement("div");
      labels.className = "labels";
      labels.append(document.createElement("span"), document.createElement("span"));
      const show = () => {
        const [before, after] = model.get("names");
        [labels.firstChild.textContent, labels.lastChild.textContent] = [before, after];
        handle.setAttribute("aria-label", `${before} left of the line, ${after} right of it`);
        under.src = model.get("after");
        under.alt = model.get("alt");
        over.src = model.get("before");
      };
      const place = () => {
        const position = model.get("position");
        handle.value = position;
        over.style.clipPath = `inset(0 ${100 - position}% 0 0)`;
        line.style.left = `${position}%`;
      };
      handle.addEventListener("input", () => {
        model.set("position", Number(handle.value));
        model.save_changes();
      });
      model.on("change:position", place);
      model.on("change:before change:after change:names change:alt", show);
      place();
      show();
      pictures.append(under, over, line, handle);
      root.append(labels, pictures);
      el.append(root);
    }
    export default { render };
    """

    _css = """
    .deblurlib-compare { display: inline-block; max-width: 100%; }
    .deblurlib-compare .labels { display: flex; justify-content: space-between; }
    .deblurlib-compare .pictures { position: relative; line-height: 0; }
    .deblurlib-compare img { max-width: 100%; display: block; }
    .deblurlib-compare .over { position: absolute; inset: 0; width: 100%; height: 100%; }
    .deblurlib-compare .line { position: absolute; top: 0; bottom: 0; width: 3px;
      margin-left: -1px; background: #fff; outline: 1px solid #222; pointer-events: none; }
    /* Wider by half a thumb on both sides: so the line is where the pointer is. */
    .deblurlib-compare input { position: absolute; top: 0; left: -8px; height: 100%;
      width: calc(100% + 16px); margin: 0; opacity: 0; cursor: ew-resize; appearance: none; }
    .deblurlib-compare input::-webkit-slider-thumb { appearance: none; width: 16px; height: 16px; }
    .deblurlib-compare input::-moz-range-thumb { border: 0; width: 16px; height: 16px; }
    .deblurlib-compare .pictures:focus-within { outline: 3px solid #0072b2; }
    """


def _show(box: ipywidgets.VBox, still: bytes, alt: str) -> None:
    # One output for both: with a kernel JupyterLab shows the widget, without it the still picture.
    # The normaliser takes the widget out of what is committed.
    bundle = {
        **box._repr_mimebundle_(),
        "image/jpeg": base64.b64encode(still).decode(),
        "text/plain": alt,
    }
    display(bundle, raw=True, metadata={"image/jpeg": {"alt": alt}})


def _jpeg(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    # Full colour resolution: subsampling would smear thin coloured lines.
    PIL.Image.fromarray(pixels).save(file, "jpeg", quality=90, subsampling=0)
    return file.getvalue()


def _enlarged(image: PIL.Image.Image) -> PIL.Image.Image:
    """Small pictures larger, with their pixels visible, as in a still."""
    return ImageOps.scale(image, max(1, _WIDTH // max(image.size)), PIL.Image.Resampling.NEAREST)


def _png(image: PIL.Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
