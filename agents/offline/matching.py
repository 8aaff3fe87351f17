"""Whether two wordings tell of one event, for the offline roles: `agents.reading.same_event` with its threshold."""

from __future__ import annotations

from corpus.text import agree, content_words, directions, jaccard, opposed, quantities

SAME = 0.5


def alike(a: str, b: str) -> float:
    """0..1."""
    if opposed(directions(a), directions(b)):
        return 0.0
    x, y = quantities(a), quantities(b)
    if x and y and not any(agree(p, q) for p in x for q in y):
        return 0.0
    one, other = frozenset(content_words(a)), frozenset(content_words(b))
    small = min(len(one), len(other)) or 1
    return 0.5 * jaccard(one, other) + 0.5 * len(one & other) / small


def clusters(found):
    out = []
    for m in sorted(found, key=lambda m: (m.date, m.document.url, m.start)):
        for c in out:
            if c[0].date.days_to(m.date) <= 3 and alike(c[0].wording, m.wording) >= SAME:
                c.append(m)
                break
        else:
            out.append([m])
    return out
