"""The shipped, dated table of GPUs: memory, speed, price, and what a plan assumes. No torch.

Does not cover: discounts, regions with a surcharge, storage, taxes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus.errors import InvalidFile, InvalidInput

PRICES = Path(__file__).parents[1] / "prices.toml"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gpu(_Frozen):
    """One kind of GPU that can be rented."""

    name: str
    memory_gb: float = Field(gt=0)
    bf16_tflops: float = Field(ge=0)
    """Dense; 0: the card knows no bf16."""
    bandwidth_gb_s: float = Field(gt=0)
    usd_per_second: float = Field(gt=0)
    aliases: tuple[str, ...] = ()


class Source(_Frozen):
    """Where the prices stand, and when they were read."""

    page: str
    date: date
    specifications: str


class Container(_Frozen):
    """Processor and memory that are rented beside the GPU."""

    cores: float = Field(gt=0)
    memory_gib: float = Field(gt=0)
    usd_per_core_second: float = Field(ge=0)
    usd_per_gib_second: float = Field(ge=0)

    @property
    def usd_per_second(self) -> float:
        return self.cores * self.usd_per_core_second + self.memory_gib * self.usd_per_gib_second


class Speed(_Frozen):
    """How fast one kind of model is trained."""

    utilisation: float = Field(gt=0, le=1)
    """Share of the card's dense bf16 rate."""
    layer_seconds: float = Field(ge=0)
    """Least seconds that a forward and backward pass spends on a layer: launching its kernels."""


class Assumptions(_Frozen):
    """What a plan takes for granted, measured or not; see the file's comments."""

    dense: Speed
    mixture: Speed
    decode_seconds: float = Field(gt=0)
    load_bytes_per_second: float = Field(gt=0)
    start_seconds: float = Field(ge=0)
    reserve_gb: float = Field(ge=0)
    fragmentation: float = Field(ge=0, lt=1)


class _File(_Frozen):
    source: Source
    container: Container
    assumptions: Assumptions
    gpu: tuple[Gpu, ...]


@dataclass(frozen=True)
class PriceTable:
    """The table as read."""

    source: Source
    container: Container
    assumptions: Assumptions
    gpus: Sequence[Gpu]

    def gpu(self, name: str) -> Gpu:
        """A GPU by its name or another name of it; raises InvalidInput for one that is not listed."""
        for gpu in self.gpus:
            if name.upper() in (gpu.name.upper(), *(alias.upper() for alias in gpu.aliases)):
                return gpu
        raise InvalidInput(
            f"{name!r} is no GPU of the price table of {self.source.date}; "
            f"name one of {', '.join(gpu.name for gpu in self.gpus)}."
        )

    def usd_per_second(self, gpu: Gpu) -> float:
        """What a container with this GPU costs."""
        return gpu.usd_per_second + self.container.usd_per_second


def read_prices(path: Path = PRICES) -> PriceTable:
    """Read a price table; raises InvalidFile naming the field."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        found = _File.model_validate(content)
    except (OSError, tomllib.TOMLDecodeError) as fault:
        raise InvalidFile(f"{path} is no price table: {fault}.") from fault
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidFile(f"{path}: {place}: {first['msg']}.") from fault
    return PriceTable(found.source, found.container, found.assumptions, found.gpu)
