"""A site's calibration is whole, for known weights and one camera, or it is refused."""

import datetime
import re
from pathlib import Path

import pytest

from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import ConfigError, ModelError
from edge.evaluation.calibrate import write_calibration
from edge.inference.calibration import CameraIdentity, SiteCalibration, read_calibration
from tests.inference.calibrations import CAMERA, calibration_of


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.yaml"
    write_calibration(path, calibration_of())
    return path


def test_what_is_written_is_what_is_read(written: Path) -> None:
    assert read_calibration(written) == calibration_of()


def test_it_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(calibration_of().model_dump_json(indent=1), encoding="utf-8")

    assert read_calibration(path) == calibration_of()


def test_the_hash_is_over_everything_else() -> None:
    hashes = {
        calibration_of().sha256,
        calibration_of(shift=0.25).sha256,
        calibration_of(floor=0.3).sha256,
        calibration_of(sha256="cd" * 32).sha256,
        calibration_of(camera=CAMERA.model_copy(update={"name": "ov5647"})).sha256,
    }

    assert len(hashes) == 5
    assert calibration_of().sha256 == calibration_of().sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("shift: 0.5", "shift: -0.5", "its hash does not fit"),
        ("people: 10", "people: 20", "its hash does not fit"),
        ("name: imx708", "name: ov5647", "its hash does not fit"),
        ("people: 10", "people: many", ":7:9: people: must be a whole number from 1"),
        ("people: 10", "persons: 10", "persons: unknown key"),
        ("shift: 0.5", "shift: .nan", "must be a number from"),
        ("capture: live", "capture: alive", "did you mean live?"),
        ("schema_version: 1", "schema_version: 2", "schema_version"),
        ("date: '2026-05-04'", "date: today", "date: must be text"),
    ],
)
def test_a_changed_or_mistaken_file_is_refused(written: Path, old: str, new: str, said: str) -> None:
    text = written.read_text(encoding="utf-8")
    assert text.count(old) == 1
    written.write_text(text.replace(old, new), encoding="utf-8")

    with pytest.raises(ConfigError, match=re.escape(said)):
        read_calibration(written)


def test_a_file_that_was_cut_off_or_is_missing_is_refused(written: Path, tmp_path: Path) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ConfigError, match="missing"):
        read_calibration(written)
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        read_calibration(tmp_path / "nowhere.yaml")


def test_a_network_is_shifted_once() -> None:
    once = calibration_of()

    with pytest.raises(ValueError, match="shifts a network twice"):
        SiteCalibration.made(
            date=datetime.date(2026, 5, 4),
            camera=CAMERA,
            people=3,
            frames=3,
            models=[*once.models, *once.models],
        )


def test_the_shift_is_that_of_the_weights() -> None:
    assert calibration_of().shift("ab" * 32) == 0.5
    with pytest.raises(ModelError, match=r"other weights \(scripted\), not for the file cdcdcdcdcdcd"):
        calibration_of().shift("cd" * 32)


@pytest.mark.parametrize(
    "other",
    [{"name": "ov5647"}, {"capture": CaptureKind.REPLAY}, {"spectrum": Spectrum.NOIR}],
)
def test_another_camera_is_refused(other: dict[str, object]) -> None:
    calibration_of().check_camera(CameraIdentity.model_validate(CAMERA.model_dump()))
    with pytest.raises(ConfigError, match=r"is for the camera imx708 \(live, ir_cut\), not for"):
        calibration_of().check_camera(CAMERA.model_copy(update=other))


def test_one_that_is_there_is_replaced_only_where_that_is_allowed(written: Path) -> None:
    with pytest.raises(ConfigError, match="is there already"):
        write_calibration(written, calibration_of(shift=1.0))
    assert read_calibration(written).shift("ab" * 32) == 0.5

    write_calibration(written, calibration_of(shift=1.0), overwrite=True)
    assert read_calibration(written).shift("ab" * 32) == 1.0
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_calibration(tmp_path / "nowhere" / "calibration.yaml", calibration_of())
