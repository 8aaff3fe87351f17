"""A hub of models as `huggingface_hub` meets it when a model is pushed: repositories, large files, commits.

Keeps what was committed and checks tokens, hashes and sizes as the hub does. Speaks plain LFS, not Xet storage.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.loopback import NOT_FOUND, Answer, Seen, as_json

TOKEN = "hf_FICTIONAL"  # a token that only this server knows
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """One repository."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


@dataclass
class ModelHub:
    """Answers requests; `url` is set once the server has a port."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    """Large files by sha256."""
    failing: int | None = None
    """A status that every commit is answered with."""

    def __call__(self, seen: Seen) -> Answer:
        if not seen.path.startswith("/upload/") and seen.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"error": "Invalid username or password."}, status=401)
        for pattern, answer in self._routes():
            found = re.fullmatch(pattern, f"{seen.method} {seen.path}")
            if found:
                return answer(seen, *found.groups())
        return NOT_FOUND

    def _routes(self) -> list[tuple[str, Callable[..., Answer]]]:
        repository = r"([\w.-]+/[\w.-]+)"
        return [
            (r"POST /api/repos/create", self._create),
            (rf"GET /api/models/{repository}", self._info),
            (r"POST /api/validate-yaml", self._validate),
            (rf"POST /api/models/{repository}/preupload/main", self._preupload),
            (rf"POST /{repository}\.git/info/lfs/objects/batch", self._batch),
            (r"PUT /upload/(\w+)", self._upload),
            (rf"POST /api/models/{repository}/commit/main", self._commit),
        ]

    def _create(self, seen: Seen) -> Answer:
        asked = seen.json()
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.repositories:
            return as_json(
                {"error": "You already created this model repo", "url": f"{self.url}/{name}"}, status=409
            )
        self.repositories[name] = Repository(private=asked.get("visibility") == "private")
        return as_json({"url": f"{self.url}/{name}"})

    def _info(self, seen: Seen, name: str) -> Answer:
        if name not in self.repositories:
            return as_json(
                {"error": "Repository not found"}, status=404, headers={"X-Error-Code": "RepoNotFound"}
            )
        return as_json({"id": name, "private": self.repositories[name].private, "tags": [], "siblings": []})

    def _validate(self, seen: Seen) -> Answer:
        text = seen.json()["content"]
        if not text.startswith("---\n"):
            return as_json({"errors": [{"message": "no metadata"}], "warnings": []}, status=400)
        return as_json({"errors": [], "warnings": []})

    def _preupload(self, seen: Seen, name: str) -> Answer:
        files = [
            {
                "path": file["path"], "shouldIgnore": False,
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
            }
            for file in seen.json()["files"]
        ]  # fmt: skip
        return as_json({"files": files})

    def _batch(self, seen: Seen, name: str) -> Answer:
        objects: list[dict[str, Any]] = [
            {"oid": one["oid"], "size": one["size"]}
            | (
                {}
                if one["oid"] in self.stored
                else {"actions": {"upload": {"href": f"{self.url}/upload/{one['oid']}"}}}
            )
            for one in seen.json()["objects"]
        ]
        return as_json({"transfer": "basic", "objects": objects})

    def _upload(self, seen: Seen, oid: str) -> Answer:
        if hashlib.sha256(seen.body).hexdigest() != oid:
            return as_json({"error": "hash mismatch"}, status=400)
        self.stored[oid] = seen.body
        return Answer()

    def _commit(self, seen: Seen, name: str) -> Answer:
        if self.failing is not None:
            return as_json({"error": "FICTIONAL fault"}, status=self.failing)
        repository = self.repositories[name]
        for line in map(json.loads, seen.body.decode().splitlines()):
            value = line["value"]
            if line["key"] == "header":
                repository.messages.append(value["summary"])
            elif line["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repository.files[value["path"]] = self.stored[value["oid"]]
        return as_json({"commitUrl": f"{self.url}/{name}/commit/{_COMMIT}", "commitOid": _COMMIT})
