"""What keys of the site's file are made of: strict numbers and texts, paths, secrets, sections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

MASK = "********"
LONGEST_PATH = 4096
DEVICE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9:._@+,-]{0,63}$"
PRINTABLE_PATTERN = r"^[^\x00-\x1f\x7f]+$"

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
YesNo = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file whose content is secret: never read here, and not even its path is shown."""

    path: Path

    def __repr__(self) -> str:
        return f"SecretFile({MASK!r})"

    def __str__(self) -> str:
        return MASK


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, str):
        if value.startswith("~"):
            raise ValueError("~ is not expanded: write the whole path")
        if not value.strip() or not value.isprintable() or len(value) > LONGEST_PATH:
            raise ValueError(f"must be a path of 1 to {LONGEST_PATH} printable characters")
        value = Path(value)
    if not isinstance(value, Path):
        raise PydanticCustomError("path_type", "must be a path")
    folder = info.context.get("folder") if isinstance(info.context, Mapping) else None
    return value if folder is None else Path(folder) / value


def _secret_file(value: object, info: ValidationInfo) -> SecretFile:
    return value if isinstance(value, SecretFile) else SecretFile(_path(value, info))


_PATH_SCHEMA = {"type": "string", "format": "path", "minLength": 1, "maxLength": LONGEST_PATH}
FilePath = Annotated[Path, PlainValidator(_path), PlainSerializer(str, when_used="json"), WithJsonSchema(_PATH_SCHEMA)]
Secret = Annotated[
    SecretFile,
    PlainValidator(_secret_file),
    PlainSerializer(lambda _: MASK, return_type=str),
    WithJsonSchema({**_PATH_SCHEMA, "writeOnly": True}),
]


class Section(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


DeviceName = Annotated[Text, Field(pattern=DEVICE_PATTERN)]
