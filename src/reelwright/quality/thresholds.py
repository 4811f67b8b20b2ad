"""Every threshold, in one table.

A row says what a measure is called, its unit, which way is bad, where it becomes a note, a warning
and a failure, what it needs to be judged at all, and what to try first. The limits were measured
on 64 clean procedural clips and planted faults (24 fps, 480x272, after x264 CRF 23 unless raw is
said) so that at most about 2 % of clean clips cross the first of them. Pixel limits are in percent
of the height, so that they hold at any size. `gates` are numbers inside a measure.

Must agree with nothing else: no other file of this room holds a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reelwright.quality.remedy import Remedy
from reelwright.quality.threshold import Needs, Threshold

_RETAKE = (
    "Retake the shot with another seed; set guidance to 1 on a distilled model; move the last "
    "keyframe to -12."
)
_LEVELS = "Set guidance to 1 on a distilled model, or decode again with other temporal tiles."
_DEPTH = "Raise the depth control's strength, or add a keyframe at the worst frame."
_FREEZE = "Retake the shot; if it freezes at the end, move the last keyframe to -12."
_DECODE = "Decode the shot again with other temporal tiles; retake it if that is no better."
_FLICKER = (
    "Set guidance to 1 on a distilled model, decode with other tiles; else the finish's deflicker."
)
_MATCH = "Match the colour to the chain's first shot."
_STAGE = frozenset({Needs.STAGE})
_KEY = frozenset({Needs.KEYFRAME})
_LAST_KEY = (
    "Move the keyframe to -12, so that the frames after it are generated and trimmed; raise its "
    "strength to 1."
)

_ROWS = (
    Threshold(
        "psnr_y", "Picture steadiness", "dB", above=False,
        source="shown, never judged: clean clips reach from 20.7 to 55 dB",
        gates={"worst": 5, "apart": 8},
    ),
    Threshold(
        "not_finite", "Pixels or samples that are no numbers", "found", fail=1,
        source="by rule", finds="one pixel",
        remedy="Make the clip again in a wider format (bfloat16 or float32), with another seed.",
        hints=(Remedy.FULL_PRECISION, Remedy.OTHER_SEED),
        guard=True,
    ),
    Threshold(
        "black", "Black frames", "frames", warn=1, fail=2,
        source="measured; the darkest clean frame reached 10.5",
        finds="by rule", remedy=_RETAKE,
        gates={"level": 8, "of_median": 0.15, "median_above": 16},
        hints=(Remedy.GUIDANCE_1, Remedy.OTHER_SEED, Remedy.KEYFRAME_AT_MINUS_12),
        guard=True,
    ),
    Threshold(
        "frozen", "Frozen frames", "frames", warn=1, fail=3, needs=_STAGE,
        source="measured, 0 of 58 moving clips",
        finds="1 repeated frame",
        remedy=_FREEZE,
        gates={"ratio": 0.35, "stuck": 0.35, "predicted": 1.0, "usable": 0.005, "least": 4,
               "after_encoder": 3},
        hints=(Remedy.OTHER_SEED, Remedy.KEYFRAME_AT_MINUS_12),
        guard=True,
    ),
    Threshold(
        "frozen_plain", "Repeated frames (no stage)", "frames", warn=1,
        source="measured, 2 % of moving clips",
        finds="1 repeated frame in 92 %",
        remedy=_FREEZE,
        gates={"ratio": 0.28, "moving": 0.5, "least": 4},
        hints=(Remedy.OTHER_SEED, Remedy.KEYFRAME_AT_MINUS_12),
        guard=True,
    ),
    Threshold(
        "flash", "Flash of one frame", "levels", note=0.8, warn=2, fail=8,
        source="measured; largest clean 0.65, 21 cuts 0.69",
        finds="4 levels (2 levels in 65 %)", remedy=_LEVELS,
        hints=(Remedy.GUIDANCE_1, Remedy.OTHER_TILES),
    ),
    Threshold(
        "level_step", "Step in brightness", "levels", note=0.8, warn=2, fail=8, needs=_STAGE,
        source="measured, largest clean 0.65",
        finds="4 levels; a lasting step of 2 levels", remedy=_LEVELS,
        gates={"usable": 0.05},
        hints=(Remedy.GUIDANCE_1, Remedy.OTHER_TILES),
    ),
    Threshold(
        "flashes", "Flashes in a second", "flashes", fail=4,
        source="WCAG 2.3.1: more than three flashes in any second",
        finds="by rule",
        remedy="Do not show it: it can cause seizures. Retake the shot, or lower the contrast of "
        "what flashes.",
        gates={"change": 0.10, "dark": 0.80, "area": 0.25},
        hints=(Remedy.OTHER_SEED,),
        guard=True,
    ),
    Threshold(
        "bad_frame", "Bad or dropped frame", "dB", warn=5, fail=10, needs=_STAGE,
        source="measured, 98 % of clean clips under 4.4, largest 6.5",
        finds="a flash of 4 levels; another picture over 0.25 of the height",
        remedy=_DECODE,
        gates={"floor": 0.5, "around": 4, "usable": 0.05},
        hints=(Remedy.OTHER_TILES, Remedy.OTHER_SEED),
        guard=True,
    ),
    Threshold(
        "bad_frame_plain", "Cut or bad frame (no stage)", "dB", warn=10,
        source="measured, largest clean 9.8, 21 cuts from 10.7",
        finds="a hard cut",
        remedy=_DECODE,
        gates={"floor": 4.0, "around": 4, "recovery": 0.5},
        hints=(Remedy.OTHER_TILES, Remedy.OTHER_SEED),
    ),
    Threshold(
        "flicker", "Flicker of the whole picture", "levels", warn=0.2, fail=0.8, needs=_STAGE,
        source="measured, largest clean 0.17",
        finds="a gain of 0.6 % from frame to frame (88 %)",
        remedy=_FLICKER,
        gates={"window": 48, "least": 8, "dark": 32, "single": 6, "singles": 0.15, "quiet": 0.1},
        hints=(Remedy.OTHER_TILES, Remedy.GUIDANCE_1, Remedy.DEFLICKER),
        guard=True,
    ),
    Threshold(
        "flicker_plain", "Flicker of the whole picture (no stage)", "levels", warn=0.4, fail=1.6,
        source="measured, 98 % of clean clips under 0.25",
        finds="a gain of 1.25 % from frame to frame",
        remedy=_FLICKER,
        gates={"window": 48, "least": 8, "dark": 32},
        hints=(Remedy.OTHER_TILES, Remedy.GUIDANCE_1, Remedy.DEFLICKER),
        guard=True,
    ),
    Threshold(
        "local_flicker", "Local flicker, boiling texture", "levels", warn=1.8, fail=5, needs=_STAGE,
        source="measured, 1 of 64 clean clips",
        finds="4 levels over 6 % of the picture; boiling of 8",
        remedy="Retake the shot, lower the strength of LoRAs, or blend along the staged motion.",
        gates={"window": 48, "least": 8, "quantile": 0.98, "dark": 32, "rows": 17, "valid": 0.6},
        hints=(Remedy.OTHER_SEED, Remedy.WEAKER_LORAS, Remedy.DEFLICKER),
    ),
    Threshold(
        "speed", "Speed of the motion", "log2", warn=0.25, fail=0.5, needs=_STAGE,
        source="measured, clean 0.94x to 1.16x",
        finds="0.75x and 1.25x",
        remedy="Raise the depth control's strength, add keyframes along the shot, or bring its "
        "seconds nearer the staged ones.",
        gates={"confidence": 2.0, "predicted": 2.0, "every": 7, "group": 5, "fastest": 3,
               "points": 24_000, "usable": 0.002},
        hints=(Remedy.STRONGER_CONTROL, Remedy.ADD_KEYFRAME),
    ),
    Threshold(
        "prop_speed", "Speed of one prop", "log2", warn=0.65, needs=_STAGE,
        source="measured, clean 0.88x to 1.28x",
        finds="0.5x and 2x",
        remedy="Raise the depth control's strength, or add keyframes along the shot.",
        gates={"confidence": 2.5, "least": 200},
        hints=(Remedy.STRONGER_CONTROL, Remedy.ADD_KEYFRAME),
    ),
    Threshold(
        "prop_place", "Prop off its path", "% of height", warn=0.9, fail=2.0, needs=_STAGE,
        source="measured, 98 % of clean props within 0.5 %",
        finds="1.1 % of the height",
        remedy=_DEPTH,
        gates={"peak": 0.1, "every": 8, "samples": 5, "area": 0.003, "search": 0.05, "border": 3,
               "points": 700, "edge": 0.25, "weight": 4.0, "stage_away": 0.45,
               "of_stage": 0.5},
        hints=(Remedy.STRONGER_CONTROL, Remedy.ADD_KEYFRAME),
    ),
    Threshold(
        "prop_missing", "Prop missing or another shape", "times", warn=1.65, fail=1.3, above=False,
        needs=_STAGE,
        source="measured, 98 % of clean props above 1.69",
        finds="a prop that is gone in 94 %",
        remedy="Retake the shot, or add a keyframe that shows the prop.",
        gates={"search": 0.044, "stage": 1.7, "of_stage": 0.75},
        hints=(Remedy.OTHER_SEED, Remedy.ADD_KEYFRAME),
    ),
    Threshold(
        "motion_followed", "Staged motion followed", "left", warn=0.6, fail=1.1, needs=_STAGE,
        source="measured, largest clean 0.47",
        finds="a cross-fade of the keyframes; one mixed in by half in 92 %",
        remedy=_DEPTH,
        gates={"predicted": 2.0, "usable": 0.002, "points": 12_000, "least": 150, "every": 5,
               "samples": 5, "group": 5, "stage": 0.5},
        hints=(Remedy.STRONGER_CONTROL, Remedy.OTHER_SEED, Remedy.ADD_KEYFRAME),
        guard=True,
    ),
    Threshold(
        "motion_direction", "Direction of the motion", "degrees", warn=20, fail=45, needs=_STAGE,
        source="measured raw, largest clean 6.7; after x264, 21",
        finds="a turn of 30 degrees",
        remedy=_DEPTH,
        gates={"turns": 16, "confidence": 1.5, "stage": 10, "encoded": 1.4},
        hints=(Remedy.STRONGER_CONTROL, Remedy.OTHER_SEED, Remedy.ADD_KEYFRAME),
    ),
    Threshold(
        "depth_edges", "Edges where the staged depth steps", "times staged", warn=0.7, fail=0.4,
        above=False, needs=_STAGE,
        source="measured, least clean 0.96",
        finds="a picture 7.5 % aside; another scene's clip in 75 %",
        remedy=_DEPTH,
        gates={"step": 0.05, "least": 120, "stage": 0.3},
        hints=(Remedy.STRONGER_CONTROL, Remedy.OTHER_SEED, Remedy.ADD_KEYFRAME),
        guard=True,
    ),
    Threshold(
        "depth_order", "Nearer prop in front", "times staged", warn=0.6, fail=0.3,
        above=False, needs=_STAGE,
        source="measured, least clean 0.89",
        finds="the farther prop painted in front, 5 of 5",
        remedy=_DEPTH,
        gates={"step": 0.05, "least": 40, "stage": 0.4, "frames": 3},
        hints=(Remedy.STRONGER_CONTROL, Remedy.OTHER_SEED, Remedy.ADD_KEYFRAME),
        guard=True,
    ),
    Threshold(
        "depth_estimate", "Depth order by an estimate", "% of pairs", warn=94, fail=85,
        above=False, needs=frozenset({Needs.STAGE, Needs.DEPTH}),
        source="measured with 5 % of smooth error, least 99.3",
        finds="one prop of three seen at the far end",
        remedy=_DEPTH,
        gates={"pairs": 4000, "step": 0.1, "every": 8, "samples": 5},
        hints=(Remedy.STRONGER_CONTROL, Remedy.OTHER_SEED, Remedy.ADD_KEYFRAME),
        guard=True,
    ),
    Threshold(
        "doubled", "Prop seen twice", "times its outline", warn=0.25, fail=0.5, needs=_STAGE,
        source="measured, largest clean 0.05",
        finds="an opacity of 0.25; after a codec of 33 dB 0.5 in 42 %",
        remedy="Retake the shot, raise the depth control's strength, or add a keyframe between.",
        gates={"shown": 0.2, "away": 0.03, "clear": 0.02, "share": 0.25, "least": 20, "frames": 3,
               "sources": 3, "inner": 0.03, "outer": 0.05},
        hints=(Remedy.OTHER_SEED, Remedy.STRONGER_CONTROL, Remedy.ADD_KEYFRAME),
    ),
    Threshold(
        "group_pop", "Pops between groups of frames", "times the steps around", warn=1.3, fail=2,
        needs=frozenset({Needs.GENERATED}),
        source="measured, largest clean 1.09",
        finds="patterns of 4 levels; 2 levels in 75 %",
        remedy="Smooth the borders between groups of 8 frames after decoding; decode again with "
        "other temporal tiles.",
        gates={"floor": 0.25, "borders": 6},
        hints=(Remedy.SMOOTH_GROUPS, Remedy.OTHER_TILES),
        guard=True,
    ),
    Threshold(
        "group_pop_staged", "Pops between groups, motion taken out", "times the steps around",
        warn=1.3, fail=2, needs=frozenset({Needs.GENERATED, Needs.STAGE}),
        source="measured, largest clean 1.06",
        finds="patterns of 2 levels; 1 level in 58 %",
        remedy="Smooth the borders between groups of 8 frames after decoding; decode again with "
        "other temporal tiles.",
        gates={"floor": 0.25, "borders": 6},
        hints=(Remedy.SMOOTH_GROUPS, Remedy.OTHER_TILES),
    ),
    Threshold(
        "sharpness", "Sharpness lost towards the end", "log2", warn=0.35, fail=1,
        source="measured, largest clean 0.29",
        finds="a blur of 0.2 % of the height over the last 14 frames",
        remedy="Decode again with other temporal tiles; move the last keyframe to -12.",
        gates={"last": 12, "first": 0.667, "least": 24, "stage_every": 4, "moved": 2.0,
               "moved_warn": 0.6},
        hints=(Remedy.OTHER_TILES, Remedy.KEYFRAME_AT_MINUS_12),
    ),
    Threshold(
        "sharpness_jump", "Sharpness jumps at a chunk bound", "log2", warn=0.35, fail=1,
        needs=frozenset({Needs.BOUNDS}),
        source="measured, 98 % of clean clips under 0.22",
        finds="a blur of 0.3 % of the height",
        remedy="Decode again with more temporal overlap.",
        gates={"samples": 3},
        hints=(Remedy.MORE_OVERLAP, Remedy.OTHER_TILES),
    ),
    Threshold(
        "drift", "Slow drift of brightness", "levels", warn=4, fail=8, needs=_STAGE,
        source="measured, 98 % of clean clips under 2.6, largest 5.3",
        finds="a gain of 4 % over the shot in 85 %",
        remedy="Anchor the colour to the chain's first shot, or ramp the gain back along the shot.",
        gates={"every": 4, "low": 0.25, "high": 0.75, "usable": 0.02, "dark": 32, "least": 12},
        hints=(Remedy.MATCH_COLOR,),
    ),
    Threshold(
        "seam", "Seam of tiles", "levels", warn=0.5, fail=2,
        needs=frozenset({Needs.RAW, Needs.BOUNDS}),
        source="measured raw, largest clean 0.41",
        finds="a step of 1 level, before the encoder",
        remedy="More tile overlap, other tile bounds, or no tiles if memory allows; decode again.",
        gates={"frames": 16, "flat": 4, "near": 4, "least": 30},
        hints=(Remedy.MORE_OVERLAP, Remedy.OTHER_TILES),
    ),
    Threshold(
        "seam_time", "Step at a chunk bound", "levels", note=0.5, warn=0.8, fail=3,
        needs=frozenset({Needs.STAGE, Needs.BOUNDS}),
        source="measured", finds="2 levels",
        remedy="More temporal overlap; decode again.",
        hints=(Remedy.MORE_OVERLAP,),
    ),
    Threshold(
        "keyframe_shift", "Keyframe displaced", "% of height", warn=0.55, fail=2, needs=_KEY,
        source="measured, 98 % of clean clips within 0.42 %",
        finds="0.74 % of the height", remedy=_LAST_KEY,
        gates={"response": 0.1, "encoded": 1.5, "generated": 2.0},
        hints=(Remedy.KEYFRAME_AT_MINUS_12, Remedy.KEYFRAME_STRENGTH_1, Remedy.OTHER_SEED),
        guard=True,
    ),
    Threshold(
        "keyframe_color", "Keyframe's colour", "dE", warn=1, fail=3, needs=_KEY,
        source="measured, 98 % of clean clips under 0.82",
        finds="dE 1", remedy=_LAST_KEY, gates={"encoded": 1.5, "generated": 1.0},
        hints=(Remedy.KEYFRAME_AT_MINUS_12, Remedy.KEYFRAME_STRENGTH_1, Remedy.OTHER_SEED),
        guard=True,
    ),
    Threshold(
        "keyframe_block", "Keyframe's worst part", "dE", warn=3, fail=12, needs=_KEY,
        source="measured, 98 % of clean clips under 2.15",
        finds="the largest prop gone or recoloured", remedy=_LAST_KEY,
        gates={"rows": 8, "encoded": 1.5, "generated": 2.0},
        hints=(Remedy.KEYFRAME_AT_MINUS_12, Remedy.KEYFRAME_STRENGTH_1, Remedy.OTHER_SEED),
        guard=True,
    ),
    Threshold(
        "keyframe_ssim", "Keyframe's structure, worst part", "SSIM", warn=0.80, fail=0.5,
        above=False, needs=_KEY,
        source="measured, 98 % of clean clips above 0.841",
        finds="a shift of 0.74 % of the height", remedy=_LAST_KEY,
        gates={"rows": 8, "encoded": 0.9, "generated": 0.6},
        hints=(Remedy.KEYFRAME_AT_MINUS_12, Remedy.KEYFRAME_STRENGTH_1, Remedy.OTHER_SEED),
        guard=True,
    ),
    Threshold(
        "keyframe_psnr", "Keyframe's PSNR-Y", "dB", warn=36, fail=24, above=False, needs=_KEY,
        source="measured: after x264 CRF 23 clean frames reach 36.6, after codecs of 33 dB 30.7",
        finds="a shift of 0.74 % of the height in 90 %", remedy=_LAST_KEY,
        gates={"encoded": 1.0, "generated": 0.8, "strength": 0.5},
        hints=(Remedy.KEYFRAME_AT_MINUS_12, Remedy.KEYFRAME_STRENGTH_1, Remedy.OTHER_SEED),
        guard=True,
    ),
    Threshold(
        "keyframe_mean_ssim", "Keyframe's structure, whole picture", "SSIM", warn=0.90, fail=0.6,
        above=False, needs=_KEY,
        source="measured: after x264 CRF 23 98 % of clean frames reach 0.905",
        finds="a shift of 1.5 % of the height in 75 %", remedy=_LAST_KEY,
        gates={"encoded": 1.0, "generated": 0.93},
        hints=(Remedy.KEYFRAME_AT_MINUS_12, Remedy.KEYFRAME_STRENGTH_1, Remedy.OTHER_SEED),
    ),
    Threshold(
        "join_color", "Colour jumps at a join", "dE", note=0.8, warn=1.5, fail=3,
        needs=frozenset({Needs.JOIN, Needs.STAGE}),
        source="measured, largest clean 0.13",
        finds="dE 1", remedy=_MATCH,
        gates={"usable": 0.02},
        hints=(Remedy.MATCH_COLOR,),
        guard=True,
    ),
    Threshold(
        "join_color_plain", "Colour jumps at a join (no stage)", "dE", note=0.8, warn=1.5, fail=3,
        needs=frozenset({Needs.JOIN}),
        source="measured, largest clean 0.64",
        finds="dE 1", remedy=_MATCH,
        hints=(Remedy.MATCH_COLOR,),
        guard=True,
    ),
    Threshold(
        "chain_drift", "Colour drifts along a chain", "dE",
        needs=frozenset({Needs.JOIN, Needs.STAGE}),
        source="shown, not judged (3.15): the joins' differences and the shots' drift, added up",
        remedy="Anchor the colour to the chain's first shot.",
    ),
    Threshold(
        "cuts", "Cuts found", "cuts", source="measured", finds="a hard cut",
        gates={"drop": 10, "shortest": 3},
    ),
    Threshold(
        "sound_gap", "Missing sound", "ms", warn=10, fail=50, needs=frozenset({Needs.SOUND}),
        source="measured, 0 of 70 clean clips",
        finds="10 ms in 97 %, 20 ms", remedy="Mix the sound again.",
        gates={"below": 15, "floor": -75, "quantile": 0.10, "meant": 200},
        hints=(Remedy.MIX_AGAIN,),
    ),
    Threshold(
        "sound_offset", "Sound against picture", "ms", warn=35, fail=90,
        needs=frozenset({Needs.SOUND, Needs.EVENTS}),
        source="measured; ITU-R BT.1359-1: 90 ms early, 125 ms late",
        finds="40 ms", remedy="Shift the sound by the measured lag.",
        gates={"confidence": 3, "warn_early": 45, "warn_late": 60, "fail_early": 90,
               "fail_late": 125, "search": 300},
        hints=(Remedy.SHIFT_SOUND,),
        guard=True,
    ),
    Threshold(
        "clipping", "Clipped sound", "ppm", warn=20, fail=500,
        needs=frozenset({Needs.SOUND, Needs.RAW}),
        source="measured raw, 98 % of clean clips at 0",
        finds="3 dB of overdrive", remedy="Lower the gain and limit the peaks.",
        gates={"near": 0.98, "flat": 0.001, "level": 0.0002, "share": 0.5, "quiet": 0.05},
        hints=(Remedy.LIMIT_PEAKS,),
    ),
    Threshold(
        "click", "Click at a join", "times the surroundings", warn=3, fail=10,
        needs=frozenset({Needs.SOUND, Needs.JOIN}),
        source="measured, largest clean 2.9",
        finds="a step of 0.1 of full scale",
        remedy="Cross-fade the two sounds over 5 to 10 ms.",
        gates={"blocks": 101, "floor": 0.0002},
        hints=(Remedy.CROSSFADE_SOUND,),
    ),
    Threshold(
        "loudness", "Loudness off its target", "LU", warn=1, fail=2, needs=frozenset({Needs.SOUND}),
        source="EBU R 128: the target within 1 LU",
        finds="exact", remedy="Mix again: the loudness is set there.",
        gates={"silent": -70},
        hints=(Remedy.MIX_AGAIN,),
    ),
    Threshold(
        "true_peak", "True peak", "dBTP", warn=-0.9, fail=0, needs=frozenset({Needs.SOUND}),
        source="EBU R 128: at most -1 dBTP; 0.1 dB is left for the meter",
        finds="exact", remedy="Mix again with a lower true peak.",
        hints=(Remedy.MIX_AGAIN, Remedy.LIMIT_PEAKS),
    ),
    Threshold(
        "av_length", "Sound and picture end apart", "ms", warn=21.4, fail=40,
        needs=frozenset({Needs.SOUND}),
        source="one AAC frame of 1,024 samples at 48 kHz",
        finds="exact", remedy="Pad or trim the sound to the picture's length.",
        hints=(Remedy.FIT_SOUND,),
        guard=True,
    ),
)  # fmt: skip

THRESHOLDS: Mapping[str, Threshold] = MappingProxyType({row.id: row for row in _ROWS})
"""Every measure's row, by id."""
