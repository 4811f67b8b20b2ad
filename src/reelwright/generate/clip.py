"""`Clip`: a shot as moving pictures and sound, wherever it came from.

A clip is a folder: `frames.mkv` (FFV1), `stems/<name>.wav` (32-bit float) and `clip.json`, which is
written last. Nothing in it is an array in memory. `frames.mkv` may hold more frames than the clip
shows: `clip.json` says where the clip begins in it and how many frames it has, so a trim costs
nothing and the file can be a hard link to the one it was cut from. For that reason no room ever
writes into a clip's files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from reelwright.audio import SAMPLE_RATE, Audio
from reelwright.errors import MediaError
from reelwright.frames import FrameKind, Frames, FrameWriter, open_frames, slice_frames
from reelwright.generate.linking import link_or_copy, write_json
from reelwright.progress import NO_PROGRESS, Progress

_FORMAT = 1
_CHUNK_FRAMES = 16


@dataclass(frozen=True, slots=True)
class SoundCue:
    """A span of a shot in which other sounds make way for one that stands there.

    Attributes:
        kind: `duck`: music and the model's own sound step back; `replace`: the model's own sound
            is silent.
        start_s: Where it begins, seconds from the clip's first frame.
        stop_s: Where it ends.
    """

    kind: Literal["duck", "replace"]
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True)
class Clip:
    """Moving pictures of one shot with the sounds that belong to it.

    Attributes:
        frames: Colour, uint8 or uint16 [F, H, W, 3].
        frame_rate: Frames per second, exact.
        stems: Sounds by name (`placed`, later `generated` and `dialogue`), stereo, as long as the
            pictures. A sound that is not there has no stem.
        sample_rate: Samples per second of every stem.
        provenance: What made it: `backend`, `label` (what a person is told it is, e.g.
            `animatic`), versions, seed, and `silence`, a list of sentences on what is not heard.
        cues: Where other sounds make way.
        file: The file that `frames` is read from; None if it is not in a file.
        start: First frame of `file` that belongs to the clip.
    """

    frames: Frames
    frame_rate: Fraction
    stems: Mapping[str, Audio] = field(default_factory=dict)
    sample_rate: int = SAMPLE_RATE
    provenance: Mapping[str, Any] = field(default_factory=dict)
    cues: tuple[SoundCue, ...] = ()
    file: Path | None = None
    start: int = 0

    @property
    def num_frames(self) -> int:
        """Frames that the clip shows."""
        return int(self.frames.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return int(self.frames.shape[2]), int(self.frames.shape[1])

    @property
    def duration_s(self) -> Fraction:
        """Length of the pictures, seconds, exact."""
        return self.num_frames / self.frame_rate

    @property
    def label(self) -> str:
        """What the clip is, for a person: `animatic`, or the name of a model."""
        return str(self.provenance.get("label", ""))

    @property
    def silence(self) -> tuple[str, ...]:
        """Sentences on what is not heard in this clip."""
        return tuple(self.provenance.get("silence", ()))

    def save(self, folder: Path, progress: Progress = NO_PROGRESS) -> Clip:
        """Put the clip into a folder: links where files exist, encoding where they do not.

        Args:
            folder: Where to; made if missing.
            progress: Told of frames that have to be encoded.

        Returns:
            The clip as it lies in `folder`.

        Raises:
            ResourceError: The disk is full.
        """
        folder.mkdir(parents=True, exist_ok=True)
        start = self._save_frames(folder / "frames.mkv", progress)
        for name, stem in self.stems.items():
            link_or_copy(stem.path, folder / "stems" / f"{name}.wav")
        write_json(folder / "clip.json", self._manifest(start))
        return Clip.load(folder)

    def _save_frames(self, target: Path, progress: Progress) -> int:
        """Link or encode the pictures; returns the first frame of the file that is the clip's."""
        if self.file is not None:
            link_or_copy(self.file, target)
            return self.start
        kind = FrameKind.COLOR16 if self.frames.dtype == "uint16" else FrameKind.COLOR8
        done = 0
        with FrameWriter(target, kind, self.size) as writer:
            for chunk in self.frames.chunks(_CHUNK_FRAMES):
                writer.write(chunk)
                done += len(chunk)
                progress.step(done / self.num_frames, f"frame {done} of {self.num_frames}")
        return 0

    def _manifest(self, start: int) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "frame_rate": str(self.frame_rate),
            "frames": {
                "file": "frames.mkv",
                "start": start,
                "count": self.num_frames,
                "size": list(self.size),
            },
            "stems": {name: f"stems/{name}.wav" for name in sorted(self.stems)},
            "sample_rate": self.sample_rate,
            "cues": [
                {"kind": cue.kind, "start_s": cue.start_s, "stop_s": cue.stop_s}
                for cue in self.cues
            ],
            "provenance": dict(self.provenance),
        }

    @classmethod
    def load(cls, folder: Path) -> Clip:
        """Open the clip that lies in a folder; nothing is decoded yet.

        Args:
            folder: A folder that `save` wrote.

        Raises:
            MediaError: There is no clip, or its files do not hold what it says.
        """
        manifest = read_manifest(folder / "clip.json", "clip")
        try:
            return cls._from_manifest(folder, manifest)
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise MediaError(
                f"The clip's manifest is not whole ({error!r}).",
                "Render the shot again.",
                where=str(folder / "clip.json"),
            ) from error

    @classmethod
    def _from_manifest(cls, folder: Path, manifest: Mapping[str, Any]) -> Clip:
        held = manifest["frames"]
        file, start, count = folder / held["file"], int(held["start"]), int(held["count"])
        whole = open_frames(file)
        if start < 0 or count < 1 or start + count > whole.shape[0]:
            raise MediaError(
                f"{file.name} holds {whole.shape[0]} frames; the clip is frames {start} to "
                f"{start + count - 1} of it.",
                "Render the shot again.",
                where=str(file),
            )
        return cls(
            frames=slice_frames(whole, start, start + count),
            frame_rate=Fraction(manifest["frame_rate"]),
            stems={name: Audio.open(folder / at) for name, at in manifest["stems"].items()},
            sample_rate=int(manifest["sample_rate"]),
            provenance=manifest["provenance"],
            cues=tuple(SoundCue(**cue) for cue in manifest["cues"]),
            file=file,
            start=start,
        )


def read_manifest(path: Path, noun: str) -> dict[str, Any]:
    """Read a folder's JSON manifest.

    Args:
        path: The manifest.
        noun: What it describes, for the message.

    Raises:
        MediaError: It is missing or is not a JSON object.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MediaError(
            f"There is no {noun} that can be read here ({error}).",
            "Render it again.",
            where=str(path),
        ) from error
    if not isinstance(held, dict):
        raise MediaError(f"This is not a {noun}.", "Render it again.", where=str(path))
    return held
