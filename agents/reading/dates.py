"""Dates in prose, explicit and relative, resolved against the day of publication.

`find_dates` gives every date that a text names and that can be resolved, each with its place and with no
more precision than was said. Left unresolved (and therefore out): all-figure dates of ambiguous order,
weeks across a year's end, fiscal quarters, spans ("over the past year"), vague counts ("a few weeks ago"),
and whatever needs a publication date that is not given. `statement_date` picks, among the dates of a
sentence, the one on which what it states happened. English only; no model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

from agents.reading.periods import Tense
from agents.reading.tense import tense_at
from agents.reading.timeforms import FORMS_BY_HEAD, NUMBER_FORMS, Form, Setting
from corpus.dates import EventDate, Precision
from corpus.datetext import MONTH_PATTERN, DateMention, explicit_dates, same_length_lower

Published = EventDate | date | None

_TOKEN = re.compile(
    r"(?<![\w.,$€£¥%-])\d{1,3}(?:st|nd|rd|th)?(?![\w%])|[a-z]+(?:\d(?!\w))?|(?<!\w)[1-4](?:st|nd|rd|th)\b"
)
_SHARED_YEAR = re.compile(
    rf"\s?(?:and|to|or|through|until|[-–—])\s?(?:\d{{1,2}}(?:st|nd|rd|th)?\s)?(?:{MONTH_PATTERN}|"
    rf"(?:the\s)?(?:second|third|fourth)\squarter|q[2-4])(?:\s\d{{1,2}}(?:st|nd|rd|th)?)?,?\s(?:of\s)?(?P<y>\d{{4}})\b"
)
_SECOND_DAY = re.compile(
    rf"(?:st|nd|rd|th)?\s?(?:[-–—/]|to|and)\s?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\w.,%]*\w|\s(?:of\s)?{MONTH_PATTERN}|%)"
)
_FISCAL = re.compile(r"\b(?:fiscal|financial)[\s-](?:year[\s-])?$")
_NAMED_DAY = re.compile(r"\b(?:black|good|super|ash|cyber|bloody|easter|palm|holy|maundy)\s$")
_MONTH_IS_MEANT = re.compile(
    r"\b(?:in|since|by|until|till|of|for|during|from|last|next|early|late|this|that|through|before|after|between|"
    r"to|and|mid|end|on|the|over|every)[\s-]$"
)
_DOUBTFUL_MONTHS = frozenset({"may", "march", "mar", "jan", "dec", "sep"})
_COMPARED = re.compile(
    r"\b(?:from|than|since|compared\s(?:with|to)|versus|against|until|by|before|through|between|after|in\sover)"
    r"\s(?:the\s|a\s|an\s|early\s|late\s|mid-|end\sof\s)*$",
    re.IGNORECASE,
)
"""A date behind one of these is what something is measured from, not when it happened."""
_BACKWARDS = ("earlier", "before", "prior")
_NARRATIVE_DAYS, _NARRATIVE_REACH = 300, 500


def find_dates(text: str, published: Published) -> list[DateMention]:
    """All dates that `text` names and that can be resolved, in order of their place.

    `published` is the day (or month, quarter, year) of publication; None, or a period too coarse for a
    form, leaves the forms that need it unresolved. `text[m.start:m.end] == m.text` holds for each.
    """
    return list(_dates(text, _as_event_date(published)))


@lru_cache(maxsize=32)  # the steps of reading ask one after the other for the same text
def _dates(text: str, published: EventDate | None) -> tuple[DateMention, ...]:
    return tuple(_Reader(text, published).read())


def _as_event_date(published: Published) -> EventDate | None:
    if isinstance(published, datetime):
        return EventDate(published.date())
    return EventDate(published) if isinstance(published, date) else published


class _Reader:
    """One pass over a text from left to right, with the date named last as the anchor."""

    def __init__(self, text: str, published: EventDate | None) -> None:
        self.text = text
        self.lowered = same_length_lower(text)
        self.published = published
        self.explicit = explicit_dates(text)
        self.anchor: DateMention | None = None
        self.story: DateMention | None = None
        """The last date that opened or carried on a story, as opposed to one told from publication."""
        self.found: list[DateMention] = []

    def read(self) -> list[DateMention]:
        waiting = list(reversed(self.explicit))
        done = 0
        for token in _TOKEN.finditer(self.lowered):
            word, start = token[0], token.start()
            forms = FORMS_BY_HEAD.get(word) or (NUMBER_FORMS if word[0].isdigit() else None)
            if forms is None:
                continue
            while waiting and waiting[-1].start <= start:
                done = max(done, waiting[-1].end)
                self._keep_explicit(waiting.pop())
            if start >= done:
                done = self._try(forms, start, waiting[-1].start if waiting else len(self.text))
        for mention in reversed(waiting):
            self._keep_explicit(mention)
        return self.found

    def _keep_explicit(self, mention: DateMention) -> None:
        compared = self._is_compared(mention)
        self.found.append(replace(mention, compared=compared))
        if not compared:
            self.anchor = self.story = mention

    def _keep_relative(self, mention: DateMention) -> None:
        """Comparisons ("from a month earlier") leave the anchor where it was."""
        self.found.append(replace(mention, compared=self._is_compared(mention)))
        if not mention.text.lower().endswith((*_BACKWARDS, "ago")):
            self.story = mention if self._tells_of_past(mention.start) else None
            self.anchor = mention

    def _is_compared(self, mention: DateMention) -> bool:
        before = max(0, mention.start - 24)
        return mention.text.lower().endswith(_BACKWARDS) or bool(
            _COMPARED.search(self.lowered, before, mention.start)
        )

    def _try(self, forms: tuple[Form, ...], start: int, limit: int) -> int:
        """Read the longest form at `start`; where one stands, the place after it, resolved or not."""
        best: tuple[re.Match[str], Form] | None = None
        for form in forms:
            match = form.pattern.match(self.lowered, start)
            if match and (best is None or match.end() > best[0].end()) and self._stands(match, form, limit):
                best = (match, form)
        if not best:
            return 0
        match, form = best
        when = self._resolve(match, form)
        return self._note(match, when) if when else match.end()

    def _note(self, match: re.Match[str], when: EventDate) -> int:
        """Keep a resolved form, and the other end of a range of days; the place after what was read."""
        start, end = match.start(), _without_full_stop(match)
        if match.groupdict().get("first"):
            self._keep_relative(self._other_day(when, *match.span("first")))
            start = match.start("d")
        self._keep_relative(DateMention(when, start, end, self.text[start:end]))
        second = (
            _SECOND_DAY.match(self.lowered, end)
            if when.precision is Precision.DAY and "n" in match.re.groupindex
            else None
        )
        if not second or int(second["d"]) <= when.first_day.day:
            return match.end()
        self._keep_relative(self._other_day(when, *second.span("d")))
        return second.end()

    def _other_day(self, when: EventDate, start: int, end: int) -> DateMention:
        """The day at [start, end) of the same month; the month alone where it has no such day."""
        figure = int(re.sub(r"\D", "", self.text[start:end]))
        last = EventDate(when.first_day, Precision.MONTH).last_day.day
        day = when.first_day.replace(day=min(figure, last))
        return DateMention(EventDate(day), start, end, self.text[start:end])

    def _stands(self, match: re.Match[str], form: Form, limit: int) -> bool:
        """Whether capitals and neighbours allow this reading, and no explicit date is cut into."""
        if match.end() > limit:
            return False
        before = self.lowered[max(0, match.start() - 16) : match.start()]
        if _FISCAL.search(before) or _NAMED_DAY.search(before):
            return False
        if form.capital and not self.text[match.start(form.capital)].isupper():
            return False
        return form.capital != "n" or self._names_month(match, before)

    def _names_month(self, match: re.Match[str], before: str) -> bool:
        """A bare "May" or "March" needs a word beside it that shows a month is meant."""
        parts = match.groupdict()
        if (
            parts["n"].rstrip(".") not in _DOUBTFUL_MONTHS
            or parts.get("d")
            or parts.get("ry")
            or parts.get("rel")
        ):
            return True
        return bool(_MONTH_IS_MEANT.search(before)) or self.lowered.startswith(("'s", "’s"), match.end())

    def _resolve(self, match: re.Match[str], form: Form) -> EventDate | None:
        if self._belongs_to_next(match):
            return None
        published = self.published
        shared = _SHARED_YEAR.match(self.lowered, match.end())
        anchor = self.anchor.date if self.anchor else None
        setting = Setting(
            reference=published.last_day if published else date.max,
            finest=published.precision if published else None,
            anchor=anchor,
            narrative=self._tells_of_past(match.start()),
            tense=tense_at(self.lowered, match.start(), match.end()) if published else Tense.OPEN,
            year=int(shared["y"]) if shared else None,
        )
        return form.resolve(match, setting)

    def _belongs_to_next(self, match: re.Match[str]) -> bool:
        """ "Wednesday, June 15, 2022": the weekday only repeats what the explicit date behind it says."""
        return any(
            0 <= mention.start - match.end() <= 3
            and not self.lowered[match.end() : mention.start].strip(" ,(")
            for mention in self.explicit
        )

    def _tells_of_past(self, start: int) -> bool:
        """Whether the last date named is close by and lies long before publication."""
        story, published = self.story, self.published
        if not story or start - story.end > _NARRATIVE_REACH:
            return False
        if published is None:
            return True
        return (published.first_day - story.date.last_day).days > _NARRATIVE_DAYS


def _without_full_stop(match: re.Match[str]) -> int:
    """The end of a match, less the full stop that ends a sentence and no abbreviation."""
    last = re.search(r"([a-z]+)\.$", match[0])
    return (
        match.end() - 1 if last and (len(last[1]) > 4 or last[1] in ("may", "june", "july")) else match.end()
    )


def statement_date(
    start: int, end: int, mentions: Sequence[DateMention], published: Published
) -> EventDate | None:
    """When what the sentence at [start, end) states happened, by the dates that `find_dates` found there.

    The finest date that is not merely compared with ("from a year earlier", "since 1981") and does not
    begin after publication; among equals the first. Where there is none, the publication's own period.
    """
    moment = _as_event_date(published)
    own = [m for m in mentions if start <= m.start and m.end <= end and not m.compared]
    past = [m for m in own if not (moment and m.date.first_day > moment.last_day)]
    order = list(Precision)
    ranked = sorted(past, key=lambda m: (order.index(m.date.precision), m.start))
    return ranked[0].date if ranked else moment
