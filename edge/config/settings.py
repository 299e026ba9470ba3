"""What a terminal can be told. `edge.config.loader` reads it from the site's YAML file.

Frozen. Each field is read by something and states its unit; a key that nobody reads is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from edge.config.back_off import BackOff
from edge.config.cameras import Camera, Picamera2Camera, ReplayCamera, SimulatedCamera, V4l2Camera
from edge.config.choices import RuntimeChoice
from edge.config.lights import Lights, SdlScreen, SimulatedLight
from edge.config.policy import PRESETS, PolicyFloor, Preset, loosens
from edge.config.presence import Metrics, Presence, SimulatedButton
from edge.config.quality import QualityLimits
from edge.config.tamper import NO_CONTACT, Tamper
from edge.config.values import PRINTABLE_PATTERN, FilePath, Number, Secret, SecretFile, Section, Text, Whole, YesNo
from edge.config.verification import SessionImage, Verification
from edge.contracts.enums import EvidenceKind
from edge.contracts.topics import ID_PATTERN, PREFIX_PATTERN

MODEL_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,62}$"
POLICY_NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,31}$"
HOST_PATTERN = r"^[A-Za-z0-9._:-]+$"
WEBSOCKET_PATH_PATTERN = r"^/[!-~]*$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Z]{2})?$"


class Device(Section):
    """Who this terminal is on the broker: its topics begin with prefix/v1/site/id."""

    id: Annotated[
        Text,
        Field(
            title="Device id",
            description="Also the MQTT client id and the common name of a client certificate",
            pattern=ID_PATTERN,
        ),
    ] = "terminal-1"
    site: Annotated[Text, Field(title="Site", description="Groups the terminals of one place", pattern=ID_PATTERN)] = (
        "default"
    )
    prefix: Annotated[
        Text,
        Field(
            title="Topic prefix",
            description="First part of every topic",
            pattern=PREFIX_PATTERN,
            max_length=128,
        ),
    ] = "livegate"


ModelId = Annotated[Text, Field(pattern=MODEL_ID_PATTERN)]


class Models(Section):
    """Networks and what runs them."""

    directory: Annotated[
        FilePath | None,
        Field(
            title="Model folder",
            description="Folder of models and manifests; null: the models that come with the software",
        ),
    ] = None
    extra_directories: Annotated[
        tuple[FilePath, ...],
        Field(
            title="More model folders",
            description="Folders with PAD networks of your own, each with its manifest",
            max_length=16,
        ),
    ] = ()
    active: Annotated[
        Annotated[tuple[ModelId, ...], Field(min_length=1, max_length=16)] | None,
        Field(
            title="Active PAD networks",
            description="Ids of the PAD networks that judge; null: those that their manifests enable",
        ),
    ] = None
    calibration: Annotated[
        FilePath | None,
        Field(
            title="Site's calibration",
            description="File that `livegate calibrate` wrote for this camera and these networks; null: none",
        ),
    ] = None
    runtime: Annotated[
        RuntimeChoice, Field(title="Runtime", description="auto: litert where it is installed, else tflite-runtime")
    ] = RuntimeChoice.AUTO
    threads: Annotated[
        Whole,
        Field(
            title="Threads",
            description="Threads of each interpreter; more are not always faster",
            ge=1,
            le=4,
        ),
    ] = 1


class PresetChoice(BaseModel):
    """Stands before the floor's own fields, so that they can be held against it."""

    preset: Annotated[
        Preset | None,
        Field(
            title="Preset",
            description=(
                "Floor to start from: beside it, other keys can only tighten. null: the defaults of this "
                "table, which other keys may loosen"
            ),
        ),
    ] = None


class Policy(PolicyFloor, PresetChoice):
    """The least that this site demands. Requests and pushed configuration can only add to it."""

    name: Annotated[
        Text,
        Field(
            title="Name",
            description="Every decision signs it; a preset brings its own",
            pattern=POLICY_NAME_PATTERN,
        ),
    ] = "site"

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, section: Any) -> Any:
        if not isinstance(section, Mapping):
            return section
        try:
            floor = PRESETS[Preset(section.get("preset", ""))]
        except ValueError:
            return section
        return {**floor.model_dump(), **section}

    @field_validator("*")
    @classmethod
    def _never_looser_than_the_preset(cls, value: Any, info: ValidationInfo) -> Any:
        preset = info.data.get("preset")
        if preset is None or info.field_name in (None, "preset", "name"):
            return value
        floor = PRESETS[preset]
        if loosens(floor, info.field_name, value):
            raise PydanticCustomError(
                "looser",
                "is looser than the {preset} preset",
                {"preset": preset.value, "demands": getattr(floor, info.field_name)},
            )
        return value

    @field_validator("name")
    @classmethod
    def _preset_names_mean_presets(cls, name: str, info: ValidationInfo) -> str:
        preset = info.data.get("preset")
        if preset is not None and name != preset:
            raise ValueError(f"a policy that starts from the preset {preset} has its name: leave this key out")
        if preset is None and name in list(Preset):
            raise ValueError(f"is a preset's name, and decisions sign it: write `preset: {name}`, or another name")
        return name

    @field_validator("require_passive")
    @classmethod
    def _nothing_moves_in_a_passive_attempt(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.MOTION in kinds:
            raise ValueError("motion is never there in a passive attempt, so none could pass")
        return kinds

    @field_validator("require_motion_alone")
    @classmethod
    def _overwhelmed_light_proves_nothing(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.LIGHT in kinds:
            raise ValueError("light is never there when it is overwhelmed, so no attempt could pass")
        return kinds

    @field_validator("require_without_flash")
    @classmethod
    def _no_light_without_flash(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.LIGHT in kinds:
            raise ValueError("light is never there without flash, so no attempt could pass")
        return kinds

    @field_validator("require_without_movement")
    @classmethod
    def _no_motion_without_movement(cls, kinds: tuple[EvidenceKind, ...]) -> tuple[EvidenceKind, ...]:
        if EvidenceKind.MOTION in kinds:
            raise ValueError("motion is never there without movement, so no attempt could pass")
        return kinds


class Tls(Section):
    """PEM files of an encrypted connection, read anew at each connection."""

    ca: Annotated[
        FilePath | None,
        Field(title="Authorities", description="Certificates that sign the broker's; null: the system's"),
    ] = None
    certificate: Annotated[
        FilePath | None,
        Field(title="Client certificate", description="This terminal's; null: the broker asks for none"),
    ] = None
    key: Annotated[
        Secret | None,
        Field(title="Client key", description="Belongs to the certificate; neither without the other"),
    ] = Field(default=None, validate_default=True)

    @field_validator("key")
    @classmethod
    def _certificate_and_key(cls, key: SecretFile | None, info: ValidationInfo) -> SecretFile | None:
        if "certificate" in info.data and (key is None) != (info.data["certificate"] is None):
            raise ValueError("certificate and key go together: set both or neither")
        return key


def default_port(*, tls: bool, websockets: bool) -> int:
    """Where IANA's register has such a broker."""
    if websockets:
        return 443 if tls else 80
    return 8883 if tls else 1883


class Transport(StrEnum):
    """What carries MQTT."""

    TCP = "tcp"
    WEBSOCKETS = "websockets"


class Outbox(Section):
    """Decisions that wait for the broker and a subscriber. At any of these limits no new session starts."""

    rows: Annotated[Whole, Field(title="Decisions", description="So many may wait", ge=1, le=100_000)] = 2000
    mebibytes: Annotated[Whole, Field(title="Size", description="MiB that they may have together", ge=1, le=1024)] = 16
    days: Annotated[Number, Field(title="Age", description="Days that the oldest may wait", ge=0.01, le=365)] = 7.0
    settle_seconds: Annotated[
        Number,
        Field(
            title="Settling",
            description=(
                "Seconds for which a decision that the broker has taken is kept, and published again if the "
                "connection breaks meanwhile: longer than the broker may take to write it down (autosave_interval)"
            ),
            ge=0,
            le=3600,
        ),
    ] = 5.0


class Link(Section):
    """The MQTT 5 broker."""

    host: Annotated[
        Text,
        Field(
            title="Host",
            description="Name or address of the broker",
            min_length=1,
            max_length=253,
            pattern=HOST_PATTERN,
        ),
    ] = "localhost"
    port: Annotated[
        Annotated[Whole, Field(ge=1, le=65535)] | None,
        Field(title="Port", description="null: 8883 with tls, 1883 without; by websockets 443 and 80"),
    ] = None
    transport: Annotated[
        Transport,
        Field(
            title="Transport",
            description="tcp: MQTT itself; websockets: within HTTP, where a firewall lets nothing else through",
        ),
    ] = Transport.TCP
    websocket_path: Annotated[
        Text,
        Field(
            title="Websocket path",
            description="Path of the broker's websockets; counts with transport websockets alone",
            max_length=256,
            pattern=WEBSOCKET_PATH_PATTERN,
        ),
    ] = "/mqtt"
    tls: Annotated[Tls | None, Field(title="TLS", description="null: nothing is encrypted")] = None
    username: Annotated[
        Annotated[Text, Field(min_length=1, max_length=256, pattern=PRINTABLE_PATTERN)] | None,
        Field(title="User name", description="null: none is sent"),
    ] = None
    password_file: Annotated[
        Secret | None,
        Field(title="Password file", description="Its first line is the password; needs username"),
    ] = None
    keepalive_seconds: Annotated[
        Whole,
        Field(
            title="Keep-alive",
            description=(
                "Seconds of silence after which the connection is tested; the broker counts the terminal as "
                "lost after half as long again"
            ),
            ge=5,
            le=3600,
        ),
    ] = 30
    requesters: Annotated[
        FilePath | None,
        Field(
            title="Requesters",
            description=(
                "File of public keys (JWK Set) whose owners may ask for an alternative challenge; read anew at each "
                "such request; null: nobody may"
            ),
        ),
    ] = None
    outbox: Annotated[Outbox, Field(title="Outbox", description="How many decisions may wait, and for how long")] = (
        Outbox()
    )

    @field_validator("password_file")
    @classmethod
    def _password_of_somebody(cls, file: SecretFile | None, info: ValidationInfo) -> SecretFile | None:
        if file is not None and info.data.get("username", file) is None:
            raise ValueError("a password needs a username")
        return file

    @property
    def broker_port(self) -> int:
        """The port to connect to, 1..65535."""
        if self.port is not None:
            return self.port
        return default_port(tls=self.tls is not None, websockets=self.transport is Transport.WEBSOCKETS)


class Level(StrEnum):
    """Least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """Form of a log line."""

    JSON = "json"
    TEXT = "text"


class Log(Section):
    """What goes to standard error. Never pictures, secrets or nonces."""

    level: Annotated[Level, Field(title="Level", description="Least severity that is logged")] = Level.INFO
    format: Annotated[LogFormat, Field(title="Format", description="text: for reading; json: one object a line")] = (
        LogFormat.TEXT
    )


class Guidance(Section):
    """What the person sees."""

    language: Annotated[
        Text,
        Field(
            title="Language",
            description="Language tag of the prompts",
            pattern=LANGUAGE_PATTERN,
        ),
    ] = "en"
    result_seconds: Annotated[
        Number, Field(title="Result", description="Seconds for which the screen shows how a session ended", ge=1, le=60)
    ] = 5.0


class Recovery(Section):
    """What the daemon does by itself about a camera that gives no frames, or a pushed configuration that is no good."""

    probe_seconds: Annotated[
        Annotated[Number, Field(ge=10, le=86400)] | None,
        Field(
            title="Look at the camera",
            description=(
                "Seconds from a frame to the next look whether a real camera still gives one, while no session runs; "
                "null: only when the daemon starts, and after it failed"
            ),
        ),
    ] = 300.0
    reboot: Annotated[
        YesNo,
        Field(
            title="Reboot",
            description="Ask systemd to reboot the board when nothing else brings frames; livegate-reboot.path does it",
        ),
    ] = False
    reboot_after_seconds: Annotated[
        Number,
        Field(title="Reboot after", description="Seconds without a frame, all tries included", ge=120, le=86400),
    ] = 900.0
    reboots_per_day: Annotated[
        Whole, Field(title="Most reboots", description="That are asked for in any 24 hours", ge=1, le=10)
    ] = 2
    reboot_apart_seconds: Annotated[
        Number,
        Field(
            title="Time between reboots",
            description="Seconds from the board's start, and from one request to the next, without a reboot",
            ge=300,
            le=86400,
        ),
    ] = 1800.0
    trial_seconds: Annotated[
        Number,
        Field(
            title="Trial",
            description="Seconds in which the terminal must be ready with what was pushed to it, or it is taken back",
            ge=30,
            le=3600,
        ),
    ] = 120.0


class Settings(Section):
    """The whole file."""

    device: Annotated[Device, Field(title="Device", description="Who this terminal is")] = Device()
    camera: Annotated[Camera, Field(title="Camera", description="Where frames come from")]
    lights: Annotated[Lights, Field(title="Lights", description="The terminal's own lights")] = Lights()
    models: Annotated[Models, Field(title="Models", description="Networks and what runs them")] = Models()
    quality: Annotated[QualityLimits, Field(title="Quality", description="What a frame must have to be judged")] = (
        QualityLimits()
    )
    policy: Annotated[Policy, Field(title="Policy", description="The least that this site demands")] = Policy()
    link: Annotated[Link, Field(title="Link", description="The MQTT 5 broker")] = Link()
    state_directory: Annotated[
        FilePath,
        Field(
            title="State folder",
            description="Folder of the outbox, device key and boot count; only the daemon's user may read it",
        ),
    ] = Path("/var/lib/livegate")
    log: Annotated[Log, Field(title="Log", description="What goes to standard error")] = Log()
    guidance: Annotated[Guidance, Field(title="Guidance", description="What the person sees")] = Guidance()
    recovery: Annotated[
        Recovery,
        Field(title="Recovery", description="What is done about a camera without frames, and bad pushed settings"),
    ] = Recovery()
    tamper: Annotated[Tamper, Field(title="Tamper", description="What tells that the terminal's case is open")] = (
        NO_CONTACT
    )
    back_off: Annotated[BackOff, Field(title="Back-off", description="How long somebody waits whose attempts fail")] = (
        BackOff()
    )
    presence: Annotated[
        Presence, Field(title="Presence", description="What makes the terminal say that somebody has come")
    ] = Presence()
    verification: Annotated[
        Verification, Field(title="Verification", description="Whether faces may be compared with a reference")
    ] = Verification()
    session_image: Annotated[
        SessionImage, Field(title="Session image", description="Whether a picture may be sent, and to whom")
    ] = SessionImage()
    metrics: Annotated[Metrics, Field(title="Metrics", description="For Prometheus, on this board alone")] = Metrics()

    @field_validator("presence")
    @classmethod
    def _somebody_can_come_to_this_camera(cls, presence: Presence, info: ValidationInfo) -> Presence:
        camera = info.data.get("camera")
        if isinstance(presence.button, SimulatedButton) and isinstance(camera, Picamera2Camera | V4l2Camera):
            raise ValueError("a simulated button would ask real people: name its driver gpio, or leave it out")  # noqa: TRY004 - pydantic gathers these alone
        if presence.face is not None and isinstance(camera, ReplayCamera) and len(camera.sources) > 1:
            raise ValueError("each look for a face would pass a recording over: name one source, or leave face out")
        return presence

    @field_validator("lights")
    @classmethod
    def _a_simulated_light_needs_its_scene(cls, lights: Lights, info: ValidationInfo) -> Lights:
        camera = info.data.get("camera")
        if isinstance(camera, SimulatedCamera) and isinstance(lights.screen, SdlScreen):
            raise ValueError(  # noqa: TRY004 - pydantic gathers these alone
                "the people of a simulated camera see no real screen: name its driver simulated or none"
            )
        if camera is None or isinstance(camera, SimulatedCamera):
            return lights
        alone = [name for name in Lights.model_fields if isinstance(getattr(lights, name), SimulatedLight)]
        if alone:
            error = ValueError(
                "only a simulated camera sees simulated light: name the camera driver simulated, or this one none"
            )
            raise ValidationError.from_exception_data(
                "lights",
                [
                    InitErrorDetails(
                        type="value_error", loc=(name, "simulated", "driver"), input="simulated", ctx={"error": error}
                    )
                    for name in alone
                ],
            )
        return lights
