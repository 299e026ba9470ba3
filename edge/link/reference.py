"""The reference that goes with ``session.start``: what the live face is to be compared with, sealed to the terminal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from edge.contracts.base64url import to_base64url
from edge.contracts.sealing import Purpose, SealingKey
from edge.contracts.strict_json import read_message
from edge.contracts.topics import Topics
from edge.contracts.verification import MAX_IMAGE_BYTES, FaceTemplate
from edge.errors import LinkError

_PURPOSES: Final = {"verify_image": Purpose.REFERENCE_IMAGE, "verify_template": Purpose.REFERENCE_TEMPLATE}


@dataclass(frozen=True, slots=True)
class Reference:
    """content: of an image file, or of a template by ``livegate template``. key: the terminal's, enrolled by hand."""

    field_name: str
    content: bytes = field(repr=False)
    key: SealingKey

    def sealed(self, topics: Topics, command: str) -> dict[str, str]:
        """The field of the command, by its name. command: its id."""
        sealed = self.key.seal(self.content, _PURPOSES[self.field_name], topics.site, topics.device, command)
        return {self.field_name: to_base64url(sealed)}

    @property
    def sha256(self) -> str:
        """Of what is sent, hexadecimal, as a decision signs it."""
        return hashlib.sha256(self.content).hexdigest()


def reference_of(image: bytes | None, template: bytes | None, key: SealingKey | None) -> Reference | None:
    """None: without both. Raises LinkError for both at once, without a key, and for what the terminal would refuse."""
    if image is not None and template is not None:
        raise LinkError("a session has one reference, an image or a template", remedy="give one of the two")
    content = template if image is None else image
    if content is None:
        return None
    if key is None:
        raise LinkError(
            "a reference is sealed to the terminal's key, and none was given",
            remedy="carry sealing-key.pub.jwk here from the terminal's state folder (docs/verify.md)",
        )
    if image is not None:
        if not 0 < len(image) <= MAX_IMAGE_BYTES:
            raise LinkError(
                f"a reference image has at most {MAX_IMAGE_BYTES} bytes, not {len(image)}",
                remedy="give a smaller file, or a template",
            )
        return Reference("verify_image", image, key)
    try:
        read = read_message(FaceTemplate, content)
    except ValueError as error:
        raise LinkError(f"this is no template: {error}", remedy="make one with `livegate template`") from None
    # Without the spaces of a person's editor, it has its place in the command.
    return Reference("verify_template", read.model_dump_json(by_alias=True, exclude_none=True).encode(), key)
