from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.config.fields import fields
from edge.config.loader import Loaded, fingerprint, load, load_bytes, schema, show
from edge.config.quality import QualityLimits
from edge.config.settings import Settings
from edge.config.values import MASK, SecretFile
from edge.liveness.evidence import HeadPose
from edge.vision.quality import Measures, score

SOURCE = Path("/etc/livegate/site.yaml")
# Of the drivers that are not named by it.
CAMERA = "camera: {driver: replay, sources: [pictures]}\n"


def loaded(yaml: str, source: Path = SOURCE) -> Loaded:
    return load_bytes((CAMERA + yaml).encode(), source)


def test_text_stays_text():
    device = loaded("device: {id: no, site: 2024-05-01, prefix: on}\n").settings.device
    assert (device.id, device.site, device.prefix) == ("no", "2024-05-01", "on")


def test_relative_paths_count_from_the_folder_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "site.yaml").write_text(
        "camera: {driver: replay, sources: [a, ../b, /c]}\n"
        "models: {directory: m, extra_directories: [n]}\n"
        "link: {username: u, password_file: p, tls: {ca: ca, certificate: c, key: k}}\n"
        "state_directory: s\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    settings = load("site.yaml").settings
    assert settings.camera.sources == (tmp_path / "a", tmp_path / "../b", Path("/c"))
    assert (settings.models.directory, settings.models.extra_directories) == (tmp_path / "m", (tmp_path / "n",))
    assert settings.state_directory == tmp_path / "s"
    assert settings.link.tls is not None
    assert (settings.link.tls.ca, settings.link.tls.certificate) == (tmp_path / "ca", tmp_path / "c")
    assert settings.link.tls.key == SecretFile(tmp_path / "k")
    assert settings.link.password_file == SecretFile(tmp_path / "p")


@pytest.mark.parametrize(
    ("link", "port"), [("{}", 1883), ("{tls: {}}", 8883), ("{port: 9}", 9), ("{port: 9, tls: {}}", 9)]
)
def test_the_port_follows_from_encryption_where_it_is_not_written(link, port):
    assert loaded(f"link: {link}\n").settings.link.broker_port == port


def test_settings_cannot_be_changed():
    settings = loaded("").settings
    with pytest.raises(ValidationError):
        settings.device.id = "other"


def test_the_hash_is_the_same_however_the_values_were_written():
    assert loaded("models: {threads: 0x1}\nlog: {level: info}\n").sha256 == loaded("").sha256


def test_the_hash_changes_with_every_value_in_effect():
    yaml = ["", "models: {threads: 2}\n", "policy: {preset: door}\n", "link: {port: 1883}\n", "device: {id: a}\n"]
    assert len({loaded(text).sha256 for text in yaml}) == len(yaml)


def test_the_hash_tells_nothing_of_a_secret_file_but_that_it_is_set():
    def with_file(name: str) -> str:
        return loaded(f"link: {{username: u, password_file: {name}}}\n").sha256

    assert with_file("a") == with_file("b") != loaded("link: {username: u}\n").sha256


def test_the_hash_is_that_of_the_effective_values_as_canonical_json():
    result = loaded("")
    assert result.sha256 == fingerprint(result.settings)
    assert fingerprint(Settings.model_validate_json(result.settings.model_dump_json())) == result.sha256


def test_secret_files_are_masked_wherever_they_are_printed():
    settings = loaded("link: {username: u, password_file: hunter2, tls: {certificate: c, key: hunter3}}\n").settings
    for text in (show(settings), repr(settings), str(settings), settings.model_dump_json(), str(settings.link.tls)):
        assert "hunter" not in text
        assert MASK in text
    assert settings.link.password_file.path == SOURCE.parent / "hunter2"


def test_what_is_shown_can_be_read_again():
    settings = loaded(
        "policy: {preset: door, max_attempts: 2}\n"
        "link: {host: broker.example, username: 'no', tls: {ca: 'a: b #'}}\n"
        "models: {active: [on, '12'], directory: 'null'}\n"
    ).settings
    again = load_bytes(show(settings).encode(), Path("/elsewhere/x.yaml")).settings
    assert again == settings


def test_what_is_shown_says_where_each_value_comes_from():
    lines = show(loaded("policy: {preset: door, max_attempts: 2}\nlog: {level: info}\n").settings).splitlines()
    assert "  id: terminal-1 # default" in lines
    assert "  driver: replay" in lines
    assert "  preset: door" in lines
    assert "  max_attempts: 2" in lines
    assert "  require_passive: [pad, light] # preset door" in lines
    assert "  level: info" in lines
    assert "  format: text # default" in lines
    assert "  port: null # default" in lines
    null = {info.path for info in fields().values() if info.default == "null" and info.section and not info.tags}
    assert ("link", "tls") in null
    absent = {
        info.path
        for info in fields().values()
        if (info.tags and not {"replay", "none"} & set(info.tags))
        or any(info.path[: len(path)] == path for path in null)
    }
    # A section that is null has a line, and its keys have none.
    assert len(lines) == len(fields()) - len(absent) + len(null)


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_scores_are_defined_at_the_bounds_of_quality(bound):
    limits = {name: key[bound] for name, key in schema()["$defs"]["QualityLimits"]["properties"].items()}
    measures = Measures(
        others=0,
        face_pixels=200.0,
        face_share=0.5,
        off_centre=0.0,
        visible=1.0,
        eyes_inside=True,
        mouth_inside=True,
        speed=0.5,
        pose=HeadPose(yaw=5.0, pitch=5.0, roll=5.0),
        luma=100.0,
        clipped=0.1,
        sharpness=0.5,
    )
    assert 0.0 <= score(measures, QualityLimits(**limits)) <= 1.0


def test_the_schema_describes_every_key():
    document = schema()
    json.dumps(document)
    assert document["$schema"].endswith("2020-12/schema")
    assert document["required"] == ["camera"]
    for section in (document, *document["$defs"].values()):
        for name, key in section.get("properties", {}).items():
            assert key.get("description"), name
        if section.get("type") == "object":
            assert section["additionalProperties"] is False
