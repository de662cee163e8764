"""Evaluation: rows and means by hand, with a network that returns its input."""

import datetime
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from deblurlib.data.location import data_directory
from deblurlib.data.pairs import ImagePairs
from deblurlib.data.synthetic import strength_of
from deblurlib.imaging.files import save_image
from deblurlib.models import Restoration, SGENet
from deblurlib.training.checkpoints import current_commit
from deblurlib.training.evaluate import Row, evaluate, save_results, summarize
from deblurlib.training.metrics import METRICS, ssim_gray


class Same(nn.Module):
    """Returns its input, brightened."""

    def __init__(self, brighter: float = 0.0) -> None:
        super().__init__()
        self.brighter = nn.Parameter(torch.tensor(brighter))
        self.calls: list[int | None] = []

    def forward(self, blurred: Tensor, iterations: int | None = None) -> Restoration:
        self.calls.append(iterations)
        assert not torch.is_grad_enabled()
        coarse = torch.zeros(1, 3, 1, 1)  # of a coarser scale: not the result
        return Restoration((coarse, blurred + self.brighter))


def db(levels: int) -> float:
    """PSNR of a difference of so many levels everywhere."""
    return -20 * math.log10(levels / 255)


@pytest.fixture
def pairs(tmp_path: Path) -> ImagePairs:
    """Two pairs of plain gray, 51 and 102 levels too dark; not of one size."""
    files = []
    for name, blurred, sharp, size in (("a-mild", 51, 102, (8, 12)), ("b-strong", 0, 102, (16, 9))):
        for kind, level in (("input", blurred), ("target", sharp)):
            image = Image.new("RGB", size, (level, level, level))
            save_image(image, tmp_path / kind / f"{name}.png")
        files.append((tmp_path / "input" / f"{name}.png", tmp_path / "target" / f"{name}.png"))
    return ImagePairs(files)


def test_rows_by_hand(pairs: ImagePairs) -> None:
    rows = evaluate(Same(brighter=0.1), pairs)  # 25.5 levels: 51 becomes 76 or 77, 0 becomes 26
    assert [row["name"] for row in rows] == ["a-mild", "b-strong"]
    assert all(row.keys() == {"name", "blurred", "restored"} for row in rows)
    assert [row["blurred"]["psnr"] for row in rows] == pytest.approx([db(51), db(102)], abs=1e-3)
    assert rows[0]["restored"]["psnr"] == pytest.approx(db(25), abs=0.36)  # 25 or 26 levels
    assert rows[1]["restored"]["psnr"] == pytest.approx(db(76), abs=0.12)  # 76 or 77
    for row in rows:
        assert row["blurred"].keys() == row["restored"].keys() == METRICS.keys()
        assert row["restored"]["ssim_gray"] > row["blurred"]["ssim_gray"]
    blurred, sharp = (image[None] for image in pairs[0])
    assert rows[0]["blurred"]["ssim_gray"] == pytest.approx(ssim_gray(blurred, sharp).item())


def test_iterations_go_to_the_network_only_if_given(pairs: ImagePairs) -> None:
    network = Same()
    evaluate(network, pairs, iterations=2)
    evaluate(network, pairs)
    assert network.calls == [2, 2, None, None]
    with pytest.raises(ValueError, match="SGENet has no scale iterations"):
        evaluate(SGENet((4, 8), 1), pairs, iterations=2)


def test_every_row_is_shown_with_its_image(pairs: ImagePairs) -> None:
    seen: list[tuple[Row, Tensor]] = []
    rows = evaluate(Same(), pairs, on_row=lambda row, image: seen.append((row, image)))
    assert [row for row, _ in seen] == rows
    assert [tuple(image.shape) for _, image in seen] == [(1, 3, 12, 8), (1, 3, 9, 16)]
    assert all(torch.equal(image[0], pairs[k].blurred) for k, (_, image) in enumerate(seen))


def row(name: str, blurred: float, restored: float) -> Row:
    return {
        "name": name,
        "blurred": {"psnr": blurred, "ssim_rgb": 0.5, "ssim_gray": 0.6},
        "restored": {"psnr": restored, "ssim_rgb": 0.7, "ssim_gray": 0.8},
    }


def test_summary_by_hand() -> None:
    rows = [row("a-mild", 30, 31), row("b-mild", 20, 23), row("c-strong", 10, 9)]
    summary = summarize(rows, lambda name: name.split("-")[1])
    assert list(summary) == ["mild", "strong", "all"]
    assert [means["pairs"] for means in summary.values()] == [2, 1, 3]
    assert [means["blurred"]["psnr"] for means in summary.values()] == [25, 10, 20]
    assert [means["restored"]["psnr"] for means in summary.values()] == [27, 9, 21]
    assert summary["all"]["restored"]["ssim_gray"] == pytest.approx(0.8)
    # Gains 1 and 3; -1; all three.
    assert summary["mild"]["psnr_gain"] == pytest.approx(
        {"mean": 2, "stdev": math.sqrt(2), "least": 1}
    )
    assert summary["strong"]["psnr_gain"] == {"mean": -1, "stdev": 0.0, "least": -1}
    assert summary["all"]["psnr_gain"] == pytest.approx({"mean": 1, "stdev": 2, "least": -1})


def test_a_group_called_all_counts_once() -> None:
    summary = summarize([row("a", 30, 31), row("b", 20, 23)], lambda name: "all")
    assert list(summary) == ["all"]
    assert summary["all"]["pairs"] == 2


def strict_json(path: Path) -> dict[str, Any]:
    """The file's content; Infinity and NaN, which Python writes and JSON does not have, fail."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


def test_results_are_written_whole(pairs: ImagePairs, tmp_path: Path) -> None:
    rows = evaluate(Same(), pairs)
    summary = summarize(rows, lambda name: name.split("-")[1])
    path = tmp_path / "new" / "results.json"
    save_results(path, rows, summary, weights="sung_small", data="GoPro")
    results = strict_json(path)
    # Plain gray has no edges: an infinite `edge_psnr`, which JSON does not have.
    for row in (*rows, *summary.values()):
        for state in ("blurred", "restored"):
            assert row[state].pop("edge_psnr") == math.inf
    for row in (*results["rows"], *results["summary"].values()):
        for state in ("blurred", "restored"):
            assert row[state].pop("edge_psnr") is None
    assert results["rows"] == rows and results["summary"] == summary
    assert (results["weights"], results["data"]) == ("sung_small", "GoPro")
    assert results["commit"] == current_commit()
    assert results["torch"] == torch.__version__
    assert datetime.date.fromisoformat(results["date"]) <= datetime.date.today()
    assert list(path.parent.iterdir()) == [path]


def test_identical_images_do_not_spoil_a_summary(pairs: ImagePairs, tmp_path: Path) -> None:
    same = ImagePairs([pairs.files[0], 2 * (pairs.files[0][1],), pairs.files[1]])
    rows = evaluate(Same(), same)
    assert rows[1]["blurred"]["psnr"] == rows[1]["restored"]["psnr"] == math.inf
    means = summarize(rows, lambda name: "all")["all"]
    assert means["pairs"] == 3
    assert means["blurred"]["psnr"] == pytest.approx((db(51) + db(102)) / 2, abs=1e-3)
    counts = {"psnr": 1, "edge_psnr": 3}
    assert means["infinite"] == {"blurred": counts, "restored": counts}
    assert means["psnr_gain"] == {"mean": 0, "stdev": 0, "least": 0}
    # Where there is nothing else, the mean is infinite, and there is no gain.
    nothing_else = summarize(rows[1:2], lambda name: "all")
    assert nothing_else["all"]["blurred"]["psnr"] == math.inf
    save_results(tmp_path / "results.json", rows[1:2], nothing_else)
    results = strict_json(tmp_path / "results.json")
    assert results["rows"][0]["blurred"]["psnr"] is None
    assert results["summary"]["all"]["psnr_gain"] == {"mean": None, "stdev": None, "least": None}


def test_a_pair_restored_exactly_is_left_out_of_the_gain() -> None:
    rows = [row("a", 20, math.inf), row("b", 20, 21), row("c", 30, 28)]
    means = summarize(rows, lambda name: "all")["all"]
    assert means["restored"]["psnr"] == 24.5
    assert means["infinite"] == {"blurred": {}, "restored": {"psnr": 1}}
    assert means["psnr_gain"]["mean"] == -0.5 and means["psnr_gain"]["least"] == -2


def test_a_broken_image_is_not_left_out(tmp_path: Path) -> None:
    rows = [row("a", 20, math.nan), row("b", 20, 21)]
    means = summarize(rows, lambda name: "all")["all"]
    assert math.isnan(means["restored"]["psnr"]) and "infinite" not in means
    assert all(map(math.isnan, means["psnr_gain"].values()))


@pytest.mark.parametrize("name", ["sung_small", "sgenet_small"])
def test_committed_results_of_fewer_metrics_still_give_their_summary(name: str) -> None:
    path = data_directory() / "results" / f"{name}-photos.json"
    results = strict_json(path)
    assert summarize(results["rows"], strength_of) == results["summary"]
