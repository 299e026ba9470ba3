"""``livegate template``: a face of a picture, as a terminal is told whom to expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edge.cli import output
from edge.errors import ExitCode
from edge.evaluation.template import check_free, make_template, write_template
from edge.frames.reference_refused import ReferenceRefused
from edge.inference.bundle import ModelBundle, default_models_dir


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The template's file; default: <IMAGE>.template.json.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@click.option("--models", type=click.Path(path_type=Path), help="Folder of models; default: those shipped.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, without the face's numbers.")
def template(image: Path, out: Path | None, force: bool, models: Path | None, as_json: bool) -> int:
    """Make a template of the one face in IMAGE (JPEG, PNG, WEBP or BMP, up to 6 MB), for verification.

    A template says who somebody is to all terminals with the same embedding model: the file is for its owner alone.
    """
    target = out or image.with_suffix(".template.json")
    if not force:
        check_free(target)
    try:
        made = make_template(image, ModelBundle.load(models or default_models_dir()))
    except ReferenceRefused as refused:
        if as_json:
            output.print_json({"error": {"code": refused.code, "message": str(refused)}})
        output.tell(f"{refused.code}: {refused.what}")
        output.tell(f"  {refused.remedy}")
        return refused.exit_code
    write_template(target, made)
    told: dict[str, Any] = made.model_dump(mode="json", by_alias=True, exclude={"embedding"}, exclude_none=True)
    if as_json:
        output.print_json({"file": str(target), **told})
        return ExitCode.OK
    where = made.face_rectangle
    click.echo(f"quality    {made.quality_for_recognition}")
    if where is not None:
        click.echo(f"face       {where.width} x {where.height} pixels at left {where.left}, top {where.top}")
    click.echo(f"network    {made.network}, sha256 {made.sha256}")
    click.echo(f"wrote      {target}")
    return ExitCode.OK
