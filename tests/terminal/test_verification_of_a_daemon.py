"""A simulated terminal at work: its person against references, pictures of sessions, and references that are none."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json

import cv2
import numpy as np
import pytest

from edge.config.loader import load_bytes
from edge.contracts.enums import CommandErrorCode, ErrorCode, LivenessDecision, QualityForRecognition, ReferenceKind
from edge.contracts.jws import read_public_keys
from edge.contracts.sealing import OpeningKey, read_sealing_keys
from edge.contracts.topics import Topics
from edge.frames.frame import ColourOrder
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.link.embedded import EmbeddedBroker
from edge.link.identity import PUBLIC_KEY_FILE
from edge.link.options import LinkOptions
from edge.link.requester import Requester, TerminalRefusedError
from edge.link.sealing_key import SEALING_PUBLIC_KEY_FILE
from edge.simulation.build import build
from edge.simulation.openpeople import photo
from edge.simulation.scene import load_scene, shipped_scenes
from edge.simulation.terminal import SimulatedTerminal
from edge.terminal.daemon import Daemon

pytest.importorskip("iotcore", reason="the embedded broker is in the extra 'demo'")
pytest.importorskip("openpeople", reason="the simulated person is in the extra 'demo'")

TOPICS = Topics("livegate", "default", "terminal-1")
PATIENCE = 120.0
STRANGER = OpeningKey.generate()
SOMEBODY_ELSE = photo("P002")


@pytest.fixture(scope="module")
def own():
    """A picture of the scene's person, as the simulated camera sees her in other light: a simulated person is not alike
    to her photograph (docs/verify.md).
    """
    scene = load_scene(shipped_scenes() / "bona-fide-bright-passive.yaml")
    unit = SimulatedTerminal([lambda: build(scene, ModelBundle.load(default_models_dir(), verify=False))])
    with unit.camera:
        unit.backlight.set_level(1.0, unit.clock.now())
        frame = None
        while frame is None or unit.clock.now() < 1.0:
            frame = unit.camera.read(1.0) or frame
    return cv2.imencode(".png", frame.in_order(ColourOrder.BGR))[1].tobytes()


VERIFICATION = "{allowed: true, any_qos: true, max_image_bytes: 2000000}"
ANY_KEY = "{allow: any_key}"


class Place:
    """A terminal before which one person stands, in dim light."""

    def __init__(self, folder, broker, *, verification=VERIFICATION, session_image=ANY_KEY):
        self.folder = folder
        self.options = LinkOptions(broker.host, broker.port)
        scene = shipped_scenes() / "bona-fide-dim.yaml"
        self.loaded = load_bytes(
            f"""
device: {{id: {TOPICS.device}, site: {TOPICS.site}}}
camera: {{driver: simulated, scenes: [{scene}]}}
lights: {{backlight: {{driver: simulated}}, screen: {{driver: simulated}}, ambient: {{driver: simulated}}}}
policy: {{preset: kiosk}}
link: {{host: 127.0.0.1, port: {broker.port}}}
verification: {verification}
session_image: {session_image}
state_directory: state
""".encode(),
            folder / "livegate.yaml",
        )

    @contextlib.asynccontextmanager
    async def running(self):
        """The daemon, ready, and a requester that knows its keys."""
        stop, ready = asyncio.Event(), asyncio.Event()
        daemon = Daemon(self.loaded)
        serving = asyncio.create_task(daemon.run(stop, on_ready=ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        state = self.folder / "state"
        keys = read_public_keys((state / PUBLIC_KEY_FILE).read_bytes(), "the terminal")
        ((self.key, _),) = read_sealing_keys((state / SEALING_PUBLIC_KEY_FILE).read_bytes(), "the terminal")
        try:
            async with asyncio.timeout(PATIENCE), Requester(self.options, TOPICS, keys=keys) as requester:
                self.daemon = daemon
                await self.until(lambda: daemon._link.connected)
                yield daemon, requester
        finally:
            stop.set()
            await serving

    async def until(self, true):
        async with asyncio.timeout(PATIENCE):
            while not true():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def session(self, requester, **asked):
        """The last decision, and the session, once the terminal is ready for the next."""
        if "verify_image" in asked or "verify_template" in asked:
            asked["sealing_key"] = self.key
        session = await requester.start(**asked)
        decisions = [heard async for heard in requester.decisions(session, within=PATIENCE)]
        assert [heard.problem for heard in decisions] == [""] * len(decisions)
        await self.until(lambda: self.daemon._session is None)
        return decisions[-1].decision, session


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as embedded:
        yield embedded


def test_a_person_is_the_one_of_an_own_picture_and_not_of_somebody_else_s(tmp_path, broker, own):
    place = Place(tmp_path, broker)
    auditor = OpeningKey.generate()

    async def scenario():
        async with place.running() as (_, requester):
            decision, session = await place.session(
                requester,
                verify_image=own,
                return_verify_image_hash=True,
                enable_session_image=True,
                session_image_key=auditor,
            )
            return (
                decision,
                await requester.image(session, within=PATIENCE),
                await place.session(requester, verify_image=SOMEBODY_ELSE.read_bytes()),
            )

    decision, image, (foreign, _) = asyncio.run(scenario())
    result = decision.attempt.result
    assert result.liveness_decision is LivenessDecision.REALFACE
    assert result.verify_result.is_identical, result.verify_result
    assert result.verify_result.match_confidence > 0.5
    assert result.verify_image_hash == hashlib.sha256(own).hexdigest()
    (reference,) = decision.verify_references
    assert reference.reference_type is ReferenceKind.IMAGE
    assert reference.quality_for_recognition in QualityForRecognition
    assert reference.face_rectangle.width > 100

    assert result.session_image_id == image.session_image_id
    assert image.proven
    told = decision.attempt.session_image
    assert (told.sent, told.key) == (True, auditor.public.kid)
    assert told.sha256 == hashlib.sha256(image.jpeg).hexdigest()
    picture = cv2.imdecode(np.frombuffer(image.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert min(picture.shape[:2]) > 100
    assert not list(tmp_path.rglob("*.jp*g"))

    other = foreign.attempt.result
    assert other.liveness_decision is LivenessDecision.REALFACE
    assert not other.verify_result.is_identical
    assert other.verify_result.match_confidence < 0.5
    assert other.verify_image_hash is None
    assert foreign.attempt.session_image is None


def decision_on(place, **asked):
    async def scenario():
        async with place.running() as (_, requester):
            return (await place.session(requester, **asked))[0]

    return asyncio.run(scenario())


def refusal(place, **asked):
    async def scenario():
        async with place.running() as (_, requester):
            with pytest.raises(TerminalRefusedError) as refused:
                await requester.start(**asked)
            return refused.value.code, str(refused.value)

    return asyncio.run(scenario())


def test_a_reference_that_shows_nobody_ends_the_session_before_the_camera_opens(tmp_path, broker, monkeypatch):
    place = Place(tmp_path, broker)
    blank = cv2.imencode(".png", np.full((400, 400, 3), 127, np.uint8))[1].tobytes()

    async def scenario():
        async with place.running() as (daemon, requester):
            opened = []
            camera = daemon._workbench.runner.devices.camera
            monkeypatch.setattr(camera, "open", lambda: opened.append(True))
            codes = [
                (await place.session(requester, verify_image=image))[0].attempt.error.code
                for image in (blank, SOMEBODY_ELSE.read_bytes()[:5000], b"GIF89a" + bytes(100))
            ]
            return codes, opened

    codes, opened = asyncio.run(scenario())
    assert codes == [
        ErrorCode.FACE_NOT_FOUND,
        ErrorCode.CONTENT_DECODING_ERROR,
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ]
    assert opened == []


def test_a_template_of_another_network_is_named(tmp_path, broker):
    template = b'{"network":"n","sha256":"%s","embedding":"AAAA","qualityForRecognition":"high"}' % (b"0" * 64)
    error = decision_on(Place(tmp_path, broker), verify_template=template).attempt.error
    assert error.code is ErrorCode.UNSUPPORTED_MEDIA_TYPE
    assert "the template was made with n 0000000000000000" in error.message


def test_a_reference_that_is_sealed_to_somebody_else_is_refused_at_once(tmp_path, broker):
    place = Place(tmp_path, broker)
    code, words = refusal(place, verify_image=SOMEBODY_ELSE.read_bytes(), sealing_key=STRANGER.public)
    assert code is CommandErrorCode.UNAUTHORIZED
    assert "does not open" in words


def test_a_reference_that_is_larger_than_the_site_takes_is_refused_at_once(tmp_path, broker):
    place = Place(tmp_path, broker)

    async def scenario():
        async with place.running() as (_, requester):
            with pytest.raises(TerminalRefusedError) as refused:
                await place.session(requester, verify_image=bytes(2_000_001))
            return refused.value.code

    assert asyncio.run(scenario()) is CommandErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("site", "asked", "told"),
    [
        (
            {"verification": "{any_qos: true}"},
            {"verify_image": b"x" * 100, "sealing_key": STRANGER.public},
            "verification.allowed",
        ),
        ({"verification": "{allowed: true, required: true}"}, {}, "VerifyImageNotProvided"),
        (
            {"session_image": "{}"},
            {"enable_session_image": True, "session_image_key": STRANGER},
            "session_image.allow",
        ),
    ],
)
def test_what_a_site_does_not_take_or_demands_is_refused(tmp_path, broker, site, asked, told):
    code, words = refusal(Place(tmp_path, broker, **site), **asked)
    assert code is CommandErrorCode.POLICY
    assert told in words


def test_a_picture_is_sent_to_an_enrolled_key_alone(tmp_path, broker):
    (tmp_path / "keys.jwk").write_text(json.dumps(OpeningKey.generate().public.jwk()))
    place = Place(tmp_path, broker, session_image="{keys: keys.jwk, allow: enrolled}")
    code, words = refusal(place, enable_session_image=True, session_image_key=STRANGER)
    assert code is CommandErrorCode.UNAUTHORIZED
    assert "not enrolled" in words
