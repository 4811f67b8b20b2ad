# SPDX-License-Identifier: Apache-2.0
# Licence note: this file alone runs inside Blender (whose Python interface is GPL). It is under
# Apache-2.0, which GPLv3 accepts, uses nothing but Blender and Python's standard library, and
# talks to the rest of Reelwright by files alone.
# mypy: ignore-errors
"""Render staged shots inside Blender: colour, depth, mask, motion and camera of every frame.

    blender -b --factory-startup --disable-autoexec --python-exit-code 3 -P render_stage.py -- JOB
    python-with-bpy render_stage.py -- JOB

JOB is the JSON file that `reelwright.stage.blender.job` writes. Of every shot, its folder gets

    data_000000.exr   Blender's passes: depth, object index, vector (one sample at pixel centres)
    color_000000.png  the picture
    frame_000000.json the camera; written last: a frame without it is rendered again
    shot.json         names of the props, notes

and the job's `result` file says how it ended. Works with Blender 3.4 and later.
"""

import json
import math
import os
import sys
from pathlib import Path

import bpy
from mathutils import Matrix

MARK = "REELWRIGHT "
GROUND_REACH = 15  # the ground's last line lies 2**15 m from its middle
FROM_GLTF = Matrix(((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 0), (0, 0, 0, 1)))
OPENCV = Matrix.Diagonal((1, -1, -1, 1))


class Refusal(Exception):  # noqa: N818 - a word to the other side, not an error here
    """Something that the person can mend; `code` is known to whoever started us."""

    def __init__(self, code, **facts):
        super().__init__(code)
        self.code, self.facts = code, facts


def main():
    """Carry out a job file; a refusal goes into the result, anything else is a traceback."""
    job = json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text("utf-8"))
    result = {"blender": list(bpy.app.version), "refusal": None}
    for number, shot in enumerate(job["shots"]):
        try:
            render_shot(shot, number)
        except Refusal as refusal:
            result["refusal"] = {"shot": number, "code": refusal.code, "facts": refusal.facts}
            break
    write_json(Path(job["result"]), result)


def render_shot(shot, number):
    """Render the frames of a shot that are not there yet."""
    Path(shot["out"]).mkdir(parents=True, exist_ok=True)
    wanted = [f for f in range(shot["num_frames"]) if not path_of(shot, f).exists()]
    if wanted or "save" in shot:
        notes = []
        stage = (BuiltStage if shot["kind"] == "built" else HandStage)(shot, notes)
        if "save" in shot:
            save(Path(shot["save"]))
            return
        write_json(
            Path(shot["out"], "shot.json"),
            {"props": stage.props, "notes": notes, "sensor_mm": stage.sensor_mm},
        )
        prepare(stage.scene, shot["size"])
        for frame in wanted:
            say(shot=number, frame=frame)
            render_frame(stage, shot, frame)
    say(shot=number, frame=shot["num_frames"])


def path_of(shot, frame, kind="frame", suffix="json"):
    """A frame's file."""
    return Path(shot["out"], f"{kind}_{frame:06d}.{suffix}")


def say(**facts):
    """One line to whoever started us."""
    print("\n" + MARK + json.dumps(facts), flush=True)  # noqa: T201 - how it talks


def write_json(path, value):
    """Write a JSON file at once or not at all."""
    part = part_of(path)
    with part.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def part_of(path):
    """Where a file is written before it is whole."""
    return path.with_name(path.name + ".part")


# A scene of ours ---------------------------------------------------------------------------------


class BuiltStage:
    """The storyboard's props, camera, light and ground; shot frame n is Blender's frame n + 1."""

    def __init__(self, shot, notes):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = scene = bpy.context.scene
        scene.render.fps, scene.render.fps_base = frame_rate(shot["frame_rate"])
        scene.frame_start, scene.frame_end = 1, shot["num_frames"]
        scene.render.engine = "CYCLES"
        scene.render.resolution_x, scene.render.resolution_y = shot["size"]
        self.props = [prop["name"] for prop in shot["props"]]
        self.sensor_mm = shot["camera"]["sensor_mm"]
        for prop in shot["props"]:
            add_prop(prop)
        add_camera(scene, shot["camera"])
        add_light(scene, shot["light"])
        if shot["ground"]["show"]:
            add_ground(shot["ground"], notes)
        scene.view_settings.view_transform = "Standard"
        scene.view_settings.exposure = shot["light"]["exposure_ev"]
        if shot["light"]["haze_m"]:
            notes.append("Haze is not drawn by Blender.")

    def go_to(self, frame):
        """Show a frame of the shot."""
        self.scene.frame_set(frame + 1)


def frame_rate(rate):
    """Blender's whole frames per second, and what they are divided by."""
    top, bottom = rate
    whole = max(1, round(top / bottom))
    return whole, whole * bottom / top


def add_prop(prop):
    """Import a prop's meshes and hang them on an empty that moves as the storyboard says."""
    ready_importer()
    root = bpy.data.objects.new(prop["name"], None)
    bpy.context.scene.collection.objects.link(root)
    known = set(bpy.data.objects)
    try:
        bpy.ops.import_scene.gltf(filepath=prop["glb"])
    except RuntimeError as error:
        raise Refusal("bad-glb", prop=prop["name"], reason=reason_of(error)) from error
    new = [each for each in bpy.data.objects if each not in known]
    # Blender also imports nodes that the file's own scene does not show.
    nodes = {
        each: prop["nodes"][each.name.split(".")[0]]
        for each in new
        if each.type == "MESH" and each.name.split(".")[0] in prop["nodes"]
    }
    for each, node in nodes.items():
        each.parent, each.pass_index = root, prop["index"]
        each.cycles.use_deform_motion = False  # its parts are stiff
        each.name = prop["name"] + " mesh"
        each.animation_data_clear()
        if len(node) == 1:  # a matrix of any kind, as it is
            set_pose(each, Matrix.Identity(4))
            each.matrix_parent_inverse = matrix(node[0]) @ FROM_GLTF.inverted()
        else:
            each.matrix_parent_inverse.identity()
            animate(each, [matrix(pose) @ FROM_GLTF.inverted() for pose in node])
    for each in set(new) - set(nodes):
        bpy.data.objects.remove(each)
    animate(root, [matrix(pose) for pose in prop["poses"]])


def ready_importer():
    """See that glTF can be imported; Debian's Blender needs python3-numpy for it."""
    try:
        bpy.ops.import_scene.gltf.get_rna_type()
        import numpy
    except (KeyError, ImportError) as error:
        raise Refusal("no-gltf") from error
    if "bool" not in vars(numpy):
        numpy.bool = bool  # the add-on of 3.4 still says it, numpy from 1.24 to 1.26 does not


def reason_of(error):
    """The last line that says what was wrong, of a message that may be a traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line and not line.startswith(("File", "Location"))]
    return (told or lines or ["it said nothing"])[-1].removeprefix("Error: ").rstrip(".")


def matrix(rows):
    """A matrix of the job."""
    return Matrix([rows[0:4], rows[4:8], rows[8:12], rows[12:16]])


def set_pose(thing, pose):
    """Give an object a matrix; returns what of it is kept in place, turn and scale."""
    thing.rotation_mode = "QUATERNION"
    place, turn, scale = pose.decompose()
    if thing.rotation_quaternion.dot(turn) < 0:
        turn = -turn
    thing.location, thing.rotation_quaternion, thing.scale = place, turn, scale
    kept = Matrix.LocRotScale(place, turn, scale)
    lost = max(abs(kept[i][j] - pose[i][j]) for i in range(3) for j in range(3))
    if lost > 1e-4 * max(map(abs, scale)):
        raise Refusal("sheared", name=thing.name)


def animate(thing, poses):
    """Give an object a pose for every frame, or one for all."""
    for number, pose in enumerate(poses):
        set_pose(thing, pose)
        if len(poses) > 1:
            for path in ("location", "rotation_quaternion", "scale"):
                thing.keyframe_insert(path, frame=number + 1)


def add_camera(scene, facts):
    """The shot's camera, with a pose and a lens for every frame."""
    data = bpy.data.cameras.new("Camera")
    camera = bpy.data.objects.new("Camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    data.sensor_fit, data.sensor_width = "HORIZONTAL", facts["width_mm"]
    data.clip_start, data.clip_end = facts["near_m"], 1e6
    animate(camera, [matrix(pose) @ OPENCV for pose in facts["poses"]])
    for number, lens in enumerate(facts["lenses_mm"]):
        data.lens = lens
        if len(facts["lenses_mm"]) > 1:
            data.keyframe_insert("lens", frame=number + 1)


def add_light(scene, facts):
    """A sun, and a sky that goes from its horizon to its top."""
    if facts["sun_strength"] > 0 and facts["sun_elevation_deg"] > -5:
        sun = bpy.data.lights.new("Sun", "SUN")
        sun.color, sun.energy = facts["sun_linear"], facts["sun_w_m2"]
        sun.angle = math.radians(facts["sun_softness_deg"])
        thing = bpy.data.objects.new("Sun", sun)
        thing.rotation_euler = (
            math.radians(90 - facts["sun_elevation_deg"]),
            0,
            math.radians(180 - facts["sun_azimuth_deg"]),
        )
        scene.collection.objects.link(thing)
    world = bpy.data.worlds.new("Sky")
    scene.world = world
    world.cycles.sampling_method = "NONE"  # so even a sky needs no map of where it is bright
    nodes = tree_of(world).nodes
    links = world.node_tree.links
    shine = next(node for node in nodes if node.type == "BACKGROUND")
    shine.inputs["Strength"].default_value = facts["sky_strength"]
    where, parts, ramp = (
        nodes.new(kind)
        for kind in ("ShaderNodeTexCoord", "ShaderNodeSeparateXYZ", "ShaderNodeValToRGB")
    )
    ramp.color_ramp.elements[0].color = (*facts["sky_horizon_linear"], 1)
    ramp.color_ramp.elements[1].color = (*facts["sky_top_linear"], 1)
    links.new(where.outputs["Generated"], parts.inputs[0])
    links.new(parts.outputs["Z"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], shine.inputs["Color"])


def tree_of(owner):
    """The node tree of a material or a world; since 5.0 there always is one."""
    if owner.node_tree is None:
        owner.use_nodes = True
    return owner.node_tree


def add_ground(facts, notes):
    """A level plane 65 km wide; its tiles grow outwards, so that it is exact at hand."""
    line = [2.0**k for k in range(GROUND_REACH + 1)]
    line = [-x for x in reversed(line)] + [0.0] + line
    across = len(line)
    corners = [(x, y, 0.0) for y in line for x in line]
    tiles = [
        (i + j * across, i + 1 + j * across, i + 1 + (j + 1) * across, i + (j + 1) * across)
        for j in range(across - 1)
        for i in range(across - 1)
    ]
    mesh = bpy.data.meshes.new("Ground")
    mesh.from_pydata(corners, [], tiles)
    ground = bpy.data.objects.new("Ground", mesh)
    ground.location = (*facts["middle"], facts["height_m"])
    bpy.context.scene.collection.objects.link(ground)
    ground.cycles.use_deform_motion = False
    material = bpy.data.materials.new("Ground")
    mesh.materials.append(material)
    tree = tree_of(material)
    surface = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = facts["roughness"]
    surface.inputs["Base Color"].default_value = (*facts["linear"], 1)
    if facts["pattern"] == "checker":
        place = tree.nodes.new("ShaderNodeNewGeometry")
        tiles = tree.nodes.new("ShaderNodeTexChecker")
        tiles.inputs["Scale"].default_value = 1 / facts["tile_m"]
        tiles.inputs["Color1"].default_value = (*facts["linear2"], 1)
        tiles.inputs["Color2"].default_value = (*facts["linear"], 1)
        tree.links.new(place.outputs["Position"], tiles.inputs["Vector"])
        tree.links.new(tiles.outputs["Color"], surface.inputs["Base Color"])
    elif facts["pattern"] != "plain":
        notes.append(f'The ground\'s pattern "{facts["pattern"]}" is drawn plain by Blender.')


def save(path):
    """Save what was built, with its pictures inside, for a person to go on with."""
    bpy.ops.file.pack_all()
    part = part_of(path)
    bpy.ops.wm.save_as_mainfile(filepath=str(part), copy=True, compress=True)
    part.replace(path)


# A scene made by hand ----------------------------------------------------------------------------


class HandStage:
    """A .blend: its animation, lens and depth of field as they are, its frames as the shot's."""

    def __init__(self, shot, notes):
        try:
            bpy.ops.wm.open_mainfile(filepath=shot["blend"], load_ui=False, use_scripts=False)
        except RuntimeError as error:
            raise Refusal("not-opened", reason=reason_of(error)) from error
        if bpy.data.version[:2] > bpy.app.version[:2]:
            raise Refusal("newer", made_with=list(bpy.data.version))
        self.scene = scene = bpy.context.scene
        self._shot, self._framed = shot, set()
        self._named_camera(shot["camera"])
        self._only_collection(shot["collection"])
        self._fit_time(shot)
        self.props = number_props(scene)
        camera = self.scene.camera
        if camera is None:
            raise Refusal("no-camera")
        self.sensor_mm = camera.data.sensor_width

    def _named_camera(self, name):
        cameras = sorted(each.name for each in self.scene.objects if each.type == "CAMERA")
        if name is None:
            return
        if name not in cameras:
            raise Refusal("unknown-camera", name=name, known=cameras)
        self.scene.camera = self.scene.objects[name]
        for marker in self.scene.timeline_markers:
            marker.camera = None  # the director's word wins over a marker's

    def _only_collection(self, name):
        if name is None:
            return
        known = {each.name: each for each in self.scene.collection.children_recursive}
        if name not in known:
            raise Refusal("unknown-collection", name=name, known=sorted(known))
        inside = set(known[name].all_objects)
        for each in self.scene.objects:
            if each not in inside and each.type not in {"CAMERA", "LIGHT", "LIGHT_PROBE"}:
                each.hide_render = True

    def _fit_time(self, shot):
        render = self.scene.render
        wanted = shot["frame_rate"][0] / shot["frame_rate"][1]
        # How many of the shot's frames one of the .blend's frames lasts.
        self._pace = wanted / (render.fps / render.fps_base)
        first = shot["frame_start"] if shot["frame_start"] is not None else self.scene.frame_start
        last = shot["frame_end"] if shot["frame_end"] is not None else self.scene.frame_end
        available = round((last - first + 1) * self._pace)
        if available < shot["num_delivered"]:
            raise Refusal(
                "frame-range",
                first=first,
                last=last,
                available=available,
                needed=shot["num_delivered"],
                frame_rate=wanted,
            )
        # Blender's own stretching of time makes the frame before and after one of the shot's, which
        # is what the vector pass looks at; it holds whole numbers up to 900.
        old, new = 100, 100
        if abs(self._pace - 1) > 1e-6:
            old, new = whole_ratio(1 / self._pace)
        render.frame_map_old, render.frame_map_new = old, new
        self._pace = new / old
        self._first = first

    def go_to(self, frame):
        """Show a frame of the shot."""
        time = self._first * self._pace + frame
        whole = math.floor(time + 1e-6)
        self.scene.frame_set(whole, subframe=max(0.0, min(time - whole, 1 - 1e-6)))
        camera = self.scene.camera
        if camera is None:
            raise Refusal("no-camera")
        if camera.data.type != "PERSP":
            raise Refusal("camera-kind", name=camera.name, kind=camera.data.type.lower())
        if camera.data.name not in self._framed:
            self._framed.add(camera.data.name)
            widen(camera.data, self._shot["framed"], self._shot["size"])


def whole_ratio(value, most=900):
    """The nearest ratio of two whole numbers up to `most`."""
    from fractions import Fraction

    ratio = Fraction(value).limit_denominator(min(most, max(1, int(most / max(value, 1)))))
    return ratio.numerator, ratio.denominator


def widen(camera, framed, size):
    """Make a camera see `size` pixels where it saw the `framed` ones in the middle of them."""
    fit = camera.sensor_fit
    across = framed[0] >= framed[1] if fit == "AUTO" else fit == "HORIZONTAL"
    factor = size[0] / framed[0] if across else size[1] / framed[1]
    side = camera.sensor_height if fit == "VERTICAL" else camera.sensor_width
    camera.sensor_fit = "HORIZONTAL" if across else "VERTICAL"
    if across:
        camera.sensor_width = side * factor
    else:
        camera.sensor_height = side * factor
    camera.shift_x, camera.shift_y = camera.shift_x / factor, camera.shift_y / factor


def number_props(scene):
    """Give every prop its value in the mask; returns their names from value 1.

    Where the director has set object indices, those are taken in order. Elsewhere everything that
    hangs on one topmost object is a prop, in order of name; what is called ground is the ground.
    """
    shapes = [each for each in scene.objects if each.type not in {"CAMERA", "LIGHT", "LIGHT_PROBE"}]
    if any(each.pass_index for each in shapes):
        values = sorted({each.pass_index for each in shapes if each.pass_index})
        names = {
            value: min(each.name for each in shapes if each.pass_index == value) for value in values
        }
        for each in shapes:
            each.pass_index = values.index(each.pass_index) + 1 if each.pass_index else 0
        return [names[value] for value in values]
    roots = {}
    for each in shapes:
        root = each
        while root.parent is not None:
            root = root.parent
        seen = (
            each.type
            in {
                "MESH",
                "CURVE",
                "CURVES",
                "SURFACE",
                "META",
                "FONT",
                "VOLUME",
                "POINTCLOUD",
                "HAIR",
            }
            or each.instance_type == "COLLECTION"
        )
        if seen and not each.hide_render and not root.name.lower().startswith("ground"):
            roots.setdefault(root.name, []).append(each)
    names = sorted(roots)
    for value, name in enumerate(names, 1):
        for each in roots[name]:
            each.pass_index = value
    return names


# Rendering ---------------------------------------------------------------------------------------


def prepare(scene, size):
    """What holds for every frame and both renders."""
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1
    render.use_border = render.use_compositing = render.use_sequencer = False
    render.use_file_extension = False
    render.use_multiview = False
    layer = scene.view_layers[0]
    for each in scene.view_layers:
        each.use = each == layer
    layer.use_pass_combined = layer.use_pass_z = True
    layer.use_pass_object_index = layer.use_pass_vector = True


def render_frame(stage, shot, frame):
    """Render one frame; its camera is written last."""
    stage.go_to(frame)
    camera = camera_facts(stage.scene, shot["size"])
    render_color(stage.scene, shot["look"], path_of(shot, frame, "color", "png"))
    render_data(stage.scene, path_of(shot, frame, "data", "exr"))
    write_json(path_of(shot, frame), camera)


def camera_facts(scene, size):
    """The camera as Blender evaluates it, in our axes and pixels."""
    graph = bpy.context.evaluated_depsgraph_get()
    camera = scene.camera.evaluated_get(graph)
    width, height = size
    lens = camera.calc_matrix_camera(graph, x=width, y=height)
    place, turn, _ = camera.matrix_world.decompose()
    pose = Matrix.LocRotScale(place, turn, None) @ OPENCV
    return {
        "lens_mm": camera.data.lens,
        "intrinsics": [
            [lens[0][0] * width / 2, 0.0, width / 2 * (1 - lens[0][2])],
            [0.0, lens[1][1] * height / 2, height / 2 * (1 + lens[1][2])],
            [0.0, 0.0, 1.0],
        ],
        "world_from_camera": [list(row) for row in pose],
    }


class Changed:
    """Set attributes for the span of a `with`; then they are as they were."""

    def __init__(self, *changes):
        self._changes, self._before = changes, []

    def __enter__(self):
        for owner, name, value in self._changes:
            self._before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)

    def __exit__(self, *_):
        for owner, name, value in reversed(self._before):
            setattr(owner, name, value)


class HeldLens:
    """The scene's camera with the lens of this frame for the span of a `with`.

    Some Blenders count a lens that changes into the vectors, some do not; so none is let to, and
    whoever reads the vectors adds it. Depth of field is off meanwhile.
    """

    def __init__(self, scene):
        self._camera = scene.camera
        self._before = scene.camera.data

    def __enter__(self):
        self._held = self._before.copy()
        self._held.animation_data_clear()
        self._held.dof.use_dof = False
        self._camera.data = self._held

    def __exit__(self, *_):
        self._camera.data = self._before
        bpy.data.cameras.remove(self._held)


def render_data(scene, path):
    """Depth, index and vector with one sample through each pixel's centre."""
    cycles = scene.cycles
    changes = [
        (scene.render, "engine", "CYCLES"),
        (scene.render, "use_motion_blur", False),
        (cycles, "samples", 1),
        (cycles, "use_adaptive_sampling", False),
        (cycles, "use_denoising", False),
        (cycles, "max_bounces", 0),
        (cycles, "pixel_filter_type", "BOX"),
        (cycles, "filter_width", 0.01),
    ]
    with Changed(*changes), HeldLens(scene):
        set_format(
            scene, "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER", color_depth="32", exr_codec="ZIP"
        )
        write_render(scene, path)


def render_color(scene, look, path):
    """The picture, through the scene's own view transform."""
    cycles = scene.cycles
    changes = [
        (scene.render, "engine", engine_named(scene, look["engine"])),
        (cycles, "samples", look["samples"]),
        (cycles, "use_denoising", can_denoise()),
        (scene.render, "film_transparent", False),
    ]
    with Changed(*changes):
        set_format(scene, "IMAGE", "PNG", color_mode="RGB", color_depth="8")
        write_render(scene, path)


def can_denoise():
    """Whether this Blender was built with a denoiser; Debian's was not."""
    try:
        import _cycles
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_openimagedenoise", False))


def engine_named(scene, name):
    """An engine by its name of today."""
    names = {
        "cycles": ("CYCLES",),
        "workbench": ("BLENDER_WORKBENCH",),
        "eevee": ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"),
    }[name]
    before = scene.render.engine
    for each in names:
        try:
            scene.render.engine = each
        except TypeError:
            continue
        scene.render.engine = before
        return each
    raise Refusal("no-engine", name=name)


def set_format(scene, media, kind, **settings):
    """What a render is written as; since 5.0 the kind of medium comes first."""
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = media
    image.file_format = kind
    for name, value in settings.items():
        setattr(image, name, value)


def write_render(scene, path):
    """Render to a file, which is there whole or not at all."""
    part = part_of(path)
    # Since 5.0 braces in a path are templates.
    braced = str(part).replace("{", "{{").replace("}", "}}")
    scene.render.filepath = braced if bpy.app.version >= (5, 0, 0) else str(part)
    try:
        bpy.ops.render.render(write_still=True)
    except RuntimeError as error:
        raise Refusal("not-rendered", reason=reason_of(error)) from error
    if not part.exists():
        raise Refusal("not-rendered", reason="Blender wrote no picture.")
    part.replace(path)


if __name__ == "__main__":
    main()
