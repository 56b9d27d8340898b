"""No test of the corpora looks into the cache of whoever runs it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(own_cache: Path) -> Path:
    """The folder of the copies, which is not there yet."""
    return own_cache
