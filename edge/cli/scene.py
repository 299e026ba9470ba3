"""``livegate scene``: check, list, describe, render and survey scene files."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.table import Table

from edge.cli import output
from edge.cli.options import head_option, model_options
from edge.config import fields
from edge.config.problems import ConfigProblems
from edge.errors import ExitCode, InputError
from edge.inference.bundle import ModelChoice
from edge.simulation.build import build
from edge.simulation.cast import with_head
from edge.simulation.clip import CODE_LETTERS, film, write_clip
from edge.simulation.contact_sheet import Captioned, check_kind, contact_sheet, look, write_sheet
from edge.simulation.scene import Scene, load_scene, scene_files, shipped_scenes

level = click.FloatRange(0.0, 1.0)


@click.group()
def scene() -> None:
    """Scene files of the simulated terminal: check, list, render, sheet, schema."""


@scene.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> int:
    """Say everything that is wrong with FILES, with line, column and suggestion. Exit code 3 if anything is."""
    wrong = False
    for file in files:
        try:
            click.echo(f"{file} is correct: {load_scene(file).title}")
        except ConfigProblems as error:
            wrong = True
            click.echo(f"{error.what}\n  {error.remedy}", err=True)
    return ExitCode.CONFIG if wrong else ExitCode.OK


@scene.command("list")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def list_scenes(folder: Path | None) -> int:
    """List the scenes of FOLDER (default: those that come with livegate): what is shown, what is asked, what must come
    of it.
    """
    table = Table()
    for heading in ("file", "title", "truth", "mode", "expected"):
        table.add_column(heading)
    for file in scene_files(folder or shipped_scenes()):
        table.add_row(file.name, *_cells(load_scene(file)))
    output.console().print(table)
    return ExitCode.OK


@scene.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="An .mp4 or .avi, a .png (the last frame), or a folder.",
)
@click.option("--seconds", type=click.FloatRange(0.0, 120.0, min_open=True), default=3.0, show_default=True)
@click.option("--backlight", type=level, help="Level of the display; default: as it is at rest.")
@click.option("--lamp", type=level, default=0.0, show_default=True, help="Output of the lamp beside the camera.")
@click.option(
    "--code",
    type=click.UNPROCESSED,
    callback=lambda _, __, value: _code(value),
    metavar="LETTERS",
    help="What the display shows, each letter for 0.25 s: F full, L left, R right, B black, G guidance.",
)
@head_option
@model_options
def render(
    file: Path,
    out: Path,
    seconds: float,
    backlight: float | None,
    lamp: float,
    code: str,
    head: Path | None,
    models: ModelChoice,
) -> int:
    """Write what the camera sees of the scene in FILE, beginning with its first frame."""
    stage = build(with_head(load_scene(file), head), models.open())
    frames = film(stage, seconds, backlight=backlight, lamp=lamp, code=[CODE_LETTERS[letter] for letter in code])
    begin = time.perf_counter()
    count = write_clip(frames, out, stage.fps)
    spent = time.perf_counter() - begin
    click.echo(f"{out}: {count} frames of {stage.camera.width} x {stage.camera.height}, {count / spent:.0f} frames/s")
    return ExitCode.OK


@scene.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A .jpg or a .png.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.0, 120.0, min_open=True),
    default=1.0,
    show_default=True,
    help="When each scene is looked at; automatic exposure needs about half a second.",
)
@click.option("--columns", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option(
    "--width", type=click.IntRange(32, 1920), default=240, show_default=True, help="Pixels, of each scene's picture."
)
@head_option
@model_options
def sheet(
    folder: Path | None,
    out: Path,
    seconds: float,
    columns: int,
    width: int,
    head: Path | None,
    models: ModelChoice,
) -> int:
    """Write one picture of all scenes of FOLDER (default: those that come with livegate), each as its camera sees it
    with the display at full.
    """
    check_kind(out)
    scenes = {file: with_head(load_scene(file), head) for file in scene_files(folder or shipped_scenes())}
    bundle = models.open()
    pictures = []
    with output.progress() as bar:
        task = bar.add_task("rendering", total=len(scenes))
        for file, given in scenes.items():
            try:
                pictures.append(Captioned(look(build(given, bundle), seconds), given.title))
            except InputError as error:
                raise InputError(f"{file}: {error.what}", remedy=error.remedy) from error
            bar.advance(task)
    pixels = contact_sheet(pictures, columns=columns, width=width)
    write_sheet(pixels, out)
    click.echo(f"{out}: {len(pictures)} scenes, {pixels.shape[1]} x {pixels.shape[0]}")
    return ExitCode.OK


@scene.command()
def schema() -> int:
    """Print the JSON Schema of scene files, for editors."""
    output.print_json(fields.schema(Scene))
    return ExitCode.OK


def _code(letters: str | None) -> str:
    letters = (letters or "").upper()
    if set(letters) - set(CODE_LETTERS):
        raise click.BadParameter(f"{letters!r} has letters other than {', '.join(CODE_LETTERS)}.")
    return letters


def _cells(given: Scene) -> tuple[str, ...]:
    truth = "nobody to judge"
    if given.presentation is not None:
        truth = given.presentation.pai_species or given.presentation.label.value
    expected = ""
    if given.expect is not None:
        expected = ", ".join(filter(None, (given.expect.light_level, given.expect.error)))
    return given.title, truth, given.session.mode.value, expected
