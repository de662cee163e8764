"""The command line: ``python -m deblurlib doctor | restore | train | runs | evaluate | ...``.

Bad input ends in one line that says what was wrong, and exit status 1.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from torch import Tensor, nn
from tqdm import tqdm
from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional

from deblurlib.batch import restore_photos
from deblurlib.course.environment import doctor
from deblurlib.data.download import GOPRO, HIDE, ROOT, download, located
from deblurlib.data.faults import find_faults
from deblurlib.data.pairs import find_pairs
from deblurlib.data.synthetic import photo_split, strength_of
from deblurlib.export import export
from deblurlib.imaging.files import replacing, save_image
from deblurlib.models import create_model, dmphn, list_models, nafnet
from deblurlib.training.checkpoints import (
    Card,
    current_commit,
    digest,
    load_model,
    read_card,
)
from deblurlib.training.config import TrainConfig
from deblurlib.training.evaluate import (
    Journal,
    Row,
    cost_of,
    evaluate,
    save_csv,
    save_results,
    summarize,
)
from deblurlib.training.evaluate import table as table_of_metrics
from deblurlib.training.loop import train
from deblurlib.training.metrics import METRICS
from deblurlib.training.pictures import with_edge_maps
from deblurlib.training.precision import Precision, best_device, device_name, on_device
from deblurlib.training.release import release
from deblurlib.training.runs import find_runs
from deblurlib.training.runs import table as table_of_runs
from deblurlib.training.sensitivity import AXES, over_iterations, sensitivity
from deblurlib.training.studies import Profile, run_study, table

_presets = tyro.conf.arg(
    name="",
    constructor=tyro.extras.subcommand_type_from_defaults(
        {
            "small": TrainConfig.small(),
            "small-base": TrainConfig.small_base(),
            "small-sgenet": TrainConfig.small_sgenet(),
            "grown": TrainConfig.grown(),
            "grown-base": TrainConfig.grown("sung_base", steps=900),
            "grown-sgenet": TrainConfig.grown_sgenet(),
            "late": TrainConfig.late(),
            "late-base": TrainConfig.late("sung_base", steps=350),
            "paper": TrainConfig.paper(),
            "modern": TrainConfig.modern(),
        },
        {
            "small": "sung_small on the embedded data, for two CPU cores",
            "small-base": "sung_base_small, which has no edge path, with Muon",
            "small-sgenet": "sgenet_small, the same way",
            "grown": "full-size sung, going on from sung_small's weights, for two CPU cores",
            "grown-base": "full-size sung_base from sung_base_small, the same way",
            "grown-sgenet": "full-size sgenet from sgenet_small, the same way",
            "late": "what grown has made of sung, on larger crops",
            "late-base": "what grown-base has made, the same way",
            "paper": "SUNG with its paper's recipe; give it --data gopro",
            "modern": "SUNG with a recipe of today, for a GPU",
        },
    ),
)


@dataclass
class _Gopro:
    """Download GOPRO_Large: 3214 pairs, about 10 GB, and as much again to unpack it."""

    root: Path = ROOT
    """folder to put GOPRO_Large in."""


@dataclass
class _Hide:
    """Download HIDE: 8422 pairs."""

    root: Path = ROOT
    """folder to put HIDE_dataset in."""


@dataclass
class _Check:
    """Find every fault of a data set, in one pass."""

    folder: Positional[Path]
    """GOPRO_Large, HIDE, RealBlur, input/ and target/ ...; or a folder of blurred images."""
    sharp: Path | None = None
    """folder of their sharp partners, where the other one holds the blurred images."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    commands: dict[str, Callable[..., Any]] = {
        "doctor": doctor_command,
        "restore": restore_command,
        "train": train_command,
        "runs": runs_command,
        "release": release_command,
        "evaluate": evaluate_command,
        "export": export_command,
        "study": study_command,
        "sensitivity": sensitivity_command,
        "data": data_command,
    }
    arguments = _with_recipe(sys.argv[1:] if arguments is None else arguments)
    try:
        return tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="python -m deblurlib",
            description="Motion deblurring: restore photographs, train and evaluate networks.",
            args=arguments,
            config=(OmitArgPrefixes, OmitSubcommandPrefixes),
        )
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, FloatingPointError) as error:
        # What comes from a process that prepares data has a traceback before its last line.
        print(f"error: {(str(error) or repr(error)).splitlines()[-1]}", file=sys.stderr)
        return 1


def _with_recipe(arguments: list[str]) -> list[str]:
    """``train --model sung`` as ``train paper --model sung``."""
    match arguments:
        case ["train", option, *_] if option.startswith("-") and option not in ("-h", "--help"):
            return ["train", "paper", *arguments[1:]]
    return arguments


def doctor_command() -> int:
    """Check this machine: Python, packages, cores, memory, accelerator, weights."""
    return 0 if doctor() else 1


def restore_command(
    photos: Positional[list[Path]],
    out: Path = Path("restored"),
    model: str = "sung_small",
    iterations: int | None = None,
    tile: int | Literal["auto", "none"] = "auto",
    precision: Precision = "auto",
    overwrite: bool = False,
) -> int:
    """Remove motion blur from photographs.

    One that cannot be restored is reported in one line, and again at the end, and the rest go on;
    the exit status is then 1. Results that are there already are left alone.

    Args:
        photos: image files; and folders, which are searched for them.
        out: folder for the results, which have the same names.
        model: name of shipped weights, or a weights file.
        iterations: scale iterations I; more of them reach longer blur.
        tile: side in pixels of the tiles that a large photo goes through; auto: as the free memory
            asks for; none: the whole at once.
        precision: auto is bfloat16 where that is fast, else float32.
        overwrite: make results anew; with --out the photos' own folder, replace the photos.
    """
    if not photos:
        raise ValueError("no photos given")
    failed = restore_photos(
        photos,
        out,
        model=model,
        iterations=iterations,
        tile=None if tile == "none" else tile,
        precision=precision,
        overwrite=overwrite,
    )
    return 1 if failed else 0


def train_command(config: Annotated[TrainConfig, _presets]) -> int:
    """Train a network, or continue a training; prints where the weights lie.

    The name of a recipe comes first; without one it is the paper's.

    Args:
        config: what to train.
    """
    train(config)
    print(config.out / "weights.safetensors")
    return 0


def runs_command(folder: Positional[Path] = Path("runs")) -> int:
    """List the trainings in a folder: how far they are, their loss, their best gain.

    Args:
        folder: where to look.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    found = find_runs(folder)
    print(table_of_runs(found, folder) if found else f"{folder}: no trainings here")
    return 0


def release_command(run: Positional[Path], name: str | None = None, note: str = "") -> int:
    """Put a run's weights beside those that ship: half precision, measured, with a full card.

    Args:
        run: folder of a run, finished or interrupted.
        name: of the weights; the folder's name if not given.
        note: what else the card is to say, as of a goal that was missed, and why.
    """
    with tqdm(total=len(photo_split()), unit="pair") as bar:
        print(release(run, name or run.resolve().name, note, on_pair=bar.update))
    return 0


def evaluate_command(
    weights: str | None = None,
    model: str | None = None,
    data: Path | None = None,
    root: Path = ROOT,
    iterations: int | None = None,
    out: Path | None = None,
    csv: Path | None = None,
    pictures: Path | None = None,
) -> int:
    """Measure a trained network on test pairs, full frames.

    With --out, an evaluation that was stopped goes on where it was.

    Args:
        weights: name of shipped weights, or a weights file; or the file or folder that NAFNet's or
            DMPHN's authors published.
        model: the network that the weights must be of. Alone: its shipped weights.
        data: photos (the embedded split), gopro or hide; or a folder of test pairs (GOPRO_Large,
            input/ and target/ ...).
        root: the folder that "data gopro --root" has put GoPro in.
        iterations: scale iterations I; the network's own if not given.
        out: results file (JSON) to write.
        csv: table of all images (CSV) to write.
        pictures: folder for a picture of every pair: blurred, restored and sharp, and their edges.
    """
    embedded = data is None or (str(data) == "photos" and not data.is_dir())
    folder = None if data is None or embedded else located(data, root).resolve()
    pairs = photo_split() if folder is None else find_pairs(folder, "test")
    network, card = _network(weights, model)
    device = best_device()
    network = on_device(network, device)
    # `data gopro` is called so, whatever its folder; any other folder by its own name, "." too.
    named = data is not None and folder != data.resolve()
    split = "embedded photo split" if folder is None else str(data) if named else folder.name
    done: list[Row] = []
    journal = None
    if out:
        about: dict[str, Any] = {"weights": digest(network), "card": card}
        about |= {"data": str(folder or split)}
        about |= {"pairs": len(pairs), "iterations": iterations, "metrics": list(METRICS)}
        # Seconds of two machines have no common mean; and rows that are there get no picture.
        about |= {"device": device_name(device), "threads": torch.get_num_threads()}
        about |= {"pictures": pictures and str(pictures.resolve())}
        journal = Journal(out.with_name(f".{out.name}.rows"), about)
        done = journal.rows
    with tqdm(total=len(pairs), initial=len(done), unit="pair") as bar:

        def on_row(row: Row, restored: Tensor) -> None:
            if pictures:
                blurred, sharp = pairs[bar.n]
                images = {"blurred": blurred, "restored": restored[0], "sharp": sharp}
                save_image(with_edge_maps(images), pictures / f"{row['name']}.png")
            if journal:  # last: what is in it is not done again
                journal.add(row)
            bar.update()

        rows = evaluate(network, pairs, iterations=iterations, done=done, on_row=on_row)
    summary = summarize(rows, strength_of if embedded else lambda name: "all")
    cost = cost_of(network, pairs, rows, iterations)
    print(table_of_metrics(summary))
    print(
        f"{cost['parameters']:,} parameters, {cost['gmacs']:.1f} GMAC for {cost['size']} pixels, "
        f"{cost['seconds']:.2f} s an image, {cost['peak_memory'] / 1e9:.1f} GB of memory"
    )
    if csv:
        save_csv(csv, rows)
    if out:
        about = {"weights": card, "data": split, "iterations": iterations, "cost": cost}
        save_results(out, rows, summary, **about)
    if journal:
        journal.remove()
    return 0


def _network(weights: str | None, model: str | None) -> tuple[nn.Module, Card]:
    """The network that the arguments ask for, in evaluation mode, and its card."""
    if model is not None and model not in list_models():
        raise ValueError(f"unknown model {model!r}: choose from {', '.join(list_models())}")
    if model is not None and weights is not None and not weights.endswith(".safetensors"):
        network: nn.Module | None = None
        if model.startswith("dmphn") and Path(weights).is_dir():
            network = dmphn.load_official(weights)
        elif model == "nafnet" and Path(weights).is_file():
            network = nafnet.load_official(weights)
        if network is not None:
            if network.state_dict().keys() != create_model(model).state_dict().keys():
                raise ValueError(f"{weights}: published for another network than {model}")
            return network.eval(), {"model": model, "published": Path(weights).name}
    name = weights or model or "sung_small"
    card = read_card(name)
    if model is not None and card["model"] != model:
        raise ValueError(f"{name}: weights of {card['model']}, not of {model}")
    return load_model(name), card


def export_command(
    weights: Positional[str] = "sung_small",
    out: Path = Path("exported"),
    iterations: int | None = None,
) -> int:
    """Write a trained network for other programs: ONNX, and torch.export's package.

    Both take any height and width from 65 pixels on, and are checked on five sizes.

    Args:
        weights: name of shipped weights, or a weights file.
        out: folder for NAME.onnx and NAME.pt2.
        iterations: scale iterations I, which cannot be chosen later; the network's own if not
            given.
    """
    for path, differences in export(weights, out, iterations):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB, at most so far from the network:")
        for (height, width), difference in differences.items():
            print(f"  {difference:.1e} on {height} x {width} pixels")
    return 0


def study_command(
    study: Positional[str],
    profile: Profile = "quick",
    only: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (0, 1, 2),
    data: Path | None = None,
    root: Path = ROOT,
    runs: Path = Path("runs/studies"),
    out: Path | None = None,
) -> int:
    """Train variants of a network, or several networks, equally, and compare them.

    table1 and table2 are those of SUNG's paper, networks is all of them, sung and sgenet leave one
    part out at a time. Stopped, the same command goes on where it was.

    Args:
        study: table1, table2, networks, sung or sgenet.
        profile: quick for two CPU cores, full for a GPU.
        only: names of variants; all if not given.
        seeds: a run of every variant for each.
        data: gopro; or a folder of pairs (GOPRO_Large, input/ and target/ ...); the embedded data
            if not given.
        root: the folder that "data gopro --root" has put GoPro in.
        runs: folder for the runs.
        out: results file (JSON) to write. Seeds that an existing one has are kept, and the others
            added to it.
    """
    earlier = None
    if out and out.is_file():
        try:
            earlier = json.loads(out.read_text())
        except ValueError as error:
            raise ValueError(f"{out}: not the results of a study; choose another file") from error
    results = run_study(
        study, profile, only=only, seeds=seeds, data=data, root=root, runs=runs, earlier=earlier
    )
    print(table(results))
    if out:
        with replacing(out) as beside:
            beside.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def sensitivity_command(
    weights: Positional[tuple[str, ...]] = ("sung_small", "sgenet_small"),
    out: Path | None = None,
) -> int:
    """Measure where networks stop working, on the embedded test photographs.

    Longer blur, noise, JPEG, another camera response, defocus; and more or fewer scale iterations.

    Args:
        weights: names of shipped weights, or weights files.
        out: results file (JSON) to write.
    """
    device = best_device()
    networks = {name: on_device(load_model(name), device) for name in weights}
    if len(networks) < len(weights):
        raise ValueError("the same weights are given twice")
    levels = sum(len(levels) for levels in AXES.values())
    with tqdm(total=levels, unit="level") as bar:
        axes = sensitivity(networks, on_level=bar.update)
    iterations = over_iterations(networks)
    for axis, measured in axes.items():
        print(f"{axis:20}" + "".join(f"{level:>9g}" for level in measured["levels"]))
        for name, gains in measured["gains"].items():
            print(f"{name[-20:]:20}" + "".join(map(_decibels, gains)))
    for name, by_strength in iterations["gains"].items():
        print(f"{name}, I =" + "".join(f"{number:9}" for number in iterations["iterations"]))
        for strength, gains in by_strength.items():
            print(f"{strength:20}" + "".join(map(_decibels, gains)))
    if out:
        cards = {name: read_card(name) for name in weights}
        with replacing(out) as beside:
            about = {"device": device_name(device), "commit": current_commit()}
            results = {**about, "weights": cards, "axes": axes, "over_iterations": iterations}
            beside.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def _decibels(gain: float | None) -> str:
    return f"{gain:+9.2f}" if gain is not None else f"{'–':>9}"


def data_command(
    task: Annotated[_Gopro, tyro.conf.subcommand("gopro")]
    | Annotated[_Hide, tyro.conf.subcommand("hide")]
    | Annotated[_Check, tyro.conf.subcommand("check")],
) -> int:
    """Download a data set, or check one.

    An interrupted download goes on where it was. A check prints a line for every fault, and its
    exit status is 1 where there are any.

    Args:
        task: what to do.
    """
    if not isinstance(task, _Check):
        print(download(GOPRO if isinstance(task, _Gopro) else HIDE, task.root))
        return 0
    pairs, faults = find_faults(task.folder, task.sharp)
    print(*faults, f"{pairs} pairs, {len(faults)} faults", sep="\n")
    return 1 if faults else 0
