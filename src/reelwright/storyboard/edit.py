"""Change one value of a storyboard and leave the rest as a person wrote it, comments and all."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from typing import Any

from reelwright.errors import InputError
from reelwright.storyboard.source import Path, path_from_field
from reelwright.storyboard.write import toml_value


def edit_toml(text: str, field: str, value: Any) -> str:
    """Set, add or remove one value.

    Args:
        text: A storyboard.
        field: The value, e.g. `shots[1].camera.lens_mm`; tables on the way are made.
        value: Text, a number, true or false, lists and dicts of these; None removes the value.

    Returns:
        The text with that value changed and every comment kept.

    Raises:
        InputError: The text is not TOML, the field leads nowhere, or the value is none of TOML's.
    """
    path = path_from_field(field)
    if not path or isinstance(path[0], int):
        raise InputError(f'"{field}" is no field.', "Write one such as shots[0].seconds.")
    wanted = _parsed(text)
    _change(wanted, path, field, _literal(value, field))
    edited = _edited(text, path, field, value)
    if _parsed(edited) != wanted:  # a person's file is never written wrong
        raise InputError(
            f'"{field}" cannot be changed without rewriting the file.',
            "Change it by hand.",
            where=field,
        )
    return edited


def _literal(value: Any, field: str) -> Any:
    """The value as TOML reads it back."""
    if value is None:
        return None
    try:
        return tomllib.loads(f"value = {toml_value(value)}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            "This is no value of TOML.", "Use text or numbers.", where=field
        ) from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("The storyboard is not TOML.", "Mend it before it is edited.") from error


def _edited(text: str, path: Path, field: str, value: Any) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        item = None if value is None else tomlkit.value(toml_value(value))
        _change(document, path, field, item)
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise InputError(
            f'"{field}" cannot be changed in this file.', "Change it by hand.", where=field
        ) from error


def _change(document: Any, path: Path, field: str, value: Any) -> None:
    """Walk to the table of the value and set it; the same for tomlkit's and for plain tables."""
    here = document
    for part, following in pairwise(path):
        if isinstance(part, str) and isinstance(here, dict) and part not in here:
            if value is None or isinstance(following, int):
                raise _nowhere(field)
            here[part] = _new_table(document)
        here = _step(here, part, field)
    last = path[-1]
    if isinstance(last, str) and not isinstance(here, dict):
        raise _nowhere(field)
    if value is None or isinstance(last, int):
        _step(here, last, field)
    if value is None:
        del here[last]
    else:
        here[last] = value


def _step(here: Any, part: str | int, field: str) -> Any:
    try:
        return here[part]
    except (KeyError, IndexError, TypeError) as error:
        raise _nowhere(field) from error


def _new_table(document: Any) -> Any:
    import tomlkit

    return tomlkit.table() if isinstance(document, tomlkit.TOMLDocument) else {}


def _nowhere(field: str) -> InputError:
    return InputError(
        f'"{field}" leads nowhere in this storyboard.', "Name a field that is there.", where=field
    )
