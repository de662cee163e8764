"""Pictures for lessons: images side by side, curves of a training, and ablations."""

import io
from collections.abc import Iterable, Mapping
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
import PIL.Image
from IPython.display import Image, display
from matplotlib.figure import Figure
from torch import Tensor

from deblurlib.imaging.files import to_image
from deblurlib.training.loop import LogEntry
from deblurlib.training.studies import paired_differences


def gallery(
    pictures: Mapping[str, Tensor | PIL.Image.Image],
    alt: str,
    *,
    columns: int | None = None,
    width: float = 11.0,
) -> None:
    """Show pictures side by side, each under its title, all equally wide.

    Args:
        pictures: title -> a Pillow image, or ``(C, H, W)`` or ``(1, C, H, W)`` in [0, 1], C = 3
            for colour, 1 for gray. Values outside are clipped. Small pictures are enlarged with
            their pixels visible.
        alt: what is to be seen, for those who cannot see it.
        columns: pictures in a row; None puts all in one.
        width: of the figure, in inches.
    """
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    images = {title: _as_image(picture) for title, picture in pictures.items()}
    tallest = max(image.height / image.width for image in images.values())
    cell = width / columns
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, rows * (cell * tallest + 0.35)), squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, (title, image) in zip(axes.flat, images.items(), strict=False):
        enlarged = image.width * 1.5 < cell * figure.dpi
        axis.imshow(image, interpolation="nearest" if enlarged else "antialiased")
        axis.set_title(title, fontsize=10)
    show(figure, alt, photographic=True)


def curves(log: Iterable[LogEntry], names: Iterable[str], alt: str, *, width: float = 11.0) -> None:
    """Show how terms of a training's log fall, each in a panel of its own.

    Args:
        log: entries as `read_log` gives them.
        names: keys of the entries.
        alt: what is to be seen, for those who cannot see it.
        width: of the figure, in inches.
    """
    entries, names = list(log), list(names)
    figure, axes = plt.subplots(1, len(names), figsize=(width, 2.6), squeeze=False)
    for axis, name in zip(axes.flat, names, strict=True):
        axis.plot([entry["step"] for entry in entries], [entry[name] for entry in entries])
        axis.set(title=name.replace("_", " "), xlabel="step")
        axis.grid(alpha=0.3)
    show(figure, alt)


def ablation(results: Mapping[str, Any], alt: str, *, width: float = 9.0) -> None:
    """Show what each change of an ablation brings: a mark a seed, and a bar at their mean.

    Args:
        results: what `run_study` gave.
        alt: what is to be seen, for those who cannot see it.
        width: of the figure, in inches.
    """
    differences = paired_differences(results)
    figure, axis = plt.subplots(figsize=(width, 0.8 + 0.36 * len(differences)))
    for row, values in enumerate(differences.values()):
        for number, (seed, value) in enumerate(zip(results["seeds"], values, strict=True)):
            axis.plot(
                value,
                row,
                marker="os^Dv"[number % 5],
                color=f"C{number}",
                label=f"seed {seed}" if row == 0 else None,
                linestyle="none",
            )
        axis.vlines(mean(values), row - 0.3, row + 0.3, "black", linewidth=2)
    axis.axvline(0, color="black", linewidth=1, linestyle=":")
    axis.set_yticks(range(len(differences)), list(differences))
    axis.invert_yaxis()
    axis.set_xlabel(f"gain less that of {results['variants'][0]['name']}, dB")
    axis.legend(frameon=False, bbox_to_anchor=(1, 1), loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)
    show(figure, alt)


def show(figure: Figure, alt: str, *, photographic: bool = False) -> None:
    """Display a figure with a description, and close it.

    Args:
        figure: what to show.
        alt: what is to be seen, for those who cannot see it.
        photographic: store it as JPEG, which keeps notebooks with photographs small.
    """
    figure.tight_layout()
    file = io.BytesIO()
    if photographic:
        figure.savefig(file, format="jpeg", pil_kwargs={"quality": 90})
    else:
        figure.savefig(file, format="png")
    plt.close(figure)
    # The description is kept beside the picture, for pages made of notebooks (nbconvert's classic
    # template, myst-nb); JupyterLab 4 does not hand it on.
    # A white ground of its own: readable in light and in dark themes.
    display(Image(file.getvalue(), format="jpeg" if photographic else "png", alt=alt))


def _as_image(picture: Tensor | PIL.Image.Image) -> PIL.Image.Image:
    if isinstance(picture, PIL.Image.Image):
        return picture
    picture = picture[0] if picture.ndim == 4 else picture
    return to_image(picture.expand(3, -1, -1))
