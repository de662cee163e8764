"""DMPHN: its published sizes, its patches, its stack, and its authors' weights."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.models import DMPHN, create_model
from deblurlib.models.dmphn import load_official, split, stitch


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def lively(model: DMPHN) -> DMPHN:
    """Weights that begin so small would hide differences."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter)
    return model.double().eval()


def test_published_sizes() -> None:
    assert parameters(create_model("dmphn_124")) == 5_424_393
    assert parameters(create_model("dmphn_1248")) == 7_232_524
    # MPRNet's authors count 21.7 M for the stack (issue 6 of their repository).
    assert parameters(create_model("dmphn_stack")) == 4 * 5_424_393 == 21_697_572


def test_patches_are_halves_quarters_and_eighths() -> None:
    image = torch.rand(2, 3, 16, 24)
    upper, lower = image[:, :, :8], image[:, :, 8:]
    halves = split(image, 1)
    assert torch.equal(halves, torch.cat([upper, lower]))
    quarters = split(halves, 2)
    left = [half[..., :12] for half in (upper, lower)]
    right = [half[..., 12:] for half in (upper, lower)]
    assert torch.equal(quarters, torch.cat([*left, *right]))
    eighths = split(quarters, 3)
    assert eighths.shape == (16, 3, 4, 12)
    assert torch.equal(eighths[:2], image[:, :, :4, :12])
    for patches, level, whole in (
        (halves, 1, image),
        (quarters, 2, halves),
        (eighths, 3, quarters),
    ):
        assert torch.equal(stitch(patches, level), whole)


def test_it_is_its_levels_by_hand() -> None:
    """The paper's 1-2-4, patch by patch."""
    (stage,) = lively(DMPHN(3, width=2, blocks=1)).stages
    image = torch.randn(1, 3, 16, 24).double()
    e1, e2, e3 = stage.encoders
    d1, d2, d3 = stage.decoders
    top, bottom = image[:, :, :8], image[:, :, 8:]
    f_top = torch.cat([e3(top[..., :12]), e3(top[..., 12:])], 3)
    f_bottom = torch.cat([e3(bottom[..., :12]), e3(bottom[..., 12:])], 3)
    f_top2 = e2(top + d3(f_top)) + f_top
    f_bottom2 = e2(bottom + d3(f_bottom)) + f_bottom
    f2 = torch.cat([f_top2, f_bottom2], 2)
    f1 = e1(image + d2(f2)) + f2
    restored, features = stage(image)
    torch.testing.assert_close(restored, d1(f1))
    torch.testing.assert_close(features[0], f1)
    torch.testing.assert_close(features[1], torch.cat([f_top2, f_bottom2]))


def test_patches_of_a_level_know_nothing_of_each_other() -> None:
    (stage,) = lively(DMPHN(2, width=2, blocks=1)).stages
    image = torch.randn(1, 3, 16, 16).double()
    changed = image.clone()
    changed[:, :, 0] += 1  # a row of the upper half
    _, (level1, level2) = stage(image)
    _, (changed1, changed2) = stage(changed)
    assert torch.equal(level2[1], changed2[1]) and not torch.equal(level2[0], changed2[0])
    # Stitched and decoded, what lies beyond the seam is seen.
    assert not torch.allclose(level1[..., 3:, :], changed1[..., 3:, :])


def test_input_and_output_are_around_zero() -> None:
    model = lively(DMPHN(4, width=2, blocks=1))
    blurred = torch.rand(1, 3, 32, 48).double()
    (stage,) = model.stages
    restoration = model(blurred)
    assert len(restoration.images) == 1  # the paper supervises the finest level alone
    torch.testing.assert_close(restoration.image, stage(blurred - 0.5)[0] + 0.5)


def test_a_stack_hands_on_image_and_features() -> None:
    model = lively(DMPHN(2, stages=2, width=2, blocks=1))
    blurred = torch.rand(1, 3, 16, 16).double()
    one, two = model.stages
    first, (f1, f2) = one(blurred - 0.5)
    # Stage two by hand: its input is stage one's result, and every level adds the one's features.
    halves = torch.cat([first[:, :, :8], first[:, :, 8:]])
    own2 = two.encoders[1](halves) + f2
    stitched = torch.cat([own2[:1], own2[1:]], 2)
    residual = two.decoders[1](stitched) + first
    own1 = two.encoders[0](first + residual) + stitched + f1
    images = model(blurred).images
    assert len(images) == 2
    torch.testing.assert_close(images[0], first + 0.5)
    torch.testing.assert_close(images[1], two.decoders[0](own1) + 0.5)


def test_weights_begin_as_its_authors_have_them() -> None:
    convolution = DMPHN(1).stages[0].encoders[0][-1].body[0]
    expected = 0.5 * (2 / (9 * 128)) ** 0.5
    assert convolution.weight.std().item() == pytest.approx(expected, rel=0.05)
    assert not convolution.bias.any()


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"stages": 0}])
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        DMPHN(**wrong)


# The authors' files -------------------------------------------------------------------------------

_PLAIN = {1: (32, 3, 3), 5: (64, 32, 3), 9: (128, 64, 3)}
_PLAIN |= {16: (128, 64, 4), 20: (64, 32, 4), 24: (3, 32, 3)}
_PAIRS = {2: 32, 3: 32, 6: 64, 7: 64, 10: 128, 11: 128}
_PAIRS |= {13: 128, 14: 128, 17: 64, 18: 64, 21: 32, 22: 32}


def published(kind: str) -> dict[str, Tensor]:
    """A state dict with the names and shapes of its authors' files."""
    numbers = range(1, 12) if kind == "encoder" else range(13, 25)
    state = {}
    for number in numbers:
        if number in _PLAIN:
            *channels, kernel = _PLAIN[number]
            state[f"layer{number}.weight"] = torch.randn(*channels, kernel, kernel) / 20
            outputs = channels[1] if number in (16, 20) else channels[0]
            state[f"layer{number}.bias"] = torch.randn(outputs) / 20
        elif number in _PAIRS:
            c = _PAIRS[number]
            for place in (0, 2):
                state[f"layer{number}.{place}.weight"] = torch.randn(c, c, 3, 3) / 40
                state[f"layer{number}.{place}.bias"] = torch.randn(c) / 20
    return state


def as_published(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """What such a state dict computes, by the numbers of its layers."""
    for number in sorted({int(name.split(".")[0][5:]) for name in state}):
        name = f"layer{number}"
        if number in _PAIRS:
            pair = [(state[f"{name}.{i}.weight"], state[f"{name}.{i}.bias"]) for i in (0, 2)]
            inner = functional.relu(functional.conv2d(x, *pair[0], padding=1))
            x = x + functional.conv2d(inner, *pair[1], padding=1)
        else:
            layer = (state[f"{name}.weight"], state[f"{name}.bias"])
            if number in (16, 20):
                x = functional.conv_transpose2d(x, *layer, stride=2, padding=1)
            else:
                x = functional.conv2d(x, *layer, stride=2 if number in (5, 9) else 1, padding=1)
    return x


def publish(folder: Path, names: list[str]) -> dict[str, dict[str, Tensor]]:
    states = {name: published(name.split("_")[0]) for name in names}
    for name, state in states.items():
        torch.save(state, folder / f"{name}.pkl")
    return states


def test_official_weights_go_where_they_belong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{kind}_lv{level}" for kind in ("encoder", "decoder") for level in (1, 2, 3)]
    states = publish(tmp_path, names)
    model = load_official(tmp_path)
    assert (model.levels, len(model.stages), parameters(model)) == (3, 1, 5_424_393)
    (line,) = capsys.readouterr().out.splitlines()
    assert "DMPHN 1-2-4 " in line and str(tmp_path) in line and "no licence" in line
    (stage,) = model.stages
    with torch.no_grad():
        for level in (1, 2, 3):
            x = torch.randn(1, 3, 8, 12)
            features = as_published(states[f"encoder_lv{level}"], x)
            torch.testing.assert_close(stage.encoders[level - 1](x), features)
            image = as_published(states[f"decoder_lv{level}"], features)
            torch.testing.assert_close(stage.decoders[level - 1](features), image)


def test_official_stack(tmp_path: Path) -> None:
    names = [f"{kind}_s{s}_lv1" for kind in ("encoder", "decoder") for s in (1, 2)]
    states = publish(tmp_path, names)
    model = load_official(tmp_path)
    assert (model.levels, len(model.stages)) == (1, 2)
    for s, stage in enumerate(model.stages, 1):
        weight = states[f"decoder_s{s}_lv1"]["layer24.weight"]
        assert torch.equal(stage.decoders[0][-1].weight, weight)


def test_files_that_are_not_it_are_refused(
    tmp_path: Path, hostile: Callable[[Path], object]
) -> None:
    folder, trace = tmp_path / "DMPHN", tmp_path / "was-here"
    with pytest.raises(FileNotFoundError, match=r"DMPHN: no encoder_lv1\.pkl"):
        load_official(folder)
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match=r"DMPHN: no encoder_lv1\.pkl"):
        load_official(folder)

    publish(folder, ["encoder_lv1", "decoder_lv1", "encoder_lv2"])
    with pytest.raises(FileNotFoundError, match=r"decoder_lv2\.pkl: no such file"):
        load_official(folder)
    last = folder / "decoder_lv2.pkl"
    last.write_bytes(pickle.dumps(hostile(trace), protocol=2))
    with pytest.raises(ValueError, match=r"decoder_lv2\.pkl: holds something else than tensors"):
        load_official(folder)
    torch.save(nn.Conv2d(1, 1, 1), last)  # a whole module is code, too
    with pytest.raises(ValueError, match=r"decoder_lv2\.pkl: holds something else than tensors"):
        load_official(folder)
    torch.save([1, 2], last)
    with pytest.raises(ValueError, match=r"decoder_lv2\.pkl: holds no state dict"):
        load_official(folder)
    torch.save(published("encoder"), last)  # the wrong half
    with pytest.raises(ValueError, match=r"decoder_lv2\.pkl: not the parameters"):
        load_official(folder)
    assert not trace.exists()
