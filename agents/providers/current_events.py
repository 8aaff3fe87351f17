"""Wikipedia's portal of current events: one day's page → dated items.

Bullets with a sentence are items; bullets that only link to a page name the topic of what stands below
them. Both spellings of category lines are read (`;Category` and `'''Category'''`).
"""

from __future__ import annotations

import re
from datetime import date

from agents.providers.base import DatedItem
from agents.providers.wikitext import external_links, plain_text

_CATEGORY = re.compile(r"^(?:;\s*(.+?)|'''([^']+)''')\s*:?\s*$")
_BULLET = re.compile(r"^(\*+)\s*(.*)$")
_CITATION = re.compile(r"\[https?://[^\]]*\]")
_FEWEST_WORDS = 5


def parse_day(wikitext: str, day: date) -> tuple[DatedItem, ...]:
    """The items of one day's page, in its order."""
    category, topics, items = "", [""] * 10, []
    for line in re.sub(r"<!--.*?-->", "", wikitext, flags=re.S).splitlines():
        if found := _CATEGORY.match(line.strip()):
            category, topics = plain_text(found[1] or found[2]), [""] * 10
        elif found := _BULLET.match(line.strip()):
            level = min(len(found[1]), 9)
            links = external_links(found[2])
            text = plain_text(_CITATION.sub("", found[2])).strip()
            if links and len(text.split()) >= _FEWEST_WORDS:
                topic = next((name for name in reversed(topics[:level]) if name), "")
                items.append(DatedItem(day, text, category, links, topic))
            else:
                topics[level:] = [text] + [""] * (9 - level)
    return tuple(items)
