"""Google Fact Check Tools: published checks of a claim, with a key. Hindsight: for the Verifier only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.providers.base import Access, FactCheck, ProviderFailure, ProviderInfo
from agents.providers.searching import at, claimed_date
from agents.reading.address import is_web_address
from corpus.case import Terms

INFO = ProviderInfo(
    name="fact_checks",
    gives="published fact checks of a claim",
    services=("fact_checks",),
    terms=Terms.QUOTATION,
    terms_note="by quota; the checks belong to their publishers",
    key_variable="GOOGLE_FACT_CHECK_API_KEY",
)


class FactChecks:
    """factchecktools.googleapis.com."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def info(self) -> ProviderInfo:
        """What it gives and needs."""
        return self._access.info

    async def probe(self) -> ProviderFailure | None:
        """One small real request."""
        found = await self.claims("election", 1)
        return found if isinstance(found, ProviderFailure) else None

    async def claims(self, text: str, count: int = 5) -> Sequence[FactCheck] | ProviderFailure:
        """Checks of claims like `text`; none is a legal answer (the service sends `{}`)."""
        params = {"query": text, "languageCode": "en", "pageSize": str(count)}
        answer = await self._access.json(
            "/v1alpha1/claims:search", params, secret_params={"key": self._access.key}
        )
        if isinstance(answer, ProviderFailure):
            return answer
        if not isinstance(answer, dict) or not isinstance(answer.get("claims", []), list):
            return self._access.unreadable("claims")
        found = [check for claim in answer.get("claims", []) for check in _checks(claim)]
        return tuple(found[:count])


def _checks(claim: Any) -> list[FactCheck]:
    reviews = at(claim, "claimReview")
    return [
        FactCheck(
            claim=str(claim.get("text", "")),
            rating=str(review.get("textualRating", "")),
            publisher=str(at(review, "publisher", "name") or at(review, "publisher", "site") or ""),
            url=str(review["url"]),
            reviewed=claimed_date(review.get("reviewDate")),
        )
        for review in (reviews if isinstance(reviews, list) else [])
        if isinstance(review, dict) and is_web_address(str(review.get("url", "")))
    ]
