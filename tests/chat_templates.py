"""Chat templates as models bring them, cut to what matters, and a small tokenizer that has one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runs.make_tiny_base import make_tokenizer
from tests.tiny_models import tiny_texts

_TURN = "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + eos_token + '\\n' }}"
_ASK = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
CHATML = f"{{% for m in messages %}}{_TURN}{{% endfor %}}{_ASK}"
WITH_SYSTEM = "{{ '<|im_start|>system\\nBe brief.' + eos_token + '\\n' }}" + CHATML
"""Adds a system prompt of its own, as Qwen2.5 does."""
TRIMMING = CHATML.replace("m['content']", "m['content'] | trim")
"""Cuts blanks off every text, as Llama 3 does."""
THINKING = (
    "{% for m in messages %}{% if m['role'] == 'assistant' and loop.last %}"
    "{{ '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' + m['content'] + eos_token + '\\n' }}"
    f"{{% else %}}{_TURN}{{% endif %}}{{% endfor %}}{_ASK}"
)
"""Adds an empty thought to the last answer and takes it out once a question follows, as Qwen3 does."""
DATED = "{{ strftime_now('%d %B %Y') }}" + CHATML
NUMBERED = CHATML.replace("m['role'] +", "m['role'] + (loop.index | string if m['role'] == 'user' else '') +")
OTHER_END = CHATML.replace("eos_token", "'</turn>'")
STRICT = "{% if messages | length > 3 %}{{ raise_exception('one turn only') }}{% endif %}" + CHATML
TWICE = CHATML.replace(
    "m['content']", "(m['content'] + ' ' + m['content'] if m['role'] == 'user' else m['content'])"
)


def shipped_template(name: str) -> str:
    """A real model's template as TRL brings it."""
    found = find_spec("trl")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def chat_tokenizer(template: str | None) -> Any:
    """A small byte-level tokenizer with a chat template; `<|im_start|>` is one of its control tokens."""
    tokenizer = make_tokenizer(tiny_texts())
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = template
    tokenizer.name_or_path = "chatty"
    return tokenizer
