"""What the fleet wants of this terminal: heard, judged, kept, tried, and taken back where it does not work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from edge.config.loader import Loaded
from edge.config.pushed import Merged, PushRefused, Remark, merge, protects
from edge.contracts.config import ConfigProblem, DesiredConfig, ReportedConfig
from edge.contracts.device import EventKind
from edge.contracts.enums import CommandErrorCode, ConfigStatus, Service
from edge.errors import ConfigError
from edge.guidance.texts import texts
from edge.link.payloads import CommandRefused
from edge.terminal.desired import (
    Overlay,
    Receipt,
    Record,
    adopted,
    begun,
    committed,
    ended_in_order,
    receipt,
    rejected,
    rolled_back,
    taken,
    to_be_tried,
)
from edge.terminal.desired_record import read_record, write_record
from edge.terminal.trial import Trial, TrialLimits, Verdict

log = structlog.get_logger(__name__)

MOST_TOLD: Final = 10
# From one look at a terminal on trial to the next.
LOOK_SECONDS: Final = 1.0
APPLYING: Final = "a new configuration is being applied; wait for the state ready"
_NOT_WANTED: Final = {
    Service.PAUSED: (CommandErrorCode.PAUSED, "the fleet wants no sessions of this terminal for now"),
    Service.QUARANTINED: (
        CommandErrorCode.QUARANTINED,
        "the fleet wants no sessions of this terminal until an operator has looked",
    ),
}


class DesiredKeeper:
    """For one start of the daemon. What is pushed changes ``loaded`` only by a new start: see ``wants_restart``.

    Belongs to the event loop's thread. Writes are small and rare, and done when a method returns: a lost connection
    cancels whoever awaits.
    """

    def __init__(self, site: Loaded, *, may_try: bool = True) -> None:
        """site: the file alone, in whose state folder the record is. may_try: false where no session may run whatever
        is pushed, so that nothing could show that it works.
        """
        self._site = site
        self._folder = site.settings.state_directory
        self._may_try = may_try
        self._unsaved = False
        self._restart = False
        self._refusal: tuple[ConfigProblem, ...] = ()
        self._misfit: tuple[ConfigProblem, ...] = ()
        self._news: list[tuple[EventKind, str]] = []
        self._trouble: str | None = None
        self._running: Overlay | None = None
        self._merged = Merged(site)
        self._record = read_record(self._folder)
        self._begin()

    @property
    def loaded(self) -> Loaded:
        """In effect: the site's file with what was pushed on top."""
        return self._merged.loaded

    @property
    def trouble(self) -> str | None:
        """Why no session may run with what is in effect: it may demand less than the fleet was told that it does."""
        return self._trouble

    @property
    def wants_restart(self) -> bool:
        """Whether something else is to be in effect than what is. No session should begin then."""
        return self._restart

    @property
    def service(self) -> Service:
        """What the fleet wants of the terminal."""
        return self._record.service

    @property
    def not_wanted(self) -> str | None:
        """Why the fleet wants no sessions; None where it does."""
        if self.service is Service.ACTIVE:
            return None
        return self._record.reason or _NOT_WANTED[self.service][1]

    def admit_session(self) -> None:
        """Raises CommandRefused where none may begin."""
        if self.service is not Service.ACTIVE:
            raise CommandRefused(_NOT_WANTED[self.service][0], f"no session can run: {self.not_wanted}")
        if self._restart:
            raise CommandRefused(CommandErrorCode.BUSY, APPLYING)

    def take_news(self) -> list[tuple[EventKind, str]]:
        """Events that are to be told, each once."""
        news, self._news = self._news, []
        return news

    def reported(self) -> ReportedConfig:
        """As ``config/reported`` has it."""
        record, running = self._record, self._running
        newest = record.problems if record.status is ConfigStatus.REJECTED else ()
        refused = self._refusal or newest or self._misfit
        tried = record.status in (ConfigStatus.PENDING, ConfigStatus.APPLIED)
        in_effect = tried and running is not None and running.rev == record.rev
        # The site's file may demand more, or less, than when it came.
        told = _problems(self._merged.without_effect) if in_effect else record.problems
        return ReportedConfig(
            status=ConfigStatus.REJECTED if refused else record.status,
            rev=None if running is None else running.rev,
            desired_rev=record.rev,
            service=record.service,
            reason=None if record.service is Service.ACTIVE else record.reason,
            config=self.loaded.sha256,
            settings=self._merged.settings,
            problems=refused or told,
        )

    def hear(self, desired: DesiredConfig | CommandRefused) -> None:
        """Received, perhaps again."""
        if isinstance(desired, CommandRefused):
            self._refuse("", desired.message)
            return
        match receipt(self._record, desired):
            case Receipt.OLD:
                self._refuse("rev", f"{desired.rev} is below {self._record.rev}, the newest that was received")
                return
            case Receipt.OTHER_CONTENT:
                self._refuse("rev", f"{desired.rev} was received before with other content; raise it")
                return
            case Receipt.REPEATED if self._record.status is not ConfigStatus.REJECTED:
                self._refusal = ()
                if self._unsaved:
                    self._save(self._record)
                return
        self._refusal = ()
        self._take(desired)

    async def tried_out(
        self,
        trouble: Callable[[], str | None],
        *,
        limits: TrialLimits | None = None,
        look_seconds: float = LOOK_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> bool:
        """Watches a trial to its end, where one is in effect. True: something has changed.

        trouble: what is not well with the terminal now. limits: None for the site's.
        """
        if not self._on_trial:
            return False
        limits = limits or TrialLimits(within=self._site.settings.recovery.trial_seconds)
        trial = Trial(limits, monotonic())
        while not self._restart:
            unwell = trouble()
            match trial.look(unwell, monotonic()):
                case Verdict.PASSED:
                    self._save(committed(self._record))
                    log.info("the pushed configuration works", rev=self._record.good.rev if self._record.good else None)
                    return True
                case Verdict.FAILED:
                    self._roll_back(f"the terminal was not ready with it within {limits.within:g} s: {unwell}")
                    self._restart = True
                    return True
            await asyncio.sleep(look_seconds)
        return False

    def ended_in_order(self) -> None:
        """Call it before a start ends by a signal or to apply something."""
        if self._on_trial and self._record.starts:
            self._save(ended_in_order(self._record))

    @property
    def _on_trial(self) -> bool:
        return self._running is not None and self._running is self._record.trial

    def _begin(self) -> None:
        if self._record.trial is not None and self._may_try:
            self._begin_trial()
        if self._running is None and self._record.good is not None:
            self._go_on_with(self._record.good)
        if self._record.untold is not None:
            log.error("rolled back", reason=self._record.untold)
            self._news.append(("rollback", self._record.untold))
            self._save(self._record.model_copy(update={"untold": None}))

    def _begin_trial(self) -> None:
        # Written before anything else is done with it: what ends this process must have been counted.
        if not self._save(begun(self._record)):
            self._roll_back("its starts cannot be counted, since the state folder cannot be written")
        trial = self._record.trial
        if trial is None:
            return
        try:
            self._merged = self._judged(trial.settings)
            self._running = trial
        except PushRefused as refused:
            self._roll_back(f"the site's file does not take it any more: {_told(refused.problems)}")

    def _go_on_with(self, good: Overlay) -> None:
        try:
            self._merged = self._judged(good.settings)
            self._running = good
        except PushRefused as refused:
            self._misfit = _problems(refused.problems)
            told = f"the pushed configuration of rev {good.rev} does not fit the site's file: {_told(refused.problems)}"
            if protects(good.settings):
                self._trouble = f"{told}. It says what a session must show, so none can run; correct either"
            log.error("a pushed configuration is not in effect", reason=told)
            self._news.append(("configRejected", told))

    def _take(self, desired: DesiredConfig) -> None:
        before = self._record
        overlay = Overlay(rev=desired.rev, settings=desired.settings)
        record = self._decided(taken(before, desired), overlay)
        if record == before:
            self._save(before)
            return
        if not self._save(record) and record.trial is overlay and self._running is not overlay:
            # Nothing would count its starts.
            record = rejected(record, _problems([Remark("", "the state folder cannot be written")]))
            self._record = record.model_copy(update={"trial": before.trial, "starts": before.starts})
        self._tell_taken()

    def _decided(self, record: Record, overlay: Overlay) -> Record:
        """What becomes of the settings; ``loaded`` stays what it is."""
        if not self._may_try:
            return rejected(
                record, _problems([Remark("", "the site's file cannot be used, and nothing that is pushed mends it")])
            )
        try:
            merged = self._judged(overlay.settings)
        except PushRefused as refused:
            return rejected(record, _problems(refused.problems))
        remarks = _problems(merged.without_effect)
        if merged.loaded.sha256 != self.loaded.sha256 or self._restart or self._misfit:
            return to_be_tried(record, overlay, remarks)
        record = adopted(record, overlay, remarks, trying=self._on_trial)
        self._merged, self._running = merged, overlay
        return record

    def _tell_taken(self) -> None:
        record = self._record
        log.info("a desired configuration came", rev=record.rev, status=record.status, service=record.service)
        if record.status is ConfigStatus.REJECTED:
            self._reject(record.problems, record.rev)
        elif record.trial is not None and record.trial is not self._running:
            self._restart = True

    def _judged(self, settings: dict[str, object]) -> Merged:
        """Raises PushRefused."""
        merged = merge(self._site, settings)
        try:
            texts(merged.loaded.settings.guidance.language)
        except ConfigError as error:
            raise PushRefused((Remark("guidance.language", error.what),)) from None
        return merged

    def _refuse(self, path: str, message: str) -> None:
        """Something that is not even a newer wish: nothing of it counts, nor is it kept."""
        refusal = _problems([Remark(path, message)])
        if refusal != self._refusal:
            self._refusal = refusal
            self._reject(refusal, None)

    def _reject(self, problems: tuple[ConfigProblem, ...], rev: int | None) -> None:
        which = "config/desired" if rev is None else f"config/desired of rev {rev}"
        told = f"{which} is rejected: {_told(problems)}"
        log.warning("a desired configuration is rejected", reason=told)
        self._news.append(("configRejected", told))

    def _roll_back(self, reason: str) -> None:
        self._save(rolled_back(self._record, reason))

    def _save(self, record: Record) -> bool:
        """False: it counts in memory alone, and is written at the next chance."""
        if record == self._record and not self._unsaved:
            return True
        self._record = record
        try:
            write_record(self._folder, record)
        except OSError as error:
            log.error("what the fleet wants could not be stored", error=error.strerror)
            self._unsaved = True
        else:
            self._unsaved = False
        return not self._unsaved


def _problems(remarks: Iterable[Remark]) -> tuple[ConfigProblem, ...]:
    return tuple(ConfigProblem(path=remark.path, message=remark.message) for remark in remarks)


def _told(problems: tuple[ConfigProblem, ...] | tuple[Remark, ...]) -> str:
    lines = [f"{problem.path}: {problem.message}" if problem.path else problem.message for problem in problems]
    if len(lines) > MOST_TOLD:
        lines[MOST_TOLD:] = [f"and {len(lines) - MOST_TOLD} more"]
    return "; ".join(lines)
