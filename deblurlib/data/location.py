"""Where weights and data lie: the checkout's data folder, or where DEBLURLIB_DATA points."""

import os
from pathlib import Path


def data_directory() -> Path:
    """The folder with weights, results and caches.

    Raises:
        FileNotFoundError: where DEBLURLIB_DATA names no folder, or it is unset and the package
            does not run from a checkout.
    """
    named = os.environ.get("DEBLURLIB_DATA")
    folder = Path(named).expanduser() if named else Path(__file__).parents[2] / "data"
    if not folder.is_dir():
        remedy = "create it, or unset the variable" if named else "set DEBLURLIB_DATA"
        raise FileNotFoundError(f"{folder}: no such data folder; {remedy}")
    return folder
