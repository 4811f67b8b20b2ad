"""The optimiser of the transformer: Muon on the matrices of its blocks, AdamW on all else.

Source: Jordan et al. 2024, Muon; Loshchilov and Hutter 2019, AdamW, arXiv:1711.05101.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

CLIPPED = 0.4
"""Most norm of a gradient: those of words alone are ten times the others', and would drown them."""


class Muon(torch.optim.Optimizer):
    """Momentum whose update is brought to a matrix with all singular values near 1.

    Matrices of one shape go through the iteration together.

    Args:
        parameters: Matrices.
        lr: Step; an update is scaled by the root of rows over columns where that is above 1.
        momentum: Of the gradient, Nesterov's.
        weight_decay: Share of a weight that a step of `lr` 1 takes away.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes[parameter.shape].append(parameter)
            for parameters in shapes.values():
                self._step_shape(parameters, group)

    def _step_shape(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        wanted = []
        for parameter in parameters:
            assert parameter.grad is not None
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            mean = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
            wanted.append(parameter.grad.lerp(mean, group["momentum"]))
        rows, columns = parameters[0].shape
        scale = group["lr"] * max(1.0, rows / columns) ** 0.5
        for parameter, update in zip(parameters, orthogonal(torch.stack(wanted)), strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.sub_(update.to(parameter.dtype), alpha=scale)


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """Bring singular values near 1 by Newton and Schulz's iteration, in bfloat16.

    Args:
        matrices: [N, R, C].
        steps: Of the quintic iteration.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Optimisers:
    """Both as one.

    Args:
        modules: Named modules that are trained.
        muon_lr: Step of the matrices of blocks.
        adam_lr: Step of all else.
    """

    def __init__(
        self, modules: dict[str, nn.Module], muon_lr: float = 0.018, adam_lr: float = 2.2e-3
    ) -> None:
        named = [
            (f"{prefix}.{name}", parameter)
            for prefix, module in modules.items()
            for name, parameter in module.named_parameters()
        ]
        self.matrices = [p for name, p in named if is_block_matrix(name, p)]
        self.others = [p for name, p in named if not is_block_matrix(name, p)]
        self.parts = (
            Muon(self.matrices, muon_lr),
            torch.optim.AdamW(self.others, adam_lr, betas=(0.9, 0.98), weight_decay=0.0),
        )
        self.rates = (muon_lr, adam_lr)

    def step(self, factor: float) -> float:
        """Take a step with rates times `factor`, gradients clipped to `CLIPPED`.

        Returns:
            The norm of the gradient.
        """
        norm = nn.utils.clip_grad_norm_(self.matrices + self.others, CLIPPED)
        for part, rate in zip(self.parts, self.rates, strict=True):
            for group in part.param_groups:
                group["lr"] = rate * factor
            part.step()
            part.zero_grad()
        return float(norm)

    def state_dict(self) -> list[dict[str, Any]]:
        """Of both."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Of both."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def is_block_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is a product's weight within a block."""
    return ".blocks." in name and name.endswith(".weight") and parameter.ndim == 2
