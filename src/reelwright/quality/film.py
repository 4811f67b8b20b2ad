"""A film: its shots, the joins between them, its sound, its lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from reelwright import __version__
from reelwright.audio import Audio
from reelwright.frames import Frames
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.quality.av_length import av_length_verdict
from reelwright.quality.joins import JoinColor, JoinSide, chain_verdict, join_color, join_verdict
from reelwright.quality.loudness import loudness_verdicts, measure_loudness, momentary_at_frames
from reelwright.quality.progress_share import ProgressShare
from reelwright.quality.report import Report, Series, ShotReport, Verdict
from reelwright.quality.sound import sound_verdicts
from reelwright.quality.sound_gaps import Span
from reelwright.quality.steps import Staged
from reelwright.quality.verdicts import not_judged
from reelwright.shapes import GenerationSize

_JOINS_SHARE = 0.4  # of the work


@dataclass(frozen=True, slots=True)
class FilmShot:
    """A shot that is in a film.

    Attributes:
        report: What was measured on it.
        frames: Its frames; needed where it is joined to another.
        staged: Its stage, if there is one.
        size: How the delivered size was cut from the generated one.
        continues: Id of the shot that it continues, if it does.
    """

    report: ShotReport
    frames: Frames | None = None
    staged: Staged | None = None
    size: GenerationSize | None = None
    continues: str | None = None


@dataclass(frozen=True, slots=True)
class FilmSound:
    """A film's mix and what was asked of it.

    Attributes:
        master: The mix.
        loudness_lufs: Its target; None leaves it unjudged.
        true_peak_db: The highest true peak allowed; None is -1 dBTP.
        spans: Where sound ought to be, seconds; None if that is not known.
        raw: It comes from before the encoder.
    """

    master: Audio
    loudness_lufs: float | None = None
    true_peak_db: float | None = None
    spans: tuple[Span, ...] | None = None
    raw: bool = True


def measure_film(
    title: str,
    shots: Sequence[FilmShot],
    *,
    label: str = "",
    sound: FilmSound | None = None,
    video_s: float | None = None,
    audio_s: float | None = None,
    notes: Sequence[str] = (),
    device: str = "cpu",
    progress: Progress = NO_PROGRESS,
) -> Report:
    """Join the reports of a film's shots, and measure what lies between and over them.

    Args:
        title: The film's title.
        shots: Its shots, in order.
        label: What the pictures are, e.g. `animatic`.
        sound: Its mix.
        video_s: Length of the file's pictures; None if there is no file.
        audio_s: Length of the file's sound.
        notes: What a person should know, e.g. the mix's words on silence.
        device: Where to compute.
        progress: Told after every join.
    """
    placed = _placed(shots)
    verdicts = _join_verdicts(placed, device, ProgressShare(progress, 0.0, _JOINS_SHARE))
    series: list[Series] = []
    if sound is not None:
        found, series = _sound(sound, placed, ProgressShare(progress, _JOINS_SHARE, 1.0))
        verdicts += found
    else:
        verdicts.append(not_judged("sound_gap", "The film has no sound."))
    if video_s is not None or audio_s is not None:
        verdicts.append(av_length_verdict(video_s, audio_s))
    progress.step(1.0, "measured")
    return Report(
        title=title,
        label=label,
        shots=tuple(shot.report for shot in placed),
        verdicts=tuple(verdicts),
        series=tuple(series),
        notes=tuple(notes),
        version=__version__,
    )


def _placed(shots: Sequence[FilmShot]) -> list[FilmShot]:
    """The shots, each with its start in the film."""
    placed, start = [], Fraction(0)
    for shot in shots:
        report = replace(shot.report, start_s=round(float(start), 6))
        placed.append(replace(shot, report=report))
        start += shot.report.num_frames / shot.report.frame_rate
    return placed


def _join_verdicts(shots: Sequence[FilmShot], device: str, progress: Progress) -> list[Verdict]:
    by_id = {shot.report.shot: shot for shot in shots}
    joins: dict[str, JoinColor] = {}
    verdicts: list[Verdict] = []
    for index, after in enumerate(shots):
        before = by_id.get(after.continues) if after.continues is not None else None
        if before is None or before.frames is None or after.frames is None:
            continue
        color = join_color(_side(before), _side(after), device)
        staged = before.staged is not None and after.staged is not None
        name, start_s = after.report.shot, after.report.start_s
        verdicts.append(
            join_verdict(before.report.shot, name, color, staged=staged, time_s=start_s)
        )
        if color.compensated:
            joins[name] = color
            chain = _chain(by_id, name, joins)
            if len(chain) > 2:
                verdicts.append(_chain_verdict(by_id, chain, joins))
        progress.step((index + 1) / len(shots), f"join of {before.report.shot} and {name}")
    return verdicts


def _chain(by_id: dict[str, FilmShot], name: str, joins: dict[str, JoinColor]) -> list[str]:
    """Ids of the chain that ends in a shot, first to last, as far as its joins are known."""
    chain = [name]
    while chain[0] in joins:
        before = by_id[chain[0]].continues
        if before is None or before in chain:
            break
        chain.insert(0, before)
    return chain


def _chain_verdict(
    by_id: dict[str, FilmShot], chain: Sequence[str], joins: dict[str, JoinColor]
) -> Verdict:
    drifts = []
    for name in chain[:-1]:
        series = by_id[name].report.find_series("drift")
        drifts.append(series.values[-1] or 0.0 if series is not None and series.values else 0.0)
    found = [joins[name] for name in chain[1:]]
    return chain_verdict(chain, found, drifts, by_id[chain[-1]].report.start_s)


def _side(shot: FilmShot) -> JoinSide:
    if shot.frames is None:
        raise ValueError("a joined shot has frames")
    return JoinSide(shot.report.shot, shot.frames, shot.staged, shot.size)


def _sound(
    sound: FilmSound, shots: Sequence[FilmShot], progress: Progress
) -> tuple[list[Verdict], list[Series]]:
    joins_s = [shot.report.start_s for shot in shots[1:]]
    verdicts = sound_verdicts(sound.master, raw=sound.raw, spans=sound.spans, joins_s=joins_s)
    progress.step(0.2, "sound")
    loudness = measure_loudness(sound.master, ProgressShare(progress, 0.2, 1.0))
    verdicts += loudness_verdicts(loudness, sound.loudness_lufs, sound.true_peak_db)
    frame_rate = shots[0].report.frame_rate if shots else Fraction(24)
    num_frames = sum(shot.report.num_frames for shot in shots)
    values = momentary_at_frames(loudness.momentary_lufs, num_frames, frame_rate)
    kept = tuple(round(value, 1) for value in values)
    return verdicts, [Series("loudness", "LUFS", kept)] if kept else []
