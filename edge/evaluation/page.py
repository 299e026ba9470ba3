from edge.evaluation.performance import Performance
from edge.evaluation.provenance import Provenance


def to_html(performance: Performance, provenance: Provenance) -> str:
    return ""
