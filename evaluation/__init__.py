"""Measuring: forecasts scored, matched, calibrated, compared and judged. Never sees a model."""
