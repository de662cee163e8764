"""A photo in, a sharp photo out."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from deblurlib.imaging.files import open_image, to_image, to_rgb, to_tensor
from deblurlib.models import iteration_arguments
from deblurlib.training.checkpoints import load_model, weights_path
from deblurlib.training.precision import best_device, on_device


def restore(
    image: str | os.PathLike[str] | Image.Image | NDArray[np.generic],
    model: str | os.PathLike[str] | nn.Module = "sung_small",
    iterations: int | None = None,
) -> Image.Image:
    """Remove motion blur from a photograph.

    Args:
        image: a file, a Pillow image, or an array ``(H, W, 3)`` or ``(H, W)``, uint8 or float in
            [0, 1]. Any size from 1 x 1.
        model: the name of weights that ship with the project, a weights file, or a built network.
        iterations: scale iterations I, for networks that have them; None takes the network's own.
            Every further one starts from half the size, and reaches twice as long a blur.

    Returns:
        The restored image, 8-bit RGB, of the same size.

    Raises:
        FileNotFoundError: where the image or the weights do not exist.
        ValueError: for a file that is no image, an array of another shape or range, or `iterations`
            where the network has none.
    """
    network = model if isinstance(model, nn.Module) else _trained(os.fspath(model))
    device = next(network.parameters()).device
    blurred = to_tensor(_as_image(image))[None].to(device, memory_format=torch.channels_last)
    arguments = iteration_arguments(network, iterations)
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return to_image(network(blurred, **arguments).image)
    finally:
        network.train(was_training)


def _as_image(image: str | os.PathLike[str] | Image.Image | NDArray[np.generic]) -> Image.Image:
    if isinstance(image, Image.Image):
        return to_rgb(image)
    if isinstance(image, str | os.PathLike):
        return open_image(image)
    array = np.asarray(image)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or not array.size:
        raise ValueError(f"an image array must be (H, W, 3) or (H, W), not {array.shape}")
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"an image array must be uint8 or float in [0, 1], not {array.dtype}")
        if not (array.min() >= 0 and array.max() <= 1):  # false for NaN too
            raise ValueError(
                f"a float image must lie in [0, 1], not [{array.min():g}, {array.max():g}]; "
                "divide 8-bit values by 255"
            )
        array = (array * 255).round().astype(np.uint8)
    return Image.fromarray(array).convert("RGB")


def _trained(name: str) -> nn.Module:
    path = weights_path(name)
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _load(path: Path, modified: int) -> nn.Module:
    # `modified` is part of the key, so that weights trained anew are loaded anew.
    return on_device(load_model(path), best_device())
