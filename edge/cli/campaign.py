"""``livegate campaign``: an evaluation at the terminal, with whoever stands before it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from edge.cli import output, tables
from edge.cli.options import mode_option
from edge.cli.signals import interrupted_by_signals
from edge.config.loader import Loaded, load
from edge.contracts.enums import CaptureKind, Label, LivenessOperationMode
from edge.contracts.session import AttemptReport
from edge.errors import ExitCode
from edge.evaluation.campaign import Campaign, Entry, LiveJudge, open_campaign, parse_entry, read_plan
from edge.evaluation.index import parse_label
from edge.evaluation.provenance import Provenance, models_of
from edge.evaluation.report import Report
from edge.evaluation.scores import Score
from edge.guidance.texts import texts
from edge.inference.bundle import ModelBundle
from edge.session.runner import Progress
from edge.terminal.assembly import Workbench, open_models, open_workbench

UNDO, QUIT = "undo", "quit"


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The terminal's YAML file.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for scores.csv, report.json and report.html."
)
@click.option(
    "--attempts",
    type=click.IntRange(1, 100),
    help="Attempts of a subject in a row, which form a transaction; default: those of the policy.",
)
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    help="CSV with label, pai_species, subject and attempt: presented in this order, nothing is asked.",
)
@click.option("--confirm", is_flag=True, help="With --plan: wait for Enter before each attempt.")
@mode_option
@click.option("--json", "as_json", is_flag=True, help="Print what report.json has.")
def campaign(
    config: Path, out: Path, attempts: int | None, plan: Path | None, confirm: bool, mode: str, as_json: bool
) -> int:
    """Judge attempts that are presented to this terminal now, and report ISO/IEC 30107-3 figures with bounds.

    It asks who or what is presented, judges as it judges anybody, and keeps scores, never pictures. Each score is
    kept as soon as it is there: the same command goes on after an interruption. `undo` voids the last attempt; its row
    stays, with the reason.
    """
    if confirm and plan is None:
        raise click.UsageError("--confirm goes with --plan")
    started, clock = datetime.now().astimezone(), time.monotonic()
    entries = read_plan(plan) if plan is not None else None
    loaded = load(config)
    chosen = LivenessOperationMode(mode)
    bundle = open_models(loaded.settings.models)
    workbench = open_workbench(loaded.settings, bundle)
    judge = LiveJudge(workbench, loaded, chosen)
    in_a_row = attempts or loaded.settings.policy.max_attempts
    with interrupted_by_signals(), closing(workbench), open_campaign(out, loaded, bundle, workbench, chosen) as writer:
        running = Campaign(writer)
        resumed = len(running.scores)
        if resumed:
            output.tell(f"{resumed} attempts are there already; going on")
            if workbench.capture is not CaptureKind.LIVE:
                output.tell("the camera's scenes or recordings begin anew, whatever was presented before")
        present = _presenter(running, judge, workbench, loaded)
        try:
            if entries is None:
                _converse(running, present, in_a_row)
            else:
                _follow(running, present, entries, confirm=confirm)
        finally:
            if running.scores:
                report = Report.of(
                    running.scores,
                    _provenance(
                        loaded,
                        bundle,
                        workbench,
                        mode=chosen,
                        attempts=in_a_row,
                        started=started.isoformat(timespec="seconds"),
                        seconds=time.monotonic() - clock,
                        judged=len(running.scores) - resumed,
                        resumed=resumed,
                    ),
                )
                report.write(out)
                tables.print_report(report, out, as_json=as_json)
    return ExitCode.OK


def _presenter(running: Campaign, judge: LiveJudge, workbench: Workbench, loaded: Loaded) -> Callable[[Entry], None]:
    words = texts(loaded.settings.guidance.language)

    def guide(progress: Progress) -> None:
        if progress.prompt is not None:
            output.tell(f"    {words[progress.prompt]}")

    def present(entry: Entry) -> None:
        output.tell(f"{entry.name}: presenting")
        attempt, milliseconds = judge.judge(guide)
        score = running.record(entry, attempt, source=workbench.camera.name, milliseconds=milliseconds)
        output.tell(f"{score.presentation}  {entry.name}: {_outcome(score, attempt)}")

    return present


def _outcome(score: Score, attempt: AttemptReport) -> str:
    if attempt.error is not None:
        return f"{attempt.error.code}: {attempt.error.message}"
    reasons = "; ".join(
        f"{item.kind} {item.outcome}: {item.reason}" for item in attempt.evidence if item.kind in attempt.decided_by
    )
    return f"{score.outcome}, decided by {reasons}"


def _follow(running: Campaign, present: Callable[[Entry], None], entries: Sequence[Entry], *, confirm: bool) -> None:
    while True:
        left = [entry for entry in entries if not running.has(entry)]
        if not left:
            return
        if confirm:
            said = _ask(f"{left[0].name}, {len(left)} left: Enter presents, {UNDO}, {QUIT}", default="")
            if said == QUIT:
                return
            if said == UNDO:
                _undo(running)
            if said:
                continue
        present(left[0])


def _converse(running: Campaign, present: Callable[[Entry], None], in_a_row: int) -> None:
    before: Score | None = running.last
    while True:
        said = _ask(f"bonafide or attack ({UNDO}, {QUIT})", default=before.label.value if before else None)
        if said == QUIT:
            return
        if said == UNDO:
            _undo(running)
            before = running.last
            continue
        entry = _entry(running, said, before, in_a_row)
        if entry is None:
            continue
        said = _ask(f"{entry.name}: Enter presents, c corrects, {QUIT}", default="")
        if said == QUIT:
            return
        if not said:
            present(entry)
            before = running.last


def _entry(running: Campaign, label: str, before: Score | None, in_a_row: int) -> Entry | None:
    """None, after saying why, where something was mistyped."""
    try:
        kind = parse_label(label)
        species = ""
        if kind is Label.ATTACK:
            species = _ask("PAI species", default=before.pai_species or None if before else None)
        known = before.subject if before and (before.label, before.pai_species) == (kind, species) else None
        if known is not None and running.next_attempt(kind, species, known) > in_a_row:
            known = None
        subject = _ask("subject's code", default=known)
        entry = Entry(kind, species, subject, 1)
        following = running.next_attempt(entry.label, entry.pai_species, entry.subject)
        entry = parse_entry(label, species, subject, _ask("attempt", default=str(following)))
    except ValueError as error:
        output.tell(f"again, please: {error}")
        return None
    if running.has(entry):
        output.tell(f"again, please: {entry.name} was presented already; {UNDO} voids the last one")
        return None
    return entry


def _undo(running: Campaign) -> None:
    last = running.last
    if last is None:
        output.tell("there is no attempt to void")
        return
    reason = _ask(f"why is {last.name} ({last.outcome}) void (nothing: leave it)", default="")
    if reason:
        running.void_last(reason)
        output.tell(f"{last.name} is voided and counts nowhere")


def _ask(question: str, *, default: str | None) -> str:
    shown = default not in (None, "")
    answer: str = click.prompt(question, default=default, show_default=shown, err=True)
    return answer.strip()


def _provenance(
    loaded: Loaded,
    bundle: ModelBundle,
    workbench: Workbench,
    *,
    mode: LivenessOperationMode,
    attempts: int,
    started: str,
    seconds: float,
    judged: int,
    resumed: int,
) -> Provenance:
    policy, device = loaded.settings.policy, loaded.settings.device
    return Provenance(
        subject=f"attempts at the terminal {device.id}, camera {workbench.camera}",
        models=models_of(bundle),
        runtime=workbench.runtime,
        policy=policy.name,
        mode=mode.value,
        pad_margin=policy.pad_margin,
        pad_margin_with_light=policy.pad_margin_with_light,
        pad_veto_margin=policy.pad_veto_margin,
        attempts=attempts,
        calibration=workbench.calibration,
        started=started,
        seconds=seconds,
        judged=judged,
        resumed=resumed,
    )
