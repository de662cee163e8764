"""Ablations: the same training again and again, each time with one thing changed.

A study is a configuration and named changes to it. All variants train for the same number of steps
on the same samples, with several seeds, and are judged on the same test pairs.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Literal

import torch

from deblurlib.data.location import data_directory
from deblurlib.data.pairs import find_pairs
from deblurlib.data.synthetic import photo_split
from deblurlib.imaging.files import replacing
from deblurlib.training.checkpoints import current_commit
from deblurlib.training.config import TrainConfig
from deblurlib.training.evaluate import mean_gain
from deblurlib.training.loop import train
from deblurlib.training.losses import LossWeights

Profile = Literal["quick", "full"]


@dataclass(frozen=True)
class Study:
    """What is varied.

    Attributes:
        model: for each profile, the network's name.
        base: the configuration of the quick profile.
        variants: changes to the configuration, by what they take away; the first has none.
            "arguments" are added to those of `base`.
    """

    model: Mapping[Profile, str]
    base: TrainConfig
    variants: Mapping[str, Mapping[str, Any]]

    def config(self, variant: str, profile: Profile, seed: int, **changes: Any) -> TrainConfig:
        """The configuration of one run.

        Quick is for two CPU cores: minutes a run. Full is for a GPU: hours a run.
        """
        sizes: dict[str, Any] = {}
        if profile == "full":
            sizes = {"steps": 60_000, "batch": 16, "crop": 256, "workers": 8, "save_every": 1000}
        changes = {**sizes, **self.variants[variant], **changes}
        changes["arguments"] = {**self.base.arguments, **changes.get("arguments", {})}
        return dataclasses.replace(self.base, model=self.model[profile], seed=seed, **changes)


def _quick(recipe: TrainConfig, **changes: Any) -> TrainConfig:
    return dataclasses.replace(
        recipe,
        steps=400,
        crop=96,
        learning_rate=1e-3,
        workers=0,
        log_every=50,
        save_every=100,
        **changes,
    )


_SGENET = _quick(TrainConfig.small_sgenet())
_SUNG = _quick(TrainConfig.small(), arguments={"gradient_through_scales": True})


def _loss(base: TrainConfig, **weights: float) -> dict[str, LossWeights]:
    return {"loss": dataclasses.replace(base.loss, **weights)}


STUDIES = {
    "sgenet": Study(
        {"quick": "sgenet_small", "full": "sgenet"},
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
        {"quick": "sung_small", "full": "sung"},
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
"""By the name of the network."""


def ablate(
    name: str,
    profile: Profile = "quick",
    *,
    seeds: Iterable[int] = (0, 1, 2),
    data: Path | None = None,
    runs: Path = Path("runs/ablation"),
    progress: bool = True,
    **changes: Any,
) -> dict[str, Any]:
    """Train and judge every variant of a study with every seed.

    Stopped, the same call goes on where it was: finished runs are read, not done again.

    Args:
        name: of the study, a key of `STUDIES`.
        profile: "quick" or "full", the same study at two sizes.
        seeds: of initial weights and data; the same ones for every variant.
        data: a folder of pairs to train and to test on; None for the embedded data.
        runs: where the runs' folders lie, ``runs / name / profile / variant-seed``.
        progress: show a bar for each run.
        changes: to every run's configuration, such as ``steps=2``.

    Returns:
        "study", "profile", "steps", "batch", "crop", "seeds", "config" (what all runs share),
        "data", "commit", "torch", and "variants": for each its "name", "changes", "parameters",
        and "gains", for each seed the mean gain in PSNR over the blurred image, in dB.

    Raises:
        ValueError: for an unknown study, or data that are unusable.
    """
    if name not in STUDIES:
        raise ValueError(f"unknown study {name!r}: choose from {', '.join(STUDIES)}")
    study, seeds = STUDIES[name], tuple(seeds)
    pairs = photo_split() if data is None else find_pairs(data, "test")
    judged = [pairs[index] for index in range(len(pairs))]
    variants: dict[str, dict[str, Any]] = {
        variant: {"name": variant, "changes": _plain(about), "gains": []}
        for variant, about in study.variants.items()
    }
    # All variants of a seed before the next one: stopped early, what is there can be compared.
    for seed in seeds:
        for variant, row in variants.items():
            out = runs / name / profile / f"{variant.replace(' ', '-')}-{seed}"
            config = study.config(variant, profile, seed, data=data, out=out, **changes)
            network = train(config, progress=progress)
            row["parameters"] = sum(parameter.numel() for parameter in network.parameters())
            result = out / "gain.json"
            if not result.is_file():
                with replacing(result) as beside:
                    beside.write_text(json.dumps(mean_gain(network, judged)))
            row["gains"].append(json.loads(result.read_text()))

    shared = study.config(next(iter(variants)), profile, seeds[0], **changes)
    about = {
        k: v
        for k, v in dataclasses.asdict(shared).items()
        if k not in ("out", "seed", "data", "root")
    }
    return {
        "study": name,
        "profile": profile,
        "steps": shared.steps,
        "batch": shared.batch,
        "crop": shared.crop,
        "seeds": list(seeds),
        "data": "embedded" if data is None else data.name,
        "commit": current_commit(),
        "torch": torch.__version__,
        "config": about,
        "variants": list(variants.values()),
    }


def load(name: str) -> dict[str, Any]:
    """What `ablate` gave for a study, read from the data folder (results/NAME_ablation.json).

    Raises:
        FileNotFoundError: if there is none.
    """
    path = data_directory() / "results" / f"{name}_ablation.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: not there; `python -m deblurlib ablate {name} --out {path}` makes it"
        )
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def paired_differences(results: Mapping[str, Any]) -> dict[str, list[float]]:
    """What each change brings, seed by seed: its gain less the first variant's, in dB.

    Runs of one seed begin with the same random numbers and see the same samples, so much of what
    is chance in a gain is common to both and falls out.
    """
    complete, *changed = results["variants"]
    return {
        row["name"]: [a - b for a, b in zip(row["gains"], complete["gains"], strict=True)]
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


def _spread(values: list[float]) -> str:
    deviation = stdev(values) if len(values) > 1 else 0.0
    return f"{mean(values):+7.3f} ± {deviation:.3f}"


def _plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: dataclasses.asdict(v) if isinstance(v, LossWeights) else v for k, v in changes.items()
    }
