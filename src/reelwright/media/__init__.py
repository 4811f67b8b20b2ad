"""Films to files and back: MP4, MOV, MKV, picture sequences, WAV; provenance in and out; packs.

Names are loaded when first used, so that naming this room costs no PyAV.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.media.pack import pack_project
    from reelwright.media.project import MissingFile, ProjectSearch, find_project
    from reelwright.media.provenance import ModelRecord, Provenance, ShotRecord
    from reelwright.media.read import read_audio, read_provenance
    from reelwright.media.settings import (
        Chapter,
        FilmFormat,
        FilmMetadata,
        FilmSpan,
        OutputSettings,
        WrittenFilm,
        chapters_of,
    )
    from reelwright.media.sheet import contact_sheet
    from reelwright.media.unpack import (
        PackLimits,
        UnpackedProject,
        packed_storyboard,
        unpack_project,
    )
    from reelwright.media.video import VideoFile, open_video
    from reelwright.media.video_facts import AudioFacts, ChapterFacts, VideoFacts
    from reelwright.media.write import write_film

__all__ = [
    "AudioFacts",
    "Chapter",
    "ChapterFacts",
    "FilmFormat",
    "FilmMetadata",
    "FilmSpan",
    "MissingFile",
    "ModelRecord",
    "OutputSettings",
    "PackLimits",
    "ProjectSearch",
    "Provenance",
    "ShotRecord",
    "UnpackedProject",
    "VideoFacts",
    "VideoFile",
    "WrittenFilm",
    "chapters_of",
    "contact_sheet",
    "find_project",
    "open_video",
    "pack_project",
    "packed_storyboard",
    "read_audio",
    "read_provenance",
    "unpack_project",
    "write_film",
]

_HOMES = {
    "sheet": ("contact_sheet",),
    "pack": ("pack_project",),
    "project": ("MissingFile", "ProjectSearch", "find_project"),
    "provenance": ("ModelRecord", "Provenance", "ShotRecord"),
    "read": ("read_audio", "read_provenance"),
    "settings": (
        "Chapter",
        "FilmFormat",
        "FilmMetadata",
        "FilmSpan",
        "OutputSettings",
        "WrittenFilm",
        "chapters_of",
    ),
    "unpack": ("PackLimits", "UnpackedProject", "packed_storyboard", "unpack_project"),
    "video": ("VideoFile", "open_video"),
    "video_facts": ("AudioFacts", "ChapterFacts", "VideoFacts"),
    "write": ("write_film",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
