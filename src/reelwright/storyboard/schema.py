"""The JSON Schema of a storyboard, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from reelwright.storyboard.film import Document

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Schema(GenerateJsonSchema):
    """Without the titles that pydantic makes from names ("Lens Mm"): they say nothing new."""

    schema_dialect = _DIALECT

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def film_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the TOML document."""
    schema = Document.model_json_schema(by_alias=True, schema_generator=_Schema)
    plain: dict[str, Any] = _as_toml(schema)
    return {"$schema": _DIALECT, **plain, "title": "Reelwright storyboard"}


def _as_toml(part: Any) -> Any:
    """TOML has no null: what may be left out is not required, and that says it."""
    if isinstance(part, list):
        return [_as_toml(value) for value in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _as_toml(value) for key, value in part.items()}
    if plain.get("default", ...) is None:
        del plain["default"]
    if "patternProperties" in plain:
        plain["additionalProperties"] = False
    choices = plain.get("anyOf")
    if not isinstance(choices, list) or {"type": "null"} not in choices:
        return plain
    choices = [choice for choice in choices if choice != {"type": "null"}]
    if len(choices) > 1:
        return {**plain, "anyOf": choices}
    del plain["anyOf"]
    return {**choices[0], **plain}
