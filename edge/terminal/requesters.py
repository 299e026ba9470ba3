"""Who may ask for an alternative challenge: the site's own file of requesters' keys."""

from __future__ import annotations

import structlog

from edge.config.settings import Settings
from edge.contracts.enums import CommandErrorCode
from edge.contracts.jws import SignatureError, read_public_keys
from edge.contracts.request_authorization import check_authorization
from edge.contracts.session import SessionStart
from edge.errors import LinkError
from edge.link.options import read_file
from edge.link.payloads import CommandRefused

log = structlog.get_logger(__name__)


def check_requester(request: SessionStart, settings: Settings, now: float) -> None:
    """Raises CommandRefused where the request is for an alternative and no enrolled requester stands for it.

    now: Unix time in seconds. The file is read at each such request, so that a key that was taken out counts no more.
    """
    if request.alternative is None:
        return
    source = settings.link.requesters
    if source is None:
        raise CommandRefused(
            CommandErrorCode.UNAUTHORIZED,
            "this terminal knows no requesters (link.requesters): it plays no alternative",
        )
    try:
        keys = read_public_keys(read_file(source), str(source))
    except LinkError as error:
        log.error("no requester can be heard", error=str(error))
        raise CommandRefused(
            CommandErrorCode.UNAUTHORIZED, "the terminal's file of requesters cannot be used; its log says more"
        ) from error
    try:
        check_authorization(request, keys, site=settings.device.site, device=settings.device.id, now=now)
    except SignatureError as error:
        raise CommandRefused(CommandErrorCode.UNAUTHORIZED, str(error)) from error
