"""Every name in the ledger and in the paper map exists, and so does every argument beside it."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {page: (ROOT / "notebooks" / page).read_text() for page in ("ledger.md", "paper_map.md")}
NAMES = [
    (page, *found)
    for page, text in PAGES.items()
    for found in re.findall(r"`(deblurlib\.[\w.]+)`(?: \(([^)]*)\))?", text)
]
TESTS = [found for text in PAGES.values() for found in re.findall(r"`(tests/\S+?)::(\w+)`", text)]
ROWS = re.findall(r"^\| (?!in the paper|---)(.+) \|$", PAGES["paper_map.md"], flags=re.MULTILINE)


def test_the_pages_have_names() -> None:
    assert len(NAMES) >= 30
    assert len(TESTS) >= len(ROWS) >= 15


@pytest.mark.parametrize(("page", "name", "arguments"), NAMES)
def test_name_is_true(page: str, name: str, arguments: str) -> None:
    parts = name.split(".")
    depth = next(n for n in range(len(parts), 0, -1) if _is_module(".".join(parts[:n])))
    found = importlib.import_module(".".join(parts[:depth]))
    for part in parts[depth:]:
        found = getattr(found, part)
    for argument in re.findall(r"`(\w+)`", arguments):
        assert argument in inspect.signature(found).parameters


@pytest.mark.parametrize(("path", "test"), TESTS)
def test_test_is_there(path: str, test: str) -> None:
    assert re.search(rf"^def {test}\(", (ROOT / path).read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_code_lesson_and_test(row: str) -> None:
    _, code, lesson, test = row.split(" | ")
    assert "`deblurlib." in code and ".ipynb)" in lesson and "`tests/" in test
    for path in re.findall(r"\((\S+\.ipynb)\)", lesson):
        assert (ROOT / "notebooks" / path).exists(), path


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
