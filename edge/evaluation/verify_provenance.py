"""What a measurement of verification was made with, so that somebody else can make it again."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

from edge import __version__
from edge.inference.manifest import Match


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyProvenance:
    """What the comparisons were made with.

    models: SHA-256 by id. embedding: id of the network that compares. match: what its manifest says, if anything.
    source: file that the pairs are of; drawn: how many non-mated ones were drawn by which seed, None where the file
    lists the pairs. confidence: from which two faces match.
    started: ISO 8601 with its offset. seconds: that it took.
    """

    models: dict[str, str]
    embedding: str
    licence: str
    match: Match | None
    runtime: str
    source: str
    source_sha256: str
    drawn: tuple[int, int] | None
    confidence: float
    started: str
    seconds: float
    livegate: str = __version__
    machine: str = f"{platform.machine()} {platform.python_implementation()} {platform.python_version()}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "source": self.source,
            "sourceSha256": self.source_sha256,
            "nonMatedDrawn": {"most": self.drawn[0], "seed": self.drawn[1]} if self.drawn else None,
            "embedding": self.embedding,
            "licence": self.licence,
            "match": self.match.model_dump(mode="json", by_alias=True) if self.match else None,
            "models": self.models,
            "confidence": self.confidence,
            "runtime": self.runtime,
            "started": self.started,
            "seconds": self.seconds,
            "livegate": self.livegate,
            "machine": self.machine,
        }
