"""What a stage costs, before it has ever run here: a small model with stated coefficients.

The model need not be right, only of the right shape: seconds and bytes grow with pixels, with
sound and with the size of files. From the first render on, this machine's own journal corrects it
(see `history`). Seconds are for `REFERENCE_THREADS` threads of a server CPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from reelwright.plan.history import History
from reelwright.plan.stages import CPU, Estimate, StageKind

COSTS_VERSION = 2
"""Bump when a coefficient changes: measurements are kept as ratios to the model they were made by.
"""

REFERENCE_THREADS = 2
"""Threads that the seconds below were taken with."""

MIB = 1 << 20
_MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Work:
    """How much there is to do.

    Attributes:
        frames: Pictures that are made or read.
        width: Of each, pixels.
        height: Of each, pixels.
        sound_s: Seconds of sound that are made or read.
        file_bytes: Bytes of the files that are read.
        tera_flops: Arithmetic of a model, in 10^12 operations.
    """

    frames: int = 0
    width: int = 0
    height: int = 0
    sound_s: float = 0.0
    file_bytes: int = 0
    tera_flops: float = 0.0

    @property
    def megapixels(self) -> float:
        """Millions of pixels, all frames together."""
        return self.frames * self.width * self.height / _MEGA


@dataclass(frozen=True, slots=True)
class StageCost:
    """Coefficients of one row.

    Attributes:
        base_s: Seconds whatever the work.
        s_per_frame: Seconds for a frame, however small.
        s_per_megapixel: Seconds for a million pixels.
        s_per_sound_s: Seconds for a second of sound.
        s_per_mib: Seconds for a MiB of files read.
        s_per_tera_flop: Seconds for 10^12 operations of a model.
        base_ram: Peak anonymous bytes whatever the work.
        ram_per_pixel: Further bytes for each pixel of one frame: what a chunk of frames holds.
        ram_per_file_byte: Further bytes for each byte of files read.
        ram_file_cap: At most so many for files: what does not fit is streamed.
        disk_per_pixel: Bytes of the result for each pixel of all frames.
        disk_per_sound_s: Bytes of the result for a second of sound.
        disk_per_file_byte: Bytes of the result for each byte of files read.
        threaded: Share of the seconds that more threads divide, 0 to 1.
        accelerated: How many times faster the work is on an accelerator.
    """

    base_s: float = 0.1
    s_per_frame: float = 0.0
    s_per_megapixel: float = 0.0
    s_per_sound_s: float = 0.0
    s_per_mib: float = 0.0
    s_per_tera_flop: float = 0.0
    base_ram: int = 120 * MIB
    ram_per_pixel: float = 0.0
    ram_per_file_byte: float = 0.0
    ram_file_cap: float = math.inf
    disk_per_pixel: float = 0.0
    disk_per_sound_s: float = 0.0
    disk_per_file_byte: float = 0.0
    threaded: float = 0.0
    accelerated: float = 1.0


_STEREO_FLOAT_S = 48_000 * 2 * 4  # bytes of a second of a stem

_WARM = 210 * MIB  # a warm worker that has staged holds torch: 200 to 210 MiB after every stage

_MODEL = StageCost(
    base_s=1.0,
    s_per_mib=0.001,
    s_per_tera_flop=20.0,  # two threads of AVX-512 in float32, a third of their peak
    base_ram=2 * _WARM,
    ram_per_file_byte=2.0,
    ram_file_cap=6 * 1024 * MIB,
    threaded=0.8,
    accelerated=1000.0,
)

COSTS: dict[tuple[StageKind, str], StageCost] = {
    (StageKind.ASSETS, "builtin"): StageCost(
        base_s=0.1, s_per_mib=0.1, base_ram=40 * MIB, ram_per_file_byte=12.0, disk_per_file_byte=1.5
    ),
    (StageKind.STAGE, "builtin"): StageCost(
        base_s=2.0,  # torch is imported, meshes are read
        s_per_frame=0.03,
        s_per_megapixel=1.1,  # 0.35 s a frame at 768x448, twice that with water to mirror in
        base_ram=_WARM,
        ram_per_pixel=520.0,  # 375 MiB at 768x448
        ram_per_file_byte=8.0,
        disk_per_pixel=8.0,  # colour 0.3, the rest depth and motion as EXR; 6 to 8 with 5 props
        threaded=0.8,
    ),
    (StageKind.KEYFRAMES, "stage"): StageCost(
        base_s=0.1, s_per_megapixel=0.15, base_ram=_WARM, ram_per_pixel=24.0, disk_per_pixel=0.5
    ),
    (StageKind.GENERATE, "animatic"): StageCost(
        # The staged pictures are linked, not written again.
        base_s=0.05,
        s_per_sound_s=0.05,
        base_ram=_WARM,
        disk_per_sound_s=_STEREO_FLOAT_S,
    ),
    (StageKind.GENERATE, "slate"): StageCost(
        base_s=0.2,
        s_per_megapixel=0.06,
        s_per_sound_s=0.05,
        base_ram=_WARM,
        ram_per_pixel=60.0,
        disk_per_pixel=0.1,
        disk_per_sound_s=_STEREO_FLOAT_S,
        threaded=0.5,
    ),
    # Rows of a video model are from public rates of hardware: a guess until it has run here.
    (StageKind.PROMPT, "ltx"): _MODEL,
    (StageKind.DRAFT, "ltx"): replace(_MODEL, ram_per_pixel=200.0, disk_per_pixel=0.1),
    (StageKind.REFINE, "ltx"): replace(_MODEL, ram_per_pixel=200.0, disk_per_pixel=0.1),
    (StageKind.DECODE, "ltx"): StageCost(
        base_s=2.0,
        s_per_megapixel=1.0,
        s_per_sound_s=0.2,
        s_per_tera_flop=5.0,  # a pixel refiner in bfloat16; two threads of AVX512-BF16
        base_ram=2 * _WARM,
        ram_per_pixel=1500.0,  # a chunk of frames at the width of the decoder's last blocks
        disk_per_pixel=1.0,
        disk_per_sound_s=2 * _STEREO_FLOAT_S,
        threaded=0.8,
        accelerated=50.0,
    ),
    (StageKind.FINISH, "link"): StageCost(
        base_s=0.05,
        s_per_sound_s=0.01,
        base_ram=_WARM,
        disk_per_sound_s=_STEREO_FLOAT_S,
    ),
    (StageKind.FINISH, "cut"): StageCost(
        base_s=0.1,
        s_per_megapixel=0.12,
        s_per_sound_s=0.01,
        base_ram=_WARM,
        ram_per_pixel=60.0,
        disk_per_pixel=0.5,
        disk_per_sound_s=_STEREO_FLOAT_S,
        threaded=0.5,
    ),
    (StageKind.QUALITY, "builtin"): StageCost(
        base_s=0.2, s_per_megapixel=0.25, base_ram=_WARM, ram_per_pixel=320.0, threaded=0.5
    ),
    (StageKind.MIX, "builtin"): StageCost(
        base_s=0.05, s_per_sound_s=0.1, base_ram=_WARM, disk_per_sound_s=4 * _STEREO_FLOAT_S
    ),
    (StageKind.MUX, "mp4"): StageCost(
        base_s=0.1,
        s_per_megapixel=0.1,
        s_per_sound_s=0.01,
        base_ram=_WARM,
        ram_per_pixel=180.0,
        disk_per_pixel=0.1,
        disk_per_sound_s=24_000,
        threaded=0.9,
    ),
    (StageKind.MUX, "mov"): StageCost(
        base_s=0.1,
        s_per_megapixel=0.08,
        base_ram=_WARM,
        ram_per_pixel=60.0,
        disk_per_pixel=0.8,
        disk_per_sound_s=288_000,
        threaded=0.8,
    ),
    (StageKind.MUX, "mkv"): StageCost(
        base_s=0.1,
        s_per_megapixel=0.1,
        base_ram=_WARM,
        ram_per_pixel=60.0,
        disk_per_pixel=0.5,
        disk_per_sound_s=200_000,
        threaded=0.5,
    ),
    (StageKind.MUX, "png"): StageCost(
        base_s=0.1, s_per_megapixel=0.2, base_ram=_WARM, ram_per_pixel=30.0, disk_per_pixel=0.8
    ),
    (StageKind.MUX, "exr"): StageCost(
        base_s=0.1, s_per_megapixel=0.2, base_ram=_WARM, ram_per_pixel=60.0, disk_per_pixel=4.0
    ),
    (StageKind.MUX, "wav"): StageCost(
        base_s=0.05, s_per_sound_s=0.01, base_ram=_WARM, disk_per_sound_s=288_000
    ),
    (StageKind.REPORT, "builtin"): StageCost(
        base_s=0.3, s_per_sound_s=0.05, base_ram=_WARM, ram_per_pixel=100.0
    ),
}
"""By kind, and by backend or what else tells the cheap from the dear. A new backend adds a row."""

DISK_FLOOR = 48 * 1024
"""Every result has at least a few small files."""


def estimate(
    kind: StageKind,
    row: str,
    work: Work,
    *,
    device: str = CPU,
    threads: int = REFERENCE_THREADS,
    history: History | None = None,
) -> Estimate:
    """What a stage will cost.

    Args:
        kind: What it does.
        row: Its row in `COSTS`; one that is not there costs what its kind's first row does.
        work: How much there is.
        device: Where it runs.
        threads: CPU threads it may use.
        history: What was measured on this machine.

    Returns:
        The model's figures, corrected by the history where it has any.
    """
    cost = _cost_of(kind, row)
    seconds = _seconds(cost, work, threads, device)
    ram = _ram(cost, work)
    ratio = (history or History()).ratio(kind, row, device)
    return Estimate(
        seconds=seconds * ratio.seconds,
        peak_ram_bytes=int(ram * ratio.ram),
        disk_bytes=_disk(cost, work),
        row=row,
        samples=ratio.samples,
        modelled_s=seconds,
        modelled_ram_bytes=ram,
    )


def _cost_of(kind: StageKind, row: str) -> StageCost:
    exact = COSTS.get((kind, row))
    if exact is not None:
        return exact
    return next(cost for (row_kind, _), cost in COSTS.items() if row_kind is kind)


def _seconds(cost: StageCost, work: Work, threads: int, device: str) -> float:
    growing = (
        cost.s_per_frame * work.frames
        + cost.s_per_megapixel * work.megapixels
        + cost.s_per_sound_s * work.sound_s
        + cost.s_per_mib * work.file_bytes / MIB
        + cost.s_per_tera_flop * work.tera_flops
    )
    if device != CPU and cost.accelerated > 1:
        return cost.base_s + growing / cost.accelerated
    shared = cost.threaded * REFERENCE_THREADS / max(threads, 1)
    return cost.base_s + growing * (1 - cost.threaded + shared)


def _ram(cost: StageCost, work: Work) -> int:
    pixels = cost.ram_per_pixel * work.width * work.height
    files = min(cost.ram_per_file_byte * work.file_bytes, cost.ram_file_cap)
    return int(cost.base_ram + pixels + files)


def _disk(cost: StageCost, work: Work) -> int:
    return int(
        DISK_FLOOR
        + cost.disk_per_pixel * work.megapixels * _MEGA
        + cost.disk_per_sound_s * work.sound_s
        + cost.disk_per_file_byte * work.file_bytes
    )
