"""The report as one self-contained page: no request leaves it, and it reads without a script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path

from reelwright.disk import disk_error
from reelwright.quality.plots import plot_html
from reelwright.quality.report import Report, ShotReport, Status, Transition, Verdict
from reelwright.quality.report_plots import film_plots, shot_plots
from reelwright.quality.rows import measure_title, summary_line
from reelwright.quality.thumbnails import Thumbnails, strip_frames
from reelwright.quality.verdict_table import (
    MARKS,
    guards_html,
    remedy_html,
    status_class,
    status_html,
    verdict_table,
)

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_OPEN_SHOTS = 8  # of a longer film only the shots with a fault stand open
_ALARMS = (Status.FAIL, Status.WARN, Status.NOTE)

_HEADLINES = {
    Status.PASSED: "No fault found",
    Status.NOTE: "Something to know",
    Status.WARN: "Worth a look",
    Status.FAIL: "Something is wrong",
    Status.NOT_JUDGED: "Nothing could be judged",
}


def write_html(report: Report, thumbnails: Mapping[str, Thumbnails], out: Path) -> None:
    """Write a report as one HTML file.

    Args:
        report: The report.
        thumbnails: Small pictures of each shot, by its id; a shot may have none.
        out: The file to write.

    Raises:
        ResourceError: The disk is full.
        MediaError: The file cannot be written.
    """
    text = report_page(report, thumbnails)
    draft = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(out)
    except OSError as error:
        raise disk_error(error, out) from error


def report_page(report: Report, thumbnails: Mapping[str, Thumbnails]) -> str:
    """A report as the text of one HTML file."""
    pictures = {shot.shot: thumbnails.get(shot.shot, Thumbnails()) for shot in report.shots}
    body = "".join(
        (
            _header(report),
            "<main>",
            _findings(report, pictures),
            _timeline(report, pictures),
            _film(report),
            *(_shot(shot, number, report, pictures[shot.shot])
              for number, shot in enumerate(report.shots, start=1)),
            "</main>",
            _footer(report),
        )
    )  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="dark">\n'
        f"<title>{escape(report.title)} · quality report</title>\n"
        f"<style>\n{_resource('page.css')}</style>\n</head>\n<body>\n{body}\n"
        f"<script>\n{_resource('page.js')}</script>\n</body>\n</html>\n"
    )


def _resource(name: str) -> str:
    return (files("reelwright.quality") / name).read_text("utf-8")


def _header(report: Report) -> str:
    label = f'<span class="label">{escape(report.label)}</span>' if report.label else ""
    status = report.status
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in _facts(report))
    notes = "".join(f'<p class="remark">{escape(note)}</p>' for note in _notes(report))
    return (
        f'<header><div class="top"><p class="kind">Quality report</p>{label}</div>'
        f"<h1>{escape(report.title)}</h1>"
        f'<p class="headline {status_class(status)}"><i aria-hidden="true">{MARKS[status]}</i>'
        f"<span>{_HEADLINES[status]}</span> <small>{escape(summary_line(report))}</small></p>"
        f'<ul class="facts">{facts}</ul>{notes}</header>'
    )


def _facts(report: Report) -> list[str]:
    count = len(report.shots)
    facts = [f"{report.duration_s:.2f} s", f"{count} shot{'' if count == 1 else 's'}"]
    if report.shots:
        shot = report.shots[0]
        facts += [
            f"{shot.size[0]}x{shot.size[1]}",
            f"{float(shot.frame_rate):g} frames a second",
            f"measured at {shot.measured_size[0]}x{shot.measured_size[1]}",
            "before the encoder" if all(item.raw for item in report.shots) else "after the encoder",
            "against the stage" if any(item.staged for item in report.shots) else "no stage known",
        ]
    return facts


def _notes(report: Report) -> list[str]:
    """The notes of the film and of its shots, each once."""
    every = [*report.notes, *(note for shot in report.shots for note in shot.notes)]
    return list(dict.fromkeys(every))


def _findings(report: Report, pictures: Mapping[str, Thumbnails]) -> str:
    """What a person should look at, gravest first."""
    every: list[tuple[Verdict, ShotReport | None]] = [
        (verdict, shot) for shot in report.shots for verdict in shot.verdicts
    ]
    every += [(verdict, None) for verdict in report.verdicts]
    alarms = [(verdict, shot) for verdict, shot in every if verdict.status in _ALARMS]
    alarms.sort(key=lambda item: -item[0].status.rank)
    if not alarms:
        return ""
    cards = "".join(_finding(verdict, shot, pictures) for verdict, shot in alarms)
    return (
        '<section aria-labelledby="findings"><h2 id="findings">What to look at</h2>'
        f'<ol class="findings">{cards}</ol></section>'
    )


def _finding(verdict: Verdict, shot: ShotReport | None, pictures: Mapping[str, Thumbnails]) -> str:
    picture = ""
    if shot is not None and verdict.frames is not None:
        data = pictures[shot.shot].frames.get(verdict.frames[0])
        picture = _image(data, f"Frame {verdict.frames[0]} of {shot.shot}") if data else ""
    where = f'<a href="#{_anchor(shot)}">{escape(shot.shot)}</a>' if shot is not None else "film"
    subject = f" · {escape(verdict.subject)}" if verdict.subject else ""
    return (
        f'<li class="finding {status_class(verdict.status)}">{picture}<div>'
        f'<p class="where">{where}{subject}</p>'
        f"<h3>{status_html(verdict.status)} {escape(measure_title(verdict.measure))}</h3>"
        f"<p>{escape(verdict.message)}</p>{remedy_html(verdict)}</div></li>"
    )


def _timeline(report: Report, pictures: Mapping[str, Thumbnails]) -> str:
    """The film as a strip: a piece a shot, as wide as it is long."""
    if len(report.shots) < 2:
        return ""
    pieces = []
    for shot in report.shots:
        held = pictures[shot.shot].frames
        middle = min(held, key=lambda frame: abs(frame - shot.num_frames // 2), default=None)
        image = _image(held[middle], "") if middle is not None else ""
        ticks = "".join(
            f'<i class="{status_class(verdict.status)}" style="left:'
            f'{100 * verdict.frames[0] / max(shot.num_frames - 1, 1):.1f}%"></i>'
            for verdict in shot.verdicts
            if verdict.frames is not None and verdict.status in _ALARMS
        )
        pieces.append(
            f'<a class="{status_class(shot.status)}" href="#{_anchor(shot)}" '
            f'style="flex-grow:{shot.duration_s:.3f}">{image}<span>{escape(shot.shot)}'
            f"<small>{shot.start_s:.2f} s</small></span>{ticks}</a>"
        )
    return (
        '<section aria-labelledby="timeline"><h2 id="timeline">The film</h2>'
        f'<nav class="timeline" aria-label="Shots">{"".join(pieces)}</nav></section>'
    )


def _film(report: Report) -> str:
    plots = "".join(plot_html(plot) for plot in film_plots(report))
    table = verdict_table(report.verdicts, "Measures of the whole film")
    if not plots and not table:
        return ""
    return (
        '<section aria-labelledby="whole"><h2 id="whole">Joins, sound and length</h2>'
        f'<div class="plots wide">{plots}</div>{table}</section>'
    )


def _shot(shot: ShotReport, number: int, report: Report, pictures: Thumbnails) -> str:
    stands_open = len(report.shots) <= _OPEN_SHOTS or shot.status in (Status.FAIL, Status.WARN)
    plots = "".join(plot_html(plot) for plot in shot_plots(shot))
    title = shot.shot or f"shot {number}"
    return (
        f'<section class="shot" id="{_anchor(shot)}" aria-label="Shot {escape(title)}">'
        f"<details{' open' if stands_open else ''}><summary><h2>{escape(title)}</h2>"
        f"{status_html(shot.status)}<small>{shot.duration_s:.2f} s · {shot.num_frames} frames"
        f"{' · from ' + format(shot.start_s, '.2f') + ' s' if shot.start_s else ''}</small>"
        f"</summary>{_strip(shot, pictures)}{guards_html(shot.verdicts)}{_tries(shot)}"
        f"<div class='plots'>{plots}</div>"
        f"{_worst(shot, pictures)}"
        f"{verdict_table(shot.verdicts, f'Measures of {title}')}</details></section>"
    )


def _strip(shot: ShotReport, pictures: Thumbnails) -> str:
    images = [
        _image(pictures.frames[frame], f"{shot.shot}, frame {frame}", f"frame {frame}")
        for frame in strip_frames(shot.num_frames)
        if frame in pictures.frames
    ]
    return f'<div class="strip">{"".join(images)}</div>' if images else ""


def _tries(shot: ShotReport) -> str:
    """The clips that were made before one was kept: what each broke, what it cost."""
    if not shot.tries:
        return ""
    rows = "".join(
        f'<tr class="{"passed" if item.kept else "not-judged"}">'
        f'<th scope="row">{escape(item.words)}</th>'
        f"<td>{escape(item.failed or '; '.join(item.broken) or 'no guard')}</td>"
        f"<td>{item.seconds:.1f} s</td><td>{'kept' if item.kept else ''}</td></tr>"
        for item in shot.tries
    )
    return (
        '<h3 class="sub">Remedies tried</h3><div class="scroll"><table class="verdicts">'
        "<caption>Clips that were made of this shot</caption><thead><tr>"
        '<th scope="col">Made with</th><th scope="col">Breaks</th><th scope="col">Cost</th>'
        f'<th scope="col">Film</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _worst(shot: ShotReport, pictures: Thumbnails) -> str:
    cards = "".join(
        _transition(item, number, pictures) for number, item in enumerate(shot.worst, start=1)
    )
    if not cards:
        return ""
    return (
        '<h3 class="sub">Worst transitions <small>lowest PSNR-Y between two frames; fast motion is '
        f'low by nature, so look before you judge</small></h3><ol class="worst">{cards}</ol>'
    )


def _transition(item: Transition, number: int, pictures: Thumbnails) -> str:
    held = (
        (pictures.frames.get(item.frame), f"frame {item.frame}"),
        (pictures.frames.get(item.frame + 1), f"frame {item.frame + 1}"),
        (pictures.differences.get(item.frame), "difference, 6 times"),
    )
    images = "".join(_image(data, name, name) for data, name in held if data)
    around = (
        f"{item.drop_db:.1f} dB under those around it"
        if item.drop_db >= 0.05
        else "no worse than those around it"
    )
    return (
        f'<li><p><b class="number">{number}</b> {item.time_s:.2f} s · <b>{item.psnr_db:.1f} dB</b>'
        f'<small> {around}</small></p><div class="pair">{images}</div></li>'
    )


def _image(data: bytes, alt: str, caption: str = "") -> str:
    source = f"data:image/webp;base64,{b64encode(data).decode('ascii')}"
    image = f'<img src="{source}" alt="{escape(alt)}" loading="lazy" decoding="async">'
    if not caption:
        return image
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def _anchor(shot: ShotReport) -> str:
    """A name for links: letters, digits and dashes, with its start so that it is unique."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in shot.shot)
    return f"shot-{slug}-{round(1000 * shot.start_s)}"


def _footer(report: Report) -> str:
    version = f" {escape(report.version)}" if report.version else ""
    return (
        f"<footer><p>Measured by Reelwright{version}. Limits were measured on clean clips so that "
        "at most some 2 % of them cross the first one; what could not be judged says so and is "
        "never called passed. Nothing on this page was loaded from elsewhere.</p></footer>"
    )
