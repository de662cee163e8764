"""JupyterLab on a copy of the notebooks, and a notebook in it, driven through a real browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

PANEL = "window.jupyterapp.shell.currentWidget"


class Notebook:
    """A notebook that is open in JupyterLab, alone in its page."""

    def __init__(self, page: Page, address: str, path: Path) -> None:
        self.page = page
        self.path = path
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._listen)
        page.goto(f"{address}/lab/tree/{path.name}?reset")
        page.wait_for_function(f"window.jupyterapp && {PANEL}?.context?.isReady", timeout=60_000)

    def _listen(self, message: Any) -> None:
        # JupyterLab 4.6 itself prints none: nothing needs to be passed over.
        if message.type == "error":
            self.errors.append(message.text)

    def command(self, name: str) -> None:
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute({name!r}); }}")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Wait until an expression of `panel`, `cells` (the code cells) and `idle` is true."""
        self.page.wait_for_function(
            f"""() => {{
                const panel = window.jupyterapp.shell.currentWidget;
                const all = panel.content.model.cells;
                const cells = [...Array(all.length).keys()].map(n => all.get(n)).filter(
                    cell => cell.type === 'code' && cell.sharedModel.getSource().trim());
                const idle = panel.sessionContext?.session?.kernel?.status === 'idle';
                return {condition};
            }}""",
            timeout=seconds * 1000,
        )

    def run_all(self, seconds: float = 200) -> None:
        """Run every cell, and wait until all are done."""
        self.wait("idle")
        # Outputs are committed: cleared first, so that what is seen was made here.
        self.command("notebook:clear-all-cell-outputs")
        self.page.evaluate(
            f"() => {{ for (const cell of {PANEL}.content.widgets)"
            " if (cell.model.type === 'code') cell.model.executionCount = null; }"
        )
        self.command("notebook:run-all-cells")
        # An error ends a run: then there is no count to wait for.
        self.wait(
            "idle && (cells.every(cell => cell.executionCount > 0) || cells.some("
            "cell => cell.outputs.toJSON().some(output => output.output_type === 'error')))",
            seconds,
        )
        assert not [output for output in self.outputs() if output["output_type"] == "error"]

    def run_cell(self, number: int) -> str:
        """Run one cell, counted from 0; returns the text that it shows."""
        self.wait("idle")
        self.page.evaluate(f"{PANEL}.content.activeCellIndex = {number}")
        self.page.evaluate(f"{PANEL}.content.model.cells.get({number}).executionCount = null")
        self.command("notebook:run-cell")
        self.wait(f"idle && all.get({number}).executionCount > 0")
        self.page.evaluate(f"() => {{ {PANEL}.content.scrollToItem({number}); }}")
        return self.page.locator(".jp-Notebook:visible .jp-mod-active .jp-OutputArea").inner_text()

    def write(self, number: int, source: str) -> None:
        """Put another source into a cell, counted from 0."""
        self.page.evaluate(
            f"text => {PANEL}.content.model.cells.get({number}).sharedModel.setSource(text)", source
        )

    def save(self) -> None:
        self.command("docmanager:save")
        self.wait("!panel.context.model.dirty")

    def cells(self) -> list[dict[str, Any]]:
        """The cells as the browser holds them."""
        return json.loads(
            self.page.evaluate(f"JSON.stringify({PANEL}.content.model.toJSON().cells)")
        )

    def outputs(self) -> list[dict[str, Any]]:
        return [output for cell in self.cells() for output in cell.get("outputs", [])]

    def boxes(self, kind: str) -> list[Locator]:
        """The parts of a class of ours that are shown, in order."""
        return self.page.locator(f".jp-OutputArea .{kind}").all()

    def close(self) -> None:
        """Save nothing, and end the kernel."""
        self.page.evaluate(f"async () => {{ await {PANEL}?.sessionContext?.shutdown(); }}")
        self.page.close()


def choose(folder: Path, name: str, settings: str) -> None:
    """Give JupyterLab settings for one of its extensions, read when a page is opened."""
    file = folder.parent / f"settings/@jupyterlab/{name}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(settings)


def copy_lessons(folder: Path) -> None:
    """Put the notebooks there as they are committed, with no progress beside them."""
    ignored = shutil.ignore_patterns("progress*", ".*")
    shutil.copytree(ROOT / "notebooks", folder, ignore=ignored, dirs_exist_ok=True)
    (folder / "progress.json").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copied notebooks; progress is kept beside them."""
    copied = tmp_path_factory.mktemp("lab") / "notebooks"
    copy_lessons(copied)
    return copied


@pytest.fixture(scope="session")
def lab(folder: Path) -> Iterator[str]:
    """The address of JupyterLab, started as `make lab` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    environment = os.environ | {name: str(folder.parent / path) for name, path in settings.items()}
    environment.pop("DEBLURLIB_PROGRESS", None)
    # Else a question about Jupyter's news lies over the page.
    choose(folder, "apputils-extension/notification", '{"fetchNews": "false"}')
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"),
        "notebooks/00_start_here.ipynb",
    ]
    with (folder.parent / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder.parent, env=environment, stdout=log, stderr=log
        )
        # JupyterLab takes the folder of the notebook that it is given for its root.
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(120):
                try:
                    urlopen(f"{address}/api", timeout=1).close()
                    break
                except OSError:
                    assert server.poll() is None, (folder.parent / "log").read_text()[-2000:]
                    time.sleep(0.5)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="session")
def new_page() -> Iterator[Callable[[], Page]]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync"),
            ],
        )
        yield lambda: browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


@pytest.fixture
def opened(
    new_page: Callable[[], Page], lab: str, folder: Path
) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook by its name, all of it or what is in sight; closed when the test ends."""
    notebooks: list[Notebook] = []
    copy_lessons(folder)  # a test before this one may have saved its own

    def open_it(name: str, windowing: str = "none") -> Notebook:
        # As learners have it, contentVisibility, a cell far out of sight is not in the page.
        choose(folder, "notebook-extension/tracker", json.dumps({"windowingMode": windowing}))
        notebooks.append(Notebook(new_page(), lab, folder / name))
        return notebooks[-1]

    yield open_it
    for notebook in notebooks:
        notebook.close()
