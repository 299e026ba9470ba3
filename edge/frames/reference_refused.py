"""Why a reference is not compared with anybody."""

from __future__ import annotations

from edge.contracts.enums import ErrorCode
from edge.errors import InputError


class ReferenceRefused(InputError):  # noqa: N818 - a refusal, for which the code says why
    """A reference image or template cannot be used.

    code: what the session that it came for ends with. The words carry nothing of the picture.
    """

    def __init__(self, code: ErrorCode, what: str, *, remedy: str) -> None:
        super().__init__(what, remedy=remedy)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.code, self.what, self.remedy))


def _rebuild(code: ErrorCode, what: str, remedy: str) -> ReferenceRefused:
    return ReferenceRefused(code, what, remedy=remedy)
