"""`mix_film`: the film's sound, from its clips' stems and its music."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from reelwright.audio import Audio, AudioWriter
from reelwright.errors import MediaError
from reelwright.finish.film_mix import ClipSpan, FilmMix, MusicCue
from reelwright.finish.mastering import Desk, SumSource, make_master
from reelwright.finish.tracks import MUSIC, Track, clip_tracks, film_sample, music_track
from reelwright.generate.part import ProgressPart
from reelwright.progress import NO_PROGRESS, Progress

MIX_VERSION = 1
"""Raised whenever the same clips and music would give another sound."""

BLOCK_SAMPLES = 1 << 16

_STEMS_SHARE = 0.4


def mix_film(
    parts: Sequence[ClipSpan],
    music: Sequence[MusicCue],
    out: Path,
    loudness_lufs: float = -16.0,
    true_peak_db: float = -1.0,
    progress: Progress = NO_PROGRESS,
    *,
    block_samples: int = BLOCK_SAMPLES,
) -> FilmMix:
    """Lay the clips' stems and the music together and bring the sum to loudness.

    Args:
        parts: Finished clips and where they begin.
        music: Music under the film.
        out: Folder to write to; made if missing.
        loudness_lufs: Integrated loudness of the master (ITU-R BS.1770-4).
        true_peak_db: Its highest true peak, dBTP.
        progress: Told of blocks; warned of what could not be reached.
        block_samples: Samples in memory at a time; does not change the result.

    Returns:
        The mix as it lies in `out`; its master has round(film seconds x 48000) samples.

    Raises:
        MediaError: There is no clip.
        AssetError: A music file that cannot be used, by name.
        ResourceError: The disk is full.
    """
    if not parts:
        raise MediaError("A film without clips has no sound to mix.", "Render a shot first.")
    seconds = max(part.start_s + part.clip.duration_s for part in parts)
    total = film_sample(seconds)
    heard, late = _split_late(music, seconds)
    scratch = out / ".decoded"
    try:
        tracks = clip_tracks(parts)
        if heard:
            tracks[MUSIC] = music_track(heard, parts, total, scratch)
        writing = ProgressPart(progress, 0.0, _STEMS_SHARE)
        stems = _write_stems(tracks, total, out / "stems", writing, block_samples)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    desk = Desk(SumSource(*stems.values()), total, out / "master.wav", block_samples)
    mastering = ProgressPart(progress, _STEMS_SHARE, 1.0)
    made = make_master(desk, loudness_lufs, true_peak_db, mastering)
    for note in made.notes:
        progress.warn(note)
    mix = FilmMix(
        master=made.audio,
        stems=stems,
        loudness_lufs=made.levels.loudness_lufs,
        true_peak_db=made.levels.true_peak_db,
        gain_db=made.gain_db,
        limited_db=made.limited_db,
        silence=_silence(parts, tracks, stems, late),
        notes=made.notes,
    )
    progress.step(1.0, "film mixed")
    return mix.save(out)


def _split_late(
    music: Sequence[MusicCue], seconds: Fraction
) -> tuple[list[MusicCue], tuple[str, ...]]:
    """Music that begins within the film, and sentences on what does not."""
    heard = [cue for cue in music if cue.at_s < seconds]
    late = tuple(
        f'Music "{cue.name or cue.file.name}" is not heard; it begins at {cue.at_s:g} s and the '
        f"film ends at {float(seconds):.2f} s."
        for cue in music
        if cue.at_s >= seconds
    )
    return heard, late


def _write_stems(
    tracks: Mapping[str, Track],
    total: int,
    folder: Path,
    progress: Progress,
    block_samples: int,
) -> dict[str, Audio]:
    """Write every track that is heard."""
    stems: dict[str, Audio] = {}
    for index, (name, track) in enumerate(sorted(tracks.items())):
        target = folder / f"{name}.wav"
        part = ProgressPart(progress, index / len(tracks), (index + 1) / len(tracks))
        with AudioWriter(target) as writer:
            for start in range(0, total, block_samples):
                count = min(block_samples, total - start)
                writer.write(track.read(start, count))
                part.step((start + count) / total, f"laying the film's {name} sound")
        if any(voice.peak for voice in track.voices):
            stems[name] = Audio.open(target)
        else:
            target.unlink()
    return stems


def _silence(
    parts: Sequence[ClipSpan],
    tracks: Mapping[str, Track],
    stems: Mapping[str, Audio],
    late: Sequence[str],
) -> tuple[str, ...]:
    """What of the film's sound nobody hears: the clips' own sentences, then the music's."""
    words = [sentence for part in parts for sentence in part.clip.silence]
    words += late
    if MUSIC in tracks:
        words += [
            f'Music "{voice.name}" holds nothing but silence.'
            for voice in tracks[MUSIC].voices
            if not voice.peak
        ]
    if not stems:
        words.append(
            "The film is silent: no shot has a sound that is heard, and there is no music."
        )
    return tuple(words)
