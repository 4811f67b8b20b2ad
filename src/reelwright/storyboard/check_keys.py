"""Keys of a path: in order, within the shot, and saying something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reelwright.storyboard.problems import Finding
from reelwright.storyboard.table import Table

_SLACK_S = 1e-6


def check_keys(table: Table, channels: Sequence[str], seconds: float | None) -> Iterator[Finding]:
    """What is wrong with the keys of a camera or of a placed prop.

    Args:
        table: What has the keys.
        channels: What a key may say.
        seconds: Length of the shot; None if it is not known.
    """
    last: float | None = None
    for key in table.tables("keys"):
        time_s = key.number("t_s")
        yield from _says_something(key, channels, time_s)
        if time_s is None:
            continue
        if last is not None and time_s <= last:
            yield Finding(
                key.at("t_s"),
                f"The key at {time_s:g} s does not come after the one at {last:g} s.",
                "Put the keys in order of time, one for each time.",
            )
        if seconds is not None and time_s > seconds + _SLACK_S:
            yield Finding(
                key.at("t_s"),
                f"The key at {time_s:g} s is after the end of the shot, {seconds:g} s.",
                f"Move it to {seconds:g} s or before, or lengthen the shot.",
            )
        if time_s == 0:
            yield from _said_twice(table, key, channels)
        last = time_s if last is None else max(last, time_s)


def _says_something(key: Table, channels: Sequence[str], time_s: float | None) -> Iterator[Finding]:
    opens = time_s == 0 and "ease" in key
    if not opens and not any(name in key for name in channels):
        yield Finding(key.path, "This key says nothing.", f"Give it one of: {', '.join(channels)}.")


def _said_twice(table: Table, key: Table, channels: Sequence[str]) -> Iterator[Finding]:
    for name in channels:
        if name in key and name in table:
            yield Finding(
                key.at(name),
                f"`{name}` at the shot's beginning is said twice: here and beside the keys.",
                "Keep one of the two.",
            )
