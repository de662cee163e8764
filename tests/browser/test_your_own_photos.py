"""A photo of one's own in JupyterLab: uploaded, dropped, refused; compared and saved."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from deblurlib.course.widgets.your_own_photos import FIRST
from deblurlib.imaging.photos import open_photo

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

OWN = "photo.ipynb"
SOURCE = """
from deblurlib.course.widgets import your_own_photos

your_own_photos.MOST_BYTES = 15_000_000
your_own_photos.your_photo()
"""

DROP = """
(area, [name, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name));
    area.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}
"""


@pytest.fixture(scope="module")
def own(folder: Path) -> str:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_markdown_cell("# A photo"), new_code_cell(SOURCE.strip())]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), folder / OWN)
    return OWN


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A JPEG that lies on its side: its EXIF says how it is turned upright, to 240 x 320."""
    rng = np.random.default_rng(0)
    levels = np.kron(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8), np.ones((10, 10, 1)))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Lens & Sons"
    path = tmp_path / "on its side.jpg"
    Image.fromarray(levels.astype(np.uint8)).save(path, quality=95, exif=exif)
    return path


class Desk:
    """The widget as it is seen."""

    def __init__(self, notebook: Any) -> None:
        self.page = notebook.page
        self.box = self.page.locator(".jp-OutputArea .deblurlib-photo")
        self.chooser = self.box.locator("input[type=file]")
        self.status = self.box.locator("[role=status]")

    def says(self, words: str) -> None:
        self.status.filter(has_text=re.compile(words)).wait_for(timeout=60_000)

    def pictures(self) -> list[tuple[str, int, int]]:
        """Restored and blurred: their addresses and sizes, once they are loaded."""
        return self.box.locator(".pictures img").evaluate_all(
            """images => Promise.all(images.map(async (image) => {
                await image.decode();
                return [image.src, image.naturalWidth, image.naturalHeight];
            }))"""
        )


@pytest.mark.timeout(300)
def test_a_photo_is_uploaded_compared_and_saved(
    opened: Callable[..., Any], own: str, folder: Path, photo: Path
) -> None:
    notebook = opened(own)
    notebook.run_all()
    desk = Desk(notebook)
    desk.box.wait_for()
    desk.says(f"{FIRST}.png: 512 × 384 pixels, restored in")
    first = desk.pictures()
    assert [size for _, *size in first] == [[512, 384]] * 2

    desk.chooser.set_input_files(photo)
    desk.says(f"{photo.name}: 240 × 320 pixels, restored in")
    notebook.wait("idle")
    (restored, *size), (blurred, *_) = desk.pictures()
    assert size == [240, 320] and len({restored, blurred, first[0][0], first[1][0]}) == 4
    assert f"{photo.name}, blurred" in desk.box.locator(".pictures img").first.get_attribute("alt")

    # By the keyboard: a key moves the strength, and only what is restored changes.
    handles = desk.box.locator(".noUi-handle")
    handles.last.focus()
    notebook.page.keyboard.press("ArrowLeft")
    notebook.page.wait_for_function(
        "() => document.querySelector('.deblurlib-photo .pictures img').alt.includes('0.9')"
    )
    weaker = desk.pictures()
    assert weaker[0][0] != restored and weaker[1][0] == blurred
    handles.first.focus()
    notebook.page.keyboard.press("ArrowLeft")
    notebook.page.wait_for_function(
        "() => document.querySelector('.deblurlib-photo .pictures img').alt.includes('I = 3')"
    )
    line = desk.box.locator(".line")
    desk.box.locator("input[type=range]").focus()
    notebook.page.keyboard.press("ArrowRight")
    assert line.evaluate("line => line.style.left") == "51%"

    desk.box.get_by_role("button", name="save").click()
    desk.says("saved as on its side-restored.jpg, beside the notebook")
    result = open_photo(folder / "on its side-restored.jpg")
    assert result.image.size == (240, 320) and result.notes == ()
    assert result.exif and b"Lens & Sons" in result.exif
    assert notebook.errors == []


@pytest.mark.timeout(300)
def test_what_is_no_photo_is_refused_and_the_earlier_stays(
    opened: Callable[..., Any], own: str, photo: Path, tmp_path: Path
) -> None:
    notebook = opened(own)
    notebook.run_all()
    desk = Desk(notebook)
    desk.chooser.set_input_files(photo)
    desk.says("240 × 320 pixels, restored in")
    notebook.wait("idle")
    before = desk.pictures()

    bad = {
        "text.jpg": (b"dear diary", "not an image that Pillow can read"),
        "empty.jpg": (b"", "not an image that Pillow can read"),
        "cut.jpg": (photo.read_bytes()[:-200], "damaged or unsupported image"),
        # In one message this would be too long for Jupyter's server.
        "long.jpg": (bytes(12_000_000), "not an image that Pillow can read"),
        "longer.jpg": (bytes(16_000_000), "16.0 MB, and at most 15.0 MB are taken here"),
    }
    for name, (content, words) in bad.items():
        (tmp_path / name).write_bytes(content)
        desk.chooser.set_input_files(tmp_path / name)
        desk.says(f"^{name}: {words}")
        assert "\n" not in desk.status.inner_text()
        assert desk.pictures() == before

    # And one that is dropped is taken as one that is chosen.
    dropped = ["dropped.jpg", base64.b64encode(photo.read_bytes()).decode()]
    desk.box.locator(".deblurlib-upload").evaluate(DROP, dropped)
    desk.says("dropped.jpg: 240 × 320 pixels, restored in")
    assert notebook.errors == []
