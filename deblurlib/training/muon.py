"""Muon, an optimizer for the weights of convolutions.

Adam scales every number of a gradient by itself. Muon takes a layer's weights as what they are, a
matrix W of a row for each output channel, and makes all directions of its step equally long:
directions that the gradient hardly shows, because others are louder, are learnt as fast.

After K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the length
of a step, as Adam's, after J. Liu et al., "Muon is scalable for LLM training", arXiv 2502.16982.
PyTorch's `torch.optim.Muon` does the same, for matrices alone.
"""

from collections.abc import Callable, Iterable
from itertools import groupby

import torch
from torch import Tensor, nn

# Of the polynomial aσ + bσ³ + cσ⁵, whose repetition takes any σ in (0, 1] into 0.7 to 1.2 (Jordan).
_COEFFICIENTS = 3.4445, -4.7750, 2.0315
_REPETITIONS = 5


class Muon(torch.optim.Optimizer):
    """Muon for the weights of hidden layers; Adam, with decoupled decay, for all else.

    All else are biases, scales, and weights of layers with fewer than four channels on one side,
    such as the last, which has a picture's three.

    Args:
        parameters: of the network.
        lr: learning rate, of the size of Adam's: a step changes numbers by about as much.
        momentum: share of the former mean gradient in the new one.
        betas, eps: of Adam.
        weight_decay: the share of a parameter that is taken off it in a step is this times `lr`.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"momentum": momentum, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, {"lr": lr, **defaults})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step along the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            given = [weight for weight in group["params"] if weight.grad is not None]
            for weight in given:
                weight.mul_(1 - group["lr"] * group["weight_decay"])
            # Matrices of one shape go through the products together: networks repeat their layers.
            hidden = sorted((w for w in given if _is_hidden(w)), key=_shape)
            for _, alike in groupby(hidden, key=_shape):
                self._orthogonal_step(list(alike), group["lr"], group["momentum"])
            for weight in given:
                if not _is_hidden(weight):
                    self._adam_step(weight, group["lr"], group["betas"], group["eps"])
        return loss

    def _orthogonal_step(self, weights: list[nn.Parameter], lr: float, momentum: float) -> None:
        directions = []
        for weight in weights:
            assert weight.grad is not None
            state = self.state[weight]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(weight)
            mean = state["momentum_buffer"].lerp_(weight.grad, 1 - momentum)
            directions.append(weight.grad.lerp(mean, momentum).flatten(1))  # Nesterov's
        steps = orthogonalized(torch.stack(directions))
        # The root mean square of an orthogonal matrix is 1/√(longer side), and that of Adam's steps
        # about 0.2 (Liu).
        length = 0.2 * max(steps.shape[-2:]) ** 0.5
        for weight, step in zip(weights, steps, strict=True):
            weight.sub_(step.view(weight.shape), alpha=lr * length)

    def _adam_step(
        self, weight: nn.Parameter, lr: float, betas: tuple[float, float], eps: float
    ) -> None:
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        state["step"] += 1
        mean = state["exp_avg"].lerp_(weight.grad, 1 - betas[0])
        square = state["exp_avg_sq"].lerp_(weight.grad.square(), 1 - betas[1])
        steps = state["step"].item()  # lies on the CPU: nothing waits
        size = (square / (1 - betas[1] ** steps)).sqrt_().add_(eps)
        weight.addcdiv_(mean, size, value=-lr / (1 - betas[0] ** steps))


def orthogonalized(matrices: Tensor) -> Tensor:
    """The orthogonal matrices nearest to some, roughly: UΣ'Vᵀ of UΣVᵀ, with Σ' around 1.

    A few products instead of a singular value decomposition: aM + bMMᵀM + c(MMᵀ)²M is a polynomial
    of the singular values, and leaves U and V as they are.

    Args:
        matrices: ``(N, rows, columns)``.

    Returns:
        The same shape. Singular values are 0.7 to 1.2 where those of the matrix are not below
        1/500 of its Frobenius norm.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    m = matrices.mT if tall else matrices
    m = m / (torch.linalg.matrix_norm(m, keepdim=True) + 1e-7)  # no singular value above 1
    # All repetitions multiply M from the left, by polynomials P of MMᵀ. These are small, where M,
    # of a kernel's 9 or 25 places, is long: so M itself is multiplied only once, at the end.
    a, b, c = _COEFFICIENTS
    product = identity = torch.eye(m.shape[-2], dtype=m.dtype, device=m.device)
    square = m @ m.mT
    for _ in range(_REPETITIONS):
        p = a * identity + b * square + c * square @ square
        product, square = p @ product, p @ square @ p
    m = product @ m
    return m.mT if tall else m


def _is_hidden(weight: Tensor) -> bool:
    return weight.ndim > 1 and min(_shape(weight)) > 3


def _shape(weight: Tensor) -> tuple[int, int]:
    """Of the weights as a matrix: output channels, and all that one of them is made of."""
    return len(weight), weight[0].numel()
