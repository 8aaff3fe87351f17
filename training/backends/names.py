"""Names on Modal, as the volumes and secrets are called there. No modal.

A run stands in `/data/models/RUN/out`: its stages end in `/data/models/RUN/out/{sft,score,grpo}/final`.
"""

from __future__ import annotations

APP, SERVE_APP = "psychohistory-training", "psychohistory-serve"
DATA_VOLUME, CACHE_VOLUME = "psychohistory-data", "psychohistory-hub-cache"
HUB_SECRET = "huggingface-secret"  # noqa: S105 (a name)
SERVE_SECRET = "psychohistory-serve"  # noqa: S105 (a name)
DATA, CACHE = "/data", "/hub"
TORCH = "torch==2.13.0"
"""As in the Makefile, which a test compares."""
LOCK_FILE = "requirements-training.lock"
