"""Counts answers by route and status."""

from __future__ import annotations

from training.serve.access import App, Receive, Scope, Send
from training.serve.metrics import Metrics


class Counted:
    """ASGI wrapper; a path that is no route counts as `other`, so that strangers cannot make labels."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Scope) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                path = route.path if route is not None else "other"
                self._metrics.count("requests", route=path, status=str(message["status"]))
            await send(message)

        await self._app(scope, receive, counted)
