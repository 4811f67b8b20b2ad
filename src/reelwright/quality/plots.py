"""Plots drawn by us: an SVG that stretches, with its words beside it so that they do not.

Every plot has a sentence for those who cannot see it, and its numbers for the hover readout.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from html import escape
from math import ceil, floor, inf, log10

from reelwright.quality.report import Series

MAX_POINTS = 1200
"""Points that a line is drawn with, at most; of a longer one the extremes are kept."""

_WIDTH, _HEIGHT = 1000, 200


@dataclass(frozen=True, slots=True)
class Limit:
    """A dashed line at a limit.

    Attributes:
        value: Where.
        name: What it says, e.g. `warns`.
        kind: `warn` or `fail`.
    """

    value: float
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered dot on the first line.

    Attributes:
        frame: Its frame.
        value: Its height.
        text: What it says on hover.
        number: What stands in it.
    """

    frame: int
    value: float
    text: str
    number: int


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot over the frames of a shot or a film.

    Attributes:
        title: Its heading.
        hint: What to read in it, a few words.
        lines: Name and series of each line; the name may be empty.
        frame_rate: Frames per second.
        num_frames: Length of the time axis.
        limits: Limits to draw.
        band: Values between which all is well; None for none.
        marks: Dots.
        span: Lowest and highest value that the axis holds at least; None where data decide.
        bounds: Lowest and highest value that is drawn; what lies beyond sits on the edge.
        dots: Draw points as well as lines: for few samples.
    """

    title: str
    hint: str
    lines: tuple[tuple[str, Series], ...]
    frame_rate: Fraction
    num_frames: int
    limits: tuple[Limit, ...] = ()
    band: tuple[float, float] | None = None
    marks: tuple[Mark, ...] = ()
    span: tuple[float | None, float | None] = (None, None)
    bounds: tuple[float, float] | None = None
    dots: bool = False


def plot_html(plot: Plot) -> str:
    """A plot as a `<figure>`; empty if there is nothing to draw."""
    if not any(value is not None for _, series in plot.lines for value in series.values):
        return ""
    axis = _Axis.of(plot)
    unit = escape(plot.lines[0][1].unit)
    lines = "".join(_line(series, number, plot, axis) for number, (_, series) in _numbered(plot))
    return (
        f'<figure class="plot" data-rate="{float(plot.frame_rate):.6g}" '
        f'data-frames="{plot.num_frames}" data-unit="{unit}">'
        f"<figcaption><b>{escape(plot.title)}</b> <span>{unit} · {escape(plot.hint)}</span>"
        f"{_legend(plot)}<output aria-hidden='true'></output></figcaption>"
        f'<div class="canvas">{_ticks(axis)}<div class="area" tabindex="-1">'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(describe(plot))}">{_grid(axis)}{_band(plot, axis)}'
        f"{_limits(plot, axis)}{lines}</svg>"
        f"{_limit_names(plot, axis)}{_dots(plot, axis)}{_marks(plot, axis)}"
        f'<i class="cursor" hidden></i></div>{_times(plot)}</div>{_data(plot)}</figure>'
    )


def describe(plot: Plot) -> str:
    """A plot in one sentence."""
    parts = []
    for name, series in plot.lines:
        known = [value for value in series.values if value is not None]
        if known:
            label = f"{name}: " if name else ""
            usual = sorted(known)[len(known) // 2]
            parts.append(
                f"{label}{_number(min(known))} to {_number(max(known))} {series.unit}, "
                f"usually {_number(usual)}"
            )
    return f"{plot.title} over {float(plot.num_frames / plot.frame_rate):.2f} s. " + "; ".join(
        parts
    )


def thin(series: Series) -> list[tuple[int, float | None]]:
    """Frame and value of each point; of a long series the least and the most of each stretch."""
    points = [(series.frame_at(index), value) for index, value in enumerate(series.values)]
    if len(points) <= MAX_POINTS:
        return points
    width = ceil(2 * len(points) / MAX_POINTS)
    kept: list[tuple[int, float | None]] = []
    for start in range(0, len(points), width):
        known = [
            (frame, value) for frame, value in points[start : start + width] if value is not None
        ]
        if not known:
            kept.append((points[start][0], None))
            continue
        ends = {min(known, key=lambda item: item[1]), max(known, key=lambda item: item[1])}
        kept += sorted(ends)
    return kept


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    ticks: tuple[float, ...]
    num_frames: int

    @classmethod
    def of(cls, plot: Plot) -> _Axis:
        known = [value for _, series in plot.lines for value in series.values if value is not None]
        known += [value for value in plot.span if value is not None]
        top, bottom = max(known), min(known)
        room = (top - bottom) or 1.0
        known += [item.value for item in plot.limits if item.value - top < room]
        least, most = plot.bounds or (-inf, inf)
        known = [min(max(value, least), most) for value in known]
        step = _nice((max(known) - min(known)) / 3 or 0.5)
        low, high = floor(min(known) / step) * step, ceil(max(known) / step) * step
        if low == high:
            low, high = low - step, high + step
        count = round((high - low) / step)
        ticks = [low + step * k for k in range(count + 1)]
        low, high = max(low, least), min(high, most)
        return cls(low, high, tuple(x for x in ticks if low <= x <= high), plot.num_frames)

    def x(self, frame: float) -> float:
        return frame / max(self.num_frames - 1, 1)

    def y(self, value: float) -> float:
        return 1 - (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)


def _nice(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** floor(log10(step))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999))


def _numbered(plot: Plot) -> list[tuple[int, tuple[str, Series]]]:
    return list(enumerate(plot.lines, start=1))


def _line(series: Series, number: int, plot: Plot, axis: _Axis) -> str:
    path, pen_down = [], False
    for frame, value in thin(series):
        if value is None:
            pen_down = False
            continue
        x, y = axis.x(frame) * _WIDTH, axis.y(value) * _HEIGHT
        path.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    return f'<path class="line c{(number - 1) % 6 + 1}" d="{"".join(path)}"/>'


def _grid(axis: _Axis) -> str:
    return "".join(
        f'<path class="grid" d="M0 {axis.y(tick) * _HEIGHT:.1f}H{_WIDTH}"/>' for tick in axis.ticks
    )


def _band(plot: Plot, axis: _Axis) -> str:
    if plot.band is None:
        return ""
    top, bottom = (axis.y(value) * _HEIGHT for value in (plot.band[1], plot.band[0]))
    return f'<path class="band" d="M0 {top:.1f}H{_WIDTH}V{bottom:.1f}H0Z"/>'


def _limits(plot: Plot, axis: _Axis) -> str:
    return "".join(
        f'<path class="limit {item.kind}" d="M0 {axis.y(item.value) * _HEIGHT:.1f}H{_WIDTH}"/>'
        for item in plot.limits
        if axis.low <= item.value <= axis.high
    )


def _limit_names(plot: Plot, axis: _Axis) -> str:
    return "".join(
        f'<span class="limit-name {item.kind}" style="top:{100 * axis.y(item.value):.1f}%">'
        f"{escape(item.name)}</span>"
        for item in plot.limits
        if axis.low <= item.value <= axis.high
    )


def _dots(plot: Plot, axis: _Axis) -> str:
    if not plot.dots:
        return ""
    found = []
    for number, (_, series) in _numbered(plot):
        if len(series.values) > 80:
            continue
        for frame, value in thin(series):
            if value is not None:
                where = f"left:{100 * axis.x(frame):.2f}%;top:{100 * axis.y(value):.1f}%"
                found.append(f'<i class="dot c{(number - 1) % 6 + 1}" style="{where}"></i>')
    return "".join(found)


def _marks(plot: Plot, axis: _Axis) -> str:
    return "".join(
        f'<span class="mark" title="{escape(mark.text)}" '
        f'style="left:{100 * axis.x(mark.frame):.2f}%;top:{100 * axis.y(mark.value):.1f}%">'
        f"{mark.number}</span>"
        for mark in plot.marks
    )


def _ticks(axis: _Axis) -> str:
    labels = "".join(
        f'<span style="top:{100 * axis.y(tick):.1f}%">{_number(tick)}</span>' for tick in axis.ticks
    )
    return f'<div class="ticks" aria-hidden="true">{labels}</div>'


def _times(plot: Plot) -> str:
    seconds = float(plot.num_frames / plot.frame_rate)
    step = _nice(seconds / 5) if seconds > 0 else 1.0
    last = max(plot.num_frames - 1, 1) / float(plot.frame_rate)
    count = int(last / step + 1e-9)
    labels = "".join(
        f'<span style="left:{100 * min(k * step / last, 1):.2f}%">{_number(k * step)} s</span>'
        for k in range(count + 1)
    )
    return f'<div class="times" aria-hidden="true">{labels}</div>'


def _legend(plot: Plot) -> str:
    named = [(number, name) for number, (name, _) in _numbered(plot) if name]
    if not named:
        return ""
    items = "".join(
        f'<li><i class="key c{(number - 1) % 6 + 1}"></i>{escape(name)}</li>'
        for number, name in named
    )
    return f'<ul class="legend">{items}</ul>'


def _data(plot: Plot) -> str:
    """The numbers for the hover readout."""
    rows = []
    for name, series in plot.lines:
        points = thin(series)
        frames = ",".join(str(frame) for frame, _ in points)
        values = ",".join("" if value is None else _number(value) for _, value in points)
        even = len(points) == len(series.values)
        where = (
            f'data-start="{series.start}" data-step="{series.step}"'
            if even
            else (f'data-at="{frames}"')
        )
        rows.append(f'<data hidden {where} data-name="{escape(name)}" value="{values}"></data>')
    return "".join(rows)


def _number(value: float) -> str:
    """A number for a label: at most four digits, no minus zero."""
    text = f"{value:.4g}" if abs(value) < 10000 else f"{value:.0f}"
    return "0" if text in ("-0", "0") else text.replace("-", "\N{MINUS SIGN}")
