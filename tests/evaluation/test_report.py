from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from edge.contracts.enums import QualityFailure
from edge.evaluation.report import Report
from tests.evaluation.given import Given, provenance
from tests.evaluation.test_performance import many_subjects
from tests.inference.calibrations import CAMERA, calibration_of

HOSTILE = "</title><script>alert('x')</script><img src=https://evil.example/x onerror=y>\"'&"


class Page(HTMLParser):
    """Tags with their attributes, and the text of each element that is open."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] != ["style"]:
            self.text.append(data)


def hostile() -> Given:
    given = Given().bona_fide(1, 2, -1, subject=HOSTILE, source=HOSTILE)
    given.attacks(HOSTILE, -1, 0.5, subject=HOSTILE, source=HOSTILE)
    return given.attacks("print", 1).void(HOSTILE).unreadable(HOSTILE)


def test_names_from_outside_stay_text_wherever_they_stand():
    camera = CAMERA.model_copy(update={"name": HOSTILE})
    page = Page(
        Report.of(
            hostile().scores, provenance(index=HOSTILE, policy=HOSTILE, calibration=calibration_of(camera=camera))
        ).to_html()
    )
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "iframe", "object", "embed", "link", "base"})
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert any(HOSTILE in text for text in page.text)


def test_the_page_refers_to_nothing_outside_itself():
    text = Report.of(many_subjects().scores, provenance()).to_html()
    page = Page(text)
    assert not {"src", "href", "xlink:href", "srcset", "action", "data"} & {
        name for _, attributes in page.tags for name in attributes
    }
    assert not re.search(r"https?:|url\(|@import|@font-face", text)
    policies = [attributes.get("content") for tag, attributes in page.tags if tag == "meta"]
    assert "default-src 'none'; style-src 'unsafe-inline'" in policies


def test_each_chart_has_a_title_and_a_description_and_the_tables_have_heads():
    page = Page(Report.of(many_subjects().scores, provenance()).to_html())
    charts = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(charts) == 3
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert sum(tag == "desc" for tag, _ in page.tags) == 3
    assert all(attributes.get("scope") == "col" for tag, attributes in page.tags if tag == "th")


def test_the_page_tells_the_figures_that_the_document_tells():
    report = Report.of(many_subjects().scores, provenance())
    text = " ".join(Page(report.to_html()).text)
    figures = report.to_dict()["figures"]
    for rate in (*figures["apcer"].values(), figures["bpcer"]):
        assert f"{rate['errors']} / {rate['n']}" in text
        assert f"{rate['low95']:.1%} to {rate['high95']:.1%}" in text
    assert "not a certified evaluation" in text
    assert "take each presentation as independent" in text


def test_what_was_voided_is_listed_with_its_outcome_and_reason_and_counts_in_no_figure():
    given = Given().bona_fide(1, 2).attacks("print", -1, 3).void("the sheet slipped")
    report = Report.of(given.unreadable("cut.jpg").scores, provenance())
    document = report.to_dict()
    assert document["voided"] == [
        {"presentation": 4, "name": "4.jpg", "decision": "realface", "error": None, "reason": "the sheet slipped"}
    ]
    assert [entry["name"] for entry in document["unreadable"]] == ["cut.jpg"]
    assert (document["figures"]["apcer"]["print"]["errors"], document["figures"]["apcer"]["print"]["n"]) == (0, 1)
    assert document["fromScores"]["pooled"]["attacks"] == 1
    assert document["presentations"] == document["milliseconds"]["perPresentation"]["n"] == 3
    text = " ".join(Page(report.to_html()).text)
    assert "3 judged, 1 not read, 1 voided" in text
    assert "4.jpg realface the sheet slipped" in text


def test_why_there_was_no_response_is_told_by_species():
    given = Given().bona_fide(1).attacks("tablet", None, None, None, 1)
    for number, failures in ((1, {}), (2, {"blurred": 1, "too_far": 2}), (3, {"too_far": 1})):
        found = {QualityFailure(name): count for name, count in failures.items()}
        given.scores[number] = replace(given.scores[number], quality_failures=found)
    report = Report.of(given.scores, provenance())
    entry = {"label": "attack", "paiSpecies": "tablet", "error": "NoFaceDetected"}
    assert report.to_dict()["nonResponses"] == [
        entry | {"qualityFailure": "too_far", "n": 2},
        entry | {"qualityFailure": None, "n": 1},
    ]
    assert "attack tablet NoFaceDetected too_far 2 3" in " ".join(Page(report.to_html()).text)


def test_a_calibration_is_told_with_its_camera_its_people_and_the_shift_of_each_network():
    calibration = calibration_of(shift=0.75)
    report = Report.of(Given().bona_fide(1).scores, provenance(calibration=calibration))
    assert report.to_dict()["provenance"]["calibration"] == calibration.model_dump(mode="json")
    text = " ".join(Page(report.to_html()).text)
    for said in ("camera imx708 (live, ir_cut), from 10 persons", "+0.750", "Recordings name no camera"):
        assert said in text
    live = Report.of(Given().bona_fide(1).scores, provenance(calibration=calibration, index=None))
    assert "Recordings name no camera" not in live.to_html()


def test_light_dark_and_print_have_their_styles():
    text = Report.of(many_subjects().scores, provenance()).to_html()
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


@pytest.mark.parametrize(
    "given",
    [
        Given().unreadable("a.jpg"),
        Given().bona_fide(None),
        Given().bona_fide(1.0),
        Given().attacks("print", 0.0),
        Given().bona_fide(1.0).attacks("print", 1.0),
        Given().bona_fide(1.0).attacks("print", None),
    ],
)
def test_however_little_there_is_it_can_be_reported(given):
    report = Report.of(given.scores, provenance())
    Page(report.to_html())
    json.dumps(report.to_dict(), allow_nan=False)


def test_the_document_is_what_is_written_and_has_no_nan(tmp_path):
    report = Report.of(many_subjects().scores, provenance())
    report.write(tmp_path)
    document = json.loads((tmp_path / "report.json").read_text())
    assert document == json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document["provenance"]["models"][0]["sha256"] == "ab" * 32
    assert document["bootstrap"] == {
        "seed": 30107,
        "resamples": 2000,
        "fewestSubjects": 5,
        "presentationsWithoutSubject": 0,
    }
    assert (tmp_path / "report.html").read_text() == report.to_html()


def test_of_many_subjects_those_with_errors_are_shown_and_all_are_in_the_document():
    given = Given()
    for number in range(120):
        given.bona_fide(-1 if number >= 50 else 1, subject=f"person {number:03d}")
    report = Report.of(given.bona_fide(-1, -1, subject="the worst").scores, provenance())
    text = " ".join(Page(report.to_html()).text)
    assert text.index("the worst") < text.index("person 050") < text.index("person 108")
    assert "person 049" not in text
    assert "person 109" not in text
    assert "50 of 121 such rows have neither" in text
    assert "11 further ones" in text
    assert len(report.to_dict()["bySubject"]) == 121
