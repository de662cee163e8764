"""Many photographs at once: what is written and said, whatever lies among them."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from deblurlib import batch
from deblurlib.batch import plan
from deblurlib.cli import main
from deblurlib.imaging.files import EXTENSIONS, open_image, save_image
from deblurlib.models import SUNG
from deblurlib.training.checkpoints import save_weights

SIZES = {"width": 4, "blocks": 1, "rdb_layers": 2, "kernel_size": 3}


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A data folder with weights called sung_small, whose network returns its input."""
    network, folder = SUNG(**SIZES), tmp_path_factory.mktemp("data")
    for parameter in network.restoration_module.tail[-1].parameters():
        nn.init.zeros_(parameter)
    card = {"model": "sung", "arguments": SIZES}
    save_weights(network, folder / "weights" / "sung_small.safetensors", card)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEBLURLIB_DATA", str(folder))
        yield


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(seed: int = 0, size: tuple[int, int] = (12, 16)) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def files(folder: str | Path) -> list[str]:
    """All files below a folder, hidden ones too."""
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())


def test_folders_keep_their_structure(capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(["a.png", "trip/b.tif", "trip/day 2/c.PNG", "alone.bmp"]):
        save_image(picture(number), Path("photos") / name)
    for name in (".hidden.png", ".cache/d.png", "notes.txt"):
        path = Path("photos") / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("not to be looked at")
    assert main(["restore", "photos", "--out", "photos/sharp"]) == 0
    expected = ["a.png", "alone.png", "trip/b.tif", "trip/day 2/c.PNG"]
    assert files("photos/sharp") == expected
    assert np.array_equal(open_image("photos/sharp/trip/b.tif"), picture(1))
    said = capsys.readouterr()
    assert sorted(said.out.splitlines()) == [f"photos/sharp/{name}" for name in expected]
    assert said.err == "4 restored\n"
    # The results are no photos to restore, and are not restored again.
    before = [(Path("photos/sharp") / name).stat().st_mtime_ns for name in expected]
    save_image(picture(9), "photos/new.png")
    assert main(["restore", "photos", "--out", "photos/sharp"]) == 0
    said = capsys.readouterr()
    assert said.out == "photos/sharp/new.png\n"
    assert "photos/sharp/a.png: there already; --overwrite makes it anew" in said.err
    assert said.err.endswith("1 restored, 4 there already\n")
    assert before == [(Path("photos/sharp") / name).stat().st_mtime_ns for name in expected]
    save_image(picture(5), "photos/a.png")
    assert main(["restore", "photos", "--out", "photos/sharp", "--overwrite"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert np.array_equal(open_image("photos/sharp/a.png"), picture(5))


def test_an_input_is_replaced_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    picture().save("a.png", dpi=(300, 300))
    Path("link.png").symlink_to("a.png")
    before = Path("a.png").read_bytes()
    for arguments in (["a.png"], ["link.png", "a.png"], ["."]):
        assert main(["restore", *arguments, "--out", "."]) == 1
        assert "its result would replace" in capsys.readouterr().err
        assert Path("a.png").read_bytes() == before
    assert main(["restore", "a.png", "--out", ".", "--overwrite"]) == 0
    assert np.array_equal(open_image("a.png"), picture())
    assert files(".") == ["a.png", "link.png"]


def test_no_result_takes_the_place_of_another_photo() -> None:
    for name in ("a.png", "a.bmp", "b/a.png"):
        save_image(picture(), name)
    # The result of a.bmp would be a.png, which is an input.
    jobs, failures = plan([Path("a.bmp"), Path("a.png")], Path("."), overwrite=True)
    assert [job.source.name for job in jobs] == ["a.png"]
    assert failures == ["a.bmp: its result would replace a.png; choose another --out"]
    jobs, failures = plan([Path("a.png"), Path("b"), Path("a.bmp")], Path("out"))
    assert [(str(job.source), str(job.result)) for job in jobs] == [("a.png", "out/a.png")]
    assert failures == [
        f"{other}: a.png has the same result out/a.png; restore it alone"
        for other in ("b/a.png", "a.bmp")
    ]
    # The same photo twice is one.
    assert plan([Path("a.png"), Path("a.png")], Path("out")) == ([jobs[0]], [])


def test_bad_ones_do_not_end_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "z.jpg"):
        save_image(picture(), f"photos/{name}")
    Path("photos/broken.jpg").write_text("no photo")
    Path("empty").mkdir()
    too_long = f"{'x' * 300}.png"
    assert main(["restore", "photos", "empty", "gone.png", too_long]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == ["restored/a.png", "restored/z.jpg"]
    lines = said.err.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == [
        f"error: {line.strip()}" for line in lines[-4:]
    ]
    assert lines[-5] == "2 restored, 4 not restored:"
    assert lines[-4].startswith("  empty: no images here (.avif, .bmp, ")
    assert lines[-3:-1] == [
        "  photos/broken.jpg: not an image that Pillow can read",
        "  gone.png: no such file",
    ]
    assert too_long in lines[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
@pytest.mark.timeout(60)
def test_what_has_the_name_of_an_image_and_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    save_image(picture(), "photos/folder.png/inside.png")
    os.mkfifo("photos/pipe.png")
    Path("photos/broken.png").symlink_to("nowhere.png")
    Path("photos/loop.png").symlink_to("loop.png")
    Path("photos/again").symlink_to(".", target_is_directory=True)
    assert main(["restore", "photos", "photos/pipe.png"]) == 1
    said = capsys.readouterr()
    assert said.out == "restored/folder.png/inside.png\n"
    assert "error: photos/pipe.png: not a file\n" in said.err
    assert "error: photos/broken.png: no such file\n" in said.err
    assert "error: photos/loop.png: no such file\n" in said.err
    assert said.err.count("error: ") == 3


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="root may read everything")
def test_what_must_not_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    save_image(picture(), "photos/a.png")
    save_image(picture(), "photos/closed/b.png")
    Path("photos/a.png").chmod(0)
    Path("photos/closed").chmod(0)
    try:
        assert main(["restore", "photos"]) == 1
    finally:
        Path("photos/closed").chmod(0o700)
    said = capsys.readouterr().err
    assert "error: photos/a.png: no permission to read it" in said
    assert "photos/closed" in said


def test_hostile_files_leave_nothing_half_written(
    hostile: dict[str, bytes], sound: dict[str, bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    Path("photos").mkdir()
    # Every seventh: all that can be wrong is looked at in the tests of photographs.
    names = [name for name in hostile if name.startswith(("cut", "flip", "named"))][::7]
    names += [name for name in hostile if not name.startswith(("cut", "flip", "named"))]
    for name in names:
        (Path("photos") / name).write_bytes(hostile[name])
    for name, content in sound.items():
        (Path("photos") / name).write_bytes(content)
    searched = [name for name in [*names, *sound] if Path(name).suffix in EXTENSIONS]
    assert main(["restore", "photos"]) == 1
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    results = said.out.splitlines()
    assert files(".") == sorted([*results, *(f"photos/{n}" for n in [*names, *sound])])
    for result in results:
        open_image(result)
    assert {Path(r).stem for r in results} >= {Path(n).stem for n in sound if n in searched}
    failed = [line for line in said.err.splitlines() if line.startswith("error: photos/")]
    assert len(failed) + len(results) == len(searched)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "photos/a.png: MemoryError()"),
        (RuntimeError("can't allocate memory: 9 GB\nat alloc.cpp:1"), "photos/a.png: can't alloc"),
    ],
    ids=["Python's memory", "torch's memory"],
)
def test_too_little_memory_is_one_line(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_image(picture(), "photos/a.png")
    save_image(picture(size=(5, 5)), "photos/b.png")
    restore = batch.restore

    def short_of_memory(image: Image.Image, *arguments: Any, **options: Any) -> Image.Image:
        if image.width > 5:
            raise error
        return restore(image, *arguments, **options)

    monkeypatch.setattr(batch, "restore", short_of_memory)
    assert main(["restore", "photos"]) == 1
    err = capsys.readouterr().err
    assert f"error: {said}" in err and "alloc.cpp" not in err
    assert files("restored") == ["b.png"]


@pytest.mark.parametrize("stop", [OSError("disk full"), KeyboardInterrupt()], ids=["full", "^C"])
def test_a_result_appears_whole_or_not_at_all(
    stop: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save_image(picture(), f"photos/{name}")
    save: Callable[..., None] = Image.Image.save

    def half(image: Image.Image, path: Path, *arguments: Any, **options: Any) -> None:
        if path.name.startswith(".b"):
            path.write_bytes(b"half")
            raise stop
        save(image, path, *arguments, **options)

    monkeypatch.setattr(Image.Image, "save", half)
    status = main(["restore", "photos"])
    err = capsys.readouterr().err
    if isinstance(stop, KeyboardInterrupt):
        assert status == 130 and files("restored") == ["a.png"]
        assert err == "stopped: 1 of 3 restored\n"
    else:
        assert status == 1 and files("restored") == ["a.png", "c.png"]
        assert "error: photos/b.png: disk full" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_results_are_said_at_once_and_an_interrupt_ends_it() -> None:
    for number in range(400):
        save_image(picture(number, (40, 40)), f"photos/{number:03}.png")
    running = subprocess.Popen(
        [sys.executable, "-m", "deblurlib", "restore", "photos"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "restored/000.png\n"  # while it goes on
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in err
    done = 1 + len(out.splitlines())
    assert err == f"stopped: {done} of 400 restored\n"
    assert done <= len(files("restored")) <= done + 1
    for name in files("restored"):
        open_image(Path("restored") / name)


def test_progress_and_time_left_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    save_image(picture(size=(90, 40)), "a.png")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    assert main(["restore", "a.png", "--tile", "16"]) == 0
    shown = terminal.getvalue().split("\r")
    shares = [int(line.split("%")[0].split()[-1]) for line in shown if "%" in line]
    assert shares == sorted(shares) and shares[-1] == 100
    assert any(0 < share < 100 for share in shares)  # tile by tile
    assert any("a.png" in line and "<00:" in line for line in shown)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_names_of_any_bytes(capfd: pytest.CaptureFixture[str]) -> None:
    folder = os.fsencode("photos")
    os.mkdir(folder)
    for name in (b"caf\xe9.png", "日本.png".encode()):
        picture().save(os.fsdecode(folder + b"/" + name))
    assert main(["restore", "photos"]) == 0
    assert capfd.readouterr().out.splitlines() == [
        "restored/caf\\udce9.png",
        "restored/日本.png",
    ]
    assert sorted(os.listdir(b"restored")) == sorted([b"caf\xe9.png", "日本.png".encode()])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nosuch"], "nosuch: no such weights"),
        (["--model", "photos/a.png"], "photos/a.png: damaged, or not a file"),
    ],
)
def test_what_is_wrong_with_all_is_said_once(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        save_image(picture(), f"photos/{name}")
    assert main(["restore", "photos", *arguments]) == 1
    said = capsys.readouterr()
    assert said.out == "" and message in said.err and len(said.err.splitlines()) == 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "F"]),
    ending=st.sampled_from([".jpg", ".png", ".tif", ".webp", ".avif", ".gif", ".bmp"]),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    damage=st.none() | st.tuples(st.integers(0, 2**16), st.integers(0, 255)),
    tile=st.sampled_from(["auto", "none", "16"]),
)
def test_never_a_traceback_nor_half_a_file(
    mode: str, ending: str, size: tuple[int, int], damage: tuple[int, int] | None, tile: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photo, result = Path(folder) / f"photo{ending}", Path(folder) / "out"
        try:
            Image.new(mode, size).save(photo)
        except (OSError, ValueError):  # this format has no such mode
            photo.write_bytes(b"")
        content = bytearray(photo.read_bytes())
        if damage and content:
            content[damage[0] % len(content)] = damage[1]
            photo.write_bytes(content)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["restore", str(photo), "--out", str(result), "--tile", tile])
        errors = [line for line in err.getvalue().splitlines() if line.startswith("error: ")]
        assert (status, len(errors)) in ((0, 0), (1, 1))
        if status == 0:
            (path,) = (Path(line) for line in out.getvalue().splitlines())
            assert files(result) == [path.name]
            if not damage:
                assert open_image(path).size == size
        else:
            assert str(photo) in errors[0] and not result.exists()
