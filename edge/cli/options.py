"""Options that several commands take."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edge.config.choices import RuntimeChoice
from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import LivenessOperationMode
from edge.evaluation.replay import ReplaySetup
from edge.inference.bundle import ModelBundle, default_models_dir

F = TypeVar("F", bound=Callable[..., Any])


def matching(pattern: str, allowed: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """A callback: the pattern matches the whole value, if there is one; ``allowed`` says in words what that is."""

    def check(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(pattern, value):
            raise click.BadParameter(f"{value!r} is not {allowed}.")
        return value

    return check


mode_option = click.option(
    "--mode",
    type=click.Choice([mode.value for mode in LivenessOperationMode]),
    default=LivenessOperationMode.PASSIVE.value,
    show_default=True,
    help="What the session may ask of the person.",
)


policy_option = click.option(
    "--policy",
    type=click.Choice([preset.value for preset in Preset]),
    default=Preset.KIOSK.value,
    show_default=True,
    help="What must be proven. door asks for light evidence, which a replay cannot give.",
)


head_option = click.option(
    "--head",
    type=click.Path(path_type=Path),
    help="Wavefront OBJ file with the head that every person gets, y up and the face towards z; "
    "the key obj of a scene file can name other axes and sizes.",
)


def model_options(command: F) -> F:
    """--models, --active, --runtime and --threads."""
    for option in (
        click.option("--threads", type=click.IntRange(1, 4), default=1, show_default=True),
        click.option(
            "--runtime",
            type=click.Choice([choice.value for choice in RuntimeChoice]),
            default=RuntimeChoice.AUTO.value,
            show_default=True,
            help="TFLite runtime.",
        ),
        click.option("--active", multiple=True, metavar="ID", help="PAD network to use; repeat for several."),
        click.option("--models", type=click.Path(path_type=Path), help="Folder of models; default: those shipped."),
    ):
        command = option(command)
    return command


def replay_setup(
    models: Path | None, active: tuple[str, ...], runtime: str, threads: int, policy: str, mode: str
) -> ReplaySetup:
    """What judges recordings, by ``model_options``, ``policy_option`` and ``mode_option``."""
    return ReplaySetup(
        models=models or default_models_dir(),
        active=active or None,
        runtime=RuntimeChoice(runtime),
        threads=threads,
        floor=PRESETS[Preset(policy)],
        mode=LivenessOperationMode(mode),
    )


def open_bundle(models: Path | None, active: tuple[str, ...], runtime: str, threads: int) -> ModelBundle:
    """Loads and checks the models of those options. Raises ModelError."""
    return ModelBundle.load(
        models or default_models_dir(), runtime=RuntimeChoice(runtime), threads=threads, active=active or None
    )
