"""The options that say which models, at what cost, and whether the web is read; one object for all commands.

Keys are read from the environment and stand in no option, no store and no tape.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from agents.models.settings import OPENAI, ModelSettings, SchemaMode, api_key
from agents.prompted.prompts import ROLES
from corpus.errors import InvalidInput

Command = TypeVar("Command", bound=Callable[..., Any])
_DEFAULT_TEMPERATURE = "0.7"
_ALL_LISTS = "wikipedia,gdelt"


@dataclass(frozen=True)
class ModelRequest:
    """What was asked for; stored with the run, so that `resume` needs no option."""

    base_url: str = OPENAI
    model: str = ""
    model_for: Mapping[str, str] = field(default_factory=dict)
    schema_mode: str = SchemaMode.JSON_SCHEMA.value
    temperature: str = _DEFAULT_TEMPERATURE
    reasoning_effort: str = ""
    max_usd: float | None = None
    record: str = ""
    replay: str = ""
    web: bool = False
    sites: str = ""
    lists: str = _ALL_LISTS
    uncalibrated: bool = False

    @property
    def uses_models(self) -> bool:
        """Whether roles ask a model; else they follow rules."""
        return bool(self.model)

    @property
    def list_names(self) -> tuple[str, ...]:
        """The dated lists that seeds may come from."""
        return () if self.lists == "none" else tuple(self.lists.split(","))

    @property
    def mode(self) -> str:
        """What a case's provenance says: "offline", "web", "model" or "model and web"."""
        parts = [name for name, used in (("model", self.uses_models), ("web", self.web)) if used]
        return " and ".join(parts) or "offline"

    def settings(self, environment: Mapping[str, str]) -> dict[str, ModelSettings]:
        """Role → settings, the empty role for all without their own."""
        names = {"": self.model, **self.model_for}
        return {role: self._of(name, environment) for role, name in names.items()}

    def _of(self, name: str, environment: Mapping[str, str]) -> ModelSettings:
        return ModelSettings(
            model=name,
            base_url=self.base_url,
            api_key=api_key(self.base_url, environment),
            schema_mode=SchemaMode(self.schema_mode),
            temperature=None if self.temperature == "none" else float(self.temperature),
            reasoning_effort=self.reasoning_effort,
        )

    def record_for_run(self) -> dict[str, Any]:
        """Plain values for the store."""
        return asdict(self) | {"model_for": dict(self.model_for)}

    @classmethod
    def of_run(cls, stored: Mapping[str, Any]) -> ModelRequest:
        """The request that a run was stored with; offline where it has none."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def __post_init__(self) -> None:
        if self.model_for and not self.model:
            raise InvalidInput("--model-for names a model for one role; name one for the others by --model.")
        if self.record and self.replay:
            raise InvalidInput("--record and --replay exclude each other; take one.")
        if not self.web and (self.sites or self.lists != _ALL_LISTS):
            raise InvalidInput("--sites and --lists say what of the web is read; they need --web.")


def model_options(command: Command) -> Command:
    """The options of a run, handed to the command as `models`, a `ModelRequest`."""
    return _gathered(command, (*_MODEL_OPTIONS, *_RUN_OPTIONS))


def calibration_options(command: Command) -> Command:
    """The same without those that only make sense for a run."""
    return _gathered(command, _MODEL_OPTIONS)


def _gathered(command: Command, options: Sequence[Callable[[Any], Any]]) -> Command:
    @functools.wraps(command)
    def wrapped(*args: Any, **given: Any) -> Any:
        asked = {item.name: given.pop(item.name) for item in fields(ModelRequest) if item.name in given}
        asked["model_for"] = _by_role(asked["model_for"])
        asked |= {name: str(asked[name].resolve()) if asked[name] else "" for name in ("record", "replay")}
        return command(*args, models=ModelRequest(**asked), **given)

    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def _by_role(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        role, _, name = text.partition("=")
        if role not in ROLES or not name:
            raise click.BadParameter(
                f"{text!r} is not ROLE=NAME; roles are {', '.join(ROLES)}.", param_hint="--model-for"
            )
        found[role] = name
    return found


def _temperature(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        if value != "none" and not 0 <= float(value) <= 2:
            raise ValueError
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number from 0 to 2 nor none.") from None
    return value


def _lists(context: click.Context, parameter: click.Parameter, value: str) -> str:
    names = [part.strip() for part in value.split(",") if part.strip()]
    strange = [name for name in names if name not in _ALL_LISTS.split(",")]
    if names == ["none"]:
        return "none"
    if strange or not names:
        raise click.BadParameter(f"{value!r} names no dated list; there are {_ALL_LISTS}, or none.")
    return ",".join(dict.fromkeys(names))


def _sites(context: click.Context, parameter: click.Parameter, value: str) -> str:
    from agents.providers.presets import sites_of

    try:
        sites_of(value)
    except InvalidInput as error:
        raise click.BadParameter(str(error)) from error
    return value


_FOLDER = click.Path(path_type=Path, file_okay=False)
_MODEL_OPTIONS = (
    click.option(
        "--model", default="", metavar="NAME",
        help="A language model for the roles, as its server names it. Without one, rules do the work, offline.",
    ),
    click.option(
        "--base-url", default=OPENAI, show_default=True, metavar="URL", envvar="PSYCHOHISTORY_BASE_URL",
        help="Any OpenAI-compatible server. Its key: OPENAI_API_KEY, OPENROUTER_API_KEY or PSYCHOHISTORY_API_KEY.",
    ),
    click.option(
        "--model-for", multiple=True, metavar="ROLE=NAME",
        help="Another model for one role: brainstormer, chronicler, estimator, verifier. Repeatable.",
    ),
    click.option(
        "--schema-mode", type=click.Choice([mode.value for mode in SchemaMode]), show_default=True,
        default=SchemaMode.JSON_SCHEMA.value, help="How the server is told the shape of a reply.",
    ),
    click.option(
        "--temperature", default=_DEFAULT_TEMPERATURE, show_default=True, callback=_temperature, metavar="T|none",
        help="none leaves it out, for models that take none.",
    ),
    click.option(
        "--reasoning-effort", default="", metavar="WORD",
        help="For models that reason: none, low, medium, high, as their server names it. Reasoning is paid as output.",
    ),
    click.option(
        "--max-usd", type=click.FloatRange(min=0), metavar="USD",
        help="Hard cap, calls in flight included; the run stops there and can be resumed.",
    ),
    click.option("--record", type=_FOLDER, metavar="DIR", help="Keep every call and page in a folder."),
    click.option("--replay", type=_FOLDER, metavar="DIR", help="Answer every call from such a folder; call nobody."),
)  # fmt: skip
_RUN_OPTIONS = (
    click.option("--web", is_flag=True, help="Read the web too, by the providers that are ready (`agents providers`)."),
    click.option(
        "--sites", default="", metavar="PRESET|SITE,…", callback=_sites,
        help="Search these only: think_tanks, central_banks, statistics_offices, economic_press, or your own list.",
    ),
    click.option(
        "--lists", default=_ALL_LISTS, show_default=True, metavar="NAMES", callback=_lists,
        help="With --web: dated lists that give seeds, on days drawn from the period; none for the archive alone.",
    ),
    click.option(
        "--uncalibrated", is_flag=True,
        help="Spend more than 5 dollars on a model that has not passed `agents calibrate`.",
    ),
)  # fmt: skip
