"""Sentences that stand beside the figures wherever they are shown."""

from __future__ import annotations

from typing import Final

CERTIFICATION: Final = "Measured as ISO/IEC 30107-3 asks; not a certified evaluation."
INDEPENDENCE: Final = (
    "Exact bounds (Clopper-Pearson, two-sided 95 %) take each presentation as independent of the others. Presentations "
    "of one subject are alike, so the truth may lie further out; the bounds over subjects beside them draw whole "
    "subjects and allow for that."
)
