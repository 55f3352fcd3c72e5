"""Faults on demand, and a log of all requests, so that a test can show that its fault was met."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

Application = Callable[[Any, Any, Any], Awaitable[None]]
EVER = 10**9


@dataclass
class Fault:
    """What goes wrong with some requests.

    Attributes:
        match: pattern that is searched in "METHOD /path?query".
        skip: matching requests that pass unharmed before.
        times: requests that are harmed then.
        status: answered instead, with ``headers``.
        delay: seconds before anything is answered.
        drop: the connection ends without an answer: "before" or "after" the request was carried out.
        stop_after: bytes of the body after which the connection ends.
        stall_after: bytes of the body after which nothing comes for ``stall`` seconds, once.
        reset: a connection that ends does so with a TCP reset.
        act: called when a request is harmed.
    """

    match: str
    skip: int = 0
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: str | None = None
    stop_after: int | None = None
    stall_after: int | None = None
    stall: float = 0.0
    reset: bool = False
    act: Callable[[], None] | None = None
    matches: int = 0
    hits: int = 0


@dataclass
class Record:
    """One request: its line, the range it asked for, whether it had a token, the answer's status, the fault it met."""

    line: str
    range: str | None
    token: bool
    status: int | None = None
    fault: Fault | None = None


class Connection(H11Protocol):
    """A connection that a fault can end at once."""

    open: ClassVar[dict[tuple[str, int], Connection]] = {}

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.peer = transport.get_extra_info("peername")
        self.open[self.peer] = self

    def connection_lost(self, error: Exception | None) -> None:
        self.open.pop(self.peer, None)
        super().connection_lost(error)

    @classmethod
    def end(cls, scope: Any, reset: bool) -> None:
        transport = cls.open[tuple(scope["client"])].transport
        if reset:  # with a linger time of 0 the system sends RST, not FIN
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class Faults:
    """Stands before an application, keeps the log, harms what it is told to."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.planned: list[Fault] = []
        self.log: list[Record] = []

    def plan(self, match: str, **fields: Any) -> Fault:
        """Add a fault."""
        self.planned.append(Fault(match, **fields))
        return self.planned[-1]

    def clear(self) -> None:
        self.planned.clear()
        self.log.clear()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        headers = dict(scope["headers"])
        record = Record(
            f"{scope['method']} {scope['raw_path'].decode()}{query}",
            headers.get(b"range", b"").decode() or None,
            b"authorization" in headers,
        )
        self.log.append(record)
        record.fault = fault = self._due(record.line)

        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
            await send(message)

        if fault is None:
            await self.application(scope, receive, noted)
        else:
            await self._harm(fault, scope, receive, noted)

    def _due(self, line: str) -> Fault | None:
        for fault in self.planned:
            if re.search(fault.match, line):
                fault.matches += 1
                if fault.skip < fault.matches <= fault.skip + fault.times:
                    fault.hits += 1
                    return fault
        return None

    async def _harm(self, fault: Fault, scope: Any, receive: Any, send: Any) -> None:
        if fault.act:
            fault.act()
        await asyncio.sleep(fault.delay)
        if fault.drop == "before":
            Connection.end(scope, fault.reset)
        elif fault.drop == "after":
            await self.application(scope, receive, _nowhere)
            Connection.end(scope, fault.reset)
        elif fault.status is not None:
            answer = [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
            await send({"type": "http.response.start", "status": fault.status, "headers": answer})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.application(scope, receive, _interrupted(fault, scope, send))


async def _nowhere(_message: Any) -> None:
    """Swallow an answer."""


def _interrupted(fault: Fault, scope: Any, send: Any) -> Callable[[Any], Awaitable[None]]:
    """Send a part of the body, then nothing more for a while, or ever."""
    limit = fault.stop_after if fault.stop_after is not None else fault.stall_after
    sent, stalled = 0, False

    async def partly(message: Any) -> None:
        nonlocal sent, stalled
        body = message.get("body", b"")
        if limit is None or stalled or message["type"] != "http.response.body" or sent + len(body) <= limit:
            sent += len(body)
            await send(message)
            return
        first = body[: limit - sent]
        await send({"type": "http.response.body", "body": first, "more_body": True})
        stalled = True
        if fault.stop_after is not None:
            await asyncio.sleep(0.05)  # so that it leaves the machine
            Connection.end(scope, fault.reset)
        else:
            await asyncio.sleep(fault.stall)
            await send(message | {"body": body[limit - sent :]})

    return partly
