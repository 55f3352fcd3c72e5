"""Uploads: which files are large, where large ones go, and the commit that makes all of them visible at once."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .accounts import Account, readable, require_account, require_change
from .answers import HubError
from .api import ADDRESS
from .store import LARGE, Store, now


async def preupload(
    kind: str, repo_id: str, revision: str, request: Request, store: Store, account: Account | None
) -> Response:
    """How each file is to be sent, and what is there under its name already."""
    repo = readable(store, kind, repo_id, account)
    require_change(account, repo, revision, _asks(request))
    head = store.find(repo, revision)
    answers = []
    for file in (await request.json())["files"]:
        large = file["path"].endswith(LARGE) or b"\0" in base64.b64decode(file.get("sample", ""))
        there = head.files.get(file["path"]) if head else None
        oid = there.etag if there and there.large == large else None
        mode = "lfs" if large else "regular"
        answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return JSONResponse({"files": answers})


async def lfs_batch(kind: str, repo_id: str, request: Request, store: Store, account: Account | None) -> Response:
    """Where large files are to be put; nothing to do for content that is stored already."""
    # Content alone changes nothing; whoever may ask for a change may send it.
    repo = readable(store, kind, repo_id, account)
    require_change(account, repo, "", create_pr=not require_account(account).may_write(repo.owner, repo.id))
    objects = []
    for item in (await request.json())["objects"]:
        answer: dict[str, Any] = {"oid": item["oid"], "size": item["size"]}
        if not (store.blobs / item["oid"]).exists():
            url = f"{request.base_url}lfs/{item['oid']}"
            answer["actions"] = {
                "upload": {"href": url, "header": {}},
                "verify": {"href": f"{url}/verify", "header": {}},
            }
        objects.append(answer)
    return JSONResponse({"transfer": "basic", "objects": objects})


async def lfs_put(oid: str, request: Request, store: Store) -> Response:
    content = await request.body()
    if hashlib.sha256(content).hexdigest() != oid:
        raise HubError(400, "the content is not what its name says")
    store.keep(content)
    return Response()


async def lfs_verify(oid: str, store: Store) -> Response:
    if not (store.blobs / oid).exists():
        raise HubError(404, f"{oid} was never stored")
    return JSONResponse({})


async def commit(
    kind: str, repo_id: str, revision: str, request: Request, store: Store, account: Account | None
) -> Response:
    """Apply all changes at once, or none."""
    body = await request.body()
    lines = [json.loads(line) for line in body.splitlines() if line.strip()]
    header = lines[0]["value"]
    with store.lock:
        repo = readable(store, kind, repo_id, account)
        author = require_change(account, repo, revision, _asks(request)).name
        head = store.find(repo, revision)
        if head is None or revision not in repo.branches:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        if header.get("parentCommit") not in (None, head.id):
            raise HubError(412, f"A commit has happened since: {head.id}")
        files = dict(head.files)
        for line in lines[1:]:
            _apply(files, line["key"], line["value"], store)
        asked: dict[str, Any] = {}
        if _asks(request):
            number = len(repo.pulls) + 1
            revision = f"refs/pr/{number}"
            repo.branches[revision] = head.id
            repo.pulls[revision] = {"title": header["summary"], "author": author, "status": "open", "created": now()}
            asked["pullRequestUrl"] = f"{request.base_url}{ADDRESS[kind]}{repo_id}/discussions/{number}"
        made = store.commit(repo, revision, files, header["summary"], author)
    url = f"{request.base_url}{ADDRESS[kind]}{repo_id}/commit/{made.id}"
    return JSONResponse({"commitOid": made.id, "commitUrl": url} | asked)


def _apply(files: dict[str, Any], key: str, value: dict[str, Any], store: Store) -> None:
    path = value["path"]
    match key:
        case "file":
            content = base64.b64decode(value["content"])
            if path.endswith(LARGE) and content:
                raise HubError(400, f"{path} must be sent as a large file")
            files[path] = store.entry(path, content)
        case "lfsFile":
            if not (store.blobs / value["oid"]).exists():
                raise HubError(400, f"the content of {path} was never stored")
            files[path] = store.large_entry(value["oid"])
        case "deletedFile":
            if files.pop(path, None) is None:
                raise HubError(400, f"{path} does not exist")
        case "deletedFolder":
            for name in [name for name in files if name.startswith(f"{path.rstrip('/')}/")]:
                del files[name]
        case _:
            raise HubError(400, f"unknown operation: {key}")


def _asks(request: Request) -> bool:
    """Whether a pull request is to be made."""
    return request.query_params.get("create_pr") == "1"
