"""Removing models that nothing needs any more. Does not cover: runs' own folders and their checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from training.registry.files import discard
from training.registry.history import append_event
from training.registry.records import EventKind, ModelRecord
from training.registry.store import Registry

KEEP = 5


def prunable(registry: Registry, keep: int = KEEP) -> list[ModelRecord]:
    """Models that would go, newest first.

    The newest `keep` stay, those that a rollback can reach, and every ancestor of one that stays.
    """
    models, promoted = registry.models(), set(registry.promoted())
    staying = {m.name for k, m in enumerate(models) if k < keep or m.name in promoted}
    by_name = {model.name: model for model in models}
    todo = list(staying)
    while todo:
        parent = by_name[todo.pop()].parent
        new = {m.name for m in models if parent and m.content == parent} - staying
        staying |= new
        todo += new
    return [model for model in models if model.name not in staying]


def prune(registry: Registry, keep: int = KEEP) -> list[ModelRecord]:
    """Remove what `prunable` lists; each removal is an event of the history."""
    with registry.writing():
        going = prunable(registry, keep)
        for model in going:
            discard(registry.place(model.name))
            append_event(registry.history_file, EventKind.REMOVED, model)
    return going


def children(models: Sequence[ModelRecord], model: ModelRecord) -> list[str]:
    """Names of models that were trained from this one."""
    return [other.name for other in models if other.parent == model.content and other.name != model.name]


def parent_name(models: Sequence[ModelRecord], model: ModelRecord) -> str | None:
    """The registered model that training began from; None where it was the base, or is not registered.

    A stage that was skipped has its parent's weights, and is not its own parent.
    """
    found = (m.name for m in models if m.content == model.parent and m.name != model.name)
    return next(found, None) if model.parent else None
