"""State dicts that the authors of other networks have published, read without running their code.

Such a file is a pickle. It is read with `weights_only`, which makes tensors and plain containers
and refuses everything else; what comes out is checked by name and shape before it is used.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def read_state_dict(path: Path, under: str | None = None) -> dict[str, Tensor]:
    """The parameters in a file of `torch.save`, by name.

    Args:
        path: the file.
        under: the key that they lie under, where the file holds more than them.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a file that is damaged, holds code, or something else than parameters.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; download the authors' weights and give the place where they lie"
        )
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to say
        raise ValueError(
            f"{path}: holds something else than tensors, or is damaged, and was not loaded; "
            "download it again from the network's authors"
        ) from error
    if under is not None:
        content = content.get(under) if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        where = f" under {under!r}" if under else ""
        raise ValueError(
            f"{path}: holds no state dict{where}, that is, tensors by name; give the file that "
            "the network's authors published"
        )
    return dict(content)


def load_parameters(module: nn.Module, parameters: Mapping[str, Tensor], path: Path) -> None:
    """Set all of `module`'s parameters to those of a file.

    Raises:
        ValueError: where names or shapes are others than the module's; nothing is set then.
    """
    own = module.state_dict()
    wrong = [
        *(f"{name} is missing" for name in own if name not in parameters),
        *(f"{name} is not known" for name in parameters if name not in own),
        *(
            f"{name} is {tuple(parameters[name].shape)} instead of {tuple(value.shape)}"
            for name, value in own.items()
            if name in parameters and parameters[name].shape != value.shape
        ),
    ]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise ValueError(
            f"{path}: not the parameters of this network ({wrong[0]}{more}); give the file that "
            "its authors published for it"
        )
    module.load_state_dict(dict(parameters))
