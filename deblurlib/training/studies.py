"""Studies: the same training again and again, each time with one thing changed.

A study is a configuration and named changes to it: parts of a network taken away (an ablation), or
other networks. All variants train for the same number of steps on the same samples, with several
seeds, and are judged on the same test pairs.
"""

import copy
import dataclasses
import json
import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Literal

import torch

from deblurlib.data.download import ROOT, located
from deblurlib.data.location import data_directory
from deblurlib.data.pairs import find_pairs
from deblurlib.data.synthetic import photo_split, strength_of
from deblurlib.imaging.files import replacing
from deblurlib.models import create_model
from deblurlib.training.checkpoints import current_commit
from deblurlib.training.config import TrainConfig
from deblurlib.training.cost import fastest_seconds, multiply_adds
from deblurlib.training.evaluate import evaluate, summarize
from deblurlib.training.loop import train
from deblurlib.training.losses import LossWeights
from deblurlib.training.metrics import METRICS
from deblurlib.training.precision import best_device, bf16_is_fast, device_name, on_device

Profile = Literal["quick", "full"]

FRAME = (720, 1280)
"""Height and width of the frame that cost is measured on, in pixels: GoPro's."""


@dataclass(frozen=True)
class Study:
    """What is varied.

    Attributes:
        base: the configuration that all variants share, for each profile. Quick is for two CPU
            cores: minutes a run. Full is for a GPU: hours a run.
        variants: changes to it, by name. "arguments" are added to those of `base`. The others are
            compared with the first.
        reduced: for the quick profile, the arguments that make a variant's network small.
    """

    base: Mapping[Profile, TrainConfig]
    variants: Mapping[str, Mapping[str, Any]]
    reduced: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def config(self, variant: str, profile: Profile, seed: int, **changes: Any) -> TrainConfig:
        """The configuration of one run."""
        base = self.base[profile]
        changed = {**self.variants[variant], **changes}
        arguments = {**base.arguments, **changed.get("arguments", {})}
        if profile == "quick":
            arguments |= self.reduced.get(variant, {})
        return dataclasses.replace(base, seed=seed, **{**changed, "arguments": arguments})


def _quick(recipe: TrainConfig, **changes: Any) -> TrainConfig:
    changes = {"steps": 400, "crop": 96, "learning_rate": 1e-3, **changes}
    return dataclasses.replace(recipe, workers=0, log_every=50, save_every=100, **changes)


def _full(recipe: TrainConfig, **changes: Any) -> TrainConfig:
    changes = {"steps": 60_000, "batch": 16, "crop": 256, **changes}
    return dataclasses.replace(recipe, workers=8, save_every=1000, **changes)


_SGENET: dict[Profile, TrainConfig] = {
    "quick": _quick(TrainConfig.small_sgenet()),
    "full": _full(TrainConfig.small_sgenet(), model="sgenet"),
}
_THROUGH = {"gradient_through_scales": True}
_SUNG: dict[Profile, TrainConfig] = {
    "quick": _quick(TrainConfig.small(), arguments=_THROUGH),
    "full": _full(TrainConfig.small(), model="sung", arguments=_THROUGH),
}


def _loss(base: Mapping[Profile, TrainConfig], **weights: float) -> dict[str, LossWeights]:
    return {"loss": dataclasses.replace(base["quick"].loss, **weights)}


# About 104 GMAC for a frame of 720 x 1280 each, as `sung_small` needs: the published shapes, with
# fewer channels or blocks.
_SMALL_SUNG = {"width": 16, "blocks": 1, "rdb_layers": 4, "kernel_size": 3, **_THROUGH}
_REDUCED: dict[str, dict[str, Any]] = {
    "SUNG": _SMALL_SUNG,
    "base": _SMALL_SUNG,
    "SGENet": {"widths": (14, 28, 42, 56), "blocks": 1},
    "SIUN": {**_SMALL_SUNG, "width": 18},
    "SRN": {"width": 16, "blocks": 1},
    "SRN, ConvLSTM": {"width": 14, "blocks": 1},
    "Nah et al.": {"width": 16, "blocks": 6},
    "DMPHN 1-2-4": {"width": 12},
    "DMPHN 1-2-4-8": {"width": 11},
    "DMPHN, stack of 4": {"width": 6},
    "MIMO-UNet": {"width": 16, "blocks": 3},
    "NAFNet": {"width": 22},
}
_NETWORKS: dict[str, dict[str, Any]] = {
    "SUNG": {"model": "sung"},
    "base": {"model": "sung_base"},
    "SGENet": {"model": "sgenet"},
    "SIUN": {"model": "siun"},
    "SRN": {"model": "srn"},
    "SRN, ConvLSTM": {"model": "srn_lstm"},
    "Nah et al.": {"model": "nah"},
    "DMPHN 1-2-4": {"model": "dmphn_124"},
    "DMPHN 1-2-4-8": {"model": "dmphn_1248"},
    "DMPHN, stack of 4": {"model": "dmphn_stack"},
    "MIMO-UNet": {"model": "mimo_unet"},
    "NAFNet": {"model": "nafnet"},
}
_BUDGET = _quick(TrainConfig.small(), steps=1000)


def _networks(*names: str) -> dict[str, dict[str, Any]]:
    return {name: _NETWORKS[name] for name in names}


STUDIES = {
    # SUNG's Table 1: trained by its recipe, on GoPro where that is given.
    "table1": Study(
        {"quick": _BUDGET, "full": TrainConfig.paper()},
        _networks("SUNG", "SRN", "DMPHN 1-2-4-8", "SIUN"),
        _REDUCED,
    ),
    # SUNG's Table 2: what the edge map brings.
    "table2": Study(
        {"quick": _BUDGET, "full": TrainConfig.paper()}, _networks("base", "SUNG"), _REDUCED
    ),
    # All networks, equally trained.
    "networks": Study({"quick": _BUDGET, "full": TrainConfig.modern()}, _NETWORKS, _REDUCED),
    # What makes a short training go further.
    "recipes": Study(
        {
            "quick": dataclasses.replace(_BUDGET, model="sung", arguments=_SMALL_SUNG),
            "full": TrainConfig.modern(),
        },
        {
            "Adam": {"optimizer": "adam"},
            "Muon": {"optimizer": "muon"},
            "Muon, Fourier term x 10": {
                "optimizer": "muon",
                "loss": dataclasses.replace(_BUDGET.loss, fourier=10 * _BUDGET.loss.fourier),
            },
        },
    ),
    "sgenet": Study(
        _SGENET,
        {
            "complete": {},
            "without CEM": {"arguments": {"enhancement": False}},
            "without supervision in CEM": _loss(_SGENET, guidance=0.0),
            "without CSAM (plain sum)": {"arguments": {"aggregation": "sum"}},
            "without recursion": {"arguments": {"recursions": 1}},
            "without dilation": {"arguments": {"dilations": (1, 1, 1)}},
            "cascaded dilations": {"arguments": {"arrangement": "cascaded"}},
            "channel selection": {"arguments": {"selection": "channel"}},
        },
    ),
    "sung": Study(
        _SUNG,
        {
            "complete": {},
            "no gradient between scales": {"arguments": {"gradient_through_scales": False}},
            "forward differences": {"arguments": {"operator": "forward"}},
            "Sobel's operator": {"arguments": {"operator": "sobel"}},
            "edges of luminance": {"arguments": {"edge_channels": "luminance"}},
            "no image residual": {"arguments": {"image_residual": False}},
            "no edge path (base)": {"arguments": {"edge_guidance": False}},
            "without L^EdgeAux": _loss(_SUNG, edge_aux=0.0),
            "without L^EdgeSup": _loss(_SUNG, edge_sup=0.0),
            "without both": _loss(_SUNG, edge_aux=0.0, edge_sup=0.0),
            "without the Fourier term": _loss(_SUNG, fourier=0.0),
            "L^Pix alone": _loss(_SUNG, edge_aux=0.0, edge_sup=0.0, fourier=0.0),
            "Charbonnier for L1": {"norm": "charbonnier"},
        },
    ),
}
"""By name."""


def run_study(
    name: str,
    profile: Profile = "quick",
    *,
    only: Collection[str] = (),
    seeds: Iterable[int] = (0, 1, 2),
    data: Path | None = None,
    root: Path = ROOT,
    runs: Path = Path("runs/studies"),
    earlier: Mapping[str, Any] | None = None,
    progress: bool = True,
    **changes: Any,
) -> dict[str, Any]:
    """Train and judge every variant of a study with every seed.

    Stopped, the same call goes on where it was: finished runs are read, not done again. So are
    those of other studies, where they are of equal configuration.

    Args:
        name: of the study, a key of `STUDIES`.
        profile: "quick" or "full", the same study at two sizes.
        only: names of variants, to leave the others out.
        seeds: of initial weights and data; the same ones for every variant.
        data: "gopro", "hide" or a folder of pairs to train and to test on; None for the embedded
            data, and their photo split.
        root: as `TrainConfig` has it.
        runs: where the runs' folders lie.
        earlier: what this gave for other seeds, perhaps on another machine; they are kept, and not
            run again.
        progress: show a bar for each run.
        changes: to every run's configuration, such as ``steps=2``.

    Returns:
        "study", "profile", "steps", "batch", "crop", "seeds", "config" (what all runs share),
        "data", "pairs" (how many are tested), "device", "commit" and "torch" (of the last call),
        "blurred" (the mean of every metric before), and "variants": for each its "name", "changes",
        "parameters", "gmacs" and "seconds" for a `FRAME`, "gains": for each seed the mean gain in
        PSNR over the blurred image in dB, "groups": the same for each strength of blur, and
        "restored": for each seed the mean of every metric.

    Raises:
        ValueError: for an unknown study or variant, data that are unusable, or earlier results of
            another study.
    """
    if name not in STUDIES:
        raise ValueError(f"unknown study {name!r}: choose from {', '.join(STUDIES)}")
    study = STUDIES[name]
    unknown = sorted(set(only) - set(study.variants))
    if unknown:
        raise ValueError(f"unknown variant {unknown[0]!r}: choose from {', '.join(study.variants)}")
    pairs = photo_split() if data is None else find_pairs(located(data, root), "test")
    device = best_device()
    shared = dataclasses.replace(study.base[profile], **changes)
    left_out = ("out", "seed", "data", "root", "model", "arguments")
    identity = {
        "study": name,
        "profile": profile,
        "steps": shared.steps,
        "batch": shared.batch,
        "crop": shared.crop,
        "data": "embedded" if data is None else data.name,
        "pairs": len(pairs),
        "config": {k: v for k, v in dataclasses.asdict(shared).items() if k not in left_out},
    }
    variants: dict[str, dict[str, Any]] = {
        variant: {
            "name": variant,
            "changes": _plain(about),
            "gains": [],
            "groups": {},
            "restored": {metric: [] for metric in METRICS},
        }
        for variant, about in study.variants.items()
        if not only or variant in only
    }
    done: list[int] = []
    blurred: dict[str, float] = {}
    if earlier is not None:
        _refuse_others(earlier, {**identity, "variants": list(variants.values())})
        done, blurred = earlier["seeds"], earlier["blurred"]
        variants = {row["name"]: copy.deepcopy(row) for row in earlier["variants"]}
    new = [seed for seed in dict.fromkeys(seeds) if seed not in done]
    # All variants of a seed before the next one: stopped early, what is there can be compared.
    for seed in new:
        for variant, row in variants.items():
            config = study.config(variant, profile, seed, data=data, root=root, **changes)
            out = runs / _folder(variant, config)
            # All runs of a seed share the scenes that one of them has rendered.
            scenes = runs / "scenes" if data is None else None
            config = dataclasses.replace(config, out=out, cache=scenes)
            network = on_device(train(config, progress=progress), device)
            result = config.out / "judged.json"
            if not result.is_file():
                rows = evaluate(network, pairs)
                summary = summarize(rows, strength_of if data is None else lambda name: "all")
                with replacing(result) as beside:
                    beside.write_text(json.dumps(summary))
            summary = json.loads(result.read_text())
            for group, means in summary.items():
                gains = row["gains"] if group == "all" else row["groups"].setdefault(group, [])
                gains.append(means["psnr_gain"]["mean"])
            for metric, values in row["restored"].items():
                values.append(summary["all"]["restored"][metric])
            blurred = summary["all"]["blurred"]

    networks = {}
    for variant in variants:
        config = study.config(variant, profile, 0, **changes)
        network = create_model(config.model, **config.arguments).eval()
        networks[variant] = on_device(network, device)
    frame = torch.rand(1, 3, *FRAME, device=device).to(memory_format=torch.channels_last)
    seconds = fastest_seconds(networks, frame)
    for variant, row in variants.items():
        parameters = networks[variant].parameters()
        row["parameters"] = sum(parameter.numel() for parameter in parameters)
        row["gmacs"] = multiply_adds(networks[variant], *FRAME) / 1e9
        row["seconds"] = seconds[variant]
    return {
        **identity,
        "seeds": [*done, *new],
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "bfloat16": bf16_is_fast(device),
        "commit": current_commit(),
        "torch": torch.__version__,
        "blurred": blurred,
        "variants": list(variants.values()),
    }


def _refuse_others(earlier: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Earlier results must be of the same study, but for its seeds."""
    identity = json.loads(json.dumps(identity, default=str))
    for key, value in identity.items():
        before = earlier.get(key)
        if key == "variants":
            value, before = (
                [(row["name"], row["changes"], sorted(row["restored"])) for row in rows or ()]
                for rows in (value, before)
            )
        if before != value:
            raise ValueError(
                f"the earlier results differ in {key!r}, and cannot be added to: "
                "write these to another file"
            )


def load(name: str) -> dict[str, Any]:
    """What `run_study` gave for a study, read from the data folder (results/NAME_study.json).

    Raises:
        FileNotFoundError: if there is none.
    """
    path = data_directory() / "results" / f"{name}_study.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: not there; `python -m deblurlib study {name} --out {path}` makes it"
        )
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def paired_differences(
    results: Mapping[str, Any], metric: str | None = None
) -> dict[str, list[float]]:
    """What each change brings, seed by seed: its mean less the first variant's.

    Runs of one seed begin with the same random numbers and see the same samples, so much of what
    is chance is common to both and falls out.

    Args:
        results: what `run_study` gave.
        metric: a name out of `METRICS`; None compares the gains in PSNR, in dB.

    Returns:
        For every variant but the first, a difference for each seed.
    """
    complete, *changed = results["variants"]

    def means(row: Mapping[str, Any]) -> list[float]:
        return row["gains"] if metric is None else row["restored"][metric]

    return {
        row["name"]: [a - b for a, b in zip(means(row), means(complete), strict=True)]
        for row in changed
    }


def table(results: Mapping[str, Any]) -> str:
    """The results as text: mean ± standard deviation of the gains and of the paired differences."""
    differences = paired_differences(results)
    first = results["variants"][0]["name"]
    width = max(len(row["name"]) for row in results["variants"])
    lines = [f"{'':{width}}  parameters        gain in dB   less {first}"]
    for row in results["variants"]:
        lines.append(
            f"{row['name']:{width}}{row['parameters']:12,}   {_spread(row['gains'])}"
            + (f"   {_spread(differences[row['name']])}" if row["name"] in differences else "")
        )
    return "\n".join(lines)


def _folder(variant: str, config: TrainConfig) -> str:
    """Where a run lies: equal runs of two studies in one folder, unequal ones never."""
    decisive = json.dumps({**config.decisive(), "data": str(config.data)}, sort_keys=True)
    name = re.sub(r"[^\w.]+", "-", variant).strip("-")
    return f"{name}-{config.seed}-{zlib.crc32(decisive.encode()):08x}"


def _spread(values: list[float]) -> str:
    deviation = stdev(values) if len(values) > 1 else 0.0
    return f"{mean(values):+7.3f} ± {deviation:.3f}"


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: dataclasses.asdict(v) if isinstance(v, LossWeights) else v for k, v in changes.items()
    }
