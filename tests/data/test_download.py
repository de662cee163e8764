"""Downloads from a server that fails in every way, and archives that mean harm."""

import dataclasses
import functools
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deblurlib.data import download as module
from deblurlib.data.download import GOPRO, HIDE, DataSet, download, fetch, unzip, verify
from deblurlib.data.pairs import gopro_pairs, hide_pairs

NOISE = os.urandom(3_000_000)
"""Something to download that takes a while, and that is like itself nowhere."""


class Server(ThreadingHTTPServer):
    """One file under every address, as the Hugging Face hub or any web server has it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.statuses: list[int] = []  # of the next answers; then all is well
        self.drops: list[int] = []  # bytes after which the next connections break
        self.ranges = True
        self.storage = ""  # where all but itself redirects to
        self.wrong_range = False
        self.says_size = True
        self.kind = "application/zip"
        self.pause = 0.0  # after every 100 kB
        self.requests: list[tuple[str, str, str | None]] = []
        self.sent = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        server = self.server
        server.requests.append(("HEAD", self.path, None))
        if server.storage:  # elsewhere, as the hub's large files are
            self.send_response(302)
            self.send_header("Location", f"https://storage.invalid{server.storage}")
        else:
            self.send_response(server.statuses.pop(0) if server.statuses else 200)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", '"of the storage behind"')
        self.send_header("X-Linked-ETag", f'"{server.sha256}"')
        self.send_header("X-Linked-Size", str(len(server.content)))
        self.send_header("Content-Length", str(len(server.content)))
        self.end_headers()

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.requests.append(("GET", self.path, wanted))
        if server.statuses:
            self.send_response(server.statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if server.storage and not self.path.startswith(server.storage):
            self.send_response(302)
            self.send_header("Location", f"{server.url}{server.storage}?signature=1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content, start = server.content, 0
        if wanted and server.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if server.wrong_range:
                start, server.wrong_range = start - 1, False
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", server.kind)
        if server.says_size:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = min(len(content), start + server.drops.pop(0)) if server.drops else len(content)
        for at in range(start, end, 100_000):
            piece = content[at : min(at + 100_000, end)]
            server.sent += len(piece)  # before: whoever asked may be done before this goes on
            try:
                self.wfile.write(piece)
            except OSError:  # whoever asked is gone
                return
            time.sleep(server.pause)
        self.close_connection = True


Serve = Callable[[bytes], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = []

    def start(content: bytes) -> Server:
        server = Server(content)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited between attempts; in tests it is not."""
    seconds: list[float] = []
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=seconds.append))
    return seconds


def image(size: tuple[int, int] = (1280, 720), level: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (level, level, level)).save(file, "PNG")
    return file.getvalue()


FRAME = image()


def packed(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def small_gopro() -> dict[str, bytes]:
    """GOPRO_Large with two training pairs and a test pair."""
    return {
        f"{split}/GOPR01_11_00/{kind}/{number:06}.png": FRAME
        for split, count in (("train", 2), ("test", 1))
        for number in range(count)
        for kind in ("blur", "blur_gamma", "sharp")
    }


def small_hide() -> dict[str, bytes]:
    """HIDE with a training pair and two test pairs, in a folder, with what else there may be."""
    names = {"train/a": "a", "test/test-close-ups/b": "b", "test/test-long-shot/c": "c"}
    files = {f"HIDE_dataset/{blurred}.png": FRAME for blurred in names}
    files |= {f"HIDE_dataset/GT/{sharp}.png": FRAME for sharp in names.values()}
    return files | {
        "__MACOSX/HIDE_dataset/GT/._a.png": b"Finder was here",
        "HIDE_dataset/.DS_Store": b"and here",
        "HIDE_dataset/annotations.csv": b"1,2",
        "HIDE_dataset/test.txt": b"b c",
    }


def published(data_set: DataSet, server: Server, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """A small one as `server` has it, in place of the real one."""
    if data_set is HIDE:
        pairs = {"train": 1, "test": 2}
        return dataclasses.replace(HIDE, url=f"{server.url}/HIDE_dataset.zip?dl=1", pairs=pairs)
    on_hub = functools.partial(module.hf_hub_url, endpoint=server.url)
    monkeypatch.setattr(module, "hf_hub_url", on_hub)
    pairs = {"train": 2, "test": 1}
    return dataclasses.replace(GOPRO, sha256=server.sha256, pairs=pairs)


def left(root: Path) -> set[str]:
    """What lies in a folder, hidden working folders included."""
    return {path.name for path in root.iterdir()}


# From the server to the loader


def test_gopro_comes_from_the_hub(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_gopro()))
    folder = download(published(GOPRO, server, monkeypatch), tmp_path / "new" / "root")
    assert folder == tmp_path / "new" / "root" / "GOPRO_Large"
    assert len(gopro_pairs(folder, "train")) == 2
    assert len(gopro_pairs(folder, "test", "blur_gamma")) == 1
    path = "/datasets/snah/GOPRO_Large/resolve/main/GOPRO_Large.zip"
    assert server.requests == [("HEAD", path, None), ("GET", path, None)]
    assert left(folder.parent) == {"GOPRO_Large", "GOPRO_Large.zip"}


def test_the_hubs_storage_is_followed_to_also_when_going_on(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_gopro() | {"noise.bin": NOISE}))
    server.storage, server.drops = "/storage", [2_000_000]
    download(published(GOPRO, server, monkeypatch), tmp_path)
    (done,) = {wanted for method, _, wanted in server.requests if method == "GET"} - {None}
    # Asked for anew with its way there, as signatures expire.
    way = ["/datasets/snah/GOPRO_Large/resolve/main/GOPRO_Large.zip", "/storage?signature=1"]
    assert [(path, wanted) for method, path, wanted in server.requests if method == "GET"] == [
        *((path, None) for path in way),
        *((path, done) for path in way),
    ]


def test_hide_comes_from_its_page_without_what_is_no_image(
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = serve(packed(small_hide()))
    folder = download(published(HIDE, server, monkeypatch), tmp_path)
    assert len(hide_pairs(folder, "train")) == 1
    assert len(hide_pairs(folder, "test")) == 2
    assert left(folder) == {"train", "test", "GT", "test.txt"}
    assert "left out 3 files" in capsys.readouterr().out
    assert server.requests == [("GET", "/HIDE_dataset.zip?dl=1", None)]


def test_what_is_there_is_not_fetched_again(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_gopro()))
    gopro = published(GOPRO, server, monkeypatch)
    download(gopro, tmp_path)
    before = list(server.requests)
    download(gopro, tmp_path)
    assert server.requests == before


@pytest.mark.parametrize("data_set", [GOPRO, HIDE], ids=lambda data_set: data_set.name)
def test_offline_says_where_to_put_the_archive_and_then_takes_it(
    data_set: DataSet, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_gopro() if data_set is GOPRO else small_hide()))
    small = published(data_set, server, monkeypatch)
    server.shutdown()
    server.server_close()
    with pytest.raises(OSError, match="offline, or the link is dead") as error:
        download(small, tmp_path)
    archive = tmp_path / f"{data_set.name}.zip"
    expected = f"get it by hand from {data_set.page}, put it at {archive}, run the command again"
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
    archive.write_bytes(server.content)
    download(small, tmp_path)
    assert left(tmp_path) == {data_set.name, archive.name}


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_dead_link_is_not_tried_again(
    status: int, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(b"")
    hide = published(HIDE, server, monkeypatch)
    server.statuses = 9 * [status]
    with pytest.raises(OSError, match=f"{status} .*link is dead; get it by hand from https"):
        download(hide, tmp_path)
    assert len(server.requests) == 1


def test_a_page_in_place_of_the_file_is_a_dead_link(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(b"<html>Sorry, this file was deleted.</html>")
    server.kind = "text/html; charset=utf-8"
    hide = published(HIDE, server, monkeypatch)
    with pytest.raises(OSError, match=r"leads to a page, not to a file: .*get it by hand"):
        download(hide, tmp_path)
    assert left(tmp_path / ".HIDE_dataset-download") == {"lock"}


def test_a_hub_without_the_data_set_is_a_dead_link(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(b"")
    gopro = published(GOPRO, server, monkeypatch)
    server.statuses = 9 * [404]
    with pytest.raises(OSError, match=r"GOPRO_Large\.zip: .*link is dead; get it by hand"):
        download(gopro, tmp_path)


def test_another_file_on_the_hub_is_not_even_downloaded(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_gopro()))
    gopro = dataclasses.replace(published(GOPRO, server, monkeypatch), sha256="0" * 64)
    with pytest.raises(ValueError, match=f"has sha256 {server.sha256}, not 0000.* by hand"):
        download(gopro, tmp_path)
    assert [method for method, *_ in server.requests] == ["HEAD"]


def test_wrong_bytes_are_found_by_their_checksum_and_removed(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_gopro()))
    gopro = published(GOPRO, server, monkeypatch)
    good = server.content
    server.content = good[:5000] + bytes([good[5000] ^ 1]) + good[5001:]
    with pytest.raises(ValueError, match=r"what came is damaged: its sha256 is .*; try again, or"):
        download(gopro, tmp_path)
    assert left(tmp_path / ".GOPRO_Large-download") == {"lock"}
    server.content = good
    download(gopro, tmp_path)


def test_a_truncated_archive_is_removed_where_there_is_no_checksum(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_hide())[:-100])
    hide = published(HIDE, server, monkeypatch)
    with pytest.raises(ValueError, match="no zip archive, or a truncated one; try again"):
        download(hide, tmp_path)
    assert left(tmp_path / ".HIDE_dataset-download") == {"lock"}


# Going on


def test_broken_connections_are_taken_up_where_they_broke(
    serve: Serve, tmp_path: Path, waits: list[float]
) -> None:
    server = serve(NOISE)
    server.drops = [700_000, 0, 50, 400_000, 1_000_000]
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == NOISE
    starts = [0 if wanted is None else int(wanted[6:-1]) for _, _, wanted in server.requests]
    assert starts == sorted(starts) and len(starts) == 6
    # Less than a chunk is lost each time, not all.
    assert server.sent < len(NOISE) + 6 * 2 * module.CHUNK
    assert len(waits) == 5


def test_a_server_that_ignores_ranges_starts_over(serve: Serve, tmp_path: Path) -> None:
    server = serve(NOISE)
    server.ranges = False
    server.drops = [700_000]
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == NOISE


def test_another_piece_than_asked_for_is_not_joined(serve: Serve, tmp_path: Path) -> None:
    server = serve(NOISE)
    server.drops, server.wrong_range = [700_000], True
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == NOISE


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(
    status: int, serve: Serve, tmp_path: Path, waits: list[float]
) -> None:
    server = serve(NOISE)
    server.statuses = 3 * [status]
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == NOISE
    assert waits == [1, 2, 4]


def test_a_server_that_stays_broken_is_given_up(
    serve: Serve, tmp_path: Path, waits: list[float]
) -> None:
    server = serve(NOISE)
    server.statuses = 99 * [500]
    with pytest.raises(requests.ConnectionError, match="500"):
        fetch(server.url, tmp_path / "part")
    assert len(server.requests) == module.ATTEMPTS
    assert sum(waits) == 31


def test_progress_keeps_a_bad_connection_going(serve: Serve, tmp_path: Path) -> None:
    server = serve(NOISE)
    server.drops = 20 * [100_000]  # many more than attempts
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == NOISE


def test_a_complete_part_needs_no_bytes(serve: Serve, tmp_path: Path) -> None:
    server = serve(NOISE)
    (tmp_path / "part").write_bytes(NOISE)
    fetch(server.url, tmp_path / "part", len(NOISE))
    assert server.requests == []
    fetch(server.url, tmp_path / "part")
    assert len(server.requests) == 1 and server.sent == 0


def test_a_part_that_is_too_long_starts_over(serve: Serve, tmp_path: Path) -> None:
    server = serve(NOISE)
    (tmp_path / "part").write_bytes(NOISE + b"more")
    fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == NOISE


def test_a_known_size_tells_an_end_that_comes_too_early(serve: Serve, tmp_path: Path) -> None:
    server = serve(NOISE)
    server.says_size = False  # so that a broken connection looks like the end
    server.drops = [700_000]
    fetch(server.url, tmp_path / "part", len(NOISE))
    assert (tmp_path / "part").read_bytes() == NOISE


def test_a_killed_download_goes_on(serve: Serve, tmp_path: Path) -> None:
    server = serve(NOISE)
    server.pause = 0.05
    part = tmp_path / "part"
    program = "import sys, pathlib; from deblurlib.data.download import fetch; "
    program += "fetch(sys.argv[1], pathlib.Path(sys.argv[2]))"
    process = subprocess.Popen([sys.executable, "-c", program, server.url, str(part)])
    try:
        for _ in range(6000):
            if part.exists() and part.stat().st_size > 500_000:
                break
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    done = part.stat().st_size
    assert 500_000 < done < len(NOISE)
    server.requests.clear()
    other = serve(NOISE)
    fetch(other.url, part)
    assert part.read_bytes() == NOISE
    assert other.requests == [("GET", "/", f"bytes={done}-")]
    assert other.sent == len(NOISE) - done


def test_a_download_goes_on_in_the_next_call(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(packed(small_gopro() | {"noise.bin": NOISE}))
    gopro = published(GOPRO, server, monkeypatch)
    server.statuses, server.drops = [], [1_000_000, *(module.ATTEMPTS * [0])]
    with pytest.raises(OSError, match="get it by hand"):
        download(gopro, tmp_path)
    assert left(tmp_path) == {".GOPRO_Large-download"}
    before = server.sent
    download(gopro, tmp_path)
    assert server.sent - before < len(server.content) - 900_000


def test_only_one_process_at_a_time(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gopro = published(GOPRO, serve(b""), monkeypatch)
    (tmp_path / ".GOPRO_Large-download").mkdir()
    with (
        FileLock(tmp_path / ".GOPRO_Large-download" / "lock"),
        pytest.raises(OSError, match="another process is at work here"),
    ):
        download(gopro, tmp_path)


def test_a_small_disk_is_found_before_the_download(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(NOISE)
    # The archive is of 3 MB, its images of as much again.
    for free, enough in ((5_999_999, False), (6_000_000, True)):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(module.shutil, "disk_usage", lambda _, usage=usage: usage)
        if enough:
            fetch(server.url, tmp_path / "part")
        else:
            with pytest.raises(OSError, match=r"0\.0 GB needed, .* choose another --root"):
                fetch(server.url, tmp_path / "part")
            assert not (tmp_path / "part").exists()


# Unpacking


def test_a_failed_extraction_leaves_no_data_set(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gopro = published(GOPRO, serve(b""), monkeypatch)
    content = bytearray(packed(small_gopro()))
    content[content.rindex(b"IDAT", 0, content.index(b"PK\1\2")) + 30] ^= 1
    (tmp_path / "GOPRO_Large.zip").write_bytes(content)
    with pytest.raises(ValueError, match=r"GOPRO_Large\.zip: damaged \(Bad CRC.*delete it and try"):
        download(gopro, tmp_path)
    assert left(tmp_path) == {"GOPRO_Large.zip", ".GOPRO_Large-download"}
    assert left(tmp_path / ".GOPRO_Large-download") == {"lock"}


def test_a_killed_extraction_starts_over(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gopro = published(GOPRO, serve(b""), monkeypatch)
    (tmp_path / "GOPRO_Large.zip").write_bytes(packed(small_gopro()))
    half = tmp_path / ".GOPRO_Large-download" / "unpacked" / "train" / "GOPR01_11_00" / "blur"
    half.mkdir(parents=True)
    (half / "000000.png").write_bytes(b"half")
    (half / "000099.png").write_bytes(FRAME)
    assert verify(gopro, download(gopro, tmp_path)) == []


def test_another_archive_of_images_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "HIDE_dataset.zip").write_bytes(packed(small_gopro()))
    with pytest.raises(ValueError, match="not HIDE_dataset: no train, test, GT in it"):
        download(HIDE, tmp_path)
    assert not (tmp_path / "HIDE_dataset").exists()


def test_every_difference_from_what_was_published_is_said(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = small_gopro()
    sequence = "GOPR01_11_00"
    del files[f"train/{sequence}/blur/000001.png"]
    files[f"train/{sequence}/sharp/000000.png"] = image((1280, 721))
    files[f"test/{sequence}/blur_gamma/000000.png"] = b"no image"
    server = serve(packed(files))
    gopro = published(GOPRO, server, monkeypatch)
    for _ in range(2):  # also when it is there already
        with pytest.raises(ValueError) as error:
            download(gopro, tmp_path)
        message = str(error.value)
        assert f"train/{sequence}/sharp/000001.png: no partner of this name" in message
        assert "train: 1 pairs, not 2" in message
        assert "sharp/000000.png: 1280 x 721 pixels, not 1280 x 720" in message
        assert f"test/{sequence}/blur_gamma/000000.png: not an image" in message
        assert message.count(";") == 4 and "\n" not in message
        assert f"to get it again, remove {tmp_path}/GOPRO_Large and" in message


def test_missing_splits_are_found(tmp_path: Path) -> None:
    faults = verify(GOPRO, tmp_path)
    assert [str(fault) for fault in faults] == [
        f"{tmp_path}/{split}: no pairs recognised here" for split in ("train", "test")
    ]


def entry(name: str, mode: int = 0, stored: str | None = None) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.filename = stored or info.filename
    info.external_attr = mode << 16
    return info


LINK, DEVICE = stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([entry("../evil.png")], r"'\.\./evil\.png'"),
        ([entry("a/../../evil.png")], "a file named"),
        ([entry("a/..")], "a file named"),
        ([entry("../")], "a file named"),
        ([entry("./a.png")], "a file named"),
        ([entry("/evil.png")], "'/evil.png'"),
        ([entry("//evil.png")], "a file named"),
        ([entry("C:/evil.png")], "'C:/evil.png'"),
        ([entry("a.png:stream.png")], "a file named"),
        ([entry(r"..\evil.png")], "a file named"),
        ([entry(r"a\b.png")], "a file named"),
        ([entry("a", stored="a.png\0.txt")], "a file named"),
        ([entry("a.png", LINK)], "'a.png' is a link or a device"),
        ([entry("a.bin", LINK)], "a link or a device"),  # though it would be left out
        ([entry("a", LINK), entry("a/b.png")], "a link or a device"),
        ([entry("a.png", DEVICE)], "a link or a device"),
        ([entry("a.png", stat.S_IFIFO)], "a link or a device"),
        ([entry("a.png", stat.S_IFSOCK)], "a link or a device"),
        ([entry("a.png"), entry("A.png")], "both '.*' and '.*'"),
        ([entry("x/a.png"), entry("X/b.png")], "both"),
        ([entry("caf\u00e9.png"), entry("cafe\u0301.png")], "both"),
        ([entry("a.png"), entry("a.png")], "there twice"),
        ([entry("a.png"), entry("a.png/b.png")], "'a.png' is a file and a folder"),
        ([entry("a.png/b.png"), entry("a.png")], "'a.png' is a file and a folder"),
        ([entry("a.png"), entry("a.png/")], "'a.png' is a file and a folder"),
        ([entry(f"{number}.bin") for number in range(11)], "more than 10 files"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_archives_are_refused_before_anything_is_written(
    entries: list[zipfile.ZipInfo], reason: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.png", FRAME)
        for info in entries[: None if len(entries) < 11 else 10]:
            archive.writestr(info, "../../etc/passwd")
    with pytest.raises(ValueError, match=rf"a\.zip: refused: .*{reason}.*; not as published"):
        unzip(tmp_path / "a.zip", tmp_path / "deep" / "out", max_bytes=10**6, max_files=10)
    assert left(tmp_path) == {"a.zip"}


def test_a_bomb_is_defused_by_counting(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.png", bytes(1_000_000))
    assert (tmp_path / "a.zip").stat().st_size < 20_000
    for limit, enough in ((9_999_999, False), (10_000_000, True)):
        out = tmp_path / str(limit)
        if enough:
            unzip(tmp_path / "a.zip", out, max_bytes=limit, max_files=10)
        else:
            with pytest.raises(ValueError, match="refused: more than 9999999 bytes"):
                unzip(tmp_path / "a.zip", out, max_bytes=limit, max_files=10)
        assert sum(path.stat().st_size for path in out.iterdir()) <= limit


def test_a_bomb_that_lies_about_its_size_writes_no_more_than_it_says(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(10_000_000))
    content = (tmp_path / "a.zip").read_bytes()
    lie = content.replace((10_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lie != content
    (tmp_path / "a.zip").write_bytes(lie)
    with pytest.raises(ValueError, match="damaged"):
        unzip(tmp_path / "a.zip", tmp_path / "out", max_bytes=100_000, max_files=10)
    assert (tmp_path / "out" / "a.png").stat().st_size <= 1000


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_one_error_and_never_wrong_content(data: st.DataObject) -> None:
    files = {"a/b.png": b"one" * 50, "a/c.txt": b"two" * 50, "d.jpg": bytes(range(256))}
    content = bytearray(packed(files))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[at] = data.draw(st.integers(0, 255))
        else:
            del content[max(at, 1) :]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "a.zip").write_bytes(content)
        try:
            unzip(root / "a.zip", root / "out", max_bytes=10**6, max_files=10)
        except (ValueError, OSError) as error:
            assert str(root) in str(error)
        else:
            out = [path.read_bytes() for path in (root / "out").rglob("*.*")]
            assert all(content in files.values() for content in out)
        assert left(root) <= {"a.zip", "out"}


def test_a_real_address_is_a_zip_on_a_page_that_is_named() -> None:
    for data_set in (GOPRO, HIDE):
        assert data_set.page.startswith("https://")
        assert data_set.hub or data_set.url.endswith(".zip?dl=1")
    assert len(GOPRO.sha256) == 64
    assert (GOPRO.pairs, HIDE.pairs["test"]) == ({"train": 2103, "test": 1111}, 2025)
