"""`FilmMix`: the film's sound, and what `mix_film` is given to make it.

A mix is a folder: `master.wav`, `stems/<name>.wav` and `mix.json`, which is written last. The
stems are as they were before loudness: their sum, times `gain_db`, through the limiter, is the
master.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelwright.audio import Audio
from reelwright.errors import MediaError
from reelwright.generate.clip import Clip, read_manifest
from reelwright.generate.linking import write_json

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ClipSpan:
    """A clip and where it begins in the film.

    Attributes:
        clip: A finished clip.
        start_s: Seconds from the film's first frame, exact: frames before it / frame rate.
    """

    clip: Clip
    start_s: Fraction


@dataclass(frozen=True, slots=True)
class MusicCue:
    """A piece of music laid under the film.

    Attributes:
        file: The sound file, resolved.
        name: As the storyboard wrote it, for messages.
        at_s: Where it begins in the film, seconds.
        from_s: Where it begins in the file.
        length_s: How long it plays; None: to its end, or to the film's.
        gain_db: Its level.
        fade_in_s: Length of its fade in.
        fade_out_s: Length of its fade out.
        loop: Begin again when the file ends.
        duck_db: How far it steps back under dialogue and sounds of mode `duck`, dB; the sign does
            not matter.
    """

    file: Path
    name: str = ""
    at_s: float = 0.0
    from_s: float = 0.0
    length_s: float | None = None
    gain_db: float = 0.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loop: bool = False
    duck_db: float = 0.0


@dataclass(frozen=True, slots=True)
class FilmMix:
    """The film's sound.

    Attributes:
        master: What is heard: stereo, 48 kHz, as long as the film to the sample.
        stems: Its parts before loudness, by name.
        loudness_lufs: Integrated loudness of the master; None if it is silent.
        true_peak_db: Its true peak, dBTP; None if it is silent.
        gain_db: What the sum of the stems was raised by before the limiter.
        limited_db: The most that the limiter took off, dB; 0: it was not needed.
        silence: Sentences on what is not heard.
        notes: Sentences on what could not be done as asked.
    """

    master: Audio
    stems: Mapping[str, Audio]
    loudness_lufs: float | None
    true_peak_db: float | None
    gain_db: float
    limited_db: float = 0.0
    silence: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def save(self, folder: Path) -> FilmMix:
        """Write `mix.json` beside the sounds, which already lie in `folder`.

        Raises:
            ResourceError: The disk is full.
        """
        manifest = {
            "format": _FORMAT,
            "master": self.master.path.relative_to(folder).as_posix(),
            "stems": {
                name: stem.path.relative_to(folder).as_posix()
                for name, stem in sorted(self.stems.items())
            },
            "loudness_lufs": self.loudness_lufs,
            "true_peak_db": self.true_peak_db,
            "gain_db": self.gain_db,
            "limited_db": self.limited_db,
            "silence": list(self.silence),
            "notes": list(self.notes),
        }
        write_json(folder / "mix.json", manifest)
        return self

    @classmethod
    def load(cls, folder: Path) -> FilmMix:
        """Open the mix that lies in a folder.

        Raises:
            MediaError: There is none, or it is not whole.
        """
        held: dict[str, Any] = read_manifest(folder / "mix.json", "mix")
        try:
            return cls(
                master=Audio.open(folder / held["master"]),
                stems={name: Audio.open(folder / at) for name, at in held["stems"].items()},
                loudness_lufs=held["loudness_lufs"],
                true_peak_db=held["true_peak_db"],
                gain_db=held["gain_db"],
                limited_db=held["limited_db"],
                silence=tuple(held["silence"]),
                notes=tuple(held["notes"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise MediaError(
                f"The mix's manifest is not whole ({error!r}).",
                "Mix the film again.",
                where=str(folder / "mix.json"),
            ) from error


def clip_spans(clips: Iterable[Clip]) -> tuple[ClipSpan, ...]:
    """Lay clips one after another, at exact times."""
    spans: list[ClipSpan] = []
    start = Fraction(0)
    for clip in clips:
        spans.append(ClipSpan(clip, start))
        start += clip.duration_s
    return tuple(spans)
