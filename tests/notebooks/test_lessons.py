"""Every lesson runs, twice: under papermill with its quick profile, and under nbval.

nbval also compares the outputs of cells tagged ``nbval-check-output`` with those committed.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deblurlib.course import notebooks

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_runs_under_papermill(lesson: Path, tmp_path: Path) -> None:
    notebooks.run([lesson], tmp_path, {"PROFILE": "quick"})
    cells = json.loads((tmp_path / lesson.name).read_text())["cells"]
    assert any("injected-parameters" in cell["metadata"].get("tags", []) for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_runs_under_nbval(lesson: Path) -> None:
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax"),
        *("--nbval-current-env", "--nbval-cell-timeout=300", str(lesson)),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-1000:]
    assert re.search(r"\d+ passed", ran.stdout)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_has_checked_outputs_and_described_figures(lesson: Path) -> None:
    cells = json.loads(lesson.read_text())["cells"]
    if lesson.stem != "00_start_here":  # which prints what differs from machine to machine
        assert any("nbval-check-output" in cell["metadata"].get("tags", []) for cell in cells)
    for cell in cells:
        for output in cell.get("outputs", []):
            for kind in ("image/png", "image/jpeg"):
                if kind in output.get("data", {}):
                    assert output["metadata"].get(kind, {}).get("alt"), cell["id"]


PAGES = [*LESSONS, ROOT / "notebooks" / "ledger.md", ROOT / "README.md", ROOT / "data/README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    if page.suffix == ".ipynb":
        text = "".join(
            "".join(cell["source"])
            for cell in json.loads(text)["cells"]
            if cell["cell_type"] == "markdown"
        )
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_map_and_the_readme_list_every_lesson() -> None:
    start = (ROOT / "notebooks" / "00_start_here.ipynb").read_text()
    readme = (ROOT / "README.md").read_text()
    for lesson in LESSONS:
        assert lesson.name in readme
        assert lesson.name in start or lesson.stem == "00_start_here"
