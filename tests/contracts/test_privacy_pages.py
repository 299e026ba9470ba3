"""What the pages on privacy name is there, and of what leaves a terminal or stays on it they leave nothing out."""

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.config.settings import Settings
from edge.contracts.asyncapi import TOPICS
from edge.contracts.schema import schemas
from edge.contracts.topics import Topics
from edge.hardware.mirror import COLUMNS, ROWS
from edge.link.outbox import KEPT_DAMAGED, MAX_COMMAND_IDS
from edge.link.sending import MAX_WAITING
from edge.terminal.back_off import MAX_IDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {
    name: (DOCS / name).read_text(encoding="utf-8")
    for name in ("privacy.md", "processing-record.md", "threat-model.md")
}
PRIVACY = PAGES["privacy.md"]
# Generated from the settings, and held against them.
REFERENCE = (DOCS / "configuration.md").read_text(encoding="utf-8")
PICTURE = DOCS / "pictures" / "data-flow.svg"
# Where the daemon keeps what outlives it.
WRITERS = [*(ROOT / "edge" / "link").glob("*.py"), *(ROOT / "edge" / "terminal").glob("*.py")]
NAME_OF_A_FILE = re.compile(r"(?:[A-Z]+_)*FILE|_?RETIRED")


def rows(heading, columns):
    """Cells of the table of docs/privacy.md below ``heading`` that has these columns."""
    below = PRIVACY.split(f"\n{heading}\n", 1)[1]
    table = below.split(f"\n| {' | '.join(columns)} |\n", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


def code(cell):
    """What a cell has in backticks."""
    return re.findall(r"`([^`]+)`", cell)


COMES_IN = ("topic", "QoS, retained", "of a person")
LEAVES = (*COMES_IN, "who reads")


def told_topics(columns):
    return {code(cells[0])[0]: cells for cells in rows("## What leaves the terminal", columns)}


def as_the_page_has_it(address):
    terminal = Topics("<prefix>", "<site>", "<device>")
    shown = re.sub(r"\{(\w+)\}", r"<\1>", address).replace("<session>", "<id>")
    return shown.removeprefix(f"{terminal.base}/").removeprefix("<prefix>/v1/")


@pytest.mark.parametrize(("action", "columns"), [("send", LEAVES), ("receive", COMES_IN)])
def test_every_topic_is_told_with_its_qos_and_no_other(action, columns):
    told = told_topics(columns)
    there = {as_the_page_has_it(topic.address): topic for topic in TOPICS if topic.action == action}
    assert set(told) == set(there)
    for name, topic in there.items():
        quality = told[name][1]
        assert quality.startswith(str(topic.qos)), name
        assert quality.endswith("yes") is topic.retain, name


def test_whatever_builds_a_topic_builds_one_that_is_told():
    topics = Topics("<prefix>", "<site>", "<device>")
    built = [
        *(topics.state, topics.info, topics.health, topics.config_desired, topics.config_reported, topics.decision),
        *(topics.event, topics.session_event("<id>"), topics.session_image("<id>"), topics.response("<verb>")),
        *(topics.command(topic.name.removeprefix("cmd.")) for topic in TOPICS if topic.name.startswith("cmd.")),
        topics.reply_root() + "<requester>/<token>",
    ]
    public = {name for name in dir(Topics) if not name.startswith("_")} - {"base", "prefix", "site", "device"}
    assert len(public) == 12, f"{public}: add the new one to the pages and to this test"
    told = told_topics(LEAVES) | told_topics(COMES_IN)
    assert {as_the_page_has_it(address) for address in built} == set(told)


def readers_by_topic():
    """By the shipped access list: who may read each topic of a terminal, without the name of a person or site."""
    readers, role = {}, ""
    for line in (ROOT / "config" / "mosquitto" / "acl").read_text(encoding="utf-8").splitlines():
        match line.split():
            case ["user", name]:
                role = name.split("-")[0]
            case ["topic", "read" | "readwrite", topic] if topic.startswith("livegate/v1/"):
                readers.setdefault("/".join(topic.split("/")[4:]), set()).add(role)
    return readers


def test_who_reads_a_topic_is_told_as_the_access_list_has_it():
    readers = readers_by_topic()
    told = told_topics(LEAVES)
    del told["_reply/<requester>/<token>"]
    for name, cells in told.items():
        roles = {role for role in ("operator", "controller", "watcher") if role in cells[3].split(";")[0]}
        assert roles == readers[re.sub(r"<\w+>", "+", name)], name


def written_files():
    """Name of each file that a constant names, with the module that has it."""
    found = {}
    for module in WRITERS:
        for node in ast.parse(module.read_text(encoding="utf-8")).body:
            target = (
                node.target
                if isinstance(node, ast.AnnAssign)
                else node.targets[0]
                if isinstance(node, ast.Assign)
                else None
            )
            value = getattr(node, "value", None)
            named = isinstance(target, ast.Name) and NAME_OF_A_FILE.fullmatch(target.id)
            if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[value.value.replace("{kid}", "<kid>")] = str(module.relative_to(ROOT))
    return found


def test_every_file_of_the_state_folder_is_told_with_what_writes_it():
    told = {
        code(cells[0])[0]: code(cells[3])[0]
        for cells in rows("### Files", ("file", "what", "of a person", "written by"))
    }
    written = written_files()
    assert len(written) > 10
    assert written.items() <= told.items()
    assert [(name, module) for name, module in told.items() - written.items()] == []


def test_every_key_that_switches_something_on_is_there_with_its_default():
    told = {
        code(cells[0])[0]: code(cells[1])[0]
        for cells in rows("## What switches things on", ("key", "by default", "what begins when it is set"))
    }
    assert {"verification.allowed", "session_image.allow", "presence.face", "lights.screen.preview"} <= set(told)
    for key, default in told.items():
        (line,) = re.findall(rf"^\| `{re.escape(key)}` \|.*$", REFERENCE, re.MULTILINE)
        assert code(line.split("|")[3])[0].strip('"') == default, key


@pytest.mark.parametrize("page", PAGES)
def test_every_key_of_the_sites_file_that_a_page_names_is_one(page):
    known = set(re.findall(r"^\| `([a-z_.]+)` \|", REFERENCE, re.MULTILINE))
    named = {
        name
        for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", PAGES[page])
        if name.split(".")[0] in Settings.model_fields
    }
    assert named
    assert named <= known


def test_every_field_of_a_decision_is_told():
    signed = schemas()["decision.signed"]
    parts = ("AttemptReport", "LivenessResult", "Assurance", "VerifyResult", "VerifyReference", "SessionImageReport")
    fields = {field for part in parts for field in signed["$defs"][part]["properties"]}
    fields |= set(signed["properties"]) | set(signed["$defs"]["Provenance"]["properties"])
    told = {
        name
        for cells in rows("### What a decision says", ("fields", "what they may tell of a person"))
        for name in code(cells[0])
    }
    assert fields | {"livenessDecision", "faceRectangle"} == told


def test_times_and_counts_are_those_of_the_code():
    link, back_off, recovery = (Settings.model_fields[name].default for name in ("link", "back_off", "recovery"))
    waiting = link.outbox
    for told in (
        f"{waiting.settle_seconds:g} s (`link.outbox.settle_seconds`)",
        f"{waiting.days:g} days (`link.outbox.days`), {waiting.rows} decisions or {waiting.mebibytes} MiB",
        f"`outbox.sqlite.damaged-1` to `-{KEPT_DAMAGED}`",
        f"the last {MAX_COMMAND_IDS}",
        f"{back_off.window_seconds / 60:g} minutes (`back_off.window_seconds`)",
        f"{MAX_IDS} ids at most",
        f"{MAX_WAITING} messages at most",
        f"`recovery.probe_seconds` ({recovery.probe_seconds:g})",
        f"{COLUMNS} x {ROWS} pixels",
    ):
        assert told in PRIVACY
    assert f"`back_off.window_seconds` ({back_off.window_seconds:g})" in PAGES["processing-record.md"]
    assert f"`link.outbox.days` ({waiting.days:g})" in PAGES["processing-record.md"]
    assert f"for the device as a whole {back_off.device_longest_seconds:g} s at most" in PAGES["threat-model.md"]


# Of parts that come beside this one.
TOPICS_THAT_LOOK_LIKE_FILES = frozenset({"config/desired", "config/reported"})


def named_paths(page):
    text = PAGES[page]
    links = {link for link in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)", text) if "://" not in link}
    yield from ((DOCS / link).resolve().relative_to(ROOT) for link in links)
    paths = re.findall(r"`((?:edge|tests|scripts|config|docs|systemd|models_tflite)/[\w./-]+?)(?:::\w+)?`", text)
    yield from map(Path, set(paths) - TOPICS_THAT_LOOK_LIKE_FILES)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page):
    named = {str(path) for path in named_paths(page)}
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_place_within_a_page_that_is_linked_is_there(page):
    for link, place in re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", PAGES[page]):
        linked = DOCS / (link or page)
        headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert place in anchors, f"{link}#{place}"


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_is_there(page):
    for file, name in re.findall(r"`(tests/[\w./]+\.py)::(\w+)`", PAGES[page]):
        content = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(?:async )?def {name}\(", content, re.MULTILINE), f"{file}::{name}"


def test_figures_of_people_are_those_of_the_attack_bench():
    told = re.findall(r"\d+/\d+, [\d.]+% \(at most [\d.]+%\)", PRIVACY + PAGES["threat-model.md"])
    assert told
    bench = (DOCS / "attacks.md").read_text(encoding="utf-8")
    assert [figure for figure in told if figure not in bench] == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_promised_in_the_words_of_a_seal(page):
    assert not re.search(r"(?i)\bcompliant\b|\bcertified\b|\bcompliance\b|anonymised|military|guarantee", PAGES[page])


def test_the_picture_is_current_and_its_words_are_text(assert_current):
    assert_current("generate_data_flow.py")
    drawn = ElementTree.parse(PICTURE).getroot()
    words = " ".join("".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text"))
    for word in ("ring", "inference thread", "heart", "outbox.sqlite", "session/<id>/image", "broker", "back end"):
        assert word in words
    assert "prefers-color-scheme:dark" in PICTURE.read_text(encoding="utf-8")


def test_the_record_has_the_fields_of_article_30_and_leaves_to_the_controller_what_is_the_controllers():
    record = PAGES["processing-record.md"]
    for field in (
        *("Controller", "Data protection officer", "Purposes", "Categories of people", "Categories of data that stay"),
        *("Recipients", "Transfers to third countries", "Decisions at the back end", "Confidentiality at rest"),
    ):
        (line,) = re.findall(rf"^\| {field} \|.*$", record, re.MULTILINE)
        assert re.search(r"\[[^\]]+\](?!\()", line), f"{field} leaves nothing to fill in"
