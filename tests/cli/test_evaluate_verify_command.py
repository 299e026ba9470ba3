"""``livegate evaluate-verify`` as a user runs it, on pictures of synthetic people."""

from __future__ import annotations

import csv
import json

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli.evaluate_verify import evaluate_verify
from edge.errors import ExitCode, InputError, ModelError
from edge.simulation import openpeople

pytest.importorskip("openpeople", reason="the synthetic people are in the extra 'demo'")

PEOPLE = ("P001", "P005", "P007")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(evaluate_verify, [*map(str, arguments)], standalone_mode=False, catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Portraits and selfies of three people, 640 pixels high, a wall, and an index."""
    folder = tmp_path_factory.mktemp("people")
    rows = []
    for person in PEOPLE:
        for kind in ("portrait", "selfie"):
            picture = cv2.imread(str(openpeople.photo(f"{person}/{kind}")))
            width = round(640 * picture.shape[1] / picture.shape[0])
            cv2.imwrite(
                str(folder / f"{person}-{kind}.jpg"), cv2.resize(picture, (width, 640), interpolation=cv2.INTER_AREA)
            )
            rows.append(f"{person}-{kind}.jpg,{person}")
    cv2.imwrite(str(folder / "wall.png"), np.full((480, 480, 3), 90, np.uint8))
    (folder / "index.csv").write_text("path,subject\n" + "\n".join(rows) + "\n")
    return folder


def test_people_are_told_from_each_other(folder, tmp_path):
    done = run("--pairs-from", folder / "index.csv", "--json", "--report", tmp_path / "out", "--fmr", "0.25")
    assert done.return_value == ExitCode.OK
    report = json.loads(done.stdout)
    assert report["comparisons"] == {"mated": 3, "nonMated": 12, "subjects": 3, "matedSubjects": 3}
    assert (report["fmr"]["errors"], report["fnmr"]["errors"]) == (0, 0)
    assert report["fmr"]["high95"] > 0.2
    assert [point["fmrAtMost"] for point in report["operating"]] == [0.25]
    assert report["operating"][0]["threshold"] is not None
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparisons.csv",
        "report.html",
        "report.json",
    ]
    with (tmp_path / "out" / "comparisons.csv").open() as handle:
        similarities = {row["same"]: float(row["similarity"]) for row in csv.DictReader(handle)}
    assert similarities["yes"] > similarities["no"]


def test_references_that_are_refused_are_counted_by_error_code(folder, tmp_path):
    pairs = folder / "pairs.csv"
    pairs.write_text(
        "path_a,path_b,same\nwall.png,P001-selfie.jpg,no\nP001-portrait.jpg,wall.png,no\n"
        "P001-portrait.jpg,P001-selfie.jpg,yes\n"
    )
    done = run(pairs)
    assert "1 FaceNotFound" in done.stdout
    assert "1 no_face" in done.stdout
    assert "0/1 = 0 %" in done.stdout, "FNMR is of what was compared"


def test_a_stricter_confidence_matches_less(folder):
    done = run("--pairs-from", folder / "index.csv", "--json", "--confidence", "0.9999999")
    assert json.loads(done.stdout)["fnmr"]["errors"] == 3


def test_what_cannot_be_done_is_refused(folder):
    with pytest.raises(click.UsageError, match="either"):
        run()
    with pytest.raises(click.UsageError, match="either"):
        run(folder / "index.csv", "--pairs-from", folder / "index.csv")
    with pytest.raises(InputError, match="no column path_a"):
        run(folder / "index.csv")
    with pytest.raises(ModelError, match="there is no embedding model fr-featur") as refused:
        run("--pairs-from", folder / "index.csv", "--embedding", "fr-featur-w8")
    assert refused.value.remedy == 'did you mean "fr-feature-w8"?'
