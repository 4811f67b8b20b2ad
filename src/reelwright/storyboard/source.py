"""Where in a TOML text each value stands.

A small scanner over the text, not a second parser: it follows keys, tables, strings and brackets
and notes the line of each, and leaves what a value means to `tomllib`. Neither tomllib nor tomlkit
tells lines of values. It also holds the two limits that keep hostile text from tomllib, whose time
grows with the square of a dotted key's length and whose stack with the depth of brackets.

Must stay true: where the text is valid TOML, every key and array element of it has a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

MAX_DEPTH = 32
"""Brackets within brackets; a storyboard has at most five."""

MAX_KEY_PARTS = 16
"""Parts of a dotted key; a storyboard has at most four."""

MAX_ELEMENTS = 4096
"""Elements of one list whose lines are kept; no list of a storyboard may be longer."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"((?:[^"\\\n]++|\\.)*+)"')
_LITERAL = re.compile(r"'([^'\n]*)'")
_LONG_BASIC = re.compile(r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+"""(?:"{0,2})')
_LONG_LITERAL = re.compile(r"'''(?:[^']++|'(?!''))*+'''(?:'{0,2})")
_PLAIN = re.compile(r"[^\s,\]}#=\[{\"']+(?: \d\d:\d\d[^\s,\]}#]*)?")
_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|\[(\d+)\]|([^.\["]+)')


def field_path(path: Path) -> str:
    """Write a path as people do: `shots[1].camera.lens_mm`."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            plain = part if _BARE_KEY.fullmatch(part) else _quoted(part)
            words += f".{plain}" if words else plain
    return words


def path_from_field(words: str) -> Path:
    """Read a path that `field_path` wrote."""
    parts: list[str | int] = []
    for match in _PART.finditer(words):
        quoted, index, plain = match.groups()
        if index is not None:
            parts.append(int(index))
        else:
            parts.append(_unquoted(quoted) if plain is None else plain)
    return tuple(parts)


class TooDeep(Exception):  # noqa: N818 - caught by `load`, which tells it as a problem
    """Brackets or dotted keys beyond the limits.

    Args:
        line: Where, from 1.
        field: The key it is under.
    """

    def __init__(self, line: int, field: str) -> None:
        super().__init__(line, field)
        self.line = line
        self.field = field


@dataclass(frozen=True, slots=True)
class SourceMap:
    """The line of each value of a storyboard.

    Attributes:
        lines: Line, from 1, by path.
        last_line: The line of the last key or element that the scan came to.
    """

    lines: dict[Path, int] = field(default_factory=dict)
    last_line: int = 1

    @classmethod
    def of(cls, text: str) -> SourceMap:
        """Scan a TOML text. Text that is not TOML is mapped as far as it can be followed.

        Raises:
            TooDeep: Brackets or keys are nested beyond the limits.
        """
        scanner = _Scanner(text)
        return cls(scanner.scan(), scanner.last_line)

    def line(self, field_path: str | Path) -> int | None:
        """The line of a value, from 1; of the nearest table round it if it is not written.

        Args:
            field_path: `shots[1].camera.lens_mm`, or its parts.
        """
        path = path_from_field(field_path) if isinstance(field_path, str) else field_path
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


class _Lost(Exception):  # noqa: N818 - ends the scan; tomllib says what is wrong
    pass


class _Scanner:
    """One pass over the text; `place` only goes forward."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}  # elements of each array of tables so far
        self.last_line = 1
        self._line = 1
        self._counted = 0

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        try:
            while True:
                self.skip(_BLANK)
                if self.place >= len(self.text):
                    break
                if self.text[self.place] == "[":
                    table = self.header()
                else:
                    self.pair(table, 0)
        except _Lost:
            pass
        return self.lines

    def line(self) -> int:
        """The line of the place; counted on from the last time it was asked."""
        self._line += self.text.count("\n", self._counted, self.place)
        self._counted = self.place
        return self._line

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.place)
        if match is None:
            raise _Lost
        self.place = match.end()
        return match.group()

    def expect(self, words: str) -> None:
        if not self.text.startswith(words, self.place):
            raise _Lost
        self.place += len(words)

    def note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)
        self.last_line = line

    def key(self) -> tuple[str, ...]:
        line, parts = self.line(), []
        while True:
            self.skip(_SPACE)
            parts.append(self.key_part())
            if len(parts) > MAX_KEY_PARTS:
                raise TooDeep(line, field_path(tuple(parts[:3])))
            self.skip(_SPACE)
            if not self.text.startswith(".", self.place):
                return tuple(parts)
            self.place += 1

    def key_part(self) -> str:
        first = self.text[self.place : self.place + 1]
        if first == '"':
            return _unquoted(self.skip(_BASIC)[1:-1])
        if first == "'":
            return self.skip(_LITERAL)[1:-1]
        return self.skip(_BARE_KEY)

    def header(self) -> Path:
        """`[table]` or `[[array of tables]]`; gives the path that its keys stand under."""
        line = self.line()
        is_array = self.text.startswith("[[", self.place)
        self.expect("[[" if is_array else "[")
        keys = self.key()
        self.expect("]]" if is_array else "]")
        path: Path = ()
        for index, part in enumerate(keys):
            path = (*path, part)
            is_last = index == len(keys) - 1
            self.note(path, line)
            if is_last and is_array:
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
                self.note(path, line)
        return path

    def pair(self, table: Path, depth: int) -> None:
        """`key = value`."""
        line, path = self.line(), table
        for part in self.key():
            path = (*path, part)
            self.note(path, line)
        self.expect("=")
        self.skip(_SPACE)
        self.value(path, depth)

    def value(self, path: Path, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TooDeep(self.line(), field_path(path[:3]))
        first = self.text[self.place : self.place + 1]
        if first == "[":
            self.array(path, depth + 1)
        elif first == "{":
            self.inline_table(path, depth + 1)
        elif first == '"':
            long = self.text.startswith('"""', self.place)
            self.skip(_LONG_BASIC if long else _BASIC)
        elif first == "'":
            long = self.text.startswith("'''", self.place)
            self.skip(_LONG_LITERAL if long else _LITERAL)
        else:
            self.skip(_PLAIN)

    def array(self, path: Path, depth: int) -> None:
        self.expect("[")
        index = 0
        while True:
            self.skip(_BLANK)
            if self.text.startswith("]", self.place):
                break
            element = (*path, index)
            if index < MAX_ELEMENTS:
                self.note(element, self.line())
            self.value(element, depth)
            index += 1
            self.skip(_BLANK)
            if self.text.startswith(",", self.place):
                self.place += 1
            elif not self.text.startswith("]", self.place):
                raise _Lost
        self.place += 1

    def inline_table(self, path: Path, depth: int) -> None:
        self.expect("{")
        while True:
            self.skip(_BLANK)
            if self.text.startswith("}", self.place):
                break
            self.pair(path, depth)
            self.skip(_BLANK)
            if self.text.startswith(",", self.place):
                self.place += 1
            elif not self.text.startswith("}", self.place):
                raise _Lost
        self.place += 1


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")


def _unquoted(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        short, long, letter = match.groups()
        if letter is not None:
            return _ESCAPES.get(letter, letter)
        code = int(short or long, 16)
        return chr(code) if code < 0x110000 else match.group()

    return _ESCAPE.sub(plain, text)
