"""The people of a scene with a head of another shape."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from edge.errors import InputError
from edge.simulation.scene import CutOut, Obj, Person, Scene, SiliconeMask, Somebody, Subject, WornPrint

_Somebody = TypeVar("_Somebody", bound=Somebody)


def with_head(scene: Scene, file: Path | None) -> Scene:
    """The scene, whose every person has the shape of the head in ``file``: wearers and who is behind a cut-out too.

    file: Wavefront OBJ with y up and the face towards z, sized by its face; it replaces what the scene names. None:
    the scene as it is.
    Whoever is shown in a picture stays as in that picture. Raises InputError where there is no such file; what is in
    it is looked at when the scene is built.
    """
    if file is None:
        return scene
    if not file.is_file():
        raise InputError(f"there is no file {file}", remedy="name a Wavefront OBJ file with a head")
    obj = Obj(file=file)
    return scene.model_copy(update={"subjects": tuple(_recast(subject, obj) for subject in scene.subjects)})


def _recast(subject: Subject, obj: Obj) -> Subject:
    match subject:
        case Person():
            return _shaped(subject, obj)
        case WornPrint() | SiliconeMask():
            return subject.model_copy(update={"wearer": _shaped(subject.wearer, obj)})
        case CutOut() if subject.behind is not None:
            return subject.model_copy(update={"behind": _shaped(subject.behind, obj)})
        case _:
            return subject


def _shaped(person: _Somebody, obj: Obj) -> _Somebody:
    return person.model_copy(update={"obj": obj})
