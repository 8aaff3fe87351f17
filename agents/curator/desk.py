"""What a curator does to cases, whatever they do it with: the pages and the JSON API both come here.

Every decision names the guidelines it was taken under and carries a key, so that one whose answer got lost
can be sent again. An edit is a new revision; a decision on a revision that is no longer the newest is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from agents.curator.digests import FIRST_ORIGIN, Digests
from agents.curator.guidelines import Guidelines, read_guidelines
from agents.curator.queue import Listing, Queue, QueueFilter, drawing
from agents.curator.settings import ReviewSettings
from agents.curator.standing import Standing
from corpus.case import Case, Provenance, Status
from corpus.errors import InvalidInput, StoreError
from corpus.problems import Problem
from corpus.validation import validate
from db.activity import Activity
from db.changes import Changes
from db.clock import Clock
from db.curators import Curators, Lease, Leases
from db.decisions import Decision, Skip, Undo
from db.documents import Documents
from db.mapping import Event, StoredCase, StoredDocument
from db.putting import Edit, Put
from db.repository import Cases
from db.runs import Runs
from db.session import Store

UNDO_REACH = 20
"""Decisions back to which a curator can take one back."""


class Action(StrEnum):
    """What can be decided of a case."""

    APPROVE = "approve"
    """Fit to leave the store."""
    NEEDS_WORK = "needs_work"
    """Back to research, with a note."""
    REJECT = "reject"
    """Refused, with a reason."""
    SUBMIT = "submit"
    """A draft written by hand goes into the queue."""


class RejectReason(StrEnum):
    """Why a case is refused."""

    DID_NOT_HAPPEN = "did_not_happen"
    """The seed or an outcome is not a fact."""
    NOT_SUPPORTED = "not_supported"
    """The quotations do not carry the claims."""
    NO_CHAIN = "no_chain"
    """The outcomes do not follow from the seed."""
    HINDSIGHT = "hindsight"
    """Context or estimates know the outcome."""
    DUPLICATE = "duplicate"
    """Another case tells the same."""
    OUT_OF_SCOPE = "out_of_scope"
    """Not the kind of event this corpus collects."""
    OTHER = "other"
    """Said in the note."""


STATUS_AFTER = {
    Action.APPROVE: Status.APPROVED,
    Action.NEEDS_WORK: Status.NEEDS_WORK,
    Action.REJECT: Status.REJECTED,
    Action.SUBMIT: Status.PENDING,
}


@dataclass(frozen=True)
class Wish:
    """A decision as a curator sends it."""

    case_id: str
    revision: int
    action: Action
    key: str
    note: str = ""
    reason: RejectReason | None = None


@dataclass(frozen=True)
class Taken:
    """A decision that can be taken back, and the event whose case it is about."""

    event: Event
    seed_event: str


@dataclass(frozen=True)
class Progress:
    """How the work goes today."""

    done: int
    left: int
    per_hour: float
    """The curator's own decisions of the last hour."""


class ReviewDesk:
    """The store as curators use it; every method may be called by many threads at once."""

    def __init__(self, store: Store, settings: ReviewSettings, clock: Clock) -> None:
        self.cases, self.documents = Cases(store, clock), Documents(store, clock)
        self.curators, self.leases = Curators(store, clock), Leases(store, settings.lease, clock)
        self.activity, self.runs = Activity(store), Runs(store)
        self.digests = Digests(self.cases)
        draw = drawing(settings.slice_seed)
        self.queue = Queue(Standing(self.cases, Changes(store, clock), self.digests, draw))
        self._guidelines_file, self._clock = settings.guidelines, clock

    def guidelines(self) -> Guidelines:
        """The guidelines as they are now: the file may be edited while the page runs."""
        return read_guidelines(self._guidelines_file)

    def now(self) -> datetime:
        """The present moment."""
        return self._clock()

    def listing(self, wanted: QueueFilter, curator: str) -> Listing:
        """The queue as one curator sees it."""
        held = self.leases.held(by_others_than=curator)
        return self.queue.items(wanted, held, self.activity.skipped(curator))

    def warm(self) -> None:
        """Read what the queue needs ahead, so that the first page does not wait for it."""
        self.listing(QueueFilter(), "")

    def next_case(self, wanted: QueueFilter, curator: str) -> str | None:
        """The first case that nobody else has open, now leased to this curator."""
        for item in self.listing(wanted, curator):
            key = item.summary.case_id
            if item.lease is None and self.leases.take(key, curator).curator == curator:
                return key
        return None

    def open(self, case_id: str, curator: str) -> tuple[StoredCase, Lease]:
        """The newest revision, and the lease on it, which may be somebody else's."""
        stored = self.cases.get(case_id)
        return stored, self.leases.take(stored.case.case_id, curator)

    def decide(self, curator: str, wish: Wish) -> Event:
        """Carry a decision out; the same key again gives the same event. The lease is left to its end.

        Raises InvalidInput without note or reason where one is due, StaleCase, OpenProblems, NotFound.
        """
        if wish.action is Action.NEEDS_WORK and not wish.note.strip():
            raise InvalidInput("Say in the note what is missing; the next run reads it.")
        if wish.action is Action.REJECT and wish.reason is None:
            raise InvalidInput("Choose a reason for the rejection.")
        if wish.reason is RejectReason.OTHER and not wish.note.strip():
            raise InvalidInput("The reason is 'other'; say it in the note.")
        details = {"action": wish.action.value, "guidelines": self.guidelines().version}
        if wish.reason is not None:
            details["reason"] = wish.reason.value
        return self.cases.set_status(
            Decision(
                wish.case_id, wish.revision, STATUS_AFTER[wish.action], curator, wish.note.strip(),
                _own_key(curator, wish.key), details,
            )
        )  # fmt: skip

    def reject_many(self, curator: str, wishes: Sequence[Wish]) -> list[str]:
        """Reject several cases; the messages of those that could not be."""
        refused = []
        for wish in wishes:
            if wish.action is not Action.REJECT:
                raise InvalidInput("Only rejections can be made for several cases at once.")
            try:
                self.decide(curator, wish)
            except StoreError as fault:
                refused.append(str(fault))
        return refused

    def undo(self, curator: str, taken: str, key: str) -> Event:
        """Take back one of the curator's last decisions."""
        reachable = self.activity.standing_decisions(curator, UNDO_REACH)
        own = _own_key(curator, key)
        if taken not in {event.key for event in reachable} and self.activity.undone_by(own) != taken:
            raise InvalidInput(
                f"{taken!r} is not among your last {UNDO_REACH} decisions; open the case and decide anew."
            )
        return self.cases.undo(Undo(taken, curator, "", own))

    def last_decisions(self, curator: str) -> list[Taken]:
        """The decisions that a curator can take back, the newest first."""
        events = self.activity.standing_decisions(curator, UNDO_REACH)
        seeds = self.queue.seed_events(event.case_id for event in events)
        return [Taken(event, seed) for event, seed in zip(events, seeds, strict=True)]

    def skip(self, curator: str, case_id: str, revision: int) -> None:
        """Move a case to the end of a curator's queue, for as long as it is not edited."""
        self.cases.skip(Skip(case_id, revision, curator))
        self.leases.give_back(case_id, curator)

    def save(self, curator: str, case: Case, based_on: int, reason: str) -> tuple[Put, list[Problem]]:
        """Store an edited case as a further revision; raises StaleCase where somebody was faster."""
        problems = validate(case, self.now().date())
        made = case.provenance
        first = made.settings.get(FIRST_ORIGIN, made.origin)
        provenance = made.model_copy(
            update={
                "origin": "curator", "created_at": self.now(), "note": reason,
                "settings": {**made.settings, FIRST_ORIGIN: first},
            }
        )  # fmt: skip
        status = Status.DRAFT if case.status is Status.DRAFT else Status.PENDING
        edited = case.model_copy(update={"provenance": provenance, "status": status})
        return self.cases.put(edited, problems, Edit(based_on, curator, reason)), problems

    def begin(self, case: Case) -> Put:
        """Store a case begun by hand as a draft."""
        return self.cases.put(case, validate(case, self.now().date()))

    def keep_text(self, document: StoredDocument) -> None:
        """Store the text of a source."""
        self.documents.put([document])

    def progress(self, curator: str, left: int) -> Progress:
        """Done today (UTC), and the rate of the last hour; what is left is known to whoever has the listing."""
        now = self.now()
        midnight = datetime.combine(now.date(), time(), tzinfo=now.tzinfo)
        today, hour = self.activity.decided_since(curator, midnight, now - timedelta(hours=1))
        return Progress(today, left, float(hour))

    def hand_provenance(self) -> Provenance:
        """Of a case begun by hand."""
        return Provenance(origin="curator", created_at=self.now())


def _own_key(curator: str, key: str) -> str:
    """Keys of one curator cannot meet those of another."""
    if not key or len(key) > 100:
        raise InvalidInput("A decision needs a key of 1 to 100 characters, new for each.")
    return f"review/{curator}/{key}"
