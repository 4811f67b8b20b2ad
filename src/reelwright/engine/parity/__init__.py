"""Parity: the engine against recorded results of the reference.

`python -m reelwright.engine.parity DIR` runs every `*.case.safetensors` of a folder and compares
each output with the recorded one. What a case runs follows from its `kind` alone; sizes, settings
and files come from the case.
"""

from reelwright.engine.parity.case import Case, Outcome, compare, open_case
from reelwright.engine.parity.runner import find_cases, run_case

__all__ = ["Case", "Outcome", "compare", "find_cases", "open_case", "run_case"]
