"""Loudness and true peak by EBU R 128, with the meter that is in PyAV's wheel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import Audio
from reelwright.errors import QualityError
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.quality.report import Verdict
from reelwright.quality.thresholds import THRESHOLDS
from reelwright.quality.verdicts import judged, not_judged

_BLOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """A sound's loudness.

    Attributes:
        integrated_lufs: Over the whole; -70 is silence.
        range_lu: Between its soft and loud parts.
        true_peak_db: Largest peak between samples, dBTP.
        momentary_lufs: Over 400 ms, every 100 ms.
    """

    integrated_lufs: float
    range_lu: float
    true_peak_db: float
    momentary_lufs: tuple[float, ...]


def measure_loudness(audio: Audio, progress: Progress = NO_PROGRESS) -> Loudness:
    """Measure a sound, streamed.

    Args:
        audio: Mono or stereo sound.
        progress: Told every few seconds of sound.

    Raises:
        QualityError: The meter refused the sound.
        Cancelled: The person asked to stop.
    """
    momentary: list[float] = []
    last: dict[str, str] = {}
    for metadata in _metered(audio):
        if "lavfi.r128.M" in metadata:
            momentary.append(float(metadata["lavfi.r128.M"]))
            last = metadata
        if len(momentary) % 100 == 0:
            progress.step(min(1.0, len(momentary) / 10 / audio.duration_s), "loudness")
    if not last:
        return Loudness(-70.0, 0.0, -120.0, ())
    peak = max(float(value) for key, value in last.items() if "true_peak" in key)
    return Loudness(
        integrated_lufs=float(last["lavfi.r128.I"]),
        range_lu=float(last["lavfi.r128.LRA"]),
        true_peak_db=20 * log10(max(peak, 1e-6)),
        momentary_lufs=tuple(momentary),
    )


def loudness_verdicts(
    loudness: Loudness, target_lufs: float | None, true_peak_db: float | None
) -> list[Verdict]:
    """Judge a mix against what it was asked to be.

    Args:
        loudness: As measured.
        target_lufs: The loudness asked for; None leaves it unjudged.
        true_peak_db: The true peak asked for; None is -1 dBTP.
    """
    if loudness.integrated_lufs <= THRESHOLDS["loudness"].gates["silent"]:
        why = "The sound is silent."
        return [not_judged("loudness", why), not_judged("true_peak", why)]
    shift = 0.0 if true_peak_db is None else true_peak_db + 1.0
    peak = judged(
        "true_peak",
        loudness.true_peak_db - shift,
        f"The true peak is {loudness.true_peak_db:.1f} dBTP where {shift - 1:.1f} is allowed.",
    )
    if target_lufs is None:
        why = f"{loudness.integrated_lufs:.1f} LUFS; no target was given."
        return [not_judged("loudness", why, value=loudness.integrated_lufs), peak]
    off = loudness.integrated_lufs - target_lufs
    message = (
        f"The mix is at {loudness.integrated_lufs:.1f} LUFS where {target_lufs:.1f} was asked for."
    )
    return [judged("loudness", abs(off), message), peak]


def _metered(audio: Audio) -> Iterator[dict[str, str]]:
    """What the meter says after each 100 ms."""
    import av
    from av.error import FFmpegError

    try:
        graph = av.filter.Graph()
        layout = "mono" if audio.num_channels == 1 else "stereo"
        source = graph.add_abuffer(
            format="fltp",
            sample_rate=audio.sample_rate,
            layout=layout,
            time_base=Fraction(1, audio.sample_rate),
        )
        meter = graph.add("ebur128", "peak=true:metadata=1:framelog=quiet")
        sink = graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        yield from _pumped(graph, audio, layout)
    except FFmpegError as error:
        raise QualityError(
            f"The loudness meter refused this sound: {error}.",
            "Give mono or stereo sound.",
            where=str(audio.path),
        ) from error


def _pumped(graph: Any, audio: Audio, layout: str) -> Iterator[dict[str, str]]:
    import av

    position = 0
    for block in audio.blocks(round(audio.sample_rate * _BLOCK_S)):
        frame = av.AudioFrame.from_ndarray(_planes(block), format="fltp", layout=layout)
        frame.sample_rate = audio.sample_rate
        frame.time_base = Fraction(1, audio.sample_rate)
        frame.pts = position
        position += block.shape[1]
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[dict[str, str]]:
    import av

    while True:
        try:
            yield dict(graph.pull().metadata)
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _planes(block: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(block, np.float32)


def momentary_at_frames(
    momentary_lufs: Sequence[float], num_frames: int, frame_rate: Fraction
) -> list[float]:
    """Momentary loudness at each frame, for plots."""
    count = len(momentary_lufs)
    if not count:
        return []
    at = [min(int(frame / frame_rate * 10), count - 1) for frame in range(num_frames)]
    return [max(-70.0, float(momentary_lufs[index])) for index in at]
