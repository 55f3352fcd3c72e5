"""What a stranger may send: questions of a bounded size that name no other address."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4_000_000  # of a question; files come by another way, which has a limit of its own
REMOTE = ("http:", "https:", "ftp:")


class Guard:
    """Looks at every question before Gradio does, which would download whatever address stands in the place of a file."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of the app."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        headers = dict(scope.get("headers", ()))
        if scope["type"] != "http" or b"json" not in headers.get(b"content-type", b""):
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MOST_BYTES:
                await PlainTextResponse(f"at most {MOST_BYTES:,} bytes are taken", 413)(scope, receive, send)
                return
        if names_address(body):
            await PlainTextResponse("files must be uploaded; addresses are not opened", 403)(scope, receive, send)
            return
        told = False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)


def names_address(body: bytes) -> bool:
    """Return whether a file in a question lies somewhere else on the network."""
    try:
        waiting: list[Any] = [json.loads(body)]
    except (ValueError, RecursionError):  # Gradio refuses it
        return False
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            places = (value.get("path"), value.get("url"))
            if "meta" in value and any(isinstance(place, str) and place.lower().startswith(REMOTE) for place in places):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False
