"""The one way to a language model: a model per role, one journal and one budget for all of them.

`open_models` turns settings into clients; a role asks `Models.of(role)` and gets an answer that fits its
schema, or a failure as a value. The parts stand in `agents.models`. langchain is imported when the first
question is asked, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from agents.journal import Journal
from agents.models.caller import Caller
from agents.models.client import Model, ModelClient, Prompt
from agents.models.pace import ModelPace
from agents.models.prices import PriceTable
from agents.models.reply import Check
from agents.models.reservations import Reservations
from agents.models.result import Answer, ModelFailure, ModelProblem, Usage
from agents.models.settings import ModelSettings, SchemaMode, api_key, key_variable
from corpus.errors import InvalidInput

__all__ = [
    "Answer",
    "Check",
    "Model",
    "ModelClient",
    "ModelFailure",
    "ModelProblem",
    "ModelSettings",
    "Models",
    "Prompt",
    "SchemaMode",
    "Usage",
    "api_key",
    "key_variable",
    "open_models",
]

DEFAULT_ROLE = ""
"""The key of the settings that count for every role without its own."""


class Models:
    """The models of one run, by role."""

    def __init__(self, clients: Mapping[str, ModelClient]) -> None:
        self._clients = clients

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in dict.fromkeys(self._clients.values()):
            await client.aclose()

    def of(self, role: str) -> ModelClient:
        """The model that a role asks."""
        return self._clients.get(role) or self._clients[DEFAULT_ROLE]

    def usage(self) -> dict[str, Usage]:
        """Role → tokens and money of this process."""
        total: dict[str, Usage] = {}
        for client in dict.fromkeys(self._clients.values()):
            for role, usage in client.usage.items():
                total[role] = total.get(role, Usage()) + usage
        return total

    def names(self) -> dict[str, str]:
        """Role → model, as a case's provenance keeps it; the empty role is the default."""
        return {role or "default": client.settings.model for role, client in self._clients.items()}

    def settings(self) -> dict[str, str | int | float | bool]:
        """The settings of every role's model, flat, as a case's provenance keeps them."""
        return {
            f"{role or 'default'}.{name}": value
            for role, client in self._clients.items()
            for name, value in client.settings.record().items()
        }


def open_models(
    by_role: Mapping[str, ModelSettings], journal: Journal, prices: PriceTable, *, capped: bool
) -> Models:
    """Clients for each role's settings; roles with equal settings share one, servers share their pace.

    Raises `InvalidInput` where a cap is set and a model has no price: a cap over unknown prices is none.
    """
    reservations = Reservations(journal)
    paces: dict[str, ModelPace] = {}
    clients: dict[ModelSettings, ModelClient] = {}
    for settings in dict.fromkeys(by_role.values()):
        price = prices.price(settings)
        if capped and price is None:
            raise InvalidInput(
                f"No price is known for {settings.model} at {settings.url}, so --max-usd cannot hold; enter it "
                f"with `agents prices add {settings.model} --input X --output Y` (dollars per million tokens, "
                "0 for a server of your own)."
            )
        pace = paces.setdefault(settings.url, ModelPace(settings.concurrency, settings.tokens_per_minute))
        clients[settings] = ModelClient(settings, Caller(settings, journal, reservations, pace, price))
    return Models({role: clients[settings] for role, settings in by_role.items()})
