"""What the registry's JSON files hold. Does not cover: reading and writing them (`store`, `history`)."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from corpus.errors import InvalidFile, InvalidInput
from evaluation.prediction import first_problem

CURRENT = "current"
"""Stands for the promoted model wherever a name is asked for."""
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


AnyRecord = TypeVar("AnyRecord", bound=_Frozen)


class ModelRecord(_Frozen):
    """`model.json`: where a model came from, and what its files are."""

    format: Literal[1] = 1
    name: Name
    added_at: AwareDatetime
    stage: str
    base: str
    base_hash: str = ""
    """Hash of the base's files where it is a folder; empty for a name on the hub."""
    adapter: bool
    """An adapter on the base, or else a whole model."""
    parent: str = ""
    """Content hash of the model that training began from; empty where it was the base alone."""
    snapshot: str
    config: dict[str, Any]
    code: str = ""
    commit: str = ""
    packages: dict[str, str] = {}
    training: dict[str, Any] = {}
    """The run's own `metadata.json`."""
    content: str
    """`training.runfolder.content_hash` of the weights: what a child's lock calls its parent."""
    files: dict[str, str]
    """Path below `weights/` → sha256, the calibration included."""


class EvaluationRecord(_Frozen):
    """`record.json`: forecasts of one model on the test split of one snapshot."""

    format: Literal[1] = 1
    added_at: AwareDatetime
    snapshot: str
    snapshot_folder: str
    """Where it lay when the forecasts were added; promotion reads it there unless told otherwise."""
    files: dict[str, str]


class EventKind(StrEnum):
    """What can happen to a registered model."""

    PROMOTED = "promoted"
    """Became the one in use."""
    ROLLED_BACK = "rolled_back"
    """The one promoted before it is in use again."""
    REMOVED = "removed"
    """Its folder was deleted by `prune`."""


class Event(_Frozen):
    """One line of `history.jsonl`."""

    format: Literal[1] = 1
    number: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    by: str
    kind: EventKind
    model: Name
    """The model promoted or removed; of a rollback, the one that is in use again."""
    content: str
    reason: str = ""
    forced: bool = False
    against: str = ""
    """What a promoted model was compared with; what a rollback took out of use."""
    differences: tuple[dict[str, Any], ...] = ()
    """The paired differences that allowed a promotion, or that `--force` overruled."""
    previous: str
    """Tagged hash of the line before; empty in the first."""


def read_record(path: Path, kind: type[AnyRecord]) -> AnyRecord:
    """Read one record; raises InvalidFile naming the field."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as fault:
        raise InvalidFile(f"{path} cannot be read: {fault.strerror}.") from fault
    except ValidationError as fault:
        raise InvalidFile(f"{path} is damaged: {first_problem(fault)} Restore it from a backup.") from fault


def check_name(name: str) -> str:
    """A name that a model may have; raises InvalidInput."""
    if not re.fullmatch(NAME_PATTERN, name) or name == CURRENT:
        raise InvalidInput(
            f"{name!r} cannot be a model's name: letters, digits, dot, dash and underscore, at most 63, "
            f"and not {CURRENT!r}."
        )
    return name
