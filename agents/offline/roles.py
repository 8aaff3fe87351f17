"""The offline roles put together."""

from __future__ import annotations

from agents.offline.base_rates import BaseRates
from agents.offline.brainstormer import OfflineBrainstormer
from agents.offline.chronicler import OfflineChronicler
from agents.offline.estimator import OfflineEstimator
from agents.offline.verifier import OfflineVerifier
from agents.roles import Roles


def offline_roles(base_rates: BaseRates) -> Roles:
    """All four; `base_rates` answers how often events of a kind followed in the store's cases."""
    return Roles(
        brainstormer=OfflineBrainstormer(),
        chronicler=OfflineChronicler(),
        estimator=OfflineEstimator(base_rates),
        verifier=OfflineVerifier(),
    )
