"""The roles with a model put together, with what a case keeps of them."""

from __future__ import annotations

from agents.model import Models
from agents.offline.base_rates import BaseRates
from agents.prompted.brainstormer import PromptedBrainstormer
from agents.prompted.chronicler import PromptedChronicler
from agents.prompted.estimator import Forecasts, PromptedEstimator, no_forecasts
from agents.prompted.prompts import ROLES, prompt_versions
from agents.prompted.verifier import FactChecked, PromptedVerifier, no_fact_checks
from agents.roles import Roles


def prompted_roles(
    models: Models,
    base_rates: BaseRates,
    *,
    forecasts: Forecasts = no_forecasts,
    fact_checked: FactChecked = no_fact_checks,
) -> Roles:
    """All four, each asking its own model."""
    return Roles(
        brainstormer=PromptedBrainstormer(models),
        chronicler=PromptedChronicler(models),
        estimator=PromptedEstimator(models, base_rates, forecasts),
        verifier=PromptedVerifier(models, fact_checked),
        models={role: models.of(role).settings.model for role in ROLES},
        prompts=prompt_versions(),
        settings=models.settings(),
    )
