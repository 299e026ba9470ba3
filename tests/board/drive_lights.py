"""Switches the lamp and the backlight of a configuration, and compares with the lines of the GPIO chip as the kernel
tells them: drive_lights.py CONFIG LINE_OF_LAMP LINE_OF_BACKLIGHT.

With --hold it leaves both changed, says so, and waits for its end. Run by board_check.sh on the emulated board.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
from pathlib import Path

from edge.config.loader import load
from edge.terminal.lights import open_lights

LINES = Path("/sys/kernel/debug/gpio")


def line_is_high(line: int) -> bool:
    told = LINES.read_text()
    found = re.search(rf"^ *gpio-{line} .*\) out (hi|lo)", told, re.MULTILINE)
    if found is None:
        raise SystemExit(f"line {line} is no output:\n{told}")
    return found[1] == "hi"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("lamp", type=int)
    parser.add_argument("backlight", type=int)
    parser.add_argument("--hold", action="store_true")
    given = parser.parse_args()
    backlight, lamp, _ = open_lights(load(given.config).settings.lights)
    found = line_is_high(given.backlight)
    if given.hold:
        backlight.set_level(0.0 if found else 1.0, 0.0)
        lamp.set_output(1.0, 0.0)
        print("held", flush=True)
        signal.pause()
    seen = []
    for on in (True, False, True):
        lamp.set_output(float(on), 0.0)
        backlight.set_level(float(on), 0.0)
        seen.append((on, line_is_high(given.lamp), line_is_high(given.backlight), lamp.output(), backlight.level()))
    lamp.close()
    backlight.restore(0.0)
    for on, lamp_is, backlight_is, output, level in seen:
        print(f"told {on:d}: lamp's line {lamp_is:d}, backlight's line {backlight_is:d}, drivers {output:g} {level:g}")
    right = all({lamp_is, backlight_is, output, level} == {on} for on, lamp_is, backlight_is, output, level in seen)
    restored = line_is_high(given.backlight) == found
    print(f"backlight's line as it was found: {restored}")
    sys.exit(not (right and restored))


if __name__ == "__main__":
    main()
