"""Scene files are read with every mistake named in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.problems import ConfigProblems
from edge.simulation.scene import Scene, load_scene


def read(folder: Path, text: str) -> Scene:
    file = folder / "scene.yaml"
    file.write_text(text, encoding="utf-8")
    return load_scene(file)


def mistakes(folder: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigProblems) as caught:
        read(folder, text)
    return [(problem.line, problem.path, problem.message) for problem in caught.value.problems]


def test_a_title_is_enough_for_a_scene_with_nobody_in_it(tmp_path: Path) -> None:
    scene = read(tmp_path, "title: nobody\n")
    assert scene.subjects == ()
    assert scene.presentation is None


def test_photos_are_found_beside_the_scene_file(tmp_path: Path) -> None:
    (tmp_path / "face.jpg").touch()
    scene = read(tmp_path, "title: a print\nsubjects:\n- {kind: print, photo: face.jpg}\n")
    assert [subject.kind for subject in scene.subjects] == ["print"]


def test_an_unknown_kind_of_subject_is_told_with_those_there_are(tmp_path: Path) -> None:
    [(line, path, message)] = mistakes(tmp_path, "title: t\nsubjects:\n- {kind: persn}\n")
    assert (line, path) == (3, "subjects[0].kind")
    assert all(kind in message for kind in ("person", "print", "screen", "backlit_print"))


def test_all_mistakes_are_told_at_once_each_on_its_line(tmp_path: Path) -> None:
    text = """title: t
surroundings: {ambient: {lux: -3}}
subjects:
- {kind: print, photo: nix.jpg}
- {kind: person, hat: 1}
"""
    found = mistakes(tmp_path, text)
    assert [(line, path) for line, path, _ in found] == [
        (2, "surroundings.ambient.lux"),
        (4, "subjects[0].photo"),
        (5, "subjects[1].hat"),
    ]
    assert "nix.jpg" in found[1][2]


def test_a_missing_obj_is_named(tmp_path: Path) -> None:
    [(_, path, message)] = mistakes(tmp_path, "title: t\nsubjects:\n- {kind: person, obj: {file: no.obj}}\n")
    assert path == "subjects[0].obj.file"
    assert "no.obj" in message


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("subjects: [{kind: person, distance: 3}]", "subjects[0].distance"),
        ("subjects: [{kind: person}, {kind: person, distance: 0.55}]", "subjects[1].distance"),
        ("subjects: [{kind: person, arrives: 3, leaves: 2}]", "subjects[0].leaves"),
        ("presentation: {label: attack}", "presentation.pai_species"),
        ("presentation: {label: bonafide, pai_species: print}", "presentation.pai_species"),
        ("terminal: {camera: {width: 0}}", "terminal.camera.width"),
    ],
)
def test_impossible_values_are_refused(tmp_path: Path, text: str, path: str) -> None:
    assert [found for _, found, _ in mistakes(tmp_path, f"title: t\n{text}\n")] == [path]
