"""A session's picture where it arrives: opened, and held against the decision that names it."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from edge.contracts.decision import Decision
from edge.contracts.sealing import SUITE, OpeningKey, Purpose, SealError, sealed_bytes
from edge.contracts.session import SealedImage
from edge.contracts.strict_json import read_message
from edge.contracts.topics import Topics
from edge.errors import LinkError

MAX_IMAGES: Final = 8
_JPEG: Final = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """One picture of a person.

    proven: a decision that an enrolled key signed has its SHA-256. Until then it may be anybody's: to seal takes the
    public key alone.
    """

    session_id: str
    attempt_id: int
    session_image_id: str
    jpeg: bytes = field(repr=False)
    proven: bool = False

    @property
    def sha256(self) -> str:
        """Of the JPEG, hexadecimal."""
        return hashlib.sha256(self.jpeg).hexdigest()


def read_sealed_image(payload: bytes) -> SealedImage:
    """A payload of ``session/<id>/image``. Raises SealError."""
    if len(payload) > SealedImage.max_bytes:
        raise SealError(
            f"{len(payload)} bytes are no message with a session image; it has at most {SealedImage.max_bytes}",
            remedy="give a message of the topic session/<id>/image",
        )
    try:
        return read_message(SealedImage, payload, extra="ignore")
    except ValueError as error:
        raise SealError(
            f"this is no sealed session image: {error}",
            remedy="give a message of the topic session/<id>/image, as it came",
        ) from None


def open_image(message: SealedImage, key: OpeningKey, site: str, device: str) -> OpenedImage:
    """site, device: of the topic that it came on, or of its decision. Raises SealError."""
    if message.suite != SUITE:
        raise SealError(
            f"the session image is sealed by {message.suite[:80]!r}; this reader knows {SUITE}",
            remedy="update the reader",
        )
    if message.key != key.public.kid:
        raise SealError(
            f"the session image is sealed to key {message.key[:64]!r}, and this one is {key.public.kid}",
            remedy="give the key whose public half was the session's sessionImageKey",
        )
    names = (site, device, message.session_id, message.session_image_id)
    jpeg = key.open(sealed_bytes(message.sealed), Purpose.SESSION_IMAGE, *names)
    if not jpeg.startswith(_JPEG):
        raise SealError("the session image opens, and is no JPEG", remedy="distrust it: no terminal sends that")
    return OpenedImage(message.session_id, message.attempt_id, message.session_image_id, jpeg)


def check_named(image: OpenedImage, decision: Decision) -> None:
    """Raises SealError where the decision names another picture, or none."""
    wrong = _difference(image, decision)
    if wrong:
        raise SealError(
            f"the session image is not the decision's: {wrong}",
            remedy="distrust it: whoever may write to the broker can seal one",
        )


def _difference(image: OpenedImage, decision: Decision) -> str:
    report, result = decision.attempt.session_image, decision.attempt.result
    if (decision.session_id, decision.attempt.attempt_id) != (image.session_id, image.attempt_id):
        return f"it is of session {image.session_id}, attempt {image.attempt_id}; the decision is of another"
    if report is None or not report.sent:
        return "the decision says that no session image was sent"
    if result is not None and result.session_image_id not in {None, image.session_image_id}:
        return f"its id is {image.session_image_id}; the decision names {result.session_image_id}"
    if report.sha256 != image.sha256:
        return f"its SHA-256 is {image.sha256}; the decision names {report.sha256}"
    return ""


class ArrivedImages:
    """The last ``MAX_IMAGES`` payloads of a terminal's ``session/<id>/image``, sealed as they came."""

    def __init__(self) -> None:
        self._payloads: deque[bytes] = deque(maxlen=MAX_IMAGES)

    def take(self, payload: bytes) -> None:
        self._payloads.append(payload)

    def clear(self) -> None:
        self._payloads.clear()

    def find(
        self, session_id: str, key: OpeningKey, topics: Topics, decision: Decision | None
    ) -> tuple[OpenedImage | None, LinkError | None]:
        """The session's picture, with ``decision`` the one that it names; else what is wrong with the last that came.

        Both are None where none came.
        """
        problem: LinkError | None = None
        for payload in self._payloads:
            try:
                message = read_sealed_image(payload)
                if message.session_id != session_id:
                    continue
                opened = open_image(message, key, topics.site, topics.device)
                if decision is not None:
                    check_named(opened, decision)
            except SealError as error:
                problem = error
            else:
                return opened, None
        return None, problem
