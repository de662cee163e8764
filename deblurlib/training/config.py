"""What a training is: every choice that decides its result, and recipes.

All that changes during a training is a pure function of the configuration and the step, so there
is nothing to save of it.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from deblurlib.data.download import ROOT
from deblurlib.imaging.exposure import GAMMA
from deblurlib.training.losses import LossWeights, Norm
from deblurlib.training.precision import Precision


@dataclass(frozen=True)
class TrainConfig:
    """What to train, on what, and how.

    Attributes:
        model: a name for `create_model`.
        arguments: for `create_model`, where they differ from the network's own.
        initial: weights to start from (a shipped name, or a file), of the same network or of a
            smaller one of its kind (see `enlarge`); None for random ones. Choose another seed than
            theirs, or their samples come again.
        out: the run's folder: log, states, weights. A run found there is continued.
        data: "gopro" or "hide", below `root`; or a folder of training pairs, as `find_pairs` takes
            it (GOPRO_Large, or input/ and target/ ...); None for the embedded data.
        root: the folder that ``data gopro --root`` has put GoPro in.
        cache: a folder for what crops are cut out of, made once: the decoded pairs (GoPro:
            11.6 GB), or the embedded data's rendered scenes. None decodes a pair for every crop,
            and renders the scenes in every process.
        scenes: how many procedural scenes the embedded data have.
        extent: the embedded data's shortest and longest blur, in pixels.
        response: the least and largest γ of their cameras, light = value ** γ. GoPro's `blur` is a
            mean of coded values, γ = 1; a camera's own blur is one of light.
        moving_objects: share of the embedded data's samples with an object that moves by itself.
        steps: optimizer steps in all.
        batch: crops a step, over all processes together.
        accumulate: parts that a process computes its share of a batch in, one after the other:
            the same gradient in less memory.
        crop: side of the square crops, in pixels.
        late_crop: their side in the last quarter of the steps.
        iterations: I, the scale iterations (for networks that have them).
        gradient_through_scales: let the loss at a scale reach the iterations before it; None leaves
            it to the network.
        grow: share of the steps over which I climbs evenly from 1 to `iterations`. A few scales
            learn fast, and weights are shared: what they learn serves when more are added.
        optimizer: "adam" (section III.A), "adamw", or "muon" (see `Muon`); β₁ = 0.9, β₂ = 0.999,
            ε = 10⁻⁸.
        weight_decay: of "adamw" and "muon".
        learning_rate: the highest.
        schedule: "step" halves the rate every `halve_every` steps (section III.A); "cosine" warms
            up over the first 2% and falls to 0 along a cosine.
        halve_every: steps, for "step".
        loss: the weights of the loss terms.
        norm: of the loss terms (see `DeblurringLoss`).
        clip: largest norm of the gradient; it is scaled down to this.
        average: decay d of the average ā ← d ā + (1 - d) w that is kept of the weights w, and
            shipped in their place; 0 keeps none.
        precision: "bfloat16", "float32", or "auto": bfloat16 where the device has units for it
            that give right gradients (`training_precision`).
        compile: compile the network (minutes, once). On a GPU only: on a CPU, torch 2.13 makes a
            step no faster by it, and trips over reflecting borders.
        seed: of initial weights, data and order.
        workers: processes that prepare data; 0 prepares it in the training process.
        log_every: steps between lines of the log.
        save_every: steps between saved states; the last two are kept.
        judge: measure the gain in PSNR on held-out pairs at each save (see `held_out`).
        tensorboard: also log to TensorBoard, into the run's folder.
    """

    model: str = "sung_small"
    arguments: dict[str, Any] = field(default_factory=dict)
    initial: str | None = None
    out: Path = Path("runs/sung_small")
    data: Path | None = None
    root: Path = ROOT
    cache: Path | None = None
    scenes: int = 32
    extent: tuple[float, float] = (2.0, 24.0)
    response: tuple[float, float] = (GAMMA, GAMMA)
    moving_objects: float = 0.2
    steps: int = 2000
    batch: int = 4
    accumulate: int = 1
    crop: int = 128
    late_crop: int | None = None
    iterations: int = 3
    gradient_through_scales: bool | None = None
    grow: float = 0.0
    optimizer: Literal["adam", "adamw", "muon"] = "adam"
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    schedule: Literal["step", "cosine"] = "cosine"
    halve_every: int = 13_100
    loss: LossWeights = field(default_factory=LossWeights)
    norm: Norm = "l1"
    clip: float = 1.0
    average: float = 0.0
    precision: Precision = "auto"
    compile: bool = False
    seed: int = 0
    workers: int = 1
    log_every: int = 20
    save_every: int = 500
    judge: bool = False
    tensorboard: bool = False

    def decisive(self) -> dict[str, Any]:
        """All that decides the result, but for `initial`: runs that are equal in it are one run.

        Where a run lies and how it is watched does not change it.
        """
        left_out = {"out", "initial", "root", "cache", "workers"}
        left_out |= {"log_every", "save_every", "judge", "tensorboard"}
        decisive = {k: v for k, v in dataclasses.asdict(self).items() if k not in left_out}
        decisive["data"] = "embedded" if self.data is None else self.data.name
        return decisive

    @classmethod
    def small(cls, model: str = "sung_small", **changes: Any) -> "TrainConfig":
        """For `sung_small` on two CPU cores in about an hour: as its shipped weights began.

        They had 3500 of these 6500 steps, and 2800 more of another recipe (their card).
        """
        recipe = cls(
            model=model,
            out=Path(f"runs/{model}"),
            steps=6500,
            scenes=192,
            grow=0.5,
            learning_rate=2e-3,
            loss=LossWeights(fourier=0.1),
            clip=20.0,
        )
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def small_sgenet(cls, **changes: Any) -> "TrainConfig":
        """For `sgenet_small` in about two hours: the recipe of the shipped weights."""
        recipe = cls.small("sgenet_small", steps=5000, learning_rate=1e-3, norm="charbonnier")
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def paper(cls, model: str = "sung", **changes: Any) -> "TrainConfig":
        """SUNG's recipe (section III.A): 500 epochs of GoPro's 2103 pairs in batches of 16.

        The paper names no first learning rate; 1e-4 is SIUN's.
        """
        epoch = 2103 // 16
        recipe = cls(
            model=model,
            out=Path(f"runs/{model}_paper"),
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

    @classmethod
    def modern(cls, model: str = "sung", **changes: Any) -> "TrainConfig":
        """As restoration networks are trained since MIMO-UNet and NAFNet: AdamW, cosine, average.

        With a Fourier term, larger crops late, and, for networks that iterate over scales, the
        gradient through all scales.
        """
        recipe = cls(
            model=model,
            out=Path(f"runs/{model}_modern"),
            scenes=512,
            extent=(1.0, 32.0),
            response=(1.0, GAMMA),
            steps=60_000,
            batch=16,
            crop=256,
            late_crop=384,
            gradient_through_scales=True,
            grow=0.25,
            optimizer="adamw",
            weight_decay=1e-4,
            learning_rate=5e-4,
            loss=LossWeights(fourier=0.1),
            clip=20.0,
            average=0.999,
            compile=True,
            workers=8,
        )
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def grown(cls, model: str = "sung", **changes: Any) -> "TrainConfig":
        """Full-size networks on two CPU cores, in about two hours: the recipe of those that ship.

        They go on from what the small network of their kind has learnt (see `enlarge`), with what
        takes short trainings furthest (``study recipes``).
        """
        recipe = cls.modern(
            model,
            initial=f"{model}_small",
            seed=1,  # other samples than the small one's
            out=Path(f"runs/{model}"),
            scenes=256,
            cache=Path("runs/bank"),
            steps=2900,
            batch=4,
            crop=128,
            late_crop=None,
            grow=0.0,
            optimizer="muon",
            learning_rate=1e-3,
            loss=LossWeights(fourier=1.0),
            compile=False,
            workers=1,
            save_every=250,
            judge=True,
        )
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def small_base(cls, **changes: Any) -> "TrainConfig":
        """For `sung_base_small`, in about 20 minutes: as `grown`, from random weights.

        With the recipe `small`, this network's loss exploded after 1000 steps, and never recovered.
        """
        recipe = cls.grown("sung_base_small", initial=None, seed=0, steps=2000, grow=0.5)
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def grown_sgenet(cls, **changes: Any) -> "TrainConfig":
        """The same for `sgenet`, whose steps are quicker."""
        recipe = cls.grown("sgenet", steps=3800, norm="charbonnier")
        return dataclasses.replace(recipe, **changes)

    @classmethod
    def late(cls, model: str = "sung", **changes: Any) -> "TrainConfig":
        """What `grown` has made goes on, on crops of 256 x 256, for an hour.

        On its crops of 128 x 128 the first of three scale iterations gets 16 x 16 pixels, all of
        them near a border; in the middle of whole pictures it then takes away what the others gain.
        """
        recipe = cls.grown(
            model,
            arguments={"test_iterations": 3},
            initial=f"runs/{model}/weights.safetensors",
            seed=2,
            out=Path(f"runs/{model}_late"),
            moving_objects=0.5,
            steps=2200,
            batch=1,
            crop=256,
            learning_rate=5e-4,
        )
        return dataclasses.replace(recipe, **changes)


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """The learning rate of a step, counted from 0."""
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


def crop_at(step: int, config: TrainConfig) -> int:
    """The crops' side in the epoch that begins with a step, counted from 0."""
    if config.late_crop is None or 4 * step < 3 * config.steps:
        return config.crop
    return config.late_crop
