"""Verdicts as a table of the page: value, limits, what was found, what to try."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reelwright.quality.report import Status, Verdict, worst_status
from reelwright.quality.rows import limits_text, measure_title, value_text
from reelwright.quality.threshold import Threshold
from reelwright.quality.thresholds import THRESHOLDS

MARKS = {
    Status.PASSED: "✓",
    Status.NOTE: "i",
    Status.WARN: "!",
    Status.FAIL: "✕",
    Status.NOT_JUDGED: "?",
}
"""Told by shape as well as by colour."""


def status_html(status: Status) -> str:
    """A status as a pill."""
    kind = status_class(status)
    return (
        f'<span class="pill {kind}"><i aria-hidden="true">{MARKS[status]}</i>{status.value}</span>'
    )


def status_class(status: Status) -> str:
    """A status as a class name."""
    return status.value.replace(" ", "-")


def verdict_table(verdicts: Sequence[Verdict], caption: str) -> str:
    """Verdicts as a table, gravest first, those that could not be judged last."""
    if not verdicts:
        return ""
    ordered = sorted(verdicts, key=_gravity)
    rows = "".join(_row(verdict) for verdict in ordered)
    return (
        f'<div class="scroll"><table class="verdicts"><caption>{escape(caption)}</caption>'
        '<thead><tr><th scope="col">Measure</th><th scope="col">Verdict</th>'
        '<th scope="col">Value and limits</th><th scope="col">What was found</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _gravity(verdict: Verdict) -> int:
    order = (Status.FAIL, Status.WARN, Status.NOTE, Status.PASSED, Status.NOT_JUDGED)
    return order.index(verdict.status)


def _row(verdict: Verdict) -> str:
    subject = f" <em>{escape(verdict.subject)}</em>" if verdict.subject else ""
    return (
        f'<tr class="{status_class(verdict.status)}">'
        f'<th scope="row">{escape(measure_title(verdict.measure))}{subject}</th>'
        f"<td>{status_html(verdict.status)}</td><td>{_value(verdict)}</td>"
        f"<td>{escape(verdict.message)}{remedy_html(verdict)}</td></tr>"
    )


def remedy_html(verdict: Verdict) -> str:
    """What to try first, in words and by the names that a program acts on."""
    if not verdict.remedy:
        return ""
    names = " ".join(f"<code>{escape(hint.value)}</code>" for hint in verdict.hints)
    shown = f'<span class="hints">{names}</span>' if names else ""
    return f'<p class="remedy"><b>Try first</b> {escape(verdict.remedy)} {shown}</p>'


def guards_html(verdicts: Sequence[Verdict]) -> str:
    """The guards as a row of marks, each by its gravest verdict."""
    by_guard: dict[str, list[Status]] = {}
    for verdict in verdicts:
        row = THRESHOLDS.get(verdict.measure)
        if row is not None and row.guard:
            by_guard.setdefault(verdict.measure, []).append(verdict.status)
    if not by_guard:
        return ""
    marks = "".join(
        f'<li class="{status_class(status)}" title="{status.value}">'
        f'<i aria-hidden="true">{MARKS[status]}</i>{escape(measure_title(measure))}'
        f'<span class="hidden">: {status.value}</span></li>'
        for measure, status in ((name, worst_status(found)) for name, found in by_guard.items())
    )
    return f'<h3 class="sub">Guards</h3><ul class="guards">{marks}</ul>'


def _value(verdict: Verdict) -> str:
    row = THRESHOLDS.get(verdict.measure)
    text = value_text(verdict)
    number = f'<span class="value">{escape(text)}</span>' if text else ""
    limits = limits_text(row)
    shown = f'<span class="limits">{escape(limits)}</span>' if limits else ""
    return f"{number}{_gauge(verdict, row)}{shown}"


def _gauge(verdict: Verdict, row: Threshold | None) -> str:
    """A bar from good to bad, with the value in it."""
    if row is None or verdict.value is None or verdict.status is Status.NOT_JUDGED:
        return ""
    limits = [limit for limit in (row.note, row.warn, row.fail) if limit is not None]
    if not limits:
        return ""
    if not row.above:
        good, bad = max(limits) + 0.6 * (max(limits) - 0), min(limits) * 0.6
    else:
        low = min(limits)
        good = 0.0 if low > 0 else low - abs(low) - 1
        bad = max(limits) + 0.25 * (max(limits) - good)

    def at(value: float) -> float:
        return 100 * min(max((value - good) / (bad - good), 0.0), 1.0)

    named = ((row.note, "note"), (row.warn, "warn"), (row.fail, "fail"))
    zones = "".join(
        f'<i class="{kind}" style="left:{at(limit):.1f}%"></i>'
        for limit, kind in named
        if limit is not None
    )
    return (
        f'<span class="gauge" aria-hidden="true">{zones}'
        f'<b style="left:{at(verdict.value):.1f}%"></b></span>'
    )
