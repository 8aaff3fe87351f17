"""`ProbabilityTreeInference`: an event in, a probability tree out.

    inference = ProbabilityTreeInference("Qwen/Qwen3-0.6B")
    inference.load_adapter("runs/score/final", "scored")      # None: the base model itself
    inference.load_adapter(name="current")                    # a model of the registry
    tree = inference.generate_tree("Brexit vote passes", "52% leave")

The likeliest branch so far is expanded first, until the depth is reached or no branch is above the floor.
The same seed gives the same tree. A trained model brings its base; without one the base is what
PSYCHOHISTORY_BASE names, else Qwen3-0.6B. Needs the training extra for models in this process; an engine handed
in needs nothing. Does not cover: scoring a tree (`evaluation.TreeEvaluator`), serving it (`training.serve`).
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from corpus.case import DEFAULT_HORIZON_MONTHS
from corpus.errors import InvalidInput
from corpus.files import file_sha256
from corpus.rules.levels import says_the_same
from evaluation.calibration import CalibrationFile, read_calibration
from evaluation.tree import ProbabilityTree
from training.bases import base_of, check_unchanged, identity, is_adapter
from training.engine import Engine
from training.forecasting import Tokens, Weighed, below, calibrated, propose, start, weigh
from training.runfolder import CALIBRATION, MANIFEST, read_json, require_finished, stated_hash
from training.template import ChatTokenizer, Template, TemplateChoice, chosen_template, template_named
from training.trees import BranchPath, Effort, Expansion, Question, assemble, check_question, facts_of

DEFAULT_BASE = "Qwen/Qwen3-0.6B"
BASE_VARIABLE = "PSYCHOHISTORY_BASE"


def usual_base() -> str:
    """The base where none is named."""
    return os.environ.get(BASE_VARIABLE) or DEFAULT_BASE


class ProbabilityTreeInference:
    """Makes probability trees with a base model, an adapter on it, or any engine."""

    def __init__(
        self,
        model: str | None = None,
        *,
        engine: Engine | None = None,
        template: TemplateChoice = TemplateChoice.AUTO,
    ) -> None:
        """`template` is for the base alone: a trained model is asked in the one it was trained in."""
        self._asked, self._template = model, template
        self.base = model or usual_base()
        self.name = self.base
        self.weights: Mapping[str, str] = {"name": self.base}
        """What the weights are known by: hashes where they lie in a folder, else names."""
        self.weights_hash = ""
        """Content hash of the model (of the base where it is used alone); empty where only a name is known."""
        self.calibration: CalibrationFile | None = None
        self._engine = engine

    def load_adapter(self, path: str | Path | None = None, name: str | None = None) -> None:
        """Put an adapter (or a whole trained model) in place; None goes back to the base alone.

        A name without a path is looked up in the registry. Its base is the one it was trained on, and a
        `calibration.json` in the folder is applied. Raises InvalidInput where another base was named or the adapter
        does not fit, NotFound where no such model is registered.
        """
        from training.local_engine import TransformersEngine
        from training.models import load_base, load_tokenizer, with_adapter

        if path is None and name is not None:
            from training.registry.store import registered

            path = registered(name)
        folder = None if path is None else require_finished(Path(path))
        if folder is not None:
            self.base = base_of(folder, self._asked) or self.base
        whole = folder is not None and not is_adapter(folder)
        known = {} if whole else identity(self.base)
        if folder is not None and not whole:
            check_unchanged(folder, known)
        model = load_base(str(folder) if whole else self.base)
        if folder is not None and not whole:
            model = with_adapter(model, folder, self.base)
        tokenizer = load_tokenizer(self.base if folder is None else str(folder))
        self._engine = TransformersEngine(
            model, tokenizer, template=template_of(tokenizer, folder, self._template)
        )
        trained = {} if folder is None else {"trained": file_sha256(folder / MANIFEST)}
        self.weights = known | trained
        self.weights_hash = known["hash"] if folder is None else stated_hash(folder)
        self.load_calibration(folder)
        self.name = name or (str(path) if path is not None else self.base)

    def load_calibration(self, folder: Path | None) -> None:
        """Apply the `calibration.json` of a finished model's folder from now on; none where there is none."""
        stored = folder / CALIBRATION if folder else None
        self.calibration = read_calibration(stored) if stored and stored.is_file() else None

    @property
    def engine(self) -> Engine:
        """The engine in use; the base model is loaded where none was chosen."""
        if self._engine is None:
            self.load_adapter(None)
        if self._engine is None:
            raise InvalidInput(f"The model {self.base!r} could not be made ready.")
        return self._engine

    def generate_tree(
        self,
        event: str,
        context: str | Sequence[str] | Mapping[str, object] = "",
        as_of: date | None = None,
        horizon: int = DEFAULT_HORIZON_MONTHS,
        depth: int = 3,
        branches: int = 4,
        effort: Effort | None = None,
    ) -> ProbabilityTree:
        """The whole tree. Raises InvalidInput for an empty event, or numbers out of range."""
        question = Question(event, facts_of(context), as_of, horizon, depth, branches).dated()
        return self.assembled(question, list(self.stream(question, effort or Effort())))

    def assembled(
        self, question: Question, found: Sequence[Expansion], *, complete: bool = True
    ) -> ProbabilityTree:
        """The tree of what `stream` has handed out so far; raises InvalidInput where that is nothing."""
        return assemble(question, found, self.name, self.calibration, complete=complete)

    def stream(self, question: Question, effort: Effort) -> Iterator[Expansion]:
        """Levels as they become known, the likeliest branch first."""
        check_question(question)
        asked = question.dated()
        root = start(self.engine.encoder, asked.event, asked.context, asked.as_of, asked.horizon_months)
        queue: list[tuple[float, BranchPath, tuple[str, ...], Tokens]] = [(-1.0, (), (), root)]
        while queue:
            minus_p, path, events, history = heapq.heappop(queue)
            weighed = self._level(history, question, effort, (question.event, *events))
            if weighed is None:
                continue
            yield Expansion(path, events, -minus_p, weighed)
            if len(path) + 1 < question.depth:
                for k, text in enumerate(weighed.texts):
                    p = -minus_p * weighed.probabilities[k]
                    if p >= effort.floor:
                        heapq.heappush(
                            queue,
                            (
                                -p,
                                (*path, k),
                                (*events, text),
                                self._below(history, weighed, k, question, path),
                            ),
                        )

    def _below(
        self, history: Tokens, weighed: Weighed, k: int, question: Question, path: BranchPath
    ) -> Tokens:
        step = weighed.months.index(weighed.median_months(k))
        return below(
            self.engine.encoder, history, weighed.texts, k, question.horizon_months, step, len(path) + 2
        )

    def _level(
        self, history: Tokens, question: Question, effort: Effort, told: Sequence[str]
    ) -> Weighed | None:
        """One level; None where the model wrote no candidate that says more than what has happened already."""
        written = propose(self.engine, history, question.branches, effort.sampling)
        texts = [text for text in written if not any(says_the_same(text, event) for event in told)]
        if not texts:
            return None
        found = weigh(
            self.engine, history, texts, question.horizon_months, effort.orders, effort.sampling.seed
        )
        return calibrated(found, self.calibration, own_list=True)


def template_of(tokenizer: ChatTokenizer, folder: Path | None, choice: TemplateChoice) -> Template:
    """The template in which a finished model is asked; of a base alone, the one that is chosen."""
    stated = None if folder is None else (read_json(folder / MANIFEST) or {}).get("template")
    return chosen_template(tokenizer, choice) if stated is None else template_named(tokenizer, stated)
