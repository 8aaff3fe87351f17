"""What a base model is called, and which base a finished model was trained on. No torch.

`tiny` names the shipped smoke model; any other name is a folder or a model of the Hugging Face hub. An adapter says
in its own settings what it was trained on, a whole model in its manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from corpus.errors import InvalidInput
from training.runfolder import MANIFEST, content_hash, read_json

TINY = "tiny"
TINY_FOLDER = Path(__file__).parent / "tiny"
ADAPTER = "adapter_config.json"


def resolve(base: str) -> str:
    """Folder or hub name of a base model."""
    return str(TINY_FOLDER) if base == TINY else base


def identity(base: str) -> dict[str, str]:
    """What a base is known by in locks and lineages: its name, and its files' hash where it is a folder."""
    folder = Path(resolve(base))
    return {"name": base, "hash": content_hash(folder) if folder.is_dir() else ""}


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter (else a whole model)."""
    return (folder / ADAPTER).is_file()


def trained_on(folder: Path) -> str | None:
    """The base that a finished model says it was trained on; None where it does not say."""
    named = (read_json(folder / ADAPTER) or {}).get("base_model_name_or_path")
    return named or (read_json(folder / MANIFEST) or {}).get("base")


def check_unchanged(folder: Path, base: Mapping[str, str]) -> None:
    """Raise InvalidInput where an adapter's base, by its `identity`, is not what the adapter was trained on."""
    stated = (read_json(folder / MANIFEST) or {}).get("base_hash")
    if is_adapter(folder) and stated and base["hash"] and stated != base["hash"]:
        raise InvalidInput(
            f"The files of the base {base['name']!r} have changed since {folder} was trained on it; bring the earlier "
            "ones back, or train anew."
        )


def base_of(folder: Path, asked: str | None) -> str | None:
    """The base of a finished model; raises InvalidInput where another one is asked for."""
    found = trained_on(folder)
    if asked is None or found is None:
        return found or asked
    if resolve(found) != resolve(asked):
        raise InvalidInput(
            f"The model {folder} was trained on {found!r}, not on {asked!r}; leave the base out, or name that one."
        )
    return asked
