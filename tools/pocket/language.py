"""Captions for the transformer in training: which words, and what the language model makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reelwright.engine.text.gemma import Gemma
from reelwright.engine.text.gemma_config import parse_gemma_config
from reelwright.engine.text.tokenizer import load_tokenizer

_SIDES = re.compile(r"\b(left|right)\b")


def caption_of(facts: dict[str, Any], generator: torch.Generator, kept: float = 0.9) -> str:
    """A caption for a view of a clip; empty now and then.

    Mirrored, left and right change places. Of a view run backwards only the things' own names
    still hold, which is the last and shortest caption.

    Args:
        facts: Of the view.
        generator: Draws which.
        kept: How often there is one.
    """
    captions = facts.get("captions") or []
    chance, which = torch.rand(2, generator=generator).tolist()
    if not captions or chance >= kept:
        return ""
    caption = str(captions[-1] if facts.get("reversed") else captions[int(which * len(captions))])
    return mirrored_words(caption) if facts.get("mirrored") else caption


def mirrored_words(caption: str) -> str:
    """Left for right and right for left."""
    return _SIDES.sub(lambda found: "right" if found[0] == "left" else "left", caption)


class Language(nn.Module):
    """The language model, trained with the transformer.

    Args:
        folder: Has its config and tokenizer; its weights too, if it was trained before.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        self.gemma = Gemma(parse_gemma_config(config, str(folder)))
        self.tokenizer = load_tokenizer(folder)
        start_gemma(self.gemma)
        weights = folder / "model.safetensors"
        if weights.exists():
            from safetensors.torch import load_file

            found = {name.removeprefix("model."): t for name, t in load_file(weights).items()}
            self.gemma.load_state_dict({name: t.float() for name, t in found.items()})

    @property
    def sizes(self) -> tuple[int, int]:
        """Channels, and how many states a token has."""
        return self.gemma.config.hidden_size, self.gemma.config.num_hidden_layers + 1

    def forward(self, captions: list[str]) -> tuple[Tensor, Tensor]:
        """States [B, S, D, L] and which tokens are real."""
        ids, valid = self.tokenizer.pad([self.tokenizer.encode(text) for text in captions])
        device = self.gemma.norm.weight.device
        states: Tensor = self.gemma(ids.to(device), valid.to(device))
        return states, valid.to(device)


@torch.no_grad()
def start_gemma(gemma: nn.Module) -> None:
    """First weights: branches small, norms neutral."""
    for module in gemma.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.5 * module.in_features**-0.5)
