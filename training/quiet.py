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
    # an adapter on the shipped model names it `tiny`, which is no folder; its vocabulary is never changed
    warnings.filterwarnings("ignore", message="Could not find a config file in tiny", category=UserWarning)
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    import datasets

    datasets.disable_progress_bars()
