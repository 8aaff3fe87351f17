"""Where a run is done: on this machine, or on Modal."""
