"""Any video file measured: cuts first, then each shot, then the sound.

What is not known of a stranger's film is not guessed: without a stage the weaker measures are
taken, and everything that an encoder hides is said to be not judged. A film of ours carries its
shots' bounds; they are used, and the stages where they are still to hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from reelwright import __version__
from reelwright.frames import slice_frames
from reelwright.media import open_video, read_audio, read_provenance
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.quality.av_length import av_length_verdict
from reelwright.quality.collect import Collected, FrameNumbers, StepNumbers, collect
from reelwright.quality.cuts import find_cuts, shots_between
from reelwright.quality.film import FilmShot, FilmSound, measure_film
from reelwright.quality.flash import flash_verdict
from reelwright.quality.grid import MeasureGrid, measure_grid
from reelwright.quality.levels import black_verdict
from reelwright.quality.picture import plain_verdicts, psnr_verdict
from reelwright.quality.progress_share import ProgressShare
from reelwright.quality.report import Report, ShotReport, Verdict
from reelwright.quality.sharpness import EVERY as SHARPNESS_EVERY
from reelwright.quality.shot import WEAKER_SET, measure_clip, shot_report
from reelwright.quality.steps import Staged
from reelwright.quality.verdicts import judged
from reelwright.shapes import GenerationSize

if TYPE_CHECKING:
    from reelwright.media import ShotRecord, VideoFile

_PICTURE_SHARE = 0.9  # of the work


@dataclass(frozen=True, slots=True)
class ShotStage:
    """The stage of one shot of a finished film.

    Attributes:
        staged: The stage.
        size: How the delivered size was cut from the generated one.
    """

    staged: Staged
    size: GenerationSize | None = None


def measure_file(
    path: Path,
    *,
    stages: Mapping[str, ShotStage] | None = None,
    device: str = "cpu",
    progress: Progress = NO_PROGRESS,
) -> Report:
    """Measure a video file.

    Args:
        path: Any file that FFmpeg decodes.
        stages: Stages of its shots by id, for a film of ours whose stages are to hand.
        device: Where to compute.
        progress: Told after every frame.

    Raises:
        MediaError: It cannot be read, or was cut short.
        Cancelled: The person asked to stop.
    """
    with open_video(path) as video:
        provenance = read_provenance(path)
        picture = ProgressShare(progress, 0.0, _PICTURE_SHARE)
        label = provenance.label if provenance is not None else ""
        if provenance is not None and _covers(provenance.shots, len(video)):
            spans = [
                (shot.id, shot.start_frame, shot.start_frame + shot.num_frames)
                for shot in provenance.shots
            ]
            shots = _known_shots(video, spans, label, stages or {}, device, picture)
            verdicts: list[Verdict] = []
        else:
            shots, verdicts = _found_shots(video, label, device, picture)
        notes = [WEAKER_SET, *_notes(video)]
        facts = video.facts
    report = _with_sound(
        path, path.name, shots, label, ProgressShare(progress, _PICTURE_SHARE, 1.0)
    )
    audio_s = None if facts.audio is None else float(facts.audio.duration_s)
    verdicts += [*report.verdicts, av_length_verdict(float(facts.duration_s), audio_s)]
    return Report(
        title=path.name,
        label=label,
        shots=report.shots,
        verdicts=tuple(verdicts),
        series=report.series,
        notes=tuple(notes),
        version=__version__,
    )


def _covers(shots: Sequence[ShotRecord], num_frames: int) -> bool:
    """Whether the shots that a film names are the frames that it has."""
    spans = [(shot.start_frame, shot.num_frames) for shot in shots]
    stops = [start + count for start, count in spans]
    starts = [start for start, _ in spans]
    return bool(spans) and starts == [0, *stops[:-1]] and stops[-1] == num_frames


def _known_shots(
    video: VideoFile,
    spans: list[tuple[str, int, int]],
    label: str,
    stages: Mapping[str, ShotStage],
    device: str,
    progress: Progress,
) -> list[ShotReport]:
    """Measure shots whose bounds the film itself names."""
    reports = []
    for name, start, stop in spans:
        stage = stages.get(name)
        part = ProgressShare(progress, start / len(video), stop / len(video))
        reports.append(
            measure_clip(
                slice_frames(video, start, stop),
                video.frame_rate,
                shot=name,
                label=label,
                staged=None if stage is None else stage.staged,
                size=None if stage is None else stage.size,
                raw=False,
                device=device,
                progress=part,
            )
        )
    return reports


def _found_shots(
    video: VideoFile, label: str, device: str, progress: Progress
) -> tuple[list[ShotReport], list[Verdict]]:
    """Measure a stranger's film in one pass, then cut its numbers into shots."""
    grid = measure_grid((video.shape[2], video.shape[1]))
    rate = video.frame_rate
    collected = collect(video, rate, grid, None, progress, device)
    cuts = find_cuts(collected.steps.psnr_db, collected.steps.across_db)
    spans = shots_between(cuts, collected.num_frames)
    reports = [
        _shot_of(collected, span, index, rate, grid, label, (video.shape[2], video.shape[1]))
        for index, span in enumerate(spans, start=1)
    ]
    return reports, [_cuts_verdict(cuts, rate), collected.flashes.verdict()]


def _cuts_verdict(cuts: list[int], frame_rate: Fraction) -> Verdict:
    if not cuts:
        return judged("cuts", 0, "No hard cut: it is measured as one shot.")
    shown = ", ".join(f"{float(cut / frame_rate):.2f}" for cut in cuts[:8])
    more = f" and {len(cuts) - 8} more" if len(cuts) > 8 else ""
    return judged("cuts", len(cuts), f"Hard cuts at {shown}{more} s. Dissolves are not found.")


def _shot_of(
    collected: Collected,
    span: tuple[int, int],
    number: int,
    frame_rate: Fraction,
    grid: MeasureGrid,
    label: str,
    size: tuple[int, int],
) -> ShotReport:
    part = _part_of(collected, *span)
    verdicts = [
        psnr_verdict(part.steps.psnr_db, frame_rate),
        black_verdict(part.frames.bright, frame_rate),
        flash_verdict(part.frames.means, frame_rate),
        *plain_verdicts(part, frame_rate),
    ]
    return shot_report(
        part,
        tuple(verdicts),
        frame_rate,
        grid,
        shot=f"shot {number}",
        label=label,
        size=size,
        staged=False,
        raw=False,
        start_s=float(span[0] / frame_rate),
    )


def _part_of(collected: Collected, start: int, stop: int) -> Collected:
    """The numbers of some frames, and of the steps between them."""
    frames, steps = collected.frames, collected.steps
    first_band, last_band = -(-start // SHARPNESS_EVERY), -(-stop // SHARPNESS_EVERY)
    return Collected(
        FrameNumbers(
            frames.means[start:stop],
            frames.bright[start:stop],
            frames.bands[first_band:last_band],
            not_finite=frames.not_finite[start:stop],
        ),
        StepNumbers(
            psnr_db=steps.psnr_db[start : stop - 1],
            across_db=steps.across_db[start : stop - 1],
            changes=steps.changes[start : stop - 1],
        ),
        collected.flashes,
        collected.local_flicker,
        collected.drift,
        [],
        collected.placements,
    )


def _with_sound(
    path: Path, title: str, shots: list[ShotReport], label: str, progress: Progress
) -> Report:
    """The film's sound, decoded to a file of its own for as long as it is measured."""
    with TemporaryDirectory(prefix="reelwright-") as folder:
        audio = read_audio(path, Path(folder) / "sound.wav")
        progress.step(0.5, "sound")
        sound = None if audio is None else FilmSound(audio, raw=False)
        film = [FilmShot(report) for report in shots]
        return measure_film(title, film, label=label, sound=sound, progress=progress)


def _notes(video: VideoFile) -> list[str]:
    notes = []
    if video.facts.is_variable:
        notes.append("Its frames are unevenly spaced: times are by the mean frame rate.")
    if video.facts.transfer in ("pq", "hlg"):
        notes.append("It is HDR and was measured as stored: levels are not comparable.")
    return notes
