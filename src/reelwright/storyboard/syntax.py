"""Mends for text that is not TOML, by what tomllib says of it."""

from __future__ import annotations

_MENDS = (
    ("overwrite", "This is said twice; keep one."),
    ("twice", "This is said twice; keep one."),
    ("Unclosed array", "Close the list with ]."),
    ("Unclosed inline", "Close the table with }."),
    ('Expected "\'"', "Close the text with a quote."),
    ("Unterminated string", "Close the text with a quote."),
    ("Expected '='", "Write it as `name = value`; a name with spaces needs quotes."),
    ("Expected ']'", "Close the table's name with ]."),
    ("after a statement", "One setting to a line; a text with quotes in it needs \\\" or ''."),
    ("Invalid value", 'Text needs quotes: name = "words"; numbers and true or false do not.'),
    ("Illegal character", "Put the text in quotes, without line breaks or tabs in single ones."),
    ("Unescaped", "Write a backslash twice (\\\\), or use single quotes: 'C:\\words'."),
    ("escape", "Write a backslash twice (\\\\), or use single quotes."),
    ("Invalid initial character", "A table in { } stays on one line, with no comma at its end."),
    ("Invalid statement", "Write `name = value`, or a table's name in square brackets."),
    ("date", "Put quotes round a date."),
)


def syntax_mend(said: str) -> str:
    """What to do about text that tomllib refuses.

    Args:
        said: Its message.
    """
    for words, mend in _MENDS:
        if words.lower() in said.lower():
            return mend
    return "Mend the line, or take it out."
