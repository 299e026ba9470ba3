"""The daemon's asyncio side: commands in, states, events and decisions out; sessions run on the inference thread."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from edge.config.cameras import SimulatedCamera
from edge.config.loader import Loaded
from edge.config.settings import Settings
from edge.contracts.config import DesiredConfig
from edge.contracts.device import DeviceEvent, EventKind, Health, Info, PresenceSource, State
from edge.contracts.enums import CommandErrorCode, Service, SessionStatus, TerminalState
from edge.contracts.sealing import SealingKey
from edge.contracts.session import (
    AttemptReport,
    SessionCancel,
    SessionProgress,
    SessionStart,
)
from edge.contracts.verification import VerifyReference
from edge.errors import LivegateError
from edge.frames.reference_refused import ReferenceRefused
from edge.guidance.texts import texts
from edge.link.answering import Data, Deferred
from edge.link.commands import Command
from edge.link.files import claim
from edge.link.identity import Identity
from edge.link.link import Link
from edge.link.outbox import OUTBOX_FILE, Outbox
from edge.link.payloads import CommandRefused
from edge.link.sealing_key import device_opening_key
from edge.liveness.policy import PolicyRefusal, tighten
from edge.session.runner import Progress
from edge.terminal.assembly import (
    Workbench,
    is_watched,
    open_workbench,
    reboot_limits,
    topics,
    watch_limits,
)
from edge.terminal.camera_minder import CameraMinder
from edge.terminal.commands import Commands, Site
from edge.terminal.confinement import confine
from edge.terminal.decisions import RunningSession, decision_of, failed_attempt
from edge.terminal.desired_keeper import DesiredKeeper
from edge.terminal.failures import Failures, limits_of
from edge.terminal.frame_watch import FrameWatch
from edge.terminal.health import BoardReader, Counts, HealthTeller, Moment, assembled
from edge.terminal.hygiene import give_back_free_memory, give_back_pages_of_files, keep_heap_small, keep_memory_private
from edge.terminal.inference import InferenceThread
from edge.terminal.info import info_of
from edge.terminal.last_good import Rejection, Start, remember
from edge.terminal.link_settings import link_options, outbox_limits
from edge.terminal.logs import log_to
from edge.terminal.metrics import Counters, LinkFigures, Sources, outcome_of
from edge.terminal.metrics_server import serve_metrics
from edge.terminal.notify import notify, watchdog_period
from edge.terminal.presence import PresenceTeller
from edge.terminal.reboot import Rebooter
from edge.terminal.references import OpenedReference, open_reference, without_reference
from edge.terminal.requesters import check_requester
from edge.terminal.retry import RETRY_SECONDS, Pauses
from edge.terminal.session_image import PictureSender, image_key
from edge.terminal.tamper import TamperMinder
from edge.terminal.threads import keep_to_one_thread
from edge.terminal.visit import VisitTimes

log = structlog.get_logger(__name__)

T = TypeVar("T")

STOPPING = "the terminal is stopping"
# Longer than a camera process may take to start, kill and start again.
STALLED_SECONDS = 60.0
# What a camera that is tried may take from opening to its first frame: time to replace a capture process twice.
PROBE_SECONDS = 10.0


class Daemon:
    """One terminal. Everything here belongs to the event loop's thread."""

    def __init__(self, loaded: Loaded, rejection: Rejection | None = None) -> None:
        """rejection: of the site's file, where ``loaded`` is the last good configuration.

        Raises LinkError when the state folder cannot be used, ConfigError for a language without prompts.
        """
        self._rejection = rejection
        self._claim = claim(loaded.settings.state_directory)
        self._desired = DesiredKeeper(loaded, may_try=rejection is None or rejection.trouble is None)
        self._loaded = self._desired.loaded
        settings = self._loaded.settings
        self._identity = Identity.open(settings.state_directory, settings.device.id)
        self._outbox = Outbox(settings.state_directory / OUTBOX_FILE, outbox_limits(settings.link))
        self._opening_key = device_opening_key(settings.state_directory, settings.device.id)
        self._texts = texts(settings.guidance.language)
        self._inference = InferenceThread()
        self._workbench: Workbench | None = None
        self._session: RunningSession | None = None
        self._session_task: asyncio.Task[None] | None = None
        self._result: asyncio.Task[None] | None = None
        self._trouble: str | None = self._desired.trouble if rejection is None else rejection.trouble
        self._opening_since: float | None = None
        self._minder: CameraMinder | None = None
        self._camera_trouble: str | None = None
        self._stopping = False
        self._failures = Failures(settings.state_directory, limits_of(settings.back_off))
        site = Site(device=settings.device.id, config=loaded.source, watched=is_watched(settings.camera))
        self._commands = Commands(site, self, self._inference, self._outbox)
        self._tamper = TamperMinder(settings.tamper, tell=self._tell, on_change=self._case_changed)
        self._board = BoardReader(settings.state_directory)
        self._health = HealthTeller(self._read_health, self._tell_health, random=random.SystemRandom().random)
        self._counters = Counters()
        self._visit = VisitTimes()
        self._presence = PresenceTeller(
            settings.presence,
            settings.quality,
            look=self._inference.look,
            end_looks=self._inference.end_looks,
            tell=self._tell_presence,
            on_fault=lambda message: self._tell("fault", message),
            on_camera=self._look_failed,
        )
        self._again = asyncio.Event()
        self._published: State = self._state()
        self._link = Link(
            link_options(settings.link, settings.verification),
            topics(settings.device),
            self._outbox,
            state=self._published,
            info=self._info(),
            on_outbox=self._outbox_used,
            settle_seconds=settings.link.outbox.settle_seconds,
        )
        self._link.publish_reported(self._desired.reported())

    @property
    def settings(self) -> Settings:
        """In effect: the site's, with what was pushed on top."""
        return self._loaded.settings

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None) -> bool:
        """Serves until ``stop`` is set; then cancels a running session, delivers what it can and says goodbye.

        True: it ended by itself, and another Daemon is to take its place, with another configuration in effect.
        """
        async with asyncio.TaskGroup() as tasks:
            link = tasks.create_task(self._link.run(self._handle, self._hear_desired), name="link")
            # While models load, so that an open case is known before the first session.
            tamper = tasks.create_task(self._tamper.run(), name="tamper")
            watchdog = tasks.create_task(self._feed_watchdog(), name="watchdog")
            trial = tasks.create_task(self._try_out(), name="trial")
            if self._rejection is not None:
                log.error("the site's file is rejected", reason=self._rejection.message)
                self._tell("configRejected", self._rejection.message)
            self._tell_news_of_desired()
            if self._may_judge:
                await self._open_workbench()
            self._announce()
            notify("READY=1", f"STATUS={self._published.state}")
            on_ready()
            recovery = tasks.create_task(self._recover(), name="recovery")
            health = tasks.create_task(self._health.run(), name="health")
            presence = tasks.create_task(self._presence.run(), name="presence")
            metrics = tasks.create_task(self._serve_metrics(), name="metrics")
            ends = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._again.wait())}
            await asyncio.wait({*ends, link}, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
            # To systemd a process that starts itself again has not ended.
            notify("STOPPING=1" if stop.is_set() else "STATUS=starting again")
            for task in (recovery, trial, health, tamper, presence, metrics):
                task.cancel()
            await self._wind_up()
            watchdog.cancel()
        # Whoever stops it while it winds up means the process.
        return self._again.is_set() and not stop.is_set()

    @property
    def _may_judge(self) -> bool:
        return (self._rejection is None or self._rejection.trouble is None) and self._desired.trouble is None

    async def _hear_desired(self, desired: DesiredConfig | CommandRefused) -> None:
        try:
            self._desired.hear(desired)
        except Exception as error:
            # It is retained: what ended this connection would end the next one too.
            log.exception("a desired configuration could not be judged")
            self._tell("fault", f"a desired configuration could not be judged: {_told(error)}")
        self._take_up_desired()

    async def _try_out(self) -> None:
        if await self._desired.tried_out(self._unwell):
            self._take_up_desired()

    def _unwell(self) -> str | None:
        """What keeps a configuration on trial from having shown that it works."""
        if self._trouble is not None or self._camera_trouble is not None:
            return self._trouble or self._camera_trouble
        if self._workbench is None:
            return "models and devices are not open"
        if is_watched(self._loaded.settings.camera) and (self._minder is None or not self._minder.seen):
            return "the camera has given no frame"
        return None if self._link.connected else "there is no connection to the broker"

    def _take_up_desired(self) -> None:
        """What the fleet wants may be something else than before."""
        self._tell_news_of_desired()
        if self._session is not None and self._desired.service is Service.QUARANTINED:
            self._session.cancel_reason = "the terminal is quarantined"
        self._link.publish_reported(self._desired.reported())
        self._announce()
        self._start_again_if_wanted()

    def _tell_news_of_desired(self) -> None:
        for kind, message in self._desired.take_news():
            self._tell(kind, message)

    def _start_again_if_wanted(self) -> None:
        # A session that runs ends first, as it began.
        if self._desired.wants_restart and self._session is None:
            self._again.set()

    async def _open_workbench(self) -> None:
        self._opening_since = time.monotonic()
        try:
            self._workbench = await self._inference.open(lambda: open_workbench(self._loaded.settings))
        except Exception as error:
            trouble = str(error)
            if not isinstance(error, LivegateError):
                trouble = f"models and devices could not be opened: {_told(error)}"
            if trouble != self._trouble:
                log.error("no session can run", error=trouble, exc_info=not isinstance(error, LivegateError))
                self._tell("fault", trouble)
            self._trouble = trouble
        else:
            if self._trouble is not None:
                self._tell("recovered", "models and devices are open")
            self._trouble = None
            self._link.publish_info(self._info())
        finally:
            self._opening_since = None

    async def _recover(self) -> None:
        """From what was missing at the start, and from a camera that fails later."""
        if not self._may_judge:
            return
        pauses = Pauses(*RETRY_SECONDS)
        while self._workbench is None:
            await asyncio.sleep(pauses.next())
            await self._open_workbench()
            self._announce()
            notify(f"STATUS={self._published.state}")
        settings, runner = self._loaded.settings, self._workbench.runner
        if not is_watched(settings.camera):
            self._remember()
            return
        recovery = settings.recovery
        self._minder = CameraMinder(
            FrameWatch(watch_limits(recovery), time.monotonic()),
            sight=lambda: runner.sight,
            probe=lambda: self._inference.probe(PROBE_SECONDS, self._wanted),
            session_wanted=self._wanted,
            on_change=self._hear_of_camera,
            rebooter=Rebooter(settings.state_directory, reboot_limits(recovery)) if recovery.reboot else None,
        )
        await self._minder.run()

    def _wanted(self) -> bool:
        """Whether somebody else wants the camera. Any thread."""
        return self._stopping or self._session is not None

    def _hear_of_camera(self) -> None:
        trouble = None if self._minder is None else self._minder.trouble
        if trouble != self._camera_trouble:
            self._camera_trouble = trouble
            if trouble is None:
                self._tell("recovered", "the camera gives frames again")
            else:
                log.error("no session can run", error=trouble)
                self._tell("fault", trouble)
        if self._minder is not None and self._minder.seen:
            self._remember()
        self._announce()
        notify(f"STATUS={self._published.state}")

    def _case_changed(self) -> None:
        if self._tamper.trouble is not None and self._session is not None:
            self._session.cancel_reason = self._tamper.trouble
        self._announce()
        notify(f"STATUS={self._published.state}")

    def _remember(self) -> None:
        """What is in effect has shown that it works."""
        if self._rejection is None:
            remember(self._loaded)

    async def _wind_up(self) -> None:
        self._stopping = True
        if self._session is not None:
            self._session.cancel_reason = STOPPING
        if self._session_task is not None:
            await self._session_task
        if self._result is not None:
            self._result.cancel()
        await self._link.stop()
        self._desired.ended_in_order()
        self._inference.close()
        self._outbox.close()
        os.close(self._claim)

    async def _feed_watchdog(self) -> None:
        period = watchdog_period()
        while period is not None:
            if self.makes_progress(time.monotonic()):
                notify("WATCHDOG=1")
            else:
                log.error("the session hangs, or the camera; the watchdog is left to bite")
            await asyncio.sleep(period)

    def makes_progress(self, now: float) -> bool:
        """Whether a session that runs has looked for a frame of late, and the camera or the parts that are being tried
        have not been so for too long; True where nothing is due.
        """
        if self._session is not None:
            since: float | None = self._session.alive_at
        elif self._presence.looking_since is not None:
            since = self._presence.looking_since
        elif self._minder is not None:
            since = self._minder.probing_since
        else:
            since = self._opening_since
        return since is None or now - since <= STALLED_SECONDS

    async def _handle(self, command: Command) -> Data | Deferred:
        match command:
            case SessionStart():
                return self._start(command)
            case SessionCancel():
                return self._cancel(command)
            case _:
                return self._commands.handle(command)

    def _start(self, request: SessionStart) -> dict[str, Any]:
        if self._stopping:
            raise CommandRefused(CommandErrorCode.BUSY, STOPPING)
        self._desired.admit_session()
        state = self._state()
        if state.state is TerminalState.DEGRADED:
            raise CommandRefused(CommandErrorCode.DEGRADED, f"no session can run: {state.reason}")
        if self._workbench is None:
            raise CommandRefused(CommandErrorCode.BUSY, "the terminal is starting; wait for the state ready")
        if self._session is not None:
            raise CommandRefused(CommandErrorCode.BUSY, f"session {self._session.session_id} is running")
        self._failures.check(request)
        try:
            policy = tighten(self._loaded.settings.policy, request)
        except PolicyRefusal as refusal:
            raise CommandRefused(CommandErrorCode.POLICY, str(refusal)) from refusal
        settings = self._loaded.settings
        check_requester(request, settings, time.time())
        picture_for = image_key(request, settings)
        reference = open_reference(request, settings, self._opening_key)
        self.screen_wanted()
        self._commands.session_begins()
        session = RunningSession(uuid.uuid4().hex, without_reference(request), policy)
        self._visit.started(request.device_correlation_id, time.monotonic())
        self._session = session
        self._counters.sessions_begun += 1
        self._session_task = asyncio.create_task(
            self._run_session(session, reference, self._picture_sender(session, picture_for)),
            name=f"session-{session.session_id}",
        )
        self._session_changed()
        return {"sessionId": session.session_id, "status": SessionStatus.RUNNING.value}

    def _cancel(self, command: SessionCancel) -> dict[str, Any]:
        if self._session is None or self._session.session_id != command.session_id:
            raise CommandRefused(CommandErrorCode.UNKNOWN_SESSION, f"session {command.session_id} is not running")
        self._session.cancel_reason = "cancelled by the requester"
        return {"sessionId": command.session_id}

    def _picture_sender(self, session: RunningSession, key: SealingKey | None) -> PictureSender | None:
        if key is None:
            return None
        device, loop = self._loaded.settings.device, asyncio.get_running_loop()
        return PictureSender(
            site=device.site,
            device=device.id,
            session_id=session.session_id,
            key=key,
            connected=lambda: self._link.connected,
            publish=lambda image: _on(loop, self._link.publish_image, image),
        )

    async def _run_session(
        self, session: RunningSession, reference: OpenedReference | None, send_picture: PictureSender | None
    ) -> None:
        loop = asyncio.get_running_loop()

        def tell(progress: Progress) -> None:
            if progress.prompt is not None:
                self._visit.prompted(time.monotonic())
            loop.call_soon_threadsafe(self._tell_progress, session, progress)

        def told(read: VerifyReference) -> None:
            session.references = (read,)

        def cancelled() -> str | None:
            session.alive_at = time.monotonic()
            return session.cancel_reason

        try:
            report = await self._inference.run(
                session.session_id,
                session.policy,
                session.request.liveness_operation_mode,
                reference=reference,
                on_reference=told,
                send_picture=send_picture,
                cancelled=cancelled,
                on_progress=tell,
                on_attempt=lambda attempt, last: self._decide(session, attempt, last),
            )
            outcome = outcome_of(report.attempts[-1])
            self._counters.session_ended(outcome)
            log.info("session ended", session=session.session_id, outcome=outcome)
        except ReferenceRefused as refused:
            log.info("session ended", session=session.session_id, outcome=refused.code.value)
            self._counters.session_ended(refused.code.value)
            await self._decide_failed(session, failed_attempt(session, refused.code, refused.what))
        except Exception as error:
            log.exception("session failed", session=session.session_id)
            self._counters.session_ended("fault")
            self._tell("fault", f"session {session.session_id} failed: {_told(error)}")
            if not session.decided:
                await self._decide_failed(session, failed_attempt(session))
        finally:
            self._session = None
            self._session_changed()
            self._start_again_if_wanted()
            self._result = asyncio.create_task(self._take_off_result(), name="result")

    async def _take_off_result(self) -> None:
        """Once it could be read, unless the next session comes first."""
        await _time_to_read(self._loaded.settings.guidance.result_seconds)
        try:
            await self._inference.rest()
        except LivegateError as error:
            # The next session finds out for itself, and tells its requester.
            log.warning("the result stays on the screen", error=str(error))

    def _session_changed(self) -> None:
        if self._minder is not None:
            self._minder.session_changed()
        self._announce()

    def _tell_progress(self, session: RunningSession, progress: Progress) -> None:
        self._link.publish_progress(
            SessionProgress(
                session_id=session.session_id,
                attempt_id=progress.attempt,
                state=progress.phase,
                prompt=progress.prompt,
                text=self._texts[progress.prompt] if progress.prompt else None,
                progress=progress.standing.progress,
                seconds_left=progress.standing.countdown,
            )
        )

    def _decide(self, session: RunningSession, attempt: AttemptReport, last: bool, *, counts: bool = True) -> None:
        """On the inference thread: the decision is on disk before the next attempt begins.

        counts: whether an attempt that failed is the person's.
        """
        if self._workbench is None:
            raise RuntimeError("a session ran without a workbench")
        decision = decision_of(
            session,
            attempt,
            last,
            loaded=self._loaded,
            identity=self._identity,
            workbench=self._workbench,
            now=time.time(),
        )
        self._visit.decided(time.monotonic())
        self._link.publish_decision(self._identity.seal(decision))
        if counts:
            self._failures.note(session.request, attempt)
        self._counters.decided(attempt)
        session.attempts_decided += 1
        session.decided = last

    async def _decide_failed(self, session: RunningSession, attempt: AttemptReport) -> None:
        """The requester of a session that ended before its heart could decide still gets a last decision: an error."""
        try:
            await asyncio.to_thread(self._decide, session, attempt, last=True, counts=False)
        except Exception as error:
            log.exception("a decision could not be stored", session=session.session_id)
            self._tell("fault", f"session {session.session_id} ended without a decision: {_told(error)}")

    def _tell(self, kind: EventKind, message: str) -> None:
        self._link.publish_event(DeviceEvent(kind=kind, message=message, at=time.time()))

    def _tell_presence(self, source: PresenceSource) -> bool:
        # One that waited for a connection would ask somebody who has long gone.
        if not self._link.connected:
            return False
        identifier = uuid.uuid4()
        self._visit.announced(source, identifier, time.monotonic())
        message = "a face is before the camera" if source == "face" else "the button was pressed"
        event = DeviceEvent(kind="presence", message=message, at=time.time(), source=source, id=str(identifier))
        self._link.publish_event(event)
        self._counters.somebody_came(source)
        log.info("somebody has come", source=source, presence=event.id)
        return True

    async def _serve_metrics(self) -> None:
        link = self._link
        sources = Sources(
            state=lambda: self._published,
            link=lambda: LinkFigures(link.connected, link.connections, link.refused),
            waiting=lambda: len(self._outbox),
        )
        metrics = self._loaded.settings.metrics
        await serve_metrics(metrics, self._counters, sources, on_fault=lambda told: self._tell("fault", told))

    def _look_failed(self) -> None:
        if self._minder is not None:
            self._minder.session_changed()

    def _outbox_used(self) -> None:
        if not self._link.undelivered:
            self._visit.delivered(time.monotonic())
        self._announce()

    def _state(self) -> State:
        reason = self._tamper.trouble or self._trouble or self._camera_trouble
        if reason is None:
            reason = self._outbox.why_full or self._outbox.trouble
        if self._desired.service is Service.QUARANTINED:
            state, reason = TerminalState.QUARANTINED, self._desired.not_wanted
        elif reason is not None:
            state = TerminalState.DEGRADED
        elif self._desired.service is Service.PAUSED and self._session is None:
            state, reason = TerminalState.PAUSED, self._desired.not_wanted
        elif self._workbench is None:
            state = TerminalState.INIT
        else:
            state = TerminalState.READY if self._session is None else TerminalState.BUSY
        return State(state=state, boot_count=self._identity.boot_count, reason=reason)

    def _announce(self) -> None:
        state = self._state()
        if state != self._published:
            self._published = state
            self._link.publish_state(state)
            self._presence.state_changed(state.state)
            if state.state is not TerminalState.BUSY:
                self._health.news()

    def state(self) -> State:
        """As it is now."""
        return self._state()

    def opened(self) -> Workbench | None:
        """Models and devices; None while they are not open."""
        return self._workbench

    def session_wanted(self) -> bool:
        """Whether a session runs, or the terminal is stopping. Any thread."""
        return self._wanted()

    def screen_wanted(self) -> None:
        """The result of the last session stays no longer than until now."""
        if self._result is not None:
            self._result.cancel()

    def restart(self) -> None:
        """Ends in good order."""
        self._again.set()

    def _read_health(self) -> Health:
        """On another thread than the event loop's."""
        workbench = self._workbench
        return assembled(
            Moment(time.time(), time.monotonic(), self._commands.uptime),
            self._identity.boot_count,
            None if workbench is None else workbench.runner.sight,
            self._board.read(),
            self._outbox.health(),
            Counts(
                sessions=self._counters.sessions_begun,
                decisions=self._counters.decisions.total(),
                connections=self._link.connections,
            ),
        )

    def _tell_health(self, health: Health) -> None:
        self._link.publish_health(health)
        self._counters.health = health

    def _info(self) -> Info:
        stands_in = self._rejection is not None
        key = self._opening_key.public
        return info_of(self._loaded, self._identity, self._workbench, stands_in=stands_in, sealing_key=key)


def _on(loop: asyncio.AbstractEventLoop, work: Callable[[T], None], what: T) -> None:
    """On the loop's thread, unless the loop has gone."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(work, what)


async def _time_to_read(seconds: float) -> None:
    await asyncio.sleep(seconds)


def _told(error: Exception) -> str:
    """Of a fault only the kind leaves the terminal: what it carries may come from a frame."""
    return str(error) if isinstance(error, LivegateError) else f"{type(error).__name__}; the log says more"


def serve(start: Start) -> bool:
    """Runs the terminal until SIGTERM, SIGINT or SIGHUP. Raises LinkError when its state folder cannot be used.

    True: it ended to be started again.
    """
    keep_memory_private()
    confine(start.loaded.settings)
    keep_heap_small(large_outside=not isinstance(start.loaded.settings.camera, SimulatedCamera))
    keep_to_one_thread()
    return asyncio.run(_serve(start))


async def _serve(start: Start) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Of a terminal that was closed; nohup has it ignored.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    daemon = Daemon(start.loaded, start.rejection)
    log_to(daemon.settings.log)
    return await daemon.run(stop, on_ready=_keep_what_the_start_made)


def _keep_what_the_start_made() -> None:
    """Modules, models and devices stay: without this, the collector would go through all of them again and again."""
    gc.collect()
    gc.freeze()
    # It waits until a quarter as many objects have come as it found last time: from now on, of none.
    gc.collect()
    give_back_free_memory()
    give_back_pages_of_files()
