from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from reelwright.storyboard import SENSORS_MM, Camera, Film, Shot, film_schema
from reelwright.storyboard.camera import Move, Sensor
from reelwright.storyboard.moves import DEFAULT_ANGLE_DEG, DISTANCE_SHARE


def test_the_schema_is_json_of_the_latest_draft() -> None:
    schema = film_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["title"] == "Reelwright storyboard"
    assert schema["required"] == ["shots"]
    assert schema == json.loads(json.dumps(schema, allow_nan=False))


def fields() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = film_schema()
    for name, model in {"Document": schema, **schema["$defs"]}.items():
        assert model["additionalProperties"] is False
        assert model["description"], name
        for key, value in model["properties"].items():
            yield f"{name}.{key}", value


def test_every_field_is_described() -> None:
    names = [name for name, field in fields() if not field.get("description", "").endswith(".")]
    assert names == []


def test_toml_names_are_in_the_schema() -> None:
    names = {name for name, _ in fields()}
    assert {"KeyframeSpec.from", "Upscale.with", "Document.film", "FilmSettings.title"} <= names
    assert not any(name.endswith("_") for name in names)


def test_references_lead_somewhere() -> None:
    schema = film_schema()

    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            for key, value in part.items():
                yield from [value] if key == "$ref" else references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    found = set(references(schema))
    assert found
    assert all(ref.removeprefix("#/$defs/") in schema["$defs"] for ref in found)


def test_each_bound_stands_in_the_schema() -> None:
    of = dict(fields())
    assert of["Shot.seconds"]["exclusiveMinimum"] == 0
    assert of["Shot.seconds"]["maximum"] == 3600
    assert of["Shot.takes"]["maximum"] == 64
    assert of["FilmSettings.size"]["prefixItems"][0]["multipleOf"] == 2
    assert of["FilmSettings.fps"]["anyOf"][0] == {"type": "number", "minimum": 1, "maximum": 240}


def test_there_is_no_null_in_toml() -> None:
    assert "null" not in json.dumps(film_schema())


def test_names_are_said_once_and_agree() -> None:
    assert set(SENSORS_MM) == set(get_args(Sensor))
    assert len(get_args(Move)) == 16
    told = Camera.model_fields["angle_deg"].description or ""
    for kind, angle in DEFAULT_ANGLE_DEG.items():
        assert f"{kind} (default {angle:g})" in told or f"{kind} ({angle:g})" in told
    assert DISTANCE_SHARE == 0.25
    assert "quarter" in (Camera.model_fields["distance"].description or "")


def test_films_are_frozen() -> None:
    film = Film(shots=[Shot(id="a", seconds=1)])
    with pytest.raises(ValueError, match="frozen"):
        film.title = "x"  # type: ignore[misc]
