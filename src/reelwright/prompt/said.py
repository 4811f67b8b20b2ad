"""What the director's words speak of already, so that nothing is said twice."""

from __future__ import annotations

import re
from functools import cached_property

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_PLURALS = (("ies", "y"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("sses", "ss"))


def word_set(words: str) -> frozenset[str]:
    """A set of words, written as one text."""
    return frozenset(words.split())


CAMERA = word_set(
    "camera dolly dollies dollying zoom zooms zooming handheld hand-held steadicam panning "
    "push-in pull-back pull-out dolly-in dolly-out whip-pan"
)
"""Words that say what the camera does."""

CAMERA_PHRASES = (
    "tracking shot",
    "static shot",
    "still shot",
    "following shot",
    "crane shot",
    "aerial shot",
    "drone shot",
    "slow pan",
    "locked off",
    "pans left",
    "pans right",
    "tilts up",
    "tilts down",
)
LENS = word_set("lens telephoto fisheye fish-eye wide-angle macro close-up closeup")
"""Words that say how much the picture holds."""

LIGHT = word_set(
    "sun sunny sunlit sunlight sunrise sunset light lights lit unlit daylight day dawn morning "
    "noon midday afternoon evening dusk twilight night midnight moon moonlight moonlit starlight "
    "candlelight firelight lamplight torchlight neon backlit backlight overcast cloudy clouds "
    "storm stormy fog foggy mist misty haze hazy dark darkness dim gloomy shadow shadows"
)
"""Words that say what light there is."""

GROUND = word_set(
    "ground floor water sea ocean river lake pond harbour harbor bay waves swell surf meadow grass "
    "lawn field fields sand beach shore desert dune dunes snow ice street road path pavement "
    "square courtyard yard earth soil mud forest woods mountain mountains hill hills valley rock "
    "room hall kitchen table desk stage studio deck roof sky"
)
"""Words that say where it is."""


def words_of(text: str) -> list[str]:
    """Words of a text in lower case, without signs and without a possessive ending."""
    words = (word.replace("\u2019", "'") for word in _WORD.findall(text.lower()))
    return [word.removesuffix("'s") for word in words]


def count_words(text: str) -> int:
    """Words as the limit counts them: what stands between spaces."""
    return len(text.split())


def one_line(text: str) -> str:
    """The text on one line, each gap one space; nothing else is changed."""
    return " ".join(text.split())


def singular(word: str) -> str:
    """A noun without its plural ending, by rule: `gulls` and `gull` are one word."""
    for ending, single in _PLURALS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + single
    return word[:-1] if is_plural(word) else word


def is_plural(word: str) -> bool:
    """Whether a noun looks like a plural."""
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))


class Said:
    """Words of the director that were heard so far.

    Args:
        texts: What was said.
    """

    def __init__(self, *texts: str) -> None:
        self.words = [word for text in texts for word in words_of(text)]

    @cached_property
    def _nouns(self) -> frozenset[str]:
        parts = {part for word in self.words for part in (word, *word.split("-"))}
        return frozenset(singular(part) for part in parts)

    @cached_property
    def _line(self) -> str:
        return f" {' '.join(self.words)} "

    def repeats(self, text: str) -> bool:
        """Whether these very words, in this order, were said."""
        words = words_of(text)
        return bool(words) and f" {' '.join(words)} " in self._line

    def speaks_of(self, topic: frozenset[str]) -> bool:
        """Whether any word of a topic was said."""
        return not topic.isdisjoint(self.words)

    def speaks_of_camera(self) -> bool:
        """Whether the camera's move was said."""
        return self.speaks_of(CAMERA) or any(f" {p} " in self._line for p in CAMERA_PHRASES)

    def names(self, thing: str) -> bool:
        """Whether a thing was named: its last word, in singular or plural, alone or as the end of
        a longer word (`boat` in `sailboat`)."""
        words = words_of(thing)
        if not words:
            return False
        noun = singular(words[-1].rpartition("-")[2])
        return any(word == noun or (len(noun) > 3 and word.endswith(noun)) for word in self._nouns)
