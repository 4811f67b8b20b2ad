"""How a film was made: the record that rides inside it.

Whoever holds the film can make it again: the storyboard's own words, the plan that was carried
out, the digest of every file that was used, seeds and models. It is read back from files of
strangers, so every field is checked before anything uses it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import reelwright
from reelwright.errors import MediaError
from reelwright.media.names import unsafe_name

FORMAT = 1
"""Version of the record. A reader takes its own and older ones."""

MAX_JSON_BYTES = 64 * 1024**2
"""More than this is not a record of ours."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEND = "The film was changed by another program; render it again from its storyboard."
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model that took part.

    Attributes:
        name: Its name in the catalogue.
        sha256: Digest of its weights; empty if they ship with the program.
        licence: Licence of its weights.
    """

    name: str
    sha256: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class ShotRecord:
    """A shot as it stands in the film.

    Attributes:
        id: Its name in the storyboard.
        start_frame: Its first frame in the film.
        num_frames: How many frames it has.
        label: What its pictures are, e.g. `animatic`.
        take: Which take was chosen.
    """

    id: str
    start_frame: int
    num_frames: int
    label: str = ""
    take: int = 1


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a film was made.

    Attributes:
        label: What its pictures are: `animatic` where no video model made them.
        storyboard: The storyboard's text, as it was.
        storyboard_name: Its file name, relative to the project's folder.
        plan: The plan that was carried out.
        files: sha256 of every file that was used, by path relative to the project's folder.
        seeds: Seed of each shot, by its id.
        models: Models that took part.
        shots: Shots in the order of the film.
        notes: What was said to the person: silence, trimmed frames, cropped pictures.
        title: The film's title.
        version: Version of Reelwright that made it.
    """

    label: str
    storyboard: str
    storyboard_name: str
    plan: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    models: tuple[ModelRecord, ...] = ()
    shots: tuple[ShotRecord, ...] = ()
    notes: tuple[str, ...] = ()
    title: str = ""
    version: str = reelwright.__version__

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, `reelwright` (the version) first."""
        return {
            "reelwright": self.version,
            "format": FORMAT,
            "label": self.label,
            "title": self.title,
            "storyboard": self.storyboard,
            "storyboard_name": self.storyboard_name,
            "plan": dict(self.plan),
            "files": dict(sorted(self.files.items())),
            "seeds": dict(self.seeds),
            "models": [
                {"name": model.name, "sha256": model.sha256, "licence": model.licence}
                for model in self.models
            ],
            "shots": [
                {
                    "id": shot.id,
                    "start_frame": shot.start_frame,
                    "num_frames": shot.num_frames,
                    "label": shot.label,
                    "take": shot.take,
                }
                for shot in self.shots
            ],
            "notes": list(self.notes),
        }

    def to_text(self) -> str:
        """One line of JSON: the same record gives the same text."""
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str, where: str = "") -> Provenance:
        """Read what `to_text` wrote.

        Args:
            text: The JSON.
            where: The file it was found in, for messages.

        Raises:
            MediaError: It is not a record, or of a newer version.
        """
        if len(text) > MAX_JSON_BYTES:
            raise MediaError("The record of how this film was made is too big.", _MEND, where=where)
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MediaError(
                "The record of how this film was made is damaged.", _MEND, where=where
            ) from error
        return cls.from_json(facts, where)

    @classmethod
    def from_json(cls, facts: object, where: str = "") -> Provenance:
        """The reverse of `to_json`; keys that are not known are left out.

        Raises:
            MediaError: A field is missing or of the wrong kind, or the record is of a newer
                version than this program reads.
        """
        reader = _Reader(facts, where)
        version, written = reader.take("reelwright", str), reader.take("format", int)
        if written > FORMAT:
            raise MediaError(
                f"This film was made by Reelwright {version}, whose record (format {written}) is "
                f"newer than this one reads ({FORMAT}).",
                f"Update Reelwright to {version} or later.",
                where=where,
                version=version,
            )
        return cls(
            label=reader.take("label", str),
            storyboard=reader.take("storyboard", str),
            storyboard_name=reader.name("storyboard_name"),
            plan=reader.take("plan", dict, {}),
            files=reader.digests("files"),
            seeds=reader.mapping("seeds", int),
            models=tuple(
                ModelRecord(
                    model.take("name", str),
                    model.take("sha256", str, ""),
                    model.take("licence", str, ""),
                )
                for model in reader.records("models")
            ),
            shots=tuple(
                ShotRecord(
                    shot.take("id", str),
                    shot.take("start_frame", int),
                    shot.take("num_frames", int),
                    shot.take("label", str, ""),
                    shot.take("take", int, 1),
                )
                for shot in reader.records("shots")
            ),
            notes=tuple(reader.items("notes", str)),
            title=reader.take("title", str, ""),
            version=version,
        )


class _Reader:
    """Takes fields of one kind out of somebody's JSON, and says where one is wrong."""

    def __init__(self, facts: object, where: str, path: str = "") -> None:
        self._where = where
        self._path = path
        if not isinstance(facts, dict):
            raise self._wrong("", "is not an object")
        self._facts: dict[str, Any] = facts

    def take(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        value = self._facts.get(key, default)
        if not _is(value, kind):
            raise self._wrong(key, "is missing" if value is None else f"is not {kind.__name__}")
        return cast(_T, value)

    def name(self, key: str) -> str:
        name = self.take(key, str)
        reason = unsafe_name(name)
        if reason:
            raise self._wrong(key, f"is a name that cannot be trusted: {reason}")
        return name

    def items(self, key: str, kind: type[_T]) -> list[_T]:
        values = self.take(key, list, [])
        for index, value in enumerate(values):
            if not _is(value, kind):
                raise self._wrong(f"{key}[{index}]", f"is not {kind.__name__}")
        return values

    def records(self, key: str) -> list[_Reader]:
        values = self.take(key, list, [])
        return [
            _Reader(value, self._where, f"{self._path}{key}[{index}].")
            for index, value in enumerate(values)
        ]

    def mapping(self, key: str, kind: type[_T]) -> dict[str, _T]:
        values = self.take(key, dict, {})
        for name, value in values.items():
            if not _is(value, kind):
                raise self._wrong(f"{key}.{name}", f"is not {kind.__name__}")
        return values

    def digests(self, key: str) -> dict[str, str]:
        values = self.mapping(key, str)
        for name, digest in values.items():
            reason = unsafe_name(name)
            if reason:
                raise self._wrong(f"{key}.{name}", f"is a name that cannot be trusted: {reason}")
            if not _DIGEST.fullmatch(digest):
                raise self._wrong(f"{key}.{name}", "is not a sha256")
        return values

    def _wrong(self, key: str, what: str) -> MediaError:
        field_path = f"{self._path}{key}".rstrip(".") or "record"
        return MediaError(
            f"The record of how this film was made is damaged: `{field_path}` {what}.",
            _MEND,
            where=self._where,
            field=field_path,
        )


def _is(value: object, kind: type[Any]) -> bool:
    """Whether JSON gave this kind; a truth value is not a number."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
