"""What must not leave a terminal is taken out of text: secrets that are known, and what looks like one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge.config.values import MASK
from edge.link.key_source import KEY_FILE, NEXT_KEY_FILE
from edge.terminal.doctor.context import Context

# Shorter ones are found in innocent words.
SHORTEST: Final = 4
PASSES: Final = 8
_LARGEST_FILE: Final = 64 * 1024

_PEM: Final = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
# Compact JWS (RFC 7515) and what is shaped like it: three parts of base64url.
_JWS: Final = re.compile(r"[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{20,}")
_NAMED: Final = re.compile(
    r"""(?ix)
    ( ["']? [\w.-]* (?: nonce | passw(?:or)?d | passwd | secret | token | psk | private | credential | correlation
        | authorization | username | session ) [\w.-]* ["']? \s* [=:] \s* )
    ( "[^"]*" | '[^']*' | [^\s,;}\]]+ )
    """
)
# Of the configuration, also where it is written wrongly: `password: x`.
_SECRET_KEY: Final = re.compile(r"(?:user\w*|pass\w*|key\w*|secret\w*|token\w*)[\"']?\s*:\s*[\"']?([^\s\"',}#]+)")
_URL_USER: Final = re.compile(r"(\w+://)[^/\s@]+@")
# Keys, nonces and identifiers in hexadecimal or base64: long, with digits and letters, and no part of a path.
_TOKEN: Final = re.compile(r"(?<![\w/.-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[A-Za-z0-9_+/=-]{24,}(?![\w.-])")


class Redactor:
    """Takes ``secrets`` out wherever they stand; longer ones first."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            # What looks like the mask itself tells nothing.
            if len(secret) >= SHORTEST and secret not in MASK:
                forms.update((secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]))
        self._secrets = sorted(forms, key=len, reverse=True)

    def known(self, text: str) -> str:
        """Without the secrets that are known."""
        for _ in range(PASSES):
            for secret in self._secrets:
                text = text.replace(secret, MASK)
            # A mask beside other letters may make another secret that has stars in it.
            if not any(secret in text for secret in self._secrets):
                break
        return text

    def log(self, text: str) -> str:
        """Lines of a log: also without what looks like a key, nonce, token, signature or identifier of a session."""
        text = _PEM.sub(MASK, self.known(text))
        text = _JWS.sub(MASK, text)
        text = _NAMED.sub(rf"\1{MASK}", text)
        text = _URL_USER.sub(rf"\1{MASK}@", text)
        return _TOKEN.sub(MASK, text)

    def holds_secret(self, content: bytes) -> bool:
        """Whether one of the secrets that are known stands in it."""
        return any(secret.encode() in content for secret in self._secrets)


def secrets_of(context: Context) -> set[str]:
    """User name, password, keys line by line, and where they lie. What this user cannot read can get nowhere."""
    if context.settings is None:
        return _secrets_of_text(context.config)
    settings = context.settings
    found: set[str] = set()
    link = settings.link
    if link.username is not None:
        found.add(link.username)
    files = [settings.state_directory / KEY_FILE, settings.state_directory / NEXT_KEY_FILE]
    for secret in (link.password_file, link.tls.key if link.tls else None):
        if secret is not None:
            found.add(str(secret.path))
            files.append(secret.path)
    for file in files:
        found.update(_lines(file))
    return found


def _secrets_of_text(config: Path) -> set[str]:
    """Of a file that cannot be used: what its secret keys seem to hold, and the files that these may name."""
    found: set[str] = set()
    for line in _lines(config):
        for value in _SECRET_KEY.findall(line):
            found.add(value)
            found.update(_lines(config.parent / value))
    return found


def _lines(file: Path) -> set[str]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE)
    except (OSError, ValueError):
        return set()
    lines = {line.strip() for line in content.decode(errors="replace").splitlines()}
    # What frames a key is no secret.
    return {line for line in lines if line and not line.startswith("-----")}
