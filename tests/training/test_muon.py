"""Muon: orthogonal steps for convolutions, Adam's for the rest."""

import pytest
import torch
from torch import nn

from deblurlib.training.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 40), (2, 40, 6)])
def test_all_directions_become_about_equally_long(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(shape) * torch.logspace(0, -1, shape[-1])
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    ours = orthogonalized(matrices)
    values = u.mT @ ours @ v.mT  # diagonal: the directions are the matrix's own
    diagonal = values.diagonal(dim1=-2, dim2=-1)
    assert values.sub(torch.diag_embed(diagonal)).abs().max() < 1e-3
    assert diagonal.min() > 0.6
    assert diagonal.max() < 1.25


def test_orthogonalized_does_not_know_the_scale_and_survives_zeros() -> None:
    torch.manual_seed(0)
    matrices = torch.randn(2, 5, 9)
    torch.testing.assert_close(
        orthogonalized(1e-4 * matrices), orthogonalized(matrices), atol=5e-3, rtol=0
    )
    assert orthogonalized(torch.zeros(1, 4, 4)).eq(0).all()


def test_matrices_go_as_with_pytorchs_muon() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(16, 24)) for _ in range(2))
    our_optimizer = Muon([ours], lr=0.01, weight_decay=0.1)
    their_optimizer = torch.optim.Muon(
        [theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(5):
        ours.grad = torch.randn(16, 24)
        theirs.grad = ours.grad.clone()
        our_optimizer.step()
        their_optimizer.step()
    moved = (ours - 1).norm()
    assert (ours - theirs).norm() < 0.02 * moved  # theirs multiplies in bfloat16


def test_the_rest_goes_as_with_adamw() -> None:
    torch.manual_seed(0)
    shapes = [(7,), (3, 8, 3, 3), (8, 3, 1, 1)]  # a bias, and layers of three channels on a side
    ours = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [nn.Parameter(weight.detach().clone()) for weight in ours]
    optimizers = [
        Muon(ours, lr=0.01, weight_decay=0.1),
        torch.optim.AdamW(theirs, lr=0.01, weight_decay=0.1),
    ]
    for _ in range(4):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_memory_order_and_company_change_nothing() -> None:
    """Channels last or not, alone or beside weights of the same shape."""
    torch.manual_seed(0)
    start, other = torch.randn(2, 8, 6, 3, 3)
    gradients = torch.randn(3, 2, 8, 6, 3, 3)
    alone = nn.Parameter(start.clone())
    last = nn.Parameter(start.clone().to(memory_format=torch.channels_last))
    beside = nn.Parameter(other.clone())
    optimizers = Muon([alone]), Muon([last, beside])
    for gradient in gradients:
        alone.grad = gradient[0].clone()
        last.grad = gradient[0].to(memory_format=torch.channels_last)
        beside.grad = gradient[1].clone()
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(last, alone)
    assert not torch.equal(beside, other)


def test_layers_without_a_gradient_stay() -> None:
    weight = nn.Parameter(torch.ones(8, 8, 3, 3))
    optimizer = Muon([weight], weight_decay=0.1)
    assert optimizer.step(lambda: 1.5) == 1.5
    assert weight.eq(1).all()
    assert not optimizer.state
