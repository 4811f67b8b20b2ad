"""Runs inside Blender: a small .blend as a director might leave it. `... -- OUT.blend KEY=VALUE`"""

import sys

import bpy

out, *words = sys.argv[sys.argv.index("--") + 1 :]
wish = dict(word.split("=", 1) for word in words)

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = int(wish.get("fps", 24))
scene.frame_start, scene.frame_end = 1, int(wish.get("frames", 9))
scene.render.resolution_x, scene.render.resolution_y = 320, 180


def collection(name):
    made = bpy.data.collections.new(name)
    scene.collection.children.link(made)
    return made


def box(name, at, size, where):
    h = size / 2
    corners = [(x, y, z) for x in (-h, h) for y in (-h, h) for z in (-h, h)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    thing = bpy.data.objects.new(name, mesh)
    thing.location = at
    where.objects.link(thing)
    return thing


actors, scenery = collection("actors"), collection("scenery")
boat = box("boat", (0, 0, 0.5), 1.0, actors)
box("tower", (2, 3, 1), 2.0, scenery)
for frame, x in ((1, 0.0), (9, 0.8)):
    boat.location.x = x
    boat.keyframe_insert("location", frame=frame)

if wish.get("camera", "yes") == "yes":
    lens = bpy.data.cameras.new("Hero")
    lens.dof.use_dof = True
    lens.dof.aperture_fstop = 0.5
    lens.type = wish.get("camera_type", "PERSP")
    hero = bpy.data.objects.new("Hero", lens)
    hero.rotation_euler = (1.5, 0, 0)
    scene.collection.objects.link(hero)
    scene.camera = hero
    for frame, y, mm in ((1, -6.0, 35.0), (9, -5.0, 50.0)):
        hero.location = (0.3, y, 1.2)
        lens.lens = mm
        hero.keyframe_insert("location", frame=frame)
        lens.keyframe_insert("lens", frame=frame)

if "script" in wish:
    text = bpy.data.texts.new("startup.py")
    text.write(f"open({wish['script']!r}, 'w').write('ran')\n")
    text.use_module = True

bpy.ops.wm.save_as_mainfile(filepath=out, compress=wish.get("compress") == "yes")
