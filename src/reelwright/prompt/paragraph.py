"""One paragraph from a shot: the director's words, in the order that LTX-2.3 reads best.

Style, subject and action, place and light, camera, sound, speech. Must stay true: the director's
words stand in it as they were written, all of them; what is added is true of the staged scene;
nothing is said twice; the same shot gives the same text on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.errors import InputError
from reelwright.prompt.camera_words import camera_words, lens_words
from reelwright.prompt.dialogue import dialogue_words
from reelwright.prompt.light_words import light_words
from reelwright.prompt.negative import negative_words
from reelwright.prompt.said import GROUND, LIGHT, Said, count_words, one_line
from reelwright.prompt.scene_words import ground_words, list_of_things, noun_of, things_in_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelwright.storyboard import Film, Scene, Shot

PROMPT_VERSION = 1
"""Goes up when the same shot gives another text."""

DEFAULT_MAX_WORDS = 200
"""What LTX-2.3 likes to read at most; its 1,024 tokens hold some 700 English words."""

FEW_WORDS = 25
"""A shot with fewer words than this is told what stands in its scene and how it is lit."""

LEAST_MAX_WORDS = 8

_SAME_WORDS = 3
"""Fewer words of sound than these are said again: `wind` that is seen is not yet heard."""

_WORDS_PER_TOKEN = 0.55
"""Measured on the example films: 1.2 to 1.9 tokens a word with a vocabulary of 1,000."""


@dataclass(frozen=True, slots=True)
class ArrangedPrompt:
    """What the model reads.

    Attributes:
        text: One paragraph.
        negative: What a guided model is steered away from; a distilled one does not read it.
        notes: What was added, left out or is too long, each in one sentence, for people.
        named: The things of the scene that the text names; an enhancer has to keep them.
    """

    text: str
    negative: str
    notes: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A sentence of the paragraph. `source` says where an added one is from; `rank` orders what
    goes first where room is short."""

    text: str
    source: str = ""
    rank: int = 0

    @property
    def is_added(self) -> bool:
        return bool(self.source)


def max_words_from_tokens(num_tokens: int) -> int:
    """How many words an encoder of so many tokens is given: 35 for 64, never above 200."""
    return min(DEFAULT_MAX_WORDS, max(LEAST_MAX_WORDS, int(_WORDS_PER_TOKEN * num_tokens)))


def arrange(
    film: Film,
    shot: Shot,
    *,
    scene: Scene | None = None,
    max_words: int = DEFAULT_MAX_WORDS,
) -> ArrangedPrompt:
    """Arrange a shot's words as the model reads them best.

    Args:
        film: Whose style joins every prompt.
        shot: The shot.
        scene: Its staged scene, from `resolve_scenes`; None for a shot with words alone.
        max_words: Longest text, in words. Only added words are left out for it; the director's
            own stay, and a note says that they are too many. See `max_words_from_tokens`.

    Returns:
        The prompt, what to steer away from, and what was added.

    Raises:
        InputError: `max_words` is below 8.
    """
    if max_words < LEAST_MAX_WORDS:
        raise InputError(
            f"A prompt of {max_words} words holds nothing.",
            f"Set max_words to at least {LEAST_MAX_WORDS}.",
        )
    seen = None if shot.scene is not None else scene
    said = Said(film.style, shot.prompt)
    parts = [
        *_style(film, shot),
        *_own(shot.prompt),
        *_staged(shot, seen, said),
        *_camera(shot, seen, said),
        *_sound(shot),
        *_speech(shot),
    ]
    kept, left_out = _fitted(parts, max_words)
    text = " ".join(part.text for part in kept)
    wanted = Said(film.style, shot.prompt, shot.sound, shot.dialogue)
    negative, unwanted = negative_words(shot.model.negative, wanted)
    notes = (*_notes(kept, left_out, max_words), *_negative_note(unwanted))
    return ArrangedPrompt(text, negative, notes, _named(seen, text))


def _sentence(text: str) -> str:
    """On one line, with a full stop where it has no end of its own."""
    text = one_line(text).rstrip(" ,;")
    if not text or text.rstrip("\"'\u201d\u2019\u00bb)")[-1:] in (".", "!", "?", "\u2026"):
        return text
    return f"{text}."


def _own(text: str) -> list[_Part]:
    sentence = _sentence(text)
    return [_Part(sentence)] if sentence else []


def _style(film: Film, shot: Shot) -> list[_Part]:
    style = one_line(film.style)
    if not style or Said(shot.prompt).repeats(style):
        return []
    return _own(style if style.lower().startswith("style:") else f"Style: {style}")


def _sound(shot: Shot) -> list[_Part]:
    sound = one_line(shot.sound)
    if not sound:
        return []
    if count_words(sound) >= _SAME_WORDS and Said(shot.prompt).repeats(sound):
        return []
    return _own(sound if sound.lower().startswith("sound:") else f"Sound: {sound}")


def _speech(shot: Shot) -> list[_Part]:
    return _own(dialogue_words(shot.dialogue, told=f"{shot.prompt} | {shot.sound}"))


def _staged(shot: Shot, scene: Scene | None, said: Said) -> list[_Part]:
    """Things, ground and light, where the director's words are few and do not speak of them."""
    if scene is None or count_words(shot.prompt) >= FEW_WORDS:
        return []
    things = [thing for thing in things_in_view(scene) if not said.names(noun_of(thing))]
    listed = list_of_things(scene, things)
    ground = "" if said.speaks_of(GROUND) else ground_words(scene)
    light = "" if said.speaks_of(LIGHT) else light_words(scene)
    lead = "Also in view: " if listed and shot.prompt.strip() else ""
    return [
        *_added(lead + listed, "what stands there", 4),
        *_added(ground, "the ground", 3),
        *_added(light, "sun and sky", 2),
    ]


def _camera(shot: Shot, scene: Scene | None, said: Said) -> list[_Part]:
    move, lens = camera_words(shot, scene, said), lens_words(shot, said)
    return [*_added(move, "the camera", 1), *_added(lens, "the lens", 5)]


def _added(words: str, source: str, rank: int) -> list[_Part]:
    words = words[:1].upper() + words[1:]
    return [_Part(_sentence(words), source, rank)] if words else []


def _fitted(parts: Sequence[_Part], max_words: int) -> tuple[list[_Part], list[_Part]]:
    """What fits the limit, and what was left out for it: the least telling additions first."""
    kept, left_out = list(parts), []
    for part in sorted((p for p in parts if p.is_added), key=lambda p: -p.rank):
        if _length(kept) <= max_words:
            break
        kept.remove(part)
        left_out.append(part)
    return kept, left_out


def _length(parts: Sequence[_Part]) -> int:
    return sum(count_words(part.text) for part in parts)


def _notes(kept: Sequence[_Part], left_out: Sequence[_Part], max_words: int) -> tuple[str, ...]:
    notes = [f"Added from {part.source}: {part.text}" for part in kept if part.is_added]
    notes += [f"Left out, {max_words} words are the limit: {part.text}" for part in left_out]
    length = _length(kept)
    if not kept:
        notes.append("The shot has no words: the model is free in what it makes.")
    if length > max_words:
        notes.append(
            f"The director's own words are {length}, the limit is {max_words}: the model may not "
            "read the last of them. Shorten the prompt, the sound or the film's style."
        )
    return tuple(notes)


def _negative_note(unwanted: Sequence[str]) -> tuple[str, ...]:
    if not unwanted:
        return ()
    return (f"Not in the negative prompt, because the shot asks for it: {', '.join(unwanted)}.",)


def _named(scene: Scene | None, text: str) -> tuple[str, ...]:
    """The scene's things that a text names, each once, in the scene's order."""
    if scene is None:
        return ()
    heard = Said(text)
    nouns = dict.fromkeys(noun_of(thing) for thing in scene.props)
    return tuple(noun for noun in nouns if noun and heard.names(noun))
