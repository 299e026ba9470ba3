import json
import re
from pathlib import Path

from edge.contracts.acceptance import Acceptance, Reason
from edge.contracts.jws import public_jwk, write_decision
from edge.contracts.request_authorization import RequestAuthorization

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")


def table(heading):
    """The first cells of the table below a heading cell."""
    rows = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)


def test_every_reason_is_explained_and_every_rule_that_may_be_loosened():
    assert table("reason") == list(Reason)
    assert table("argument") == list(Acceptance.__dataclass_fields__)


def test_the_pages_python_runs_and_refuses_what_it_should(tmp_path, monkeypatch, capsys, decision, key):
    (tmp_path / "gate-1.jwk").write_text(json.dumps(public_jwk(key, "gate-1")))
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict = {}
    exec(code, names)
    nonce = names["ask"]()
    names["on_reply"](nonce, decision.session_id)
    names["on_decision"](write_decision(decision, key), "ready")
    names["on_decision"](write_decision(decision.model_copy(update={"nonce": nonce}), key), "ready")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("nonceNotOurs: ")
    assert second.startswith("notLive: ")


def test_the_pages_authorization_is_one():
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    RequestAuthorization.model_validate_json(example, strict=True)
