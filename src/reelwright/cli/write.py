"""`new`, `check` and `schema`: writing a storyboard."""

from __future__ import annotations

import json
from pathlib import Path

from reelwright.cli.options import AsJson
from reelwright.cli.terminal import note, say


def new(directory: Path, /) -> None:
    """Write a small film that renders as it stands.

    Parameters
    ----------
    directory
        A folder that does not exist yet, or is empty.
    """
    from reelwright.storyboard import new_film

    path = new_film(directory)
    say(str(path))
    note(f"Next: reelwright render {path}")


def check(storyboard: Path, /, *, as_json: AsJson = False) -> int:
    """Say what is wrong with a storyboard: every problem with its line and its mend.

    What this installation cannot carry out is named here too, before any work.

    Parameters
    ----------
    storyboard
        The .toml file.
    as_json
        Print the problems as JSON, one object a line.
    """
    from reelwright.errors import StoryboardError
    from reelwright.production import check_film

    try:
        checked = check_film(storyboard)
    except StoryboardError as error:
        if not as_json:
            raise
        for problem in error.problems:
            fields = ("file", "line", "field", "what", "mend")
            say(json.dumps({name: getattr(problem, name) for name in fields}, ensure_ascii=False))
        return error.exit_code
    for text in () if as_json else checked.notes:
        note(f"note: {text}")
    if not as_json:
        say(f"{storyboard}: fine. {checked.summary}")
    return 0


def schema() -> None:
    """Print the JSON Schema of storyboard.toml, for editors that complete and check."""
    from reelwright.storyboard import film_schema

    say(json.dumps(film_schema(), indent=2, ensure_ascii=False))
