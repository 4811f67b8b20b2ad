"""From the film to the scenes that the stage needs, one for each shot.

What `continues` means is said here and nowhere else: the chain's time goes on; things stay where
the shot before left them; the camera begins as that one ended; light and ground stay. A shot
changes what it names. Values taken over are rounded to 1e-9 (a nanometre), so that the last bit of
a sine on another machine does not make another recipe.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.errors import InputError
from reelwright.shapes import generation_size
from reelwright.storyboard.camera import (
    ANGLE_MOVES,
    DEFAULT_AT,
    DEFAULT_LENS_MM,
    DEFAULT_LOOK_AT,
    DEFAULT_SENSOR,
    DISTANCE_MOVES,
    SENSORS_MM,
    Camera,
    CameraKey,
)
from reelwright.storyboard.moves import DEFAULT_ANGLE_DEG, DISTANCE_SHARE, CameraTrack, ViewKey
from reelwright.storyboard.rotation import roll_from_rotation
from reelwright.storyboard.scene import PlacedProp, PoseKey, Scene
from reelwright.storyboard.seeds import shot_seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reelwright.storyboard.fields import Vec3
    from reelwright.storyboard.film import Film
    from reelwright.storyboard.light import Ground, Light
    from reelwright.storyboard.place import Place, PlaceKey
    from reelwright.storyboard.shot import Shot

_FIRST_VIEW = ViewKey(0.0, DEFAULT_AT, DEFAULT_LOOK_AT, DEFAULT_LENS_MM, 0.0)
_FIRST_POSE = PoseKey(0.0)

T = TypeVar("T", "Light", "Ground")


def resolve_scenes(film: Film) -> dict[str, Scene | None]:
    """The scene of each shot, by id, in the film's order; None for a shot with words alone.

    Each scene has the seed of take 1; for another take use `dataclasses.replace(scene, seed=...)`
    where `scene.uses_seed`.

    Raises:
        InputError: A shot continues one that is not before it, or places an unknown prop (a film
            that was read or made by `Film(...)` has been checked for both).
    """
    scenes: dict[str, Scene | None] = {}
    for shot in film.shots:
        if shot.continues is not None and shot.continues not in scenes:
            raise InputError(
                f'Shot "{shot.id}" continues "{shot.continues}", which is not before it.',
                "Name an earlier shot.",
                where=shot.id,
            )
        before = scenes.get(shot.continues) if shot.continues is not None else None
        staged = shot.is_staged or before is not None
        scenes[shot.id] = _scene(film, shot, before) if staged else None
    return scenes


def _scene(film: Film, shot: Shot, before: Scene | None) -> Scene:
    props = _placed_props(film, shot, before)
    track = _camera_track(film, shot.camera, before, shot.continues)
    if track.follow and before is None:
        track = _aimed_at(track, shot.camera, props)
    return Scene(
        shot=shot.id,
        frames=film.frames_of(shot),
        frame_rate=film.frame_rate,
        size=generation_size(film.size, film.fit),
        props=props,
        camera=track,
        light=_merged(before.light if before else film.light, shot.light),
        ground=_merged(before.ground if before else film.ground, shot.ground),
        seed=shot_seed(film.seed, shot.id, own=shot.seed) if track.shake else 0,
        start_s=_exact(before.start_s + before.seconds) if before else 0.0,
    )


def _merged(base: T, change: T | None) -> T:
    """What the shot names, and the rest of what was there."""
    if change is None:
        return base
    named = {name: getattr(change, name) for name in change.model_fields_set}
    return base.model_copy(update=named)


def _camera_track(
    film: Film, camera: Camera | None, before: Scene | None, continued: str | None
) -> CameraTrack:
    view = _end_view(before) if before else None
    sensor = before.camera.sensor_mm if before else SENSORS_MM[DEFAULT_SENSOR]
    track = CameraTrack((view or _FIRST_VIEW,), sensor_mm=sensor)
    if before and continued:
        track = replace(track, shake=before.camera.shake, **_shake_before(film, continued, before))
    if camera is None:
        return track
    named = {"at", "look_at", "lens_mm", "roll_deg"}
    opening = _opening(camera.keys, camera, named, view, _FIRST_VIEW)
    keys = (ViewKey(0.0, **opening), *(_view_key(key) for key in camera.keys if key.t_s > 0))
    return replace(
        track,
        keys=keys,
        action=camera.action,
        sensor_mm=SENSORS_MM[camera.sensor] if camera.sensor else sensor,
        distance=_distance(camera, keys[0]),
        angle_deg=_angle_deg(camera),
        ease=camera.ease,
        follow=camera.follow or "",
        shake=camera.shake_amount,
    )


def _aimed_at(
    track: CameraTrack, camera: Camera | None, props: tuple[PlacedProp, ...]
) -> CameraTrack:
    """A camera that follows looks at what it follows, if it is not told where to look."""
    followed = next((prop for prop in props if prop.name == track.follow), None)
    if followed is None or camera is None or camera.look_at is not None:
        return track
    first = replace(track.keys[0], look_at=followed.keys[0].at)
    return replace(track, keys=(first, *track.keys[1:]))


def _shake_before(film: Film, continued: str, before: Scene) -> dict[str, Any]:
    """The shake to take over: that of the take which the film uses."""
    if not before.camera.shake:
        return {}
    shot = film.shot(continued)
    seed = shot_seed(film.seed, shot.id, shot.chosen_take, shot.seed)
    return {"shake_before": before.camera.shake, "seed_before": seed}


def _distance(camera: Camera, start: ViewKey) -> float:
    if camera.action not in DISTANCE_MOVES:
        return 0.0
    if camera.distance is not None:
        return camera.distance
    at, look_at = start.at or DEFAULT_AT, start.look_at or DEFAULT_LOOK_AT
    aim = sum((b - a) ** 2 for a, b in zip(at, look_at, strict=True)) ** 0.5
    return _exact(DISTANCE_SHARE * aim)


def _angle_deg(camera: Camera) -> float:
    if camera.action not in ANGLE_MOVES:
        return 0.0
    kind = camera.action.partition("-")[0]
    return DEFAULT_ANGLE_DEG[kind] if camera.angle_deg is None else camera.angle_deg


def _end_view(scene: Scene) -> ViewKey:
    """The camera at the end of a shot, without its shake."""
    rig = scene.rig(scene.seconds)
    return ViewKey(
        t_s=0.0,
        at=_point(rig.at),
        look_at=_point(rig.at + rig.turn[:, 2] * rig.aim_m),
        lens_mm=_exact(rig.lens_mm),
        roll_deg=_exact(roll_from_rotation(rig.turn)),
    )


def _placed_props(film: Film, shot: Shot, before: Scene | None) -> tuple[PlacedProp, ...]:
    """What stood there, in its order, then what this shot adds."""
    placed = {prop.name: _left(prop, before) for prop in before.props} if before else {}
    for place in shot.place:
        name = place.placed_name
        if place.prop not in film.props:
            raise InputError(
                f'Shot "{shot.id}" places "{place.prop}", which is no prop of the film.',
                f"Add [props.{place.prop}].",
                where=shot.id,
            )
        stood = placed.get(name)
        stood = stood if stood is not None and stood.prop_name == place.prop else None
        placed[name] = _placed(place, film, stood)
    return tuple(_numbered(prop, i) for i, prop in enumerate(placed.values(), start=1))


def _numbered(prop: PlacedProp, index: int) -> PlacedProp:
    return prop if prop.index == index else replace(prop, index=index)


def _left(prop: PlacedProp, scene: Scene) -> PlacedProp:
    """A prop as a shot left it, at rest. One that never moved is the same, not another like it."""
    if len(prop.keys) == 1:
        return prop
    pose = prop.pose_at(scene.seconds)
    end = PoseKey(0.0, _point(pose.at or ()), _point(pose.turn_deg or ()), _point(pose.scale or ()))
    return replace(prop, keys=(end,))


def _placed(place: Place, film: Film, stood: PlacedProp | None) -> PlacedProp:
    named = {"at", "turn_deg", "scale"}
    opening = _opening(place.keys, place, named, stood.keys[0] if stood else None, _FIRST_POSE)
    kept = stood or PlacedProp(place.placed_name, 0, place.prop, film.props[place.prop], ())
    return PlacedProp(
        name=place.placed_name,
        index=0,
        prop_name=place.prop,
        prop=film.props[place.prop],
        keys=(PoseKey(0.0, **opening), *(_pose_key(key) for key in place.keys if key.t_s > 0)),
        animation=_given(place.animation, kept.animation),
        animation_speed=_given(place.animation_speed, kept.animation_speed),
        animation_loop=_given(place.animation_loop, kept.animation_loop),
    )


def _opening(
    keys: Sequence[CameraKey] | Sequence[PlaceKey],
    given: Camera | Place,
    names: set[str],
    before: ViewKey | PoseKey | None,
    default: ViewKey | PoseKey,
) -> dict[str, Any]:
    """The values at the shot's beginning: of a key at 0, else what is given beside the keys, else
    where the shot before ended, else the first key that speaks of it, else the default."""
    at_zero = keys[0] if keys and keys[0].t_s == 0 else None
    sources: list[object] = [at_zero, given, before, *keys, default]
    found = {name: _first(sources, name) for name in names}
    return {**found, "ease": at_zero.ease if at_zero else "smooth"}


def _first(sources: Iterable[object], name: str) -> Any:
    values = (getattr(source, name) for source in sources if source is not None)
    return next((value for value in values if value is not None), None)


def _view_key(key: CameraKey) -> ViewKey:
    return ViewKey(key.t_s, key.at, key.look_at, key.lens_mm, key.roll_deg, key.ease)


def _pose_key(key: PlaceKey) -> PoseKey:
    return PoseKey(key.t_s, key.at, key.turn_deg, key.scale, key.ease)


V = TypeVar("V")


def _given(value: V | None, otherwise: V) -> V:
    return otherwise if value is None else value


def _point(values: Any) -> Vec3:
    x, y, z = (_exact(float(value)) for value in values)
    return x, y, z


def _exact(value: float) -> float:
    """A value taken over, without its last bits and without a negative zero."""
    return round(value, 9) + 0.0
