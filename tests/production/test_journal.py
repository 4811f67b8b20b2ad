from __future__ import annotations

import sqlite3
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reelwright.errors import ResourceError
from reelwright.plan import COSTS_VERSION, PlannedStage, StageKind
from reelwright.production.journal import Journal, Outcome, read_history
from reelwright.production.manifest import Manifest

KEY = "0" * 32


def manifest(attempt: str, **facts: Any) -> Manifest:
    values: dict[str, Any] = {
        "cost_row": "builtin", "device": "cpu", "seconds": 3.0, "modelled_s": 1.0,
        "peak_ram_bytes": 200, "modelled_ram_bytes": 100, "costs_version": COSTS_VERSION,
    }  # fmt: skip
    return Manifest(KEY, attempt, "mix", "mix", {}, {}, **{**values, **facts})


class Books:
    """A journal with the manifests it may be made from, and what it warned of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifests: list[Manifest] = []
        self.warnings: list[str] = []

    def open(self) -> Journal:
        return Journal(self.path, lambda: self.manifests, self.warnings.append)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path / "journal.sqlite")


@pytest.fixture
def stage(toys: ModuleType) -> PlannedStage:
    planned: PlannedStage = toys.toy_stage("mix")
    return planned


def test_what_ran_is_told(books: Books, stage: PlannedStage) -> None:
    with books.open() as journal:
        journal.start_job("film.toml", "film")
        journal.start("a-1", stage)
        journal.end("a-1", Outcome.FAILED, seconds=1.5, error="it broke")
        journal.start("a-2", stage)
        journal.end("a-2", Outcome.FINISHED, seconds=2.5, peak_ram_bytes=9)
        rows = journal.attempts()
    assert [(row.attempt, row.outcome, row.seconds, row.error) for row in rows] == [
        ("a-1", Outcome.FAILED, 1.5, "it broke"),
        ("a-2", Outcome.FINISHED, 2.5, ""),
    ]
    assert rows[1].peak_ram_bytes == 9
    assert rows[1].key == stage.key
    assert not books.warnings


def test_it_runs_in_wal_mode(books: Books) -> None:
    books.open().close()
    with sqlite3.connect(books.path) as db:
        assert db.execute("pragma journal_mode").fetchone() == ("wal",)
    db.close()


def test_a_missing_journal_is_made_from_the_manifests_and_said(books: Books) -> None:
    books.manifests = [manifest("a-1"), manifest("a-2")]
    with books.open() as journal:
        assert [row.attempt for row in journal.attempts()] == ["a-1", "a-2"]
        assert journal.rebuild() == 0
    assert len(books.warnings) == 1
    assert "2 results" in books.warnings[0]


def test_a_new_project_has_nothing_to_say(books: Books) -> None:
    books.open().close()
    books.open().close()
    assert not books.warnings


@pytest.mark.parametrize("damage", ["text", "middle", "empty", "table", "foreign"])
def test_a_damaged_journal_is_made_again(books: Books, stage: PlannedStage, damage: str) -> None:
    with books.open() as journal:
        for index in range(200):
            journal.start(f"old-{index}", stage)
    books.manifests = [manifest("a-1")]
    harm(books.path, damage)
    with books.open() as journal:
        assert "a-1" in [row.attempt for row in journal.attempts()]
        journal.start("a-2", stage)
    assert len(books.warnings) == 1
    assert books.path.with_name("journal.sqlite.damaged").exists()


def harm(path: Path, how: str) -> None:
    if how == "table":
        with sqlite3.connect(path) as db:
            db.execute("drop table attempts")
            db.execute("create table attempts (something text)")
        db.close()
        return
    if how == "foreign":
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("pragma user_version = 77")
        db.close()
        return
    data = path.read_bytes()
    if how == "text":
        path.write_bytes(b"this is no database" * 100)
    elif how == "middle":
        path.write_bytes(data[:4096] + b"\xaa" * (len(data) - 4096))
    else:
        path.write_bytes(data[:100])


def test_a_journal_that_breaks_under_way_is_made_again(books: Books, stage: PlannedStage) -> None:
    books.manifests = [manifest("a-1")]
    with books.open() as journal:
        journal.start("a-2", stage)
        with sqlite3.connect(books.path) as db:
            db.execute("drop table attempts")
        db.close()
        journal.start("a-3", stage)
        assert {row.attempt for row in journal.attempts()} == {"a-1", "a-3"}
    assert any("damaged" in warning for warning in books.warnings)


def test_rows_of_a_killed_render_are_closed(books: Books, stage: PlannedStage) -> None:
    journal = books.open()
    journal.start_job("film.toml", "film")
    journal.start("a-lost", stage)
    journal.start("a-1", stage)
    journal.close()
    books.manifests = [manifest("a-1", seconds=4.0)]  # committed, then killed before the note
    with books.open() as journal:
        rows = {row.attempt: row for row in journal.attempts()}
    assert rows["a-lost"].outcome is Outcome.LOST
    assert rows["a-1"].outcome is Outcome.FINISHED
    assert rows["a-1"].seconds == 4.0


def test_the_last_result_of_a_stage_that_was_another(books: Books, toys: ModuleType) -> None:
    one, other = toys.toy_stage("mix", a=1), toys.toy_stage("mix", a=2)
    with books.open() as journal:
        for attempt, stage in (("a-1", one), ("a-2", other)):
            journal.start(attempt, stage)
            journal.end(attempt, Outcome.FINISHED)
        journal.start("a-3", toys.toy_stage("mix", a=3))
        assert journal.last_key("mix", but=other.key) == one.key
        assert journal.last_key("mix", but="x") == other.key
        assert journal.last_key("mux", but="x") is None


class TestHistory:
    def test_measured_runs_correct_estimates(self, books: Books) -> None:
        books.manifests = [manifest("a-1"), manifest("a-2", seconds=5.0), manifest("a-3")]
        books.open().close()
        ratio = read_history(books.path).ratio(StageKind.MIX, "builtin", "cpu")
        assert (ratio.seconds, ratio.ram, ratio.samples) == (3.0, 2.0, 3)

    def test_runs_under_another_model_do_not_count(self, books: Books) -> None:
        books.manifests = [manifest("a-1", costs_version=COSTS_VERSION - 1)]
        with books.open() as journal:
            assert journal.history().ratio(StageKind.MIX, "builtin", "cpu").samples == 0

    def test_no_journal_or_a_broken_one_is_no_history(self, tmp_path: Path) -> None:
        assert not read_history(tmp_path / "journal.sqlite").samples
        (tmp_path / "journal.sqlite").write_bytes(b"x" * 9999)
        assert not read_history(tmp_path / "journal.sqlite").samples


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ResourceError) as caught:
        Journal(tmp_path / "no" / "journal.sqlite", lambda: (), lambda text: None)
    assert "--work-dir" in caught.value.mend
