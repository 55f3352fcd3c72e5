"""Files at a revision, whole or in ranges."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from .accounts import Account, readable, require_files
from .answers import HubError, entry_not_found, revision_not_found
from .store import Store


async def resolve(
    kind: str, repo_id: str, revision: str, path: str, request: Request, store: Store, account: Account | None
) -> Response:
    """What HEAD and GET of a file answer; the headers are what clients know a file by."""
    repo = readable(store, kind, repo_id, account)
    require_files(repo, account)
    commit = store.find(repo, revision)
    if commit is None:
        raise revision_not_found(revision)
    entry = commit.files.get(path)
    if entry is None:
        raise entry_not_found(path, commit.id)
    headers = {
        "X-Repo-Commit": commit.id, "ETag": f'"{entry.etag}"', "Accept-Ranges": "bytes",
        "Content-Disposition": "attachment", "Content-Type": "application/octet-stream",
    }  # fmt: skip
    if entry.large:
        headers |= {"X-Linked-Size": str(entry.size), "X-Linked-ETag": f'"{entry.etag}"'}
    if request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(entry.size)})
    content = store.content(entry)
    span = _range(request.headers.get("range"), entry.size)
    if span is None:
        return Response(content, headers=headers)
    begin, end = span
    return Response(content[begin:end], 206, headers | {"Content-Range": f"bytes {begin}-{end - 1}/{entry.size}"})


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """Begin and end of ``bytes=a-b``, ``bytes=a-`` or ``bytes=-n``; None for the whole file."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if not found or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    begin = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if begin >= end:
        raise HubError(416, "Requested Range Not Satisfiable", Content_Range=f"bytes */{size}")
    return begin, end
