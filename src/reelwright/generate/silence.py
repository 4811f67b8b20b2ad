"""Silence is said, not assumed: what of a shot's sound nobody will hear, and why."""

from __future__ import annotations

from reelwright.generate.placed import PlacedSounds
from reelwright.generate.request import ClipRequest

_MAX_WORDS = 60


def silence_words(request: ClipRequest, placed: PlacedSounds, speaker: str) -> tuple[str, ...]:
    """Sentences on what is not heard in a shot.

    Args:
        request: The shot.
        placed: What became of its sound files.
        speaker: What makes the clip and does not speak its words, e.g. `the animatic`.

    Returns:
        One sentence on the shot's words or its silence, if there is cause, then one a lost file.
    """
    unspoken = _unspoken(request)
    not_spoken = f"{speaker} does not speak its {unspoken}" if unspoken else ""
    if placed.stem is None:
        none = "its placed sound is not heard" if request.sounds else "it has no placed sound"
        why = f"{none}, and {not_spoken}" if unspoken else none
        return (f'Shot "{request.shot}" is silent: {why}.', *placed.unheard)
    if unspoken:
        return (f'Shot "{request.shot}": {not_spoken}.', *placed.unheard)
    return placed.unheard


def _unspoken(request: ClipRequest) -> str:
    return " or ".join(
        f'{noun} ("{_short(words)}")'
        for noun, words in (("words", request.sound), ("dialogue", request.dialogue))
        if words.strip()
    )


def _short(words: str) -> str:
    plain = " ".join(words.split())
    return plain if len(plain) <= _MAX_WORDS else plain[: _MAX_WORDS - 1].rstrip() + "…"
