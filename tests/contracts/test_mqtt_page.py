import json
import re
from pathlib import Path

import pytest

from edge.contracts.device import CommandReply
from edge.contracts.enums import CommandErrorCode, TerminalState
from edge.contracts.jws import SignatureError, read_decision, read_public_keys
from edge.contracts.schema import MESSAGES, schemas

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example (\S+): generated -->\n```json\n(.*?)\n```\n<!-- example", PAGE, re.DOTALL))
EXAMPLES_OF = {
    "state": ["state"],
    "info": ["info"],
    "health": ["health"],
    "event": ["event", "event.presence"],
    "session.event": ["session.event"],
    "decision": ["decision"],
    "cmd.session.start": ["cmd.session.start"],
    "cmd.session.cancel": ["cmd.session.cancel"],
    "cmd.identify": ["cmd.identify"],
    "reply": [
        *("reply.ok", "reply.error", "reply.backing_off"),
        *("reply.ping", "reply.identify", "reply.selftest", "reply.restart", "reply.diagnostics"),
    ],
}


def test_schemas_and_examples_are_current(assert_current):
    assert_current("generate_schemas.py")


@pytest.mark.parametrize("name", EXAMPLES_OF)
def test_each_message_has_examples_that_its_model_reads(name):
    for example in EXAMPLES_OF[name]:
        MESSAGES[name].model_validate_json(EXAMPLES[example], strict=True)


def test_each_schema_is_linked():
    assert {f"schema/{name}.json" for name in MESSAGES} <= set(re.findall(r"\((schema/[^)]+)\)", PAGE))


def test_the_pages_decision_verifies_with_the_pages_key_and_not_when_altered():
    keys = read_public_keys(EXAMPLES["key"].encode(), "the page")
    message = EXAMPLES["decision"]
    assert read_decision(message.encode(), keys).device == "gate-1"
    with pytest.raises(SignatureError):
        read_decision(message.replace("spoofface", "realface").encode(), keys)


def test_the_pages_python_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "gate-1.jwk").write_text(EXAMPLES["key"])
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict = {}
    exec(code, names)
    names["on_message"](EXAMPLES["decision"].encode())
    assert capsys.readouterr().out == ""
    names["on_message"](EXAMPLES["decision"].replace("spoofface", "realface").encode())
    assert "readable copy differs" in capsys.readouterr().out


def test_every_error_code_and_state_is_explained():
    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert explained >= {code.value for code in CommandErrorCode}
    assert all(f"`{state}`" in PAGE for state in TerminalState)


def test_only_what_a_terminal_is_told_forbids_unknown_fields():
    for name, document in schemas().items():
        forbids = 'additionalProperties": false' in json.dumps(document)
        assert forbids is (name.startswith("cmd.") or name in {"config.desired", "template"}), name


def test_schemas_name_fields_as_they_are_on_the_wire():
    assert "livenessOperationMode" in schemas()["cmd.session.start"]["properties"]
    assert set(schemas()["reply"]["properties"]) == {
        field.alias or name for name, field in CommandReply.model_fields.items()
    }
