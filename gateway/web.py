"""The static server behind the edge: the OpenAPI document, and a page to read it in.

    LENSMESH_LISTEN=127.0.0.1:15063 python -m gateway.web

Envoy's own file server is unfinished by its own account, and sends no ETag. In the cloud a CDN does this. Served are
files of the project, and the Swagger UI that the package `fastapi-offline` carries; nothing is fetched from another
host, and the content security policy keeps the page to that.
"""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.settings import IMAGE, LOOPBACK

DOCUMENT = IMAGE.with_name("openapi.json")
_PAGES = Path(__file__).with_name("pages")

_HEADERS: Mapping[str, str] = {
    # Swagger UI draws its arrows from data: addresses, and needs nothing else that is not from here.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    # May be kept, but is asked for again: a new version shows at once, and an old one costs a 304.
    "cache-control": "no-cache",
}


class WithHeaders:
    """Adds headers to every answer."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, and more."""

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self._app(scope, receive, send_more)


def application(document: Path = DOCUMENT) -> Starlette:
    """Make the server's application."""
    made = StaticFiles(directory=document.parent)
    pages = StaticFiles(directory=_PAGES)

    async def openapi(request: Request) -> Response:
        return await made.get_response(document.name, request.scope)

    async def docs(request: Request) -> Response:
        return await pages.get_response("docs.html", request.scope)

    return Starlette(
        routes=[
            Route("/openapi.json", openapi),
            Route("/docs", docs),
            Route("/docs/", docs),
            Mount("/docs/assets", StaticFiles(directory=swagger_ui())),
            Mount("/docs", pages),
        ],
        middleware=[Middleware(GZipMiddleware), Middleware(WithHeaders, headers=_HEADERS)],
        exception_handlers={HTTPException: _refuse},
    )


def swagger_ui() -> Path:
    """Find the files of Swagger UI, without importing the package that carries them.

    Raises:
        FileNotFoundError: the package is not installed, or no longer carries them.
    """
    spec = importlib.util.find_spec("fastapi_offline")
    found = Path(spec.origin).with_name("static") if spec and spec.origin else None
    if found is None or not (found / "swagger-ui-bundle.js").exists():
        raise FileNotFoundError("Swagger UI is not installed in this environment. `make up` installs what is missing.")
    return found


async def _refuse(_request: Request, error: Exception) -> Response:
    """Answer in the one error shape, also here."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "UNKNOWN_ROUTE", "domain": "lensmesh"}
    body = {"code": 5, "message": "There is no such page; begin at /docs.", "details": [info]}
    return JSONResponse(body, status)


def main() -> None:
    """Serve until told to stop."""
    host, _, port = os.environ.get("LENSMESH_LISTEN", f"{LOOPBACK}:15063").rpartition(":")
    uvicorn.run(application(), host=host, port=int(port), log_level="warning", access_log=False, server_header=False)


if __name__ == "__main__":
    main()
