"""Pages that try to instruct the model: found, flagged with their place, and shut into a marked block.

Text from a page is data. `flags` finds what looks like an attempt (orders to ignore instructions, faked
evidence numbers, faked tool calls or chat turns, characters that no reader sees); `remove_hidden` takes
hidden elements out of a page before its text is read; `marked_block` wraps a text so that nothing in it can
end the block or pass for the prompt around it. Flags are for people and for weighing; the block and the
checks of every reply are what keeps a page from changing a claim. English patterns only; a clever page
passes unflagged, which is why nothing relies on the flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from corpus.identity import text_sha256


class InjectionKind(StrEnum):
    """What a suspicious passage tries."""

    ORDER = "order"
    """Tells the reader to ignore or replace its instructions, or what to answer."""
    FAKE_EVIDENCE = "fake_evidence"
    """Looks like numbered evidence of ours."""
    FAKE_TOOL_CALL = "fake_tool_call"
    """Looks like a call of a tool, or its result."""
    FAKE_TURN = "fake_turn"
    """Looks like a turn of the conversation, or a marker of ours."""
    HIDDEN = "hidden"
    """Characters that are not shown."""


@dataclass(frozen=True)
class InjectionFlag:
    """One suspicious passage of a text, at [start, end)."""

    kind: InjectionKind
    start: int
    end: int
    excerpt: str


_PRIOR = r"(?:all|any|the|your|these|those|previous|prior|above|earlier|preceding|foregoing|system|original)"
_RULES = r"(?:instructions?|prompts?|rules|directions|guidelines|commands|context|messages?|above|training)"
_PATTERNS: tuple[tuple[InjectionKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE | re.MULTILINE))
    for kind, pattern in (
        (InjectionKind.ORDER, rf"\b(?:ignore|disregard|forget|override|bypass)\s+(?:{_PRIOR}\s+){{0,4}}{_RULES}\b"),
        (InjectionKind.ORDER, r"\b(?:ignore|disregard)\s+(?:everything|all|anything)\s+(?:above|before|else|you)\b"),
        (InjectionKind.ORDER, r"\byou\s+are\s+(?:now|no longer)\s+(?:an?\s|the\s|in\s|bound|required|allowed|dan\b)"),
        (InjectionKind.ORDER, r"\b(?:new|updated|revised|real|actual)\s+(?:system\s+)?(?:instructions?|prompt)\s*:"),
        (
            InjectionKind.ORDER,
            r"\b(?:language models?|ai models?|llms?|chatbots?|ai assistants?|ai agents?)\b[^.\n]{0,40}"
            r"\b(?:must|should|shall|(?:are|is) (?:required|instructed) to|need to|have to|please)"
            r"\s+(?:assign|answer|respond|reply|output|ignore|report|state|say|treat|consider|set|give|conclude|rate)\b",
        ),
        (
            InjectionKind.ORDER,
            r"\b(?:answer|respond|reply|output|return|state|report|write|set|assign)\b[^.\n]{0,40}"
            r"\bprobability\s+(?:of|to|=|as|is)\s*(?:0?\.\d+|[01]\b|\d{1,3}\s?%)",
        ),
        (InjectionKind.ORDER, r"\b(?:do not|don't|never)\s+(?:mention|reveal|tell|cite|disclose)\b[^.\n]{0,40}"
                              r"\b(?:instructions?|prompt|this (?:note|message|text)|user)\b"),
        (InjectionKind.ORDER, r"\b(?:reveal|print|repeat|show)\b[^.\n]{0,20}"
                              r"\b(?:system prompt|your (?:prompt|instructions?))\b"),
        (InjectionKind.FAKE_EVIDENCE, r"^[ \t]*\[\d{1,4}\][ \t]*"
                                      r"(?=\(?\d{4}-\d{2}|.{0,60}\b(?:evidence|source|verified)\b)"),
        (InjectionKind.FAKE_EVIDENCE, r"\bevidence\s*(?:no\.?|number|#|\[)?\s*\d{1,4}\]?\s*[:=]"),
        (InjectionKind.FAKE_EVIDENCE, r"\b(?:cite|use|quote|prefer)\s+(?:only\s+)?(?:evidence\s+)?\[\d{1,4}\]"),
        (InjectionKind.FAKE_TOOL_CALL, r"</?(?:tool_calls?|function_call|function_results|invoke|tool_result)\b[^>]*>"),
        (InjectionKind.FAKE_TOOL_CALL, r"\"(?:tool_calls?|function_call|tool_call_id)\"\s*:"),
        (InjectionKind.FAKE_TOOL_CALL, r"\{\s*\"name\"\s*:\s*\"[\w.-]+\"\s*,\s*\"(?:arguments|parameters|input)\"\s*:"),
        (InjectionKind.FAKE_TURN, r"^[ \t]*(?:#{1,4} ?)?(?:system|assistant|user|developer)"
                                  r"(?: message| prompt)? ?:\s*\S"),
        (InjectionKind.FAKE_TURN, r"<\|?(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id"
                                  r"|channel|message)\|?>"),
        (InjectionKind.FAKE_TURN, r"\[/?INST\]|<</?SYS>>|</?page-text\b[^>]*>"),
        (InjectionKind.HIDDEN, r"[\U000E0000-\U000E007F]{2,}|[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]{4,}"),
    )
)  # fmt: skip
_LONGEST_EXCERPT = 160


def flags_of_hidden(texts: Iterable[str]) -> tuple[InjectionFlag, ...]:
    """A flag for every hidden text that would be flagged if it were seen; it has no place in the text read."""
    return tuple(
        InjectionFlag(InjectionKind.HIDDEN, 0, 0, text[:_LONGEST_EXCERPT]) for text in texts if flags(text)
    )


def flags(text: str) -> tuple[InjectionFlag, ...]:
    """Passages of a text that look like attempts to instruct a model, in order, overlaps of a kind merged."""
    found: list[InjectionFlag] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if not any(
                flag.kind is kind and flag.start < match.end() and match.start() < flag.end for flag in found
            ):
                excerpt = text[match.start() : match.start() + _LONGEST_EXCERPT]
                found.append(InjectionFlag(kind, match.start(), match.end(), excerpt))
    return tuple(sorted(found, key=lambda flag: (flag.start, flag.kind)))


_HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)|"
    r"font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)|(?<![-\w])(?:text-indent|left|top|margin-left)\s*:\s*-\d{4,}|"
    r"(?<![-\w])(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:;|!|$)|clip(?:-path)?\s*:\s*(?:rect\(0|inset\((?:50|100)%)|"
    r"color\s*:\s*(?:transparent|rgba\([^)]*,\s*0(?:\.0+)?\s*\))",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"(?<!-)color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITE = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)"})
_CARRIERS = frozenset({"template", "noscript"})


def remove_hidden(tree: Any) -> tuple[str, ...]:
    """Take the elements that a browser would not show out of an lxml tree; their texts, in order.

    Covers inline styles, the `hidden` attribute, `aria-hidden`, `<template>` and `<noscript>`, comments, and
    text in the colour of its ground as far as an inline style tells. Style sheets are not applied, so a page
    can still hide text by a class.
    """
    hidden = [node for node in tree.iter() if _is_hidden(node)]
    texts: list[str] = []
    for node in hidden:
        parent = node.getparent()
        if parent is None or _inside(node, hidden):
            continue
        pieces = node.itertext() if isinstance(node.tag, str) else [node.text or ""]
        said = " ".join(" ".join(str(piece) for piece in pieces).split())
        texts += [said] if said else []
    for node in hidden:
        _drop(node)
    return tuple(texts)


def _is_hidden(node: Any) -> bool:
    if not isinstance(node.tag, str):
        return True  # a comment or a processing instruction
    if node.tag in _CARRIERS or node.get("hidden") is not None or node.get("aria-hidden") == "true":
        return True
    style = node.get("style") or ""
    return bool(style) and (bool(_HIDING_STYLE.search(style)) or _same_colour(style))


def _same_colour(style: str) -> bool:
    colour, ground = _COLOUR.search(style), _BACKGROUND.search(style)
    if not colour:
        return False
    ink = colour[1].replace(" ", "").lower()
    paper = ground[1].replace(" ", "").lower() if ground else "white"
    return ink == paper or (ink in _WHITE and paper in _WHITE)


def _inside(node: Any, others: list[Any]) -> bool:
    return any(ancestor in others for ancestor in node.iterancestors())


def _drop(node: Any) -> None:
    """Remove a node and keep the text after it."""
    parent, tail = node.getparent(), node.tail
    if parent is None:
        return
    if tail:
        previous = node.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + tail
        else:
            parent.text = (parent.text or "") + tail
    parent.remove(node)


_MARKER = re.compile(r"</?\s*page-text", re.IGNORECASE)
_LEADING_NUMBER = re.compile(r"^(\s*)\[(\d{1,4})\]", re.MULTILINE)
_UNSEEN = re.compile(
    r"[\U000E0000-\U000E007F\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b-\x1f]"
)


def marked_block(text: str, label: str) -> str:
    """A text as it stands in a prompt: every line marked, in a block whose name it cannot guess or write.

    The block's name carries a hash of the text, so it is the same in every run; characters that nobody sees
    are left out, and numbers that could pass for our evidence lose their brackets. For reading only: a
    quotation is taken from the stored text, never from here.
    """
    name = f"page-text-{text_sha256(text)[:12]}"
    shown = _MARKER.sub("(page-text", _UNSEEN.sub("", text))
    shown = _LEADING_NUMBER.sub(r"\1(\2)", shown)
    lines = "\n".join(f"| {line}" for line in shown.splitlines())
    return f"<{name} {_label(label)}>\n{lines}\n</{name}>"


def note_block(text: str) -> str:
    """A curator's note as it stands in a prompt: in a block of its own, unable to end it or to pass for evidence."""
    shown = _BRACKETED.sub(r"(\1)", _MARKER.sub("(page-text", _UNSEEN.sub("", text)))
    shown = re.sub(r"</?\s*curator-note", "(curator-note", shown, flags=re.IGNORECASE)
    lines = [f"| {line}" for line in shown.splitlines() if line.strip()]
    return "\n".join(["<curator-note>", *lines, "</curator-note>"])


_BRACKETED = re.compile(r"\[(\d{1,4})\]")


def numbered_block(lines: Iterable[tuple[str, str]], label: str) -> str:
    """Numbered evidence as it stands in a prompt: each line our head, then a page's words, in one marked block.

    A line is (head, text). Only a head may carry a bracketed number: those inside a text lose their brackets,
    its line breaks become spaces, and what nobody sees is left out. The block's name carries a hash of all.
    """
    shown = [(head, " ".join(_UNSEEN.sub("", text).split())) for head, text in lines]
    shown = [(head, _MARKER.sub("(page-text", _BRACKETED.sub(r"(\1)", text))) for head, text in shown]
    name = f"page-text-{text_sha256(chr(10).join(text for _, text in shown))[:12]}"
    body = "\n".join(f"| {head} {text}" for head, text in shown)
    return f"<{name} {_label(label)}>\n{body}\n</{name}>"


def _label(label: str) -> str:
    """A label that holds no bracket, quote or line break of its own."""
    return re.sub(r"[<>\"\s]+", " ", label).strip()[:200]
