"""Domains: the subjects that cases are filed under, folded to one spelling."""

from __future__ import annotations

import re

from corpus.case import DEFAULT_DOMAINS
from corpus.errors import UnknownDomain


def domain_name(text: str, *, allow_new: bool = False) -> str:
    """ "Economics" → "economics"; raises UnknownDomain for one that is not listed, unless `allow_new`."""
    name = re.sub(r"[\s_]+", "-", text.strip().casefold())
    if name in DEFAULT_DOMAINS or (allow_new and re.fullmatch(r"[a-z][a-z0-9-]{1,39}", name)):
        return name
    if allow_new:
        raise UnknownDomain(f"{text!r} is no name for a domain; use up to 40 letters, figures and hyphens.")
    raise UnknownDomain(
        f"{text!r} is not a known domain ({', '.join(DEFAULT_DOMAINS)}); add --allow-new-domain to use it."
    )
