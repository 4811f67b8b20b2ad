"""What a guided model is steered away from."""

from __future__ import annotations

from reelwright.prompt.said import Said, one_line, singular, word_set, words_of

DEFAULT_NEGATIVE = (
    "blurred or smeared picture, washed-out detail, compression blocks, flicker, jitter, "
    "warped or melting shapes, extra fingers, deformed faces, sudden cuts, burnt-in subtitles, "
    "captions, watermark, logo, distorted sound, crackle, muffled voice, robotic speech"
)
"""Our own words for what nobody asks for; read by guided models only."""

_EVERYDAY = word_set(
    "picture detail shape face sound voice finger speech block extra sudden burnt washed"
)
"""Words of the defaults that any film may ask for: they say nothing by themselves."""


def negative_words(own: str, wanted: Said) -> tuple[str, tuple[str, ...]]:
    """Join the director's negative words with the default ones.

    Args:
        own: The shot's own, kept as they are, in front.
        wanted: What the director asks to see and hear; a default that speaks against it is left
            out.

    Returns:
        The negative prompt, and the defaults that were left out because they are wanted.
    """
    own = one_line(own).rstrip(" ,;.")
    named = Said(own)
    kept, left_out = [own] if own else [], []
    for term in DEFAULT_NEGATIVE.split(", "):
        if _meets(term, wanted):
            left_out.append(term)
        elif not named.repeats(term):
            kept.append(term)
    return ", ".join(kept), tuple(left_out)


def _meets(term: str, wanted: Said) -> bool:
    """Whether a word of a term, in any common form, is asked for: `flicker` in `flickering`."""
    words = {singular(part) for word in words_of(term) for part in word.split("-")}
    stems = tuple(word.rstrip("e") for word in words - _EVERYDAY if len(word) > 3)
    return any(word.startswith(stems) for word in wanted.words)
