"""The server: routes by the raw path, and runs in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from . import api, files, uploads
from .accounts import Account, Accounts
from .answers import HubError
from .faults import Connection, Faults, Record
from .store import Store

TOKENS = {
    "hf_alice_write": Account("alice", "write"),
    "hf_alice_read": Account("alice", "read"),
    "hf_bob_write": Account("bob", "write"),
    "hf_carol_write": Account("carol", "write", {"acme": "write", "readers": "read"}),
    "hf_carol_one_repo": Account(
        "carol", "fineGrained", {"acme": "write"}, {"acme/model": ("repo.content.read", "repo.write")}
    ),
    "hf_carol_only_reads": Account("carol", "fineGrained", {"acme": "write"}, {"carol": ("repo.content.read",)}),
    "hf_carol_only_asks": Account(
        "carol", "fineGrained", {}, {"alice/model": ("repo.content.read", "discussion.write")}
    ),
}


class HubServer:
    """A Hub on 127.0.0.1, as a context: ``url``, ``store``, ``accounts``, ``faults``.

    Args:
        folder: where repositories are kept; a server that is started there again finds them.
        port: 0 takes any that is free.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.store = Store(folder)
        self.accounts = Accounts(dict(TOKENS))
        self.faults = Faults(self._application)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        # Idle connections stay open: clients do not send a commit again over one that was closed.
        settings = uvicorn.Config(
            self.faults, http=Connection, ws="none", lifespan="off", log_level="error", timeout_keep_alive=600
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    @property
    def log(self) -> list[Record]:
        return self.faults.log

    def environment(self, home: Path, token: str | None = "hf_alice_write") -> dict[str, str]:
        """What a process needs to talk to this server; ``home``: its caches, fresh, for they hide faults."""
        variables = {
            "HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        }  # fmt: skip
        return variables | ({"HF_TOKEN": token} if token else {})

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except HubError as error:
            response = error.response()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        # By the raw path: a revision like refs%2Fpr%2F1 is one segment.
        segments = [unquote(part) for part in request.scope["raw_path"].decode().strip("/").split("/")]
        match request.method, segments:
            case "PUT", ["lfs", oid]:
                return await uploads.lfs_put(oid, request, self.store)
            case "POST", ["lfs", oid, "verify"]:
                return await uploads.lfs_verify(oid, self.store)
        account = self.accounts.of(request)
        match request.method, segments:
            case "GET", [""]:
                repos = [repo for kind in api.KINDS for repo in self.store.repos(kind) if not repo.private]
                return PlainTextResponse("".join(f"{self.url}/{api.ADDRESS[r.kind]}{r.id}\n" for r in repos))
            case "GET", ["api", "whoami-v2"]:
                return await api.whoami(account)
            case _, ["api", "repos", ("create" | "delete" | "move") as action]:
                return await api.manage(action, request, self.store, account)
            case "POST", ["api", "validate-yaml"]:
                return await api.validate_yaml(request)
            case "GET", ["api", kind] if kind in api.KINDS:
                return await api.listing(kind, request, self.store, account)
            case "POST", ["api", kind, owner, name, "preupload", revision] if kind in api.KINDS:
                return await uploads.preupload(kind, f"{owner}/{name}", revision, request, self.store, account)
            case "POST", ["api", kind, owner, name, "commit", revision] if kind in api.KINDS:
                return await uploads.commit(kind, f"{owner}/{name}", revision, request, self.store, account)
            case _, ["api", kind, owner, name, *rest] if kind in api.KINDS:
                return await api.of_repo(kind, f"{owner}/{name}", rest, request, self.store, account)
        kind = segments.pop(0) if segments[0] in ("datasets", "spaces") else "models"
        match request.method, segments:
            case (("GET" | "HEAD"), [owner, name, "resolve", revision, *path]) if path:
                return await files.resolve(
                    kind, f"{owner}/{name}", revision, "/".join(path), request, self.store, account
                )
            case "POST", [owner, name, "info", "lfs", "objects", "batch"]:
                repo_id = f"{owner}/{name.removesuffix('.git')}"
                return await uploads.lfs_batch(kind, repo_id, request, self.store, account)
            case "GET", [owner, name]:
                return await api.page(kind, f"{owner}/{name}", self.store, account)
        return JSONResponse({"error": f"no such route: {request.method} {request.url.path}"}, 404)
