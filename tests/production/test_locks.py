from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reelwright.errors import ResourceError
from reelwright.production.locks import device_lock, project_lock

HOLD = """
import sys, time
from pathlib import Path
from reelwright.production.locks import project_lock
with project_lock(Path(sys.argv[1]), "film.toml"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    try:
        with pytest.raises(ResourceError) as caught, project_lock(path, "film.toml"):
            pass
    finally:
        process.kill()
        process.communicate()
    assert f"process {process.pid} on {platform.node()} since" in caught.value.what
    assert caught.value.facts["pid"] == process.pid
    assert caught.value.mend


def test_a_lock_goes_with_its_process_however_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    process.kill()
    process.communicate()
    assert path.read_text()  # what is written in it locks nothing
    with project_lock(path, "film.toml"):
        pass


def test_the_same_process_cannot_take_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with project_lock(path, "a"), pytest.raises(ResourceError), project_lock(path, "b"):
        pass
    with project_lock(path, "a"):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert path.read_text() == ""


@pytest.mark.parametrize("text", ["", "not json", "[1]", '{"since": "yesterday"}'])
def test_an_unreadable_owner_is_another_process(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock"
    with project_lock(path, "a"):
        path.write_text(text)
        with pytest.raises(ResourceError, match="another process"), project_lock(path, "b"):
            pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("keep me")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(ResourceError), project_lock(tmp_path / "lock", "a"):
        pass
    assert target.read_text() == "keep me"


class TestDevices:
    def test_a_gpu_is_held_by_one(self, tmp_path: Path) -> None:
        with (
            device_lock("cuda:0", tmp_path),
            device_lock("cuda:1", tmp_path),
            pytest.raises(ResourceError, match="cuda:0 is being used"),
            device_lock("cuda:0", tmp_path),
        ):
            pass

    def test_the_cpu_is_shared(self, tmp_path: Path) -> None:
        with device_lock("cpu", tmp_path), device_lock("cpu", tmp_path):
            pass
        assert not list(tmp_path.iterdir())


def test_a_lock_is_not_inherited_by_a_worker(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with project_lock(path, "a"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        time.sleep(0.05)
        with project_lock(path, "b"):
            pass
    finally:
        child.kill()
        child.wait()
