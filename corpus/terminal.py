"""Tables and pages for the terminal. Text from cases and pages is shown as text: no markup, no control codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from corpus.case import (
    CANDIDATE_LETTERS,
    FULL_BP,
    REMAINDER,
    Candidate,
    Case,
    Evidence,
    Fate,
    Outcome,
    TextKind,
)
from corpus.commandline import printable
from corpus.dates import horizon_end
from corpus.problems import Problem, Severity

BAR_CELLS = 24
_FATES = {
    Fate.REFUTED: "did not happen by the horizon",
    Fate.HAPPENED_LATER: "happened later",
    Fate.ALSO_HAPPENED: "also happened",
    Fate.UNRESOLVED: "unresolved",
    None: "fate not checked",
}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table; cells are text, never markup."""
    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made


def case_page(case: Case, problems: Sequence[Problem]) -> RenderableType:
    """A case as a page worth reading."""
    parts: list[RenderableType] = [_head(case)]
    parts += [Padding(Text(f"· {printable(fact.text)}", "dim"), (0, 0, 0, 2)) for fact in case.context]
    parts += [Padding(_quote(case, item), (0, 0, 0, 2)) for item in case.seed_evidence]
    for outcome in case.outcomes:
        parts.append(Text())
        parts += _level(case, outcome)
    if case.provenance.note:
        parts += [Text(), Text(printable(case.provenance.note), "italic")]
    parts += list(_problem_lines(problems))
    return Group(*parts)


def _head(case: Case) -> Text:
    status = case.status.value.replace("_", " ")
    return Text.assemble(
        (f"{case.seed_date}  ", "bold cyan"),
        (f"{printable(case.seed_event)}\n", "bold"),
        (f"{case.case_id} · {case.domain} · {status} · revision {case.revision} · depth {case.depth}", "dim"),
    )


def _level(case: Case, outcome: Outcome) -> Iterator[RenderableType]:
    when = str(outcome.date) if outcome.date else "nothing followed" if outcome.event is None else "no date"
    later = case.months_since_seed(outcome.depth)
    yield Text.assemble(
        (f"{outcome.depth}  {when}  ", "bold cyan"),
        (printable(outcome.event or "None of the candidates happened within the horizon"), "bold"),
        (f"  {_months(later)}" if later is not None else "", "dim"),
    )
    yield Padding(Text(_question(case, outcome), "dim"), (0, 0, 0, 3))
    if outcome.candidates:
        yield Padding(_bars(outcome), (0, 0, 0, 3))
    quoted = list(_quoted(outcome))
    if quoted:
        yield Padding(_quotes(case, quoted), (0, 0, 0, 3))
    if outcome.note:
        yield Padding(Text(printable(outcome.note), "italic"), (0, 0, 0, 3))


def _months(count: int) -> str:
    return "the same month" if count == 0 else "1 month later" if count == 1 else f"{count} months later"


def _question(case: Case, outcome: Outcome) -> str:
    parent = case.parent_date(outcome.depth)
    if parent is None:
        return "The parent has no date; the level has no as-of."
    last = horizon_end(parent, case.horizon_months)
    return f"As of {parent}: which of these happens first, by {last}?"


def _quoted(outcome: Outcome) -> Iterator[tuple[str, Evidence]]:
    """Each quotation of a level with the letter of the candidate that it bears on; what happened comes first."""
    rows = list(_lettered(outcome))
    happened = next((letter for letter, candidate in rows if candidate.happened), REMAINDER)
    yield from ((happened, item) for item in outcome.evidence)
    for letter, candidate in rows:
        if not candidate.happened:
            yield from ((letter, item) for item in candidate.evidence)


def _lettered(outcome: Outcome) -> Iterator[tuple[str, Candidate]]:
    """The candidates with their letters; a list longer than the alphabet ends in unnamed ones."""
    return zip(chain(CANDIDATE_LETTERS, repeat("…")), outcome.candidates, strict=False)


def _quotes(case: Case, quoted: Sequence[tuple[str, Evidence]]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    shown = ""
    for letter, item in quoted:
        grid.add_row(letter if letter != shown else "", _quote(case, item))
        shown = letter
    return grid


def _bars(outcome: Outcome) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=BAR_CELLS)
    grid.add_column(justify="right", width=6)
    grid.add_column(width=1)
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    for letter, candidate in _lettered(outcome):
        mark, fate = ("●", "happened") if candidate.happened else ("○", _FATES[candidate.fate])
        if candidate.fate_date:
            fate += f" ({candidate.fate_date})"
        words = Text.assemble(
            printable(candidate.text), (f"  {fate}", "green" if candidate.happened else "dim")
        )
        grid.add_row(_bar(candidate.probability_bp), _percent(candidate.probability_bp), letter, mark, words)
    rest = "green" if outcome.event is None else "dim"
    grid.add_row(
        _bar(outcome.remainder.probability_bp), _percent(outcome.remainder.probability_bp), REMAINDER,
        "●" if outcome.event is None else "○", Text("none of them", rest),
    )  # fmt: skip
    return grid


def _bar(points: int | None) -> Text:
    if points is None:
        return Text("·" * BAR_CELLS, "dim")
    filled = round(BAR_CELLS * points / FULL_BP)
    return Text.assemble(("█" * filled, "cyan"), ("░" * (BAR_CELLS - filled), "dim"))


def _percent(points: int | None) -> str:
    return "  –" if points is None else f"{points / 100:.0f} %" if points >= 100 or not points else "<1 %"


def _quote(case: Case, item: Evidence) -> Text:
    source = case.source(item.source_id)
    if source is None:
        return Text(f"“{printable(item.exact)}” (source {item.source_id} is missing)", "red")
    words = printable(item.exact)
    shown = f"“{words}”" if source.text_kind is TextKind.PAGE else f"[{words}]"
    kind = "" if source.text_kind is TextKind.PAGE else ", summary"
    when = source.published_at or "undated"
    return Text.assemble(
        shown, (f"  {source.publisher}, {when}{kind}  ", "dim"), (printable(source.url), "underline dim")
    )


def _problem_lines(problems: Sequence[Problem]) -> Iterator[RenderableType]:
    if not problems:
        return
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    yield Text(f"\nOpen problems: {errors} to mend, {len(problems) - errors} to look at", "bold")
    for problem in problems:
        style = "red" if problem.severity is Severity.ERROR else "yellow"
        yield Text(f"  {problem.path}: {printable(problem.message)}", style)


def console(*, to_stderr: bool = False) -> Console:
    """The console of a command; wide enough for tables where the output is a file."""
    made = Console(stderr=to_stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=to_stderr, highlight=False, width=120)
