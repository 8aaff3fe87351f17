"""The one tree of exceptions of the whole project.

Each also inherits from the built-in that fits, so that callers who know nothing of the project can
catch it too. A message holds the offending value and what to do next. A case, a fetch or a reply that
failed is *not* an exception but a value (see `agents.state`); these are for faults of the call itself.

    PsychoHistoryError
    ├── InvalidInput (ValueError)        what a user typed or handed in
    │   ├── InvalidDate                  a text that is no date, or a date out of range
    │   ├── InvalidPeriod                a period that ends before it starts, or is unreadable
    │   ├── UnknownDomain                a domain nobody knows
    │   └── InvalidFile                  a file that cannot be read as what it should be
    ├── StoreError (RuntimeError)        the case store
    │   ├── StoreTooNew                  the database was written by a newer program
    │   ├── StoreBusy                    another run holds the store
    │   ├── StoreFull (OSError)          no space left on the device
    │   ├── StaleCase                    a save based on a revision that is no longer the newest
    │   └── OpenProblems                 an approval of a case that still has errors
    ├── NotFound (KeyError)              an id or a run that does not exist
    ├── NotPromoted (RuntimeError)       a model that is not shown to be better than the one in use
    ├── PushFailed (ConnectionError)     the hub of models refused, or cannot be reached
    ├── DocumentError (ValueError)       a document that cannot be read
    │   ├── DocumentTooLarge
    │   └── UnsupportedDocument
    ├── EmptyArchive (LookupError)       nothing to read
    ├── SnapshotError (ValueError)       a snapshot folder that does not match its manifest
    ├── DiskFull (OSError)               no space left where training writes
    ├── ForecastError (RuntimeError)     a tree that could not be made
    │   ├── EngineFault                  a server of language models that cannot be used as one
    │   ├── ServerBusy                   the line before the model is full, or the server is stopping
    │   ├── TooLate                      time ran out before the first level was known
    │   └── ForecastFailed               the model broke
    └── MissingExtra (ImportError)       an optional part of the program that is not installed
"""

from __future__ import annotations


class PsychoHistoryError(Exception):
    """Base of all errors the project raises on purpose."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class InvalidInput(PsychoHistoryError, ValueError):
    """Something typed or handed in is wrong."""


class InvalidDate(InvalidInput):
    """A text that is no date, or a date outside the years 1000 to 2999."""


class InvalidPeriod(InvalidInput):
    """A period that is unreadable or ends before it starts."""


class UnknownDomain(InvalidInput):
    """A domain that is not in the list of known ones."""


class InvalidFile(InvalidInput):
    """A file that cannot be read as what it should be."""


class StoreError(PsychoHistoryError, RuntimeError):
    """The case store cannot do what was asked."""


class StoreTooNew(StoreError):
    """The database was written by a newer version of the program."""


class StoreBusy(StoreError):
    """Another process holds the store or the run."""


class StoreFull(StoreError, OSError):
    """No space is left where the store lies."""


class StaleCase(StoreError):
    """A save based on a revision that is no longer the newest."""


class OpenProblems(StoreError):
    """A case with errors cannot be approved."""


class NotFound(PsychoHistoryError, KeyError):
    """An id, a slug or a run that does not exist."""


class NotPromoted(PsychoHistoryError, RuntimeError):
    """A model is not shown to be better than the one in use."""


class PushFailed(PsychoHistoryError, ConnectionError):
    """The hub of models refused, or cannot be reached."""


class DocumentError(PsychoHistoryError, ValueError):
    """A document that cannot be read."""


class DocumentTooLarge(DocumentError):
    """A document over the size limit."""


class UnsupportedDocument(DocumentError):
    """A document of a type the project does not read."""


class EmptyArchive(PsychoHistoryError, LookupError):
    """The archive holds no document that fits."""


class SnapshotError(PsychoHistoryError, ValueError):
    """A snapshot folder that does not match its manifest."""


class DiskFull(PsychoHistoryError, OSError):
    """No space is left where a training run writes."""


class ForecastError(PsychoHistoryError, RuntimeError):
    """A tree that could not be made."""


class EngineFault(ForecastError):
    """A server of language models that does not answer, or not with what a forecast needs."""


class ServerBusy(ForecastError):
    """The line before the model is full, or the server is stopping."""


class TooLate(ForecastError):
    """Time ran out before the first level was known."""


class ForecastFailed(ForecastError):
    """The model broke; the log says why."""


class MissingExtra(PsychoHistoryError, ImportError):
    """An optional part of the program is not installed; the message names the install command."""
