"""Keyframes: on frames that the shot has, one to a frame, from pictures that there can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.storyboard.problems import Finding
from reelwright.storyboard.table import Table
from reelwright.storyboard.timing import Timing
from reelwright.storyboard.words import shown

if TYPE_CHECKING:
    from reelwright.storyboard.source import Path


@dataclass(frozen=True, slots=True)
class WrittenKeyframe:
    """A keyframe as it is written, in any of its three forms.

    Attributes:
        frame: Its frame; None where what is written is none.
        source: paint, stage, none or a picture; None where what is written is none.
        frame_path: Where the frame is written, or would be.
        source_path: Where the source is written.
    """

    frame: int | None
    source: str | None
    frame_path: Path
    source_path: Path


def written_keyframes(shot: Table) -> Iterator[WrittenKeyframe]:
    """Every keyframe of a shot, the first and last with their frames filled in."""
    for name, frame in (("first", 0), ("last", -1)):
        word, table, path = shot.text(name), shot.table(name), shot.at(name)
        if word is not None:
            yield WrittenKeyframe(frame, word, path, path)
        elif table is not None:
            filled = Table({"frame": frame, **table.raw}, path)
            yield _written(filled, path if "frame" not in table else table.at("frame"))
    for table in shot.tables("keyframes"):
        yield _written(table, table.at("frame"))


def _written(table: Table, frame_path: Path) -> WrittenKeyframe:
    return WrittenKeyframe(table.whole("frame"), table.text("from"), frame_path, table.at("from"))


def check_keyframes(shot: Table, timing: Timing, *, staged: bool) -> Iterator[Finding]:
    """What is wrong with the keyframes of a shot.

    Args:
        shot: The shot.
        timing: The film's.
        staged: Whether there are staged frames to take.
    """
    num_frames = timing.num_frames(shot)
    taken: dict[int, str] = {}
    for keyframe in written_keyframes(shot):
        if keyframe.source == "stage" and not staged:
            yield Finding(
                keyframe.source_path,
                "This shot has words alone, so there is no staged frame to take.",
                "Give the shot a camera or place a prop in it, or name a picture.",
            )
        if num_frames is not None and keyframe.frame is not None:
            yield from _check_frame(keyframe, keyframe.frame, num_frames, taken)


def _check_frame(
    keyframe: WrittenKeyframe, frame: int, num_frames: int, taken: dict[int, str]
) -> Iterator[Finding]:
    resolved = frame if frame >= 0 else num_frames + frame
    if not 0 <= resolved < num_frames:
        yield Finding(
            keyframe.frame_path,
            f"Frame {shown(frame)} is not in this shot, which has {num_frames} frames.",
            f"Use a frame from 0 to {num_frames - 1}, or from -{num_frames} to -1.",
        )
    elif keyframe.source != "none":
        if resolved in taken:
            yield Finding(
                keyframe.frame_path,
                f"Frame {resolved} already has a keyframe, from {taken[resolved]}.",
                "Take one of the two out, or move it to another frame.",
            )
        taken.setdefault(resolved, shown(keyframe.source))
