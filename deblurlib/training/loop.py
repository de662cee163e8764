"""The training loop, on Hugging Face accelerate: the same lines run on a CPU, a GPU, or many.

Read `train` from top to bottom; everything else in this file is a name for one of its steps.
"""

import copy
import json
import math
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from deblurlib.data.cache import build_cache
from deblurlib.data.download import located
from deblurlib.data.pairs import Pair, RandomCrops, RawCrops, TrainingSamples, find_pairs
from deblurlib.data.synthetic import SyntheticPairs, SyntheticShots
from deblurlib.imaging.files import replacing
from deblurlib.models import Restoration, ScaleIteration, create_model
from deblurlib.models.enlarge import enlarge
from deblurlib.training.checkpoints import (
    Card,
    DamagedError,
    current_commit,
    load_model,
    load_state,
    read_card,
    save_state,
    save_weights,
)
from deblurlib.training.config import TrainConfig, crop_at, iterations_at, learning_rate_at
from deblurlib.training.evaluate import mean_gain
from deblurlib.training.losses import DeblurringLoss
from deblurlib.training.muon import Muon
from deblurlib.training.precision import autocast, device_name, on_device, training_precision

LogEntry = dict[str, Any]

KEPT = 2
"""How many saved states stay: where the last one is damaged, the one before it is taken."""

_HELD_OUT = 2**40  # a seed that nobody trains with


def train(
    config: TrainConfig,
    *,
    on_log: Callable[[LogEntry, nn.Module], None] | None = None,
    progress: bool = True,
) -> nn.Module:
    """Train a network; continue where the run in ``config.out`` stopped, if there is one.

    Writes ``log.jsonl`` (one JSON object every `log_every` steps), ``state-STEP.safetensors`` (to
    continue from), and at the end, or when interrupted, ``weights.safetensors``.

    Args:
        config: what to train, on what, and how.
        on_log: called with every log entry and the network (its average, where one is kept), in its
            process (the first only).
        progress: show a bar with the time that is left.

    Returns:
        The trained network (its average, where one is kept), in evaluation mode.

    Raises:
        FloatingPointError: where the loss stops being a number. The last good state stays.
        ValueError: where `out` holds a run of another configuration, data are unusable, or several
            processes were launched that do not find each other.
        OSError: where the disk is full. The last good state stays.
        KeyboardInterrupt: when interrupted (Ctrl-C) or told to end (SIGTERM), after the step has
            been finished and the state saved; the second time, at once.
    """
    accelerator = Accelerator(
        mixed_precision="no",
        dataloader_config=DataLoaderConfiguration(use_seedable_sampler=True),
        log_with="tensorboard" if config.tensorboard else None,
        project_dir=config.out if config.tensorboard else None,
    )
    _require_all(accelerator)
    device = accelerator.device

    torch.manual_seed(config.seed)
    network = on_device(create_model(config.model, **config.arguments), device)
    precision = training_precision(network, device, config.precision)
    if isinstance(network, ScaleIteration) and config.gradient_through_scales is not None:
        network.gradient_through_scales = config.gradient_through_scales
    about = _about(config)
    if config.initial is not None:
        _start_from(config.initial, network)
    averaged = copy.deepcopy(network) if config.average else None
    result = network if averaged is None else averaged
    optimizer = _optimizer(network, config)
    criterion = DeblurringLoss(config.loss, norm=config.norm).to(device)

    dataset = training_data(config, device)
    per_process = _share(config, len(dataset), accelerator.num_processes)
    loader = DataLoader(
        dataset,
        batch_size=per_process // config.accumulate,
        shuffle=True,
        drop_last=True,
        num_workers=config.workers,
        collate_fn=dataset.collate,
        worker_init_fn=_leave_signals,
        generator=torch.Generator().manual_seed(config.seed),
        pin_memory=device.type == "cuda",
    )
    judged = held_out(config) if config.judge else ()

    reached = _resume(config.out, about, network, optimizer, averaged)
    step, seconds_before = reached["steps"], reached["seconds"]
    if accelerator.is_main_process:
        _forget_after(step, config.out)
    model, optimizer, loader = accelerator.prepare(network, optimizer, loader)
    if config.compile and device.type == "cuda":
        model = torch.compile(model, dynamic=False)  # crops have one size, or two
    model.train()
    if config.tensorboard:
        accelerator.init_trackers("tensorboard")

    started, started_at = time.perf_counter(), step

    def seconds() -> float:
        return seconds_before + time.perf_counter() - started

    def save(weights: bool) -> None:
        if accelerator.is_main_process:
            card = {**about, "steps": step, "seconds": round(seconds())}
            card |= {"device": device_name(device), "processes": accelerator.num_processes}
            state = config.out / f"state-{step:07}.safetensors"
            save_state(state, network, optimizer, card, averaged)
            for old in saved_states(config.out)[KEPT:]:
                old.unlink()
            if weights:
                save_weights(result, config.out / "weights.safetensors", card)

    bar = tqdm(
        initial=step,
        total=config.steps,
        unit="step",
        disable=not (progress and accelerator.is_main_process),
    )
    batches = _batches(accelerator, loader, dataset, config, step)
    with _stopping() as stopping, bar, closing(batches):
        while step < config.steps:
            rate = learning_rate_at(step, config)
            for group in optimizer.param_groups:
                group["lr"] = rate
            if isinstance(network, ScaleIteration):
                network.train_iterations = iterations_at(step, config)

            parts: list[dict[str, Tensor]] = []
            for part in range(config.accumulate):
                blurred, sharp = (x.to(memory_format=torch.channels_last) for x in next(batches))
                # Processes exchange their gradients once a step, with the last part.
                last = part == config.accumulate - 1
                with nullcontext() if last else accelerator.no_sync(model):
                    with autocast(device, precision):
                        restoration = model(blurred)
                    losses = criterion(restoration, sharp)
                    accelerator.backward(losses["total"] / config.accumulate)
                parts.append({name: value.detach() for name, value in losses.items()})
            gradient_norm = accelerator.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            optimizer.zero_grad()
            if averaged is not None:
                _average(averaged, network, config.average, step)

            step += 1
            bar.update()
            stop = stopping.is_set() and accelerator.num_processes == 1
            due = 0 in (step % config.log_every, step % config.save_every, step - config.steps)
            if not (due or stop):
                continue  # only the steps below wait for the device
            means = accelerator.reduce(_means(parts), "mean")
            entry = {
                "step": step,
                **{name: value.item() for name, value in means.items()},
                "gradient_norm": float(gradient_norm),
                "learning_rate": rate,
                "iterations": getattr(network, "train_iterations", None),
                "seconds": seconds(),
                "steps_per_second": (step - started_at) / (time.perf_counter() - started),
            }
            _require_finite(entry, config.out)
            # Elsewhere the others may be a step behind: all stop together, here.
            stop = stop or _any(accelerator, stopping.is_set())
            if due and judged and (step % config.save_every == 0 or step == config.steps):
                entry["gain"] = mean_gain(result, judged)
            if due and accelerator.is_main_process:
                with (config.out / "log.jsonl").open("a") as file:
                    file.write(json.dumps(entry) + "\n")
                bar.set_postfix_str(f"loss {entry['total']:.4f}")
                if config.tensorboard:
                    accelerator.log({k: v for k, v in entry.items() if v is not None}, step)
                    _show(accelerator, blurred, restoration, sharp, step)
                if on_log:
                    on_log(entry, result)
            if stop:
                save(weights=True)
                accelerator.print(
                    f"\nStopped after step {step}; the same command goes on from there"
                )
                raise KeyboardInterrupt
            if step % config.save_every == 0 and step < config.steps:
                save(weights=False)
    save(weights=True)
    if config.tensorboard:
        accelerator.end_training()
    accelerator.wait_for_everyone()
    return result.eval()


def training_data(config: TrainConfig, device: torch.device) -> TrainingSamples:
    """The samples that a configuration trains on; makes the cache if there is to be one.

    For an accelerator they are left unfinished, and finished there. On a CPU it is better that the
    workers finish them.

    Raises:
        FileNotFoundError, ValueError: for unusable data.
    """
    if config.data is None:
        synthetic = SyntheticPairs if device.type == "cpu" else SyntheticShots
        samples = synthetic(
            config.crop,
            seed=config.seed,
            extent=config.extent,
            response=config.response,
            scenes=config.scenes,
            moving_objects=config.moving_objects,
            bank=config.cache,
        )
        if config.cache is not None:
            samples.scenes.fill()
        return samples
    pairs = find_pairs(located(config.data, config.root), "train")
    if config.cache is not None:
        pairs = build_cache(pairs, config.cache)
    crops = RandomCrops if device.type == "cpu" else RawCrops
    return crops(pairs, config.crop, config.seed)


def held_out(config: TrainConfig) -> list[Pair]:
    """A few pairs to judge a training by: never trained on, and not those that results are from.

    Twelve of the embedded data, from a seed of their own; or twelve spread over a folder's test
    pairs, since its data sets have no third split.
    """
    if config.data is None:
        pairs = SyntheticPairs(
            256, 12, _HELD_OUT, extent=config.extent, response=config.response, scenes=6
        )
        return [pairs[index] for index in range(len(pairs))]
    found = find_pairs(located(config.data, config.root), "test")
    return [found[index] for index in range(0, len(found), max(1, len(found) // 12))][:12]


def read_log(out: Path) -> list[LogEntry]:
    """The log of a run, also of one in progress (a line that is being written is left out)."""
    log = out / "log.jsonl"
    lines = log.read_text().split("\n")[:-1] if log.is_file() else []
    return [json.loads(line) for line in lines]


def saved_states(out: Path) -> list[Path]:
    """A run's saved states, the newest first."""
    return sorted(out.glob("state-*.safetensors"), reverse=True)


def _batches(
    accelerator: Accelerator,
    loader: DataLoader[Any],
    dataset: TrainingSamples[Any],
    config: TrainConfig,
    step: int,
) -> Generator[Pair, None, None]:
    """The parts of this process's batches from a step on, epoch after epoch."""
    steps_an_epoch = len(dataset) // config.batch
    epoch, done = divmod(step, steps_an_epoch)
    while True:
        dataset.set_epoch(epoch)
        dataset.crop = crop_at(epoch * steps_an_epoch, config)
        loader.set_epoch(epoch)  # type: ignore[attr-defined]
        parts = accelerator.skip_first_batches(loader, done * config.accumulate)
        yield from map(dataset.finish, islice(parts, (steps_an_epoch - done) * config.accumulate))
        epoch, done = epoch + 1, 0


def _require_all(accelerator: Accelerator) -> None:
    """Refuse to be one of several processes that know nothing of each other."""
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched != accelerator.num_processes:
        raise ValueError(
            f"{launched} processes were launched, but this one sees {accelerator.num_processes}: "
            "on CPUs, set ACCELERATE_USE_CPU=true for all of them"
        )


def _share(config: TrainConfig, pairs: int, processes: int) -> int:
    """How many crops of a batch each process computes."""
    if pairs < config.batch:
        raise ValueError(
            f"{pairs} training pairs are fewer than a batch of {config.batch}: choose a smaller "
            "batch, or add pairs"
        )
    if config.batch % (processes * config.accumulate):
        raise ValueError(
            f"a batch of {config.batch} cannot be shared by {processes} processes in "
            f"{config.accumulate} parts each: choose a multiple"
        )
    return config.batch // processes


def _start_from(initial: str, network: nn.Module) -> None:
    """Put trained weights into a network, which may be larger than theirs."""
    trained = load_model(initial)
    try:
        enlarge(trained, network)
    except ValueError as error:
        raise ValueError(f"{initial}: {error}") from error


def _optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    settings: dict[str, Any] = {
        "lr": config.learning_rate,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": config.weight_decay,
    }
    if config.optimizer == "muon":
        return Muon(network.parameters(), **settings)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(network.parameters(), **settings, fused=True)


def _average(averaged: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Let the average follow the weights; at first faster, so that it soon forgets the start."""
    decay = min(decay, (1 + step) / (10 + step))
    update = get_ema_multi_avg_fn(decay)
    update(list(averaged.parameters()), list(network.parameters()), step)


def _show(
    accelerator: Accelerator, blurred: Tensor, restoration: Restoration, sharp: Tensor, step: int
) -> None:
    """Sample pictures for TensorBoard, of every scale."""
    pictures = {"blurred": blurred, "sharp": sharp}
    for kind in ("images", "edges", "guidance"):
        for number, image in enumerate(getattr(restoration, kind)):
            pictures[f"{kind}/{number}"] = image
    writer = accelerator.get_tracker("tensorboard", unwrap=True)
    for name, images in pictures.items():
        writer.add_images(name, images[:4].detach().float().clamp(0, 1), step)


def _means(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}


def _any(accelerator: Accelerator, flag: bool) -> bool:
    """Whether it is so in any process."""
    flags = accelerator.reduce(torch.tensor(float(flag), device=accelerator.device), "sum")
    return bool(flags.item())


def _require_finite(entry: LogEntry, out: Path) -> None:
    if math.isfinite(entry["total"] + entry["gradient_norm"]):
        return
    states = saved_states(out)
    kept = f"; the last saved state stays in {states[0]}" if states else ""
    raise FloatingPointError(
        f"step {entry['step']}: the loss is {entry['total']}, its gradient "
        f"{entry['gradient_norm']}{kept}. Begin anew in another folder, with a lower learning_rate "
        "or precision='float32'"
    )


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set the event that this gives; a second one interrupts at once.

    An interruption at any point could fall into the middle of an optimizer's step.
    """
    stopping = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    if threading.current_thread() is not threading.main_thread():
        yield stopping  # only the main thread is told of signals
        return
    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_signals(worker: int) -> None:
    """Terminals and schedulers signal all processes; those that prepare data end with the loop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "alarm"):  # where there is none, nobody sends SIGTERM either
        signal.signal(signal.SIGTERM, lambda number, frame: signal.alarm(120))


def _resume(
    out: Path,
    about: dict[str, Any],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    averaged: nn.Module | None,
) -> Card:
    """The card of the state to go on from, the newest that is whole, which is loaded."""
    reached: Card = {"steps": 0, "seconds": 0}
    states = saved_states(out)
    for state in states:
        try:
            card = read_card(state)
            _require_same(card, about, out)
            load_state(state, network, optimizer, averaged)
        except DamagedError as error:
            warnings.warn(f"{error}; going on from the state before it", stacklevel=3)
            continue
        reached = card
        break
    else:
        if states:
            raise ValueError(f"{out}: all saved states are damaged; delete it to begin anew")
    return reached


def _forget_after(step: int, out: Path) -> None:
    """Drop what was logged after the state was saved, which is about to be done again."""
    kept = [entry for entry in read_log(out) if entry["step"] <= step]
    with replacing(out / "log.jsonl") as beside:
        beside.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
    for path in out.glob(".*-*.safetensors"):
        path.unlink()  # half of a file, that a killed process was writing


def _require_same(card: dict[str, Any], about: dict[str, Any], out: Path) -> None:
    then, now = ({**c["config"], "initial": c.get("initial")} for c in (card, about))
    changed = [name for name in now if then.get(name) != now[name]]
    if changed:
        raise ValueError(
            f"{out}: holds a run with another {', '.join(changed)}; choose another folder for "
            "this one, or delete that"
        )


def _about(config: TrainConfig) -> dict[str, Any]:
    """What a weights file says of its training: all but the steps done."""
    about = {
        "model": config.model,
        "arguments": config.arguments,
        "config": config.decisive(),
        "commit": current_commit(),
    }
    if config.initial is not None:
        about["initial"] = read_card(config.initial)
    # As it will be read again: a tuple comes back as a list.
    return json.loads(json.dumps(about))
