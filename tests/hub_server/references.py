"""Branches, tags and pull requests of a repository."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .answers import HubError, revision_not_found
from .store import Commit, Repo, Store


def commit_of(store: Store, repo: Repo, revision: str) -> Commit:
    commit = store.find(repo, revision)
    if commit is None:
        raise revision_not_found(revision)
    return commit


def references(repo: Repo) -> Response:
    """All names of commits."""
    lists: dict[str, Any] = {"converts": [], "pullRequests": []}
    for name, prefix, refs in (("branches", "heads", repo.branches), ("tags", "tags", repo.tags)):
        lists[name] = [
            {"name": ref, "ref": f"refs/{prefix}/{ref}", "targetCommit": to}
            for ref, to in refs.items()
            if ref not in repo.pulls
        ]
    return JSONResponse(lists)


def discussions(repo: Repo, request: Request) -> Response:
    """The pull requests of a repository."""
    asked = request.query_params
    found = [
        {
            "num": int(reference.rsplit("/", 1)[1]), "title": pull["title"], "status": pull["status"], "isPullRequest": True,
            "author": {"name": pull["author"]}, "repo": {"name": repo.id, "type": repo.kind.removesuffix("s")}, "createdAt": pull["created"],
        }
        for reference, pull in repo.pulls.items()
    ]  # fmt: skip
    found = [each for each in found if asked.get("status") in (None, "all", each["status"])]
    found = [each for each in found if asked.get("author") in (None, each["author"]["name"])]
    first = int(asked.get("p", 0)) * 10
    return JSONResponse({"discussions": found[first : first + 10], "count": len(found), "start": first})


def change_reference(method: str, what: str, name: str, body: bytes, store: Store, repo: Repo) -> Response:
    refs = repo.branches if what == "branch" else repo.tags
    content = json.loads(body or b"{}")
    with store.lock:
        if method == "DELETE":
            if refs.pop(name, None) is None:
                raise revision_not_found(name)
        else:
            new = name if what == "branch" else content["tag"]
            start = content.get("startingPoint") or "main" if what == "branch" else name
            if new in refs:
                raise HubError(409, f"Reference already exists: {new}")
            refs[new] = commit_of(store, repo, start).id
        store.save(repo)
    return JSONResponse({})
