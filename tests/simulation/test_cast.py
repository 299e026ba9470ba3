"""A head from a file is given to every living person of a scene, and to nobody and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import InputError
from edge.simulation.cast import with_head
from edge.simulation.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    photo, own = tmp_path / "photo.jpg", tmp_path / "own.obj"
    for file in (photo, own):
        file.touch()
    return Scene.model_validate(
        {
            "title": "t",
            "subjects": [
                {"kind": "person", "distance": 0.5, "seed": 3, "obj": {"file": own, "up": "z", "metres": 0.01}},
                {"kind": "worn_print", "photo": photo, "wearer": {"distance": 0.9, "tone": 0.4}},
                {"kind": "cut_out", "photo": photo, "distance": 1.2, "behind": {"distance": 1.3, "obeys": False}},
                {"kind": "cut_out", "photo": photo, "distance": 1.6},
                {"kind": "screen", "photo": photo, "turning": True, "distance": 1.7},
                {"kind": "silicone_mask", "photo": photo, "obj": {"file": own}, "wearer": {"distance": 2.0}},
            ],
        }
    )


@pytest.fixture
def head(tmp_path: Path) -> Path:
    file = tmp_path / "head.obj"
    file.touch()
    return file


def test_wearers_and_who_is_behind_a_cut_out_get_the_head_too(scene, head):
    person, worn, cut_out, *_, mask = with_head(scene, head).subjects
    assert mask.obj.file.name == "own.obj", "whom a mask shows stays"
    for somebody in (person, worn.wearer, cut_out.behind, mask.wearer):
        assert somebody.obj.model_dump() == {"file": head, "up": "y", "front": "z", "metres": None}


def test_all_else_stays_as_it_was(scene, head):
    given, recast = (one.model_dump() for one in (scene, with_head(scene, head)))
    for document in (given, recast):
        person, worn, cut_out, *_, mask = document["subjects"]
        for somebody in (person, worn["wearer"], cut_out["behind"], mask["wearer"]):
            somebody["obj"] = None
    assert recast == given


def test_the_scene_given_is_not_changed(scene, head):
    before = scene.model_copy(deep=True)
    with_head(scene, head)
    assert scene == before


@pytest.mark.parametrize("name", ["missing.obj", "."])
def test_a_file_that_is_not_there_is_named(scene, tmp_path, name):
    with pytest.raises(InputError) as error:
        with_head(scene, tmp_path / name)
    assert str(tmp_path / name) in error.value.what
