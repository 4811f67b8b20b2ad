"""Which plots a report shows: a shot's, and the film's sound."""

from __future__ import annotations

from reelwright.quality.plots import Limit, Mark, Plot
from reelwright.quality.report import Report, Series, ShotReport
from reelwright.quality.speed import speed_band
from reelwright.quality.thresholds import THRESHOLDS


def shot_plots(report: ShotReport) -> list[Plot]:
    """The plots of one shot; those without numbers are left out."""
    plots = [
        _psnr(report),
        _level(report),
        _flicker(report),
        _plain(report, "change_ratio", "Change against the stage",
               "1 is as staged, 0 is frozen", span=(0.0, 1.2)),
        _speed(report),
        _limited(report, "motion_left", "motion_followed", "Staged motion followed",
                 "change left with the staged motion taken out; 0 follows it", (0.0, 1.0)),
        _limited(report, "depth_edges", "depth_edges", "Edges of the staged depth",
                 "how well they show; 1 as in the staged picture", (0.0, 1.1)),
        _places(report),
        _plain(report, "sharpness", "Sharpness", "fine detail; one down is half of it"),
        _plain(report, "drift", "Drift of brightness", "added up, motion taken out"),
        _plain(report, "sound_level", "Sound", "loudest 10 ms of each frame",
               bounds=(-90.0, 0.0)),
    ]  # fmt: skip
    return [plot for plot in plots if plot is not None]


def film_plots(report: Report) -> list[Plot]:
    """The plots of the whole film."""
    loudness = report.find_series("loudness")
    if loudness is None or not report.shots:
        return []
    rate = report.shots[0].frame_rate
    count = sum(shot.num_frames for shot in report.shots)
    hint = "momentary, over 400 ms"
    shown = Series(
        "loudness",
        loudness.unit,
        tuple(None if value is None or value < -60 else value for value in loudness.values),
        loudness.start,
        loudness.step,
    )
    return [Plot("Loudness", hint, (("", shown),), rate, count, span=(-45.0, -5.0))]


def _psnr(report: ShotReport) -> Plot | None:
    series = report.find_series("psnr_y")
    if series is None:
        return None
    lines = [("frame to frame", series)]
    compensated = report.find_series("compensated_psnr")
    if compensated is not None:
        lines.append(("motion taken out", compensated))
    marks = tuple(
        Mark(
            item.frame,
            item.psnr_db,
            f"Worst {number}: frame {item.frame} ({item.time_s:.2f} s), {item.psnr_db:.1f} dB, "
            f"{item.drop_db:.1f} dB under those around it",
            number,
        )
        for number, item in enumerate(report.worst, start=1)
    )
    hint = "higher is steadier; a dip is a jump in the picture"
    return _plot(report, "PSNR-Y between frames", hint, tuple(lines), marks=marks,
                 bounds=(0.0, 60.0))  # fmt: skip


def _level(report: ShotReport) -> Plot | None:
    mean, bright = report.find_series("level"), report.find_series("bright")
    if mean is None or bright is None:
        return None
    lines = (("mean", mean), ("brightest 1 %", bright))
    return _plot(report, "Brightness", "luma, 0 to 255", lines, span=(0.0, 255.0),
                 bounds=(0.0, 255.0))  # fmt: skip


def _flicker(report: ShotReport) -> Plot | None:
    whole, parts = report.find_series("flicker"), report.find_series("local_flicker")
    if whole is None or parts is None:
        return _plain(report, "change", "Change from frame to frame", "mean of all pixels")
    lines = (("whole picture", whole), ("worst parts", parts))
    return _plot(report, "Flicker", "change of level, motion taken out", lines, span=(0.0, 1.0))


def _speed(report: ShotReport) -> Plot | None:
    series = report.find_series("speed")
    if series is None or not any(value is not None for value in series.values):
        return None
    low, high = speed_band()
    hint = "1 is as staged; inside the band it passes"
    lines = (("", series),)
    return _plot(
        report, "Speed of the motion", hint, lines, band=(low, high), span=(0.5, 1.5), dots=True
    )


def _places(report: ShotReport) -> Plot | None:
    lines = tuple(
        (series.name.split(":", 1)[1], series)
        for series in report.series
        if series.name.startswith("place:")
    )
    row = THRESHOLDS["prop_place"]
    if not lines or row.warn is None or row.fail is None:
        return None
    limits = (Limit(row.warn, "warns", "warn"), Limit(row.fail, "fails", "fail"))
    hint = "how far props lie from where they are staged"
    return _plot(report, "Place of props", hint, lines, limits=limits, span=(0.0, 1.2), dots=True)


def _limited(
    report: ShotReport,
    name: str,
    measure: str,
    title: str,
    hint: str,
    span: tuple[float, float],
) -> Plot | None:
    """A series of single frames, with the limits of its measure."""
    series, row = report.find_series(name), THRESHOLDS[measure]
    if series is None or row.warn is None or row.fail is None:
        return None
    if not any(value is not None for value in series.values):
        return None
    limits = (Limit(row.warn, "warns", "warn"), Limit(row.fail, "fails", "fail"))
    return _plot(report, title, hint, (("", series),), limits=limits, span=span, dots=True)


def _plain(
    report: ShotReport,
    name: str,
    title: str,
    hint: str,
    span: tuple[float | None, float | None] = (None, None),
    bounds: tuple[float, float] | None = None,
) -> Plot | None:
    series = report.find_series(name)
    if series is None:
        return None
    return _plot(report, title, hint, (("", series),), span=span, bounds=bounds)


def _plot(
    report: ShotReport,
    title: str,
    hint: str,
    lines: tuple[tuple[str, Series], ...],
    *,
    limits: tuple[Limit, ...] = (),
    band: tuple[float, float] | None = None,
    marks: tuple[Mark, ...] = (),
    span: tuple[float | None, float | None] = (None, None),
    bounds: tuple[float, float] | None = None,
    dots: bool = False,
) -> Plot:
    return Plot(
        title,
        hint,
        lines,
        report.frame_rate,
        report.num_frames,
        limits,
        band,
        marks,
        span,
        bounds,
        dots,
    )
