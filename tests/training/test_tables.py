"""Tables out of results that were made up, and the pages out of those that are committed."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from deblurlib.training import tables
from deblurlib.training.checkpoints import save_weights
from deblurlib.training.tables import networks, published, table1, table2, update, weights


def results(**variants: list[float]) -> dict[str, Any]:
    rows = [
        {
            "name": name,
            "parameters": 1_234_567,
            "gmacs": 104.4,
            "seconds": 1.25,
            "gains": [value - 20 for value in values],
            "groups": {"mild": [1.0 for _ in values], "strong": [0.25 for _ in values]},
            "restored": {
                "psnr": values,
                "ssim_rgb": [value / 40 for value in values],
                "ssim_3d": [value / 35 for value in values],
                "edge_psnr": [value + 5 for value in values],
            },
        }
        for name, values in variants.items()
    ]
    blurred = {"psnr": 20.0, "ssim_rgb": 0.5, "ssim_3d": 0.6, "edge_psnr": 24.0}
    about = {"profile": "quick", "steps": 1000, "batch": 4, "crop": 96, "data": "embedded"}
    about |= {"pairs": 24, "device": "a processor", "seeds": [0, 1, 2]}
    return {**about, "blurred": blurred, "variants": rows}


def rows(table: str) -> dict[str, list[str]]:
    lines = [line for line in table.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in cells}) == 1
    return {row[0]: row[1:] for row in cells}


def test_every_published_number_has_its_source() -> None:
    found = published()
    assert len(found) >= 25
    for row in found:
        assert row["source"] and row["data"] in ("GoPro", "HIDE") and 25 < float(row["psnr"]) < 35
        if row["ssim"]:
            # In this range of PSNR, the tables of the .90 are 2-D, those of the .93 and more 3-D.
            kind = "2-D" if row["psnr"] < "30.6" and float(row["ssim"]) < 0.91 else "3-D"
            assert (
                row["data"] == "HIDE"
                or row["ssim_variant"] == kind
                or row["network"] == "Nah et al."
            )


def test_table_1_keeps_theirs_and_ours_apart() -> None:
    table = rows(table1(results(SUNG=[21.0, 21.5, 22.0], SRN=[20.5, 20.5, 20.5])))
    assert table["SUNG"][:2] == ["30.47", "0.9047"] and table["SRN"][:2] == ["30.25", "0.9030"]
    assert table["SUNG"][2] == "21.50 ± 0.50" and table["SRN"][2] == "20.50 ± 0.00"
    assert table["*blurred*"] == ["", "", "20.00", "0.5000", "0.6000", "24.00"]


def test_table_2_by_hand() -> None:
    text = table2(results(base=[20.0, 21.0, 22.0], SUNG=[20.1, 21.2, 22.3]))
    table = rows(text)
    # Differences 0.1, 0.2, 0.3: mean 0.2, deviation 0.1, 4.303 * 0.1 / √3 = 0.25.
    assert table["PSNR, dB"][:3] == ["30.17", "30.47", "+0.30"]
    assert table["PSNR, dB"][3:] == ["21.00 ± 1.00", "21.20 ± 1.10", "+0.20 [-0.05, +0.45]"]
    assert table["SSIM (2-D, RGB)"][:3] == ["0.9038", "0.9047", "+0.0009"]
    assert table["SSIM (3-D)"][:3] == ["", "", ""]
    assert "reduced size" in text and "photo split" in text and "3 seeds" in text


def test_networks_are_ordered_by_what_they_gain() -> None:
    table = rows(networks(results(A=[20.5, 20.6, 20.4], B=[21.0, 21.0, 21.0])))
    assert list(table)[2:] == ["B", "A"]
    assert table["A"][:6] == ["1.23 M", "104", "1.25", "+0.50 ± 0.10", "+1.00", "+0.25"]


def test_weights_are_told_with_all_that_went_into_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    once = {"model": "sung_small", "steps": 500, "seconds": 5400}
    cards = {
        "once": once,
        "twice": {**once, "steps": 1000, "seconds": 1800, "initial": once},
        "unknown": {**once, "initial": {"model": "sung_small", "steps": 1000}},
    }
    gains = {"mild": 0.5, "all": 0.25}
    summary = {k: {"psnr_gain": {"mean": gain, "least": -0.125}} for k, gain in gains.items()}
    (tmp_path / "results").mkdir()
    for name, card in cards.items():
        save_weights(torch.nn.Linear(3, 3), tmp_path / "weights" / f"{name}.safetensors", card)
        made = {"cost": {"parameters": 1_234_567}, "summary": summary}
        (tmp_path / "results" / f"{name}-photos.json").write_text(json.dumps(made))
    table = rows(weights())
    assert table["weights"] == ["parameters", "MB", "steps", "hours", "mild", "all", "least"]
    assert table["`once`"] == ["1.23 M", "0.0", "500", "1.5", "+0.50", "+0.25", "-0.12"]
    assert table["`twice`"][2:4] == ["500 + 1,000", "1.5 + 0.5"]
    assert table["`unknown`"][2:4] == ["1,000 + 500", "? + 1.5"]


def test_a_page_is_filled_between_its_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = results(base=[20.0, 21.0], SUNG=[20.1, 21.2])
    monkeypatch.setattr(tables, "load", lambda name: made)
    page = "before\n<!-- table2 -->\nold\n<!-- end -->\nafter <!-- other --> x <!-- end -->"
    filled = update(page)
    assert filled.startswith("before\n<!-- table2 -->\n\n| ") and "old" not in filled
    assert filled.endswith("\n<!-- end -->\nafter <!-- other --> x <!-- end -->")
    assert update(filled) == filled


def test_the_readme_has_the_tables_of_the_committed_results() -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text()
    assert page.count("<!-- end -->") > 0 and update(page) == page
