"""Whose permissions the doctor asks for."""

from __future__ import annotations

import os
import pwd

import pytest

from edge.terminal.doctor import context as module
from edge.terminal.doctor.context import context_of, daemon_user

SERVICE_UID = 4712


@pytest.fixture
def asking(monkeypatch, site, tmp_path):
    """Whom the doctor looks at, by who asks, whether there is a service, and whose the state folder is."""

    def ask(uid, *, service=True, owner=None):
        real = pwd.getpwuid(os.geteuid())

        def named(name):
            if not service or name != "livegate":
                raise KeyError(name)
            return real.__class__(("livegate", "x", SERVICE_UID, real.pw_gid, "", "/", "/"))

        monkeypatch.setattr(module.pwd, "getpwnam", named)
        monkeypatch.setattr(module.os, "geteuid", lambda: uid)
        monkeypatch.setattr(module.os, "getgrouplist", lambda _, group: [group])
        settings = context_of(site()).settings
        if owner is not None:
            (tmp_path / "state").mkdir()
            found = (tmp_path / "state").stat()
            fields = list(found)
            fields[4] = owner
            monkeypatch.setattr(module.Path, "stat", lambda _: os.stat_result(fields))
        return daemon_user(settings)

    return ask


def test_root_asks_for_the_service_s_user(asking):
    assert asking(0).name == "livegate"


def test_root_without_a_service_asks_for_root(asking):
    assert asking(0, service=False).uid == 0


def test_somebody_else_asks_for_the_service_where_the_folder_is_its_own(asking):
    assert asking(4713, owner=SERVICE_UID).uid == SERVICE_UID


@pytest.mark.parametrize("owner", [4713, None])
def test_somebody_else_asks_for_himself_elsewhere(asking, owner):
    assert asking(4713, owner=owner).uid == 4713
