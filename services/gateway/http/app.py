"""The application: routes, page, guard. Nothing starts here."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from services.gateway.broker.hub import Hub
from services.gateway.http.guard import Guard
from services.gateway.http.live import EventStream
from services.gateway.http.routes import router

STATIC: Final = Path(__file__).with_name("static")


def create_app(hub: Hub, broker_url: str, stopping: Callable[[], bool] = lambda: False) -> FastAPI:
    """Build the application around a hub.

    Interactive documentation would load scripts from elsewhere; the description stands at /api/openapi.json.

    Args:
        hub: what to show.
        broker_url: for requests that look into the broker themselves.
        stopping: whether the server is about to end.
    """
    app = FastAPI(
        title="Thetaflow gateway",
        description="What the pipeline does, live. Times in IST, money in paise, prices in points.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.hub = hub
    app.state.broker_url = broker_url
    app.state.feed = EventStream(hub, hub.settings.live_clients, stopping)
    app.include_router(router)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/favicon.ico", include_in_schema=False)
    def no_icon() -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hub.settings.allowed_hosts), www_redirect=False)
    app.add_middleware(Guard)
    return app
