"""What tests of several networks need."""

from collections.abc import Callable
from pathlib import Path

import pytest


class Hostile:
    """Unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def hostile() -> Callable[[Path], object]:
    """Makes objects whose pickle would create the file that it is given."""
    return Hostile
