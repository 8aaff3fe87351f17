"""Prompts as files: a version line, the part that stays and the part that a case fills in.

`prompts/NAME.md` begins with `version: N`, then `=== system` and `=== user`. `$name` is filled in once and
never read again, so a page that contains `$seed` changes nothing. A prompt's version carries a hash of its
file: an edit that forgets the number is seen all the same. Rendering knows no clock and no unordered set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from string import Template

from agents.models.client import Prompt
from corpus.errors import InvalidFile

NAMES = ("brainstorm", "context", "chronicle", "propose", "edit", "match", "weigh", "recall", "read", "fate")
ROLES = ("brainstormer", "chronicler", "estimator", "verifier")
_FORM = re.compile(r"version: (?P<version>\d+)\n=== system\n(?P<system>.+?)\n=== user\n(?P<user>.+)", re.S)


@dataclass(frozen=True)
class PromptFile:
    """One prompt as it lies in its file."""

    name: str
    version: str
    """Number and the first digits of the file's hash, such as `1-3fa0c2d1`."""
    system: str
    user: str

    def render(self, role: str, **values: str) -> Prompt:
        """The prompt with every `$name` filled in; KeyError where one has no value, ValueError for one too many."""
        if unknown := sorted(set(values) - _placeholders(self.user)):
            raise ValueError(f"prompt {self.name} has no place for {unknown[0]}")
        return Prompt(role, self.name, self.version, self.system, Template(self.user).substitute(values))


def _placeholders(text: str) -> set[str]:
    return {found["named"] for found in Template.pattern.finditer(text) if found["named"]}


def parse_prompt(name: str, text: str) -> PromptFile:
    """A prompt from the text of its file; raises `InvalidFile`."""
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise InvalidFile(f"Prompt {name} lacks `version: N`, `=== system` or `=== user`; restore its file.")
    version = f"{found['version']}-{sha256(text.encode()).hexdigest()[:8]}"
    return PromptFile(name, version, found["system"].strip(), found["user"].strip())


@lru_cache(maxsize=1)
def shipped_prompts() -> Mapping[str, PromptFile]:
    """Name → prompt, as shipped."""
    folder = files("agents.prompted").joinpath("prompts")
    return {
        name: parse_prompt(name, folder.joinpath(f"{name}.md").read_text(encoding="utf-8")) for name in NAMES
    }


def prompt_versions() -> dict[str, str]:
    """Name → version, as a case's provenance keeps them."""
    return {name: prompt.version for name, prompt in sorted(shipped_prompts().items())}
