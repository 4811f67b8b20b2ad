from __future__ import annotations

import json
import subprocess
import sys

import pytest

import reelwright.machine as room
from reelwright.errors import InputError
from reelwright.machine import (
    GIB,
    Accelerator,
    Compute,
    Machine,
    Vendor,
    gigabytes,
    preset,
    preset_names,
)


def machine(*accelerators: Accelerator, **more: object) -> Machine:
    facts: dict[str, object] = {
        "name": "tower",
        "system": "Linux x86_64",
        "cpu": "8-core",
        "cpu_threads": 16,
        "ram_bytes": 64 * GIB,
        "ram_free_bytes": 50 * GIB,
        "disk_free_bytes": 900 * GIB,
        "disk_path": "/films",
    }
    return Machine(accelerators=accelerators, **(facts | more))  # type: ignore[arg-type]


GPU = Accelerator(
    0, "RTX 4090", Vendor.NVIDIA, "ada", (8, 9), 24 * GIB, 23 * GIB, 10**12,
    (Compute.BF16, Compute.INT8), Compute.INT8, "580.1",
)  # fmt: skip


def test_json_round_trips() -> None:
    for each in (machine(GPU), machine(), preset("dgx-spark"), preset("m3-max-64")):
        text = json.dumps(each.to_json())
        assert Machine.from_json(json.loads(text)) == each


@pytest.mark.parametrize("change", [{"cpu_cores": 3}, {"accelerators": [{"name": "x"}]}])
def test_foreign_json_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        Machine.from_json(machine(GPU).to_json() | change)
    assert caught.value.mend


def test_missing_json_is_refused() -> None:
    with pytest.raises(InputError):
        Machine.from_json({"name": "x"})


def test_summary_is_one_line() -> None:
    assert machine(GPU).summary() == (
        "tower: RTX 4090 24 GB, 16 CPU threads, 64 GB RAM, 900 GB disk free"
    )
    assert machine(GPU, GPU).summary().startswith("tower: 2 x RTX 4090 24 GB,")
    assert machine().summary().startswith("tower: no accelerator, 16 CPU threads")
    assert "119 GB unified memory" in preset("dgx-spark").summary()


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [
        (24564 * 1024**2, "24 GB"), (8188 * 1024**2, "8 GB"), (int(7.6 * GIB), "7.6 GB"),
        (512 * 1024**2, "512 MB"), (0, "0 MB"),
    ],
)  # fmt: skip
def test_gigabytes(num_bytes: int, words: str) -> None:
    assert gigabytes(num_bytes) == words


@pytest.mark.parametrize(
    ("vendor", "device"),
    [
        (Vendor.NVIDIA, "cuda:1"), (Vendor.AMD, "cuda:1"), (Vendor.INTEL, "xpu:1"),
        (Vendor.APPLE, "mps"),
    ],
)  # fmt: skip
def test_torch_devices(vendor: Vendor, device: str) -> None:
    assert Accelerator(1, "x", vendor).device == device


def test_public_names_are_all_there() -> None:
    assert all(hasattr(room, name) for name in room.__all__)
    assert set(dir(room)) == set(room.__all__)
    assert callable(room.probe)


def test_naming_the_room_and_probing_load_nothing_heavy() -> None:
    code = (
        "import sys, pathlib, reelwright.machine as m; m.probe(pathlib.Path('.'));"
        "print({'torch', 'av', 'numpy', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_whole(name: str) -> None:
    made = preset(name)
    assert made.name == name
    assert made.preset
    assert 0 < made.ram_free_bytes < made.ram_bytes
    assert made.ram_bandwidth_bytes_s
    for each in made.accelerators:
        assert each.vram_bytes
        assert each.vram_free_bytes
        assert each.vram_free_bytes <= each.vram_bytes
        assert each.bandwidth_bytes_s
        assert each.product in each.formats
        assert each.arch
        assert each.shares_ram == made.unified


@pytest.mark.parametrize(
    ("name", "vram_gib", "product"),
    [
        ("rtx3060-12gb", 12, Compute.INT8),
        ("RTX 4060 laptop", None, None),
        ("rtx4060", 8, Compute.INT8),
        ("rtx4090", 24, Compute.INT8),
        ("rtx5090", 32, Compute.NVFP4),
        ("dgx-spark", 119, Compute.NVFP4),
        ("h100", 80, Compute.FP8),
        ("h200", 140, Compute.FP8),
        ("b200", 179, Compute.NVFP4),
        ("m3-max-64", 48, Compute.BF16),
        ("rx7900xtx", 24, Compute.BF16),
    ],
)
def test_presets_agree_with_their_specifications(
    name: str, vram_gib: int | None, product: Compute | None
) -> None:
    if vram_gib is None:
        from reelwright.errors import SettingError

        with pytest.raises(SettingError, match="known as") as caught:
            preset(name)
        assert "Did you mean rtx4060-laptop?" in caught.value.mend
        return
    first = preset(name).accelerator
    assert first is not None
    assert first.vram_bytes is not None
    assert round(first.vram_bytes / GIB) == vram_gib
    assert first.product is product


def test_a_preset_for_no_gpu() -> None:
    assert preset("cpu").accelerators == ()
    assert not preset("cpu").unified
