"""A made-up system for the doctor, and the configuration of a terminal on it."""

from __future__ import annotations

import json

import pytest

from edge.config.loader import load
from edge.terminal.doctor.context import Context, Finished, Roots, User

NOW = 1_800_000_000.0
TERMINAL = User("terminal", 4711, frozenset({"terminal"}))


class Programs:
    """What programs say, by their name; one that is not named here is not installed."""

    def __init__(self):
        self.said = {}
        self.asked = []

    def __call__(self, arguments, seconds):
        self.asked.append((tuple(arguments), seconds))
        said = self.said.get(arguments[0])
        if isinstance(said, Exception):
            raise said
        return said if said is None or isinstance(said, Finished) else Finished(0, said, "")


@pytest.fixture
def roots(tmp_path):
    folder = tmp_path / "root"
    made = Roots(**{name: folder / name for name in ("sys", "proc", "dev", "run", "etc", "usr")})
    for name in ("sys", "proc", "dev", "run", "etc", "usr"):
        (folder / name).mkdir(parents=True)
    return made


@pytest.fixture
def programs():
    return Programs()


@pytest.fixture
def site(tmp_path):
    """Writes a site's file; sections of a terminal without hardware where nothing else is said."""

    def write(**sections):
        document = {"camera": {"driver": "replay", "sources": ["a.png"]}, "state_directory": "state"} | sections
        file = tmp_path / "site.yaml"
        file.write_text(json.dumps(document))
        return file

    return write


@pytest.fixture
def context(site, roots, programs):
    def make(*, user=TERMINAL, wall=lambda: NOW, **sections):
        file = site(**sections)
        return Context(config=file, loaded=load(file), roots=roots, user=user, wall=wall, command=programs)

    return make


@pytest.fixture
def unread(tmp_path, roots, programs):
    return Context(config=tmp_path / "none.yaml", roots=roots, user=TERMINAL, wall=lambda: NOW, command=programs)


def written(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
