"""What validation finds: a code, where it stands, the offending value, one sentence."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Severity(StrEnum):
    """How much a problem weighs."""

    ERROR = "error"
    """Must be mended before a case can be approved."""
    WARNING = "warning"
    """A curator should look; approval is possible."""


class Code(StrEnum):
    """Every rule a case can break."""

    NO_OUTCOME = "no_outcome"
    """The chain has no level at all."""
    DEPTH_GAP = "depth_gap"
    """Depths are not 1, 2, 3 … in order."""
    AFTER_NOTHING = "after_nothing"
    """A level follows one at which nothing happened."""
    NOTHING_TOO_EARLY = "nothing_too_early"
    """"Nothing followed" is claimed before the horizon has passed."""
    DATE_MISSING = "date_missing"
    """An outcome has no date."""
    DATE_BEFORE_PARENT = "date_before_parent"
    """An outcome is not after its parent."""
    DATE_BEYOND_HORIZON = "date_beyond_horizon"
    """An outcome lies later than the level's horizon."""
    DATE_IN_FUTURE = "date_in_future"
    """An event is dated after today."""
    DATE_FINER_THAN_KNOWN = "date_finer_than_known"
    """The quotations date the event less finely than the case does."""
    DATES_REGULAR = "dates_regular"
    """All dates are the seed's plus whole months."""
    NO_ALTERNATIVES = "no_alternatives"
    """A level has nothing that could have happened instead."""
    TOO_MANY_ALTERNATIVES = "too_many_alternatives"
    """More than five alternatives."""
    HAPPENED_COUNT = "happened_count"
    """Not exactly one candidate of a level is marked as what happened."""
    ALTERNATIVE_IS_OUTCOME = "alternative_is_outcome"
    """An alternative says the same as what happened."""
    DUPLICATE_CANDIDATE = "duplicate_candidate"
    """Two alternatives say the same."""
    REPEATED_EVENT = "repeated_event"
    """An outcome repeats the seed or an earlier outcome."""
    FATE_MISSING = "fate_missing"
    """Nobody has said what became of an alternative."""
    FATE_CONTRADICTS = "fate_contradicts"
    """A fate that cannot be: too early, beyond the horizon, or without its date."""
    WORDING_CARRIES_DATE = "wording_carries_date"
    """One candidate's wording names a date that the others lack."""
    UNDISTRIBUTED = "undistributed"
    """A level has no distribution."""
    SUM = "sum"
    """A level's probabilities do not sum to one."""
    UNIFORM = "uniform"
    """All probabilities of a level are equal."""
    INTERVAL = "interval"
    """An estimate lies outside its own interval."""
    ESTIMATE_TOO_LATE = "estimate_too_late"
    """An estimate is as of a moment after its parent."""
    ESTIMATE_LEAKS = "estimate_leaks"
    """What an estimate rests on was not shown available in time."""
    NO_EVIDENCE = "no_evidence"
    """A claim has no source."""
    SOURCE_UNKNOWN = "source_unknown"
    """Evidence names a source that the case does not hold."""
    SOURCE_URL = "source_url"
    """A source's address is not an http(s) URL."""
    SINGLE_SOURCE = "single_source"
    """Only one publisher supports an outcome."""
    CONTEXT_TOO_LATE = "context_too_late"
    """A context fact was not available on the seed date."""
    EXPECTATION_TOO_LATE = "expectation_too_late"
    """What is quoted as a candidate's expectation was not available at the level's as-of."""
    DUPLICATE_CASE = "duplicate_case"
    """Another case has the same seed."""


class Problem(BaseModel):
    """One finding."""

    model_config = ConfigDict(frozen=True)

    code: Code
    severity: Severity
    path: str
    """Where, such as `outcomes[1].candidates[2]`."""
    value: str
    """The offending value, as text."""
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.path}: {self.message}"


def error(code: Code, path: str, value: object, message: str) -> Problem:
    """A problem that bars approval."""
    return Problem(code=code, severity=Severity.ERROR, path=path, value=str(value), message=message)


def warning(code: Code, path: str, value: object, message: str) -> Problem:
    """A problem worth a look."""
    return Problem(code=code, severity=Severity.WARNING, path=path, value=str(value), message=message)
