"""Scene files are read with every mistake named in its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.config.fields import fields
from edge.config.problems import ConfigProblems
from edge.errors import InputError
from edge.simulation.scene import Illuminator, Scene, Subject, load_scene, scene_files, shipped_scenes


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


def place_of(folder: Path, text: str) -> tuple[int, int, str, str | None]:
    with pytest.raises(ConfigProblems) as caught:
        read(folder, text)
    [problem] = caught.value.problems
    return problem.line, problem.column, problem.path, problem.suggestion


@pytest.mark.parametrize(
    ("subject", "column", "path", "suggestion"),
    [
        ("{kind: prnt, photo: a.jpg}", 10, "subjects[0].kind", "did you mean print?"),
        ("{kind: 3}", 10, "subjects[0].kind", None),
        ("{distance: 1}", 3, "subjects[0].kind", None),
        ("person", 3, "subjects[0]", None),
        ("{kind: person, distanse: 1}", 18, "subjects[0].distanse", "did you mean distance?"),
        ("{kind: person, luminance: 1}", 18, "subjects[0].luminance", "did you mean terminal.display.luminance?"),
        ("{kind: person, obj: {up: z}}", 18, "subjects[0].obj.file", None),
        ("{kind: worn_print, photo: face.jpg}", 3, "subjects[0].wearer", None),
        ("{kind: worn_print, photo: face.jpg, wearer: {tone: 2}}", 54, "subjects[0].wearer.tone", None),
        ("{kind: bent_print, photo: face.jpg, width: 0.5, radius: 0.1}", 59, "subjects[0].radius", None),
        ("{kind: cut_out, photo: face.jpg, behind: {distance: 0.2}}", 44, "subjects[0].behind", None),
        ("{kind: screen}", 3, "subjects[0].video", None),
        ("{kind: screen, photo: face.jpg, video: face.jpg}", 42, "subjects[0].video", None),
        ("{kind: screen, turning: true, video: face.jpg}", 27, "subjects[0].turning", None),
        ("{kind: backlit_print, photo: face.jpg, finish: glossy}", 42, "subjects[0].finish", None),
        ("{kind: person, tone: -0.3}", 24, "subjects[0].tone", None),
        ("{kind: person, head_cover: helm}", 30, "subjects[0].head_cover", None),
        ("{kind: silicone_mask, photo: face.jpg, thickness: 0.02, wearer: {}}", 53, "subjects[0].thickness", None),
        ("{kind: silicone_mask, photo: face.jpg}", 3, "subjects[0].wearer", None),
        ("{kind: print, photo: face.jpg, turned: 0}", 42, "subjects[0].turned", None),
        ("{kind: reactive_screen}", 3, "subjects[0].photo", None),
        ("{kind: reactive_screen, photo: face.jpg, gain: 1.1}", 50, "subjects[0].gain", None),
        ("{kind: reactive_screen, photo: face.jpg, delay: -1}", 51, "subjects[0].delay", None),
        ("{kind: projector, photo: face.jpg, onto: wall}", 44, "subjects[0].onto", None),
        ("{kind: projector, photo: face.jpg, lens_distance: 0.3}", 53, "subjects[0].lens_distance", None),
    ],
)
def test_what_is_wrong_with_a_subject_is_told_with_its_place(
    tmp_path: Path, subject: str, column: int, path: str, suggestion: str | None
) -> None:
    (tmp_path / "face.jpg").touch()
    assert place_of(tmp_path, f"title: t\nsubjects:\n- {subject}\n") == (3, column, path, suggestion)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("surroundings: {ambient: {light: daylight, flicker: 0.2}}", "daylight does not flicker"),
        ("terminal: {camera: {width: 321}}", "an even number"),
        ("terminal: {camera: {height: 1080, fps: 60, line_time: 3.0e-5}}", "32 ms to read, and a frame lasts 17 ms"),
        ("terminal: {display: {luminance: 1.0e+9}}", "from 10 to 3000"),
        ("subjects: [{kind: person, obj: {file: scene.yaml, up: y, front: -y}}]", "does not point along -y"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    [(_, _, told)] = mistakes(tmp_path, f"title: t\n{text}\n")
    assert message in told


@given(intensity=st.floats(0.001, 1000))
def test_infrared_is_refused_from_the_intensity_on_that_eyes_do_not_bear_at_a_fifth_of_a_metre(
    intensity: float,
) -> None:
    lamp = {"band": "infrared", "intensity": intensity}
    if intensity / 0.2**2 > 100.0001:
        with pytest.raises(ValidationError, match="IEC 62471"):
            Illuminator.model_validate(lamp)
    elif intensity / 0.2**2 < 99.9999:
        assert Illuminator.model_validate(lamp).intensity == intensity


def test_an_unknown_synthetic_person_is_told_with_those_there_are(tmp_path: Path) -> None:
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    [(_, path, message)] = mistakes(tmp_path, "title: t\nsubjects:\n- {kind: person, face: openpeople:P999}\n")
    assert path == "subjects[0].face"
    assert "P001, P002" in message


def test_synthetic_people_without_their_package_are_told_how_to_come_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    [(_, _, message)] = mistakes(tmp_path, "title: t\nsubjects:\n- {kind: person, face: openpeople:P001}\n")
    assert "livegate[demo]" in message


def test_every_shipped_scene_is_correct_and_has_a_title_of_its_own() -> None:
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    scenes = [load_scene(file) for file in scene_files(shipped_scenes())]
    assert len({scene.title for scene in scenes}) == len(scenes)


def test_the_scenes_of_the_page_are_correct_and_with_those_shipped_show_every_kind_of_subject(tmp_path: Path) -> None:
    pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")
    page = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
    examples = [read(tmp_path, text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    assert examples
    shipped = [load_scene(file) for file in scene_files(shipped_scenes())]
    shown = {subject.kind for scene in (*examples, *shipped) for subject in scene.subjects}
    assert shown == {kind.model_fields["kind"].annotation.__args__[0] for kind in get_args(get_args(Subject)[0])}


def test_a_folder_without_scenes_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no scene files"):
        scene_files(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        scene_files(tmp_path / "missing")


SECTIONS = [Scene, *get_args(get_args(Subject)[0])]
NAMES = sorted({info.path[-1] for section in SECTIONS for info in fields(section).values()})
KINDS = [fields(section)["kind",].allowed for section in SECTIONS[1:]]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*KINDS, "openpeople:", "led"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
subjects = st.fixed_dictionaries({"kind": st.sampled_from(KINDS)}).flatmap(
    lambda kind: st.dictionaries(st.sampled_from(NAMES), values, max_size=5).map(lambda keys: keys | kind)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=st.dictionaries(st.sampled_from(NAMES), values, max_size=5),
    listed=st.lists(subjects | values, max_size=4),
)
def test_whatever_stands_below_known_keys_gives_a_scene_or_its_mistakes(
    tmp_path: Path, document: dict[str, object], listed: list[object]
) -> None:
    text = json.dumps({"title": "t", **document, "subjects": listed})
    lines = text.count("\n") + 1
    try:
        read(tmp_path, text)
    except ConfigProblems as error:
        for problem in error.problems:
            assert 1 <= problem.line <= lines
            assert problem.describe(tmp_path).isprintable()
