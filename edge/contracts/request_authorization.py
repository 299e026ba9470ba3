"""A requester's word that a person needs an alternative challenge: compact JWS over one command for one terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from edge.contracts.base import SCHEMA_VERSION, Incoming
from edge.contracts.enums import Alternative
from edge.contracts.jws import EnrolledKey, OKPKey, SignatureError, Signer, sign, verify_by
from edge.contracts.session import SessionStart
from edge.contracts.strict_json import read_message

REQUEST_TYPE: Final = "livegate-request+json"


class RequestAuthorization(Incoming):
    """The signed content of ``authorization`` in ``session.start``."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    command: Annotated[str, Field(min_length=8, max_length=64, description="id of the command")]
    site: str
    device: str
    alternative: Alternative
    expires_at: Annotated[
        float,
        Field(gt=0, description="Unix time in seconds; not after expiresAt of the command, as its id is forgotten"),
    ]


def write_authorization(content: RequestAuthorization, key: OKPKey | Signer) -> str:
    """For ``SessionStart.authorization``."""
    return sign(content.model_dump_json(by_alias=True).encode(), key, typ=REQUEST_TYPE)


def check_authorization(
    command: SessionStart, keys: Mapping[str, EnrolledKey], *, site: str, device: str, now: float
) -> None:
    """Whether an enrolled requester asks this terminal for the alternative of this very command.

    now: Unix time in seconds by the terminal's clock. A key that names a device counts on that one alone.
    Raises SignatureError saying what does not fit.
    """
    if command.authorization is None:
        raise SignatureError(
            "an alternative needs the word of an enrolled requester",
            remedy="send 'authorization' (docs/verification.md)",
        )
    signed, key = verify_by(command.authorization, keys, typ=REQUEST_TYPE)
    try:
        content = read_message(RequestAuthorization, signed, strict=True)
    except ValueError as error:
        raise SignatureError(
            f"the authorization breaks the contract: {error}", remedy="write it as docs/verification.md says"
        ) from None
    for name, signed_for, asked in (
        ("command", content.command, command.id),
        ("site", content.site, site),
        ("device", content.device, device),
        ("alternative", content.alternative, command.alternative),
        ("device of its key", key.device or device, device),
    ):
        if signed_for != asked:
            raise SignatureError(
                f"the authorization is for another {name}", remedy="sign one for this command and this terminal"
            )
    if content.expires_at <= now:
        raise SignatureError(
            f"the authorization expired {now - content.expires_at:.1f} s ago by the terminal's clock",
            remedy="sign a new one, and compare the clocks",
        )
    # The terminal forgets the command's id at the command's end: what lives longer could be used again.
    if content.expires_at > command.expires_at:
        raise SignatureError("the authorization outlives its command", remedy="give it the command's expiresAt at most")
