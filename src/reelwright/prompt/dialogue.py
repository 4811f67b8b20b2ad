"""What is said, with who says it.

Lines that stand in quotation marks are the director's own sentence and stay as they are. `Anna: We
are home.` becomes `Anna says: "We are home."`; without a name it is a voice that says it.
"""

from __future__ import annotations

import re

from reelwright.prompt.said import Said, one_line, word_set

_QUOTES = re.compile('["\u201c\u201d\u201e\u00ab\u00bb]')
_QUOTED = re.compile(
    '["\u201c\u201e\u00ab\u00bb]([^"\u201c\u201d\u201e\u00ab\u00bb]*)["\u201c\u201d\u00ab\u00bb]'
)
_LINE = re.compile(r"^(?P<who>[^:.!?,;]{1,48}):\s+(?P<words>\S.*)$")
_ARTICLES = word_set("a an the my our his her their one another first second")
_NOT_NAMES = word_set(
    "listen look wait remember note yes no please well now quick quickly ok okay hey oh ah but and "
    "so then careful warning attention question answer"
)
_MOST_NAME_WORDS = 5


def dialogue_words(dialogue: str, told: str = "") -> str:
    """Put spoken words in quotation marks, with who says them.

    Args:
        dialogue: As the director wrote it: one line for each speaker.
        told: Words before it; a line that is quoted there is not said again.

    Returns:
        One line; empty for empty dialogue. Every word of the director is in it or in `told`.
    """
    heard = Said(" | ".join(_QUOTED.findall(one_line(told))))
    lines = _lines(dialogue)
    return " ".join(_sentence(*line) for line in lines if not heard.repeats(_spoken(line[1])))


def _lines(dialogue: str) -> list[tuple[str, str]]:
    """Who speaks, and the words; a line without a name goes on with the one before."""
    lines: list[tuple[str, str]] = []
    for line in filter(None, map(one_line, dialogue.splitlines())):
        who, words = ("", line) if _is_quoted(line) else _speaker(line)
        if lines and not who and not _is_quoted(line) and not _is_quoted(lines[-1][1]):
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {words}")
        else:
            lines.append((who, words))
    return lines


def _is_quoted(words: str) -> bool:
    return _QUOTES.search(words) is not None


def _spoken(words: str) -> str:
    """What of a line is speech: all of it, or what stands in quotation marks."""
    return " ".join(_QUOTED.findall(words)) or words


def _sentence(who: str, words: str) -> str:
    if _is_quoted(words):
        return words
    return f'{who or "A voice"} says: "{words}"'


def _speaker(line: str) -> tuple[str, str]:
    """Who speaks a line, if it begins with a name and a colon, and the words."""
    found = _LINE.match(line)
    if found is None or not _is_name(found["who"]):
        return "", line
    return found["who"].strip(), found["words"]


def _is_name(text: str) -> bool:
    """Whether words before a colon are a name: `ANNA`, `Old Tom`, `The captain (softly)`."""
    words = re.sub(r"\([^)]*\)", " ", text).split()
    if not 1 <= len(words) <= _MOST_NAME_WORDS or words[0].lower() in _NOT_NAMES:
        return False
    return words[0].lower() in _ARTICLES or all(word[0].isupper() for word in words)
