"""``livegate safety explain``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from edge.cli.safety import safety
from edge.config.problems import ConfigProblems
from edge.terminal import safety_report
from tests.config.test_config_files import CAMERAS


def explained(*arguments):
    done = CliRunner().invoke(safety, ["explain", *map(str, arguments)], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value), done.output


def site(tmp_path, **illuminator):
    (tmp_path / "scene.yaml").write_text(
        json.dumps({"title": "lamp", "terminal": {"illuminator": {"band": "infrared", "intensity": 0.2}}})
    )
    file = tmp_path / "site.yaml"
    lights = {"illuminator": {"driver": "simulated"} | illuminator}
    file.write_text(json.dumps({"camera": {"driver": "simulated", "scenes": ["scene.yaml"]}, "lights": lights}))
    return file


def test_the_budget_of_the_shipped_terminal_is_printed_with_formula_and_margin():
    code, said = explained("--config", CAMERAS["simulated"])
    assert code == 0
    assert "2 x 1 W/sr / (0.2 m)^2" in said
    assert "50 W/m2" in said
    assert "50.0%" in said
    assert "hardware one-shot" in said


def test_json_has_lamps_flashes_and_what_covers_what(tmp_path):
    code, said = explained("--config", site(tmp_path), "--json")
    document = json.loads(said)
    assert (code, document["kept"]) == (0, True)
    [lamp] = document["lamps"]
    assert lamp["origin"] == "scene scene.yaml"
    assert lamp["lines"][0]["figure"] == pytest.approx(5.0)
    assert lamp["lines"][0]["margin"] == pytest.approx(0.95)
    assert [line["flashes"] for line in document["flashes"]] == [2, 2, 3, 3, 3]
    assert {each["failure"] for each in document["covered"]} >= {"kernel or board hang", "the daemon is killed"}


def test_a_lamp_that_breaks_a_limit_ends_it_with_by_how_much(tmp_path):
    lamp = {"band": "infrared", "radiant_intensity": 9, "closest_approach": 0.2, "retinal_risk": "exempt"}
    with pytest.raises(ConfigProblems, match=r"225 W/m2, 2\.25 times the limit of 100"):
        explained("--config", site(tmp_path, lamp=lamp))


def test_without_a_file_it_tells_what_all_terminals_share():
    code, said = explained()
    assert code == 0
    assert "no illuminator is configured" in said
    assert "light code" in said


def test_a_code_that_flashes_too_often_would_end_it_badly(monkeypatch):
    line = safety_report.FlashLine("light code", "too fast", 8)
    monkeypatch.setattr(safety_report, "flash_lines", lambda: (line,))
    assert explained()[0] == 1
