"""Unit, groups and rules, from made-up trees."""

from __future__ import annotations

import grp
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from edge.contracts.doctor import Verdict
from edge.terminal.doctor import permissions, service
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


def test_a_button_needs_the_group_of_its_line(context):
    with_button = context(presence={"button": {"driver": "gpio", "line": 17}})
    assert service.needed_groups(with_button.settings) == {"gpio": "button"}


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


def test_a_reboot_that_nobody_would_carry_out_is_told(context, roots):
    assert service.reboot(context()).verdict is Verdict.SKIPPED
    given = context(recovery={"reboot": True})
    check = service.reboot(given)
    assert check.verdict is Verdict.WARN
    assert "systemctl enable --now livegate-reboot.path" in check.remedy
    unit = written(roots.usr / "lib/systemd/system/livegate-reboot.path", "")
    wants = roots.etc / "systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / unit.name).symlink_to(unit)
    assert service.reboot(given).verdict is Verdict.OK


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


def test_files_that_the_daemon_s_user_may_not_read_are_told_by_key_alone(context, tmp_path, monkeypatch):
    secret = tmp_path / "hidden"
    secret.write_text("x\n")
    link = {"username": "u", "password_file": "hidden"}
    nobody = User("nobody", os.geteuid() + 4711, frozenset())
    # Folders of tests are for their user alone.
    monkeypatch.setattr(Path, "parents", property(lambda _: ()))
    given = context(user=nobody, link=link)
    given.config.chmod(0o644)
    secret.chmod(0o600)
    check = service.files(given)
    assert check.verdict is Verdict.FAIL
    assert "link.password_file" in check.seen
    assert str(secret) not in check.seen
    secret.chmod(0o644)
    assert service.files(given).verdict is Verdict.OK


def test_a_group_may_read_what_others_may_not(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    file.chmod(0o640)
    group = grp.getgrgid(file.stat().st_gid).gr_name
    assert permissions._permits(User("a", os.geteuid() + 1, frozenset({group})), file, 0o004)
    assert not permissions._permits(User("a", os.geteuid() + 1, frozenset({"other"})), file, 0o004)
    # An owner without the right has none through the group either.
    file.chmod(0o040)
    assert not permissions._permits(User("a", os.geteuid(), frozenset({group})), file, 0o004)


def test_root_reads_everything(tmp_path):
    assert permissions.may_read(User("root", 0, frozenset()), tmp_path / "anything")
