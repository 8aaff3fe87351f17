"""Wikitext → plain text, by rules of our own.

The source text of a revision is used and not its rendered page, because rendering an old revision today
fills it with today's templates: an infobox would tell the future. So templates are dropped, but for a few
that only dress up a word or a number of the sentence. Tables, references, files and the closing sections
(references, links) go too. Not covered: Lua, tables as data, languages other than English.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_REFERENCE = re.compile(r"<ref\b[^>/]*/>|<ref\b[^>]*>.*?(?:</ref\s*>|\Z)", re.S | re.I)
_BLOCK = re.compile(
    r"<(gallery|math|timeline|syntaxhighlight|score|imagemap)\b[^>]*>.*?(?:</\1\s*>|\Z)", re.S | re.I
)
_INNERMOST_TEMPLATE = re.compile(r"\{\{((?:[^{}]|\{(?!\{)|\}(?!\}))*)\}\}")
_INNERMOST_TABLE = re.compile(r"\{\|(?:(?!\{\||\|\}).)*\|\}", re.S)
_INNERMOST_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
_EXTERNAL = re.compile(r"\[(?:https?:)?//[^\s\]]+(?:\s+([^\]]*))?\]")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_MAGIC = re.compile(r"__[A-Z]+__")
_HEADING = re.compile(r"^(={2,6})\s*(.*?)\s*\1\s*$", re.M)
_CLOSING = re.compile(
    r"^==\s*(?:References|Notes|External links|See also|Further reading|Sources|Bibliography|Footnotes)\s*==\s*$"
    r".*\Z", re.M | re.S | re.I,
)  # fmt: skip
_LIST_MARK = re.compile(r"^[*#:;]+\s*", re.M)
_NAMESPACE = re.compile(r"^:?(?:file|image|category|media|template|wikt|commons|[a-z]{2,3}):", re.I)
_LEAD_TITLE = re.compile(r"'''(?:'')?(.{2,120}?)(?:'')?'''")
_TRANSPARENT = frozenset({"nowrap", "nobr", "nbsp", "small", "abbr", "lang", "circa", "c."})
_CURRENCIES = {
    "us$": "US$",
    "usd": "US$",
    "eur": "€",
    "euro": "€",
    "gbp": "£",
    "pound sterling": "£",
    "inr": "₹",
}
_REDIRECT = re.compile(r"^\s*#REDIRECT\s*:?\s*\[\[([^\]|#]+)", re.I)


def plain_text(wikitext: str) -> str:
    """The prose of a revision: paragraphs, headings and list entries, one per line."""
    text = _CLOSING.sub("", _REFERENCE.sub("", _COMMENT.sub("", wikitext)))
    text = _until_stable(_INNERMOST_TEMPLATE, _template, _BLOCK.sub("", text))
    text = _until_stable(_INNERMOST_TABLE, lambda match: "", text)
    text = _until_stable(_INNERMOST_LINK, _link, text)
    text = _EXTERNAL.sub(lambda match: match[1] or "", text)
    text = _TAG.sub(" ", _MAGIC.sub("", text)).replace("'''", "").replace("''", "")
    text = _LIST_MARK.sub("", _HEADING.sub(r"\2", text))
    lines = (re.sub(r"\s+", " ", html.unescape(line)).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line.strip(" ,;.()"))


def lead_title(wikitext: str) -> str:
    """The subject as the revision itself writes it in bold; empty where it has none.

    A page's title is today's and may tell what happened since; the bold words are the revision's own.
    """
    found = _LEAD_TITLE.search(_until_stable(_INNERMOST_TEMPLATE, _template, _COMMENT.sub("", wikitext)))
    return plain_text(found[1]) if found else ""


def redirect_target(wikitext: str) -> str | None:
    """The page a revision sends its reader to, where it is a redirect."""
    found = _REDIRECT.match(wikitext)
    return found[1].strip().replace("_", " ") if found else None


def external_links(wikitext: str) -> tuple[str, ...]:
    """Addresses of the external links, in order, each once."""
    return tuple(dict.fromkeys(re.findall(r"\[(https?://[^\s\]]+)", wikitext)))


def _until_stable(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str) -> str:
    """Replace from the inside out; 40 levels are deeper than any page."""
    for _ in range(40):
        text, count = pattern.subn(replace, text)
        if not count:
            break
    return text


def _template(match: re.Match[str]) -> str:
    name, *arguments = (part.strip() for part in match[1].split("|"))
    values = [argument for argument in arguments if "=" not in argument]
    name = name.lower()
    if name in _TRANSPARENT:
        return values[-1] if values else " "
    if name in {"convert", "cvt"} and len(values) >= 2:
        return f"{values[0]} {values[1]}"
    if name in _CURRENCIES and values:
        return _CURRENCIES[name] + values[0]
    if name == "as of" and values:
        return "as of " + "-".join(value.zfill(2) for value in values[:3])
    return ""


def _link(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    if _NAMESPACE.match(target):
        return label if target.startswith(":") else ""
    return label.rpartition("|")[2] or target.partition("#")[0]
