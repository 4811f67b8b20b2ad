from __future__ import annotations

from reelwright.plan import changes_in_words, recipe_changes


def test_only_what_differs_is_named_with_both_values() -> None:
    before = {"scene": {"lens_mm": 35, "at": [0, 0, 1]}, "seed": 7}
    after = {"scene": {"lens_mm": 50.0, "at": [0, 0, 2]}, "seed": 7.0}
    assert [str(change) for change in recipe_changes(before, after)] == [
        "scene.at[2]: 1 -> 2",
        "scene.lens_mm: 35 -> 50.0",
    ]


def test_what_is_new_or_gone_is_said() -> None:
    words = changes_in_words({"a": 1}, {"b": 2})
    assert "a is gone" in words
    assert "b is new: 2" in words


def test_upstream_is_said() -> None:
    assert changes_in_words({}, {}, ["stage/a"]) == "made from what is new: stage/a"


def test_the_same_recipe_means_that_its_result_is_gone() -> None:
    assert changes_in_words({"a": 1}, {"a": 1}) == "its result is gone"


def test_a_long_list_of_changes_is_cut_and_counted() -> None:
    words = changes_in_words({}, {str(i): i for i in range(9)})
    assert words.endswith("and 6 more")


def test_lists_of_other_lengths_are_one_change() -> None:
    (change,) = recipe_changes({"a": [1, 2]}, {"a": [1]})
    assert str(change) == "a: [1, 2] -> [1]"
