"""Unit, groups and rules, from made-up trees."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.doctor import service
from edge.terminal.doctor.context import Finished, User
from tests.terminal.doctor.conftest import TERMINAL, written

ROOT = Path(__file__).resolve().parents[3]
LAMP = {"band": "infrared", "radiant_intensity": 0.5, "closest_approach": 0.2, "retinal_risk": "exempt"}
REAL = {
    "camera": {"driver": "picamera2"},
    "lights": {
        "backlight": {"driver": "sysfs"},
        "screen": {"driver": "sdl"},
        "illuminator": {"driver": "gpio", "line": 18, "lamp": LAMP},
    },
}


def test_the_groups_are_those_of_the_rules_and_of_the_user(context):
    needed = service.needed_groups(context(**REAL).settings)
    assert needed.keys() == {"video", "render", "gpio"}
    users = re.findall(r"^m livegate (\w+)$", (ROOT / "systemd/livegate.sysusers").read_text(), re.MULTILINE)
    assert needed.keys() <= set(users)
    rules = (ROOT / "systemd/60-livegate.rules").read_text()
    given = set(re.findall(r'GROUP="(\w+)"', rules)) | set(re.findall(r"chgrp (\w+)", rules))
    # systemd's own rules give the display's graphics away.
    assert needed.keys() - {"render"} <= given


def test_a_user_outside_of_a_needed_group_fails_with_what_for(context):
    user = replace(TERMINAL, groups=frozenset({"video"}))
    check = service.groups(context(user=user, **REAL))
    assert check.verdict is Verdict.FAIL
    assert "render (screen), gpio (illuminator)" in check.seen
    assert "video" not in check.seen


def test_a_user_in_all_of_them_is_well(context):
    user = replace(TERMINAL, groups=frozenset({"video", "render", "gpio", "more"}))
    assert service.groups(context(user=user, **REAL)).verdict is Verdict.OK


def test_root_and_terminals_without_devices_need_none(context):
    assert service.groups(context(user=User("root", 0, frozenset()), **REAL)).verdict is Verdict.OK
    assert service.groups(context()).verdict is Verdict.SKIPPED


@pytest.mark.parametrize("place", ["etc/udev/rules.d", "usr/lib/udev/rules.d", "run/udev/rules.d"])
def test_rules_are_found_where_udev_reads_them(context, roots, place):
    assert service.udev_rules(context(**REAL)).verdict is Verdict.WARN
    written(roots.etc.parent / place / "60-livegate.rules", "")
    assert service.udev_rules(context(**REAL)).verdict is Verdict.OK


def test_the_unit_is_missing_then_not_enabled_then_well(context, roots):
    given = context(**REAL)
    assert "not installed" in service.unit(given).seen
    unit = written(
        roots.etc / "systemd/system/livegate.service", f"[Service]\nExecStart=/x run --config {given.config}\n"
    )
    assert "not enabled" in service.unit(given).seen
    written(roots.etc / "systemd/system/multi-user.target.wants/livegate.service", "")
    assert service.unit(given).verdict is Verdict.OK
    unit.write_text("[Service]\nExecStart=/x run --config /elsewhere.yaml\n")
    check = service.unit(given)
    assert check.verdict is Verdict.WARN
    assert "/elsewhere.yaml" in check.seen


def test_without_real_devices_no_unit_need_be_there(context):
    assert service.unit(context()).verdict is Verdict.SKIPPED


def shown(**told):
    told = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "NRestarts": "0"} | told
    return "\n".join(f"{key}={value}" for key, value in told.items())


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({}, Verdict.OK),
        ({"StatusText": "ready"}, Verdict.OK),
        ({"NRestarts": "3"}, Verdict.WARN),
        ({"ActiveState": "inactive", "SubState": "dead"}, Verdict.WARN),
        ({"ActiveState": "activating", "SubState": "auto-restart", "Result": "watchdog"}, Verdict.FAIL),
        ({"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}, Verdict.FAIL),
        ({"LoadState": "not-found"}, Verdict.SKIPPED),
    ],
)
def test_what_systemd_says_is_judged(context, roots, programs, told, verdict):
    (roots.run / "systemd/system").mkdir(parents=True)
    programs.said["systemctl"] = shown(**told)
    assert service.running(context()).verdict is verdict


def test_without_systemd_nobody_is_asked(context, programs):
    assert service.running(context()).verdict is Verdict.SKIPPED
    assert not programs.asked


def test_a_systemd_that_does_not_answer_is_skipped(context, roots, programs):
    (roots.run / "systemd/system").mkdir(parents=True)
    programs.said["systemctl"] = Finished(1, "", "no bus")
    assert service.running(context()).verdict is Verdict.SKIPPED
