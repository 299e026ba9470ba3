"""What ``cmd/selftest`` tries, on the thread that owns camera, networks and lights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from edge.contracts.doctor import Check
from edge.hardware.ports import Backlight, Illuminator, Screen
from edge.link.outbox import Outbox
from edge.terminal.assembly import Workbench
from edge.terminal.doctor.checking import fail, guarded, ok, skipped
from edge.vision.network import Network, Networks

# From the open camera to its frame; the answer is to be there within ten.
CAMERA_SECONDS: Final = 5.0
_GREY: Final = 128


class Interrupted(Exception):  # noqa: N818 - an ending, not an error
    """Somebody wanted the camera for a session."""


def self_test(
    workbench: Workbench,
    outbox: Outbox,
    *,
    watched: bool,
    unwanted: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Check]:
    """Each check as it is made. watched: whether a look at the camera takes nothing away from it, as it does from
    recordings and scenes. unwanted: asked in between; yes ends it at once.

    Raises Interrupted. Nothing is changed: a row that the outbox takes is taken back, lights are asked alone.
    """
    parts: dict[str, Callable[[], Check]] = {
        "camera": lambda: _camera(workbench, unwanted, clock, watched=watched),
        "networks": lambda: _networks(workbench.networks, clock),
        "outbox": lambda: _outbox(outbox, clock),
        "backlight": lambda: _backlight(workbench.runner.devices.backlight),
        "illuminator": lambda: _illuminator(workbench.runner.devices.illuminator),
        "screen": lambda: _screen(workbench.runner.devices.screen),
    }
    for name, make in parts.items():
        yield from guarded(f"selftest.{name}", make)
        if unwanted():
            raise Interrupted


def _camera(workbench: Workbench, unwanted: Callable[[], bool], clock: Callable[[], float], *, watched: bool) -> Check:
    name = "selftest.camera"
    if not watched:
        return skipped(name, f"not tried: of a camera that is {workbench.capture.value}, each look takes a part away")
    began = clock()
    if not workbench.runner.probe(CAMERA_SECONDS, unwanted):
        return skipped(name, "not tried to the end")
    return ok(name, f"{workbench.runner.camera.name} gave a frame within {clock() - began:.1f} s")


def _networks(networks: Networks | None, clock: Callable[[], float]) -> Check:
    name = "selftest.networks"
    if networks is None:
        return skipped(name, "there are none")
    told = []
    embedding = () if networks.embedding is None else (networks.embedding,)
    for network in (networks.detector, networks.landmarks, *networks.pad, *embedding):
        began = clock()
        if not _gives_numbers(network):
            return fail(
                name,
                f"{network.manifest.id} gives no numbers for an even grey picture",
                "run `livegate models verify`, then restart; if it stays so, look at the board's power and memory",
            )
        told.append(f"{network.manifest.id} {1e3 * (clock() - began):.0f} ms")
    return ok(name, f"each gave numbers for an even grey picture: {', '.join(told)}")


def _gives_numbers(network: Network) -> bool:
    picture = np.full(network.manifest.input.shape[1:], _GREY, np.uint8)
    return all(bool(np.isfinite(output).all()) for output in network.run(picture))


def _outbox(outbox: Outbox, clock: Callable[[], float]) -> Check:
    began = clock()
    outbox.probe()
    return ok("selftest.outbox", f"took a row and gave it back within {1e3 * (clock() - began):.0f} ms")


def _backlight(backlight: Backlight) -> Check:
    name = "selftest.backlight"
    if not backlight.available:
        return skipped(name, "none is configured")
    level = backlight.level()
    return ok(name, "there, and does not tell its level" if level is None else f"at {level:.0%}")


def _illuminator(illuminator: Illuminator) -> Check:
    name = "selftest.illuminator"
    if not illuminator.available:
        return skipped(name, "none is configured")
    output = illuminator.output()
    if output > 0:
        return fail(name, f"lit at {output:.0%} though no session runs", "restart the terminal, and look at the lamp")
    return ok(name, "off")


def _screen(screen: Screen) -> Check:
    name = "selftest.screen"
    return ok(name, "there") if screen.available else skipped(name, "none is configured")
