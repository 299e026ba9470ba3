"""The other side: whoever asks a terminal for sessions and reads its decisions."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import aiomqtt
from aiomqtt.message import Message
from paho.mqtt.properties import Properties

from edge.contracts.config import ReportedConfig
from edge.contracts.decision import Decision
from edge.contracts.device import CommandReply, DeviceEvent, Health, Info, State
from edge.contracts.enums import Alternative, AssuranceLevel, CommandErrorCode, LivenessDecision, LivenessOperationMode
from edge.contracts.jws import EnrolledKeys, OKPKey, SignatureError, Signer, read_decision, read_unverified
from edge.contracts.request_authorization import RequestAuthorization, write_authorization
from edge.contracts.sealing import OpeningKey, SealingKey
from edge.contracts.session import SealedImage, SessionCancel, SessionProgress, SessionStart
from edge.contracts.strict_json import read_message
from edge.contracts.topics import Topics
from edge.errors import LinkError
from edge.link.causes import BrokerError
from edge.link.client import (
    FIRST_ERROR,
    NO_MATCHING_SUBSCRIBERS,
    Client,
    connected,
    publish_properties,
)
from edge.link.options import LinkOptions
from edge.link.reference import reference_of
from edge.link.session_image import ArrivedImages, OpenedImage
from edge.link.trouble import explain

MAX_KEPT: Final = 1000
# Topic and properties of a command, with room to spare.
_HEADERS: Final = 1024
MAX_EXPIRY_SECONDS: Final = 30


class TerminalRefusedError(LinkError):
    """The terminal answered a command with an error; ``code`` says which."""

    def __init__(self, what: str, *, remedy: str, code: CommandErrorCode | None = None) -> None:
        super().__init__(what, remedy=remedy)
        self.code = code


class NoAnswerError(LinkError):
    """No reply, or no decision, within the time given."""


class Verification(StrEnum):
    """What the signature of a decision is worth."""

    VERIFIED = "verified"
    NOT_CHECKED = "not_checked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class HeardDecision:
    """A payload of the ``decision`` topic.

    decision: from the signed bytes; None when they cannot be read. problem: why it is not verified, else "".
    """

    decision: Decision | None
    verification: Verification
    problem: str
    payload: bytes = field(repr=False)

    def accepts(self, least: AssuranceLevel = AssuranceLevel.NONE, *, identical: bool = False) -> bool:
        """Whether it is verified and says ``realface`` at this level of assurance or a higher one.

        identical: and that the person is the one of the reference.

        Whether it came of a live camera, and in time, is the caller's to judge.
        """
        attempt = self.decision.attempt if self.decision else None
        return (
            self.verification is Verification.VERIFIED
            and attempt is not None
            and attempt.result is not None
            and attempt.result.liveness_decision is LivenessDecision.REALFACE
            and attempt.assurance.level >= least
            and (
                not identical
                or (attempt.result.verify_result is not None and attempt.result.verify_result.is_identical)
            )
        )


# What a terminal says beside decisions.
Said = State | Info | Health | ReportedConfig | DeviceEvent | SessionProgress | SealedImage


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a terminal. ``content`` None: it breaks the contract, and ``problem`` says how."""

    topic: str
    content: HeardDecision | Said | None
    problem: str
    retained: bool
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartedSession:
    """What the terminal answered to ``session.start``, and the nonce that its decisions must carry.

    reference: SHA-256 of the reference image that they must name too, where that was asked for.
    image_key: opens the session's image, where one was asked for to be opened here.
    """

    session_id: str
    nonce: str
    transaction: str
    reference: str | None = None
    image_key: OpeningKey | None = None


class Requester:
    """An async context manager: one connection, for one terminal.

    Entering raises LinkError when the broker cannot be reached, or refuses.
    """

    def __init__(
        self,
        options: LinkOptions,
        topics: Topics,
        *,
        keys: EnrolledKeys | None = None,
        name: str = "livegate-cli",
        reply_seconds: float = 10.0,
    ) -> None:
        """keys None: signatures are not checked, and no decision counts as verified.

        name: ``<requester>`` in ``<prefix>/v1/_reply/<requester>/``.
        reply_seconds: how long a reply may take.
        """
        self._options = options
        self._topics = topics
        self._keys = keys
        self._reply_seconds = reply_seconds
        self._identifier = f"{name}-{secrets.token_hex(4)}"
        self._reply_topic = f"{topics.reply_root()}{name}/{secrets.token_hex(8)}"
        self._stack = contextlib.AsyncExitStack()
        self._client: Client | None = None
        self._replies: dict[bytes, asyncio.Future[bytes]] = {}
        self._decisions: deque[HeardDecision] = deque(maxlen=MAX_KEPT)
        self._progress: deque[SessionProgress] = deque(maxlen=MAX_KEPT)
        self._images = ArrivedImages()
        self._hears_images = False
        self._arrived = asyncio.Event()
        self._state: State | None = None
        self._lost: LinkError | None = None

    async def __aenter__(self) -> Self:
        try:
            client = await self._stack.enter_async_context(connected(self._options, self._identifier))
            await client.subscribe_all(
                [self._reply_topic, self._topics.decision, self._topics.state, self._topics.session_event("+")]
            )
        except (aiomqtt.MqttError, LinkError) as error:
            await self._stack.aclose()
            raise explain(error, self._options, self._identifier) from None
        self._client = client
        reading = asyncio.create_task(self._read(client), name="requester-read")
        self._stack.push_async_callback(_cancelled, reading)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client = None
        await self._stack.aclose()

    @property
    def state(self) -> State | None:
        """What the terminal last said of itself; None while nothing was heard."""
        return self._state

    def progress(self, session: StartedSession) -> Sequence[SessionProgress]:
        """What the terminal told of the session so far, in order; it may lack some, as they are sent at QoS 0."""
        return [told for told in self._progress if told.session_id == session.session_id]

    async def start(
        self,
        *,
        mode: LivenessOperationMode = LivenessOperationMode.PASSIVE,
        attempts: int = 1,
        user_correlation_id: str | None = None,
        device_correlation_id: str | None = None,
        alternative: Alternative | None = None,
        authorize: OKPKey | Signer | None = None,
        verify_image: bytes | None = None,
        verify_template: bytes | None = None,
        sealing_key: SealingKey | None = None,
        verify_confidence_threshold: float | None = None,
        return_verify_image_hash: bool = False,
        enable_session_image: bool = False,
        session_image_key: OpeningKey | SealingKey | None = None,
        lifetime: float = 30.0,
    ) -> StartedSession:
        """Ask for a session with a fresh nonce. lifetime: seconds until the command is void.

        device_correlation_id: a UUID, such as the ``id`` of the presence that it answers.
        alternative: for a person whom flashes would harm, or who cannot turn the head; the terminal refuses what
        its policy does not allow. authorize: the private key of a requester whom the terminal knows, which an
        alternative needs.
        verify_image, verify_template: one of them, a file's bytes: whether the person is the one of it is told too.
        It is sealed to sealing_key, the terminal's, and the command goes at QoS 0, which nobody acknowledges.
        session_image_key: to whom the session's image is sealed; with the private half it comes by ``image``.

        Raises TerminalRefusedError, NoAnswerError, LinkError.
        """
        reference = reference_of(verify_image, verify_template, sealing_key)
        if enable_session_image:
            await self._expect_images(session_image_key)
        nonce, identifier = secrets.token_urlsafe(24), secrets.token_urlsafe(16)
        sealed: dict[str, Any] = {} if reference is None else {**reference.sealed(self._topics, identifier)}
        public = session_image_key.public if isinstance(session_image_key, OpeningKey) else session_image_key
        command = SessionStart(
            id=identifier,
            expires_at=time.time() + lifetime,
            liveness_operation_mode=mode,
            number_of_client_attempts_allowed=attempts,
            user_correlation_id=user_correlation_id,
            device_correlation_id=None if device_correlation_id is None else UUID(device_correlation_id),
            nonce=nonce,
            alternative=alternative,
            verify_confidence_threshold=verify_confidence_threshold,
            return_verify_image_hash=return_verify_image_hash,
            enable_session_image=enable_session_image,
            session_image_key=public.jwk_members["x"] if enable_session_image and public else None,
            **sealed,
        )
        if alternative is not None and authorize is not None:
            command = command.model_copy(update={"authorization": self._authorization(command, alternative, authorize)})
        reply = await self._ask("session.start", command, lifetime, stored=reference is None)
        session_id = (reply.data or {}).get("sessionId")
        if not isinstance(session_id, str):
            raise LinkError(
                f"{self._topics.device!r} accepted a session and did not name it",
                remedy="update the terminal",
            )
        return StartedSession(
            session_id,
            nonce,
            command.id,
            reference=reference.sha256 if reference is not None and return_verify_image_hash else None,
            image_key=session_image_key if enable_session_image and isinstance(session_image_key, OpeningKey) else None,
        )

    def _authorization(self, command: SessionStart, alternative: Alternative, key: OKPKey | Signer) -> str:
        content = RequestAuthorization(
            command=command.id,
            site=self._topics.site,
            device=self._topics.device,
            alternative=alternative,
            expires_at=command.expires_at,
        )
        return write_authorization(content, key)

    async def cancel(self, session_id: str, *, lifetime: float = 30.0) -> None:
        """Raises TerminalRefusedError, NoAnswerError, LinkError."""
        command = SessionCancel(id=secrets.token_urlsafe(16), expires_at=time.time() + lifetime, session_id=session_id)
        await self._ask("session.cancel", command, lifetime)

    async def decisions(self, session: StartedSession, *, within: float) -> AsyncIterator[HeardDecision]:
        """Each attempt of the session once, to the last, however often it is delivered.

        A decision with another nonce than the session's is REFUSED; a refused one never ends the waiting.
        Raises NoAnswerError when ``within`` seconds pass before the last one, LinkError when the connection
        is lost.
        """
        deadline = asyncio.get_running_loop().time() + within
        seen: set[object] = set()
        refused = 0
        while True:
            self._arrived.clear()
            for heard in tuple(self._decisions):
                decision = heard.decision
                if decision is None or decision.session_id != session.session_id:
                    continue
                judged = _judge(heard, decision, session, self._topics)
                good = judged.verification is not Verification.REFUSED
                known = (decision.device, decision.boot_count, decision.seq) if good else heard.payload
                if known in seen:
                    continue
                seen.add(known)
                refused += not good
                yield judged
                if good and decision.last_attempt:
                    return
            if self._lost is not None:
                raise self._lost
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrived.wait()
            except TimeoutError:
                told = f"; {refused} were refused" if refused else ""
                raise NoAnswerError(
                    f"no last decision of session {session.session_id} within {within:.0f} s{told}",
                    remedy=f"{self._terminal_now()}; a decision once made is kept there until somebody has it",
                ) from None

    async def image(self, session: StartedSession, *, within: float) -> OpenedImage | None:
        """The session's picture; None: a decision says that none was sent, or none came within so many seconds.

        It is waited for until a decision names it too; without one in time it is given unproven. Call it once.

        Raises SealError where what came does not open or is another than the decision names, LinkError when the
        connection is lost before.
        """
        if session.image_key is None:
            raise LinkError(
                f"session {session.session_id} has no picture that could be opened here",
                remedy="start it with enable_session_image and the private half of session_image_key",
            )
        deadline = asyncio.get_running_loop().time() + within
        while True:
            self._arrived.clear()
            named = self._last_decision(session)
            decision = None if named is None else named.decision
            opened, problem = self._images.find(session.session_id, session.image_key, self._topics, decision)
            if decision is not None and (opened is not None or not _says_sent(decision)):
                break
            if self._lost is not None:
                problem = problem or self._lost
                break
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrived.wait()
            except TimeoutError:
                break
        self._images.clear()
        if opened is None and problem is not None and (decision is None or _says_sent(decision)):
            raise problem
        if opened is None or named is None:
            return opened
        return replace(opened, proven=named.verification is Verification.VERIFIED)

    def _last_decision(self, session: StartedSession) -> HeardDecision | None:
        for heard in tuple(self._decisions):
            decision = heard.decision
            if decision is None or decision.session_id != session.session_id or not decision.last_attempt:
                continue
            judged = _judge(heard, decision, session, self._topics)
            if judged.verification is not Verification.REFUSED:
                return judged
        return None

    async def _expect_images(self, key: OpeningKey | SealingKey | None) -> None:
        if key is None:
            raise LinkError(
                "a session image is sealed to a key, and none was given",
                remedy="make a pair with `livegate key sealing`, and enrol its public half at the terminal",
            )
        if isinstance(key, SealingKey) or self._hears_images:
            return
        try:
            await self._connected().subscribe_all([self._topics.session_image("+")])
        except aiomqtt.MqttError as error:
            raise explain(error, self._options, self._identifier) from None
        self._hears_images = True

    def _connected(self) -> Client:
        if self._client is None:
            raise RuntimeError("use the requester as an async context manager")
        if self._lost is not None:
            raise self._lost
        return self._client

    async def _ask(
        self, verb: str, command: SessionStart | SessionCancel, lifetime: float, *, stored: bool = True
    ) -> CommandReply:
        """stored: whether the broker may store the command, as it may at QoS 1."""
        client = self._connected()
        correlation = command.id.encode()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._replies[correlation] = answer
        topic = self._topics.command(verb)
        try:
            async with asyncio.timeout(self._reply_seconds):
                properties = publish_properties(
                    response_topic=self._reply_topic,
                    correlation=correlation,
                    expiry_seconds=min(MAX_EXPIRY_SECONDS, math.ceil(lifetime)),
                )
                await self._publish(
                    client,
                    topic,
                    command.model_dump_json(by_alias=True, exclude_none=True).encode(),
                    properties,
                    stored,
                )
                payload = await answer
        except TimeoutError:
            raise NoAnswerError(
                f"no reply to {verb} from {self._topics.device!r} within {self._reply_seconds:.0f} s",
                remedy=self._terminal_now(),
            ) from None
        except aiomqtt.MqttError as error:
            raise explain(error, self._options, self._identifier) from None
        finally:
            del self._replies[correlation]
        return _checked(_read_reply(payload), verb, self._topics.device)

    async def _publish(
        self, client: Client, topic: str, payload: bytes, properties: Properties | None, stored: bool
    ) -> None:
        if client.largest_packet is not None and len(payload) + _HEADERS > client.largest_packet:
            raise LinkError(
                f"the broker takes packets of {client.largest_packet} bytes; this command has {len(payload)}",
                remedy="send a smaller reference, or raise the broker's limit (docs/verify.md)",
            )
        if not stored:
            await client.publish(topic, payload, qos=0, properties=properties)
            return
        reason = await client.publish_acknowledged(topic, payload, properties=properties)
        if reason == NO_MATCHING_SUBSCRIBERS:
            raise NoAnswerError(
                f"no terminal listens on {topic}",
                remedy=f"{self._terminal_now()}; check site and device",
            )
        if reason >= FIRST_ERROR:
            raise LinkError(
                f"the broker does not let this client publish on {topic} (0x{reason:02x})",
                remedy="use credentials that may command terminals",
            )

    def _terminal_now(self) -> str:
        if self._state is None:
            return "the terminal has never announced itself to this broker: check that it runs, and its name"
        return f"the terminal says that it is {self._state.state.value!r}"

    async def _read(self, client: Client) -> None:
        try:
            async for message in client.messages:
                self._take(message)
                self._arrived.set()
        except aiomqtt.MqttError as error:
            self._lost = explain(error, self._options, self._identifier)
            for waiting in self._replies.values():
                if not waiting.done():
                    waiting.set_exception(self._lost)
            self._arrived.set()

    def _take(self, message: Message) -> None:
        topic, payload = message.topic.value, bytes(message.payload)
        if topic == self._reply_topic:
            waiting = self._replies.get(getattr(message.properties, "CorrelationData", b""))
            if waiting is not None and not waiting.done():
                waiting.set_result(payload)
        elif topic == self._topics.decision:
            self._decisions.append(hear_decision(payload, self._keys))
        elif topic == self._topics.state:
            with contextlib.suppress(ValueError):
                self._state = read_message(State, payload, extra="ignore")
        elif topic.endswith("/image"):
            self._images.take(payload)
        else:
            with contextlib.suppress(ValueError):
                self._progress.append(read_message(SessionProgress, payload, extra="ignore"))


async def listen(
    options: LinkOptions,
    prefix: str,
    *,
    site: str = "+",
    device: str = "+",
    keys: EnrolledKeys | None = None,
) -> AsyncGenerator[Heard, None]:
    """Everything that terminals publish, until the caller stops.

    Raises LinkError when the connection is lost.
    """
    identifier = f"livegate-listen-{secrets.token_hex(4)}"
    topics = Topics(prefix, site, device)
    filters = [
        topics.state,
        topics.info,
        topics.health,
        topics.config_reported,
        topics.event,
        topics.decision,
        topics.session_event("+"),
    ]
    try:
        async with connected(options, identifier) as client:
            await client.subscribe_all(filters)
            # Many may read decisions and none of the pictures, sealed as they are.
            with contextlib.suppress(BrokerError):
                await client.subscribe_all([topics.session_image("+")])
            async for message in client.messages:
                yield hear(message.topic.value, bytes(message.payload), retained=message.retain, keys=keys)
    except aiomqtt.MqttError as error:
        raise explain(error, options, identifier) from None


def hear_decision(payload: bytes, keys: EnrolledKeys | None) -> HeardDecision:
    """A payload of the ``decision`` topic; never raises on what was received."""
    try:
        if keys is None:
            return HeardDecision(read_unverified(payload), Verification.NOT_CHECKED, "no keys were given", payload)
        return HeardDecision(read_decision(payload, keys), Verification.VERIFIED, "", payload)
    except SignatureError as error:
        with contextlib.suppress(SignatureError):
            return HeardDecision(read_unverified(payload), Verification.REFUSED, str(error), payload)
        return HeardDecision(None, Verification.REFUSED, str(error), payload)


_MESSAGES: Final[dict[str, type[Said]]] = {
    "state": State,
    "info": Info,
    "health": Health,
    "reported": ReportedConfig,
    "event": DeviceEvent,
}


_SESSION_MESSAGES: Final[dict[str, type[Said]]] = {"event": SessionProgress, "image": SealedImage}


def hear(topic: str, payload: bytes, *, retained: bool = False, keys: EnrolledKeys | None = None) -> Heard:
    """Any message of a terminal; never raises on what was received. Unknown fields are ignored."""
    levels = topic.split("/")
    suffix = levels[-1]
    if suffix == "decision":
        decision = _on_its_own_topic(hear_decision(payload, keys), levels)
        return Heard(topic, decision, decision.problem, retained, payload)
    in_session = len(levels) > 2 and levels[-3] == "session"
    model = (_SESSION_MESSAGES if in_session else _MESSAGES).get(suffix)
    if model is None:
        return Heard(topic, None, "no message of the contract has this topic", retained, payload)
    try:
        content = read_message(model, payload, extra="ignore")
    except ValueError as error:
        return Heard(topic, None, str(error), retained, payload)
    return Heard(topic, content, "", retained, payload)


def _on_its_own_topic(heard: HeardDecision, levels: Sequence[str]) -> HeardDecision:
    decision = heard.decision
    if decision is None or heard.verification is not Verification.VERIFIED:
        return heard
    if list(levels[-3:-1]) == [decision.site, decision.device]:
        return heard
    problem = f"it is a decision of {decision.site}/{decision.device}, on another terminal's topic"
    return replace(heard, verification=Verification.REFUSED, problem=problem)


def _judge(heard: HeardDecision, decision: Decision, session: StartedSession, topics: Topics) -> HeardDecision:
    if heard.verification is Verification.REFUSED:
        return heard
    problem = ""
    if (decision.site, decision.device) != (topics.site, topics.device):
        problem = f"it is a decision of {decision.site}/{decision.device}"
    elif decision.nonce != session.nonce:
        problem = "it carries another nonce than this session's"
    elif session.reference is not None and _compared_with(decision) not in {None, session.reference}:
        problem = "it compared the face with another reference image than the one that was sent, or does not say"
    return replace(heard, verification=Verification.REFUSED, problem=problem) if problem else heard


def _compared_with(decision: Decision) -> str | None:
    """SHA-256 of the reference image, or words; None: nothing was compared."""
    result = decision.attempt.result
    if result is None or result.verify_result is None:
        return None
    return result.verify_image_hash or "not told"


def _says_sent(decision: Decision) -> bool:
    report = decision.attempt.session_image
    return report is not None and report.sent


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _read_reply(payload: bytes) -> CommandReply:
    try:
        return read_message(CommandReply, payload, extra="ignore")
    except ValueError as error:
        raise LinkError(f"the terminal's reply breaks the contract: {error}", remedy="update this client") from None


def _checked(reply: CommandReply, verb: str, device: str) -> CommandReply:
    if reply.status == "ok":
        return reply
    code, message = (reply.error.code, reply.error.message) if reply.error else (None, "no reason given")
    raise TerminalRefusedError(f"{device!r} refused {verb}: {code or 'error'}", remedy=message, code=code)
