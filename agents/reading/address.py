"""Addresses: the canonical form of a URL and the publisher behind it.

The publisher is the registrable domain by the public suffix list that tldextract carries; nothing is
fetched. Canonical means: scheme and host in lower case, no default port, no fragment, no tracking
parameters, no closing slash. Does not follow redirects and does not know that two domains are one house.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"^(?:utm_\w+|fbclid|gclid|dclid|mc_[ce]id|igshid|cmpid|ocid|s_?cid|smid|ref_?src|ns_\w+|__twitter\w*)$",
    re.I,
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
LOCAL_PUBLISHER = "local"
"""Publisher of what lies in a file without a web address."""


def canonical_url(url: str) -> str:
    """One spelling for one page; addresses that are not http(s) or unreadable stay as they are."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url.strip()
    if parts.scheme.lower() not in _DEFAULT_PORTS or not parts.hostname:
        return url.strip()
    scheme, host = parts.scheme.lower(), parts.hostname.rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    if port and str(port) != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{port}"
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(pair[0])]
    return urlunsplit((scheme, host, parts.path.rstrip("/") or "/", urlencode(kept), ""))


def publisher_of(url: str) -> str:
    """The registrable domain (`https://www.ecb.europa.eu/x` → `europa.eu`), a bare host or address as it is.

    `local` where there is no host at all.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        host = ""
    if not host:
        return LOCAL_PUBLISHER
    return str(_suffixes()(host).top_domain_under_public_suffix) or host


def is_web_address(url: str) -> bool:
    """Whether a URL is http or https with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in _DEFAULT_PORTS and bool(parts.hostname)


@cache
def _suffixes() -> Any:
    from tldextract import TLDExtract  # 0.3 s, not needed before the first document

    return TLDExtract(suffix_list_urls=(), cache_dir=None)
