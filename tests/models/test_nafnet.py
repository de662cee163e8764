"""NAFNet: its published sizes, its blocks, means over windows, and its authors' weights."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from deblurlib.models import NAFNet, create_model
from deblurlib.models.nafnet import ChannelAttention, ChannelNorm, NAFBlock, load_official


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def awake(model: nn.Module) -> nn.Module:
    """The network as after some training: what begins as zero is no longer."""
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.3)
    return model


def test_published_sizes() -> None:
    # The paper's 17.1 M and 67.9 M; by hand for one block of c channels: 7 c² + 33 c.
    assert parameters(NAFBlock(32)) == 7 * 32**2 + 33 * 32
    assert parameters(create_model("nafnet")) == 17_111_907
    assert round(parameters(create_model("nafnet", width=64)) / 1e6, 1) == 67.9
    # Its authors count 29.16 M for their denoising configuration (issue 60 of their repository).
    denoising = NAFNet(32, (2, 2, 4, 8), 12, (2, 2, 2, 2))
    assert round(parameters(denoising) / 1e6, 2) == 29.16


def test_it_begins_as_a_linear_network() -> None:
    # With β = γ = 0 each block is the identity: what is left has no product of features.
    model = NAFNet(4, (1, 1), 1, (1, 1)).double()
    block = NAFBlock(6)
    x = torch.randn(1, 6, 5, 5)
    assert torch.equal(block(x), x)
    a, b = torch.rand(2, 1, 3, 8, 12, dtype=torch.float64)
    nothing = torch.zeros_like(a)
    together = model(a).image + model(b).image - model(nothing).image
    torch.testing.assert_close(model(a + b).image, together)
    # And the input is added at the end.
    for parameter in model.tail.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(model(a).image, a)


def test_a_block_by_hand() -> None:
    block = awake(NAFBlock(4))
    x = torch.randn(2, 4, 6, 6)
    norm, widen, depthwise, _, attention, narrow = block.mix
    y = depthwise(widen(norm(x)))
    y = y[:, :4] * y[:, 4:]
    y = y * attention.weigh(y.mean((2, 3), keepdim=True))
    x1 = x + block.mix_scale * narrow(y)
    norm, widen, _, narrow = block.feed
    z = widen(norm(x1))
    torch.testing.assert_close(block(x), x1 + block.feed_scale * narrow(z[:, :4] * z[:, 4:]))


def test_norm_is_over_channels() -> None:
    norm = ChannelNorm(5)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(2, 5, 3, 4) * 100
    mean, variance = x.mean(1, keepdim=True), x.var(1, keepdim=True, correction=0)
    normal = (x - mean) / (variance + 1e-6).sqrt()
    expected = normal * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize(("height", "width"), [(9, 14), (4, 11), (5, 3)])
def test_attention_over_windows(height: int, width: int) -> None:
    attention = ChannelAttention(2, test_window=5).eval()
    x = torch.randn(1, 2, height, width)
    rows, columns = min(5, height), min(5, width)
    means = functional.avg_pool2d(x, (rows, columns), stride=1)
    more_rows, more_columns = rows - 1, columns - 1
    edges = (more_columns // 2, more_columns - more_columns // 2)
    edges += (more_rows // 2, more_rows - more_rows // 2)
    means = functional.pad(means, edges, "replicate")
    torch.testing.assert_close(attention(x), x * attention.weigh(means))
    # Training sees the whole crop.
    whole = x * attention.weigh(x.mean((2, 3), keepdim=True))
    torch.testing.assert_close(attention.train()(x), whole)


def test_windows_shrink_with_the_level() -> None:
    model = NAFNet(2, (1, 1), 1, (1, 1), test_window=12)
    windows = [m.test_window for m in model.modules() if isinstance(m, ChannelAttention)]
    assert windows == [12, 6, 3, 6, 12]  # encoders, middle, decoders
    assert {m.test_window for m in NAFNet(2).modules() if isinstance(m, ChannelAttention)} == {None}


def test_levels_must_agree() -> None:
    with pytest.raises(ValueError, match="as many levels"):
        NAFNet(4, (1, 1), 1, (1,))


# The authors' files -------------------------------------------------------------------------------


def published_block(channels: int) -> dict[str, Tensor]:
    """Names and shapes as its authors' state dicts have them."""
    c, wide = channels, 2 * channels
    weights = {
        "conv1": (wide, c, 1, 1),
        "conv2": (wide, 1, 3, 3),
        "conv3": (c, c, 1, 1),
        "sca.1": (c, c, 1, 1),
        "conv4": (wide, c, 1, 1),
        "conv5": (c, c, 1, 1),
        "norm1": (c,),
        "norm2": (c,),
    }
    block = {f"{name}.weight": torch.randn(shape) for name, shape in weights.items()}
    block |= {f"{name}.bias": torch.randn(shape[0]) for name, shape in weights.items()}
    return block | {name: torch.randn(1, c, 1, 1) for name in ("beta", "gamma")}


def published() -> dict[str, Tensor]:
    """A small network's: width 4; one and two blocks down, two in the middle, one each up."""
    parts = {f"encoders.{place}": 4 * 2 ** int(place[0]) for place in ("0.0", "1.0", "1.1")}
    parts |= {"middle_blks.0": 16, "middle_blks.1": 16, "decoders.0.0": 8, "decoders.1.0": 4}
    state = {
        f"{part}.{name}": value
        for part, channels in parts.items()
        for name, value in published_block(channels).items()
    }
    for name, shape in {
        "intro": (4, 3, 3, 3),
        "ending": (3, 4, 3, 3),
        "downs.0": (8, 4, 2, 2),
        "downs.1": (16, 8, 2, 2),
    }.items():
        state |= {f"{name}.weight": torch.randn(shape), f"{name}.bias": torch.randn(shape[0])}
    return state | {
        "ups.0.0.weight": torch.randn(32, 16, 1, 1),
        "ups.1.0.weight": torch.randn(16, 8, 1, 1),
    }


def test_official_weights_go_where_they_belong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = published()
    torch.save({"params": theirs}, tmp_path / "NAFNet.pth")
    model = load_official(tmp_path / "NAFNet.pth")
    assert len(model.state_dict()) == len(theirs)
    (line,) = capsys.readouterr().out.splitlines()
    assert "width 4" in line and str(tmp_path) in line and "MIT" in line
    block = model.encoders[1][1]
    for name, value in {
        "conv1.weight": block.mix[1].weight,
        "conv2.bias": block.mix[2].bias,
        "sca.1.weight": block.mix[4].weigh.weight,
        "conv3.weight": block.mix[5].weight,
        "norm1.weight": block.mix[0].weight,
        "norm2.bias": block.feed[0].bias,
        "conv4.weight": block.feed[1].weight,
        "conv5.bias": block.feed[3].bias,
        "beta": block.mix_scale,
        "gamma": block.feed_scale,
    }.items():
        assert torch.equal(value, theirs[f"encoders.1.1.{name}"]), name
    assert torch.equal(model.tail.bias, theirs["ending.bias"])
    assert torch.equal(model.middle[1].mix_scale, theirs["middle_blks.1.beta"])
    assert torch.equal(model.decoders[0][0].feed_scale, theirs["decoders.0.0.gamma"])
    assert torch.equal(model.upsamples[1][0].weight, theirs["ups.1.0.weight"])
    assert model.encoders[1][0].mix[4].test_window == 192  # as its authors test


def test_files_that_are_not_it_are_refused(
    tmp_path: Path, hostile: Callable[[Path], object]
) -> None:
    file, trace = tmp_path / "weights.pth", tmp_path / "was-here"
    with pytest.raises(FileNotFoundError, match=r"weights\.pth: no such file"):
        load_official(file)
    file.write_bytes(pickle.dumps({"params": hostile(trace)}, protocol=2))
    with pytest.raises(ValueError, match=r"weights\.pth: holds something else than tensors"):
        load_official(file)
    torch.save({"params": {"intro.weight": hostile(trace)}}, file)
    with pytest.raises(ValueError, match=r"weights\.pth: holds something else than tensors"):
        load_official(file)
    assert not trace.exists()

    theirs = published()
    for content, message in (
        (theirs, "no state dict under 'params'"),
        ([1], "no state dict under 'params'"),
        ({"params": {"weight": torch.zeros(2)}}, "not NAFNet's parameters"),
        ({"params": {**theirs, "extra": torch.zeros(2)}}, r"extra\.? is not known"),
        ({"params": {**theirs, "ending.bias": torch.zeros(4)}}, r"\(4,\) instead of \(3,\)"),
        (
            {"params": {k: v for k, v in theirs.items() if k != "ending.bias"}},
            r"tail\.bias is missing",
        ),
    ):
        torch.save(content, file)
        with pytest.raises(ValueError, match=message) as error:
            load_official(file)
        assert str(file) in str(error.value) and "\n" not in str(error.value)
    file.write_bytes(file.read_bytes()[:400])
    with pytest.raises(ValueError, match="is damaged"):
        load_official(file)
