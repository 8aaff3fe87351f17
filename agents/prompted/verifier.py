"""The Verifier with a model: claims read against their stored quotations, alternatives searched to their horizon.

The rules of `agents.checks` run first and count as before; the model adds one reading a claim: supported,
contradicted or not stated. A link that its quotations contradict or do not state goes back to the Chronicler.
The model may be another than the one that wrote the claims (`--model-for verifier=…`); where it is the same,
every reading says so. Fates are decided on cited evidence only; what nothing tells stays unresolved. A fact-check
service, where one is set up, is quoted in the note and decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.checks import check, check_claims
from agents.injection import numbered_block
from agents.library import View
from agents.offline.verifier import rejected_links
from agents.prompted.asking import Question, ReplyForm, RoleModels, ask, model_of
from agents.prompted.fates import settled_level, unresolved
from agents.reading.document import Document
from agents.roles import Checked
from agents.state import Failure, Stage
from corpus.case import Case, CheckKind, CheckResult, ClaimCheck, Evidence, Outcome

ROLE = "verifier"
AROUND = 200
"""Characters of the stored text shown on either side of a quotation."""

FactChecked = Callable[[str], Awaitable[Sequence[str]]]
"""A claim → what published fact checks say of claims like it, a line each."""


async def no_fact_checks(claim: str) -> Sequence[str]:
    """For runs without such a service."""
    return ()


class Reading(StrEnum):
    """What quotations say of a claim."""

    SUPPORTED = "supported"
    """They state it."""
    CONTRADICTED = "contradicted"
    """They state something that excludes it."""
    NOT_STATED = "not_stated"
    """They do neither."""


class ClaimReading(ReplyForm):
    """One claim's reading."""

    claim: int
    reading: Reading
    why: str


class ReadReply(ReplyForm):
    """All claims' readings."""

    readings: list[ClaimReading]


@dataclass(frozen=True)
class _Claim:
    path: str
    text: str
    evidence: tuple[Evidence, ...]


class PromptedVerifier:
    """See `agents.roles.Verifier`."""

    def __init__(self, models: RoleModels, fact_checked: FactChecked = no_fact_checks) -> None:
        self._models = models
        self._fact_checked = fact_checked

    async def verify(self, view: View, case: Case, documents: Mapping[str, Document]) -> Checked | Failure:
        """Rules, then readings, then fates; a case whose chain goes back is spared the fates."""
        checks = list(check_claims(case, documents))
        readings = await self._read(case, documents)
        if isinstance(readings, Failure):
            return readings
        checks += readings
        unread = {c.path for c in readings if c.result is CheckResult.FAILED}
        rejected = {*rejected_links(case, checks), *_events_at(case, unread)}
        if rejected:
            kept = tuple(unresolved(outcome) for outcome in case.outcomes)
            return Checked(tuple(checks), kept, {}, tuple(sorted(rejected)))
        outcomes: list[Outcome] = []
        cited: dict[str, Document] = {}
        for i, outcome in enumerate(case.outcomes):
            settled = await settled_level(self._models, view, case, outcome, f"outcomes[{i}]")
            if isinstance(settled, Failure):
                return settled
            outcomes.append(settled.outcome)
            checks += settled.checks
            cited |= settled.documents
        return Checked(tuple(checks), tuple(outcomes), cited)

    async def _read(self, case: Case, documents: Mapping[str, Document]) -> list[ClaimCheck] | Failure:
        """A check for every claim whose quoted texts are stored; `not_checked` for the others."""
        claims = _claims(case)
        readable = [claim for claim in claims if any(e.source_id in documents for e in claim.evidence)]
        others = [c for c in claims if c not in readable]
        found = [check(c.path, CheckKind.STATED, None, "no quoted text is stored") for c in others]
        if not readable:
            return found
        values = {"claims": "\n\n".join(_shown(n, c, documents) for n, c in enumerate(readable, start=1))}
        question = Question("read", ROLE, Stage.VERIFY, case.case_id, values)
        reply = await ask(self._models, question, ReadReply, lambda r: _problem(r, len(readable)))
        if isinstance(reply, Failure):
            return reply
        for row in sorted(reply.readings, key=lambda r: r.claim):
            claim = readable[row.claim - 1]
            note = " ".join([f"{row.reading}: {row.why}", *await self._notes(claim)])
            found.append(check(claim.path, CheckKind.STATED, row.reading is Reading.SUPPORTED, note))
        return found

    async def _notes(self, claim: _Claim) -> list[str]:
        """Who read, where that is no independent reader, and what fact checkers said."""
        same = model_of(self._models, ROLE) == model_of(self._models, "chronicler")
        notes = ["(read by the model that wrote it)"] if same else []
        said = await self._fact_checked(claim.text)
        return [*notes, f"Fact checks of like claims: {'; '.join(said)}."] if said else notes


def _claims(case: Case) -> list[_Claim]:
    claims = [_Claim("seed_event", f"{case.seed_event} ({case.seed_date})", case.seed_evidence)]
    for i, outcome in enumerate(case.outcomes):
        if outcome.event is not None:
            claims.append(
                _Claim(f"outcomes[{i}].event", f"{outcome.event} ({outcome.date})", outcome.evidence)
            )
    return [claim for claim in claims if claim.evidence]


def _shown(number: int, claim: _Claim, documents: Mapping[str, Document]) -> str:
    """A claim with its quotations, each with what stands around it in the stored text."""
    quoted = []
    for item in claim.evidence:
        document = documents.get(item.source_id)
        if document is not None:
            published = f"published {document.published_at}" if document.published_at else "undated"
            text = document.text[max(0, item.start - AROUND) : item.end + AROUND]
            quoted.append((f"({document.publisher}, {published})", text))
    return f"Claim {number}: {claim.text}\n{numbered_block(quoted, f'quotations of claim {number}')}"


def _problem(reply: ReadReply, claims: int) -> str | None:
    given = sorted(row.claim for row in reply.readings)
    if given != list(range(1, claims + 1)):
        return f"Read each of the claims 1 to {claims} once; these are {given}."
    return None


def _events_at(case: Case, paths: set[str]) -> list[str]:
    """Texts of the outcomes whose reading failed; a seed that fails is the curator's matter."""
    return [o.event for i, o in enumerate(case.outcomes) if o.event and f"outcomes[{i}].event" in paths]
