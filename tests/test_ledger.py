"""Every name in the ledger exists, and so does every argument beside it."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

LEDGER = (Path(__file__).parents[1] / "notebooks" / "ledger.md").read_text()
NAMES = re.findall(r"`(deblurlib\.[\w.]+)`(?: \(([^)]*)\))?", LEDGER)


def test_the_ledger_has_names() -> None:
    assert len(NAMES) >= 15


@pytest.mark.parametrize(("name", "arguments"), NAMES)
def test_name_is_true(name: str, arguments: str) -> None:
    parts = name.split(".")
    depth = next(n for n in range(len(parts), 0, -1) if _is_module(".".join(parts[:n])))
    found = importlib.import_module(".".join(parts[:depth]))
    for part in parts[depth:]:
        found = getattr(found, part)
    for argument in re.findall(r"`(\w+)`", arguments):
        assert argument in inspect.signature(found).parameters


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
