"""Pushing a model to the Hugging Face hub, private unless said otherwise. Needs huggingface_hub.

One commit: weights, tokenizer, calibration, the model card of the newest evaluation, its figures, and the lineage
without anything that names this machine's folders. Does not cover: downloading, and deleting what was pushed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.errors import InvalidInput, PsychoHistoryError, PushFailed
from training.registry.records import EvaluationRecord, ModelRecord
from training.registry.store import CARD, FIGURES, Registry

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
LINEAGE = "lineage.json"


@dataclass(frozen=True)
class Target:
    """Where a model goes."""

    repo: str
    """OWNER/NAME on the hub."""
    token: str
    public: bool = False
    licence: str = ""
    endpoint: str | None = None
    """Another server that speaks the hub's protocol; HF_ENDPOINT or the hub without it."""


def token_of(environment: Mapping[str, str]) -> str:
    """The hub's token; raises InvalidInput where the environment holds none."""
    for name in TOKENS:
        if found := environment.get(name, "").strip():
            return found
    raise InvalidInput(f"Pushing needs a token of the hub with write access; put it into {TOKENS[0]}.")


def push(registry: Registry, name: str, target: Target) -> str:
    """Publish a model; the address of the commit.

    Raises InvalidInput where it cannot be used by others (an adapter on a folder), was not evaluated, or would
    land in a public repository unasked; PushFailed where the hub refuses or cannot be reached.
    """
    record = registry.model(name)
    evaluation = _publishable(registry, record)
    weights = registry.verified(record.name)
    place = registry.checked_evaluation(record.name, evaluation)
    parts: dict[str, Path | bytes] = {path: weights / path for path in record.files}
    parts["README.md"] = _card(place / CARD, target.licence).encode()
    parts[FIGURES] = place / FIGURES
    parts[LINEAGE] = json.dumps(lineage(record), indent=1, sort_keys=True).encode()
    return _commit(record.name, parts, target)


def _publishable(registry: Registry, record: ModelRecord) -> EvaluationRecord:
    if record.adapter and record.base_hash:
        raise InvalidInput(
            f"{record.name} is an adapter on {record.base}, which lies on this machine only; merge it "
            f"(`training models merge {record.name} --out DIR`), add DIR, and push that."
        )
    found = registry.evaluations(record.name)
    if not found:
        raise InvalidInput(
            f"{record.name} has no evaluation, so there is no model card; add its forecasts with "
            f"`training models evaluate {record.name} FILE --snapshot FOLDER`."
        )
    return found[0]


def lineage(record: ModelRecord) -> dict[str, Any]:
    """Where a model comes from, for others: no path of this machine."""
    kept = record.model_dump(
        mode="json",
        include={"name", "stage", "parent", "snapshot", "code", "commit", "packages", "content", "files"},
    )
    base = {"name": Path(record.base).name if record.base_hash else record.base, "hash": record.base_hash}
    return kept | {"base": base, "config": record.config | {"base": base["name"]}}


def _card(path: Path, licence: str) -> str:
    """The stored card, with the licence in its metadata."""
    text = path.read_text(encoding="utf-8")
    if not licence:
        return text
    import huggingface_hub as hub

    card = hub.ModelCard(text)
    card.data.license = licence
    return str(card)


def _commit(name: str, parts: Mapping[str, Path | bytes], target: Target) -> str:
    import huggingface_hub as hub
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    client = hub.HfApi(endpoint=target.endpoint, token=target.token)
    try:
        client.create_repo(target.repo, private=not target.public, exist_ok=True)
        _check_private(client, target)
        additions = [hub.CommitOperationAdd(place, content) for place, content in sorted(parts.items())]
        done = client.create_commit(target.repo, additions, commit_message=f"{name}, by psychohistory")
    except PsychoHistoryError:
        raise
    except OfflineModeIsEnabled as fault:
        raise PushFailed("Nothing was pushed: HF_HUB_OFFLINE is set; unset it to reach the hub.") from fault
    except HfHubHTTPError as fault:
        raise PushFailed(_refused(target, fault)) from fault
    except (HTTPError, OSError, RuntimeError) as fault:
        raise PushFailed(
            f"{client.endpoint} cannot be reached ({_line(fault)}); nothing was published. Try again."
        ) from fault
    except ValueError as fault:  # the client's own checks: the repository's name, the card's metadata
        raise InvalidInput(f"{target.repo} was not pushed: {_line(fault)}.") from fault
    return str(done.commit_url)


def _check_private(client: Any, target: Target) -> None:
    """A repository that is there already keeps its own visibility: nothing goes public unasked."""
    if not target.public and client.model_info(target.repo).private is False:
        raise InvalidInput(
            f"{target.repo} is a public repository; say --public to publish there, or name another."
        )


def _refused(target: Target, fault: Any) -> str:
    status = fault.response.status_code
    if status in (401, 403):
        return (
            f"The hub refused the token for {target.repo} ({status}); it needs write access to {target.repo}."
        )
    return f"The hub answered {status} for {target.repo}: {_line(fault)}; nothing was published."


def _line(fault: BaseException) -> str:
    """The first line of a foreign error."""
    return next((line.strip(" .") for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
