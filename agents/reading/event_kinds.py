"""Kinds of events and the words that name them, so that "died" and "death" count as one thing.

A word can belong to several kinds. The list is written by hand for news in general; it helps to see that
two differently worded sentences speak of one event, and it proves nothing by itself.
"""

from __future__ import annotations

from corpus.text import stem

_LISTED = {
    "death": "die died dies dead death deaths deceased obituary mourn mourned fatal funeral",
    "killing": "kill kills killed killing slay slain murder murdered homicide shot shoot shooting gunman stabbed",
    "attack": "attack attacks attacked bomb bombing blast explosion raid raided strikes struck assault invade "
    "invaded invasion shelling missile",
    "arrest": "arrest arrested arrests detained custody caught apprehended jailed captured capture",
    "charge": "charge charged charges indict indicted accused suspect arraigned arraignment prosecutors",
    "trial": "court judge jury verdict convicted guilty sentenced sentence plead pleaded testified acquitted appeal",
    "takeover": "buy buys bought acquire acquires acquired acquisition purchase purchased merger takeover merge bid",
    "sale": "sell sells sold sale sales",
    "appointment": "name named appoint appointed appointment nominate nominated nominee nomination pick picked choose "
    "chosen chose select selected selection tapped successor",
    "departure": "resign resigned resigns resignation quit quits stepped stepping depart departure retire sacked "
    "ousted dismissed",
    "win": "win wins won victory beat beats beating defeated defeats clinch clinched title championship",
    "quake": "quake earthquake tremor magnitude richter aftershock",
    "fire": "fire fires blaze burned burning burnt arson arsonist flames wildfire",
    "crash": "crash crashed collision accident derailed wreck",
    "launch": "release releases released launch launches launched unveil unveiled unveils introduce introduced debut",
    "repair": "fix fixes fixed patch patches patched update updates repair repaired restored",
    "protest": "protest protests protesters riot riots rioting clashes demonstrators vigil unrest",
    "theft": "steal stole stolen robbery rob robbed thieves heist robbers theft burglary loot",
    "injury": "injure injured injuries injury wounded hurt",
    "policy_rate": "rate rates hike hikes tighten tightened tightening ease easing borrowing benchmark",
    "prices": "inflation prices price cpi consumer deflation costlier",
    "growth": "gdp growth economy recession contraction expansion output",
    "jobs": "jobs payrolls unemployment jobless employment hiring layoffs redundancies wages",
    "vote": "vote votes voted election elections elect elected ballot referendum",
    "law": "law bill act legislation legislature passed rule rules regulation regulations ban banned repeal",
    "agreement": "sign signed signing contract agreement agreed agrees treaty accord pact deal truce ceasefire",
    "tariff": "tariff tariffs duties quota quotas embargo sanction sanctions sanctioned",
    "default": "default defaults defaulted bankruptcy bankrupt insolvency insolvent restructuring bailout collapse",
    "outbreak": "virus outbreak pandemic epidemic infection infections cases quarantine lockdown vaccine",
    "outage": "outage cable cables severed disruption blackout shutdown",
    "suspension": "suspend suspended suspension fined fine penalty barred",
    "seizure": "pirate pirates hijack hijacked seize seized hostage hostages kidnapped",
}


def _by_stem() -> dict[str, frozenset[str]]:
    kinds: dict[str, set[str]] = {}
    for kind, listed in _LISTED.items():
        for word in listed.split():
            kinds.setdefault(stem(word), set()).add(kind)
    return {base: frozenset(found) for base, found in kinds.items()}


KINDS_OF_STEM = _by_stem()
"""Stem → kinds it names."""
