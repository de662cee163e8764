"""Evaluation: rows and means by hand, with a network that returns its input."""

import csv
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
from deblurlib.data.synthetic import photo_split, strength_of
from deblurlib.imaging.files import save_image
from deblurlib.models import Restoration, SGENet
from deblurlib.training.checkpoints import current_commit
from deblurlib.training.evaluate import (
    Journal,
    Row,
    cost_of,
    evaluate,
    save_csv,
    save_results,
    scene_of,
    summarize,
    table,
)
from deblurlib.training.metrics import METRICS, ssim_gray


class Same(nn.Module):
    """Returns its input, brightened."""

    def __init__(self, brighter: float = 0.0) -> None:
        super().__init__()
        self.brighter = nn.Parameter(torch.tensor(brighter))
        self.calls: list[int | None] = []
        self.eval()

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
    assert all(row.keys() == {"name", "blurred", "restored", "seconds"} for row in rows)
    assert all(row["seconds"] > 0 for row in rows)
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
    # Each of the two sizes is run once more, to warm up.
    assert network.calls == [2, 2, 2, 2, None, None, None, None]
    with pytest.raises(ValueError, match="SGENet has no scale iterations"):
        evaluate(SGENet((4, 8), 1).eval(), pairs, iterations=2)


def test_every_row_is_shown_with_its_image(pairs: ImagePairs) -> None:
    seen: list[tuple[Row, Tensor]] = []
    rows = evaluate(Same(), pairs, on_row=lambda row, image: seen.append((row, image)))
    assert [row for row, _ in seen] == rows
    assert [tuple(image.shape) for _, image in seen] == [(1, 3, 12, 8), (1, 3, 9, 16)]
    assert all(torch.equal(image[0], pairs[k].blurred) for k, (_, image) in enumerate(seen))


def test_a_network_in_training_mode_is_noticed(pairs: ImagePairs) -> None:
    with pytest.raises(ValueError, match=r"training mode: call its eval\(\)"):
        evaluate(Same().train(), pairs)


class Dropping(Same):
    """Its answer is another in training."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5).eval()

    def forward(self, blurred: Tensor, iterations: int | None = None) -> Restoration:
        return super().forward(self.drop(blurred), iterations)


def test_a_part_left_in_training_mode_is_noticed(pairs: ImagePairs) -> None:
    network = Dropping()
    rows = evaluate(network, pairs)
    assert all(row["restored"] == row["blurred"] for row in rows)
    network.drop.train()
    with pytest.raises(ValueError, match="its part 'drop' is"):
        evaluate(network, pairs)


def test_a_stopped_evaluation_goes_on(pairs: ImagePairs) -> None:
    network = Same(brighter=0.1)
    whole = evaluate(network, pairs)
    network.calls.clear()
    rows = evaluate(network, pairs, done=whole[:1])
    assert rows[0] is whole[0] and len(network.calls) == 2  # the second pair, and its warm-up
    for row in (rows[1], whole[1]):
        del row["seconds"]
    assert rows[1] == whole[1]
    with pytest.raises(ValueError, match="'b-strong' is not pair 0"):
        evaluate(network, pairs, done=whole[1:])


def test_the_journal_drops_what_was_half_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / ".results.json.rows"
    journal = Journal(path, {"weights": "abc", "pairs": 2})
    journal.add({"name": "a", "blurred": {"psnr": math.inf}})
    with path.open("a") as file:
        file.write('{"name": "b", "blu')
    again = Journal(path, {"weights": "abc", "pairs": 2})
    assert again.rows == [{"name": "a", "blurred": {"psnr": math.inf}}]
    again.add({"name": "b"})
    assert [row["name"] for row in Journal(path, {"weights": "abc", "pairs": 2}).rows] == ["a", "b"]
    with pytest.raises(ValueError, match="other weights was stopped here"):
        Journal(path, {"weights": "abd", "pairs": 2})
    path.write_text('{"weights": "abc", "pairs": 2}\n{"na\n{"name": "b"}\n')
    with pytest.raises(ValueError, match=r"\.results\.json\.rows: damaged; delete it"):
        Journal(path, {"weights": "abc", "pairs": 2})
    again.remove()
    assert list(path.parent.iterdir()) == []


def test_scenes_of_names() -> None:
    names = {
        "motorcycle-strong-2": "motorcycle",
        "GOPR0384_11_00/000001": "GOPR0384_11_00",
        "GOPR0374_11_02-000572": "GOPR0374_11_02",
        "112fromGOPR1096": "GOPR1096",
        "109fromGOPR1096.MP4": "GOPR1096",
        "scene001/gt_1": "scene001",
        "my-photo-7": "my-photo-7",
    }
    assert {name: scene_of(name) for name in names} == names


def test_a_table_of_all_images(pairs: ImagePairs, tmp_path: Path) -> None:
    rows = evaluate(Same(), pairs)
    save_csv(tmp_path / "rows.csv", rows)
    with (tmp_path / "rows.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == ["a-mild", "b-strong"]
    assert len(lines[0]) == 3 + 2 * len(METRICS)
    for line, row in zip(lines, rows, strict=True):
        assert float(line["restored_psnr"]) == row["restored"]["psnr"]
        assert float(line["blurred_ssim_3d"]) == row["blurred"]["ssim_3d"]


def test_the_text_shows_intervals_and_says_what_is_left_out(pairs: ImagePairs) -> None:
    same = ImagePairs([*pairs.files, 2 * (pairs.files[0][1],)])
    text = table(summarize(evaluate(Same(), same), lambda name: "all"))
    first = text.splitlines()[1].split()
    assert first[:2] == ["all", "3"] and first[-2:] == ["[+0.00,", "+0.00]"]
    assert all(metric in text for metric in METRICS)
    assert "1 blurred and sharp images are identical" in text


def test_what_it_cost(pairs: ImagePairs) -> None:
    network = SGENet((4, 8), 1).eval()
    cost = cost_of(network, pairs, [{"seconds": 1.0}, {"seconds": 3.0}])
    assert cost["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert cost["gmacs"] > 0 and cost["size"] == "12 x 8" and cost["seconds"] == 2
    assert cost["precision"] == "float32" and cost["peak_memory"] > 2**26


@pytest.mark.parametrize("index", [7, 19])  # of equal size: else they would be refused
def test_pairs_and_metrics_are_those_of_the_committed_results(index: int) -> None:
    """A shuffled list of pairs, or another variant of a metric, would give other numbers."""
    path = data_directory() / "results" / "sung_small-photos.json"
    split = photo_split()
    (row,) = evaluate(Same(), ImagePairs([split.files[index]]))
    committed = strict_json(path)["rows"][index]
    assert row["name"] == committed["name"]
    assert row["blurred"] == pytest.approx(committed["blurred"], rel=1e-5)
    shuffled = ImagePairs([(split.files[index][0], split.files[(index + 12) % 24][1])])
    assert evaluate(Same(), shuffled)[0]["blurred"]["psnr"] < committed["blurred"]["psnr"] - 5


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
    gains = {name: means["psnr_gain"] for name, means in summary.items()}
    intervals = {name: gain.pop("interval") for name, gain in gains.items()}
    assert gains["mild"] == pytest.approx({"mean": 2, "stdev": math.sqrt(2), "least": 1})
    assert gains["strong"] == {"mean": -1, "stdev": 0.0, "least": -1}
    assert gains["all"] == pytest.approx({"mean": 1, "stdev": 2, "least": -1})
    # Two scenes: the resampled means are those of one of them, or of both. One has no interval.
    assert all(map(math.isnan, intervals.pop("strong")))
    assert intervals == {"mild": [1, 3], "all": [-1, 3]}
    assert summary["mild"]["stdev"]["psnr"] == pytest.approx(4 * math.sqrt(2))
    assert summary["mild"]["interval"]["psnr"] == [23, 31]


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
    for means in summary.values():
        assert math.isnan(means["stdev"].pop("edge_psnr"))
        assert all(map(math.isnan, means["interval"].pop("edge_psnr")))
    for means in results["summary"].values():
        assert means["stdev"].pop("edge_psnr") is None
        assert means["interval"].pop("edge_psnr") == [None, None]
    # Nor has the mean of one scene an interval.
    for means in summary.values():
        if means["pairs"] == 1:
            means["interval"] = {metric: [None, None] for metric in means["interval"]}
            means["psnr_gain"]["interval"] = [None, None]
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
    assert means["psnr_gain"] == {"mean": 0, "stdev": 0, "least": 0, "interval": [0, 0]}
    # Where there is nothing else, the mean is infinite, and there is no gain.
    nothing_else = summarize(rows[1:2], lambda name: "all")
    assert nothing_else["all"]["blurred"]["psnr"] == math.inf
    save_results(tmp_path / "results.json", rows[1:2], nothing_else)
    results = strict_json(tmp_path / "results.json")
    assert results["rows"][0]["blurred"]["psnr"] is None
    gain = results["summary"]["all"]["psnr_gain"]
    assert gain == {"mean": None, "stdev": None, "least": None, "interval": [None, None]}


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
    low, high = means["psnr_gain"].pop("interval")
    assert all(map(math.isnan, (low, high, *means["psnr_gain"].values())))


@pytest.mark.parametrize("name", ["sung_small", "sgenet_small"])
def test_committed_results_give_their_summary(name: str) -> None:
    path = data_directory() / "results" / f"{name}-photos.json"
    results = strict_json(path)
    assert summarize(results["rows"], strength_of) == results["summary"]
