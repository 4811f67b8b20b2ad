"""A shot's words become the prompt that the model reads.

`arrange` does it by rule: offline, always the same, never inventing. `enhance` asks a language
model on the user's own machine to write it out, and comes back with the arranged text, visibly,
where that cannot be had. Names are loaded when they are first used; nothing here needs torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.prompt.enhancer import DEFAULT_SERVER, RULES, Enhanced, enhance
    from reelwright.prompt.negative import DEFAULT_NEGATIVE
    from reelwright.prompt.paragraph import (
        DEFAULT_MAX_WORDS,
        PROMPT_VERSION,
        ArrangedPrompt,
        arrange,
        max_words_from_tokens,
    )

_HOMES = {
    "enhancer": ("DEFAULT_SERVER", "RULES", "Enhanced", "enhance"),
    "negative": ("DEFAULT_NEGATIVE",),
    "paragraph": (
        "DEFAULT_MAX_WORDS",
        "PROMPT_VERSION",
        "ArrangedPrompt",
        "arrange",
        "max_words_from_tokens",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "DEFAULT_MAX_WORDS",
    "DEFAULT_NEGATIVE",
    "DEFAULT_SERVER",
    "PROMPT_VERSION",
    "RULES",
    "ArrangedPrompt",
    "Enhanced",
    "arrange",
    "enhance",
    "max_words_from_tokens",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
