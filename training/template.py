"""What stands around questions and answers: the project's plain template, or the model's own chat template.

A dialogue only grows: what was asked and answered may never be written anew when a turn is added, or prefixes could
be neither shared nor cached, and what was learnt would not be what is read. Many chat templates break this (Qwen3's
drops what was thought, and adds an empty thought to the last answer only). `own_template` takes a template apart by
rendering made-up turns, and says why where it cannot be used: then the plain one is.

Does not cover: system prompts (what a template adds by itself stays), tools, what a template does to an answer's
blanks (a list keeps the line break before its end).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from corpus.errors import InvalidInput
from training.dialogue import TEMPLATE_VERSION

USER, ASSISTANT = "User: ", "\nAssistant:\n"
_QUESTIONS = ("question-one", "question-two", "question-three")
_ANSWERS = ("answer-one", "answer-two", "answer-three")
Message = Mapping[str, str]


class TemplateChoice(StrEnum):
    """Which template is asked for."""

    AUTO = "auto"
    """The model's own where it keeps earlier turns unchanged, else the plain one."""
    PLAIN = "plain"
    """The project's own, for any model."""
    OWN = "own"
    """The model's own; an error where it cannot be used."""


class ChatTokenizer(Protocol):
    """What is needed of a tokenizer to take its chat template apart."""

    name_or_path: str
    eos_token: Any
    chat_template: Any

    def apply_chat_template(self, conversation: Any, *, tokenize: bool, add_generation_prompt: bool) -> Any:
        """A conversation as one text."""
        ...


@dataclass(frozen=True, slots=True)
class Template:
    """The texts between the parts of a dialogue."""

    version: str
    """What manifests and predictions call it."""
    before_first: str
    before_next: str
    """Between what ends an answer and the next question."""
    before_answer: str
    is_own: bool = False
    """Its texts hold control tokens, and letters end as lists do: with the tokenizer's end token."""
    reason: str = ""
    """Why it is the plain one, where the model's own was looked at."""

    @property
    def told(self) -> str:
        """Which one it is, and why, as a sentence."""
        if self.is_own:
            return "Template: the model's own."
        why = f" (the model's own: {self.reason})" if self.reason else ""
        return f"Template: the plain one{why}."


PLAIN = Template(TEMPLATE_VERSION, USER, f"\n{USER}", ASSISTANT)
OWN_VERSION = f"{TEMPLATE_VERSION}+own"


def chosen_template(tokenizer: ChatTokenizer, choice: TemplateChoice) -> Template:
    """The template of a new run; raises InvalidInput where the model's own is asked for and cannot be used."""
    if choice is TemplateChoice.PLAIN:
        return PLAIN
    found = own_template(tokenizer)
    if isinstance(found, Template):
        return found
    if choice is TemplateChoice.OWN:
        raise InvalidInput(
            f"The chat template of {tokenizer.name_or_path} cannot be used: {found}; set data.template: plain."
        )
    return Template(PLAIN.version, PLAIN.before_first, PLAIN.before_next, PLAIN.before_answer, reason=found)


def template_named(tokenizer: ChatTokenizer, version: str) -> Template:
    """The template that a finished model was trained in; raises InvalidInput where this program has none such."""
    if version == PLAIN.version:
        return PLAIN
    if version == OWN_VERSION:
        return chosen_template(tokenizer, TemplateChoice.OWN)
    raise InvalidInput(
        f"{tokenizer.name_or_path} was trained in the template {version!r}, which this program does not write: "
        f"it writes {PLAIN.version!r} and {OWN_VERSION!r}."
    )


def own_template(tokenizer: ChatTokenizer) -> Template | str:
    """A model's own template taken apart, or why it cannot be used."""
    if not tokenizer.chat_template:
        return "there is none"
    if "strftime_now" in str(tokenizer.chat_template):
        return "it writes today's date"
    try:
        asked = [_render(tokenizer, turns, asks=True) for turns in range(3)]
        told = [_render(tokenizer, turns, asks=False) for turns in range(3)]
    except Exception as fault:  # noqa: BLE001 (a template is somebody else's program and may raise anything)
        return f"it cannot be rendered ({' '.join(str(fault).split())[:120] or type(fault).__name__})"
    if not _only_grows(asked, told):
        return "it changes earlier turns as a dialogue grows"
    return _apart(asked, str(tokenizer.eos_token))


def _render(tokenizer: ChatTokenizer, turns: int, *, asks: bool) -> str:
    """`turns` whole turns and a question, up to where its answer begins or with the answer."""
    messages: list[Message] = []
    for question, answer in zip(_QUESTIONS[: turns + 1], _ANSWERS[: turns + 1], strict=True):
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    shown = messages[:-1] if asks else messages
    return str(tokenizer.apply_chat_template(shown, tokenize=False, add_generation_prompt=asks))


def _only_grows(asked: Sequence[str], told: Sequence[str]) -> bool:
    answered = [text + answer for text, answer in zip(asked, _ANSWERS, strict=True)]
    kept = all(whole.startswith(text) for text, whole in zip(answered, told, strict=True))
    return kept and all(later.startswith(text) for text, later in zip(told, asked[1:], strict=False))


def _apart(asked: Sequence[str], end: str) -> Template | str:
    """The texts around questions and answers, which must be the same at every turn."""
    parts = asked[0].split(_QUESTIONS[0])
    if len(parts) != 2:
        return "it does not write a question once as it is"
    before_first, before_answer = parts
    between = set()
    for i in (1, 2):
        grown = asked[i][len(asked[i - 1] + _ANSWERS[i - 1]) :].split(_QUESTIONS[i])
        if len(grown) != 2 or grown[1] != before_answer:
            return "it words later turns otherwise than the first"
        between.add(grown[0])
    if len(between) != 1:
        return "it words later turns otherwise than the first"
    (joint,) = between
    if not joint.startswith(end):
        return f"its turns do not end with the tokenizer's end token {end!r}"
    return Template(OWN_VERSION, before_first, joint.removeprefix(end), before_answer, is_own=True)
