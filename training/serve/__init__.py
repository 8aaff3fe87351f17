"""Serving trees: an HTTP API with keys, limits and a cache, and the page that draws them. See docs/forecasts.md."""
