"""From snapshots to forecasters: a case is a dialogue; tuning, proper scoring, trees, predictions.

Importing this package loads no torch; modules that need it say so in their first lines.
"""
