"""What `ask`, `predict` and `serve` share: the options that say who forecasts, and getting it ready."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from training.inference import ProbabilityTreeInference
    from training.trees import Effort

_Command = Callable[..., None]
ENGINE_KEY_VARIABLE = "PSYCHOHISTORY_ENGINE_KEY"
TINY_NOTICE = "The tiny model only shows the form: it knows no history and forecasts nothing."
UNREAD_WORTH_TELLING = 0.001


@dataclass(frozen=True)
class Forecaster:
    """Which model forecasts, and how carefully."""

    base: str | None
    folder: Path | None
    orders: int
    branches: int
    depth: int
    seed: int
    engine_url: str | None
    engine_model: str | None

    @cached_property
    def known_base(self) -> str:
        """The base of the model that was named, else the one asked for, else the usual one.

        Raises InvalidInput where the model was trained on another base than the one asked for.
        """
        from training.bases import base_of
        from training.inference import usual_base
        from training.runfolder import require_finished

        named = self.base if self.folder is None else base_of(require_finished(self.folder), self.base)
        return named or usual_base()

    @property
    def is_tiny(self) -> bool:
        """Whether it is the shipped model, which forecasts nothing."""
        from training.bases import TINY

        return self.known_base == TINY

    @property
    def effort(self) -> Effort:
        """Orders and seed as inference takes them."""
        from training.engine import Sampling
        from training.trees import Effort

        return Effort(self.orders, sampling=Sampling(seed=self.seed))

    def ready(self) -> ProbabilityTreeInference:
        """A forecaster with its model in memory, or with a server that has answered."""
        from training.quiet import quiet_libraries

        quiet_libraries()
        from training.inference import ProbabilityTreeInference

        if self.engine_url is not None:
            return self._remote(self.engine_url)
        if self.engine_model is not None:
            raise click.UsageError("--engine-model names a model of a server; add --engine-url.")
        inference = ProbabilityTreeInference(self.known_base)
        inference.load_adapter(self.folder)
        return inference

    def _remote(self, url: str) -> ProbabilityTreeInference:
        from training.inference import ProbabilityTreeInference, template_of
        from training.models import load_tokenizer
        from training.remote_engine import RemoteEngine
        from training.runfolder import require_finished
        from training.template import TemplateChoice

        trained = None if self.folder is None else require_finished(self.folder)
        model = self.engine_model or self.known_base
        tokenizer = load_tokenizer(self.known_base if trained is None else str(trained))
        template = template_of(tokenizer, trained, TemplateChoice.AUTO)
        engine = RemoteEngine(url, model, tokenizer, os.environ.get(ENGINE_KEY_VARIABLE), template)
        inference = ProbabilityTreeInference(model, engine=engine)
        inference.weights = {"engine": url, "name": model}
        inference.load_calibration(trained)
        return inference


def model_options(command: _Command) -> _Command:
    """`--base`, `--model`, `--engine-url` and their kin; the command gets them as one `forecaster`."""

    @functools.wraps(command)
    def bundled(**given: Any) -> None:
        chosen = {field.name: given.pop(field.name) for field in fields(Forecaster)}
        command(forecaster=Forecaster(**chosen), **given)

    found: _Command = bundled
    for option in _OPTIONS:
        found = option(found)
    return found


def named_model(_context: click.Context, _option: click.Parameter, value: Path | None) -> Path | None:
    """The folder of a model that was named: one of the registry, or a run's."""
    if value is None:
        return None
    from training.registry.store import find_model

    return find_model(str(value))


_OPTIONS = (
    click.option("--engine-model", metavar="NAME", help="The model's name there; that of the base without it."),
    click.option("--engine-url", metavar="URL", envvar="PSYCHOHISTORY_ENGINE_URL",
                 help="A server with raw completions, such as vLLM: http://127.0.0.1:8000/v1. It reads and writes; "
                 f"--base gives the tokenizer, --model tokenizer and calibration. Key: {ENGINE_KEY_VARIABLE}."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
                 help="Of drawn lists and of orders: the same one gives the same forecast."),
    click.option("--depth", type=click.IntRange(1, 5), default=3, show_default=True, help="Levels of a tree."),
    click.option("--branches", type=click.IntRange(1, 12), default=4, show_default=True,
                 help="Most candidates a list."),
    click.option("--orders", type=click.IntRange(1, 24), default=3, show_default=True,
                 help="Orders of each list that are averaged."),
    click.option("--model", "folder", type=click.Path(path_type=Path), callback=named_model,
                 help="A model of the registry (`current`: the one in use), a finished run or its `final` folder; "
                 "the base alone without it."),
    click.option("--base", help="Base model: a hub name, a folder, or `tiny`. A --model brings its own; without either "
                 "it is PSYCHOHISTORY_BASE, else Qwen/Qwen3-0.6B."),
)  # fmt: skip


def tell_limits(forecaster: Forecaster, inference: ProbabilityTreeInference) -> None:
    """Say on standard error what a reader of the forecast must know of who made it."""
    if forecaster.is_tiny:
        click.echo(TINY_NOTICE, err=True)
    unread = inference.engine.unread
    if unread > UNREAD_WORTH_TELLING:
        click.echo(f"Up to {unread:.1%} of a distribution was bounded, not read: the server returns its "
                   "likeliest tokens only.", err=True)  # fmt: skip
