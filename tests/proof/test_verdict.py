from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmarks.terminal_process import TOPICS
from tests.proof.lives import Kind, Life
from tests.proof.marks import Marks, plant
from tests.proof.memory import Scan, Where
from tests.proof.messages import Message
from tests.proof.verdict import END, START, judge

PICTURE = plant(np.full((64, 64, 3), 120, np.uint8), seed=1)
MARKS = Marks()
MARKS.add_frame("a frame", PICTURE)
PIECE = PICTURE[20].tobytes()[:90]


class Witnessed:
    """What fanotify is said to have seen."""

    lost = False

    def __init__(self, written):
        self.written = written


@pytest.fixture
def life(tmp_path):
    """One session in which nothing happens but a line in the log and a message."""
    life = Life("whole", tmp_path, tmp_path / "terminal.yaml", tmp_path / "cwd", tmp_path / "tmp")
    for folder in (life.cwd, life.temporary, life.state):
        folder.mkdir()
    life.broker = tmp_path / "broker"
    life.sessions = [(Kind.ACCEPTED, 10.0, "realface")]
    life.ending = 20.0
    life.heard = [Message(TOPICS.state, 1, True, b'{"schemaVersion":"1.0","state":"busy","bootCount":1}', 11.0)]
    life.log.write_text("a line\n")
    life.trace.write_text(f'7 12.5 write(2<{life.log}>, "a line\\n", 7) = 7\n7 21.0 +++ exited with 0 +++\n')
    return life


def findings(life, witness=None):
    return judge(life, MARKS, frozenset(), witness).findings


def test_where_nothing_is_kept_nothing_is_found(life):
    verdict = judge(life, MARKS, frozenset(), None)
    row = verdict.rows[Kind.ACCEPTED]
    assert verdict.findings == []
    assert (row.sessions, row.outcomes, row.files, row.size, row.messages) == (
        1,
        Counter(realface=1),
        {"RUN/terminal.log"},
        7,
        1,
    )
    assert list(verdict.rows) == [START, Kind.ACCEPTED, END]


def test_a_session_that_came_to_something_else_was_not_seen(life):
    life.sessions = [(Kind.ACCEPTED, 10.0, "spoofface")]
    (finding,) = findings(life)
    assert "'spoofface'" in finding


def test_a_file_of_the_list_is_searched_when_all_is_over(life):
    (life.state / "boot-count").write_bytes(PIECE)
    (finding,) = findings(life)
    assert finding.startswith("in STATE/boot-count afterwards: marks of a frame")


@pytest.mark.parametrize("where", ["cwd", "temporary"])
def test_a_new_file_beside_the_state_folder_is_found(life, where):
    (getattr(life, where) / "core").write_bytes(b"")
    (finding,) = findings(life)
    assert finding.startswith("a new file: RUN/")


def test_what_a_broker_keeps_is_searched(life):
    life.broker.mkdir()
    (life.broker / "mosquitto.db").write_bytes(b"x" * 100 + PIECE)
    (finding,) = findings(life)
    assert finding.startswith("the broker keeps, in mosquitto.db: marks of a frame")


def test_a_message_is_searched_but_no_command_of_the_requester(life):
    life.heard += [
        Message(TOPICS.command("session.start"), 1, False, PIECE, 12.0),
        Message(TOPICS.event, 1, False, PIECE, 12.0),
    ]
    assert {finding.split(":")[0] for finding in findings(life)} == {TOPICS.event}


def test_a_process_that_outlived_the_terminal_is_found(life):
    life.left = [99]
    (finding,) = findings(life)
    assert "process 99" in finding


def test_a_file_that_the_trace_does_not_show_is_found_by_fanotify(life):
    assert findings(life, Witnessed({7: {str(life.log)}, 8: {"/elsewhere"}})) == []
    (finding,) = findings(life, Witnessed({7: {"/elsewhere"}}))
    assert finding.startswith("fanotify: process 7 wrote to /elsewhere")


def test_marks_in_covered_buffers_are_found_and_others_are_told(life):
    life.after = Scan(pieces=Counter({(Where.COVERED, "a frame"): 3, (Where.HEAP, "a frame"): 5}))
    verdict = judge(life, MARKS, frozenset(), None)
    assert verdict.findings == ["in covered buffers after the sessions: 3 marks of a frame"]
    assert verdict.remnants == {(Where.HEAP, "a frame"): 5}


def test_a_scan_that_finds_nothing_in_the_middle_of_a_session_is_blind(life):
    life.during = [Scan(), Scan()]
    (finding,) = findings(life)
    assert "blind" in finding
    life.during = [Scan(), Scan(pieces=Counter({(Where.COVERED, "a frame"): 9}))]
    assert findings(life) == []
