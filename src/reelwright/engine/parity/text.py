"""Cases of the text path."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from reelwright.engine.parity.case import Case
from reelwright.engine.text.text import load_text_path


def run_text(case: Case) -> Mapping[str, Tensor]:
    """Hidden states to features and contexts."""
    path = load_text_path(case.checkpoints()[0])
    states, valid = case.given("hidden_states"), case.given("attention_mask")
    features = dict(zip(("video", "audio"), path.projection(states, valid), strict=True))
    contexts = dict(zip(("video", "audio"), path.encode(states, valid), strict=True))
    results = {"context_mask": torch.ones_like(valid)}
    for stream, context in contexts.items():
        if context is not None:
            results[f"{stream}_context"] = context
    for stream, feature in features.items():
        recorded = case.outputs.get(f"{stream}_features", feature)
        results[f"{stream}_features"] = feature[:, -recorded.shape[1] :]
    return results


KINDS: Mapping[str, Callable[[Case], Mapping[str, Tensor]]] = {"text": run_text}
