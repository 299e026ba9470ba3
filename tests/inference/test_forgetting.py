"""What is left of a picture in a process whose network has judged it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from edge.inference.bundle import default_models_dir
from edge.inference.manifest import installed_models
from tests.memory_of import times_found

MODELS = {model.manifest.id: model for model in installed_models(default_models_dir()) if model.manifest.enabled}

PROGRAM = """
import sys
import numpy as np
from edge.inference.bundle import default_models_dir
from edge.inference.manifest import installed_models
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime

(chosen,) = (model for model in installed_models(default_models_dir()) if model.manifest.id == sys.argv[1])
model = LoadedModel(chosen, find_runtime(), verify=False)
picture = np.random.default_rng(7).integers(0, 256, chosen.manifest.input.shape[1:], np.uint8)
before = model.run(picture)
picture.fill(0)
print("seen", flush=True)
input()
model.forget()
print("forgotten", flush=True)
input()
picture[:] = np.random.default_rng(7).integers(0, 256, picture.shape, np.uint8)
print(all(np.array_equal(*pair) for pair in zip(before, model.run(picture))), flush=True)
"""


def rows_as_stored(model):
    """Of the picture, as the input has them: bytes of some rows, without their ends."""
    wanted = model.manifest.input
    picture = np.random.default_rng(7).integers(0, 256, wanted.shape[1:], np.uint8)
    if wanted.dtype == "float32":
        picture = picture.astype(np.float32)
        picture *= np.asarray(wanted.scale, np.float32)
        picture += np.asarray(wanted.offset, np.float32)
    return [picture[row, 8:24].tobytes() for row in range(0, len(picture), 16)]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_after_forgetting_no_row_of_the_picture_is_in_memory_and_the_network_judges_as_before(name):
    rows = rows_as_stored(MODELS[name])
    command = [sys.executable, "-c", PROGRAM, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def told():
            return process.stdout.readline().strip()

        def go_on():
            process.stdin.write("\n")
            process.stdin.flush()

        try:
            assert told() == "seen"
            assert any(times_found(process.pid, rows))
            go_on()
            assert told() == "forgotten"
            assert not any(times_found(process.pid, rows))
            go_on()
            assert told() == "True"
        finally:
            process.kill()
