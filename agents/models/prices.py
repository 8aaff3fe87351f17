"""What models cost: a table in configuration, and the most that one call can cost.

The shipped `prices.toml` holds prices as published on the day each entry names; prices change, so the
user's own file (PSYCHOHISTORY_PRICES, or `prices.toml` in the configuration folder) comes first. A model
that stands in neither has no price, which is never taken for free of charge. Sums are whole nano-dollars,
rounded up.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agents.journal import NANO
from agents.models.settings import ModelSettings
from corpus.errors import InvalidFile, InvalidInput
from corpus.files import write_atomically

SHIPPED = Path(__file__).with_name("prices.toml")
_PER = 1_000_000
_TEMPLATE_TOKENS = 64
"""Room for what a server's chat template adds around the messages."""


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens of one model."""

    model: str
    host: str
    """Of the server; empty for any."""
    input_usd: Decimal
    output_usd: Decimal
    source: str = ""
    checked: str = ""
    """The day the price was looked up."""
    cached_input_usd: Decimal | None = None
    """Of prompt tokens that the server had kept; None where it makes no difference."""
    cache_write_usd: Decimal | None = None
    """Of prompt tokens that it keeps now; None where it makes no difference."""

    @property
    def dearest_input_usd(self) -> Decimal:
        """The most that a prompt token can cost: servers do not say which they keep."""
        return max(self.input_usd, self.cache_write_usd or self.input_usd)

    def cost_nanousd(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> int:
        """What so many tokens cost at most, rounded up; `cached_tokens` of the prompt's the server had kept."""
        kept = min(cached_tokens, prompt_tokens) if self.cached_input_usd is not None else 0
        usd = self.dearest_input_usd * (prompt_tokens - kept) + (self.cached_input_usd or 0) * kept
        usd = (usd + self.output_usd * completion_tokens) / _PER
        return int((usd * NANO).to_integral_value(rounding=ROUND_CEILING))

    def worst_case_nanousd(self, request_bytes: int, max_output_tokens: int) -> int:
        """The most a call can cost: a token covers at least one byte of the request as it is sent."""
        return self.cost_nanousd(request_bytes + _TEMPLATE_TOKENS, max_output_tokens)


@dataclass(frozen=True)
class PriceTable:
    """Known prices; the user's stand before the shipped ones."""

    prices: Sequence[Price]

    def price(self, settings: ModelSettings) -> Price | None:
        """The price of a model at its server; None where nobody entered one."""
        host = urlsplit(settings.base_url).netloc
        fitting = [price for price in self.prices if price.model == settings.model]
        own = [price for price in fitting if price.host == host]
        return next(iter(own or [price for price in fitting if not price.host]), None)


def user_file(environment: Mapping[str, str]) -> Path:
    """Where the user's own prices.toml is looked for."""
    if named := environment.get("PSYCHOHISTORY_PRICES"):
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("psychohistory") / "prices.toml"


def load(environment: Mapping[str, str]) -> PriceTable:
    """The user's prices, then the shipped ones."""
    own = user_file(environment)
    listed = _read(own) if own.exists() else []
    return PriceTable((*listed, *_read(SHIPPED)))


def add(price: Price, environment: Mapping[str, str]) -> Path:
    """Enter a price into the user's file, in place of an earlier one of the same model and host."""
    path = user_file(environment)
    listed = _read(path) if path.exists() else []
    kept = [other for other in listed if (other.model, other.host) != (price.model, price.host)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, [line for entry in (*kept, price) for line in _entry(entry)])
    return path


def price_of(model: str, host: str, input_usd: str, output_usd: str, source: str, checked: str) -> Price:
    """A price from what a user typed; raises `InvalidInput` for anything but an amount of at least 0."""
    return Price(model, host, _amount(input_usd), _amount(output_usd), source, checked)


def _amount(text: Any) -> Decimal:
    try:
        amount = Decimal(str(text))
    except ArithmeticError:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise InvalidInput(f"{text!r} is no price; write dollars per million tokens, such as 0.15, or 0.")
    return amount


def _entry(price: Price) -> list[str]:
    fields = {
        "model": price.model,
        "host": price.host,
        "input": str(price.input_usd),
        "cached_input": "" if price.cached_input_usd is None else str(price.cached_input_usd),
        "cache_write": "" if price.cache_write_usd is None else str(price.cache_write_usd),
        "output": str(price.output_usd),
        "source": price.source,
        "checked": price.checked,
    }
    kept = {name: value for name, value in fields.items() if value or not name.startswith("cache")}
    return ["[[prices]]", *(f"{name} = {_quoted(value)}" for name, value in kept.items()), ""]


def _quoted(text: str) -> str:
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in text)
    return f'"{escaped}"'


def _read_row(row: Mapping[str, Any]) -> Price:
    price = price_of(
        str(row["model"]), str(row.get("host", "")), row["input"], row["output"],
        str(row.get("source", "")), str(row.get("checked", "")),
    )  # fmt: skip
    cached, write = (_amount(row[name]) if name in row else None for name in ("cached_input", "cache_write"))
    return replace(price, cached_input_usd=cached, cache_write_usd=write)


def _read(path: Path) -> list[Price]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("prices", [])
        return [_read_row(row) for row in rows]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InvalidFile(f"{path} is not a price table: {error}; see the shipped {SHIPPED}.") from error
    except InvalidInput as error:
        raise InvalidFile(f"{path}: {error}") from error
