"""The training loop, on Hugging Face accelerate: the same lines run on a CPU, a GPU, or many.

Read `train` from top to bottom; everything else in this file is a name for one of its steps.
"""

import dataclasses
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from deblurlib.data.cache import build_cache
from deblurlib.data.pairs import RawCrop, RawCrops, find_pairs, finish
from deblurlib.data.synthetic import SyntheticPairs
from deblurlib.imaging.files import replacing
from deblurlib.models import ScaleIteration, create_model
from deblurlib.training.checkpoints import (
    current_commit,
    load_model,
    load_state,
    read_card,
    save_state,
    save_weights,
)
from deblurlib.training.losses import DeblurringLoss, LossWeights, Norm
from deblurlib.training.precision import bf16_is_fast, on_device

LogEntry = dict[str, Any]


@dataclass(frozen=True)
class TrainConfig:
    """What to train, on what, and how.

    Attributes:
        model: a name for `create_model`.
        arguments: for `create_model`, where they differ from the network's own.
        initial: weights to start from (a shipped name, or a file); None for random ones. Choose
            another seed than theirs, or their samples come again.
        out: the run's folder: log, state, weights. A run found there is continued.
        data: a folder of training pairs, as `find_pairs` takes it (GOPRO_Large, or input/ and
            target/ ...); None for the embedded data.
        cache: a folder to decode these pairs into, once (GoPro: 11.6 GB), and to read crops from;
            None decodes a pair for every crop.
        steps: optimizer steps in all.
        batch: crops a step, over all processes together.
        crop: side of the square crops, in pixels.
        iterations: I, the scale iterations (for networks that have them).
        grow: share of the steps over which I climbs evenly from 1 to `iterations`. A few scales
            learn fast, and weights are shared: what they learn serves when more are added.
        learning_rate: at the start; Adam with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸ (section III.A).
        schedule: "step" halves the rate every `halve_every` steps (section III.A); "cosine" warms
            up over the first 2% and falls to 0 along a cosine.
        halve_every: steps, for "step".
        loss: the weights of the loss terms.
        norm: of the loss terms (see `DeblurringLoss`).
        clip: largest norm of the gradient; it is scaled down to this.
        precision: "bf16", "float32", or "auto": bf16 where the device has real units for it.
        seed: of initial weights, data and order.
        workers: processes that prepare data; 0 prepares it in the training process.
        log_every: steps between lines of the log.
        save_every: steps between saved states.
    """

    model: str = "sung_small"
    arguments: dict[str, Any] = field(default_factory=dict)
    initial: str | None = None
    out: Path = Path("runs/sung_small")
    data: Path | None = None
    cache: Path | None = None
    steps: int = 2000
    batch: int = 4
    crop: int = 128
    iterations: int = 3
    grow: float = 0.0
    learning_rate: float = 1e-3
    schedule: Literal["step", "cosine"] = "cosine"
    halve_every: int = 13_100
    loss: LossWeights = field(default_factory=LossWeights)
    norm: Norm = "l1"
    clip: float = 1.0
    precision: Literal["auto", "bf16", "float32"] = "auto"
    seed: int = 0
    workers: int = 1
    log_every: int = 20
    save_every: int = 500

    @classmethod
    def small(cls, **changes: Any) -> "TrainConfig":
        """For `sung_small` on two CPU cores in about an hour: the recipe of the shipped weights."""
        recipe = cls(
            steps=6500,
            grow=0.5,
            learning_rate=2e-3,
            loss=LossWeights(fourier=0.1),
            clip=20.0,
        )
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def small_sgenet(cls, **changes: Any) -> "TrainConfig":
        """For `sgenet_small` in about two hours: the recipe of the shipped weights."""
        recipe = cls.small(
            model="sgenet_small",
            out=Path("runs/sgenet_small"),
            steps=5000,
            learning_rate=1e-3,
            norm="charbonnier",
        )
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def paper(cls, **changes: Any) -> "TrainConfig":
        """SUNG's recipe (section III.A): 500 epochs of GoPro's 2103 pairs in batches of 16.

        The paper names no first learning rate; 1e-4 is SIUN's.
        """
        epoch = 2103 // 16
        recipe = cls(
            model="sung",
            out=Path("runs/sung_paper"),
            steps=500 * epoch,
            batch=16,
            crop=256,
            iterations=3,
            learning_rate=1e-4,
            schedule="step",
            halve_every=100 * epoch,
            workers=8,
        )
        return dataclasses.replace(recipe, **changes)


def train(
    config: TrainConfig,
    *,
    on_log: Callable[[LogEntry, nn.Module], None] | None = None,
    progress: bool = True,
) -> nn.Module:
    """Train a network; continue where the run in ``config.out`` stopped, if there is one.

    Writes ``log.jsonl`` (one JSON object every `log_every` steps), ``state.safetensors`` (to
    continue from), and at the end, or when interrupted, ``weights.safetensors``.

    Args:
        config: what to train, on what, and how.
        on_log: called with every log entry and the network, in its process (the first only).
        progress: show a bar with the time that is left.

    Returns:
        The trained network, in evaluation mode.

    Raises:
        FloatingPointError: where the loss stops being a number. The last good state stays.
        ValueError: where `out` holds a run of another configuration, or data are unusable.
        KeyboardInterrupt: after saving the state.
    """
    accelerator = Accelerator(
        mixed_precision="no",
        dataloader_config=DataLoaderConfiguration(use_seedable_sampler=True),
    )
    device = accelerator.device
    low_precision = config.precision == "bf16" or (
        config.precision == "auto" and bf16_is_fast(device)
    )

    torch.manual_seed(config.seed)
    network = on_device(create_model(config.model, **config.arguments), device)
    about = _about(config)
    if config.initial is not None:
        given, wanted = (
            {"model": card["model"], **card.get("arguments", {})}
            for card in (about["initial"], about)
        )
        if given != wanted:
            raise ValueError(f"{config.initial}: weights of {given}, not of {wanted}")
        network.load_state_dict(load_model(config.initial).state_dict())
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    criterion = DeblurringLoss(config.loss, norm=config.norm).to(device)

    dataset = training_data(config)
    if len(dataset) < config.batch:
        raise ValueError(
            f"{len(dataset)} training pairs are fewer than a batch of {config.batch}: "
            "choose a smaller batch, or add pairs"
        )
    if config.batch % accelerator.num_processes:
        raise ValueError(
            f"a batch of {config.batch} cannot be shared by {accelerator.num_processes} processes: "
            "choose a multiple"
        )
    loader = DataLoader(
        dataset,
        batch_size=config.batch // accelerator.num_processes,
        shuffle=True,
        drop_last=True,
        num_workers=config.workers,
        generator=torch.Generator().manual_seed(config.seed),
        pin_memory=device.type == "cuda",
    )

    state, log = config.out / "state.safetensors", config.out / "log.jsonl"
    step = _resume(config.out, about, network, optimizer)
    model, optimizer, loader = accelerator.prepare(network, optimizer, loader)
    model.train()

    bar = tqdm(
        initial=step,
        total=config.steps,
        unit="step",
        disable=not (progress and accelerator.is_main_process),
    )
    started, started_at = time.perf_counter(), step
    try:
        while step < config.steps:
            epoch, done = divmod(step, len(loader))
            dataset.set_epoch(epoch)
            loader.set_epoch(epoch)
            for batch in accelerator.skip_first_batches(loader, done):
                pair = finish(batch) if isinstance(batch, RawCrop) else batch
                blurred, sharp = (x.to(memory_format=torch.channels_last) for x in pair)
                rate = learning_rate_at(step, config)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                if isinstance(network, ScaleIteration):
                    network.train_iterations = iterations_at(step, config)

                with torch.autocast(device.type, torch.bfloat16, enabled=low_precision):
                    restoration = model(blurred)
                losses = criterion(restoration, sharp)
                accelerator.backward(losses["total"])
                gradient_norm = accelerator.clip_grad_norm_(model.parameters(), config.clip)
                optimizer.step()
                optimizer.zero_grad()

                step += 1
                bar.update()
                if step % config.log_every and step % config.save_every and step < config.steps:
                    continue  # only the steps below wait for the device
                entry = {
                    "step": step,
                    **{name: value.item() for name, value in losses.items()},
                    "gradient_norm": float(gradient_norm),
                    "learning_rate": rate,
                    "iterations": getattr(network, "train_iterations", None),
                    "steps_per_second": (step - started_at) / (time.perf_counter() - started),
                }
                if not math.isfinite(entry["total"] + entry["gradient_norm"]):
                    kept = f"; the last saved state stays in {state}" if state.is_file() else ""
                    raise FloatingPointError(
                        f"step {step}: the loss is {entry['total']}, its gradient "
                        f"{entry['gradient_norm']}{kept}. Begin anew in another folder, with a "
                        "lower learning_rate or precision='float32'"
                    )
                if accelerator.is_main_process:
                    with log.open("a") as file:
                        file.write(json.dumps(entry) + "\n")
                    bar.set_postfix_str(f"loss {entry['total']:.4f}")
                    if on_log:
                        on_log(entry, network)
                    if step % config.save_every == 0:
                        save_state(state, network, optimizer, {**about, "steps": step})
                if step == config.steps:
                    break
    except KeyboardInterrupt:
        unhurt = all(weights.isfinite().all() for weights in network.parameters())
        if accelerator.is_main_process and unhurt:
            save_state(state, network, optimizer, {**about, "steps": step})
            save_weights(network, config.out / "weights.safetensors", {**about, "steps": step})
            bar.write(f"Interrupted after step {step}; the same command continues from {state}")
        raise
    finally:
        bar.close()

    if accelerator.is_main_process:
        save_state(state, network, optimizer, {**about, "steps": step})
        save_weights(network, config.out / "weights.safetensors", {**about, "steps": step})
    accelerator.wait_for_everyone()
    return network.eval()


def training_data(config: TrainConfig) -> RawCrops | SyntheticPairs:
    """The pairs that a configuration trains on; builds the cache if there is to be one.

    Raises:
        ValueError: for a cache without data to put into it; for unusable data.
    """
    if config.data is None:
        if config.cache is not None:
            raise ValueError(f"cache {config.cache}: is for a folder of pairs, but data is None")
        return SyntheticPairs(config.crop, seed=config.seed)
    pairs = find_pairs(config.data, "train")
    if config.cache is not None:
        pairs = build_cache(pairs, config.cache)
    return RawCrops(pairs, config.crop, config.seed)


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """The learning rate of a step, counted from 0: a pure function, so nothing to save."""
    if config.schedule == "step":
        return config.learning_rate * 0.5 ** (step // config.halve_every)
    warm_up = max(1, config.steps // 50)
    if step < warm_up:
        return config.learning_rate * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, config.steps - warm_up)
    return config.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def iterations_at(step: int, config: TrainConfig) -> int:
    """I at a step, counted from 0."""
    growing = config.grow * config.steps
    if step >= growing:
        return config.iterations
    return 1 + int(config.iterations * step / growing)


def read_log(out: Path) -> list[LogEntry]:
    """The log of a run, also of one in progress (a line that is being written is left out)."""
    log = out / "log.jsonl"
    lines = log.read_text().split("\n")[:-1] if log.is_file() else []
    return [json.loads(line) for line in lines]


def _resume(
    out: Path, about: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """The step to go on from; loads the state if there is one."""
    out.mkdir(parents=True, exist_ok=True)
    state, step = out / "state.safetensors", 0
    if state.is_file():
        card = read_card(state)
        step = card["steps"]
        then, now = ({**c["config"], "initial": c.get("initial")} for c in (card, about))
        changed = [name for name in now if then.get(name) != now[name]]
        if changed:
            raise ValueError(
                f"{out}: holds a run with another {', '.join(changed)}; choose another folder for "
                "this one, or delete that"
            )
        load_state(state, network, optimizer)
    # What was logged after the state was saved is about to be done again.
    kept = [entry for entry in read_log(out) if entry["step"] <= step]
    with replacing(out / "log.jsonl") as beside:
        beside.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
    return step


def _about(config: TrainConfig) -> dict[str, Any]:
    """What a weights file says of its training: all but the steps done."""
    # Where a run lies and how it is watched does not change its result.
    left_out = {"out", "initial", "cache", "workers", "log_every", "save_every"}
    recorded = {k: v for k, v in dataclasses.asdict(config).items() if k not in left_out}
    recorded["data"] = "embedded" if config.data is None else config.data.name
    about = {
        "model": config.model,
        "arguments": config.arguments,
        "config": recorded,
        "commit": current_commit(),
    }
    if config.initial is not None:
        about["initial"] = read_card(config.initial)
    # As it will be read again: a tuple comes back as a list.
    return json.loads(json.dumps(about))
