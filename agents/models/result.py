"""What a model gives: an answer that fits its schema, or a failure; both are values with the text kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import BaseModel

from agents.state import Failure, FailureKind, Stage

T = TypeVar("T", bound=BaseModel)


class ModelProblem(StrEnum):
    """Why a model gave no usable answer."""

    UNAUTHORISED = "unauthorised"
    """401 or 403: the key is wrong, or there is none."""
    QUOTA = "quota"
    """402, or 429 that says the account is empty."""
    UNKNOWN_MODEL = "unknown_model"
    """404: no such model, or no such address."""
    BAD_REQUEST = "bad_request"
    """400 or 422: the server does not take the request."""
    BUSY = "busy"
    """429 or 5xx to the last try."""
    UNREACHABLE = "unreachable"
    """No connection."""
    TIMEOUT = "timeout"
    """No answer in time; it may have been billed."""
    NOT_A_MODEL = "not_a_model"
    """Something answered that is no model server: HTML, or JSON without choices."""
    OVER_BUDGET = "over_budget"
    """The cap is reached."""
    NO_PRICE = "no_price"
    """A cap is set and nobody knows what the model costs."""
    NOT_RECORDED = "not_recorded"
    """A replay has no such call on its tape."""
    REFUSED = "refused"
    """The model declined, or a filter stopped it."""
    NOT_JSON = "not_json"
    """Prose where JSON was asked for."""
    CUT_OFF = "cut_off"
    """Half a JSON: the token limit or the connection ended it."""
    INVALID = "invalid"
    """JSON that does not fit the schema or its rules, such as a probability of 1.7."""
    WRONG_LANGUAGE = "wrong_language"
    """Not in English."""


_KINDS = {
    ModelProblem.UNAUTHORISED: FailureKind.UNAUTHORISED,
    ModelProblem.QUOTA: FailureKind.NO_SERVICE,
    ModelProblem.UNKNOWN_MODEL: FailureKind.NO_SERVICE,
    ModelProblem.UNREACHABLE: FailureKind.NO_SERVICE,
    ModelProblem.NOT_A_MODEL: FailureKind.NO_SERVICE,
    ModelProblem.OVER_BUDGET: FailureKind.OVER_BUDGET,
    ModelProblem.NO_PRICE: FailureKind.OVER_BUDGET,
    ModelProblem.REFUSED: FailureKind.REFUSED,
    ModelProblem.NOT_JSON: FailureKind.INVALID_REPLY,
    ModelProblem.CUT_OFF: FailureKind.INVALID_REPLY,
    ModelProblem.INVALID: FailureKind.INVALID_REPLY,
    ModelProblem.WRONG_LANGUAGE: FailureKind.INVALID_REPLY,
}
_KEPT_CHARACTERS = 20_000


@dataclass(frozen=True)
class ModelFailure:
    """A question that got no usable answer."""

    problem: ModelProblem
    message: str
    text: str = ""
    """What the model or the server said, as it came."""

    def of_case(self, stage: Stage) -> Failure:
        """This failure as a case's."""
        kind = _KINDS.get(self.problem, FailureKind.UNREACHABLE)
        return Failure(kind=kind, message=self.message, stage=stage, reply=self.text[:_KEPT_CHARACTERS])


@dataclass(frozen=True)
class Usage:
    """Tokens and money of one or more calls."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_nanousd: int = 0
    calls: int = 0
    from_journal: int = 0
    """Calls that cost nothing this time, because their responses were there."""
    cached_tokens: int = 0
    """Prompt tokens that the server had kept from an earlier call, as it says."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost_nanousd + other.cost_nanousd,
            self.calls + other.calls,
            self.from_journal + other.from_journal,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A reply that fits its schema and passed its checks."""

    value: T
    text: str
    usage: Usage
    """Repairs included."""
    repairs: int = 0


class CallStopped(Exception):
    """Carries a failure through the client library; caught by the one who made the call, never shown."""

    def __init__(self, failure: ModelFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure
