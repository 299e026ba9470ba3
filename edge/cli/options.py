"""Options that several commands take."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

import click

from edge.config.choices import RuntimeChoice
from edge.config.policy import PRESETS, Preset
from edge.contracts.enums import LivenessOperationMode
from edge.evaluation.replay import ReplaySetup
from edge.inference.bundle import ModelChoice, default_models_dir
from edge.inference.calibration import read_calibration

Command = Callable[..., int]


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


calibration_option = click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="A site's calibration, by `livegate calibrate`: shifts the thresholds of the PAD networks that it was made "
    "for. It may be that of any camera: recordings name none.",
)


head_option = click.option(
    "--head",
    type=click.Path(path_type=Path),
    help="Wavefront OBJ file with the head that every person gets, y up and the face towards z; "
    "the key obj of a scene file can name other axes and sizes.",
)


def model_options(command: Command) -> Command:
    """--models, --active, --runtime and --threads, handed over as one ``ModelChoice`` by the name ``models``."""

    @functools.wraps(command)
    def with_choice(
        *, models: Path | None, active: tuple[str, ...], runtime: str, threads: int, **others: object
    ) -> int:
        choice = ModelChoice(models or default_models_dir(), active or None, RuntimeChoice(runtime), threads)
        return command(models=choice, **others)

    described: Command = with_choice
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
        described = option(described)
    return described


def replay_options(command: Command) -> Command:
    """--mode, --policy, --calibration and ``model_options``, handed over as a ``ReplaySetup`` by the name ``setup``."""

    @model_options
    @functools.wraps(command)
    def with_setup(*, models: ModelChoice, policy: str, mode: str, calibration: Path | None, **others: object) -> int:
        setup = ReplaySetup(
            models=models,
            floor=PRESETS[Preset(policy)],
            mode=LivenessOperationMode(mode),
            calibration=read_calibration(calibration) if calibration else None,
        )
        return command(setup=setup, **others)

    return mode_option(policy_option(calibration_option(with_setup)))
