"""Where the data folder is."""

from pathlib import Path

import pytest

from deblurlib.data import location
from deblurlib.data.location import data_directory


def test_the_variable_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    assert data_directory() == tmp_path


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deblur").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("DEBLURLIB_DATA", "~/deblur")
    assert data_directory() == tmp_path / "deblur"


@pytest.mark.parametrize("value", [None, ""])
def test_without_it_the_checkouts_folder(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv("DEBLURLIB_DATA", raising=False)
    else:
        monkeypatch.setenv("DEBLURLIB_DATA", value)
    monkeypatch.setattr(location, "__file__", str(tmp_path / "deblurlib" / "data" / "location.py"))
    with pytest.raises(FileNotFoundError, match="no such data folder; set DEBLURLIB_DATA"):
        data_directory()  # an installed package, no checkout around it
    (tmp_path / "data").mkdir()
    assert data_directory() == tmp_path / "data"


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="gone: no such data folder; create it, or unset"):
        data_directory()
    (tmp_path / "gone").write_text("a file, not a folder")
    with pytest.raises(FileNotFoundError, match="gone: no such data folder"):
        data_directory()
