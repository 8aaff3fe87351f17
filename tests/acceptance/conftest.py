"""The browser that tests of served pages share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # loaded by the fixture alone: most acceptance tests need no browser
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a module."""
    from tests.browsing import chromium

    with chromium() as started:
        yield started
