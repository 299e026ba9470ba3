"""``livegate doctor``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from edge.cli.doctor import doctor
from edge.contracts.doctor import Check, DoctorReport, Verdict
from edge.errors import ExitCode
from edge.terminal.doctor import registry
from tests.config.test_config_files import CAMERAS


def asked(*arguments):
    done = CliRunner().invoke(doctor, list(map(str, arguments)), standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value), done.stdout


@pytest.fixture
def verdicts(monkeypatch):
    def install(*found):
        checks = [
            Check(
                name=f"room.thing_{'abc'[at]}",
                verdict=verdict,
                seen=f"[seen] {verdict}",
                remedy="do [this]" if verdict in {Verdict.WARN, Verdict.FAIL} else None,
            )
            for at, verdict in enumerate(found)
        ]
        monkeypatch.setattr("edge.cli.doctor.examine", lambda *_: (check for check in checks))

    return install


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ((Verdict.OK, Verdict.SKIPPED), ExitCode.OK),
        ((Verdict.OK, Verdict.WARN), ExitCode.OK),
        ((Verdict.FAIL, Verdict.OK), ExitCode.FAILED),
    ],
)
def test_the_exit_code_is_one_where_a_check_failed(verdicts, found, code):
    verdicts(*found)
    assert asked("--config", CAMERAS["simulated"])[0] == code


def test_seen_and_remedy_stand_below_each_other_as_they_were_written(verdicts):
    verdicts(Verdict.OK, Verdict.FAIL)
    lines = asked("--config", CAMERAS["simulated"])[1].splitlines()
    assert lines[0].split() == ["ok", "room.thing_a", "[seen]", "ok"]
    assert lines[1].startswith("fail")
    assert lines[2].strip() == "→ do [this]"
    assert lines[1].index("[seen]") == lines[2].index("→")
    assert "1 ok, 0 warn, 1 fail, 0 skipped" in lines[-1]


def test_json_is_the_report(verdicts):
    verdicts(Verdict.WARN)
    report = DoctorReport.model_validate_json(asked("--json", "--config", CAMERAS["simulated"])[1])
    assert report.device == "simulated-1"
    assert report.verdict is Verdict.WARN


def test_areas_can_be_picked(monkeypatch):
    code, said = asked("--json", "--only", "python", "--only", "config", "--config", CAMERAS["simulated"])
    assert code == ExitCode.OK
    assert {check["name"].partition(".")[0] for check in json.loads(said)["checks"]} == {"python", "config"}


def test_a_broken_configuration_is_one_failed_check_and_the_rest_is_looked_at(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text("camera: [")
    code, said = asked("--json", "--only", "config", "--only", "system", "--config", file)
    checks = {check["name"]: check["verdict"] for check in json.loads(said)["checks"]}
    assert code == ExitCode.FAILED
    assert checks["config.file"] == "fail"
    assert checks["system.disk"] in {"ok", "warn"}


def test_every_area_can_be_imported():
    for module in registry.AREAS.values():
        assert callable(__import__(module, fromlist=["checks"]).checks)
