"""Kinds of trouble with a broker, so that the way back may depend on them."""

from __future__ import annotations

from enum import StrEnum

from edge.errors import LinkError


class Cause(StrEnum):
    """What stands between this client and its broker."""

    NETWORK = "network"
    ENDED = "ended"
    BUSY = "busy"
    TAKEN_OVER = "taken_over"
    CREDENTIALS = "credentials"
    ACCESS = "access"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    TLS = "tls"
    REFUSED = "refused"
    OWN_FILES = "own_files"
    FAULT = "fault"


class BrokerError(LinkError):
    """A LinkError that knows its cause."""

    def __init__(self, what: str, *, remedy: str, cause: Cause = Cause.FAULT) -> None:
        super().__init__(what, remedy=remedy)
        self.cause = cause


def cause_of(error: LinkError) -> Cause:
    """What is no BrokerError comes from the files that a connection is made of, before the broker is asked."""
    return error.cause if isinstance(error, BrokerError) else Cause.OWN_FILES
