"""Write a film: spans of frames and a mix in, one file (or one folder) out.

Frames stream one by one, so a film of any length goes through in the same memory. What is at the
destination is a whole film or nothing, and it is read again before it is called written: as many
pictures as there were frames, and sound that ends with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from numpy.typing import NDArray

import reelwright
from reelwright.audio import Audio
from reelwright.disk import disk_error
from reelwright.errors import MediaError
from reelwright.media.atomic import atomic_file, atomic_folder
from reelwright.media.burn_in import BurnIn
from reelwright.media.container import FilmContainer
from reelwright.media.sequence import SIDECAR, SOUND, picture_writer, write_wav
from reelwright.media.settings import (
    SAMPLE_RATE,
    Chapter,
    FilmFormat,
    FilmMetadata,
    FilmSpan,
    OutputSettings,
    WrittenFilm,
    chapters_of,
)
from reelwright.media.sound import Soundtrack, samples_of
from reelwright.progress import NO_PROGRESS, Progress

_CHUNK_BYTES = 32 * 1024**2
_MAX_CHUNK = 16
_MAX_SIDE = 16384
_FAULT = "This is a fault of the stage before; please report it."


@dataclass(frozen=True, slots=True)
class _Film:
    """What is to be written, checked."""

    spans: tuple[FilmSpan, ...]
    size: tuple[int, int]
    bits: int
    num_frames: int
    sound: Soundtrack | None
    chapters: tuple[Chapter, ...]
    settings: OutputSettings
    metadata: FilmMetadata


def write_film(
    spans: Sequence[FilmSpan],
    audio: Audio | None,
    out: Path,
    settings: OutputSettings | None = None,
    chapters: Sequence[Chapter] | None = None,
    metadata: FilmMetadata | None = None,
    progress: Progress = NO_PROGRESS,
) -> WrittenFilm:
    """Write a film.

    The sound is cut, or filled with silence, to the picture's length to the sample; more than a
    frame of it is said. The same arguments give the same bytes.

    Args:
        spans: The shots in order, all of one size; uint8 or uint16 [F, H, W, 3]. May be empty for
            sound alone.
        audio: The mix, 48 kHz, one or two channels; None for a film without a sound track.
        out: The file; for `png` and `exr` the folder.
        settings: Format and quality; MP4 at 24 frames a second by default.
        chapters: Named stretches; one for each span by default.
        metadata: What the film says of itself.
        progress: Told after every frame.

    Returns:
        What was written, as measured by reading it again.

    Raises:
        MediaError: Frames that do not fit together, odd sizes, or a file that cannot be written.
        ResourceError: The disk is full.
        Cancelled: The person asked to stop; nothing is left at `out` that was not there.
    """
    settings = settings or OutputSettings()
    film = _checked(spans, audio, out, settings, chapters, metadata or FilmMetadata(), progress)
    try:
        if settings.format is FilmFormat.WAV:
            return _write_sound(film, out, progress)
        if settings.format.is_sequence:
            return _write_sequence(film, out, progress)
        return _write_container(film, out, progress)
    except FFmpegError as error:
        if isinstance(error, OSError):
            raise disk_error(error, out) from error
        raise MediaError(
            f"The film could not be encoded: {error.strerror or error}.",
            "Try another --format, or `reelwright doctor` to see which encoders there are.",
            where=str(out),
        ) from error


def _checked(
    spans: Sequence[FilmSpan],
    audio: Audio | None,
    out: Path,
    settings: OutputSettings,
    chapters: Sequence[Chapter] | None,
    metadata: FilmMetadata,
    progress: Progress,
) -> _Film:
    if settings.format is FilmFormat.WAV and audio is None:
        raise MediaError(
            "There is no sound to write.", "Choose a format with pictures.", where=str(out)
        )
    size, bits = _picture_kind(spans, settings)
    num_frames = sum(len(span.frames) for span in spans)
    length = samples_of(num_frames, settings.frame_rate)
    if audio is not None and not num_frames:
        length = audio.num_samples
    sound = Soundtrack(audio, length) if audio is not None else None
    if audio is not None and num_frames:
        _compare_lengths(audio, length, settings.frame_rate, progress)
    picked = chapters_of(list(spans)) if chapters is None else tuple(chapters)
    _check_chapters(picked, num_frames)
    return _Film(tuple(spans), size, bits, num_frames, sound, picked, settings, metadata)


def _picture_kind(
    spans: Sequence[FilmSpan], settings: OutputSettings
) -> tuple[tuple[int, int], int]:
    if not sum(len(span.frames) for span in spans):
        if settings.format is FilmFormat.WAV:
            return (0, 0), 8
        raise MediaError("There are no frames to write.", "Give at least one shot.")
    kinds = {(tuple(span.frames.shape[1:]), span.frames.dtype) for span in spans}
    if len(kinds) != 1:
        words = ", ".join(f"{dtype} {list(shape)}" for shape, dtype in sorted(kinds))
        raise MediaError(f"The shots do not fit together: {words}.", _FAULT)
    shape, dtype = next(iter(kinds))
    if len(shape) != 3 or shape[2] != 3 or dtype not in ("uint8", "uint16"):
        raise MediaError(f"Frames of {dtype} {list(shape)} are not pictures.", _FAULT)
    height, width = shape[:2]
    if width % 2 or height % 2 or not 2 <= min(width, height) <= max(width, height) <= _MAX_SIDE:
        raise MediaError(
            f"A film of {width} x {height} pixels cannot be written.",
            f"Use even sides from 2 to {_MAX_SIDE}: {max(2, width // 2 * 2)} x "
            f"{max(2, height // 2 * 2)}.",
            width=width,
            height=height,
        )
    return (width, height), 8 if dtype == "uint8" else 16


def _compare_lengths(audio: Audio, length: int, frame_rate: Fraction, progress: Progress) -> None:
    if abs(audio.num_samples - length) <= SAMPLE_RATE / frame_rate:
        return
    longer = audio.num_samples > length
    progress.warn(
        f"The sound lasts {audio.num_samples / SAMPLE_RATE:.2f} s and the picture "
        f"{length / SAMPLE_RATE:.2f} s; the sound is "
        f"{'cut' if longer else 'filled with silence'} to fit."
    )


def _check_chapters(chapters: Sequence[Chapter], num_frames: int) -> None:
    at = 0
    for chapter in chapters:
        if not at <= chapter.start_frame < chapter.end_frame <= max(num_frames, at):
            raise MediaError(
                f'Chapter "{chapter.title}" (frames {chapter.start_frame} to {chapter.end_frame}) '
                f"does not lie in order within {num_frames} frames.",
                _FAULT,
            )
        at = chapter.end_frame


def _pictures(film: _Film, progress: Progress) -> Iterator[NDArray[Any]]:
    """Every picture of the film; says how far it is once each has been used."""
    burn_in = BurnIn(film.size, film.settings.frame_rate, film.settings.label)
    frame_bytes = film.size[0] * film.size[1] * 3 * film.bits // 8
    chunk = max(1, min(_MAX_CHUNK, _CHUNK_BYTES // frame_bytes))
    index = 0
    for span in film.spans:
        shot_frame = 0
        for pictures in span.frames.chunks(chunk):
            for picture in pictures:
                drawn = picture
                if film.settings.burn_in:
                    drawn = burn_in.draw(picture, span.title, shot_frame, index)
                yield drawn
                index, shot_frame = index + 1, shot_frame + 1
                progress.step(index / film.num_frames, f"frame {index} of {film.num_frames}")
        if shot_frame != len(span.frames):
            raise MediaError(
                f'"{span.title}" gave {shot_frame} frames of {len(span.frames)}.', _FAULT
            )


def _write_container(film: _Film, out: Path, progress: Progress) -> WrittenFilm:
    with atomic_file(out) as part:
        container = FilmContainer(
            part,
            film.settings,
            film.size,
            film.bits == 16,
            film.sound,
            film.chapters,
            _tags(film, with_record=True),
        )
        try:
            for picture in _pictures(film, progress):
                container.write(picture)
            container.close()
        except BaseException:
            container.abandon()
            raise
        written = _measure(part, film, out)
    return replace(written, path=out)


def _write_sequence(film: _Film, out: Path, progress: Progress) -> WrittenFilm:
    writer = picture_writer(film.settings, film.size, film.bits)
    with atomic_folder(out, SIDECAR) as folder:
        for index, picture in enumerate(_pictures(film, progress)):
            writer.write(picture, folder / f"{index:06d}{writer.suffix}")
        if film.sound is not None:
            write_wav(folder / SOUND, film.sound, _tags(film, with_record=False))
        text = json.dumps(_sidecar(film, writer.suffix), ensure_ascii=False, indent=1)
        (folder / SIDECAR).write_text(text + "\n", "utf-8")
    return WrittenFilm(
        out,
        sum(1 for _ in out.glob(f"[0-9]*{writer.suffix}")),
        film.num_frames / film.settings.frame_rate,
        _seconds(film.sound),
        sum(path.stat().st_size for path in out.iterdir()),
    )


def _write_sound(film: _Film, out: Path, progress: Progress) -> WrittenFilm:
    if film.sound is None:
        raise MediaError("There is no sound to write.", _FAULT, where=str(out))
    with atomic_file(out) as part:
        write_wav(part, film.sound, _tags(film, with_record=False))
    progress.step(1.0, "sound written")
    length = Fraction(film.sound.num_samples, SAMPLE_RATE)
    return WrittenFilm(out, 0, length, length, out.stat().st_size)


def _seconds(sound: Soundtrack | None) -> Fraction | None:
    return None if sound is None else Fraction(sound.num_samples, SAMPLE_RATE)


def _tags(film: _Film, *, with_record: bool) -> dict[str, str]:
    """Texts inside the file. `bitexact` takes the `encoder` tag away, so ours is `software`."""
    metadata = film.metadata
    software = f"Reelwright {reelwright.__version__}"
    tags = {"title": metadata.title, "comment": metadata.comment, "software": software}
    if film.settings.format in (FilmFormat.MP4, FilmFormat.MOV):
        # The names that players on the Mac, and VLC, look for in the same box.
        tags |= {
            "com.apple.quicktime.title": metadata.title,
            "com.apple.quicktime.description": metadata.comment,
            "com.apple.quicktime.software": software,
        }
    tags |= metadata.tags
    if with_record and metadata.provenance is not None:
        tags["reelwright"] = metadata.provenance.to_text()
    return {name: text.replace("\0", "") for name, text in tags.items() if text}


def _sidecar(film: _Film, suffix: str) -> Mapping[str, Any]:
    rate, metadata = film.settings.frame_rate, film.metadata
    return {
        "pictures": f"%06d{suffix}",
        "frame_rate": f"{rate.numerator}/{rate.denominator}",
        "num_frames": film.num_frames,
        "size": list(film.size),
        "sound": SOUND if film.sound is not None else None,
        "chapters": [
            {"title": each.title, "start_frame": each.start_frame, "end_frame": each.end_frame}
            for each in film.chapters
        ],
        "tags": _tags(film, with_record=False),
        "provenance": metadata.provenance.to_json() if metadata.provenance else None,
    }


def _measure(part: Path, film: _Film, out: Path) -> WrittenFilm:
    """Read the finished file's packets: what a player will find."""
    counts: dict[str, int] = {}
    ends: dict[str, Fraction] = {}
    with av.open(str(part)) as container:
        streams = [*container.streams.video, *container.streams.audio]
        for packet in container.demux(streams):
            if packet.pts is None or packet.time_base is None:
                continue
            kind = packet.stream.type
            counts[kind] = counts.get(kind, 0) + 1
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            ends[kind] = max(ends.get(kind, Fraction(0)), end)
        for stream in streams:
            if stream.duration is not None and stream.time_base is not None:
                ends[stream.type] = stream.duration * stream.time_base
    size_bytes = part.stat().st_size
    wanted = film.num_frames / film.settings.frame_rate
    written = WrittenFilm(
        out, counts.get("video", 0), ends.get("video", Fraction(0)), ends.get("audio"), size_bytes
    )
    slack = Fraction(1024, SAMPLE_RATE)
    whole = written.num_frames == film.num_frames and abs(written.duration_s - wanted) <= slack
    heard = film.sound is None or (
        written.audio_duration_s is not None and abs(written.audio_duration_s - wanted) <= slack
    )
    if not whole or not heard:
        raise MediaError(
            f"The file has {written.num_frames} pictures of {film.num_frames} and ends at "
            f"{float(written.duration_s):.3f} s (sound: "
            f"{float(written.audio_duration_s or 0):.3f} s) of {float(wanted):.3f} s.",
            "This is a fault of the encoder; try another --format and report it.",
            where=str(out),
        )
    return written
