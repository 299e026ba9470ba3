"""``livegate attacks``: simulated people and attacks before simulated terminals."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich import table as rich
from rich.markup import escape

from edge.cli import output
from edge.cli.options import head_option, model_options
from edge.config.loader import load
from edge.config.policy import PRESETS, PolicyFloor, Preset, WhenPadNotApplicable
from edge.contracts.enums import LivenessOperationMode
from edge.errors import ExitCode, InputError
from edge.evaluation.attacks.catalogue import (
    SET_ASIDE,
    SPECIES,
    Case,
    catalogue_cases,
    chosen_species,
    named_case,
    scene_cases,
)
from edge.evaluation.attacks.conditions import CONDITIONS, Group, chosen_conditions
from edge.evaluation.attacks.pictures import draw_pictures, lit_pictures
from edge.evaluation.attacks.report import AttackReport
from edge.evaluation.attacks.rows import Row
from edge.evaluation.attacks.run import check_head, chosen_numbers, identity, open_run, play
from edge.evaluation.attacks.session import BenchSetup, Presenter
from edge.evaluation.attacks.tables import notes, tables_of, write_report
from edge.evaluation.provenance import Provenance, models_of
from edge.inference.bundle import ModelChoice
from edge.simulation.contact_sheet import check_kind


@click.command()
@click.option(
    "--scenes",
    type=click.Path(path_type=Path),
    help="Folder of scene files to play instead of the catalogue; mode and policy are those of this command.",
)
@head_option
@click.option(
    "--seeds", type=click.IntRange(1, 100_000), default=2, show_default=True, help="Sessions a type and condition."
)
@click.option(
    "--first",
    type=click.IntRange(0, 1_000_000),
    default=0,
    show_default=True,
    help=f"Number of the first session. From {SET_ASIDE} on numbers are set aside: nothing is tuned on them.",
)
@click.option(
    "--types", multiple=True, metavar="TYPE", help=f"Of {', '.join(SPECIES)}; repeat for several; default: all."
)
@click.option(
    "--conditions",
    multiple=True,
    metavar="CONDITION",
    help=f"Of {', '.join(CONDITIONS)}, or a group of them: {', '.join(Group)}; repeat for several; default: core.",
)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in LivenessOperationMode]),
    default=LivenessOperationMode.PASSIVE_ACTIVE.value,
    show_default=True,
    help="What the session may ask of the person.",
)
@click.option(
    "--policy",
    type=click.Choice([preset.value for preset in Preset]),
    help="What must be proven; default: door.",
)
@click.option(
    "--config", type=click.Path(path_type=Path), help="A terminal's YAML file, whose policy holds instead of --policy."
)
@click.option(
    "--without-pad",
    is_flag=True,
    help="Before a camera that passes infrared alone, light and motion decide, whatever the policy says of it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for rows.csv, report.json and report.md; with --pictures a .jpg or a .png.",
)
@click.option("--fresh", is_flag=True, help="Throw away what the folder has of an earlier run.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes; default: one for each processor.")
@click.option(
    "--pictures",
    multiple=True,
    metavar="TYPE/CONDITION/NUMBER",
    help="Draw the room's light, the display's and their quotients of this session, and play nothing; may be repeated.",
)
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print what report.json has.")
def attacks(
    scenes: Path | None,
    head: Path | None,
    seeds: int,
    first: int,
    types: tuple[str, ...],
    conditions: tuple[str, ...],
    mode: str,
    policy: str | None,
    config: Path | None,
    without_pad: bool,
    out: Path | None,
    fresh: bool,
    jobs: int | None,
    pictures: tuple[str, ...],
    models: ModelChoice,
    as_json: bool,
) -> int:
    """Play simulated people and attacks to simulated terminals, and report ISO/IEC 30107-3 figures with exact bounds.

    Everything about a session is drawn from its type, condition and number: the same name is the same session. With
    --out each row is kept as soon as it is there: the same command goes on after an interruption, and others with the
    same rules add to it.

    Exit code 0: all was played, whatever was decided.
    """
    check_head(head)
    if pictures:
        return _draw(pictures, head, out, models)
    if fresh and out is None:
        raise click.UsageError("--fresh goes with --out")
    if scenes is not None and (types or conditions):
        raise click.UsageError("--types and --conditions choose from the catalogue: leave them out with --scenes")
    if policy is not None and config is not None:
        raise click.UsageError("--policy and --config both say what must be proven: give one of them")
    floor = _floor(policy, config, without_pad=without_pad)
    started, clock = datetime.now().astimezone(), time.monotonic()
    numbers = chosen_numbers(first, seeds)
    cases = _cases(scenes, head, numbers, types, conditions)
    setup = BenchSetup(models, floor, LivenessOperationMode(mode))
    presenter = Presenter(models.open(), setup.floor, setup.mode)
    facts = identity(setup, presenter.bundle, numbers=numbers, scenes=scenes, head=head)
    jobs = jobs or os.cpu_count() or 1
    with open_run(out, facts, fresh=fresh) as run:
        todo = run.remaining(cases)
        with output.progress() as bar:
            task = bar.add_task("sessions", total=len(cases), completed=len(cases) - len(todo))

            def keep(row: Row) -> None:
                run.add(row)
                bar.advance(task)

            try:
                play(setup, presenter, todo, jobs, keep)
            except KeyboardInterrupt:
                if out is not None:
                    output.tell(f"livegate: stopped with {len(run.rows)} sessions played; the same command goes on")
                raise
        provenance = Provenance(
            subject="simulated presentations",
            models=models_of(presenter.bundle),
            runtime=str(presenter.bundle.runtime),
            policy=setup.floor.name,
            mode=setup.mode.value,
            pad_margin=setup.floor.pad_margin,
            pad_margin_with_light=setup.floor.pad_margin_with_light,
            pad_veto_margin=setup.floor.pad_veto_margin,
            attempts=1,
            jobs=jobs,
            started=started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - clock,
            judged=len(run.rows) - run.resumed,
            resumed=run.resumed,
        )
        report = AttackReport.of(run.rows.values(), provenance, numbers=str(facts["numbers"]))
    if out is not None:
        write_report(report, out)
    if as_json:
        output.print_json(report.to_dict())
    else:
        _print(report)
    return ExitCode.OK


def _floor(policy: str | None, config: Path | None, *, without_pad: bool) -> PolicyFloor:
    floor: PolicyFloor = load(config).settings.policy if config is not None else PRESETS[Preset(policy or Preset.DOOR)]
    if not without_pad:
        return floor
    # No preset's rules, so no preset's name.
    changed = {"name": "bench", "when_pad_not_applicable": WhenPadNotApplicable.LIGHT_AND_MOTION}
    return floor.model_copy(update=changed)


def _cases(
    scenes: Path | None, head: Path | None, numbers: range, types: Sequence[str], conditions: Sequence[str]
) -> list[Case]:
    if scenes is None:
        where = chosen_conditions(conditions or [Group.CORE])
        return catalogue_cases(chosen_species(types), where, numbers, head)
    cases, left_out = scene_cases(scenes, numbers, head)
    for file in left_out:
        output.tell(f"left out: {file} does not say what is presented")
    return cases


def _draw(names: Sequence[str], head: Path | None, out: Path | None, models: ModelChoice) -> int:
    if out is None:
        raise click.UsageError("--pictures needs --out with a .jpg or a .png")
    check_kind(out)
    cases = [named_case(name, head) for name in names]
    bundle = models.open()
    drawn = []
    with output.progress() as bar:
        task = bar.add_task("drawing", total=len(cases))
        for case in cases:
            try:
                drawn.append((case.name, lit_pictures(case.scene, bundle)))
            except InputError as error:
                raise InputError(f"{case.name}: {error.what}", remedy=error.remedy) from error
            bar.advance(task)
    draw_pictures(drawn, out)
    click.echo(f"{out}: {len(drawn)} simulated sessions")
    return ExitCode.OK


def _print(report: AttackReport) -> None:
    console = output.console()
    for given in tables_of(report):
        shown = rich.Table(title=escape(given.title), title_justify="left")
        for heading in given.heads:
            shown.add_column(heading)
        for row in given.rows:
            shown.add_row(*map(escape, row))
        console.print(shown)
    for note in notes(report):
        console.print(escape(note))
    spent = report.provenance.seconds
    console.print(
        f"{report.provenance.judged} sessions in {spent:.0f} s of real time, {report.provenance.jobs} processes."
    )
