from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from edge.config.loader import load, load_bytes
from edge.config.problems import MOST, ConfigProblems, Problem
from edge.errors import ConfigError, ExitCode

SOURCE = Path("/etc/livegate/site.yaml")
CAMERA = "camera: {driver: replay, sources: [pictures]}\n"


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigProblems) as raised:
        load_bytes(content, SOURCE)
    return raised.value.problems


def problem_of(text: str | bytes) -> Problem:
    (problem,) = problems_of(text)
    return problem


def places(text: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.path) for problem in problems_of(text)]


@pytest.mark.parametrize(
    ("yaml", "line", "column", "path", "message"),
    [
        ("device:\n  id: Front Door\n", 2, 7, "device.id", "lower-case letters, digits and inner hyphens"),
        ("device:\n  id: 12\n", 2, 7, "device.id", "not 12"),
        ("device:\n  id:\n", 2, 3, "device.id", "not nothing"),
        ("device: {prefix: /a}\n", 1, 18, "device.prefix", "letters, digits, _ and -"),
        ("models: {threads: 9}\n", 1, 19, "models.threads", "a whole number from 1 to 4, not 9"),
        ("models: {threads: 2.0}\n", 1, 19, "models.threads", "a whole number from 1 to 4, not 2.0"),
        ("models: {threads: '2'}\n", 1, 19, "models.threads", 'a whole number from 1 to 4, not "2"'),
        ("models: {threads: true}\n", 1, 19, "models.threads", "not true"),
        ("models: {threads: [2]}\n", 1, 19, "models.threads", "not a list of 1"),
        ("models: {threads: {a: 2}}\n", 1, 19, "models.threads", "not a section"),
        ("models: {active: []}\n", 1, 18, "models.active", "a list of 1 to 16"),
        ("models: {active: all}\n", 1, 18, "models.active", "a list of 1 to 16, each 2 to 63"),
        ("models:\n  active:\n    - good\n    - Bad\n", 4, 7, "models.active[1]", 'not "Bad"'),
        ("models: {runtime: onnx}\n", 1, 19, "models.runtime", "one of auto, litert, tflite-runtime"),
        ("models: {directory: 3}\n", 1, 21, "models.directory", "a path, or null, not 3"),
        ("models: {directory: ~/m}\n", 1, 21, "models.directory", "~ is not expanded"),
        ('models: {directory: " "}\n', 1, 21, "models.directory", "a path of 1 to 4096"),
        ('models: {directory: "a\\0b"}\n', 1, 21, "models.directory", "printable"),
        ("quality: {max_yaw: 0}\n", 1, 20, "quality.max_yaw", "a number from 5 to 60, not 0"),
        ("policy: {pad_margin: -1}\n", 1, 22, "policy.pad_margin", "a number from 0 to 20, not -1"),
        ("policy: {pad_margin: .nan}\n", 1, 22, "policy.pad_margin", "not nan"),
        ("policy: {pad_margin: .inf}\n", 1, 22, "policy.pad_margin", "not inf"),
        ("policy: {attempt_timeout_seconds: 20 s}\n", 1, 35, "policy.attempt_timeout_seconds", 'not "20 s"'),
        ("policy: {require_passive: [light]}\n", 1, 27, "policy.require_passive", "pad must be among them"),
        ("policy: {require_passive: [pad, motion]}\n", 1, 27, "policy.require_passive", "none could pass"),
        ("policy: {require_motion_alone: [pad, light]}\n", 1, 32, "policy.require_motion_alone", "could pass"),
        ("policy: {require_without_flash: [pad, light]}\n", 1, 33, "policy.require_without_flash", "without flash"),
        ("policy: {require_without_movement: [pad, motion]}\n", 1, 36, "policy.require_without_movement", "could pass"),
        ("policy: {allow_alternatives: [without_face]}\n", 1, 31, "policy.allow_alternatives[0]", "without_movement"),
        ("policy: {modes: [Passive, Passive]}\n", 1, 17, "policy.modes", "named twice: Passive"),
        ("policy: {name: door}\n", 1, 16, "policy.name", "preset's name"),
        ("policy: {preset: door, name: front}\n", 1, 30, "policy.name", "has its name"),
        ("policy: {name: door+kiosk}\n", 1, 16, "policy.name", "1 to 32 lower-case letters"),
        ("policy: {preset: hall}\n", 1, 18, "policy.preset", "one of door, kiosk, or null"),
        ("log:\n", 1, 1, "log", "must be a section, not nothing"),
        ("log: [info]\n", 1, 6, "log", "must be a section, not a list of 1"),
        ("lights: {screen: {driver: spi}}\n", 1, 27, "lights.screen.driver", 'no screen driver "spi"; it has none'),
        ("lights: {screen: {driver: [none]}}\n", 1, 27, "lights.screen.driver", "driver a list of 1"),
        ("lights: {screen: {}}\n", 1, 10, "lights.screen.driver", "is missing; it must be one of none, sdl, simulated"),
        ("lights: {screen: {driver: simulated}}\n", 1, 27, "lights.screen.driver", "only a simulated camera sees"),
        ("link: {port: 70000}\n", 1, 14, "link.port", "from 1 to 65535, or null"),
        ("link: {password_file: p}\n", 1, 23, "link.password_file", "needs a username"),
        ("link:\n  tls:\n    certificate: c.pem\n", 2, 3, "link.tls.key", "set both or neither"),
        ("link: {tls: {key: k.pem}}\n", 1, 19, "link.tls.key", "set both or neither"),
        ("guidance: {language: English}\n", 1, 22, "guidance.language", "a language tag such as en"),
        ("device: {id: a, id: b}\n", 1, 17, "device.id", "given twice, first on line 1"),
        ("device: {1: a}\n", 1, 10, "device", "a key must be text"),
        ("device: {[a]: b}\n", 1, 10, "device", "a key must be text"),
        ("device: {<<: {id: a}}\n", 1, 10, "device", "a key must be text"),
        ("device: {id: &x a}\n", 1, 14, "device.id", "anchors and aliases"),
        ("device: {id: &x a, site: *x}\n", 1, 14, "device.id", "anchors and aliases"),
        ("device: {&x id: a}\n", 1, 10, "device.id", "anchors and aliases"),
        ("device: {id: !secret a}\n", 1, 14, "device.id", "YAML tags"),
        ("models: {threads: !!int abc}\n", 1, 19, "models.threads", "cannot be read as int"),
        (f"models: {{threads: {'9' * 5000}}}\n", 1, 19, "models.threads", "cannot be read as int"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(yaml, line, column, path, message):
    problem = problem_of(yaml + CAMERA)
    assert (problem.line, problem.column, problem.path) == (line, column, path)
    assert message in problem.message


@pytest.mark.parametrize(
    ("yaml", "line", "column", "path", "message"),
    [
        ("device: {id: a}\n", 1, 1, "camera", "is missing"),
        (
            "camera:\n  sources: [a]\n",
            1,
            1,
            "camera.driver",
            "it must be one of picamera2, replay, simulated, v4l2",
        ),
        ("\ncamera:\n  driver: replay\n", 2, 1, "camera.sources", "is missing; it must be a list of 1 to 1000"),
        ("camera: {driver: replay, sources: []}\n", 1, 35, "camera.sources", "not a list of 0"),
        ("camera: {driver: replay, sources: a}\n", 1, 35, "camera.sources", 'each a path, not "a"'),
        ("camera: {driver: replay, sources: [a, 3]}\n", 1, 39, "camera.sources[1]", "a path, not 3"),
        ("camera:\n  driver: replay\n  sources:\n    -\n", 4, 6, "camera.sources[0]", "not nothing"),
        ("camera: {driver: replay, sources: [a], fps: 0}\n", 1, 45, "camera.fps", "from 1 to 120, not 0"),
        ("camera: {driver: replay, sources: [a], process: yes}\n", 1, 49, "camera.process", "true or false"),
        ("camera: {driver: replay, sources: [a], process: true}\n", 1, 49, "camera.process", "pace to realtime"),
        ("camera: {driver: replay, sources: [a], pace: slow}\n", 1, 46, "camera.pace", "one of simulated"),
        (
            "camera: {driver: replay, sources: [a], scenes: [b]}\n",
            1,
            40,
            "camera.scenes",
            "known here: driver, sources",
        ),
        ("camera: {driver: simulated}\n", 1, 1, "camera.scenes", "is missing"),
        ("camera: {driver: simulated, scenes: [a], fps: 9}\n", 1, 42, "camera.fps", "known here: driver, scenes, head"),
    ],
)
def test_a_wrong_camera_is_told_with_its_place(yaml, line, column, path, message):
    problem = problem_of(yaml)
    assert (problem.line, problem.column, problem.path) == (line, column, path)
    assert message in problem.message


def test_a_camera_driver_of_another_release_is_the_one_mistake_told_of_its_section():
    problem = problem_of("camera:\n  driver: gige\n  size: [1280, 720]\n")
    assert (problem.line, problem.column, problem.path) == (2, 11, "camera.driver")
    assert problem.message == 'this release has no camera driver "gige"; it has picamera2, replay, simulated and v4l2'


@pytest.mark.parametrize(
    ("yaml", "place", "suggestion"),
    [
        ("device: {nmae: x, sites: a}\n", (1, 19), "did you mean site?"),
        ("polcy: {preset: door}\n", (1, 1), "did you mean policy?"),
        ("policy: {maxAttempts: 2}\n", (1, 10), "did you mean max_attempts?"),
        ("policy: {max-attempts: 2}\n", (1, 10), "did you mean max_attempts?"),
        ("link: {threads: 2}\n", (1, 8), "did you mean models.threads?"),
        ("sources: [a]\n", (1, 1), "did you mean camera.sources?"),
        ("link: {ca: a}\n", (1, 8), "did you mean link.tls.ca?"),
        ("device: {quux: 1}\n", (1, 10), None),
    ],
)
def test_an_unknown_key_is_told_with_what_was_probably_meant(yaml, place, suggestion):
    problem = problems_of(yaml + CAMERA)[-1]
    assert (problem.line, problem.column) == place
    assert problem.message.startswith("unknown key; known here: ")
    assert problem.suggestion == suggestion


@pytest.mark.parametrize(
    ("yaml", "suggestion"),
    [
        ("models: {runtime: LiteRT}\n", "did you mean litert?"),
        ("policy: {modes: [pasive]}\n", "did you mean Passive?"),
        ("policy: {preset: dor}\n", "did you mean door?"),
        ("log: {level: verbose}\n", None),
        ("device: {id: 12}\n", "put it in quotes"),
    ],
)
def test_a_wrong_choice_is_told_with_what_was_probably_meant(yaml, suggestion):
    assert problem_of(yaml + CAMERA).suggestion == suggestion


@pytest.mark.parametrize(
    ("override", "demands"),
    [
        ("max_attempts: 4", "a whole number from 1 to 3"),
        ("max_ttl_seconds: 601", "demands 600"),
        ("attempt_timeout_seconds: 21", "demands 20"),
        ("require_passive: [pad]", "demands pad, light"),
        ("require_active: [pad, motion]", "demands pad, light, motion"),
        ("pad_veto_margin: 0.6", "demands 0.5"),
        ("pad_margin_with_light: -0.6", "demands -0.5"),
        ("when_light_not_measured: passive", "demands refuse"),
        ("when_overwhelmed: motion", "demands refuse"),
        ("when_pad_not_applicable: light_and_motion", "demands refuse"),
        ("positioning_frames: 2", "demands 3"),
        ("positioning_seconds: 0.2", "demands 0.3"),
        ("passive_frames: 7", "demands 8"),
        ("passive_seconds: 0.5", "demands 1.0"),
        ("judged_frames: 7", "demands 8"),
    ],
)
def test_a_door_cannot_be_loosened(override, demands):
    problem = problem_of(f"{CAMERA}policy:\n  preset: door\n  {override}\n")
    assert (problem.line, problem.column) == (4, 3 + override.index(":") + 2)
    assert problem.path == f"policy.{override.partition(':')[0]}"
    assert demands in problem.message


def test_a_door_can_be_tightened():
    loaded = load_bytes(
        f"{CAMERA}policy: {{preset: door, max_attempts: 1, pad_margin: 2, modes: [PassiveActive]}}\n".encode(), SOURCE
    )
    assert loaded.settings.policy.max_attempts == 1
    assert loaded.settings.policy.name == "door"


def test_a_policy_without_a_preset_may_say_anything_within_its_bounds():
    text = f"{CAMERA}policy: {{name: lab, when_overwhelmed: motion, judged_frames: 1, max_ttl_seconds: 86400}}\n"
    assert load_bytes(text.encode(), SOURCE).settings.policy.name == "lab"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    text = """\
device: {id: Front Door, nmae: x}
camera:
  driver: replya
lights: {screen: {driver: spi}}
models:
  threads: 9
  threads: 2
policy:
  preset: door
  require_passive: [pad]
  modes: [Pasive]
  when_overwhelmed: &a motion
  7: x
link:
  tls: {certificate: c.pem}
  threads: 1
log:
state_directory: ~/x
"""
    assert places(text) == [
        (1, 14, "device.id"),
        (1, 26, "device.nmae"),
        (3, 11, "camera.driver"),
        (4, 27, "lights.screen.driver"),
        (6, 12, "models.threads"),
        (7, 3, "models.threads"),
        (10, 20, "policy.require_passive"),
        (11, 11, "policy.modes[0]"),
        (12, 21, "policy.when_overwhelmed"),
        (13, 3, "policy"),
        (15, 3, "link.tls.key"),
        (16, 3, "link.threads"),
        (17, 1, "log"),
        (18, 18, "state_directory"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "column", "message"),
    [
        ("", 0, 0, "is empty"),
        ("# nothing\n", 0, 0, "is empty"),
        ("---\n", 0, 0, "is empty"),
        ("null\n", 1, 1, "must hold keys with values, not nothing"),
        ("livegate\n", 1, 1, "not a single value"),
        ("\n- a\n", 2, 1, "not a list"),
        (b"device: {id: \xc3\x28}\n", 1, 14, "is not UTF-8"),
        (b"\xff\xfea\x00", 1, 1, "is not UTF-8"),
        ("device:\n  id: \x07\n", 2, 7, "binary data, or a control character"),
        (b"\x7fELF\x01\x00", 1, 1, "binary data, or a control character"),
        ("camera:\n\tdriver: replay\n", 2, 1, "a tab stands where YAML wants spaces"),
        ("a: b: c\n", 1, 5, "a second ':' on a line"),
        ("a:\n  - 'x\n", 3, 1, "a quote or bracket is not closed"),
        ("a: @x\n", 1, 4, "cannot begin with this character"),
        ("a: *x\n", 1, 4, "anchors and aliases"),
        ("a: !e!x b\n", 1, 4, "YAML tags"),
        ("a: [1, 2\n", 2, 1, "is not YAML: expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second YAML document"),
        ("%YAML 1.1\n---\na: no\n", 1, 1, "a YAML directive"),
        ("[" * 2000, 0, 0, "nested deeper"),
    ],
)
def test_what_is_no_yaml_mapping_is_told_with_its_place(content, line, column, message):
    problem = problem_of(content)
    assert (problem.line, problem.column, problem.path) == (line, column, "")
    assert message in problem.message


def test_deep_nesting_is_told_where_it_begins():
    *_, problem = problems_of(CAMERA + "deep: [[[[[[[[[[1]]]]]]]]]]\n")
    assert (problem.line, problem.column, problem.path) == (2, 14, "deep[0][0][0][0][0][0][0]")


def test_an_alias_bomb_is_told_without_being_expanded():
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    anchored = [p for p in problems_of(CAMERA + "\n".join(rows)) if "anchors" in p.message]
    assert [(problem.line, problem.column) for problem in anchored] == [
        (2 + i, row.index("&") + 1) for i, row in enumerate(rows)
    ]


def test_a_value_that_holds_itself_is_told():
    assert (1, 4, "a") in places("a: &a [*a]\n" + CAMERA)


def test_a_byte_order_mark_does_not_shift_places():
    assert problem_of("\ufeffdevice: {id: A}\n" + CAMERA).column == 14


def test_a_file_that_is_too_large_is_not_parsed(tmp_path):
    file = tmp_path / "large.yaml"
    file.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(ConfigProblems, match="larger than 1 MiB"):
        load(file)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.yaml", "cannot be read: No such file"),
        (".", "is a folder, not a file"),
        ("a\0b", "no file has such a name"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_opened_is_told(tmp_path, name, message):
    with pytest.raises(ConfigProblems) as raised:
        load(tmp_path / name)
    assert message in raised.value.what
    assert "\0" not in raised.value.what


def test_a_device_is_not_read():
    with pytest.raises(ConfigProblems, match="not a regular file"):
        load("/dev/zero")


def test_a_flood_of_mistakes_is_cut_off():
    text = CAMERA + "".join(f"key{number}: 1\n" for number in range(1000))
    assert len(problems_of(text)) == MOST


def test_each_mistake_is_one_line_with_file_line_and_column():
    with pytest.raises(ConfigError) as raised:
        load_bytes(b"device: {id: A}\nlog:\n" + CAMERA.encode(), SOURCE)
    first, *lines = raised.value.what.splitlines()
    assert first == f"2 mistakes in {SOURCE}"
    assert lines == [
        f'{SOURCE}:1:14: device.id: must be 1 to 63 lower-case letters, digits and inner hyphens, not "A"',
        f"{SOURCE}:2:1: log: must be a section, not nothing",
    ]
    assert raised.value.exit_code is ExitCode.CONFIG
    assert "docs/configuration.md" in raised.value.remedy


def test_mistakes_survive_the_way_to_another_process():
    with pytest.raises(ConfigProblems) as raised:
        load_bytes(b"log:\n", SOURCE)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (copy.problems, copy.what, copy.source) == (raised.value.problems, raised.value.what, SOURCE)


def test_a_stranger_s_control_characters_do_not_reach_the_terminal():
    problem = problem_of(CAMERA + '"\\e[31mred": 1\n')
    assert problem.path == "\\x1b[31mred"


@pytest.mark.parametrize(
    "yaml",
    [
        "link: {password: hunter2}",
        "link: {username: a, password_file: [hunter2]}",
        "link: {username: a, password_file: '~hunter2'}",
        "link: {username: a, password_file: 'hunter2\\n\\n'}\nlog:",
        "link: {password_file: hunter2}",
        "link: {tls: {key: hunter2}}",
        "link: {password: *hunter2}",
        "link: {password: &hunter2 a}",
        "link: {password: 'hunter2}",
        "link: {password: hunter2, hunter2",
        "link: {password: !hunter2!a b}",
        "link: {password: !hunter2}",
        "link: password: hunter2: x",
        "link: {host: 'mqtt://user:hunter2@broker'}",
        "link: {host: 'user:hunter2@broker'}",
    ],
)
def test_no_secret_is_repeated_in_a_message(yaml):
    for problem in problems_of(yaml + "\n" + CAMERA):
        assert "hunter2" not in problem.describe(SOURCE)
