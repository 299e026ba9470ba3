"""Train a student, convert it to full int8 and measure it on people it has not seen.

    python models_tflite/training/train.py livegate-head --pad FOLDER --out DIR [--dev INDEX.csv]

FOLDER holds ``faces`` with ``backgrounds``, and ``teachers``; README.md beside this file says what is in them. Writes
the model (``.tflite``, manifest, golden vectors) and ``<name>.json`` with its figures to DIR. Needs the ``training``
extra.
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
from figures import FiguresOf, Judged, Point, figures, operating_point, print_figures
from network import Student
from pictures import BONA_FIDE, Crops, prepared
from students import PLANS, StudentPlan, draft_of
from teachers import Teacher

from edge.config.choices import RuntimeChoice
from edge.contracts.enums import Label
from edge.errors import InputError, LivegateError
from edge.evaluation.crops import face_crops
from edge.evaluation.index import read_index
from edge.inference.bundle import ModelBundle, default_models_dir
from edge.inference.convert.bundle import convert
from edge.inference.convert.compare import file_outputs, logits_of, network_outputs
from edge.inference.convert.draft import as_text, read_draft
from edge.inference.convert.network import network_from
from edge.inference.manifest import read_document, read_manifest
from edge.inference.model import LoadedModel
from edge.inference.runtime import find_runtime

CACHE = Path("~/.cache/livegate/training").expanduser()
SEED = 20
LABEL_WEIGHT = 1.5
# Of the validation crops, evenly: for golden vectors, and for the ranges of the file that is quantized afterwards.
CALIBRATION_CROPS = 300
FORMS = ("float32", "int8")
SHIPPED = "int8, quantized in training"
# Title, form of the network, weights only.
CONVERSIONS = (
    ("int8 weights", "float32", True),
    ("int8, quantized afterwards", "float32", False),
    (SHIPPED, "int8", False),
)


def main() -> int:
    """Returns 0, or the exit code of what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", choices=sorted(PLANS))
    parser.add_argument("--pad", type=Path, required=True, help="folder with faces and teachers")
    parser.add_argument("--out", type=Path, required=True, help="where the model goes")
    parser.add_argument("--dev", type=Path, help="index of real presentations to measure on besides; never trained on")
    parser.add_argument("--work", type=Path, default=CACHE, help="keeps the crops; default: %(default)s")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--measure", action="store_true", help="convert and measure what --work holds, do not train")
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
    files = {form: arguments.work / f"{plan.name}-{arguments.seed}-{form}.onnx" for form in FORMS}
    _check_present(plan, arguments.pad, list(files.values()) if arguments.measure else [])
    for folder in (arguments.out, arguments.work):
        _check_writable(folder)
    train, validation = prepared(arguments.pad, arguments.work, plan, arguments.seed)
    print(f"{plan.name}: {len(train.species)} crops, {len(validation.species)} of other people to validate", flush=True)
    teacher = plan.load_teacher(arguments.pad / "teachers")
    if not arguments.measure:
        students = distil(plan, teacher, train, label_weight=arguments.label_weight, seed=arguments.seed)
        for file, student in zip(files.values(), students, strict=True):
            file.write_bytes(exported(student, plan))
    sets = {"validation": validation}
    if arguments.dev:
        sets["dev"] = _real(arguments.dev, plan)
    table, point = _finished(plan, files, sets, teacher, arguments.out)
    minutes = (time.monotonic() - begin) / 60
    facts = {
        "student": plan.name,
        "teacher": plan.teacher,
        "seed": arguments.seed,
        "labelWeight": arguments.label_weight,
        "minutes": None if arguments.measure else round(minutes, 1),
        "operatingPoint": point,
        "figures": table,
    }
    (arguments.out / f"{plan.name}.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print_figures(table)
    print(f"{plan.name}: {minutes:.1f} minutes")


def _check_present(plan: StudentPlan, pad: Path, networks: list[Path]) -> None:
    """Raises InputError."""
    given = (pad / "faces" / "index.csv", pad / "faces" / "faces_bbox.csv", pad / "teachers" / plan.teacher)
    if missing := [path for path in given if not path.is_file()]:
        raise InputError(
            f"--pad {pad} has no {missing[0].relative_to(pad)}",
            remedy="give the folder that README.md beside this command describes",
        )
    if missing := [path for path in networks if not path.is_file()]:
        raise InputError(
            f"--measure finds no {missing[0]}",
            remedy="give the --work and --seed of a training that ended, or leave --measure out",
        )


def _check_writable(folder: Path) -> None:
    """Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written to: {error.strerror}", remedy="give another --out or --work"
        ) from error


def _finished(
    plan: StudentPlan, files: dict[str, Path], sets: dict[str, Crops], teacher: Teacher, out: Path
) -> tuple[dict[str, dict[str, FiguresOf]], Point]:
    """Converts, writes the full int8 file to ``out`` and measures it beside the teacher and the other precisions."""
    runtime = find_runtime(RuntimeChoice.AUTO)
    networks = {form: network_from(file.read_bytes(), plan.name) for form, file in files.items()}
    manifest = plan.manifest
    judged = {"teacher": {name: live_logits(teacher, plan, crops.pixels) for name, crops in sets.items()}}
    for form, network in networks.items():
        judged[f"network, {form}"] = {
            name: logits_of(manifest, network_outputs(network, manifest, crops.pixels)) for name, crops in sets.items()
        }
    validation = sets["validation"]
    point = operating_point(Judged(judged["network, int8"]["validation"], validation))
    probes = np.array(validation.pixels[:: max(1, len(validation.pixels) // CALIBRATION_CROPS)])
    with tempfile.TemporaryDirectory() as folder:
        draft = _draft(plan, point, Path(folder))
        for title, form, weights_only in CONVERSIONS:
            place = Path(folder) / form / str(weights_only) if title != SHIPPED else out
            place.mkdir(parents=True, exist_ok=True)
            report = convert(
                networks[form],
                read_draft(draft),
                probes,
                place,
                runtime=runtime,
                weights_only=weights_only,
                force=True,
            )
            model = LoadedModel(read_manifest(report.files[1]), runtime)
            judged[title] = {
                name: logits_of(manifest, file_outputs(model, np.array(crops.pixels))) for name, crops in sets.items()
            }
    table = {
        name: {title: figures(Judged(logits[name], crops), judged["teacher"][name]) for title, logits in judged.items()}
        for name, crops in sets.items()
    }
    return table, point


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


def _draft(plan: StudentPlan, point: Point, folder: Path) -> Path:
    """The manifest with the operating point in it."""
    document = read_document(draft_of(plan.name))
    document["pad"].update(point)
    path = folder / f"{plan.name}.yaml"
    path.write_text(as_text(document), encoding="utf-8")
    return path


def _real(index: Path, plan: StudentPlan) -> Crops:
    """Single pictures of an index, cut around the face that the terminal's own detector finds."""
    presentations = [p for p in read_index(index) if len(p.paths) == 1]
    bundle = ModelBundle.load(default_models_dir())
    cut = [face_crops(p.paths, plan.manifest, bundle).crops for p in presentations]
    found = [(p, crops[0]) for p, crops in zip(presentations, cut, strict=True) if len(crops)]
    return Crops(
        np.stack([crop for _, crop in found]),
        np.array([BONA_FIDE if p.label is Label.BONA_FIDE else p.pai_species for p, _ in found]),
        np.array([p.subject for p, _ in found]),
    )


if __name__ == "__main__":
    sys.exit(main())
