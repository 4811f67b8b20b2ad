from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reelwright.machine import GIB, Compute, Vendor, nvidia, probe, probing
from reelwright.machine.apple import apple_accelerator
from reelwright.machine.bandwidth import bandwidth_of
from reelwright.machine.disk import Mount, existing_folder, free_bytes, mount_of, read_mounts
from reelwright.machine.formats import amd_architecture, nvidia_architecture
from reelwright.machine.kernel import gfx_name, probe_amd, probe_intel
from reelwright.machine.memory import container_limits, cpu_quotas, smaller_memory
from reelwright.machine.nvidia import NvidiaReport, parse_nvidia_smi, probe_nvidia
from reelwright.machine.probing import parse_cpu_name

MIB = 1024**2
TOWER = """\
0, GPU-aaaa1111, NVIDIA GeForce RTX 4090, 24564, 23010, 580.95.05, 8.9
1, GPU-bbbb2222, NVIDIA GeForce RTX 3060, 12288, 11900, 580.95.05, 8.6
"""
SPARK = "0, GPU-cccc, NVIDIA GB10, [N/A], [N/A], 580.95.05, 12.1\n"
OLD = "0, GPU-dddd, Tesla T4, 15109, 15000, 450.80.02\n"


def test_two_cards() -> None:
    first, second = parse_nvidia_smi(TOWER).accelerators
    assert (first.index, first.name, first.vendor) == (0, "RTX 4090", Vendor.NVIDIA)
    assert (first.vram_bytes, first.vram_free_bytes) == (24564 * MIB, 23010 * MIB)
    assert (first.arch, first.compute_capability) == ("ada", (8, 9))
    assert first.driver == "580.95.05"
    assert first.bandwidth_bytes_s == 1008 * 10**9
    assert first.product is Compute.INT8
    assert not first.shares_ram
    assert (second.index, second.device) == (1, "cuda:1")


def test_unified_memory() -> None:
    (spark,) = parse_nvidia_smi(SPARK).accelerators
    assert spark.vram_bytes is None
    assert spark.shares_ram
    assert spark.product is Compute.NVFP4


def test_an_old_driver_does_not_tell_the_capability() -> None:
    (old,) = parse_nvidia_smi(OLD).accelerators
    assert old.compute_capability is None
    assert old.arch == ""
    assert old.formats == (Compute.FP32,)
    assert old.vram_bytes == 15109 * MIB


@pytest.mark.parametrize(
    ("visible", "names", "hidden"),
    [
        ("0,1", ["RTX 4090", "RTX 3060"], False),
        ("1,0", ["RTX 3060", "RTX 4090"], False),
        ("1", ["RTX 3060"], True),
        ("GPU-bbbb", ["RTX 3060"], True),
        ("", [], True),
        ("-1", [], True),
        ("0,7,1", ["RTX 4090"], True),
    ],
)
def test_visible_devices_hide_and_renumber(visible: str, names: list[str], hidden: bool) -> None:
    report = parse_nvidia_smi(TOWER, visible)
    assert [each.name for each in report.accelerators] == names
    assert [each.index for each in report.accelerators] == list(range(len(names)))
    assert ("hides" in report.note) == hidden


def test_a_mig_slice_is_said() -> None:
    report = parse_nvidia_smi(TOWER, "MIG-1234")
    assert report.accelerators == ()
    assert "MIG" in report.note


@pytest.mark.parametrize("text", ["", "\n\n", "No devices were found\n", "a,b\n"])
def test_no_devices(text: str) -> None:
    assert parse_nvidia_smi(text) == NvidiaReport()


class Tool:
    """Stands for nvidia-smi."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> Any:
        self.asked.append(command)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        code, text = answer
        return subprocess.CompletedProcess(command, code, text, "")


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(*answers: Any) -> Tool:
        fake = Tool(*answers)
        monkeypatch.setattr(nvidia.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
        monkeypatch.setattr(nvidia.subprocess, "run", fake)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        return fake

    return use


def test_asking_the_tool(tool: Any) -> None:
    fake = tool((0, TOWER))
    assert len(probe_nvidia().accelerators) == 2
    assert fake.asked[0][0] == "/usr/bin/nvidia-smi"


def test_asking_an_old_tool_twice(tool: Any) -> None:
    fake = tool((2, 'Field "compute_cap" is not a valid field to query.'), (0, OLD))
    assert probe_nvidia().accelerators[0].name == "Tesla T4"
    assert "compute_cap" not in fake.asked[1][1]


def test_a_tool_that_fails_hangs_or_cannot_run(tool: Any) -> None:
    words = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    tool((9, words), (9, words))
    assert "couldn't communicate" in probe_nvidia().note
    tool(subprocess.TimeoutExpired("nvidia-smi", 5))
    assert "no answer within 5 s" in probe_nvidia().note
    tool(PermissionError(13, "Permission denied"))
    assert "Permission denied" in probe_nvidia().note


@pytest.mark.parametrize(
    ("capability", "name", "product"),
    [
        ((5, 2), "maxwell", Compute.FP32),
        ((7, 5), "turing", Compute.FP16),
        ((8, 0), "ampere", Compute.INT8),
        ((8, 6), "ampere", Compute.INT8),
        ((8, 9), "ada", Compute.INT8),
        ((9, 0), "hopper", Compute.FP8),
        ((10, 0), "blackwell", Compute.NVFP4),
        ((12, 0), "blackwell", Compute.NVFP4),
        ((12, 1), "blackwell", Compute.NVFP4),
        ((15, 0), "blackwell", Compute.NVFP4),
        ((3, 5), "", Compute.FP32),
        (None, "", Compute.FP32),
    ],
)
def test_nvidia_architectures(
    capability: tuple[int, int] | None, name: str, product: Compute
) -> None:
    arch = nvidia_architecture(capability)
    assert (arch.name, arch.product) == (name, product)
    assert arch.product in arch.formats


def test_formats_grow_with_the_architecture() -> None:
    assert Compute.FP8 not in nvidia_architecture((8, 6)).formats
    assert Compute.FP8 in nvidia_architecture((8, 9)).formats
    assert Compute.NVFP4 not in nvidia_architecture((9, 0)).formats
    assert Compute.NVFP4 in nvidia_architecture((12, 0)).formats
    assert Compute.INT8 not in nvidia_architecture((10, 3)).formats


@pytest.mark.parametrize(
    ("gfx", "name"),
    [
        ("gfx1100", "rdna3"), ("gfx1101", "rdna3"), ("gfx1103", "rdna3"), ("gfx942", "cdna3"),
        ("gfx90a", "cdna2"), ("gfx1201", "rdna4"), ("gfx1151", "rdna3.5"), ("gfx700", ""),
    ],
)  # fmt: skip
def test_amd_architectures(gfx: str, name: str) -> None:
    assert amd_architecture(gfx).name == name


@pytest.mark.parametrize(
    ("version", "name"),
    [(110000, "gfx1100"), (90010, "gfx90a"), (90402, "gfx942"), (100302, "gfx1032"),
     (110501, "gfx1151"), (120001, "gfx1201")],
)  # fmt: skip
def test_gfx_names(version: int, name: str) -> None:
    assert gfx_name(version) == name


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def amd_box(tmp_path: Path) -> tuple[Path, Path]:
    """A CPU node, a 7900 XTX (card1) and an integrated GPU (card0) with a small carve-out."""
    drm, kfd = tmp_path / "drm", tmp_path / "kfd"
    put(drm, card1__device__vendor="0x1002\n", card1__device__device="0x744c")
    put(drm, card1__device__mem_info_vram_total=f"{24560 * MIB}\n")
    put(drm, card1__device__mem_info_vram_used=f"{560 * MIB}\n")
    put(drm, card1__device__product_name="Radeon RX 7900 XTX\n")
    (drm / "card1/device/drm/renderD128").mkdir(parents=True)
    put(drm, card0__device__vendor="0x1002\n", card0__device__mem_info_vram_total=f"{512 * MIB}")
    put(drm, card0__device__mem_info_vram_used="0")
    (drm / "card0/device/drm/renderD129").mkdir(parents=True)
    put(drm / "card1-HDMI-A-1", status="connected")
    put(kfd / "0", properties="cpu_cores_count 16\ngfx_target_version 0\n")
    put(kfd / "1", properties="gfx_target_version 110000\ndrm_render_minor 128\nsimd_count 192\n")
    put(kfd / "2", properties="gfx_target_version 110003\ndrm_render_minor 129\n")
    return drm, kfd


def test_amd_cards(amd_box: tuple[Path, Path]) -> None:
    big, small = probe_amd(*amd_box)
    assert (big.index, big.name, big.arch) == (0, "Radeon RX 7900 XTX", "rdna3")
    assert (big.vram_bytes, big.vram_free_bytes) == (24560 * MIB, 24000 * MIB)
    assert big.bandwidth_bytes_s == 960 * 10**9
    assert big.device == "cuda:0"
    assert not big.shares_ram
    assert (small.index, small.name) == (1, "AMD gfx1103")
    assert small.vram_bytes is None
    assert small.shares_ram


def test_no_amd(tmp_path: Path, amd_box: tuple[Path, Path]) -> None:
    assert probe_amd(tmp_path / "none", tmp_path / "none") == ()
    assert probe_amd(amd_box[0], tmp_path / "none") == ()


def test_intel_discrete_cards_only(tmp_path: Path) -> None:
    put(tmp_path, card0__device__vendor="0x8086", card0__device__device="0x9a49")
    assert probe_intel(tmp_path) == ()
    put(tmp_path, card1__device__vendor="0x8086", card1__device__device="0xe20b")
    (arc,) = probe_intel(tmp_path)
    assert (arc.vendor, arc.device, arc.vram_bytes) == (Vendor.INTEL, "xpu:0", None)


@pytest.mark.parametrize(("ram_gib", "vram_gib"), [(16, 16 * 2 / 3), (36, 24), (64, 48), (128, 96)])
def test_apple(ram_gib: int, vram_gib: float) -> None:
    chip = apple_accelerator("Apple M3 Max", ram_gib * GIB, ram_gib * GIB // 2)
    assert chip.vram_bytes == pytest.approx(vram_gib * GIB, abs=1)
    assert chip.vram_free_bytes == ram_gib * GIB // 2
    assert chip.bandwidth_bytes_s == 400 * 10**9
    assert (chip.device, chip.shares_ram) == ("mps", True)


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("NVIDIA GeForce RTX 4070 Ti SUPER", 672),
        ("NVIDIA GeForce RTX 4060 Laptop GPU", 256),
        ("NVIDIA H100 80GB HBM3", 3350),
        ("NVIDIA H100 PCIe", 2039),
        ("NVIDIA GH200 480GB", 4800),
        ("NVIDIA L40S", 864),
        ("NVIDIA A10G", 600),
        ("AMD Radeon RX 7900 XT", 800),
        ("Apple M1", 68),
        ("Apple M2 Ultra", 800),
        ("NVIDIA RTX 9999", None),
        ("", None),
    ],
)
def test_bandwidth(name: str, gigabytes: int | None) -> None:
    assert bandwidth_of(name) == (gigabytes and gigabytes * 10**9)


def test_cgroup_v2_limits(tmp_path: Path) -> None:
    put(
        tmp_path / "a.slice/b.scope", **{"memory.max": "8589934592", "memory.current": "3000000000"}
    )
    put(tmp_path / "a.slice/b.scope", **{"memory.stat": "anon 5\ninactive_file 1000000000\n"})
    put(tmp_path / "a.slice", **{"memory.max": "max", "memory.current": "9"})
    put(tmp_path, **{"memory.max": "max"})
    (limit,) = container_limits("0::/a.slice/b.scope\n", tmp_path)
    assert (limit.limit_bytes, limit.used_bytes) == (8589934592, 2000000000)


def test_a_parents_tighter_limit_counts(tmp_path: Path) -> None:
    put(tmp_path / "a/b", **{"memory.max": str(8 * GIB), "memory.current": str(GIB)})
    put(tmp_path / "a", **{"memory.max": str(4 * GIB), "memory.current": str(3 * GIB)})
    limits = list(container_limits("0::/a/b", tmp_path))
    memory = smaller_memory(64 * GIB, 40 * GIB, limits)
    assert (memory.total_bytes, memory.free_bytes, memory.limited) == (4 * GIB, GIB, True)


def test_cgroup_v1_limits(tmp_path: Path) -> None:
    own = "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n"
    put(tmp_path / "memory", **{"memory.limit_in_bytes": str(2 * GIB)})
    put(tmp_path / "memory", **{"memory.usage_in_bytes": str(GIB)})
    put(tmp_path / "memory", **{"memory.stat": f"total_inactive_file {GIB // 2}\n"})
    (limit,) = container_limits(own, tmp_path)  # the host's path is not mounted inside
    assert (limit.limit_bytes, limit.used_bytes) == (2 * GIB, GIB // 2)


def test_no_limits(tmp_path: Path) -> None:
    put(tmp_path / "memory", **{"memory.limit_in_bytes": "9223372036854771712"})
    assert list(container_limits("4:memory:/\n", tmp_path)) == []
    assert list(container_limits("", tmp_path)) == []
    assert list(container_limits("0::/../..\n", tmp_path / "none")) == []
    memory = smaller_memory(64, 40, [])
    assert (memory.total_bytes, memory.free_bytes, memory.limited) == (64, 40, False)


def test_cpu_quotas(tmp_path: Path) -> None:
    put(tmp_path / "a", **{"cpu.max": "250000 100000\n"})
    put(tmp_path, **{"cpu.max": "max 100000\n"})
    assert cpu_quotas("0::/a\n", tmp_path) == [3]
    v1 = tmp_path / "v1"
    put(v1 / "cpu", **{"cpu.cfs_quota_us": "200000\n", "cpu.cfs_period_us": "100000\n"})
    assert cpu_quotas("4:cpu:/\n", v1) == [2]
    put(v1 / "cpu", **{"cpu.cfs_quota_us": "-1\n"})
    assert cpu_quotas("4:cpu:/\n", v1) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD Ryzen 9 7950X 16-Core\n", "AMD Ryzen 9 7950X 16-Core"),
        ("processor : 0\nHardware : BCM2835\n", "BCM2835"),
        ("processor : 0\n", ""),
        ("", ""),
    ],
)
def test_cpu_names(text: str, name: str) -> None:
    assert parse_cpu_name(text) == name


def test_mounts() -> None:
    mounts = [
        Mount("/", "ext4"),
        Mount("/", "overlay"),
        Mount("/tmp", "tmpfs"),
        Mount("/t", "nfs4"),
    ]
    assert mount_of(Path("/tmp"), mounts) == Mount("/tmp", "tmpfs")
    assert mount_of(Path("/usr"), mounts) == Mount("/", "overlay")
    assert mount_of(Path("/usr"), []) is None
    assert Mount("/t", "nfs4").is_network
    assert Mount("/t", "fuse.sshfs").is_network
    assert not Mount("/", "ext4").is_network
    assert read_mounts()


def test_disk(tmp_path: Path) -> None:
    deep = tmp_path / "not" / "there" / "yet"
    assert existing_folder(deep) == tmp_path
    assert free_bytes(deep) > 0


def test_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "probe_nvidia", lambda: NvidiaReport())
    probe(tmp_path)  # what it imports is loaded now
    began = time.perf_counter()
    here = probe(tmp_path / "film")
    assert time.perf_counter() - began < 0.05
    assert 1 <= here.cpu_threads <= (os.cpu_count() or 1)
    assert 0 < here.ram_free_bytes <= here.ram_bytes
    assert here.disk_free_bytes > 0
    assert here.disk_path == str(tmp_path)
    assert not here.preset
    assert here.cpu
    assert "\n" not in here.summary()


def test_a_unified_machine_has_one_budget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probing, "probe_nvidia", lambda: parse_nvidia_smi(SPARK))
    spark = probe(tmp_path)
    assert spark.unified
    assert spark.accelerators[0].vram_bytes == spark.ram_bytes
    assert spark.accelerators[0].vram_free_bytes == spark.ram_free_bytes
    monkeypatch.setattr(probing, "probe_nvidia", lambda: parse_nvidia_smi(TOWER, "0"))
    tower = probe(tmp_path)
    assert not tower.unified
    assert "CUDA_VISIBLE_DEVICES hides 1 of 2 GPUs." in tower.notes


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the tool")
def test_a_hanging_driver_does_not_hang_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\nexec sleep 20\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(nvidia, "TIMEOUT_S", 0.2)
    began = time.perf_counter()
    assert "no answer" in probe_nvidia().note
    assert time.perf_counter() - began < 5
