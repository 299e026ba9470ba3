from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.loader import load_bytes
from edge.config.presence import FaceLook, GpioButton
from edge.config.problems import ConfigProblems

REPLAY = "camera: {driver: replay, sources: [a]}\n"
SEVERAL = "camera: {driver: replay, sources: [a, b]}\n"
REAL = "camera: {driver: picamera2}\n"


def settings(text):
    return load_bytes(text.encode(), Path("/etc/livegate/site.yaml")).settings


def test_nothing_watches_and_nothing_is_served_unless_it_is_told_to():
    unsaid = settings(REAL)
    assert (unsaid.presence.button, unsaid.presence.face, unsaid.metrics.port) == (None, None, None)


def test_a_button_and_a_face_are_read():
    said = settings(REAL + "presence: {button: {driver: gpio, line: 17}, face: {}}\n").presence
    assert said.button == GpioButton(driver="gpio", line=17, active_low=True, debounce_seconds=0.03)
    assert said.face == FaceLook()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (REAL + "presence: {button: {driver: gpio}}\n", "line"),
        (REAL + "presence: {button: {driver: gpio, line: 28}}\n", "from 0 to 27"),
        (REAL + "presence: {button: {driver: gpio, line: 3, debounce_seconds: 2}}\n", "from 0 to 1"),
        (REAL + "presence: {face: {looks_per_second: 60}}\n", "from 1 to 10"),
        (REAL + "presence: {least_seconds: 0}\n", "from 1 to 3600"),
        (REAL + "presence: {button: {driver: simulated}}\n", "would ask real people"),
        (SEVERAL + "presence: {face: {}}\n", "pass a recording over"),
        (REAL + "metrics: {port: 80}\n", "from 1024 to 65535"),
        (REAL + "metrics: {address: 0.0.0.0, port: 9100}\n", "127.0.0.1"),
        (REAL + "metrics: {address: 192.168.1.7, port: 9100}\n", "127.0.0.1"),
        (REAL + "metrics: {address: localhost, port: 9100}\n", "127.0.0.1"),
    ],
)
def test_what_cannot_be_or_would_let_others_in_is_refused(text, message):
    with pytest.raises(ConfigProblems) as refused:
        settings(text)
    assert message in str(refused.value)


def test_one_recording_and_ipv6_will_do():
    assert settings(REPLAY + "presence: {face: {}}\n").presence.face == FaceLook()
    assert settings(REPLAY + "metrics: {address: '::1', port: 9100}\n").metrics.address == "::1"
