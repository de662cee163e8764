"""The widget of one's own photos: what is uploaded is shown, restored and saved, or refused."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from deblurlib.course.widgets import your_own_photos as module
from deblurlib.course.widgets.your_own_photos import FIRST, SHOWN, Desk, your_photo
from deblurlib.imaging.files import open_image
from deblurlib.models import SUNG
from deblurlib.models.restoration import Restoration

BRIGHTER = 20
"""Levels of 255 that the network of these tests adds for every one of its iterations."""


class Brighter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(BRIGHTER / 255))

    def forward(self, blurred: Tensor) -> Restoration:
        return Restoration((blurred + self.weight.float(),))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def desk() -> Desk:
    return Desk(Brighter())


def gray(size: tuple[int, int], ending: str = "png", **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.new("RGB", size, (100, 100, 100))
    image.putpixel((0, 0), (0, 0, 0))  # so that a turned one is seen to be turned
    image.save(file, Image.registered_extensions()[f".{ending}"], **options)
    return file.getvalue()


def shown(desk: Desk) -> tuple[Image.Image, Image.Image]:
    """What the comparison has: the two pictures out of its addresses."""
    sides = desk.comparison.before, desk.comparison.after
    contents = [base64.b64decode(side.removeprefix("data:image/png;base64,")) for side in sides]
    before, after = (Image.open(io.BytesIO(content)) for content in contents)
    return before, after


def state(desk: Desk) -> tuple[str, str, str]:
    return desk.comparison.before, desk.comparison.after, desk.comparison.alt


def test_a_test_photograph_is_shown_first(desk: Desk) -> None:
    before, after = shown(desk)
    assert before.size == after.size == (512, 384)
    change = np.asarray(after, dtype=int) - np.asarray(before)
    assert np.median(change) == BRIGHTER
    assert desk.upload.message.startswith(f"{FIRST}.png: 512 × 384 pixels, restored in")
    assert "shown at" not in desk.upload.message


def test_an_upload_takes_its_place_turned_upright(desk: Desk) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    desk.open("mine.png", gray((60, 30), exif=exif))
    before, after = shown(desk)
    assert before.size == after.size == (300, 600)  # enlarged 10 times
    assert before.getpixel((299, 0)) == (0, 0, 0)
    assert before.getpixel((150, 300)) == (100, 100, 100)
    assert after.getpixel((150, 300)) == (100 + BRIGHTER,) * 3
    assert desk.upload.message.startswith("mine.png: 30 × 60 pixels, restored in")
    assert desk.comparison.alt == "mine.png, blurred, and restored with strength 1.0."


@pytest.mark.parametrize("strength", [0, 0.5, 1.5])
def test_strength_is_of_what_is_added(desk: Desk, here: Path, strength: float) -> None:
    desk.open("mine.png", gray((60, 30)))
    desk.strength.value = strength
    assert shown(desk)[1].getpixel((150, 150)) == (100 + strength * BRIGHTER,) * 3
    assert f"strength {strength:.1f}" in desk.comparison.alt
    desk.keep.click()
    assert open_image(here / "mine-restored.png").getpixel((30, 15)) == (
        (100 + strength * BRIGHTER,) * 3
    )


def test_large_ones_are_shown_reduced_and_saved_whole(desk: Desk, here: Path) -> None:
    desk.open("large.jpg", gray((1500, 1200), "jpg"))
    assert [picture.size for picture in shown(desk)] == [(750, 600)] * 2
    assert desk.upload.message.endswith("s, shown at 750 × 600")
    desk.open("narrow.png", gray((1, 3000)))
    assert [picture.size for picture in shown(desk)] == [(1, SHOWN[1])] * 2
    desk.open("large.jpg", gray((1500, 1200), "jpg"))
    desk.save()
    assert open_image(here / "large-restored.jpg").size == (1500, 1200)


def test_saving_replaces_nothing(desk: Desk, here: Path) -> None:
    desk.open("mine.jpeg", gray((8, 8), "jpg"))
    for name in ("mine-restored.jpeg", "mine-restored-2.jpeg", "mine-restored-3.jpeg"):
        if name.endswith("2.jpeg"):
            (here / name).write_text("another's")
            continue
        desk.save()
        assert desk.upload.message == f"saved as {name}, beside the notebook"
        assert Image.open(here / name).format == "JPEG"
    assert (here / "mine-restored-2.jpeg").read_text() == "another's"
    assert len(list(here.iterdir())) == 3


def test_what_cannot_be_kept_in_its_format_is_saved_as_png(desk: Desk, here: Path) -> None:
    desk.open("mine.gif", gray((8, 8), "gif"))
    desk.save()
    assert Image.open(here / "mine-restored.png").format == "PNG"


def test_a_result_that_cannot_be_written_is_said(desk: Desk, here: Path) -> None:
    name = 240 * "x" + ".png"  # which with "-restored" is too long for the disk
    desk.open(name, gray((8, 8)))
    desk.save()
    assert "too long" in desk.upload.message and "\n" not in desk.upload.message
    assert list(here.iterdir()) == []


def test_notes_are_shown(desk: Desk) -> None:
    desk.open("mine.jpg", gray((8, 8)))
    assert "\nnote: a PNG file by its content; written as JPEG" in desk.upload.message


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("text.png", "not an image that Pillow can read"),
        ("empty.jpg", "not an image that Pillow can read"),
        ("cut.jpg", "damaged or unsupported image"),
        ("huge.png", "more than 178,956,970 pixels; make it smaller"),
        ("float.tif", "floating-point pixels"),
    ],
)
def test_bad_ones_are_refused_in_a_line_and_the_earlier_stays(
    desk: Desk, hostile: dict[str, bytes], name: str, why: str
) -> None:
    desk.open("mine.png", gray((60, 30)))
    before = state(desk)
    files = hostile | {"empty.jpg": b"", "cut.jpg": gray((60, 30), "jpg")[:-40]}
    desk.open(name, files[name])
    assert desk.upload.message.startswith(f"{name}: ") and why in desk.upload.message
    assert "\n" not in desk.upload.message
    assert state(desk) == before
    desk.save()
    assert desk.upload.message == "saved as mine-restored.png, beside the notebook"


def test_too_large_ones_are_sent_to_the_command_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    before = state(desk)
    desk.open("my photo.png", gray((1200, 1000)))
    assert desk.upload.message == (
        "my photo.png: 1.2 megapixels, and at most 1 are restored here; on the command line: "
        "python -m deblurlib restore 'my photo.png'"
    )
    assert state(desk) == before


def test_iterations_are_chosen_where_the_network_has_them(desk: Desk) -> None:
    assert desk.iterations is None
    torch.manual_seed(0)
    iterated = Desk(SUNG(width=4, blocks=1, rdb_layers=2, kernel_size=3, test_iterations=2))
    assert iterated.iterations is not None and iterated.iterations.value == 2
    iterated.open("mine.png", gray((20, 30)))
    before = state(iterated)
    iterated.iterations.value = 1
    assert state(iterated)[1] != before[1]
    assert iterated.comparison.alt == "mine.png, blurred, and restored with I = 1, strength 1.0."
    iterated.iterations.value = 6  # more than so small a picture has
    assert iterated.upload.message.startswith("mine.png: iterations must be from 1 to 5")
    assert "I = 1" in iterated.comparison.alt


def test_a_file_comes_in_pieces(desk: Desk) -> None:
    content = gray((60, 30))
    for name in ("first.png", "second.png"):
        for start in (0, 50, 100, 150):
            end = min(start + 50, len(content)) if start < 150 else len(content)
            piece = {"name": name, "size": len(content), "start": start}
            desk.upload._handle_custom_msg(piece, [memoryview(content[start:end])])
        assert desk.upload.message.startswith(f"{name}: 60 × 30 pixels, restored")


def test_it_is_shown_with_a_still(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(module, "trained", lambda name: Brighter())
    monkeypatch.setattr(module, "_show", lambda *of: seen.append(of))
    your_photo()
    ((box, still, alt),) = seen
    assert alt == f"{FIRST}.png, blurred, and restored with strength 1.0."
    image = np.asarray(Image.open(io.BytesIO(still)), dtype=int)
    left, right = image[22:, :450], image[22:, 460:]
    assert abs(np.median(right - left) - BRIGHTER) <= 1
    assert "deblurlib-photo" in box._dom_classes
