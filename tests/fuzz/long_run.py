"""Fuzzes the readers of tests/fuzz/targets.py in turns, for as long as is told. ``scripts/fuzz --minutes 3``"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
import traceback
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import TARGETS

ROUND = settings(
    max_examples=500,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.target, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long; a round that was begun is finished")
    parser.add_argument("--target", choices=list(TARGETS), help="this one alone")
    parser.add_argument("--seed", type=int, help="of the first round; drawn where none is given")
    options = parser.parse_args()
    tried: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    findings: dict[tuple[str, str], str] = {}
    first = options.seed if options.seed is not None else secrets.randbelow(2**32)
    names = [options.target] if options.target else list(TARGETS)
    until = time.monotonic() + 60 * options.minutes
    number = first
    while time.monotonic() < until:
        for name in names:
            found = _round(name, number, tried, accepted)
            if found is not None and (name, found[0]) not in findings:
                findings[name, found[0]] = found[1]
                sys.stdout.write(f"FINDING in {name}, --target {name!r} --seed {number}:\n{found[1]}\n")
        number += 1
    for name in names:
        sys.stdout.write(f"{name}: {tried[name]} examples, {accepted[name]} of them accepted\n")
    sys.stdout.write(f"{tried.total()} examples from seed {first}, {len(findings)} findings\n")
    return int(bool(findings))


def _round(name: str, number: int, tried: Counter[str], accepted: Counter[str]) -> tuple[str, str] | None:
    """Where and how something did not hold, with the least example."""

    @seed(number)
    @ROUND
    @given(TARGETS[name].inputs)
    def judge(drawn: object) -> None:
        tried[name] += 1
        accepted[name] += TARGETS[name].judge(drawn)

    try:
        judge()
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} {place.filename}:{place.lineno}", traceback.format_exc()
    return None


if __name__ == "__main__":
    sys.exit(main())
