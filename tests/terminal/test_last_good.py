"""When the last good configuration stands in for a site's file that cannot be used, and when it must not."""

from __future__ import annotations

import json

import pytest

from edge.config.loader import load
from edge.config.problems import ConfigProblems
from edge.errors import ConfigError
from edge.terminal import last_good
from edge.terminal.last_good import LAST_GOOD_FILE, load_or_last_good, remember

GOOD = """\
device: {id: gate-1}
camera:
  driver: picamera2
  width: 640
lights:
  illuminator:
    driver: gpio
    line: 17
    lamp: {band: infrared, radiant_intensity: 0.1, closest_approach: 0.3, retinal_risk: exempt}
policy: {preset: door}
link:
  host: broker.example
  username: gate
state_directory: state
log: {level: info}
"""


@pytest.fixture
def site(tmp_path):
    """The site's file, with which the terminal was ready."""
    path = tmp_path / "livegate.yaml"
    path.write_text(GOOD)
    (tmp_path / "state").mkdir()
    remember(load(path))
    return path


def changed(path, *replacements):
    text = GOOD
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return load_or_last_good(path)


BROKEN = ("level: info", "level: chatty")


def test_a_file_that_can_be_used_is_used(site):
    start = load_or_last_good(site)
    assert start.rejection is None
    assert start.loaded.settings == load(site).settings


@pytest.mark.parametrize(
    "replacements",
    [
        [BROKEN],
        [BROKEN, ("host: broker.example", "host: other.example")],
        [("  username: gate", "  username: [gate")],
        [("  username: gate", "\tusername: gate")],
        [("log: {level: info}", "log: {level: info")],
        [("{preset: door}", "{preset: door, when_overwhelmed: refuse}"), BROKEN],
    ],
)
def test_it_stands_in_where_what_protects_is_the_same(site, replacements):
    good = load(site)
    start = changed(site, *replacements)
    assert start.rejection.trouble is None
    assert "stands in" in start.rejection.message
    # Decisions sign what is in effect.
    assert start.loaded.sha256 == good.sha256


@pytest.mark.parametrize(
    ("replacement", "named"),
    [
        (("preset: door", "preset: kiosk"), "policy"),
        (("preset: door", "preset: doorr"), "policy"),
        (("preset: door", "prest: door"), "policy"),
        (("policy: {preset: door}\n", ""), "policy"),
        (("policy: {preset: door}", "policy: {preset: door}\npolicy: {preset: kiosk}"), "policy"),
        (("policy: {preset: door}", "policy: !other {preset: door}"), "policy"),
        (("policy: {preset: door}", "policy: {preset: door"), "policy"),
        (("radiant_intensity: 0.1", "radiant_intensity: 0.2"), "lights"),
        (("closest_approach: 0.3", "closest_approach: 0.0"), "lights"),
        (("width: 640", "width: 1280"), "camera"),
        (("driver: picamera2", "driver: picamera2\n  spectrum: noir"), "camera"),
        (("link:", "models: {calibration: other.json}\nlink:"), "models"),
        (("link:", "quality: {frames: 3}\nlink:"), "quality"),
        (("policy: {preset: door}", "polcy: {preset: door}"), "policy, sections that nobody knows"),
        (("log:", "polices: {preset: door}\nlog:"), "sections that nobody knows"),
    ],
)
@pytest.mark.parametrize("also", [BROKEN, ("log: {", "log: {{")])
def test_it_does_not_stand_in_where_the_file_says_or_may_say_something_else_of_what_protects(
    site, replacement, named, also
):
    if also is not BROKEN and replacement == ("policy: {preset: door}\n", ""):
        pytest.skip("of a file that is no YAML a section may have been lost")
    start = changed(site, replacement, also)
    assert start.rejection.trouble is not None
    assert named.split(", ")[-1] in start.rejection.trouble


def test_of_a_file_that_is_gone_cut_off_or_overwritten_it_takes_the_place(site):
    good = load(site)
    for content in (None, b"", b"\x00" * 600, GOOD.encode()[: GOOD.index("radiant") - 60], b"\xff\xfe" + GOOD.encode()):
        site.unlink(missing_ok=True)
        if content is not None:
            site.write_bytes(content)
        start = with_state_in(site)
        assert start.loaded.sha256 == good.sha256, content
        assert start.rejection is not None


def with_state_in(site):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(site.parent / "state"))
        return load_or_last_good(site)


@pytest.mark.parametrize(
    "replacement", [("id: gate-1", "id: gate-2"), ("state_directory: state", "state_directory: elsewhere")]
)
def test_another_terminals_last_good_configuration_is_none(site, replacement):
    with pytest.raises(ConfigProblems):
        changed(site, replacement, BROKEN)


def test_without_a_last_good_one_the_mistakes_are_told_as_ever(tmp_path):
    path = tmp_path / "livegate.yaml"
    path.write_text("device: {id: }\n")
    with pytest.raises(ConfigProblems, match="camera"):
        load_or_last_good(path)


@pytest.mark.parametrize("field", ["sha256", "source", "content"])
def test_a_damaged_record_is_not_used(site, field):
    record = site.parent / "state" / LAST_GOOD_FILE
    content = json.loads(record.read_text())
    content[field] = content[field][:-1]
    record.write_text(json.dumps(content))
    with pytest.raises(ConfigProblems):
        changed(site, BROKEN)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
def test_a_record_that_is_no_record_is_not_used(site, content):
    (site.parent / "state" / LAST_GOOD_FILE).write_bytes(content)
    with pytest.raises(ConfigProblems):
        changed(site, BROKEN)


def test_a_language_without_prompts_counts_as_a_broken_file(site):
    start = changed(site, ("log:", "guidance: {language: tlh}\nlog:"))
    assert "guidance.language" in start.rejection.message
    assert start.rejection.trouble is None
    (site.parent / "state" / LAST_GOOD_FILE).unlink()
    with pytest.raises(ConfigError):
        load_or_last_good(site)


def test_what_is_wrong_is_told_without_a_word_of_the_file(site):
    secret = "hunter2"
    start = changed(
        site,
        ("username: gate", f"username: gate\n  password_file: [{secret}]\n  {secret}: 1\n  port: {secret}"),
        ("host: broker.example", f"host: http://me:{secret}@broker.example"),
    )
    message = start.rejection.message
    assert secret not in message
    assert "link.host: value not allowed" in message
    assert "link: unknown key" in message
    assert "line 12, column 9: link.host" in message


def test_no_more_mistakes_are_told_than_can_be_read(site):
    keys = "".join(f"  key{number}: 1\n" for number in range(30))
    start = changed(site, ("  username: gate\n", keys))
    assert "and 20 more" in start.rejection.message


def test_it_is_written_once_whole_and_for_nobody_else(site, monkeypatch):
    record = site.parent / "state" / LAST_GOOD_FILE
    assert record.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(last_good, "write_atomically", lambda *_: pytest.fail("written again"))
    remember(load(site))


def test_a_folder_that_takes_nothing_ends_nothing(site, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(last_good, "write_atomically", full)
    site.write_text(GOOD + "guidance: {language: de}\n")
    remember(load(site))


def test_the_sites_file_is_never_written(site):
    site.chmod(0o444)
    before = site.stat()
    changed_text = GOOD.replace(*BROKEN)
    site.chmod(0o644)
    site.write_text(changed_text)
    site.chmod(0o444)
    load_or_last_good(site)
    assert site.read_text() == changed_text
    assert site.stat().st_ino == before.st_ino
