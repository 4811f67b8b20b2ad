"""Write the pages of `docs/` that are made from the code, or check that they are up to date.

python -m reelwright.cli.reference docs
python -m reelwright.cli.reference --check docs
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from reelwright import env, errors
from reelwright.cli.app import COMMANDS, build_app
from reelwright.cli.terminal import note, say

_MADE = "<!-- Made from the code by `make docs`; change it there. -->\n\n"


def pages() -> dict[str, str]:
    """Every generated page: file name to text."""
    return {
        "cli.md": _MADE + cli_page(),
        "environment.md": _MADE + environment_page(),
        "errors.md": _MADE + errors_page(),
        "storyboard.md": _MADE + storyboard_page(),
    }


def cli_page() -> str:
    """Each command with its arguments, options and defaults."""
    parts = ["# The command line\n"]
    parts += [f"- `reelwright {command.name}`: {command.help}" for command in COMMANDS]
    parts.append(
        "\nEvery command takes `--help` and `--debug` (an error's whole traceback). Exit codes: "
        "0 done, 1 failed, 2 bad input, 130 interrupted (run it again to go on).\n"
    )
    app = build_app()
    for command in COMMANDS:
        parts.append(f"## reelwright {command.name}\n")
        parts.append(f"```\n{_help_text(app, command.name)}\n```\n")
    return "\n".join(parts)


def _help_text(app: Any, name: str) -> str:
    from io import StringIO

    from rich.console import Console

    page = StringIO()
    console = Console(file=page, width=100, force_terminal=False, color_system=None)
    app.help_print([name], console=console)
    lines = (line.rstrip() for line in page.getvalue().splitlines())
    return "\n".join(lines).strip("\n")


def environment_page() -> str:
    """The table of environment variables."""
    rows = [f"| `{variable.name}` | {variable.meaning} |" for variable in env.VARIABLES]
    head = ["# Environment variables\n", "| name | what it sets |", "|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def errors_page() -> str:
    """The tree of errors with codes and exit codes."""
    head = [
        "# Errors\n",
        "Every error says what is wrong, where, and the mend. Programs see the code.\n",
        "| code | error | exit | meaning |",
        "|---|---|---|---|",
    ]
    rows = [
        f"| {kind.code} | {'&nbsp;' * 4 * depth}`{kind.__name__}` | {kind.exit_code} | "
        f"{_first_line(kind)} |"
        for kind, depth in _tree(errors.ReelwrightError, 0)
    ]
    return "\n".join([*head, *rows]) + "\n"


def _tree(
    kind: type[errors.ReelwrightError], depth: int
) -> Iterator[tuple[type[errors.ReelwrightError], int]]:
    yield kind, depth
    for child in kind.__subclasses__():
        if child.__bases__[0] is kind and child.__module__ == errors.__name__:
            yield from _tree(child, depth + 1)


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").splitlines()[0]


def storyboard_page() -> str:
    """Every table of storyboard.toml with its fields, defaults and bounds."""
    schema: dict[str, Any] = import_module("reelwright.storyboard").film_schema()
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    parts = [
        "# storyboard.toml\n",
        "`reelwright new DIR` writes one to start from; `reelwright schema` prints the JSON Schema "
        "that this page is made from. Lengths are metres (Z up), times seconds, angles degrees. "
        "Paths are relative to the storyboard and stay inside its folder.\n",
        _fields_table("The document", schema, definitions),
    ]
    parts += [_fields_table(name, definitions[name], definitions) for name in sorted(definitions)]
    return "\n".join(part for part in parts if part)


def _fields_table(name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return ""
    required = set(schema.get("required", ()))
    about = (schema.get("description") or "").split("\n\n")[0].replace("\n", " ")
    lines = [f"## {name}\n", f"{about}\n" if about else "", "| field | type | default | meaning |"]
    lines.append("|---|---|---|---|")
    for field, facts in schema["properties"].items():
        default = "**required**" if field in required else _code(facts.get("default"))
        meaning = " ".join((facts.get("description") or "").split()).replace("|", "\\|")
        lines.append(f"| `{field}` | {_type_text(facts)} | {default} | {meaning} |")
    return "\n".join(line for line in lines if line) + "\n"


def _code(value: Any) -> str:
    if value is None or value in ({}, []):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type_text(facts: Mapping[str, Any]) -> str:
    if "$ref" in facts:
        name = facts["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in facts:
        return f'`"{facts["const"]}"`'
    if "enum" in facts:
        return ", ".join(f'`"{value}"`' for value in facts["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in facts:
            texts = [_type_text(one) for one in facts[several] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(texts))
    kind = facts.get("type", "any")
    if kind == "array" and isinstance(facts.get("items"), dict):
        return f"list of {_type_text(facts['items'])}"
    if kind == "array":
        return f"{len(facts.get('prefixItems', ()))} values" if "prefixItems" in facts else "list"
    entries = [facts.get("additionalProperties"), *facts.get("patternProperties", {}).values()]
    named = [entry for entry in entries if isinstance(entry, dict)]
    if kind == "object" and named:
        return f"table of {_type_text(named[0])}"
    return str(kind)


def main(words: Sequence[str]) -> int:
    """Write the pages, or with `--check` say which are out of date (and return 1)."""
    folder = Path(next(word for word in words if not word.startswith("-")))
    stale = 0
    for name, text in pages().items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in words:
            note(f"error: {path} is out of date\n mend: make docs")
        else:
            path.write_text(text, encoding="utf-8")
            say(str(path))
    return 1 if stale and "--check" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
