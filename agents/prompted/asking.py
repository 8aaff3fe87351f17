"""A role's question to its model: prompt rendered, reply checked, a failure filed under the case's stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from agents.models.client import Model
from agents.models.reply import Check
from agents.models.result import ModelFailure
from agents.prompted.prompts import shipped_prompts
from agents.state import Failure, Stage

T = TypeVar("T", bound=BaseModel)


class RoleModels(Protocol):
    """Which model a role asks; `agents.model.Models` is one."""

    def of(self, role: str) -> Model:
        """The model of a role."""
        ...

    def names(self) -> dict[str, str]:
        """Role → model; `default` for the roles without their own."""
        ...


class ReplyForm(BaseModel):
    """A reply: every field is required, none beyond them is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Question:
    """What is asked, for which case, at which stage."""

    prompt: str
    """Name of the prompt file."""
    role: str
    stage: Stage
    case: str
    values: dict[str, str]
    sample: int = 0


async def ask(
    models: RoleModels, question: Question, form: type[T], check: Check[T] | None = None
) -> T | Failure:
    """The reply as a value, or the case's failure."""
    prompt = shipped_prompts()[question.prompt].render(question.role, **question.values)
    answer = await models.of(question.role).ask(
        prompt, form, case=question.case, sample=question.sample, check=check
    )
    if isinstance(answer, ModelFailure):
        return answer.of_case(question.stage)
    return answer.value


def model_of(models: RoleModels, role: str) -> str:
    """The name of the model that a role asks."""
    names = models.names()
    return names.get(role) or names.get("default", "")
