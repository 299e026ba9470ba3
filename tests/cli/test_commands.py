"""The command as a user runs it: its own process, exit codes, what goes to which stream."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from ruamel.yaml import YAML

from edge.config.loader import load, load_bytes
from edge.errors import ConfigError, ModelError
from edge.evaluation.calibrate import write_calibration
from edge.evaluation.scores import read_scores
from edge.inference.bundle import default_models_dir
from edge.inference.calibration import read_calibration
from edge.link.embedded import EmbeddedBroker
from edge.simulation import openpeople
from edge.simulation.scene import shipped_scenes
from edge.terminal.assembly import open_workbench
from tests.inference.calibrations import calibration_of

pytest.importorskip("iotcore", reason="the embedded broker is in the extra 'demo'")
pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")

PATIENCE = 120


def livegate(
    *arguments: object, folder: Path | None = None, said: str | None = None
) -> subprocess.CompletedProcess[str]:
    """said: what is typed."""
    return subprocess.run(
        [sys.executable, "-m", "edge", *map(str, arguments)],
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A synthetic person's selfie, and a print that somebody holds, as a simulated camera sees it."""
    scene = shipped_scenes() / "print-matte-dim.yaml"
    held = tmp_path_factory.mktemp("pictures") / "print.png"
    done = livegate("scene", "render", scene, "--out", held, "--seconds", 1, "--backlight", 1)
    assert done.returncode == 0, done.stderr
    return {"selfie": openpeople.photo("P001/selfie"), "print in hand": held}


@pytest.fixture
def bad_models(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "foreign.tflite").write_bytes(b"not a model")
    return tmp_path / "models"


def test_version_and_help_answer():
    assert livegate("--version").stdout.startswith("livegate, version ")
    assert "replay" in livegate("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["replay"], 2, "either PATH or --index"),
        (["reply"], 2, "No such command"),
        (["config", "check", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["replay", "nowhere.jpg"], 7, "nowhere.jpg"),
        (["replay", "--index", "nowhere.csv"], 7, "nowhere.csv"),
        (["models", "list", "--models", "nowhere"], 5, "nowhere"),
        (["models", "verify", "--models", "nowhere"], 5, "nowhere"),
        (["replay", "face.jpg", "--active", "no-such-network"], 5, "no-such-network"),
        (["campaign", "--out", "."], 2, "--config"),
        (["campaign", "--out", ".", "--config", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["campaign", "--out", ".", "--config", "nowhere.yaml", "--confirm"], 2, "--confirm goes with --plan"),
        (["campaign", "--out", ".", "--config", "nowhere.yaml", "--plan", "nowhere.csv"], 7, "nowhere.csv"),
        (["calibrate"], 2, "either --from"),
        (["calibrate", "--live", "--out", "site.yaml"], 2, "--live needs --config"),
        (["calibrate", "--from", ".", "--live"], 2, "either --from"),
        (["calibrate", "--from", "."], 2, "give --out"),
        (["calibrate", "--from", ".", "--config", "s.yaml", "--active", "net", "--threads", "2"], 2, "--threads out"),
        (["session", "start", "--host", "127.0.0.1", "--port", "1"], 6, "127.0.0.1:1"),
        (["listen", "--host", "127.0.0.1", "--port", "1"], 6, "127.0.0.1:1"),
        (["listen", "--key", "nowhere.jwk"], 6, "nowhere.jwk"),
        (["listen", "--keys", "."], 6, "no keys in ."),
        (["listen", "--verify"], 2, "--verify needs --keys"),
        (["listen", "--prefix", "gates/#"], 2, "--prefix"),
        (["listen", "--cert-key", "client.key"], 2, "--cert and --cert-key"),
        (["listen", "--cert", "client.pem"], 2, "--cert and --cert-key"),
        (["session", "start", "--site", "+"], 2, "--site"),
        (["session", "start", "--device", ""], 2, "--device"),
        (["session", "start", "--correlation", "x" * 65], 2, "1 to 64 characters"),
        (["session", "start", "--without-flash", "--without-movement"], 2, "choose one"),
        (["session", "start", "--wait", "--assurance", "high"], 2, "light_and_motion"),
        (["session", "start", "--without-flash", "--requester-key", "nowhere.pem"], 6, "nowhere.pem"),
        (["key", "rotate"], 2, "--config"),
        (["key", "show", "--config", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["session", "cancel", "5d6e8f"], 2, "32 hexadecimal digits"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_with_a_documented_exit_code(tmp_path, arguments, code, words):
    done = livegate(*arguments, folder=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_debug_shows_the_traceback(tmp_path):
    done = livegate("--debug", "config", "check", "nowhere.yaml", folder=tmp_path)
    assert done.returncode == 3
    assert "Traceback" in done.stderr


def test_a_foreign_model_is_refused_by_name(bad_models):
    done = livegate("replay", "face.jpg", "--models", bad_models)
    assert done.returncode == 5
    assert "foreign.tflite" in done.stderr


def test_models_verify_names_each_model():
    done = livegate("models", "verify")
    assert done.returncode == 0
    assert "ok    blazeface-short-range" in done.stdout
    assert "FAIL" not in done.stdout


def test_replaying_a_picture_tells_what_was_seen(pictures):
    done = livegate("replay", pictures["selfie"], "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["capture"] == "replay"
    (attempt,) = report["attempts"]
    assert attempt["lightLevel"] == "not_measured"
    assert attempt["assurance"]["framesJudged"] == 1
    assert attempt["assurance"]["temporal"] is False
    assert attempt["networks"]
    assert attempt["result"]["livenessDecision"] in {"realface", "spoofface", "uncertain"}


def test_replaying_under_the_door_policy_finds_no_light_and_decides_nothing(pictures):
    report = json.loads(livegate("replay", pictures["selfie"], "--policy", "door", "--json").stdout)
    assert report["attempts"][0]["error"]["code"] == "EnvironmentNotSupported"


def test_an_index_is_counted_and_what_cannot_be_read_is_listed(pictures, tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"wall{number}.png"), np.full((240, 320, 3), 90, np.uint8))
    index = tmp_path / "index.csv"
    index.write_text(
        "path,label,pai_species,presentation\n"
        f"{pictures['selfie']},bonafide,,\n{pictures['print in hand']},attack,print,\n"
        "wall0.png,bonafide,,wall\nwall1.png,bonafide,,wall\nwall2.png,bonafide,,wall\nmissing.png,bonafide,,\n"
    )
    done = livegate("replay", "--index", index, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 7
    names = [presentation["name"] for presentation in document["presentations"]]
    assert names == [str(pictures["selfie"]), str(pictures["print in hand"]), "wall", "missing.png"]
    wall, missing = document["presentations"][2:]
    assert wall["attempt"]["error"]["code"] == "NoFaceDetected"
    assert wall["attempt"]["qualityFailures"] == {"no_face": 3}
    assert "missing.png" in missing["problem"]
    assert document["figures"]["bpnrr"]["n"] == 2
    assert document["figures"]["bpnrr"]["errors"] == 1
    assert document["figures"]["apcer"]["print"]["n"] == 1
    told = livegate("replay", "--index", index)
    assert "missing.png" in told.stderr
    assert "APCER" in told.stdout


@pytest.fixture
def calibratable(tmp_path):
    """A folder of shipped models with one PAD network, bona fide persons at ``location`` and no floor."""

    def made(location=None):
        folder = tmp_path / f"models{location}"
        folder.mkdir()
        for name in ("blazeface-short-range", "face-mesh-468", "livegate-head"):
            for file in default_models_dir().glob(f"{name}.*"):
                shutil.copy(file, folder)
        yaml = YAML()
        manifest = yaml.load(folder / "livegate-head.yaml")
        for key in ("lowestThreshold", "bonaFideLocation", "bonaFideSpread", "cameraSpread"):
            manifest["pad"].pop(key, None)
        if location is not None:
            manifest["pad"] |= {"bonaFideLocation": location, "bonaFideSpread": 2.0}
        yaml.dump(manifest, folder / "livegate-head.yaml")
        return folder

    return made


@pytest.fixture
def persons(tmp_path):
    """One folder for each of four synthetic persons, and one in which nobody is."""
    for number in range(1, 5):
        (tmp_path / "people" / f"P{number}").mkdir(parents=True)
        shutil.copy(openpeople.photo(f"P00{number}/selfie"), tmp_path / "people" / f"P{number}" / "1.jpg")
    (tmp_path / "people" / "nobody").mkdir()
    cv2.imwrite(str(tmp_path / "people" / "nobody" / "wall.png"), np.full((240, 320, 3), 90, np.uint8))
    return tmp_path / "people"


def test_a_network_whose_manifest_has_no_reference_cannot_be_calibrated(calibratable, tmp_path):
    done = livegate("calibrate", "--from", tmp_path, "--out", tmp_path / "site.yaml", "--models", calibratable())
    assert done.returncode == 5
    assert "livegate-head cannot be calibrated" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_calibration_from_a_folder_is_written_once_and_says_what_few_persons_leave_open(
    calibratable, persons, tmp_path
):
    out = tmp_path / "site.yaml"
    command = ["calibrate", "--from", persons, "--out", out, "--models", calibratable(-20.0)]
    done = livegate(*command)
    assert done.returncode == 0, done.stderr
    written = read_calibration(out)
    assert (written.people, written.camera.capture) == (4, "replay")
    assert written.models[0].shift > 0
    assert "left out: nobody: wall.png" in done.stderr
    assert "4 leave one of up to" in done.stdout
    assert "20 persons or more are advised" in done.stdout
    assert written.sha256 in done.stderr
    again = livegate(*command)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    told = json.loads(livegate(*command, "--overwrite", "--json").stdout)
    assert told["calibration"]["sha256"] == written.sha256
    assert told["refusedAfter"]["n"] == 4


def test_a_camera_that_needs_a_threshold_below_the_floor_is_unsuitable_and_nothing_is_written(
    calibratable, persons, tmp_path
):
    out = tmp_path / "site.yaml"
    done = livegate("calibrate", "--from", persons, "--out", out, "--models", calibratable(20.0))
    assert done.returncode == 1
    assert "camera unsuitable" in done.stderr
    assert "states no pad.lowestThreshold, so it may only rise" in done.stderr
    assert "below the floor" in done.stdout
    assert not out.exists()


def test_a_calibration_with_a_configuration_takes_its_quality_limits_its_camera_and_its_models(
    calibratable, persons, tmp_path
):
    site = {
        "camera": {"driver": "replay", "sources": [str(persons / "P1" / "1.jpg")]},
        "models": {"directory": str(calibratable(-20.0)), "calibration": str(tmp_path / "site-calibration.yaml")},
    }
    config = tmp_path / "livegate.yaml"
    config.write_text(json.dumps(site))
    done = livegate("calibrate", "--from", persons, "--config", config)
    assert done.returncode == 0, done.stderr
    assert open_workbench(load(config).settings).calibration == read_calibration(tmp_path / "site-calibration.yaml")
    # Of faces so small that nobody here may be judged.
    config.write_text(json.dumps(site | {"quality": {"min_face_pixels": 512}}))
    strict = livegate("calibrate", "--from", persons, "--config", config, "--overwrite")
    assert strict.returncode == 7
    assert "left out: P1: 1.jpg" in strict.stderr
    assert "0 bona fide persons could be judged" in strict.stderr


def test_a_live_calibration_asks_for_codes_and_is_taken_by_its_own_terminal_alone(calibratable, scenes, tmp_path):
    folder = scenes()
    for name in ("refused.yaml", "unlit.yaml"):
        (folder / name).unlink()
    lights = {name: {"driver": "simulated"} for name in ("backlight", "illuminator", "screen", "ambient")}
    models = {"directory": str(calibratable(-20.0)), "calibration": "site.yaml"}
    site = {"camera": {"driver": "simulated", "scenes": [str(folder)]}, "lights": lights, "models": models}
    (tmp_path / "livegate.yaml").write_text(json.dumps(site))
    done = livegate("calibrate", "--live", "--config", tmp_path / "livegate.yaml", said="anna\n\nbert\ncarl\n\n")
    assert done.returncode == 0, done.stderr
    assert "3 persons are the least" in done.stderr
    written = read_calibration(tmp_path / "site.yaml")
    # Of eight slices of an attempt's time two are the light measurement's.
    assert (written.people, written.frames, written.camera.name) == (3, 18, "simulated")
    before = {path.name for path in tmp_path.rglob("*")}
    assert not any(name.endswith((".jpg", ".png", ".mp4")) for name in before)
    settings = load(tmp_path / "livegate.yaml").settings
    assert open_workbench(settings).calibration == written
    (tmp_path / "face.jpg").touch()
    replayed = json.dumps({"camera": {"driver": "replay", "sources": ["face.jpg"]}, "models": models})
    with pytest.raises(ConfigError, match=r"camera simulated \(simulated, ir_cut\), not for replay"):
        open_workbench(load_bytes(replayed.encode(), tmp_path / "other.yaml").settings)
    write_calibration(tmp_path / "of-other-weights.yaml", calibration_of(camera=written.camera))
    elsewhere = models | {"calibration": "of-other-weights.yaml"}
    with pytest.raises(ModelError, match="for other weights"):
        open_workbench(load_bytes(json.dumps(site | {"models": elsewhere}).encode(), tmp_path / "o.yaml").settings)


def test_a_campaign_follows_its_plan_goes_on_and_lets_the_last_attempt_be_voided(scenes, tmp_path):
    folder = scenes()
    for name in ("refused.yaml", "unlit.yaml"):
        (folder / name).unlink()
    lights = {name: {"driver": "simulated"} for name in ("backlight", "illuminator", "screen", "ambient")}
    site = tmp_path / "site.yaml"
    site.write_text(json.dumps({"camera": {"driver": "simulated", "scenes": [str(folder)]}, "lights": lights}))
    plan, out = tmp_path / "plan.csv", tmp_path / "campaign"
    plan.write_text("label,pai_species,subject,attempt\nbonafide,,anna,1\nattack,print,anna,1\n")
    command = ["campaign", "--config", site, "--out", out]
    first = livegate(*command, "--plan", plan, "--confirm", said="\nquit\n")
    assert first.returncode == 0, first.stderr
    assert [score.name for score in read_scores(out / "scores.csv")] == ["bonafide/anna/1"]
    second = livegate(*command, "--plan", plan, "--json")
    assert second.returncode == 0, second.stderr
    assert "1 attempts are there already" in second.stderr
    assert "decided by" in second.stderr
    report = json.loads(second.stdout)
    assert report["provenance"]["resumed"] == report["provenance"]["judged"] == 1
    assert report["figures"]["apcer"]["print"]["n"] == report["figures"]["bpcer"]["n"] == 1
    # A label that is none; an entry that is corrected; one that is there already; nobody is judged.
    typed = "undo\nthe sheet slipped\nattak\nattack\nprint\nbert\n1\nc\nbonafide\nanna\n1\nquit\n"
    third = livegate(*command, said=typed)
    assert third.returncode == 0, third.stderr
    assert "label 'attak' is neither bonafide nor attack" in third.stderr
    assert "bonafide/anna/1 was presented already" in third.stderr
    _, voided = read_scores(out / "scores.csv")
    assert voided.voided == "the sheet slipped"
    assert f"voided: print/anna/1 ({voided.outcome}): the sheet slipped" in third.stderr
    assert "not read" not in third.stderr
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "run.json", "scores.csv"]


def test_a_sequence_with_a_damaged_picture_is_unreadable_and_no_non_response(tmp_path):
    sequence = tmp_path / "sequence"
    sequence.mkdir()
    whole = cv2.imencode(".jpg", np.full((240, 320, 3), 90, np.uint8))[1].tobytes()
    (sequence / "1.jpg").write_bytes(whole)
    (sequence / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "index.csv").write_text("path,label\nsequence,bonafide\n")
    done = livegate("replay", "--index", tmp_path / "index.csv", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 7
    assert "2.jpg" in document["presentations"][0]["problem"]
    assert document["figures"]["bpnrr"]["n"] == 0
    alone = livegate("replay", sequence)
    assert alone.returncode == 7
    assert "2.jpg" in alone.stderr
    assert alone.stdout == ""


SCENES = {
    "person.yaml": {
        "title": "somebody in a dim room",
        "presentation": {"label": "bonafide"},
        "expect": {"light_level": "dim"},
        "surroundings": {"ambient": {"lux": 60}},
        "subjects": [{"kind": "person", "distance": 0.5, "face": "openpeople:P001"}],
    },
    "refused.yaml": {
        "title": "somebody before a door in a bright one",
        "presentation": {"label": "bonafide"},
        "session": {"policy": "door"},
        "expect": {"light_level": "bright", "error": "EnvironmentNotSupported"},
        "surroundings": {"ambient": {"lux": 2000}},
        "subjects": [{"kind": "person", "distance": 0.5, "face": "openpeople:P001"}],
    },
    "unlit.yaml": {
        "title": "a screen before a terminal without lights",
        "presentation": {"label": "attack", "pai_species": "screen"},
        "expect": {"light_level": "not_measured"},
        "terminal": {"display": None, "lux_sensor": False},
        "subjects": [{"kind": "screen", "photo": "openpeople:P001", "distance": 0.35}],
    },
}


@pytest.fixture
def scenes(tmp_path):
    """A folder of scene files, each with what is given on top."""

    def made(**more):
        folder = tmp_path / "scenes"
        folder.mkdir(exist_ok=True)
        for name, scene in SCENES.items():
            (folder / name).write_text(json.dumps(scene | more.get(name.removesuffix(".yaml"), {})))
        return folder

    return made


def test_the_demo_plays_scenes_each_as_it_expects_and_reports_what_was_decided(scenes):
    done = livegate("demo", "--scenes", scenes(), "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert document["proper"]
    person, refused, unlit = document["sessions"]
    assert [session["file"].rpartition("/")[2] for session in document["sessions"]] == sorted(SCENES)
    decisions = [session["decision"] for session in document["sessions"]]
    assert all(decision["capture"] == "simulated" for decision in decisions)
    assert [decision["provenance"]["policy"] for decision in decisions] == ["kiosk", "door", "kiosk"]
    assert "answers the display with" in person["decision"]["attempt"]["lightReason"]
    assert (person["path"], refused["path"], unlit["path"]) == (["passive"], [], ["passive"])
    assert person["lights"] == refused["lights"] == {"backlight": 0.6, "illuminator": 0.0}
    assert unlit["lights"] == {"backlight": None, "illuminator": 0.0}
    assert refused["decision"]["attempt"]["error"]["code"] == "EnvironmentNotSupported"
    assert document["figures"]["bpcer"]["n"] == 1
    assert document["figures"]["apcer"]["screen"]["n"] == 1


def test_a_demo_whose_sessions_go_otherwise_than_their_scenes_expect_fails_and_says_how(scenes):
    folder = scenes(person={"expect": {"light_level": "bright", "error": "TimedOut"}})
    for name in ("refused.yaml", "unlit.yaml"):
        (folder / name).unlink()
    done = livegate("demo", "--scenes", folder)
    assert done.returncode == 1
    assert "0 of 1 sessions went as their scenes expect" in done.stdout
    assert "somebody in a dim room: light level dim, not bright" in done.stdout
    assert "somebody in a dim room: it ended with a decision, not TimedOut" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--scenes", "nowhere"], 7, "nowhere cannot be read"),
        (["--head", "nowhere.obj"], 7, "nowhere.obj"),
    ],
)
def test_a_demo_that_cannot_begin_says_why(tmp_path, arguments, code, words):
    done = livegate("demo", *arguments, folder=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_demo_with_a_mistaken_scene_tells_its_place(scenes):
    done = livegate("demo", "--scenes", scenes(person={"seed": -1}))
    assert done.returncode == 3
    assert "person.yaml:1:" in done.stderr
    assert "seed" in done.stderr


def test_a_demo_with_a_head_that_is_none_names_its_file(scenes, tmp_path):
    (tmp_path / "hat.obj").write_text("v 0 0 0\n")
    done = livegate("demo", "--scenes", scenes(), "--head", tmp_path / "hat.obj")
    assert done.returncode != 0
    assert "hat.obj" in done.stderr


def test_the_bench_times_what_it_says(pictures):
    done = livegate("bench", "--picture", pictures["selfie"], "--frames", 10, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert document["tracked"]["n"] == document["detected"]["n"] == 10
    assert document["stages"]["detector"]["n"] == 10
    assert document["stages"]["landmarks"]["n"] == 20
    assert {name for name in document["invokes"] if name.startswith("pad.")} == {
        name for name in document["stages"] if name.startswith("pad.")
    }
    assert all(spread["median"] > 0 for spread in document["invokes"].values())
    assert document["tracked_bare"]["n"] == document["detected_bare"]["n"] == 10
    assert all(document[name]["median"] > 0 for name in ("tracked", "tracked_bare", "detected", "detected_bare"))


def test_a_picture_without_a_face_cannot_be_benched(tmp_path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((240, 320, 3), 90, np.uint8))
    done = livegate("bench", "--picture", tmp_path / "wall.png", "--frames", 10)
    assert done.returncode == 7
    assert "cannot be judged" in done.stderr


@pytest.mark.parametrize("process", [False, True], ids=["in process", "capture process"])
def test_a_terminal_serves_a_session_and_a_listener_verifies_it(pictures, tmp_path, process):
    with EmbeddedBroker() as broker:
        config = tmp_path / "livegate.yaml"
        camera = {
            "driver": "replay",
            "sources": [str(pictures["selfie"])],
            "pace": "realtime" if process else "simulated",
            "process": process,
        }
        config.write_text(
            json.dumps(
                {
                    "camera": camera,
                    "policy": {"preset": "kiosk"},
                    "link": {"host": broker.host, "port": broker.port},
                    "state_directory": "state",
                    "log": {"format": "json"},
                }
            )
        )
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-m", "edge"]
        with (
            (tmp_path / "log").open("w") as log,
            subprocess.Popen([*command, "run", "--config", str(config)], stderr=log, env=environment) as terminal,
        ):
            try:
                _wait_until_ready(config, terminal)
                key = tmp_path / "state" / "device-key.pub.jwk"
                with subprocess.Popen(
                    [*command, "listen", "--config", str(config), "--key", str(key), "--count", "1", "--json"],
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                ) as listener:
                    # The retained state tells that the subscription stands.
                    first = json.loads(listener.stdout.readline())
                    started = livegate("session", "start", "--config", config, "--key", key, "--wait", "--json")
                    heard = [first, *map(json.loads, listener.stdout)]
                ask = ("session", "start", "--config", config, "--key", key)
                enough = livegate(*ask, "--wait", "--assurance", "networks")
                too_little = livegate(*ask, "--wait", "--assurance", "light")
                refused = livegate(*ask, "--without-flash")
                session = json.loads(started.stdout)
            finally:
                terminal.send_signal(signal.SIGTERM)
                code = terminal.wait(PATIENCE)
    assert code == 0
    assert (enough.returncode, too_little.returncode) == (started.returncode, 1) == (0, 1)
    assert "assurance networks" in enough.stdout
    assert refused.returncode != 0
    assert "ask for PassiveActive" in refused.stderr
    (decision,) = [message for message in heard if "verification" in message]
    assert decision["verification"] == "verified"
    assert decision["decision"]["sessionId"] == session["sessionId"]
    assert decision["decision"]["nonce"] == session["nonce"]
    assert session["decisions"][0]["decision"] == decision["decision"]
    states = [message["message"]["state"] for message in heard if message["topic"].endswith("/state")]
    assert states[:2] == ["ready", "busy"]
    lines = (tmp_path / "log").read_text().splitlines()
    assert any(json.loads(line).get("event") == "session ended" for line in lines if line.startswith("{"))


def _wait_until_ready(config: Path, terminal: subprocess.Popen) -> None:
    """``listen`` answers as soon as the retained state is there; each round is bounded by the command itself."""
    command = [sys.executable, "-m", "edge", "listen", "--config", str(config), "--json"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as listener:
        try:
            for line in listener.stdout:
                message = json.loads(line)
                if message["topic"].endswith("/state") and message["message"]["state"] == "ready":
                    return
                assert terminal.poll() is None
        finally:
            listener.terminate()
    raise AssertionError("the terminal never became ready")
