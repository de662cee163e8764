"""One network a file, each readable alone; here they are built by name."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from deblurlib.models.dmphn import DMPHN
from deblurlib.models.mimo_unet import MIMOUNet
from deblurlib.models.nafnet import NAFNet
from deblurlib.models.nah import Nah
from deblurlib.models.restoration import Restoration
from deblurlib.models.scale_iteration import ScaleIteration
from deblurlib.models.sgenet import SGENet
from deblurlib.models.siun import SIUN
from deblurlib.models.srn import SRN
from deblurlib.models.sung import SUNG

__all__ = [
    "DMPHN",
    "SIUN",
    "SRN",
    "SUNG",
    "MIMOUNet",
    "NAFNet",
    "Nah",
    "Restoration",
    "SGENet",
    "ScaleIteration",
    "create_model",
    "iteration_arguments",
    "list_models",
]

_SMALL_SUNG = partial(
    SUNG, width=16, blocks=1, rdb_layers=4, kernel_size=3, gradient_through_scales=True
)

_BUILDERS: dict[str, Callable[..., nn.Module]] = {
    "dmphn_124": partial(DMPHN, levels=3),
    "dmphn_1248": partial(DMPHN, levels=4),
    "dmphn_stack": partial(DMPHN, levels=3, stages=4),
    "mimo_unet": MIMOUNet,
    "nafnet": NAFNet,
    "nah": Nah,
    "sgenet": SGENet,
    # The small ones can be trained on two CPU cores.
    "sgenet_small": partial(SGENet, widths=(16, 32, 48, 64), blocks=1),
    "siun": SIUN,
    "srn": SRN,
    "srn_lstm": partial(SRN, lstm=True),
    "sung": SUNG,
    "sung_base": partial(SUNG, edge_guidance=False),
    "sung_base_small": partial(_SMALL_SUNG, edge_guidance=False),
    "sung_small": _SMALL_SUNG,
}


def list_models() -> list[str]:
    """Names that `create_model` takes."""
    return sorted(_BUILDERS)


def create_model(name: str, **arguments: Any) -> nn.Module:
    """Build a network by name with fresh weights; ``arguments`` override its defaults.

    Raises:
        ValueError: for an unknown name.

    >>> create_model("sung_small", test_iterations=2).test_iterations
    2
    """
    if name not in _BUILDERS:
        raise ValueError(f"unknown model {name!r}: choose from {', '.join(list_models())}")
    return _BUILDERS[name](**arguments)


def iteration_arguments(model: nn.Module, iterations: int | None) -> dict[str, int]:
    """What to call `model` with for that many scale iterations; nothing for its own number.

    Raises:
        ValueError: for a number, where the network has no scale iterations.
    """
    if iterations is None:
        return {}
    if "iterations" not in inspect.signature(model.forward).parameters:
        raise ValueError(
            f"{type(model).__name__} has no scale iterations: leave `iterations` out, or choose "
            "another model"
        )
    return {"iterations": iterations}
