"""A language model writes an arranged prompt out; the arranged text stands in where it cannot.

Must stay true: what comes back keeps the director's speech word for word and names what he named,
or it is not used; a fallback is always visible (`by == "rules"`, and a note that says why); the
same question gives the same text, from the cache.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache as _once
from importlib.resources import files
from pathlib import Path

from reelwright.errors import InputError, SettingError
from reelwright.prompt.answer import faults_of, plain_text
from reelwright.prompt.answer_cache import answer_key, read_answer, write_answer
from reelwright.prompt.chat import ChatError, Server, ask, server_from_address
from reelwright.prompt.paragraph import DEFAULT_MAX_WORDS, LEAST_MAX_WORDS
from reelwright.prompt.picture import data_url, picture_digest
from reelwright.prompt.said import one_line

DEFAULT_SERVER = "http://127.0.0.1:8080"
"""Where llama.cpp's `llama-server` listens by itself."""

RULES = "rules"
"""What `Enhanced.by` says where no language model wrote the text."""

DEFAULT_TIMEOUT_S = 120.0
MAX_TIMEOUT_S = 3600.0
TEMPERATURE = 0.4
_PAUSE_S = 1.0
_MAX_TEXT_CHARS = 20_000
_MAX_NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class Enhanced:
    """A prompt, and who wrote it.

    Attributes:
        text: One paragraph, ready for the model.
        by: The language model's name, or `RULES` where the arranged text stands in.
        seconds: How long it took.
        notes: What a person should know; where `by` is `RULES`, why.
        cached: Whether it was had before.
    """

    text: str
    by: str
    seconds: float
    notes: tuple[str, ...] = ()
    cached: bool = False

    @property
    def fell_back(self) -> bool:
        """Whether the language model's words were asked for and are not here."""
        return self.by == RULES


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, and what the answer is held to."""

    text: str
    keep: tuple[str, ...]
    model: str | None
    seed: int
    max_words: int
    image: Path | None

    def key(self) -> str:
        return answer_key(
            {
                "text": self.text,
                "keep": self.keep,
                "model": self.model,
                "seed": self.seed,
                "max_words": self.max_words,
                "image": None if self.image is None else picture_digest(self.image),
                "system": _system(self.image is not None),
                "temperature": TEMPERATURE,
            }
        )

    def faults(self, answer: str) -> tuple[str, ...]:
        return faults_of(answer, self.text, keep=self.keep, max_words=self.max_words)


def enhance(
    text: str,
    *,
    server: str = DEFAULT_SERVER,
    model: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    image: Path | None = None,
    seed: int = 0,
    keep: Sequence[str] = (),
    max_words: int = DEFAULT_MAX_WORDS,
    cache: Path | None = None,
) -> Enhanced:
    """Have a language model write a prompt out, once more if its answer is not good enough.

    Args:
        text: The arranged prompt (`ArrangedPrompt.text`).
        server: An OpenAI-compatible server: http:// on this computer, or https://.
        model: Which of its models; None lets it choose.
        timeout_s: For everything, both questions and a pause between them, seconds.
        image: The shot's first picture, for a model that sees.
        seed: Sent along, and part of what the answer is kept under.
        keep: Things that the answer has to name (`ArrangedPrompt.named`).
        max_words: Longest answer.
        cache: Folder where good answers are kept; None keeps none.

    Returns:
        The model's text, or the arranged one with a note that says why.

    Raises:
        SettingError: The address, the time or the limit cannot be used.
        InputError: The text is empty or absurdly long.
        AssetError: The picture cannot be read.
    """
    begun = time.monotonic()
    place = server_from_address(server)
    question = _checked(text, keep, model, seed, max_words, image, timeout_s)
    key = question.key() if cache is not None else ""
    known = _known(question, cache, key)
    if known is not None:
        return Enhanced(known[0], known[1], time.monotonic() - begun, cached=True)
    try:
        answer, by = _answer(place, question, begun + timeout_s)
    except ChatError as error:
        note = f"The prompt is arranged by rule, not enhanced: {error.reason}"
        return Enhanced(question.text, RULES, time.monotonic() - begun, (note,))
    notes = _keep_answer(cache, key, answer, by)
    return Enhanced(answer, by, time.monotonic() - begun, notes)


def _checked(
    text: str,
    keep: Sequence[str],
    model: str | None,
    seed: int,
    max_words: int,
    image: Path | None,
    timeout_s: float,
) -> _Question:
    text = one_line(text)
    if not text:
        raise InputError("There are no words to enhance.", "Write a prompt.")
    if len(text) > _MAX_TEXT_CHARS:
        raise InputError("The prompt has above 20,000 characters.", "Shorten it.")
    if not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise SettingError(
            f"{timeout_s:g} s is no time to wait.", "Set it above 0, to 3600 at most."
        )
    if max_words < LEAST_MAX_WORDS:
        raise SettingError(
            f"A prompt of {max_words} words holds nothing.", f"Allow at least {LEAST_MAX_WORDS}."
        )
    return _Question(text, tuple(keep), model, seed, max_words, image)


def _known(question: _Question, cache: Path | None, key: str) -> tuple[str, str] | None:
    """A kept answer, if it still is what an answer has to be."""
    known = read_answer(cache, key) if cache is not None else None
    if known is None or question.faults(known[0]) or known[1] == RULES:
        return None
    return known[0], _name(known[1])


def _keep_answer(cache: Path | None, key: str, answer: str, by: str) -> tuple[str, ...]:
    if cache is None:
        return ()
    try:
        write_answer(cache, key, answer, by)
    except OSError as error:
        reason = error.strerror or str(error)
        return (f"The enhanced prompt could not be kept for the next time: {reason}.",)
    return ()


def _answer(server: Server, question: _Question, deadline: float) -> tuple[str, str]:
    """A good answer and who gave it, at the second try if need be.

    Raises:
        ChatError: There is none.
    """
    messages = _messages(question)
    why = ""
    for attempt in range(2):
        left = deadline - time.monotonic()
        if left <= 0:
            raise ChatError(f"{why} There was no time to ask again.")
        body = _body(question, messages, question.seed + attempt)
        try:
            reply = ask(server, body, timeout_s=left)
        except ChatError as error:
            if attempt or not error.again or deadline - time.monotonic() <= _PAUSE_S:
                raise ChatError(f"{why} {error.reason}".strip()) from error
            time.sleep(_PAUSE_S)
            continue
        answer = plain_text(reply.text)
        faults = question.faults(answer)
        if reply.cut_short:
            faults = ("It was cut off at the limit of its length.", *faults)
        if not faults:
            return answer, _name(reply.model or question.model or "")
        why = f"The language model's answer was not usable. {' '.join(faults[:3])}"
        messages = [*messages, *_once_more(answer, faults)]
    raise ChatError(why)


def _messages(question: _Question) -> list[dict[str, object]]:
    asked = f"At most {question.max_words} words.\n"
    if question.keep:
        asked += f"Name each of these: {', '.join(question.keep)}.\n"
    asked += f"The shot: {question.text}"
    content: object = asked
    if question.image is not None:
        picture = {"type": "image_url", "image_url": {"url": data_url(question.image)}}
        content = [picture, {"type": "text", "text": asked}]
    return [
        {"role": "system", "content": _system(question.image is not None)},
        {"role": "user", "content": content},
    ]


def _once_more(answer: str, faults: Sequence[str]) -> list[dict[str, object]]:
    """What the model is told about its answer; the answer itself is bounded."""
    return [
        {"role": "assistant", "content": answer[:4000] or "(nothing)"},
        {
            "role": "user",
            "content": f"That cannot be used. {' '.join(faults)} Answer again with the whole "
            "paragraph alone.",
        },
    ]


def _body(question: _Question, messages: Sequence[object], seed: int) -> dict[str, object]:
    body: dict[str, object] = {
        "messages": list(messages),
        "temperature": TEMPERATURE,
        "seed": seed % 2**31,
        "max_tokens": 2 * question.max_words + 64,
        "stream": False,
    }
    return body if question.model is None else {"model": question.model, **body}


def _name(model: str) -> str:
    """A model's name that may stand in a terminal and a report; never the rules' own."""
    name = "".join(c for c in one_line(model) if c.isprintable())[:_MAX_NAME_CHARS]
    return name if name and name != RULES else "language model"


@_once
def _system(with_image: bool) -> str:
    """Our own instructions; they are part of what an answer is kept under."""
    folder = files("reelwright.prompt")
    text = folder.joinpath("system.txt").read_text(encoding="utf-8")
    if with_image:
        text += folder.joinpath("system_image.txt").read_text(encoding="utf-8")
    return text.strip()
