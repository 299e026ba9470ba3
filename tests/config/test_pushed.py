"""What a fleet may push, and what it makes of a site's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.fields import fields
from edge.config.loader import Loaded, load_bytes
from edge.config.policy import Preset
from edge.config.problems import ConfigProblems
from edge.config.pushed import PROTECTS, PUSHABLE, STRICTER_QUALITY, PushRefused, merge, protects
from edge.config.quality import QualityLimits
from edge.config.settings import Level, Settings
from edge.contracts.enums import EvidenceKind
from tests.config.floors import floors
from tests.config.test_policy_floor import demands_at_least

SITE = """\
device: {id: gate-1}
camera: {driver: replay, sources: [face.png]}
policy: {preset: kiosk, max_attempts: 2}
link: {host: broker.example, username: gate, password_file: secret.txt}
guidance: {result_seconds: 7.0}
"""


def site(text: str = SITE) -> Loaded:
    return load_bytes(text.encode(), Path("/etc/livegate/livegate.yaml"))


def refused(pushed, text: str = SITE) -> dict[str, str]:
    with pytest.raises(PushRefused) as error:
        merge(site(text), pushed)
    return {problem.path: problem.message for problem in error.value.problems}


def test_nothing_pushed_is_the_sites_file():
    assert merge(site(), {}).loaded == site()


def test_what_is_pushed_lies_on_top_and_the_rest_is_as_the_site_has_it():
    own, merged = site(), merge(site(), {"log": {"level": "debug"}, "guidance": {"language": "de"}})
    both = merged.loaded.settings
    assert (both.log.level, both.guidance.language) == (Level.DEBUG, "de")
    assert both.guidance.result_seconds == 7.0
    assert both.model_copy(update={"log": own.settings.log, "guidance": own.settings.guidance}) == own.settings
    assert merged.settings == {"log": {"level": "debug"}, "guidance": {"language": "de"}}
    # Decisions sign what is in effect; what is kept as the last good file is the file.
    assert merged.loaded.sha256 != own.sha256
    assert merged.loaded.content == own.content


def test_of_policy_the_stricter_counts_and_what_has_no_effect_is_named():
    merged = merge(
        site(), {"policy": {"max_attempts": 3, "judged_frames": 12, "require_active": ["pad", "continuity"]}}
    )
    policy = merged.loaded.settings.policy
    assert (policy.max_attempts, policy.judged_frames) == (2, 12)
    assert policy.require_active == tuple(EvidenceKind)
    assert policy.name == Preset.KIOSK
    assert merged.settings["policy"] == {
        "max_attempts": 2,
        "judged_frames": 12,
        "require_active": ["pad", "light", "motion", "continuity"],
    }
    assert [remark.path for remark in merged.without_effect] == ["policy.max_attempts", "policy.require_active"]
    assert "2 is in effect" in merged.without_effect[0].message


def test_of_quality_the_stricter_counts_too():
    merged = merge(site(), {"quality": {"min_sharpness": 0.0, "max_yaw": 20.0}})
    quality = merged.loaded.settings.quality
    assert (quality.min_sharpness, quality.max_yaw) == (QualityLimits().min_sharpness, 20.0)
    assert [remark.path for remark in merged.without_effect] == ["quality.min_sharpness"]


def test_every_limit_of_quality_has_a_stricter_side():
    assert set(STRICTER_QUALITY) == set(QualityLimits.model_fields)


def test_modes_that_leave_none_in_common_are_refused():
    only_passive = SITE.replace("max_attempts: 2", "modes: [Passive]")
    assert "in common" in refused({"policy": {"modes": ["PassiveActive"]}}, only_passive)["policy.modes"]


@pytest.mark.parametrize("section", sorted(set(Settings.model_fields) - set(PUSHABLE)))
def test_hardware_models_and_the_terminals_own_cannot_be_pushed(section):
    assert "the site's own" in refused({section: {}})[section]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("link", "host"),
        ("link", "port"),
        ("link", "tls"),
        ("link", "username"),
        ("link", "password_file"),
        ("recovery", "reboot"),
        ("policy", "name"),
        ("policy", "preset"),
    ],
)
def test_keys_and_the_way_to_the_broker_cannot_be_pushed(section, key):
    assert "cannot be pushed" in refused({section: {key: "x"}})[f"{section}.{key}"]


def test_what_may_be_pushed_is_there_to_be_set():
    assert {(section, key) for section, keys in PUSHABLE.items() for key in keys} <= set(fields())


def test_everything_that_is_wrong_is_told_at_once_with_its_path():
    told = refused(
        {
            "camera": {"driver": "replay"},
            "lihgts": {},
            "log": "debug",
            "guidance": {"language": 7, "result_seconds": 1e6, "colour": "red"},
            "policy": {"max_attempts": 0, "require_active": ["light"], "modes": "Passive"},
            "quality": {"min_luma": [[[]]]},
        }
    )
    assert set(told) == {
        "camera",
        "lihgts",
        "log",
        "guidance.language",
        "guidance.result_seconds",
        "guidance.colour",
        "policy.max_attempts",
        "policy.require_active",
        "policy.modes",
        "quality.min_luma",
    }
    assert "from 1 to 60" in told["guidance.result_seconds"]


def test_no_more_mistakes_are_told_than_fit_into_a_message():
    assert len(refused({f"key{number}": {} for number in range(1000)})) == 100


def test_secrets_of_the_file_are_not_repeated():
    assert "secret" not in str(refused({"link": {"password_file": 1, "keepalive_seconds": "x"}}))


@pytest.mark.parametrize("section", PROTECTS)
def test_what_protects_is_known(section):
    assert protects({section: {"x": 1}})
    assert not protects({section: {}, "log": {"level": "debug"}})


# Each example reads a file.
patient = settings(deadline=None)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)
KEYS = sorted({key for keys in PUSHABLE.values() for key in keys} | {"host", "reboot", "preset", "<<"})
PUSHED = st.dictionaries(
    st.sampled_from(sorted(Settings.model_fields)) | st.text(max_size=8),
    JSON | st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4),
    max_size=4,
)


@patient
@given(PUSHED)
def test_whatever_is_pushed_is_merged_or_refused_and_what_cannot_be_pushed_stays(pushed):
    own = site()
    try:
        merged = merge(own, pushed).loaded.settings
    except PushRefused:
        return
    untouched = set(Settings.model_fields) - set(PUSHABLE)
    assert all(getattr(merged, name) == getattr(own.settings, name) for name in untouched)
    assert merged.link.model_copy(update={"keepalive_seconds": 30}) == own.settings.link
    assert demands_at_least(merged.policy, own.settings.policy)


def own_policy(floor) -> str:
    written = {"name": "site", **floor.model_dump(mode="json", exclude={"name"})}
    return f"camera: {{driver: replay, sources: [a]}}\npolicy: {json.dumps(written)}\n"


@patient
@given(floors, floors, st.sets(st.sampled_from(PUSHABLE["policy"])))
def test_no_pushed_policy_makes_any_site_demand_less(floor, other, keys):
    try:
        own = site(own_policy(floor))
    except ConfigProblems:
        # Such as a floor that wants movement of a passive attempt.
        return
    wanted = other.model_dump(mode="json", include=keys)
    try:
        merged = merge(own, {"policy": wanted})
    except PushRefused:
        return
    effective = merged.loaded.settings.policy
    assert demands_at_least(effective, own.settings.policy)
    # And no less than what was pushed, key by key.
    asked = own.settings.policy.model_copy(update={key: getattr(other, key) for key in keys})
    assert demands_at_least(effective, asked)


@patient
@given(st.sampled_from(Preset), floors)
def test_a_preset_stays_a_floor_whatever_is_pushed(preset, other):
    own = site(f"camera: {{driver: replay, sources: [a]}}\npolicy: {{preset: {preset}}}\n")
    try:
        merged = merge(own, {"policy": other.model_dump(mode="json", exclude={"name"})})
    except PushRefused:
        return
    assert demands_at_least(merged.loaded.settings.policy, own.settings.policy)
    assert merged.loaded.settings.policy.name == preset


limits = st.builds(
    QualityLimits,
    min_luma=st.floats(0, 80),
    max_yaw=st.floats(5, 60),
    max_clipped=st.floats(0.01, 1),
    min_visible=st.floats(0.3, 1),
    min_other_share=st.floats(0.1, 1),
)


@patient
@given(limits)
def test_no_pushed_quality_judges_a_frame_that_the_site_would_not(other):
    own = site().settings.quality
    merged = merge(site(), {"quality": other.model_dump(mode="json")}).loaded.settings.quality
    for key in QualityLimits.model_fields:
        stricter = max if key.startswith("min_") and key != "min_other_share" else min
        assert getattr(merged, key) == stricter(getattr(own, key), getattr(other, key))
