"""``livegate calibrate``: the thresholds of a site's own camera, from its own bona fide persons."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import click
from click.core import ParameterSource
from rich.table import Table

from edge.cli import output
from edge.cli.options import model_options
from edge.config.loader import load
from edge.config.settings import Settings
from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import ExitCode, InputError
from edge.evaluation.calibrate import (
    ADVISED_PEOPLE,
    FEWEST_PEOPLE,
    FLOOR,
    MODE,
    Capture,
    Estimate,
    LiveCaptor,
    capture_recorded,
    check_references,
    estimate,
    find_recordings,
    write_calibration,
)
from edge.evaluation.replay import Replayer
from edge.inference.bundle import ModelBundle, ModelChoice
from edge.inference.calibration import CameraIdentity
from edge.terminal.assembly import camera_identity, open_hardware, open_models
from edge.vision.pipeline import FaceVision

MODEL_OPTIONS = ("models", "active", "runtime", "threads")
RECORDINGS = CameraIdentity(name=CaptureKind.REPLAY.value, capture=CaptureKind.REPLAY, spectrum=Spectrum.IR_CUT)


@click.command()
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True),
    help="Bona fide captures: a folder with one folder for each person, or an index CSV with subjects.",
)
@click.option("--live", is_flag=True, help="Capture persons now, with the configured camera. No picture is kept.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The site's YAML file: its models, policy and camera. With --from, the captures must be that camera's; "
    "without it they are recordings of no camera, which a terminal refuses and an evaluation takes.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write; default: models.calibration of the configuration."
)
@click.option("--overwrite", is_flag=True, help="Replace a calibration that is there.")
@model_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def calibrate(
    source: Path | None,
    live: bool,
    config: Path | None,
    out: Path | None,
    overwrite: bool,
    models: ModelChoice,
    as_json: bool,
) -> int:
    """Estimate how far each PAD network's threshold moves with this site's camera, from bona fide persons, and write
    it down for `models.calibration`.

    Thresholds do not travel between cameras. No network's goes below the floor of its manifest: a camera that would
    need that is unsuitable, and nothing is written. 20 persons or more are advised.

    Exit code 0: written; 1: the camera is unsuitable; 7: too few persons could be judged.
    """
    if (source is None) != live:
        raise click.UsageError("give either --from FOLDER_OR_INDEX or --live")
    if live and config is None:
        raise click.UsageError("--live needs --config FILE: it names the camera")
    given = click.get_current_context().get_parameter_source
    chosen = [f"--{name}" for name in MODEL_OPTIONS if given(name) is ParameterSource.COMMANDLINE]
    if config is not None and chosen:
        raise click.UsageError(f"--config says which models run, and how: leave {' and '.join(chosen)} out")
    settings = load(config).settings if config is not None else None
    target = out or (settings.models.calibration if settings is not None else None)
    if target is None:
        raise click.UsageError("give --out FILE, or name models.calibration in the configuration")
    if target.exists() and not overwrite:
        raise click.UsageError(f"{target} is there already: give --overwrite or another --out")
    bundle = open_models(settings.models) if settings else models.open()
    networks = [network.manifest for network in bundle.pad]
    check_references(networks)
    if source is not None:
        camera = camera_identity(open_hardware(settings, bundle)[0].camera.traits) if settings else RECORDINGS
        captures = list(_recorded(source, Replayer(bundle, FLOOR, MODE, limits=settings.quality if settings else None)))
    else:
        assert settings is not None  # noqa: S101 - --live needs --config
        camera, captures = _live(settings, bundle)
    policy = settings.policy if settings is not None else FLOOR
    result = estimate(captures, networks, pad_margin=policy.pad_margin, pad_veto_margin=policy.pad_veto_margin)
    calibration = result.calibration(camera, datetime.datetime.now(datetime.UTC).date()) if result.suits else None
    if calibration is not None:
        write_calibration(target, calibration, overwrite=overwrite)
    if as_json:
        written = calibration.model_dump(mode="json") if calibration else None
        output.print_json(result.to_dict() | {"camera": camera.model_dump(mode="json"), "calibration": written})
    else:
        _print(result)
    if calibration is None:
        problems = [network.problem for network in result.networks if network.problem]
        output.tell(f"camera unsuitable, nothing was written: {'; '.join(problems)}")
        return ExitCode.FAILED
    output.tell(f"{target} written for the camera {camera}, sha256 {calibration.sha256}")
    return ExitCode.OK


def _recorded(source: Path, replayer: Replayer) -> Iterator[Capture]:
    recordings = find_recordings(source)
    if recordings.attacks:
        output.tell(f"{recordings.attacks} attacks of the index are left out: only bona fide persons calibrate")
    with output.progress() as bar:
        task = bar.add_task("capturing", total=len(recordings.presentations))
        for person, paths in recordings.presentations:
            try:
                yield capture_recorded(replayer, person, paths)
            except InputError as error:
                output.tell(f"left out: {error.what}")
            bar.advance(task)


def _live(settings: Settings, bundle: ModelBundle) -> tuple[CameraIdentity, list[Capture]]:
    devices, make_clock = open_hardware(settings, bundle)
    captor = LiveCaptor(devices, FaceVision(bundle, settings.quality), make_clock)
    camera = camera_identity(devices.camera.traits)
    names = {network.sha256: network.id for network in bundle.pad}
    captures: list[Capture] = []
    while True:
        people = len({capture.person for capture in captures})
        person = click.prompt(
            f"Code of the person before the camera ({people} so far; nothing: finish)",
            default="",
            show_default=False,
            err=True,
        ).strip()
        if not person and people >= FEWEST_PEOPLE:
            return camera, captures
        if not person:
            output.tell(f"{FEWEST_PEOPLE} persons are the least; Ctrl-C gives up")
            continue
        try:
            capture = captor.capture(person)
        except InputError as error:
            output.tell(f"not captured: {error.what}; {error.remedy}")
        else:
            captures.append(capture)
            margins = ", ".join(f"{names[sha256]} {margin:+.2f}" for sha256, margin in capture.margins)
            output.tell(f"{person}: {margins} over {capture.frames} frames")


def _print(result: Estimate) -> None:
    table = Table(title=f"{result.people} persons, {result.frames} frames; margins in units of the manifest's spread")
    for heading in ("network", "here", "reference", "shrinkage", "shift, logits", "threshold", "shifted", "floor", ""):
        table.add_column(heading)
    for network in result.networks:
        table.add_row(
            network.manifest.id,
            f"{network.location:+.2f}",
            f"{network.reference:+.2f}",
            f"{network.shrink:.2f}",
            f"{network.shift:+.3f}",
            f"{network.pad.threshold:.4f}",
            f"{network.threshold:.4f}",
            f"{network.pad.floor:.4f}",
            "" if network.suits else "below the floor",
        )
    output.console().print(table)
    click.echo(f"persons refused at the manifests' thresholds: {output.percent(result.before)}")
    click.echo(f"persons refused at the shifted thresholds:    {output.percent(result.after)}")
    click.echo(
        f"In brackets exact two-sided 95 % bounds, in which a BPCER may lie with so few persons: {result.people} leave "
        f"one of up to {result.after.high:.0%}. The same persons gave the shift, so others may be refused more often."
    )
    if result.people < ADVISED_PEOPLE:
        click.echo(f"{ADVISED_PEOPLE} persons or more are advised.")
