"""Train a student, convert it to full int8 and measure it on people it has not seen.

    python models_tflite/training/train.py livegate-head --pad FOLDER --out DIR [--dev INDEX.csv]

FOLDER holds ``faces`` with ``backgrounds``, and ``teachers``; README.md beside this file says what is in them. Writes the
model (``.tflite``, manifest, golden vectors) and ``<name>.json`` with its figures to DIR. Needs the ``training`` extra.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from distil import distil, live_logits
from figures import Judged, figures, operating_point, print_figures
from network import Student
from pictures import Crops, prepared
from ruamel.yaml import YAML
from students import PLANS, StudentPlan

from edge.config.choices import RuntimeChoice
from edge.contracts.enums import Label
from edge.errors import LivegateError
from edge.evaluation.crops import face_crops
from edge.evaluation.index import read_index
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.convert.bundle import convert
from edge.inference.convert.draft import read_draft
from edge.inference.convert.network import Network, network_from
from edge.inference.manifest import read_manifest
from edge.inference.model import LoadedModel
from edge.inference.pad import live_logit
from edge.inference.runtime import find_runtime

DRAFTS = Path(__file__).resolve().parent / "manifests"
CACHE = Path("~/.cache/livegate/training").expanduser()
SEED = 20
LABEL_WEIGHT = 3.0
# Of the validation crops, evenly: for golden vectors, and for the ranges of the file that is quantized afterwards.
CALIBRATION_CROPS = 300


def main() -> int:
    """Returns 0, or the exit code of what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", choices=sorted(PLANS))
    parser.add_argument("--pad", type=Path, required=True, help="folder with faces and teachers")
    parser.add_argument("--out", type=Path, required=True, help="where the model goes")
    parser.add_argument("--dev", type=Path, help="index of real presentations to measure on besides; never trained on")
    parser.add_argument("--work", type=Path, default=CACHE, help="keeps the crops; default: %(default)s")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--label-weight", type=float, default=LABEL_WEIGHT, help="default: %(default)s")
    arguments = parser.parse_args()
    try:
        _train(PLANS[arguments.student], arguments)
    except LivegateError as error:
        print(f"train: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 0


def _train(plan: StudentPlan, arguments: argparse.Namespace) -> None:
    begin = time.monotonic()
    arguments.out.mkdir(parents=True, exist_ok=True)
    train, validation = prepared(arguments.pad, arguments.work, plan, arguments.seed)
    print(f"{plan.name}: {len(train.species)} crops, {len(validation.species)} of other people to validate", flush=True)
    teacher = plan.load_teacher(arguments.pad / "teachers")
    real = _real(arguments.dev, plan) if arguments.dev else None
    sets = {"validation": validation, **({"dev": real} if real is not None else {})}
    judged = {"teacher": {name: live_logits(teacher, plan, crops.pixels) for name, crops in sets.items()}}
    networks: dict[str, Network] = {}
    for form, student in zip(
        ("float32", "int8"),
        distil(plan, teacher, train, label_weight=arguments.label_weight, seed=arguments.seed),
        strict=True,
    ):
        networks[form] = network_from(exported(student, plan), plan.name)
        judged[f"student, {form} in PyTorch"] = {
            name: live_logits(student, plan, crops.pixels) for name, crops in sets.items()
        }
    point = operating_point(Judged(judged["student, int8 in PyTorch"]["validation"], validation), len(train.species))
    probes = validation.pixels[:: max(1, len(validation.pixels) // CALIBRATION_CROPS)]
    runtime = find_runtime(RuntimeChoice.AUTO)
    with tempfile.TemporaryDirectory() as folder:
        draft = _draft(plan, point, Path(folder))
        for title, source, weights_only in (
            ("int8 weights", "float32", True),
            ("int8, quantized afterwards", "float32", False),
            ("int8, quantized in training", "int8", False),
        ):
            shipped = source == "int8"
            place = arguments.out if shipped else Path(folder) / title.replace(" ", "-")
            place.mkdir(exist_ok=True)
            report = convert(
                networks[source],
                read_draft(draft),
                probes,
                place,
                runtime=runtime,
                weights_only=weights_only,
                force=True,
            )
            model = LoadedModel(read_manifest(report.files[1]), runtime)
            judged[title] = {name: _file_logits(model, crops.pixels) for name, crops in sets.items()}
    table = {
        name: {title: figures(Judged(logits[name], crops), judged["teacher"][name]) for title, logits in judged.items()}
        for name, crops in sets.items()
    }
    minutes = (time.monotonic() - begin) / 60
    (arguments.out / f"{plan.name}.json").write_text(
        json.dumps(
            {
                "student": plan.name,
                "teacher": plan.teacher,
                "seed": arguments.seed,
                "labelWeight": arguments.label_weight,
                "minutes": round(minutes, 1),
                "operatingPoint": point,
                "figures": table,
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    print_figures(table)
    print(f"{plan.name}: {minutes:.1f} minutes")


def exported(student: Student, plan: StudentPlan) -> bytes:
    """The network as ONNX, with the learned ranges where it is quantized."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter is the one that writes QuantizeLinear pairs
        torch.onnx.export(
            student.to(memory_format=torch.contiguous_format),
            (torch.zeros(1, 3, plan.side, plan.side),),
            stream,
            dynamo=False,
            opset_version=13,
            input_names=["pixels"],
            output_names=["logits"],
        )
    student.to(memory_format=torch.channels_last)
    return stream.getvalue()


def _draft(plan: StudentPlan, point: dict[str, float | str], folder: Path) -> Path:
    """The manifest with the operating point in it."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 4096
    document = yaml.load((DRAFTS / f"{plan.name}.yaml").read_text(encoding="utf-8"))
    document["pad"].update(point)
    path = folder / f"{plan.name}.yaml"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    return path


def _file_logits(model: LoadedModel, crops: np.ndarray) -> np.ndarray:
    return np.array([live_logit(model.manifest, model.run(np.asarray(crop))) for crop in crops])


def _real(index: Path, plan: StudentPlan) -> Crops:
    """Single pictures of an index, cut around the face that the terminal's own detector finds."""
    presentations = [p for p in read_index(index) if len(p.paths) == 1]
    manifest = read_draft(DRAFTS / f"{plan.name}.yaml").manifest
    bundle = ModelBundle.load(default_models_dir())
    cut = [face_crops(p.paths, manifest, bundle).crops for p in presentations]
    found = [(p, crops[0]) for p, crops in zip(presentations, cut, strict=True) if len(crops)]
    return Crops(
        np.stack([crop for _, crop in found]),
        np.array(["bonafide" if p.label is Label.BONA_FIDE else p.pai_species for p, _ in found]),
        np.array([p.subject for p, _ in found]),
    )


if __name__ == "__main__":
    sys.exit(main())
