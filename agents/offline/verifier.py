"""The Verifier without a model: the checks of `agents.checks`, and each alternative searched to its horizon.

A link is rejected (and the chain sent back) when a quotation is not in the text, or when its quotations
contradict its date or lack a name or number of it. A single source or a missing date is a flag, not a
rejection. Fates are decided by same-event matching only; what the archive does not tell stays unresolved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.checks import check, check_claims
from agents.library import View
from agents.offline.matching import same
from agents.offline.mentions import Mention, mentions
from agents.reading.document import Document
from agents.roles import Checked
from corpus.case import Candidate, Case, CheckKind, CheckResult, ClaimCheck, Fate, Outcome
from corpus.dates import EventDate, horizon_end

REJECTING = frozenset({CheckKind.QUOTE_IN_TEXT, CheckKind.DATE_SUPPORTED, CheckKind.NAMES_AND_NUMBERS})
SEARCHED = 20
"""Documents looked at for each alternative."""


class OfflineVerifier:
    """See `agents.roles.Verifier`."""

    async def verify(self, view: View, case: Case, documents: Mapping[str, Document]) -> Checked:
        """Check every claim and look up every alternative's fate."""
        checks = list(check_claims(case, documents))
        rejected = tuple(rejected_links(case, checks))
        outcomes: list[Outcome] = []
        cited: dict[str, Document] = {}
        for i, outcome in enumerate(case.outcomes):
            settled, found, made = await self._fates(view, case, outcome, f"outcomes[{i}]")
            outcomes.append(settled)
            cited |= found
            checks += made
        return Checked(tuple(checks), tuple(outcomes), cited, rejected)

    async def _fates(
        self, view: View, case: Case, outcome: Outcome, path: str
    ) -> tuple[Outcome, dict[str, Document], list[ClaimCheck]]:
        settled: list[Candidate] = []
        cited: dict[str, Document] = {}
        made: list[ClaimCheck] = []
        for k, candidate in enumerate(outcome.candidates):
            if not candidate.happened:
                found = await self._search(view, case, outcome, candidate)
                candidate, passed = _decided(case, outcome, candidate, found)
                cited |= {found.document.source_id: found.document} if found else {}
                made.append(check(f"{path}.candidates[{k}]", CheckKind.FATE, passed))
            settled.append(candidate)
        return outcome.model_copy(update={"candidates": tuple(settled)}), cited, made

    async def _search(self, view: View, case: Case, outcome: Outcome, candidate: Candidate) -> Mention | None:
        """The first dated statement within the horizon that says the alternative happened."""
        parent = case.parent_date(outcome.depth)
        if parent is None:
            return None
        last = horizon_end(parent, case.horizon_months)
        found = await view.search(candidate.text, since=parent.last_day, count=SEARCHED)
        fitting = [
            mention
            for document in found
            for mention in mentions(document)
            if parent.last_day < mention.date.first_day <= last and same(candidate.text, mention.wording)
        ]
        return min(fitting, key=lambda m: (m.date, m.document.url), default=None)


def rejected_links(case: Case, checks: Sequence[ClaimCheck]) -> Iterator[str]:
    """Texts of outcomes with a failed check that speaks against the link itself."""
    for i, outcome in enumerate(case.outcomes):
        own = (f"outcomes[{i}].evidence[", f"outcomes[{i}].date", f"outcomes[{i}].event")
        if outcome.event and any(
            c.result is CheckResult.FAILED and c.check in REJECTING and c.path.startswith(own) for c in checks
        ):
            yield outcome.event


def _decided(
    case: Case, outcome: Outcome, candidate: Candidate, found: Mention | None
) -> tuple[Candidate, bool | None]:
    """The candidate with its fate. Refuted only by silence after the horizon would be a guess: unresolved."""
    if found is None:
        return candidate.model_copy(update={"fate": candidate.fate or Fate.UNRESOLVED}), None
    fate, when = fate_of(outcome.date, found.date)
    evidence = (*candidate.evidence, found.evidence())
    return candidate.model_copy(update={"fate": fate, "fate_date": when, "evidence": evidence}), True


def fate_of(outcome: EventDate | None, alternative: EventDate) -> tuple[Fate, EventDate | None]:
    """The fate of an alternative that happened on a date within the horizon, and that date.

    Also happened where the order cannot be told. One that came earlier keeps its date: validation names it.
    """
    if outcome is not None and outcome.overlaps(alternative):
        return Fate.ALSO_HAPPENED, alternative
    return Fate.HAPPENED_LATER, alternative
