"""Models: which weights there are, and what each can do.

A `WeightSet` names files and says what they have; whoever generates asks it that, and never which
set it is. Nothing here reads more of a file than its header.
"""

from __future__ import annotations

from reelwright.models.custom import custom_weights
from reelwright.models.installed import installed_weights
from reelwright.models.weight_set import LoraUse, WeightSet

__all__ = ["LoraUse", "WeightSet", "custom_weights", "installed_weights"]
