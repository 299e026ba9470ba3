"""MQTT topics: ``<prefix>/v1/<site>/<device>/<suffix>``."""

from __future__ import annotations

from dataclasses import dataclass

ID_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
PREFIX_PATTERN = r"^[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*$"


@dataclass(frozen=True, slots=True)
class Topics:
    """Builds a terminal's topics. The client id is the device id."""

    prefix: str
    site: str
    device: str

    @property
    def base(self) -> str:
        """Everything before the suffix, without a trailing slash."""
        return f"{self.prefix}/v1/{self.site}/{self.device}"

    @property
    def state(self) -> str:
        return f"{self.base}/state"

    @property
    def info(self) -> str:
        return f"{self.base}/info"

    @property
    def health(self) -> str:
        return f"{self.base}/health"

    @property
    def config_desired(self) -> str:
        return f"{self.base}/config/desired"

    @property
    def config_reported(self) -> str:
        return f"{self.base}/config/reported"

    @property
    def decision(self) -> str:
        return f"{self.base}/decision"

    @property
    def event(self) -> str:
        return f"{self.base}/event"

    def session_event(self, session_id: str) -> str:
        return f"{self.base}/session/{session_id}/event"

    def session_image(self, session_id: str) -> str:
        return f"{self.base}/session/{session_id}/image"

    def command(self, verb: str) -> str:
        return f"{self.base}/cmd/{verb}"

    def response(self, verb: str) -> str:
        return f"{self.base}/res/{verb}"

    def reply_root(self) -> str:
        """Below this, and only below this, replies may be sent elsewhere than to ``res/<verb>``."""
        return f"{self.prefix}/v1/_reply/"
