"""From a run's weights to weights that ship: half precision, measured, with a full card."""

from collections.abc import Callable
from pathlib import Path

from deblurlib.data.location import data_directory
from deblurlib.data.synthetic import photo_split, strength_of
from deblurlib.training.checkpoints import load_model, read_card, save_weights
from deblurlib.training.evaluate import cost_of, evaluate, save_results, summarize
from deblurlib.training.loop import read_log
from deblurlib.training.precision import best_device, on_device


def release(
    run: Path, name: str, note: str = "", *, on_pair: Callable[[], None] | None = None
) -> Path:
    """Put a run's weights beside those that ship, as float16, with what they do on the photo split.

    The card gets the run's curve, as ``[step, gain in dB on held-out pairs]``, and the gains on the
    photo split. The rows go to ``results/NAME-photos.json``.

    Args:
        run: folder of a run, finished or interrupted.
        name: for `load_model`.
        note: what else the card is to say, as of a goal that was missed, and why.
        on_pair: called after every measured pair.

    Returns:
        Where the weights lie.

    Raises:
        FileNotFoundError: where the run has no weights yet.
    """
    trained = run / "weights.safetensors"
    if not trained.is_file():
        raise FileNotFoundError(f"{trained}: no weights yet; finish the run, or interrupt it")
    card = read_card(trained)
    # What is measured is what ships: rounded.
    model = on_device(load_model(trained).half().float(), best_device())
    rows = evaluate(model, photo_split(), on_row=lambda row, image: on_pair and on_pair())
    summary = summarize(rows, strength_of)
    card |= {
        "curve": [[e["step"], round(e["gain"], 3)] for e in read_log(run) if "gain" in e],
        "photos": {kind: round(means["psnr_gain"]["mean"], 3) for kind, means in summary.items()},
    }
    if note:
        card["note"] = note
    weights = data_directory() / "weights" / f"{name}.safetensors"
    save_weights(model, weights, card, half=True)
    results = data_directory() / "results" / f"{name}-photos.json"
    save_results(
        results,
        rows,
        summary,
        weights=read_card(weights),
        data="embedded photo split",
        iterations=None,
        cost=cost_of(model, photo_split(), rows),
    )
    return weights
