"""A program that speaks as ddcutil 1.4 does, before a monitor whose state are files of a folder."""

from __future__ import annotations

from pathlib import Path

# value, most: the monitor's brightness. fail: so many calls give no answer. refuse: what is said instead, for good.
# hang: while it is there, calls take for ever. calls: the arguments of each.
_PROGRAM = """#!/bin/sh
cd "{folder}" || exit 9
echo "$*" >>calls
while [ -e hang ]; do sleep 0.01; done
if [ -e refuse ]; then cat refuse; exit 1; fi
case "$*" in *detect*) cat displays; exit 0;; esac
if [ "$(cat fail)" -gt 0 ]; then
    echo $(($(cat fail) - 1)) >fail
    case "$*" in
    *getvcp*) echo "VCP 10 ERR";;
    *) echo "Setting value failed for feature x10. rc=DDCRC_RETRIES(-3007): maximum retries exceeded";;
    esac
    exit 1
fi
case "$*" in
*"getvcp 10 --brief") echo "VCP 10 C $(cat value) $(cat most)";;
*setvcp*) set -- $*; echo "$5" >value;;
*) echo "Unrecognized command"; exit 1;;
esac
"""
DISPLAYS = """Display 1
   I2C bus:  /dev/i2c-3
   Monitor:  DEL:DELL U2412M:YMYH14

Invalid display
   I2C bus:  /dev/i2c-4
   DDC communication failed
"""


class FakeDdcutil:
    def __init__(self, folder: Path, *, value=40, most=100):
        self.folder = folder
        folder.mkdir()
        self.program = str(folder / "ddcutil")
        (folder / "ddcutil").write_text(_PROGRAM.format(folder=folder))
        (folder / "ddcutil").chmod(0o755)
        self.set(value=value, most=most, fail=0, displays=DISPLAYS)
        (folder / "calls").touch()

    def set(self, **files):
        for name, content in files.items():
            (self.folder / name).write_text(f"{content}\n")

    def clear(self, name):
        (self.folder / name).unlink()

    @property
    def value(self):
        return int((self.folder / "value").read_text())

    @property
    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    @property
    def written(self):
        """Values that it was told, in their order."""
        return [int(call.split()[4]) for call in self.calls if "setvcp" in call]
