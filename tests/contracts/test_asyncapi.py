import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge.contracts.asyncapi import TOPICS, document, size_limit
from edge.contracts.base import MAX_PACKET_BYTES
from edge.contracts.schema import MESSAGES
from edge.contracts.topics import Topics

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DOCUMENT = json.loads((DOCS / "asyncapi.json").read_text(encoding="utf-8"))
EXAMPLES = [
    (name, example["name"], example["payload"])
    for name, message in DOCUMENT["components"]["messages"].items()
    for example in message.get("examples", ())
]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(reference: str, *, within: Path) -> Any:
    file, _, pointer = reference.partition("#")
    place = (within.parent / file) if file else within
    found = json.loads(place.read_text(encoding="utf-8"))
    for step in filter(None, pointer.split("/")):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def schema(name: str) -> dict[str, Any]:
    return resolve(DOCUMENT["components"]["messages"][name]["payload"]["$ref"], within=DOCS / "asyncapi.json")


def test_the_document_is_current(assert_current):
    assert_current("generate_asyncapi.py")


def test_every_topic_of_the_contract_is_there_once():
    topics = Topics("{prefix}", "{site}", "{device}")
    plain = {name for name, value in vars(Topics).items() if isinstance(value, property)} - {"base"}
    wanted = [getattr(topics, name) for name in plain]
    wanted += [topics.command(name.removeprefix("cmd.")) for name in MESSAGES if name.startswith("cmd.")]
    wanted += [
        topics.session_event("{session}"),
        topics.session_image("{session}"),
        topics.response("{verb}"),
        topics.reply_root() + "{requester}/{token}",
    ]
    addresses = [channel["address"] for channel in DOCUMENT["channels"].values() if channel["address"] is not None]
    assert sorted(addresses) == sorted(wanted)


def test_every_message_of_the_contract_is_there_once():
    components = DOCUMENT["components"]
    assert sorted([*components["messages"], *components["schemas"]]) == sorted(MESSAGES)
    assert {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()} == {
        f"#/channels/{topic.name}" for topic in TOPICS
    }


def test_every_reference_resolves_in_the_payloads_too():
    seen: set[tuple[Path, str]] = set()
    waiting = [(DOCS / "asyncapi.json", reference) for reference in references(DOCUMENT)]
    while waiting:
        file, reference = waiting.pop()
        if (file, reference) in seen:
            continue
        seen.add((file, reference))
        resolve(reference, within=file)
        if target := reference.partition("#")[0]:
            whole = file.parent / target
            waiting += [(whole, inner) for inner in references(json.loads(whole.read_text(encoding="utf-8")))]
    assert {file.name for file, _ in seen} > {"asyncapi.json", "decision.json"}


def test_every_parameter_of_an_address_is_described_and_no_other():
    for name, channel in DOCUMENT["channels"].items():
        braced = {part.partition("}")[0] for part in (channel["address"] or "").split("{")[1:]}
        assert set(channel.get("parameters", {})) == braced, name


@pytest.mark.parametrize(("message", "name", "payload"), EXAMPLES, ids=[name for _, name, _ in EXAMPLES])
def test_each_example_keeps_its_schema_and_its_limit(message, name, payload):
    Draft202012Validator.check_schema(schema(message))
    Draft202012Validator(schema(message)).validate(payload)
    assert len(json.dumps(payload).encode()) <= size_limit(message)


def test_the_schemas_refuse_what_the_models_refuse():
    start = next(payload for message, _, payload in EXAMPLES if message == "cmd.session.start")
    validator = Draft202012Validator(schema("cmd.session.start"))
    assert not validator.is_valid(start | {"unknown": 1})
    assert not validator.is_valid(start | {"nonce": "short"})
    assert not validator.is_valid(start | {"numberOfClientAttemptsAllowed": 4})


def test_each_command_says_where_its_answer_goes():
    commands = [op for op in DOCUMENT["operations"].values() if op["channel"]["$ref"].startswith("#/channels/cmd.")]
    assert len(commands) == sum(name.startswith("cmd.") for name in MESSAGES)
    for operation in commands:
        assert operation["reply"]["channel"] == {"$ref": "#/channels/responseTopic"}
        assert DOCUMENT["channels"]["responseTopic"]["address"] is None
    verbs = DOCUMENT["components"]["parameters"]["verb"]["enum"]
    assert sorted(f"cmd.{verb}" for verb in verbs) == sorted(name for name in MESSAGES if name.startswith("cmd."))


def test_no_message_is_larger_than_a_packet_but_one_that_brings_a_reference():
    larger = {name for name in MESSAGES if not 0 < size_limit(name) <= MAX_PACKET_BYTES}
    assert larger == {"cmd.session.start"}


def test_without_examples_there_are_none():
    built = document({}, schemas_at="schema")
    assert not any("examples" in message for message in built["components"]["messages"].values())
