"""A linear layer that does not draw first weights where there is no memory for them."""

from __future__ import annotations

from torch import nn


class Linear(nn.Linear):
    """Torch's own; built on the meta device it is not initialised.

    Drawing numbers that are nowhere kept is half of what building a model of 48 blocks without
    memory takes.
    """

    def reset_parameters(self) -> None:
        """Draw first weights, where they are kept."""
        if not self.weight.is_meta:
            super().reset_parameters()
