"""LTX: a shot's clip from words, keyframes, staged depth, sounds and the shot before.

Four steps, each from folders to a folder, each resumable: read the words, draft, refine, decode.
"""

from __future__ import annotations

from reelwright.generate.ltx.decode import decode_clip
from reelwright.generate.ltx.draft import draft_clip, refine_clip
from reelwright.generate.ltx.loaded import release
from reelwright.generate.ltx.provenance import LTX_VERSION
from reelwright.generate.ltx.retake import decode_retake
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.generate.ltx.words import read_words

__all__ = [
    "LTX_VERSION",
    "LtxSettings",
    "decode_clip",
    "decode_retake",
    "draft_clip",
    "read_words",
    "refine_clip",
    "release",
]
