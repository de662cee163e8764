"""A trained network for other programs: ONNX, and torch.export's own package.

Both hold the whole network, from ``blurred``, ``(1, 3, H, W)`` RGB in [0, 1], to the restored image
of the same size, whose values may leave [0, 1] slightly. Height and width stay open; the number of
scale iterations does not.
"""

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from deblurlib.imaging.files import replacing
from deblurlib.models import ScaleIteration, iteration_arguments
from deblurlib.training.checkpoints import load_model, read_card, weights_path

TOLERANCE = 1e-4
"""By how much an exported network may differ from the one that it was made of; a level is 1/255."""

SMALLEST = 65
"""The smallest height and width in pixels that an exported network takes, at 4 iterations or none.
A smaller image has to be padded first."""

Size = tuple[int, int]


class Exported(NamedTuple):
    """A file that was written and checked."""

    path: Path
    differences: dict[Size, float]
    """For heights and widths, the largest difference of any value from the network itself."""


def export(
    weights: str | Path = "sung_small", out: Path = Path("exported"), iterations: int | None = None
) -> list[Exported]:
    """Write a trained network as ``NAME.onnx`` and ``NAME.pt2``, each checked on five sizes.

    The weights' card is in both: in the ONNX model's metadata, and as the package's "card.json".
    `torch.export.load` may unpickle parts of a package, and so run code out of it: load those that
    you or somebody whom you trust has written. An ONNX file cannot do that.

    Args:
        weights: name of shipped weights, or a weights file.
        out: folder for both files. Neither appears there unless its check was passed.
        iterations: scale iterations I; the network's own number if None.

    Raises:
        FileNotFoundError, ValueError: for weights that are not there or damaged, `iterations` where
            the network has none, packages that are missing, or an exported network that differs.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  torch.onnx imports it, and fails late
    except ImportError as error:
        raise ValueError(
            f"{error.name} is not installed: pip install onnx onnxruntime onnxscript"
        ) from error
    network = _Restored(load_model(weights), iterations)
    card = json.dumps(read_card(weights))
    name = weights_path(weights).stem
    smallest = _smallest(network.network, iterations)
    program = torch.export.export(
        network,
        (torch.rand(1, 3, smallest + 33, smallest + 60),),
        dynamic_shapes={"blurred": {2: Dim.DYNAMIC, 3: Dim.DYNAMIC}},
        # What is true of all sizes, but cannot be proved of symbols, is looked at when it runs.
        prefer_deferred_runtime_asserts_over_guards=True,
    )
    with replacing(out / f"{name}.pt2") as beside:
        torch.export.save(program, beside, extra_files={"card.json": card})
        package = torch.export.load(beside).module()
        in_torch = _compare(network, package, smallest, beside.suffix)
    with replacing(out / f"{name}.onnx") as beside:
        _save_onnx(program, beside, card)
        session = onnxruntime.InferenceSession(beside, providers=["CPUExecutionProvider"])

        def run(image: Tensor) -> Tensor:
            return torch.from_numpy(session.run(None, {"blurred": image.numpy()})[0])

        in_onnx = _compare(network, run, smallest, beside.suffix)
    return [Exported(out / f"{name}.onnx", in_onnx), Exported(out / f"{name}.pt2", in_torch)]


class _Restored(nn.Module):
    """From an image to an image, as other programs want it."""

    def __init__(self, network: nn.Module, iterations: int | None) -> None:
        super().__init__()
        self.network = network.eval()
        self.arguments = iteration_arguments(network, iterations)

    def forward(self, blurred: Tensor) -> Tensor:
        restored: Tensor = self.network(blurred, **self.arguments).image
        return restored


def _smallest(network: nn.Module, iterations: int | None) -> int:
    if not isinstance(network, ScaleIteration):
        return SMALLEST
    # At the coarsest of all levels a single pixel would be left, which torch.export sees apart.
    return max(SMALLEST, 1 + 4 * 2 ** (iterations or network.test_iterations))


def _save_onnx(program: ExportedProgram, path: Path, card: str) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, aloud
    with warnings.catch_warnings():  # what it uses of torch, torch has deprecated
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        model = torch.onnx.export(program, dynamo=True, verbose=False)
    assert model is not None  # it is only where a path is given
    model.model.metadata_props["card"] = card
    model.save(path)


def _compare(
    network: nn.Module, exported: Callable[[Tensor], Tensor], smallest: int, kind: str
) -> dict[Size, float]:
    generator = torch.Generator().manual_seed(0)
    differences = {}
    for down, across in ((0, 0), (1, 40), (32, 63), (63, 7), (130, 257)):
        size = (smallest + down, smallest + across)
        image = torch.rand(1, 3, *size, generator=generator)
        with torch.inference_mode():
            difference = (exported(image) - network(image)).abs().max().item()
        if not difference <= TOLERANCE:  # true for NaN too
            raise ValueError(
                f"{kind}: differs by {difference:g} from the network on {size[0]} x {size[1]} "
                "pixels, and was not kept"
            )
        differences[size] = difference
    return differences
