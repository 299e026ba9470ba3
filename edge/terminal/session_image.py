"""The picture of a session that was asked for one: to whom it may go, sealed in memory, sent once."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from edge.config.settings import Settings
from edge.config.verification import SessionImages
from edge.contracts.base64url import to_base64url
from edge.contracts.enums import CommandErrorCode
from edge.contracts.sealing import SUITE, Purpose, SealError, SealingKey
from edge.contracts.session import AttemptReport, SealedImage, SessionImageReport, SessionStart
from edge.errors import LinkError
from edge.frames.wiping import overwrite_bytes
from edge.link.enrolled_sealing import enrolled_sealing_key
from edge.link.payloads import CommandRefused, refuse
from edge.session.best_picture import Picture
from edge.session.runner import SentPicture

log = structlog.get_logger(__name__)

NO_PICTURE = "no frame was good enough, or its picture is too large for a message"
NO_CONNECTION = "there is no connection to the broker, and no picture waits for one"


def image_key(request: SessionStart, settings: Settings) -> SealingKey | None:
    """To whom the session's picture is sealed; None where the request wants none.

    The file of enrolled keys is read at each such request, so that a key that was taken out counts no more.
    Raises CommandRefused where the site sends none, or none to this key.
    """
    site = settings.session_image
    if not request.enable_session_image:
        return None
    if site.allow is SessionImages.NEVER:
        refuse(CommandErrorCode.POLICY, "this terminal sends no picture of a session (session_image.allow)")
    try:
        key = SealingKey.from_x(request.session_image_key or "")
    except SealError as error:
        raise CommandRefused(CommandErrorCode.MALFORMED, f"sessionImageKey: {error}") from None
    if site.allow is SessionImages.ANY_KEY or site.keys is None:
        return key
    try:
        enrolled = enrolled_sealing_key(site.keys, request.session_image_key or "", settings.device.id)
    except LinkError as error:
        log.error("no session image can be sent", error=str(error))
        raise CommandRefused(
            CommandErrorCode.UNAUTHORIZED, "the terminal's file of session image keys cannot be used; its log says more"
        ) from error
    if enrolled is None:
        refuse(CommandErrorCode.UNAUTHORIZED, f"the key {key.kid} is not enrolled for session images here")
    return key


@dataclass(frozen=True, slots=True)
class PictureSender:
    """Seals a session's picture to ``key`` and hands it over; nothing of it stays here.

    connected, publish: of the link; ``publish`` may be called from any thread.
    """

    site: str
    device: str
    session_id: str
    key: SealingKey
    connected: Callable[[], bool]
    publish: Callable[[SealedImage], None]

    def __call__(self, picture: Picture | None, attempt: AttemptReport) -> SentPicture:
        """On the session's thread."""
        if picture is None:
            return _not_sent(NO_PICTURE)
        try:
            if not self.connected():
                return _not_sent(NO_CONNECTION)
            identifier = uuid.uuid4().hex
            names = (self.site, self.device, self.session_id, identifier)
            sealed = SealedImage(
                session_id=self.session_id,
                attempt_id=attempt.attempt_id,
                session_image_id=identifier,
                suite=SUITE,
                key=self.key.kid,
                sealed=to_base64url(self.key.seal(picture.jpeg, Purpose.SESSION_IMAGE, *names)),
            )
            told = SessionImageReport(
                sent=True, sha256=hashlib.sha256(picture.jpeg).hexdigest(), quality=picture.quality, key=self.key.kid
            )
            self.publish(sealed)
            return SentPicture(told, identifier)
        finally:
            overwrite_bytes(picture.jpeg)


def _not_sent(reason: str) -> SentPicture:
    return SentPicture(SessionImageReport(sent=False, reason=reason))
