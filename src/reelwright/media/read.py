"""What a finished film holds besides its pictures: its sound, and how it was made."""

from __future__ import annotations

import json
from pathlib import Path

import av
from av.error import FFmpegError

from reelwright.audio import Audio, decode_audio
from reelwright.errors import AssetError, MediaError
from reelwright.media.packets import check_whole
from reelwright.media.provenance import MAX_JSON_BYTES, Provenance
from reelwright.media.sequence import SIDECAR

_KEY = "reelwright"


def read_audio(path: Path, out: Path) -> Audio | None:
    """Decode a film's sound to a 48 kHz stereo WAV.

    Args:
        path: Any file with sound that FFmpeg reads.
        out: The WAV to write.

    Returns:
        The sound; None if the file has none.

    Raises:
        MediaError: The file is missing, cut short, or its sound is damaged.
        ResourceError: The disk is full.
    """
    with _open(path) as container:
        if not container.streams.audio:
            return None
        check_whole(container, path)
    try:
        return decode_audio(path, out)
    except AssetError as error:
        raise MediaError(error.what, error.mend, where=error.where) from error


def read_provenance(path: Path) -> Provenance | None:
    """How a film was made, from the film itself.

    Args:
        path: A film of ours (mp4, mov, mkv), or the folder of a picture sequence.

    Returns:
        The record; None where there is none, as in a film of another program.

    Raises:
        MediaError: The file cannot be read, its record is damaged, or of a newer version.
    """
    if path.is_dir() or path.name == SIDECAR:
        return _from_sidecar(path if path.name == SIDECAR else path / SIDECAR)
    with _open(path) as container:
        tags = {name.lower(): text for name, text in container.metadata.items()}
    text = tags.get(_KEY)
    return Provenance.from_text(text, str(path)) if text else None


def _from_sidecar(path: Path) -> Provenance | None:
    if not path.is_file():
        return None
    mend = "Render the film again, or remove the file."
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise MediaError("This file is too big to be a record.", mend, where=str(path))
        facts = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MediaError("This record cannot be read.", mend, where=str(path)) from error
    if not isinstance(facts, dict):
        raise MediaError("This record is not an object.", mend, where=str(path))
    record = facts.get("provenance")
    return None if record is None else Provenance.from_json(record, str(path))


def _open(path: Path) -> av.container.InputContainer:
    try:
        if path.stat().st_size == 0:
            raise MediaError("This file is empty.", "Make the film again.", where=str(path))
        return av.open(str(path))
    except FileNotFoundError as error:
        raise MediaError("There is no such file.", "Check its name.", where=str(path)) from error
    except (FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"This film cannot be read: {getattr(error, 'strerror', None) or error}.",
            "Give a whole film file (mp4, mov, mkv), or the folder of a picture sequence.",
            where=str(path),
        ) from error
