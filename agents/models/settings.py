"""Which model answers, where, and how: one frozen object per model, stored with every case it made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from agents.fetching.exchange import bad_address
from corpus.errors import InvalidInput

OPENAI = "https://api.openai.com/v1"
KEY_VARIABLES = {"api.openai.com": "OPENAI_API_KEY", "openrouter.ai": "OPENROUTER_API_KEY"}
"""Host → the variable its key is customarily kept in; any other host: PSYCHOHISTORY_API_KEY."""
ANY_KEY = "PSYCHOHISTORY_API_KEY"


class SchemaMode(StrEnum):
    """How a server is told the shape of the reply; we validate it ourselves in any case."""

    JSON_SCHEMA = "json_schema"
    """`response_format` with the schema: OpenAI, OpenRouter, vLLM, Ollama, llama.cpp."""
    JSON_OBJECT = "json_object"
    """`response_format` json_object, the schema in the prompt: servers without schemas."""
    PROMPT = "prompt"
    """The schema in the prompt only: servers that know no `response_format`."""


@dataclass(frozen=True)
class ModelSettings:
    """One model as it is used."""

    model: str
    base_url: str = OPENAI
    api_key: str = field(default="", repr=False)
    temperature: float | None = 0.7
    """None leaves it out, for models that take none."""
    max_output_tokens: int = 4_000
    schema_mode: SchemaMode = SchemaMode.JSON_SCHEMA
    reasoning_effort: str = ""
    """`low`, `medium`, `high` for models that take it; empty leaves it out."""
    timeout_s: float = 600.0
    """Long on purpose: a call that is given up may be billed all the same."""
    tries: int = 5
    """Of one call, the first included; only passing faults are tried again."""
    repairs: int = 2
    """How often an invalid reply is sent back with what was wrong."""
    concurrency: int = 16
    tokens_per_minute: int | None = None

    def __post_init__(self) -> None:
        if problem := bad_address(self.base_url):
            raise InvalidInput(f"--base-url is wrong: {problem}")
        if not self.model.strip():
            raise InvalidInput("--model is empty; name the model as its server does.")

    @property
    def url(self) -> str:
        """The base address without a trailing slash."""
        return self.base_url.rstrip("/")

    @property
    def is_openai(self) -> bool:
        """Whether this is OpenAI itself, which names its token limit differently from the others."""
        return urlsplit(self.base_url).hostname == "api.openai.com"

    def record(self) -> dict[str, str | int | float | bool]:
        """What a case keeps of this; no key."""
        kept: dict[str, str | int | float | bool] = {
            "model": self.model,
            "base_url": self.url,
            "max_output_tokens": self.max_output_tokens,
            "schema_mode": str(self.schema_mode),
        }
        if self.temperature is not None:
            kept["temperature"] = self.temperature
        if self.reasoning_effort:
            kept["reasoning_effort"] = self.reasoning_effort
        return kept


def key_variable(base_url: str) -> str:
    """The environment variable that holds the key of a server."""
    return KEY_VARIABLES.get(urlsplit(base_url).hostname or "", ANY_KEY)


def api_key(base_url: str, environment: Mapping[str, str]) -> str:
    """The key of a server; empty where none is set, as for a server of one's own."""
    return environment.get(key_variable(base_url)) or environment.get(ANY_KEY) or ""
