"""DMPHN: a deep multi-patch hierarchical network (Zhang et al. 2019), alone and stacked.

Levels differ in patches, not in resolution: level 1 sees the image, level 2 its upper and lower
half, level 3 quarters, level 4 eighths (section 3.1 and Fig. 2 of the paper). Every level has an
encoder and a decoder of its own. It begins at the finest patches: their features, two patches
stitched to one, are decoded to a residual that is added to the level above's patches, and the
features themselves to the level above's. Stacked (section 3.3, Stack-DMPHN), such networks follow
one another, each restoring what the one before restored, with its features at hand.

Layers, sizes and how weights begin are those of the authors' public code (HongguangZhang/
DMPHN-cvpr19-master: models.py, DMPHN_1_2_4_8.py, SDNet4.py). DMPHN 1-2-4 has 5,424,393 parameters,
1-2-4-8 has 7,232,524, the stack of four 1-2-4's 21,697,572.

Where this differs: an image of any size is padded first; its authors' code needs sides that divide.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from deblurlib.models.blocks import crop_to_level, pad_to_multiple, residual_blocks
from deblurlib.models.official import load_parameters, read_state_dict
from deblurlib.models.restoration import Restoration


class DMPHN(nn.Module):
    """The whole network.

    Args:
        levels: 3 is the paper's 1-2-4, 4 its 1-2-4-8; each has twice the patches of the one above.
        stages: how many such networks follow one another; the paper's Stack(4)-DMPHN has 4.
        width: channels at full size.
        blocks: residual blocks per size in encoder and decoder.
    """

    def __init__(
        self, levels: int = 4, *, stages: int = 1, width: int = 32, blocks: int = 2
    ) -> None:
        super().__init__()
        if levels < 1 or stages < 1:
            raise ValueError(f"levels and stages must be 1 or more, not {levels}, {stages}")
        self.levels = levels
        self.stages = nn.ModuleList(Stage(levels, width, blocks) for _ in range(stages))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=0.5 * math.sqrt(2 / fan_out))
                nn.init.zeros_(module.bias)

    def forward(self, blurred: Tensor) -> Restoration:
        """Restore ``blurred``, ``(N, 3, H, W)`` in [0, 1]; any H, W >= 1.

        Returns:
            ``images``: a stage's result each, all of the input's size; these are what the paper
            supervises. Values may leave [0, 1] slightly.
        """
        height, width = blurred.shape[-2:]
        # Rows are split at every second level, beginning with level 2; encoders need a 4.
        image = pad_to_multiple(blurred, 4 * 2 ** (self.levels // 2)) - 0.5
        outputs: list[Tensor] = []
        features: list[Tensor] = []
        for stage in self.stages:
            image, features = stage(image, features, outputs[0] if outputs else None)
            outputs.append(image)
        return Restoration(
            tuple(
                # 0.5 is added in the input's precision, which is finer than autocast's.
                crop_to_level(output.to(blurred.dtype) + 0.5, (height, width))
                for output in outputs
            )
        )


class Stage(nn.Module):
    """One multi-patch hierarchy.

    Args:
        levels, width, blocks: as `DMPHN` has them.
    """

    def __init__(self, levels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoder(width, blocks) for _ in range(levels))
        self.decoders = nn.ModuleList(decoder(width, blocks) for _ in range(levels))

    def forward(
        self, image: Tensor, earlier: Sequence[Tensor] = (), first: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Restore.

        Args:
            image: ``(N, 3, H, W)`` around 0.
            earlier: the stage before's features, level 1 first; none in the first stage.
            first: the first stage's result, in the stages after it. The authors' code adds it to
                the residual that level 1 gets; the paper does not speak of it.

        Returns:
            The restored image, around 0, and the features of all levels, level 1 first.
        """
        patches = [image]
        for level in range(1, len(self.encoders)):
            patches.append(split(patches[-1], level))

        features: list[Tensor] = []
        residual = below = None
        for level in reversed(range(len(patches))):
            given = patches[level] if residual is None else patches[level] + residual
            encoded = self.encoders[level](given)
            if below is not None:
                encoded = encoded + below
            if earlier:
                encoded = encoded + earlier[level]
            features.insert(0, encoded)
            below = stitch(encoded, level) if level else encoded
            residual = self.decoders[level](below)
            if level == 1 and first is not None:
                residual = residual + first
        assert residual is not None  # there is at least one level
        return residual, features


def split(patches: Tensor, level: int) -> Tensor:
    """Each patch of the level above in two, counted from 0: rows for odd levels, else columns.

    Shape: ``(N, C, H, W)`` -> ``(2N, C, H / 2, W)`` or ``(2N, C, H, W / 2)``: all first halves come
    before all second ones, so that a level's encoder sees its patches as one batch.
    """
    axis = _axis(level)
    half = patches.shape[axis] // 2
    return torch.cat([patches.narrow(axis, first, half) for first in (0, half)], dim=0)


def stitch(patches: Tensor, level: int) -> Tensor:
    """Undo `split`: ``(2N, C, h, w)`` -> ``(N, C, 2h, w)`` or ``(N, C, h, 2w)``."""
    return torch.cat(patches.chunk(2, dim=0), dim=_axis(level))


def encoder(width: int, blocks: int) -> nn.Sequential:
    """``(N, 3, H, W)`` -> ``(N, 4 * width, H / 4, W / 4)``; H and W multiples of 4."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        *residual_blocks(width, blocks),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        *residual_blocks(2 * width, blocks),
        nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
        *residual_blocks(4 * width, blocks),
    )


def decoder(width: int, blocks: int) -> nn.Sequential:
    """``(N, 4 * width, h, w)`` -> ``(N, 3, 4h, 4w)``, the encoder's mirror image."""
    return nn.Sequential(
        *residual_blocks(4 * width, blocks),
        nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1),
        *residual_blocks(2 * width, blocks),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
        *residual_blocks(width, blocks),
        nn.Conv2d(width, 3, 3, padding=1),
    )


def load_official(folder: str | Path) -> DMPHN:
    """The network with its authors' published weights.

    The files are read as data: no code in them is run. The authors' repository names no licence,
    for its code or for these weights: they are no part of this project, and to use them is your own
    decision. A printed line says so, too.

    Args:
        folder: with ``encoder_lv1.pkl``, ``decoder_lv1.pkl``, ... (DMPHN 1-2-4 or 1-2-4-8), or
            ``encoder_s1_lv1.pkl``, ... (a stack), as in the repository's ``checkpoints``. How many
            levels and stages there are is read off the names.

    Raises:
        FileNotFoundError: where the folder, or one of its files, is missing.
        ValueError: for a file that holds anything but the parameters it should.
    """
    folder = Path(folder)
    names = [path.name for path in folder.glob("*.pkl")] if folder.is_dir() else []
    matches = [re.fullmatch(r"(?:en|de)coder_(?:s(\d)_)?lv(\d)\.pkl", name) for name in names]
    found = [match for match in matches if match]
    if not found:
        raise FileNotFoundError(
            f"{folder}: no encoder_lv1.pkl, decoder_lv1.pkl, ... there; give one of the folders "
            "under `checkpoints` in the authors' repository (HongguangZhang/DMPHN-cvpr19-master)"
        )
    stages = max(int(match[1] or 1) for match in found)
    levels = max(int(match[2]) for match in found)
    stacked = any(match[1] for match in found)

    model = DMPHN(levels, stages=stages)
    for s, stage in enumerate(model.stages, 1):
        for kind, order in (("encoder", _ENCODER_LAYERS), ("decoder", _DECODER_LAYERS)):
            for level, part in enumerate(getattr(stage, f"{kind}s"), 1):
                path = folder / f"{kind}_{f's{s}_' if stacked else ''}lv{level}.pkl"
                theirs = read_state_dict(path)
                ours = {_our_name(name, order): value for name, value in theirs.items()}
                load_parameters(part, ours, path)
    patches = "-".join(str(2**level) for level in range(levels))
    print(
        f"DMPHN {patches}{f', {stages} stages' if stacked else ''} from {folder}: its authors' "
        "weights, which carry no licence",
        flush=True,
    )
    return model


# How the authors number the layers that stand one behind the other in `encoder` and `decoder`.
_ENCODER_LAYERS = (1, 2, 3, 5, 6, 7, 9, 10, 11)
_DECODER_LAYERS = (13, 14, 16, 17, 18, 20, 21, 22, 24)


def _our_name(name: str, order: Sequence[int]) -> str:
    """What the authors call ``layer2.0.weight`` is ``1.body.0.weight`` here."""
    match = re.fullmatch(r"layer(\d+)\.(\d\.)?(weight|bias)", name)
    if match is None or int(match[1]) not in order:
        return name  # `load_parameters` will say that there is no such parameter
    within = f"body.{match[2]}" if match[2] else ""
    return f"{order.index(int(match[1]))}.{within}{match[3]}"


def _axis(level: int) -> int:
    return -2 if level % 2 else -1
