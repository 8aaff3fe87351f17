"""Keeps the training libraries from writing over a command's own output.

Their progress bars for loading and saving, and notices meant for their own developers, are turned off; their
warnings about data and numbers stay.
"""

from __future__ import annotations

import warnings


def quiet_libraries() -> None:
    """Call before the first model is loaded."""
    warnings.filterwarnings(
        "ignore", message=r"`(is_)?gradient_checkpointing(_[a-z]+)?` is deprecated", category=FutureWarning
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    import datasets

    datasets.disable_progress_bars()
