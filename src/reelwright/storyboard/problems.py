"""What is wrong with a storyboard, in words a person can act on.

pydantic says what it found; here each of its findings becomes a sentence and a mend, made from the
models themselves (bounds, descriptions, the names of fields), so that a new field needs no words
of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from reelwright.errors import Problem
from reelwright.storyboard.source import field_path
from reelwright.storyboard.words import nearest, shown

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from reelwright.storyboard.source import Path, SourceMap

MAX_PROBLEMS = 500
"""Problems that are listed; nobody mends more at a time."""

MAX_FINDINGS = 2 * MAX_PROBLEMS
"""Findings that are put in words, of the models and of the checks each."""

_WANTED = {
    "float_type": ("a number", "a number, such as 2.5, without quotes"),
    "int_type": ("a whole number", "a whole number, such as 2, without quotes or a point"),
    "int_from_float": ("a whole number", "a whole number, such as 2"),
    "string_type": ("text", 'text in quotes, such as "words"'),
    "bool_type": ("true or false", "true or false, without quotes"),
    "tuple_type": ("a list", "a list of numbers in square brackets, such as [0, 0, 0]"),
    "list_type": ("a list", "a list in square brackets"),
    "dict_type": ("a table", "a table: a [heading] with settings under it, or { name = value }"),
    "model_type": ("a table", "a table: a [heading] with settings under it, or { name = value }"),
    "finite_number": ("a finite number", "a finite number"),
}
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, before its line is known.

    Attributes:
        path: The field it concerns.
        what: What is wrong, in one sentence.
        mend: What to do about it, in one sentence.
    """

    path: Path
    what: str
    mend: str


def findings_from_validation(error: ValidationError, model: type[BaseModel]) -> list[Finding]:
    """Each thing that pydantic found wrong, in words.

    Args:
        error: What it raised.
        model: The model that was validated.
    """
    details = error.errors(include_url=False)[:MAX_FINDINGS]
    return [_finding(detail, model) for detail in details if not _is_echo(detail)]


def _is_echo(detail: ErrorDetails) -> bool:
    """A list is "too short" when its elements have failed; they have been told."""
    least, given = (detail.get("ctx") or {}).get("min_length", 0), detail["input"]
    return detail["type"] == "too_short" and isinstance(given, list | tuple) and len(given) >= least


def problems_from_findings(
    findings: list[Finding], source: SourceMap | None = None, name: str | None = None
) -> list[Problem]:
    """Findings as problems, each once, in the order of the file.

    Args:
        findings: What is wrong.
        source: The lines of the file; None for a film made in Python.
        name: What messages call the file.
    """
    unique = {(finding.path, finding.what): finding for finding in findings}.values()
    problems = [
        Problem(f.what, f.mend, name, source.line(f.path) if source else None, field_path(f.path))
        for f in unique
    ]
    problems.sort(key=lambda problem: problem.line or 0)
    if len(problems) > MAX_PROBLEMS:
        cut = problems[MAX_PROBLEMS]
        more = Problem("More problems follow.", "Mend these first.", name, cut.line, cut.field)
        problems[MAX_PROBLEMS:] = [more]
    return problems


def _finding(detail: ErrorDetails, model: type[BaseModel]) -> Finding:
    kind, path, context = detail["type"], tuple(detail["loc"]), detail.get("ctx") or {}
    axes = _num_values(path, model)
    if axes and (kind == "too_long" or (kind == "missing" and isinstance(path[-1], int))):
        return _wrong_count(path, axes, detail["input"])
    if path and path[-1] == "[key]":
        return _bad_name(path[:-1], str(path[-2]))
    if kind == "extra_forbidden":
        return _unknown_key(path, model)
    if kind == "missing":
        return _missing(path, model)
    what, mend = _said(kind, context, detail["input"], detail["msg"])
    info = _field_at(path, model)
    if kind == "tuple_type" and info is not None and _model_in(info.annotation) is not None:
        mend = f"Write each as a table of its own, headed {_table_name(_words(path))}."
    if not mend:
        mend = info.description or "" if info else ""
    return Finding(path, what, mend or "See `reelwright schema` for what may stand here.")


def _said(kind: str, context: dict[str, Any], value: object, message: str) -> tuple[str, str]:
    """What is wrong and the mend, for one kind of error; no mend: the field's own words."""
    if "mend" in context:
        return message, str(context["mend"])
    if kind in _WANTED:
        wanted, how = _WANTED[kind]
        return f"{shown(value)} is not {wanted}.", f"Write {how}."
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        limit = f"{words} {_plain(context[name])}"
        return f"{shown(value)} is not {limit}.", f"Write a number {limit}."
    if kind in ("literal_error", "enum"):
        return _not_a_choice(value, str(context["expected"]))
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        return _wrong_length(kind, context)
    if kind == "string_pattern_mismatch":
        return _bad_name_words(str(value))
    return f"{shown(value)} cannot stand here.", ""


def _not_a_choice(value: object, expected: str) -> tuple[str, str]:
    choices = [word.strip("'") for part in expected.split(" or ") for word in part.split(", ")]
    near = nearest(value, choices) if isinstance(value, str) else None
    known = ", ".join(choices)
    hint = f"Did you mean {shown(near)}? " if near else ""
    return f"{shown(value)} is not one of the choices.", f"{hint}Choose one of: {known}."


def _wrong_length(kind: str, context: dict[str, Any]) -> tuple[str, str]:
    unit = "characters" if kind.startswith("string") else "entries"
    if kind.endswith("short"):
        least = context.get("min_length", 1)
        if least == 1:
            return "It is empty.", "Put something in, or take it out."
        return f"It has fewer than {least} {unit}.", f"Give it at least {least}."
    most = context.get("max_length", 0)
    return f"It has more than {most} {unit}.", f"Keep it to {most} at most."


def _bad_name(path: Path, name: str) -> Finding:
    what, mend = _bad_name_words(name)
    return Finding(path, what, mend)


def _bad_name_words(name: str) -> tuple[str, str]:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)
    plain = plain.strip("-_")[:64]
    hint = f', such as "{plain}"' if plain else ""
    return (
        f"{shown(name)} cannot be a name.",
        f"Use letters, digits, - and _, at most 64, a letter or digit first{hint}.",
    )


def _unknown_key(path: Path, model: type[BaseModel]) -> Finding:
    key = str(path[-1])
    names = _names(_model_at(path[:-1], model))
    near = nearest(key, names)
    homes = [home for home in _homes(model).get(key, ()) if home]
    if homes:
        mend = f"It belongs in {' or '.join(homes)}."
    elif near:
        mend = f"Did you mean `{near}`?"
    else:
        mend = f"Take it out. Known here: {', '.join(names)}."
    return Finding(path, f"`{_short(key)}` is not a setting that is known here.", mend)


def _missing(path: Path, model: type[BaseModel]) -> Finding:
    info, key = _field_at(path, model), str(path[-1])
    words = info.description if info and info.description else ""
    table = "`[[shots]]`" if path == ("shots",) else f"`{key} = ...`"
    return Finding(path, f"`{key}` is missing.", f"Add {table}. {words}".strip())


def _wrong_count(path: Path, axes: int, given: object) -> Finding:
    """A point with two values, a size with three."""
    path = path[:-1] if isinstance(path[-1], int) else path
    has = len(given) if isinstance(given, list | tuple) else 0
    count = f"It has {has} value{'' if has == 1 else 's'}"
    return Finding(path, f"{count}; {axes} are wanted.", f"Write {axes} numbers.")


def _num_values(path: Path, model: type[BaseModel]) -> int:
    """How many values a field of points or sizes takes; 0 if it is none or takes any number."""
    field = _field_at(path, model)
    parts = _tuple_args(field.annotation) if field else ()
    return 0 if not parts or parts[-1] is Ellipsis else len(parts)


def _tuple_args(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is tuple:
        return get_args(annotation)
    found = (_tuple_args(part) for part in get_args(annotation))
    return next((args for args in found if args), ())


def _model_at(path: Path, model: type[BaseModel]) -> type[BaseModel] | None:
    """The model of the table at a path; None if no table is known there."""
    annotation: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        if get_origin(annotation) is dict:  # the part is a name that a person chose
            annotation = get_args(annotation)[1]
            continue
        here = _model_in(annotation)
        field = _fields(here).get(part) if here else None
        if field is None:
            return None
        annotation = field.annotation
    return None if get_origin(annotation) is dict else _model_in(annotation)


def _field_at(path: Path, model: type[BaseModel]) -> FieldInfo | None:
    """The nearest described field of a path."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    table = _model_at(path[:-1], model) if path else None
    field = _fields(table).get(str(path[-1])) if table else None
    return field if field is not None and field.description else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is of: Shot of tuple[Shot, ...], Prop of dict[str, Prop]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in reversed(get_args(annotation)))
    return next((model for model in found if model is not None), None)


@cache
def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Fields by the names that stand in TOML."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _names(model: type[BaseModel] | None) -> list[str]:
    return list(_fields(model)) if model else []


@cache
def _homes(model: type[BaseModel], path: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """In which tables each key may stand."""
    homes: dict[str, tuple[str, ...]] = {}
    for name, field in _fields(model).items():
        homes[name] = (*homes.get(name, ()), _table_name(path))
        inner = _model_in(field.annotation)
        if inner is not None and len(path) < 2:
            for key, tables in _homes(inner, (*path, name)).items():
                homes[key] = (*homes.get(key, ()), *tables)
    return homes


def _table_name(path: tuple[str, ...]) -> str:
    if not path:
        return ""
    words = ".".join(path[:1] + (("NAME",) if path == ("props",) else ()) + path[1:])
    is_array = path[-1] in ("shots", "music", "place", "audio", "keyframes", "keys", "loras")
    return f"[[{words}]]" if is_array else f"[{words}]"


def _words(path: Path) -> tuple[str, ...]:
    return tuple(part for part in path if isinstance(part, str))


def _short(key: str) -> str:
    return shown(key)[1:-1]


def _plain(limit: Any) -> str:
    return str(int(limit)) if limit == int(limit) else str(limit)
