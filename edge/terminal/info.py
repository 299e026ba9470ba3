"""What the terminal is, for the retained ``info``."""

from __future__ import annotations

import platform

from edge import __version__
from edge.config.loader import Loaded
from edge.contracts.device import Info
from edge.contracts.sealing import SealingKey
from edge.link.identity import Identity
from edge.terminal.assembly import Workbench, capture_kind


def info_of(
    loaded: Loaded,
    identity: Identity,
    workbench: Workbench | None,
    *,
    stands_in: bool,
    sealing_key: SealingKey | None = None,
) -> Info:
    """workbench: None while models and devices are not open. stands_in: ``loaded`` is the last good configuration.

    sealing_key: to which references for this terminal are sealed.
    """
    settings = loaded.settings
    return Info(
        device=settings.device.id,
        site=settings.device.site,
        software=__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        runtime=workbench.runtime if workbench else "not loaded",
        capture=capture_kind(settings.camera),
        modes=settings.policy.modes,
        alternatives=settings.policy.allow_alternatives,
        policy=settings.policy.name,
        models=workbench.model_hashes if workbench else {},
        config=loaded.sha256,
        config_stands_in=stands_in,
        public_key=identity.public_jwk(),
        sealing_key=None if sealing_key is None else sealing_key.jwk(settings.device.id),
    )
