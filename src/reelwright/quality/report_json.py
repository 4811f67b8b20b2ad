"""A report as JSON and back, with a version.

Keys are the attributes' names; frame rates are `24000/1001`; what could not be measured is null.
The same report gives the same JSON, so that it can be kept as an artifact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any, TypeVar

from reelwright.errors import QualityError
from reelwright.quality.remedy import Remedy
from reelwright.quality.report import (
    Report,
    Series,
    ShotReport,
    Status,
    Transition,
    Try,
    Verdict,
)

FORMAT = "reelwright-report"
"""What the file says it is."""

VERSION = 1
"""Raised when a reader of the version before would misread it."""

_T = TypeVar("_T")


def report_to_json(report: Report) -> dict[str, object]:
    """A report as plain JSON values."""
    return {"format": FORMAT, "format_version": VERSION, **_plain(report)}


def shot_report_to_json(report: ShotReport) -> dict[str, object]:
    """One shot's report as plain JSON values."""
    return {"format": f"{FORMAT}-shot", "format_version": VERSION, **_plain(report)}


def report_from_json(data: object) -> Report:
    """A report from plain JSON values.

    Raises:
        QualityError: They are not a report, or of a version that this one does not read.
    """
    return _guarded(_report, _opened(data, FORMAT))


def shot_report_from_json(data: object) -> ShotReport:
    """One shot's report from plain JSON values.

    Raises:
        QualityError: They are not a shot's report, or of a version that this one does not read.
    """
    return _guarded(_shot, _opened(data, f"{FORMAT}-shot"))


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass of this room as plain values, field by field."""
    return {item.name: _plain_value(getattr(value, item.name)) for item in fields(value)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    if isinstance(value, (Status, Remedy, Fraction)):
        return str(value)
    return _plain(value) if hasattr(value, "__dataclass_fields__") else value


def _opened(data: object, kind: str) -> Mapping[str, Any]:
    mend = "Give the JSON that `reelwright report --json` wrote."
    if not isinstance(data, Mapping) or data.get("format") != kind:
        raise QualityError("This is not a quality report.", mend)
    if data.get("format_version") != VERSION:
        raise QualityError(
            f"This report is of version {data.get('format_version')}; this Reelwright reads "
            f"{VERSION}.",
            "Measure the film again.",
        )
    return data


def _guarded(read: Callable[[Mapping[str, Any]], _T], data: Mapping[str, Any]) -> _T:
    try:
        return read(data)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
        raise QualityError(
            f"This report is damaged: {type(error).__name__} {error}.", "Measure the film again."
        ) from error


def _report(data: Mapping[str, Any]) -> Report:
    return Report(
        title=str(data["title"]),
        label=str(data["label"]),
        shots=tuple(_shot(item) for item in data["shots"]),
        verdicts=tuple(_verdict(item) for item in data["verdicts"]),
        series=tuple(_series(item) for item in data["series"]),
        notes=tuple(str(item) for item in data["notes"]),
        version=str(data["version"]),
    )


def _shot(data: Mapping[str, Any]) -> ShotReport:
    return ShotReport(
        shot=str(data["shot"]),
        label=str(data["label"]),
        num_frames=int(data["num_frames"]),
        frame_rate=Fraction(data["frame_rate"]),
        size=_pair(data["size"]),
        measured_size=_pair(data["measured_size"]),
        raw=bool(data["raw"]),
        staged=bool(data["staged"]),
        start_s=float(data["start_s"]),
        verdicts=tuple(_verdict(item) for item in data["verdicts"]),
        series=tuple(_series(item) for item in data["series"]),
        worst=tuple(_transition(item) for item in data["worst"]),
        notes=tuple(str(item) for item in data["notes"]),
        tries=tuple(_try(item) for item in data.get("tries", ())),
    )


def _try(data: Mapping[str, Any]) -> Try:
    return Try(
        remedy=None if data["remedy"] is None else Remedy(data["remedy"]),
        words=str(data["words"]),
        broken=tuple(str(item) for item in data["broken"]),
        failed=str(data["failed"]),
        seconds=float(data["seconds"]),
        kept=bool(data["kept"]),
    )


def _verdict(data: Mapping[str, Any]) -> Verdict:
    return Verdict(
        measure=str(data["measure"]),
        status=Status(data["status"]),
        message=str(data["message"]),
        value=_number(data["value"]),
        limit=_number(data["limit"]),
        subject=str(data["subject"]),
        frames=None if data["frames"] is None else _pair(data["frames"]),
        time_s=_number(data["time_s"]),
        remedy=str(data["remedy"]),
        hints=tuple(Remedy(name) for name in data.get("hints", ())),
    )


def _series(data: Mapping[str, Any]) -> Series:
    return Series(
        name=str(data["name"]),
        unit=str(data["unit"]),
        values=tuple(_number(value) for value in data["values"]),
        start=int(data["start"]),
        step=int(data["step"]),
    )


def _transition(data: Mapping[str, Any]) -> Transition:
    return Transition(
        frame=int(data["frame"]),
        time_s=float(data["time_s"]),
        psnr_db=float(data["psnr_db"]),
        drop_db=float(data["drop_db"]),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    return int(first), int(second)
