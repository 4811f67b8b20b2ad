from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.production.artifacts import Artifact, ArtifactStore, Attempt, Damage
from reelwright.production.disk import sync_tree
from reelwright.production.manifest import Manifest

KEY = "0123456789abcdef" * 2
OTHER = "f" * 32


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def written(store: ArtifactStore, key: str = KEY, data: bytes = b"result") -> Attempt:
    attempt = store.begin(key)
    (attempt.folder / "depth").mkdir()
    (attempt.folder / "depth" / "0.exr").write_bytes(data)
    (attempt.folder / "clip.json").write_bytes(b"{}")
    return attempt


def manifest_of(attempt: Attempt, **facts: Any) -> Manifest:
    files = sync_tree(attempt.folder)
    return Manifest(attempt.key, attempt.name, "stage/a", "stage", {"a": 1}, files, **facts)


def made(store: ArtifactStore, key: str = KEY, data: bytes = b"result") -> Artifact:
    attempt = written(store, key, data)
    return store.commit(attempt, manifest_of(attempt))


def test_a_committed_result_is_found_whole(store: ArtifactStore) -> None:
    artifact = made(store)
    found = store.verified(KEY)
    assert found == artifact
    assert isinstance(found, Artifact)
    assert found.manifest.files == {"clip.json": 2, "depth/0.exr": 6}
    assert found.manifest.disk_bytes == 8
    assert list(store.all_keys()) == [KEY]


def test_nothing_is_found_before_the_commit(store: ArtifactStore) -> None:
    assert store.find(KEY) is None
    written(store)
    assert store.find(KEY) is None


def test_the_first_writer_wins(store: ArtifactStore) -> None:
    one, other = written(store, data=b"one"), written(store, data=b"other")
    first = store.commit(one, manifest_of(one))
    second = store.commit(other, manifest_of(other))
    assert second == first
    assert (second.folder / "depth" / "0.exr").read_bytes() == b"one"
    assert not other.folder.exists()


def test_of_many_writers_at_once_one_wins(store: ArtifactStore) -> None:
    attempts = [written(store, data=bytes([i])) for i in range(8)]
    manifests = [manifest_of(attempt) for attempt in attempts]
    winners: list[str] = []
    barrier = threading.Barrier(len(attempts))

    def commit(attempt: Attempt, manifest: Manifest) -> None:
        barrier.wait()
        winners.append(store.commit(attempt, manifest).folder.name)

    threads = [
        threading.Thread(target=commit, args=pair) for pair in zip(attempts, manifests, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(winners)) == 1
    assert isinstance(store.verified(KEY), Artifact)
    assert sorted(p.name for p in store.folder(KEY).iterdir()) == [winners[0], "manifest.json"]


def _no_links(source: Any, target: Any) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_links_still_has_one_winner(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", _no_links)
    one, other = written(store, data=b"one"), written(store, data=b"other")
    first = store.commit(one, manifest_of(one))
    assert store.commit(other, manifest_of(other)) == first
    assert {p.name for p in store.folder(KEY).iterdir()} == {one.name, "manifest.json"}


def test_a_commit_that_cannot_be_written_leaves_nothing_behind(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = written(store)
    manifest = manifest_of(attempt)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="space"):
            store.commit(attempt, manifest)
    assert store.find(KEY) is None
    assert [p.name for p in store.folder(KEY).iterdir()] == [attempt.name]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "depth" / "0.exr").write_bytes(b"res"), "3 bytes of 6"),
        (lambda folder: (folder / "depth" / "0.exr").unlink(), "missing"),
        (lambda folder: (folder / "clip.json").write_bytes(b""), "0 bytes of 2"),
    ],
)
def test_a_result_that_was_harmed_is_seen(
    store: ArtifactStore, harm: Callable[[Path], Any], words: str
) -> None:
    harm(made(store).folder)
    found = store.verified(KEY)
    assert isinstance(found, Damage)
    assert words in found.why


def whole_manifest(store: ArtifactStore) -> tuple[Path, dict[str, Any]]:
    made(store)
    path = store.folder(KEY) / "manifest.json"
    return path, json.loads(path.read_bytes())


@pytest.mark.parametrize(
    "change",
    [
        {"version": 99},
        {"key": OTHER},
        {"attempt": "../../elsewhere"},
        {"attempt": 7},
        {"files": {"../../etc/passwd": 1}},
        {"files": {"/etc/passwd": 1}},
        {"files": [1, 2]},
        {"files": {"a": "many"}},
        {"surprise": 1},
    ],
)
def test_a_manifest_that_is_not_ours_is_damage(
    store: ArtifactStore, change: dict[str, Any]
) -> None:
    path, facts = whole_manifest(store)
    path.write_text(json.dumps({**facts, **change}))
    assert isinstance(store.find(KEY), Damage)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": 1}'])
def test_a_corrupt_manifest_is_damage(store: ArtifactStore, data: bytes) -> None:
    path, _ = whole_manifest(store)
    path.write_bytes(data)
    assert isinstance(store.verified(KEY), Damage)


def test_a_damaged_result_can_be_made_again(store: ArtifactStore) -> None:
    (made(store).folder / "clip.json").unlink()
    store.retire(KEY)
    assert store.find(KEY) is None
    made(store)
    assert isinstance(store.verified(KEY), Artifact)


def test_a_sweep_removes_only_what_came_to_nothing(store: ArtifactStore) -> None:
    kept = made(store)
    written(store)
    written(store, OTHER)
    (store.folder(KEY) / ".a-dead.tmp").write_bytes(b"{")
    (store.folder(KEY) / "manifest.claim").touch()
    assert store.sweep() == 2
    assert store.verified(KEY) == kept
    assert {p.name for p in store.folder(KEY).iterdir()} == {kept.folder.name, "manifest.json"}
    assert list(store.all_keys()) == [KEY]
    assert store.sweep() == 0


def test_an_abandoned_attempt_is_gone(store: ArtifactStore) -> None:
    attempt = written(store)
    store.abandon(attempt)
    assert list(store.all_keys()) == []


def test_a_manifest_says_all_that_the_journal_needs(store: ArtifactStore) -> None:
    attempt = written(store)
    manifest = manifest_of(
        attempt, shot="a", take=2, backend="builtin", device="cpu", upstream={"assets/x": OTHER},
        started=1.0, finished=2.0, seconds=0.5, peak_ram_bytes=7, modelled_s=0.4,
        modelled_ram_bytes=6, costs_version=1, fingerprint={"torch": "2"}, warnings=("w",),
    )  # fmt: skip
    assert Manifest.parse(manifest.to_bytes()) == manifest
    store.commit(attempt, manifest)
    assert list(store.manifests()) == [manifest]


def test_manifests_come_oldest_first(store: ArtifactStore) -> None:
    for key, finished in ((KEY, 2.0), (OTHER, 1.0)):
        attempt = written(store, key)
        store.commit(attempt, replace(manifest_of(attempt), finished=finished))
    assert [manifest.key for manifest in store.manifests()] == [OTHER, KEY]


@pytest.mark.parametrize("name", ["", "..", "../x", "A" * 32, "0" * 31])
def test_only_keys_are_looked_up(store: ArtifactStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.find(name)


def test_thousands_of_files_are_synced_at_once(tmp_path: Path) -> None:
    for index in range(300):
        (tmp_path / f"{index:06d}.exr").write_bytes(bytes(index))
    sizes = sync_tree(tmp_path)
    assert sizes == {f"{index:06d}.exr": index for index in range(300)}


class TestAttemptsThatAreGoneOnFrom:
    def left(self, store: ArtifactStore) -> Attempt:
        attempt = store.begin(KEY, resumes=True)
        (attempt.folder / "state").write_bytes(b"half")
        return attempt

    def test_the_next_attempt_finds_what_was_left(self, store: ArtifactStore) -> None:
        left = self.left(store)
        assert store.sweep() == 0
        after = store.begin(KEY, resumes=True)
        assert after.name != left.name
        assert (after.folder / "state").read_bytes() == b"half"
        assert not left.folder.exists()

    def test_one_that_cannot_go_on_begins_empty(self, store: ArtifactStore) -> None:
        self.left(store)
        assert not list(store.begin(KEY).folder.iterdir())

    def test_another_result_is_not_begun_from_it(self, store: ArtifactStore) -> None:
        self.left(store)
        assert not list(store.begin(OTHER, resumes=True).folder.iterdir())

    def test_it_can_become_the_result_and_then_nothing_else_is_kept(
        self, store: ArtifactStore
    ) -> None:
        self.left(store)
        attempt = store.begin(KEY, resumes=True)
        store.commit(attempt, manifest_of(attempt))
        found = store.verified(KEY)
        assert isinstance(found, Artifact)
        assert found.folder == attempt.folder
        other = store.folder(KEY) / "r-0123"
        other.mkdir()
        assert store.sweep() == 1
        assert not other.exists()
        assert store.verified(KEY) == found

    def test_it_is_collected_with_its_key(self, store: ArtifactStore) -> None:
        self.left(store)
        assert store.remove(KEY) == 4
        assert not store.folder(KEY).exists()
