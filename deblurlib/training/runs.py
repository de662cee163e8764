"""What trainings there are in a folder, and how far they have come: read from logs and states."""

from pathlib import Path
from typing import NamedTuple

from deblurlib.training.checkpoints import read_card
from deblurlib.training.loop import read_log, saved_states


class Run(NamedTuple):
    """A training, finished or not."""

    folder: Path
    model: str
    """Name of the network; empty before the first state is saved."""
    step: int
    """The last one in the log."""
    steps: int
    """How many there will be; 0 before the first state is saved."""
    loss: float
    """Mean of the loss over the last tenth of the log."""
    gain: float | None
    """The best gain in PSNR on held-out pairs, in dB; None where it was not measured."""
    gain_step: int | None
    """When that was."""


def find_runs(folder: Path) -> list[Run]:
    """All trainings below a folder, by name."""
    found = (_run(log.parent) for log in sorted(folder.rglob("log.jsonl")))
    return [run for run in found if run is not None]


def table(runs: list[Run], folder: Path) -> str:
    """The runs as text, one a line."""
    names = [str(run.folder.relative_to(folder)) for run in runs]
    width = max(map(len, [*names, "run"]))
    lines = [f"{'run':{width}}  {'network':14}{'step':>8}{'of':>8}{'loss':>9}  best gain"]
    for name, run in zip(names, runs, strict=True):
        gain = "" if run.gain is None else f"{run.gain:+.2f} dB at {run.gain_step}"
        lines.append(
            f"{name:{width}}  {run.model:14}{run.step:8}{run.steps or '':>8}{run.loss:9.4f}  {gain}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _run(folder: Path) -> Run | None:
    log = read_log(folder)
    if not log:
        return None
    card = None
    for state in saved_states(folder):
        try:
            card = read_card(state)
            break
        except ValueError:
            continue  # damaged: the one before it says the same
    last = log[-max(1, len(log) // 10) :]
    judged = [(entry["gain"], entry["step"]) for entry in log if "gain" in entry]
    gain, step = max(judged) if judged else (None, None)
    return Run(
        folder,
        card["model"] if card else "",
        log[-1]["step"],
        card["config"]["steps"] if card else 0,
        sum(entry["total"] for entry in last) / len(last),
        gain,
        step,
    )
