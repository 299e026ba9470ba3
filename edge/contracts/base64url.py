"""base64url without padding (RFC 4648, section 5), as JOSE writes it."""

from __future__ import annotations

import base64
import binascii
from typing import Final

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def to_base64url(content: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Raises ValueError, also for what does not encode back to the same text."""
    try:
        letters = text.encode("ascii")
        content = base64.urlsafe_b64decode(letters + b"=" * (-len(letters) % 4))
    except (binascii.Error, ValueError):
        letters, content = b"=", b""
    # Python passes over what is no letter, and bits of the last one that stand for nothing.
    rest = len(letters) % 4
    if letters.translate(None, _LETTERS) or (rest and to_base64url(content[-(rest - 1) :]).encode() != letters[-rest:]):
        raise ValueError("this is no base64url")
    return content
