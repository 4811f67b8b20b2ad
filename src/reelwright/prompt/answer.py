"""What an enhanced prompt has to be, or it is not used.

One paragraph of plain text within the limit, with every quoted word of speech and no other, every
named thing, and most of the director's words in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reelwright.prompt.said import Said, count_words, one_line, singular, word_set, words_of

LEAST_KEPT = 0.5
"""So much of the director's longer words has to be in the answer; a refusal or a text about
something else has next to none of them."""

LEAST_LENGTH = 0.6
"""The answer is at least this part of the text's length."""

_CONTENT_CHARS = 4
_STEM_CHARS = 5
_ENDINGS = ("ing", "ed", "e")
_SCAFFOLD = word_set("style sound also view says voice lens")
"""Words of ours that hold the notes together; a paragraph may do without them."""
_PLAIN = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"',
        "\u00bb": '"', "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u00a0": " ",
        "\u202f": " ", "\u200b": None, "\ufeff": None,
    }
)  # fmt: skip
_QUOTED = re.compile(r'"([^"]*)"')
_MARKDOWN = (
    (re.compile(r"\*\S|\S\*|__|`|~~"), "emphasis or code marks"),
    (re.compile(r"^\s*(?:#{1,6}\s|[-+\u2022]\s|\d{1,2}[.)]\s|>\s|\|)"), "a heading or list"),
    (re.compile(r"\]\("), "a link"),
    (re.compile(r"</?[A-Za-z|][^>]*>"), "a tag"),
)
_TIME_CODE = re.compile(r"\b\d{1,2}:\d{2}\b")


def plain_text(text: str) -> str:
    """The text with plain quotation marks, dashes and spaces, which models set in many ways."""
    return text.translate(_PLAIN).strip()


def faults_of(answer: str, text: str, *, keep: Sequence[str], max_words: int) -> tuple[str, ...]:
    """What is wrong with an answer; empty if it may be used.

    Args:
        answer: From `plain_text`.
        text: The arranged text that it was made from.
        keep: Things that it has to name.
        max_words: Its longest length.

    Returns:
        Each fault as one sentence, which the model is told when it is asked again.
    """
    text = plain_text(text)
    if not answer:
        return ("The answer is empty.",)
    return (
        *_form_faults(answer, text),
        *_length_faults(answer, text, max_words),
        *_speech_faults(answer, text),
        *_content_faults(answer, text, keep),
    )


def _form_faults(answer: str, text: str) -> list[str]:
    faults = []
    if "\n" in answer or "\r" in answer:
        faults.append("It is not one paragraph.")
    if any(not c.isprintable() and c not in "\r\n" for c in answer):
        faults.append("It holds control characters.")
    found = next((name for pattern, name in _MARKDOWN if pattern.search(answer)), None)
    if found is not None and not any(pattern.search(text) for pattern, _ in _MARKDOWN):
        faults.append(f"It is not plain text: it holds {found}.")
    if _TIME_CODE.search(answer) and not _TIME_CODE.search(text):
        faults.append("It holds a time code.")
    return faults


def _length_faults(answer: str, text: str, max_words: int) -> list[str]:
    length, least = count_words(answer), LEAST_LENGTH * min(count_words(text), max_words)
    if length > max_words:
        return [f"It has {length} words; the limit is {max_words}."]
    return [f"It has only {length} words and leaves things out."] if length < least else []


def _speech_faults(answer: str, text: str) -> list[str]:
    wanted, given = _speech(text), _speech(answer)
    faults = [f'It does not hold the speech "{words}".' for words in wanted if words not in given]
    faults += [f'It adds the speech "{words}".' for words in given if words not in wanted]
    if answer.count('"') % 2 > text.count('"') % 2:
        faults.append("A quotation mark is left open.")
    return faults


def _speech(text: str) -> list[str]:
    """What is quoted; a comma for the last full stop, as before `she says`, is no change."""
    return [one_line(words).rstrip(".,") for words in _QUOTED.findall(text)]


def _content_faults(answer: str, text: str, keep: Sequence[str]) -> list[str]:
    heard = Said(answer)
    faults = [f"It does not name the {thing}." for thing in keep if not heard.names(thing)]
    wanted, given = _stems(text), _stems(answer)
    if wanted and len(wanted & given) < LEAST_KEPT * len(wanted):
        missing = ", ".join(sorted(wanted - given)[:8])
        faults.append(f"It leaves out too many of the given words ({missing} ...).")
    return faults


def _stems(text: str) -> set[str]:
    """The longer words by their beginnings, so that `glides` and `gliding` are one."""
    parts = {part for word in words_of(text) for part in word.split("-")} - _SCAFFOLD
    return {_stem(part) for part in parts if len(part) >= _CONTENT_CHARS}


def _stem(word: str) -> str:
    word = singular(word)
    ending = next((e for e in _ENDINGS if word.endswith(e) and len(word) - len(e) > 2), "")
    return word.removesuffix(ending)[:_STEM_CHARS]
