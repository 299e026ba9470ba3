"""The bundle of ``livegate diagnose``: what is in it, and above all what is not."""

from __future__ import annotations

import json
import sqlite3
import stat
import tarfile
from contextlib import closing

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from edge.cli.diagnose import diagnose
from edge.config.values import MASK
from edge.contracts.doctor import DoctorReport, Verdict
from edge.errors import InputError
from edge.link.outbox import Outbox
from edge.terminal.doctor.bundle import contents, write
from edge.terminal.doctor.checking import fail
from edge.terminal.doctor.context import context_of
from edge.terminal.doctor.redaction import SHORTEST, Redactor, secrets_of
from tests.terminal.doctor.conftest import NOW

USER = "planted-user-7"
PASSWORD = 'planted "password" 7'
KEY_LINES = ("MC4CAQAwBQYDK2VwBCIEIPlantedPlantedPlanted", "cGxhbnRlZCBvdGhlciBsaW5l")
DEVICE_KEY_LINES = ("RGV2aWNlS2V5UGxhbnRlZERldmljZUtleQ", "ZGV2aWNlIHNlY29uZCBsaW5l")
DECISION = b'{"decision": {"sessionId": "planted-session"}}'


def pem(lines):
    return "\n".join(("-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""))


@pytest.fixture
def planted(tmp_path, context, programs):
    """A terminal with a secret in every place that its configuration has for one."""
    (tmp_path / "hidden-password").write_text(PASSWORD + "\nplanted second line\n")
    (tmp_path / "hidden-key.pem").write_text(pem(KEY_LINES))
    (tmp_path / "certificate.pem").write_text("no certificate\n")
    state = tmp_path / "state"
    state.mkdir()
    (state / "device-key.pem").write_text(pem(DEVICE_KEY_LINES[:1]))
    (state / "device-key.next.pem").write_text(pem(DEVICE_KEY_LINES[1:]))
    with closing(Outbox(state / "outbox.sqlite")) as outbox:
        outbox.add(DECISION)
    programs.said["journalctl"] = "\n".join(
        (
            f"2026-01-01T00:00:00 door livegate[1]: connecting as {USER} with {PASSWORD}",
            "2026-01-01T00:00:01 door livegate[1]: " + pem(KEY_LINES).replace("\n", " "),
            "2026-01-01T00:00:02 door livegate[1]: an innocent line about the camera",
            "2026-01-01T00:00:03 door livegate[1]: session ended session=planted-session outcome=realface",
            "2026-01-01T00:00:04 door livegate[1]: started nonce=planted-nonce-1 attempts=2",
        )
    )
    return context(
        link={
            "host": "kept.invalid",
            "username": USER,
            "password_file": "hidden-password",
            "tls": {"certificate": "certificate.pem", "key": "hidden-key.pem"},
        }
    )


def planted_bytes(tmp_path):
    secrets = (
        USER,
        PASSWORD,
        json.dumps(PASSWORD)[1:-1],
        "planted second line",
        *KEY_LINES,
        *DEVICE_KEY_LINES,
        "planted-session",
        "planted-nonce-1",
        str(tmp_path / "hidden-password"),
        str(tmp_path / "hidden-key.pem"),
    )
    return [secret.encode() for secret in secrets]


def report_that_blurts(tmp_path):
    """As a check might that quotes what it should not."""
    seen = f"{USER} {PASSWORD} {' '.join(KEY_LINES)} {' '.join(DEVICE_KEY_LINES)} {tmp_path / 'hidden-key.pem'}"
    check = fail("broker.session", seen, f"look at {tmp_path / 'hidden-password'}")
    return DoctorReport(software="0", at=NOW, verdict=Verdict.FAIL, checks=(check,))


def test_no_planted_secret_is_anywhere_in_the_bundle(tmp_path, planted):
    files = contents(planted, report_that_blurts(tmp_path))
    archive = tmp_path / "out.tar.gz"
    write(archive, files, NOW)
    with tarfile.open(archive) as packed:
        unpacked = {member.name: packed.extractfile(member).read() for member in packed.getmembers()}
    assert len(unpacked) == len(files)
    for name, content in unpacked.items():
        for secret in planted_bytes(tmp_path):
            assert secret not in content, f"{secret!r} in {name}"
            assert secret not in name.encode()


def test_the_doctor_s_own_run_leaves_no_secret_in_it_either(tmp_path, planted, monkeypatch):
    monkeypatch.setattr(
        "edge.terminal.doctor.registry.AREAS",
        {"broker": "edge.terminal.doctor.broker", "state": "edge.terminal.doctor.state"},
    )
    monkeypatch.setattr("edge.terminal.doctor.broker.socket.getaddrinfo", lambda *_, **__: [])
    files = contents(planted)
    assert "state.outbox" in files["doctor.json"].decode()
    for secret in planted_bytes(tmp_path):
        assert all(secret not in content for content in files.values()), secret


def test_host_board_and_innocent_lines_are_kept(tmp_path, planted):
    files = {name: content.decode() for name, content in contents(planted, report_that_blurts(tmp_path)).items()}
    assert "host: kept.invalid" in files["configuration.yaml"]
    assert f"username: '{MASK}'" in files["configuration.yaml"]
    assert "an innocent line about the camera" in files["journal.txt"]
    assert "attempts=2" in files["journal.txt"]
    assert json.loads(files["doctor.json"])["checks"][0]["name"] == "broker.session"
    assert json.loads(files["packages.json"])["packages"]["pydantic"]


def test_of_the_outbox_only_counts_are_told(planted, tmp_path):
    told = json.loads(contents(planted, report_that_blurts(tmp_path))["outbox.json"])
    assert told["decisions"] == 1
    assert all(isinstance(value, int | bool) for value in told.values())


def test_nothing_but_text_and_json_is_in_it(planted, tmp_path):
    files = contents(planted, report_that_blurts(tmp_path))
    assert {name.rpartition(".")[2] for name in files} == {"json", "yaml", "txt"}
    for content in files.values():
        assert all(letter.isprintable() or letter == "\n" for letter in content.decode("utf-8"))
        assert not content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*"))


def test_nothing_of_the_environment_is_in_it(planted, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED_VARIABLE", "planted-value-of-environment")
    files = contents(planted, report_that_blurts(tmp_path))
    assert all(b"planted-value-of-environment" not in content for content in files.values())
    assert all(b"PLANTED_VARIABLE" not in content for content in files.values())


def test_secrets_in_a_configuration_that_cannot_be_read_stay_out(tmp_path, programs):
    (tmp_path / "hidden").write_text("planted-of-file\n")
    file = tmp_path / "site.yaml"
    file.write_text(
        "link:\n  username: planted-user\n  password: planted-inline\n  password_file: hidden\ncamera: {}\n"
    )
    found = context_of(file)
    assert found.settings is None
    secrets = secrets_of(found)
    assert {"planted-user", "planted-inline", "planted-of-file"} <= secrets
    report = DoctorReport(
        software="0",
        at=NOW,
        verdict=Verdict.FAIL,
        checks=(fail("config.file", "planted-inline and planted-user are no values", "correct them"),),
    )
    files = contents(found, report)
    assert all(b"planted-" not in content for content in files.values())


def test_the_archive_is_its_owner_s_alone_and_overwrites_nothing(tmp_path):
    path = tmp_path / "a.tar.gz"
    write(path, {"doctor.json": b"{}"}, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(InputError, match="there already"):
        write(path, {"doctor.json": b"[]"}, NOW)
    assert path.read_bytes() == before


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "link.tar.gz").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError):
        write(tmp_path / "link.tar.gz", {"doctor.json": b"{}"}, NOW)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJFZERTQSJ9.eyJkZXZpY2UiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZy1lbm91Z2g",
        "nonce=abc123",
        '"nonce": "a b c"',
        "password: hunter2",
        "api_token='x y'",
        "mqtt://user:pw@host",
        "4f3c2a1b9d8e7f6a5b4c3d2e1f0a9b8c",
        "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_a_log(secret):
    told = Redactor().log(f"before {secret} after")
    value = secret.split("=", 1)[-1].split(": ", 1)[-1].strip("'\"") if "//" not in secret else "user:pw"
    assert value not in told
    assert told.startswith("before ")
    assert told.endswith(" after")


def test_paths_versions_and_words_stay_in_a_log():
    line = "livegate 0.1.0: /usr/lib/python3.11/site-packages/edge/terminal/daemon.py took 12.5 ms at 127.0.0.1:1883"
    assert Redactor().log(line) == line


@given(st.lists(st.text(min_size=SHORTEST, max_size=12), min_size=1, max_size=4), st.data())
def test_known_secrets_are_found_wherever_they_stand(secrets, data):
    redactor = Redactor(secrets)
    parts = data.draw(st.lists(st.one_of(st.sampled_from(secrets), st.text(max_size=6)), max_size=8))
    text = redactor.known("".join(parts))
    assert not redactor.holds_secret(text.encode(errors="backslashreplace"))
    quoted = redactor.known(json.dumps(parts))
    assert not any(json.dumps(secret)[1:-1] in quoted for secret in secrets if secret not in MASK)


def test_the_command_says_what_is_in_it(tmp_path, site, monkeypatch):
    monkeypatch.setattr("edge.terminal.doctor.registry.AREAS", {"python": "edge.terminal.doctor.python"})
    out = tmp_path / "out.tar.gz"
    done = CliRunner().invoke(diagnose, ["--config", str(site()), "--out", str(out)], standalone_mode=False)
    assert done.exception is None
    assert "doctor.json" in done.output
    assert out.is_file()
    monkeypatch.setattr("edge.cli.diagnose.contents", lambda _: pytest.fail("worked in vain"))
    again = CliRunner().invoke(diagnose, ["--config", str(site()), "--out", str(out)], standalone_mode=False)
    assert isinstance(again.exception, InputError)


def test_a_planted_decision_was_there_to_be_found(planted, tmp_path):
    with closing(sqlite3.connect(tmp_path / "state" / "outbox.sqlite")) as db:
        assert db.execute("SELECT payload FROM decision").fetchone() == (DECISION,)
