from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.plan import artifact_key, canonical_json, is_key

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


def test_order_and_spelling_of_numbers_do_not_matter() -> None:
    one: dict[str, Any] = {"b": 5.0, "a": [1, (2, 3.5)], "ü": -0.0}
    other: dict[str, Any] = {"ü": 0, "a": (1.0, [2, 3.5]), "b": 5}
    assert canonical_json(one) == canonical_json(other) == '{"a":[1,[2,3.5]],"b":5,"ü":0}'


def test_true_is_not_one_and_text_is_not_a_number() -> None:
    assert len({canonical_json(value) for value in (True, 1, "1", [1], None, False)}) == 6


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="no place"):
        canonical_json({"a": [value]})


@pytest.mark.parametrize("value", [object(), b"x", {1: 2}, {"a": {3}}])
def test_what_json_does_not_know_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


@given(plain)
def test_canonical_json_is_read_back_to_itself(value: Any) -> None:
    import json

    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@given(plain, plain)
def test_different_recipes_have_different_keys(one: Any, other: Any) -> None:
    same = canonical_json(one) == canonical_json(other)
    assert (artifact_key({"x": one}) == artifact_key({"x": other})) == same


def test_a_key_depends_on_what_is_upstream_and_in_which_order() -> None:
    keys = {
        artifact_key({"a": 1}),
        artifact_key({"a": 1}, ["x"]),
        artifact_key({"a": 1}, ["x", "y"]),
        artifact_key({"a": 1}, ["y", "x"]),
    }
    assert len(keys) == 4
    assert all(is_key(key) for key in keys)


def test_keys_never_change() -> None:
    # This value renames every artifact there is when it changes: it must not, between versions.
    recipe = {"version": 1, "scene": {"lens_mm": 35.0, "name": "früh"}}
    assert artifact_key(recipe, ["0" * 32]) == "cfdc5d76e158d0cdd3af39f87439bac4"


def test_only_keys_are_keys() -> None:
    assert not any(is_key(name) for name in ("", "..", "a" * 31, "A" * 32, "g" * 32, "a" * 33))
