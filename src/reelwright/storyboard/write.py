"""A film as TOML, in the order and layout in which a person would write it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reelwright.storyboard.document import document_from_film

if TYPE_CHECKING:
    from reelwright.storyboard.film import Film

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_ESCAPES |= {'"': '\\"', "\\": "\\\\"}
_INLINE = frozenset({"keys", "keyframes", "loras", "control", "upscale", "first", "last"})
"""Small tables that read better on one line."""

_WIDTH = 100


def film_to_toml(film: Film) -> str:
    """Write a film as a storyboard.

    Only what is not default is written. Reading it gives the same film, to the last bit of every
    number.
    """
    lines: list[str] = []
    _write_table(document_from_film(film), (), lines)
    return "\n".join(lines).strip("\n") + "\n"


def toml_value(value: Any) -> str:
    """One value as TOML, on one line.

    Args:
        value: Text, a number, true or false, or lists and dicts of these.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        pairs = [f"{_key(name)} = {toml_value(part)}" for name, part in value.items()]
        return "{ " + ", ".join(pairs) + " }" if pairs else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(part) for part in value) + "]"
    return repr(value)


def _write_table(table: dict[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    """The plain values of a table, then the tables in it."""
    for name, value in table.items():
        if not _is_table(name, value):
            lines.extend(_pair(name, value))
    for name, value in table.items():
        if not _is_table(name, value):
            continue
        here = (*path, name)
        for part in value if isinstance(value, list) else [value]:
            _write_headed(part, here, lines, is_array=isinstance(value, list))


def _write_headed(
    table: dict[str, Any], path: tuple[str, ...], lines: list[str], *, is_array: bool
) -> None:
    words = ".".join(_key(part) for part in path)
    has_values = any(not _is_table(name, part) for name, part in table.items())
    if is_array or has_values or not table:
        lines.extend(["", f"[[{words}]]" if is_array else f"[{words}]"])
    _write_table(table, path, lines)


def _is_table(name: str, value: Any) -> bool:
    if name in _INLINE:
        return False
    is_list = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return isinstance(value, dict) or is_list


def _pair(name: str, value: Any) -> list[str]:
    line = f"{_key(name)} = {toml_value(value)}"
    is_long = isinstance(value, list) and (name == "keys" or len(line) > _WIDTH)
    if not is_long:
        return [line]
    return [f"{_key(name)} = [", *(f"  {toml_value(part)}," for part in value), "]"]


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character >= " " and character != "\x7f" else f"\\u{ord(character):04x}"
