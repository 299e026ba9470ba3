"""The report in tables, for a terminal or in Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.contracts.enums import EvidenceOutcome
from edge.errors import InputError
from edge.evaluation.attacks.report import (
    INDEPENDENCE,
    PHYSICS,
    SIMULATED,
    AttackReport,
    Figured,
    Spread,
    may_win,
    own_modes,
)
from edge.evaluation.attacks.rows import Row
from edge.evaluation.metrics import Rate
from edge.evaluation.words import COUNTING
from edge.link.files import write_atomically

JSON_FILE: Final = "report.json"
MARKDOWN_FILE: Final = "report.md"
NONE: Final = "-"
SHOWN: Final = 40
"""Sessions that are listed one by one, at most; the JSON has all."""


@dataclass(frozen=True, slots=True)
class Table:
    """title, heads and rows of text."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def notes(report: AttackReport) -> list[str]:
    """Sentences that stand beside the figures wherever they are shown."""
    sessions = f"Sessions: {len(report.rows)}, {report.numbers}."
    return [SIMULATED, COUNTING, PHYSICS, INDEPENDENCE, *own_modes(report.rows), sessions]


def tables_of(report: AttackReport) -> list[Table]:
    """Those that have rows."""
    made = [
        _attacks(report),
        _people(report),
        _kinds_of_people(report),
        _vetoes(report),
        _conditions(report),
        _light(report),
        _drawn(report),
        _errors(report),
        _times(report),
        _sessions("Attacks that were accepted", report.accepted),
        _sessions("People who were refused", report.refused),
    ]
    return [table for table in made if table.rows]


def to_markdown(report: AttackReport) -> str:
    """All notes and tables."""
    parts = ["\n\n".join(notes(report))]
    for table in tables_of(report):
        lines = [table.heads, ["---"] * len(table.heads), *table.rows]
        body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        parts.append(f"### {table.title}\n\n{body}")
    return "\n\n".join(parts) + "\n"


def write_report(report: AttackReport, folder: Path) -> None:
    """``report.json`` and ``report.md``, each whole or not at all. Raises InputError."""
    document = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
    try:
        for name, text in ((JSON_FILE, document), (MARKDOWN_FILE, to_markdown(report))):
            write_atomically(folder / name, text.encode(), mode=0o644)
    except OSError as error:
        raise InputError(
            f"cannot write the report into {folder}: {error.strerror}", remedy="give a folder that can be written"
        ) from error


def share(rate: Rate | None) -> str:
    """``0/150, 0.0 % (at most 2.4 %)``: errors, of how many, and the upper exact 95 % bound."""
    if rate is None or rate.value is None:
        return NONE
    return f"{rate.errors}/{rate.n}, {rate.value:.1%} (at most {rate.high:.1%})"


def _attacks(report: AttackReport) -> Table:
    """By species and surroundings. What may win is marked, and never left out."""
    rows = []
    for species in report.overall.accepted:
        mark = " *" if may_win(species) else ""
        for level, figured in report.by_level.items():
            if species in figured.accepted:
                rows.append((species + mark, level, *_attack_cells(figured, species)))
    return Table(
        "Attacks, by type and surroundings (* may win)",
        ("PAI species", "surroundings", "accepted of presented", "APCER", "APNRR", "APCER by physics"),
        rows,
    )


def _attack_cells(figured: Figured, species: str) -> Iterable[str]:
    yield share(figured.accepted[species])
    yield share(figured.decided.apcer[species])
    missing = figured.decided.apnrr[species]
    yield f"{missing.errors}/{missing.n}"
    yield share(figured.physics.apcer[species])


def _people(report: AttackReport) -> Table:
    groups = [*report.by_level.items(), *report.by_condition.items(), ("all", report.overall)]
    rows = [
        (
            name,
            share(figured.decided.bpcer),
            f"{figured.decided.bpnrr.errors}/{figured.decided.bpnrr.n}",
            share(figured.physics.bpcer),
        )
        for name, figured in groups
        if figured.decided.bpnrr.n
    ]
    return Table("People, by surroundings and condition", ("condition", "BPCER", "BPNRR", "BPCER by physics"), rows)


def _kinds_of_people(report: AttackReport) -> Table:
    groups = [(f"skin reflects {name}", kind) for name, kind in report.skin.items()]
    groups += [(f"wears {name}", kind) for name, kind in report.accessories.items()]
    rows = [(name, share(kind.bpcer), f"{kind.bpnrr.errors}/{kind.bpnrr.n}") for name, kind in groups]
    return Table(
        "People, by reflectance of the skin in green light, and by what they wear", ("", "BPCER", "BPNRR"), rows
    )


def _vetoes(report: AttackReport) -> Table:
    rows = [
        (level, kind.value, share(rate), share(report.unproven[level].get(kind)))
        for level, rates in report.vetoes.items()
        for kind, rate in rates.items()
    ]
    return Table("People, by what spoke against them", ("surroundings", "evidence", "vetoed", "not confirmed"), rows)


def _conditions(report: AttackReport) -> Table:
    rows = []
    for name, figured in report.by_condition.items():
        worst, physics = figured.decided.worst_species, figured.physics.worst_species
        rows.append(
            (
                name,
                f"{worst}: {share(figured.decided.apcer[worst])}" if worst else NONE,
                f"{physics}: {share(figured.physics.apcer[physics])}" if physics else NONE,
            )
        )
    return Table("Attacks, the worst type of each condition", ("condition", "APCER", "APCER by physics"), rows)


def _light(report: AttackReport) -> Table:
    conditions = sorted({name for there in report.light.values() for name in there})

    def cell(counts: Counter[str]) -> str:
        told = counts[EvidenceOutcome.CONFIRMED], counts[EvidenceOutcome.VETO]
        return " / ".join(map(str, (*told, counts.total() - sum(told))))

    return Table(
        "What the light proved: confirmed / vetoed / nothing, those without a response among the last",
        ("type", *conditions),
        [
            (species, *(cell(there.get(name, Counter())) for name in conditions))
            for species, there in report.light.items()
        ],
    )


def _drawn(report: AttackReport) -> Table:
    return Table(
        "Attacks without those that may win, pooled, by what was drawn",
        ("drawn", "accepted of presented", "APCER by physics"),
        [(drawn.what, share(drawn.accepted), share(drawn.physics)) for drawn in report.drawn],
    )


def _errors(report: AttackReport) -> Table:
    rows = [
        (species, ", ".join(f"{count} {code}" for code, count in counts.most_common()))
        for species, counts in report.errors.items()
    ]
    return Table("Presentations without a response, by the error they ended with", ("type", "errors"), rows)


def _times(report: AttackReport) -> Table:
    rows = [
        ("a person's attempt with challenges, s", *_spread(report.active_seconds)),
        ("a person's attempt without, s", *_spread(report.passive_seconds)),
        ("light challenge, s", *_spread(report.light_seconds)),
        ("analysis of a frame, ms, mean of a session", *_spread(report.milliseconds)),
        ("analysis of the frame that took the longest, ms", *_spread(report.worst_milliseconds)),
    ]
    return Table(
        "Times: the session's on the simulated clock, analysis on this machine's", ("", "median", "most", "n"), rows
    )


def _spread(spread: Spread) -> tuple[str, str, str]:
    def shown(value: float | None) -> str:
        return NONE if value is None else f"{value:.2f}"

    return shown(spread.median), shown(spread.most), str(spread.n)


def _sessions(title: str, rows: Sequence[Row]) -> Table:
    more = f"{title} ({SHOWN} of {len(rows)})" if len(rows) > SHOWN else title
    return Table(
        more,
        ("session", "decided by", "why"),
        [
            (f"{row.species}/{row.condition}/{row.number}", ", ".join(row.decided_by), row.reason or NONE)
            for row in rows[:SHOWN]
        ],
    )
