"""Widgets of lesson 14: a training's dashboard, in progress or done; and runs to practise on."""

import math
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
from ipywidgets import Dropdown, IntSlider
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import nn

from deblurlib.course.drawing import GAP, INK, PALETTE, PAPER, RULE, Pixels, font, table, titled
from deblurlib.course.widgets import Keys, Picture, _jpeg, _show, explore
from deblurlib.training.checkpoints import read_card
from deblurlib.training.loop import LogEntry, read_log, saved_states

TERMS = ("total", "pixel", "edge_aux", "edge_sup", "fourier", "guidance")
"""Of the loss, as a log names them; which of them a run has depends on its network."""

SCALES = ("linear", "logarithmic")

INVENTED = ("healthy", "rate too high", "never shuffled", "learning its pairs by heart")
"""Runs to practise on, drawn by formula."""

_SMALL, _TALL = (293, 150), (596, 210)  # of a panel, without its title
_PALE = "#a9cfe6"  # single batches, behind their mean
_LEFT, _BOTTOM = 58, 22  # of a panel, for the numbers of its axes

Points = tuple[NDArray[np.float64], NDArray[np.float64]]


def training_dashboard(folder: Path | str) -> Callable[[LogEntry, nn.Module], None]:
    """Show a run's log as it grows: losses, rate, gradient, gain, speed, time left.

    For a run in another process, press *look again*, or the triangle: it looks every two seconds,
    and reads the log only if it has changed. For a run in this kernel, which then has no time for
    buttons, hand what this returns to `train` as `on_log`.

    Args:
        folder: the run's, `TrainConfig.out`; it need not exist yet.

    Returns:
        What redraws the dashboard, to be called with every line of the log.
    """
    folder, controls, picture = Path(folder), _controls(TERMS), Picture()
    seen: dict[str, Any] = {"stamp": None, "log": [], "steps": 0}

    def update(_: Any = None) -> None:
        values = {name: control.value for name, control in controls.items()}
        with picture.hold_sync():
            picture.jpeg = _jpeg(render(seen["log"], seen["steps"], **values))
            picture.caption = describe(seen["log"], seen["steps"], **values) + _silence(**seen)

    def look(_: Any = None) -> None:
        if (stamp := _stamp(folder)) != seen["stamp"]:
            seen.update(stamp=stamp, log=read_log(folder), steps=_planned(folder))
            update()
        elif _silence(**seen):
            update()

    for control in controls.values():
        control.style.description_width = "initial"
        control.layout.margin = "2px 24px 2px 0"
        control.observe(update, "value")
    button = ipywidgets.Button(description="look again")
    button.on_click(look)
    play = ipywidgets.Play(min=0, max=10**6, interval=2000, show_repeat=False)
    play.observe(look, "value")
    update()
    look()
    row = ipywidgets.HBox([*controls.values(), button, play], layout={"flex_flow": "row wrap"})
    box = ipywidgets.VBox([row, picture, Keys()])
    box.add_class("deblurlib-dashboard")
    _show(box, picture.jpeg, picture.caption)
    return lambda entry, network: look()


def practice_dashboard() -> None:
    """The same dashboard on four invented runs: what a healthy one looks like, and three others."""
    explore(
        render_invented,
        describe_invented,
        run=Dropdown(options=INVENTED, description="run"),
        **_controls(TERMS[:4]),
    )


def render(log: Sequence[LogEntry], steps: int, smoothing: int, term: str, scale: str) -> Pixels:
    """The dashboard of a log, which may be empty.

    Args:
        log: as `read_log` gives it.
        steps: that the run will have; 0 where it is not known.
        smoothing: the loss is averaged over about so many lines of the log.
        term: one of `TERMS`, to be drawn large.
        scale: one of `SCALES`, of the loss and of the gradient.
    """
    logarithmic = scale == SCALES[1]
    loss, norm = points(log, term), points(log, "gradient_norm")
    name = "loss, all terms" if term == "total" else f"loss term {term}"
    large = _panel(
        f"{name}: each line of the log, and smoothed over about {smoothing}",
        _TALL,
        [(*loss, _PALE, 1), (loss[0], smoothed(loss[1], smoothing), PALETTE[0], 3)],
        logarithmic,
    )
    small = [
        _panel("learning rate", _SMALL, [(*points(log, "learning_rate"), PALETTE[1], 2)]),
        _panel("gradient norm", _SMALL, [(*norm, PALETTE[2], 2)], logarithmic),
        _panel("gain on held-out pairs, dB", _SMALL, [(*points(log, "gain"), PALETTE[3], 2)]),
    ]
    above, below = table([large, _status(log, steps, term)], 2), table(small, 3)
    gap = np.full((GAP, above.shape[1], 3), 255, np.uint8)
    return np.concatenate([above, gap, below])


def describe(log: Sequence[LogEntry], steps: int, smoothing: int, term: str, scale: str) -> str:
    """What `render` shows, in words."""
    if not log:
        return (
            f"No line in the log yet; {term} will be drawn on a {scale} scale, smoothed over about "
            f"{smoothing} lines."
        )
    _, values = points(log, term)
    _, gains = points(log, "gain")
    now = f"{smoothed(values, smoothing)[-1]:.4f}" if len(values) else "not in this log"
    gain = f"best gain {max(gains):+.2f} dB" if len(gains) else "no gain measured yet"
    return (
        f"Step {log[-1]['step']} of {steps or 'a number not known yet'}: {term}, smoothed over "
        f"about {smoothing} lines, is {now} ({scale} scale); learning rate "
        f"{log[-1]['learning_rate']:.2g}, {gain}, {_time_left(log, steps)}."
    )


def render_invented(run: str, smoothing: int, term: str, scale: str) -> Pixels:
    """The dashboard of one of the `INVENTED` runs."""
    return render(_invented(run), 400, smoothing, term, scale)


def describe_invented(run: str, smoothing: int, term: str, scale: str) -> str:
    """What `render_invented` shows, in words."""
    return f"Invented run, {run}. {describe(_invented(run), 400, smoothing, term, scale)}"


def points(log: Sequence[LogEntry], name: str) -> Points:
    """Steps and values of what is called `name`, where the log has it, as a finite number."""
    found = [(entry["step"], entry[name]) for entry in log if entry.get(name) is not None]
    finite = [(step, value) for step, value in found if math.isfinite(value)]
    both = np.array(finite, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def smoothed(values: NDArray[np.float64], lines: int) -> NDArray[np.float64]:
    """A moving average whose weights fall by 1 - 1/lines a line; unbiased from the start.

    >>> smoothed(np.array([1.0, 3.0]), 1).tolist()
    [1.0, 3.0]
    """
    keep = 1 - 1 / lines
    means, weight, total = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        means.append(total / weight)
    return np.array(means)


def _controls(terms: Sequence[str]) -> dict[str, ipywidgets.Widget]:
    return {
        "smoothing": IntSlider(10, 1, 60, description="smoothing, lines"),
        "term": Dropdown(options=terms, description="loss term"),
        "scale": Dropdown(options=SCALES, description="scale"),
    }


def _stamp(folder: Path) -> tuple[int, int, list[Path]] | None:
    """What changes when the log does, or when a state has been saved."""
    try:
        log = (folder / "log.jsonl").stat()
    except FileNotFoundError:
        return None
    return log.st_mtime_ns, log.st_size, saved_states(folder)


def _silence(stamp: Any, log: Sequence[LogEntry], steps: int) -> str:
    """That a run which is not done has said nothing for a while; empty where that is not so."""
    minutes = (time.time() - stamp[0] / 1e9) / 60 if stamp else 0.0
    if minutes < 2 or (log and log[-1]["step"] >= steps > 0):
        return ""
    return f" No new line for {minutes:.0f} minutes: it may have stopped."


def _planned(folder: Path) -> int:
    """How many steps the run will have; 0 before its first state is saved."""
    for state in saved_states(folder):
        try:
            return int(read_card(state)["config"]["steps"])
        except (ValueError, KeyError, FileNotFoundError):
            continue  # damaged, or just replaced by a newer one
    return 0


def _time_left(log: Sequence[LogEntry], steps: int) -> str:
    speed = log[-1].get("steps_per_second")
    if not steps or not speed:
        return "time left not known yet"
    left = (steps - log[-1]["step"]) / speed
    if left <= 0:
        return "done"
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min left" if hours else f"{minutes} min {seconds:02} s left"


def _status(log: Sequence[LogEntry], steps: int, term: str) -> Image.Image:
    image = Image.new("RGB", (_SMALL[0], _TALL[1]), PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, image.width - 1, image.height - 1), None, RULE)
    if not log:
        pen.text((image.width / 2, 90), "no line in the log yet", INK, font(15), anchor="mm")
        return titled("the run", image)
    last = log[-1]
    _, gains = points(log, "gain")
    speed = last.get("steps_per_second")
    rows = {
        "step": f"{last['step']} of {steps or '?'}",
        term: f"{last[term]:.4f}" if last.get(term) is not None else "-",
        "gradient norm": f"{last['gradient_norm']:.3g}",
        "learning rate": f"{last['learning_rate']:.2g}",
        "scales I": f"{last['iterations']}" if last.get("iterations") else "-",
        "best gain": f"{max(gains):+.2f} dB" if len(gains) else "-",
        "steps a second": f"{speed:.2f}" if speed else "-",
        "": _time_left(log, steps),
    }
    for row, (name, value) in enumerate(rows.items()):
        y = 20 + 24 * row
        pen.text((10, y), name, INK, font(14), anchor="lm")
        pen.text((image.width - 10, y), value, INK, font(14), anchor="rm")
    return titled("the run", image)


def _panel(
    title: str,
    size: tuple[int, int],
    lines: Sequence[tuple[NDArray[np.float64], NDArray[np.float64], str, int]],
    logarithmic: bool = False,
) -> Image.Image:
    """Lines (x, y, colour, width) over the steps, with the ends of both axes written."""
    width, height = size
    image = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(image)
    right, bottom, top = width - 8, height - _BOTTOM, 8
    pen.line([(_LEFT, top), (_LEFT, bottom), (right, bottom)], RULE)
    drawn = [line for line in lines if len(line[0])]
    if logarithmic:
        drawn = [(x[y > 0], np.log10(y[y > 0]), *rest) for x, y, *rest in drawn]  # type: ignore[misc]
    if not any(len(x) for x, *_ in drawn):
        pen.text((width / 2, height / 2), "nothing yet", INK, font(13), anchor="mm")
        return titled(title, image)
    steps = np.concatenate([x for x, *_ in drawn])
    values = np.concatenate([y for _, y, *_ in drawn])
    low, high = values.min(), values.max()
    if not logarithmic:
        low, high = min(low, 0.0), max(high, 0.0)
    first, last = steps.min(), steps.max()
    spread, length = high - low or 1.0, last - first or 1.0
    for x, y, colour, thick in drawn:
        across = _LEFT + (x - first) / length * (right - _LEFT)
        up = bottom - (y - low) / spread * (bottom - top)
        places = list(zip(across.tolist(), up.tolist(), strict=True))
        if len(places) > 1:
            pen.line(places, colour, thick, joint="curve")
        for a, b in places if len(places) < 12 else places[-1:]:
            pen.ellipse((a - 3, b - 3, a + 3, b + 3), colour)
    if not logarithmic and low < 0 < high:
        zero = float(bottom + low / spread * (bottom - top))
        for dash in range(_LEFT, right, 8):
            pen.line([(dash, zero), (dash + 4, zero)], INK)
        pen.text((_LEFT - 4, zero), "0", INK, font(12), anchor="rm")
    for value, height_of in ((low, bottom), (high, top + 5)):
        number = 10**value if logarithmic else value
        pen.text(
            (_LEFT - 4, height_of), f"{number:.2g}" if number else "0", INK, font(12), anchor="rm"
        )
    pen.text((_LEFT, height - 2), f"step {first:.0f}", INK, font(12), anchor="ls")
    if last > first:
        pen.text((right, height - 2), f"{last:.0f}", INK, font(12), anchor="rs")
    return titled(title, image)


@lru_cache(maxsize=len(INVENTED))
def _invented(run: str) -> tuple[LogEntry, ...]:
    """A log of 400 steps that no network ever had."""
    rng = np.random.default_rng(INVENTED.index(run))
    log = []
    for step in range(2, 401, 2):
        fall = math.exp(-step / 60)
        pixel = 0.03 + 0.05 * fall
        gain = 1.2 * (1 - math.exp(-step / 150)) - 0.4 * fall
        norm = 0.5 + 1.5 * fall
        noise = rng.lognormal(0, 0.18)
        if run == "rate too high":
            wild = 1 + 3 * abs(math.sin(step / 9)) * rng.lognormal(0, 0.8)
            pixel, norm, gain = 0.06 * wild, 4 * wild, -1.5 - rng.random()
        elif run == "never shuffled":
            noise = (0.5 + (step % 80) / 80) * rng.lognormal(0, 0.04)
            gain -= 0.5 * (1 - fall)
        elif run == "learning its pairs by heart":
            pixel = 0.06 * math.exp(-step / 130) + 0.02 * fall
            gain = 0.9 * math.exp(-(((step - 110) / 110) ** 2)) - step / 400
        entry: LogEntry = {
            "step": step,
            "pixel": pixel * noise,
            "edge_aux": (0.02 + 0.6 * pixel) * noise,
            "edge_sup": (0.03 + 1.6 * pixel) * noise,
            "gradient_norm": norm * rng.lognormal(0, 0.2),
            "learning_rate": 1e-3 * min(step / 8, (1 + math.cos(math.pi * step / 400)) / 2),
            "iterations": 1,
            "steps_per_second": 4.0,
        }
        entry["total"] = entry["pixel"] + entry["edge_aux"] + entry["edge_sup"]
        if step % 40 == 0:
            entry["gain"] = gain
        log.append(entry)
    return tuple(log)
