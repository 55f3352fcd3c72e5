"""The routes below /api: accounts, repositories, listings, branches and tags."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from .accounts import Account, readable, require_account, require_files, require_write
from .answers import HubError, entry_not_found
from .references import change_reference, commit_of, discussions, references
from .store import Commit, Entry, Repo, Store, now

KINDS = ("models", "datasets", "spaces")
ADDRESS = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
ATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


async def whoami(account: Account | None) -> Response:
    account = require_account(account)
    token: dict[str, Any] = {"displayName": f"{account.name}'s token", "role": account.role, "createdAt": now()}
    if account.role == "fineGrained":
        scoped = [
            {"entity": {"type": "model" if "/" in name else "user", "name": name}, "permissions": list(permissions)}
            for name, permissions in account.scopes.items()
        ]
        token["fineGrained"] = {"canReadGatedRepos": False, "global": [], "scoped": scoped}
    organisations = [{"type": "org", "name": name, "roleInOrg": role} for name, role in account.organisations.items()]
    return JSONResponse(
        {
            "type": "user", "name": account.name, "fullname": account.name, "email": f"{account.name}@example.org",
            "emailVerified": True, "isPro": False, "orgs": organisations, "auth": {"type": "access_token", "accessToken": token},
        }
    )  # fmt: skip


async def manage(action: str, request: Request, store: Store, account: Account | None) -> Response:
    """Create, delete or move a repository."""
    body = await request.json()
    kind = f"{body.get('type') or 'model'}s"
    if action == "move":
        repo = readable(store, kind, body["fromRepo"], account)
        require_write(account, repo.id)
        require_write(account, body["toRepo"])
        store.move(repo, body["toRepo"])
        return JSONResponse({})
    owner = body.get("organization") or require_account(account).name
    repo_id = f"{owner}/{body['name']}"
    account = require_write(account, repo_id if action == "delete" else owner)
    if action == "delete":
        store.delete(readable(store, kind, repo_id, account))
        return JSONResponse({})
    url = f"{request.base_url}{ADDRESS[kind]}{repo_id}"
    with store.lock:
        if store.repo(kind, repo_id):
            return JSONResponse({"error": "You already created this repo", "url": url}, 409)
        files = {".gitattributes": ATTRIBUTES}
        if kind == "spaces":
            files["README.md"] = f"---\ntitle: {body['name']}\nsdk: {body['sdk']}\n---\n".encode()
        private = body.get("visibility") == "private"
        store.create(kind, repo_id, account.name, files, private=private, sdk=body.get("sdk"))
    return JSONResponse({"url": url})


async def validate_yaml(request: Request) -> Response:
    """Whether the metadata of a card can be read and name things by text."""
    content = str((await request.json())["content"])
    errors = []
    if content.startswith("---\n"):
        try:
            data = yaml.safe_load(content.split("\n---", 1)[0][4:]) or {}
            if not isinstance(data.get("tags", []), list):
                errors = ['"tags" must be an array']
        except yaml.YAMLError as error:
            errors = [f"not YAML: {error}"]
    shown = [{"message": message} for message in errors]
    return JSONResponse({"errors": shown, "warnings": []}, 400 if errors else 200)


async def of_repo(
    kind: str, repo_id: str, rest: list[str], request: Request, store: Store, account: Account | None
) -> Response:
    """What is asked about one repository."""
    repo = readable(store, kind, repo_id, account)
    match request.method, rest:
        case "GET", []:
            return JSONResponse(_information(store, repo, commit_of(store, repo, "main"), request))
        case "GET", ["revision", revision]:
            return JSONResponse(_information(store, repo, commit_of(store, repo, revision), request))
        case "GET", ["auth-check"]:
            require_files(repo, account)
            return JSONResponse({})
        case "GET", ["auth-check", "write"]:
            require_write(account, repo.id)
            return JSONResponse({})
        case "GET", ["tree", revision, *folders]:
            require_files(repo, account)
            return _tree(repo, commit_of(store, repo, revision), "/".join(folders).strip("/"), request)
        case "POST", ["paths-info", revision]:
            form = await request.form()
            return JSONResponse(_paths(commit_of(store, repo, revision), [str(path) for path in form.getlist("paths")]))
        case "GET", ["refs"]:
            return references(repo)
        case "GET", ["commits", revision]:
            commit_of(store, repo, revision)
            history = [
                {"id": c.id, "title": c.title, "message": "", "date": c.date, "authors": [{"user": c.author}]}
                for c in store.history(repo, revision)
            ]
            return JSONResponse(history)
        case "GET", ["runtime"]:
            return JSONResponse({"stage": "STOPPED", "hardware": {"current": None, "requested": "cpu-basic"}})
        case "GET", ["discussions"]:
            return discussions(repo, request)
        case "PUT", ["settings"]:
            require_write(account, repo.id)
            body = await request.json()
            repo.gated = body.get("gated", repo.gated)
            repo.private = body.get("visibility", "private" if repo.private else "public") == "private"
            store.save(repo)
            return JSONResponse({})
        case ("POST" | "DELETE") as method, [("branch" | "tag") as what, *name]:
            require_write(account, repo.id)
            return change_reference(method, what, "/".join(name), await request.body(), store, repo)
    raise HubError(404, f"no such route: {request.method} {request.url.path}")


def _information(store: Store, repo: Repo, commit: Commit, request: Request) -> dict[str, Any]:
    blobs = request.query_params.get("blobs") == "true"
    siblings: list[dict[str, Any]] = []
    for path, entry in commit.files.items():
        more: dict[str, Any] = {"size": entry.size, "blobId": entry.oid} if blobs else {}
        if blobs and entry.large:
            more["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": 130}
        siblings.append({"rfilename": path} | more)
    card = _card_data(store, commit)
    return {
        "id": repo.id, "sha": commit.id, "author": repo.owner, "lastModified": commit.date, "createdAt": repo.created,
        "private": repo.private, "gated": repo.gated, "disabled": False, "downloads": 0, "likes": 0,
        "tags": card.get("tags") or [], "siblings": siblings, "cardData": card, "sdk": repo.sdk,
        "library_name": card.get("library_name"), "pipeline_tag": card.get("pipeline_tag"),
    }  # fmt: skip


def _card_data(store: Store, commit: Commit) -> dict[str, Any]:
    if "README.md" not in commit.files:
        return {}
    text = store.content(commit.files["README.md"]).decode()
    try:
        found = yaml.safe_load(text.split("\n---", 1)[0][4:]) if text.startswith("---\n") else {}
    except yaml.YAMLError:
        found = {}
    return found if isinstance(found, dict) else {}


def _file(path: str, entry: Entry) -> dict[str, Any]:
    large = {"lfs": {"oid": entry.sha256, "size": entry.size, "pointerSize": 130}} if entry.large else {}
    return {"type": "file", "path": path, "size": entry.size, "oid": entry.oid} | large


def _folders(commit: Commit) -> set[str]:
    return {path[:end] for path in commit.files for end, letter in enumerate(path) if letter == "/"}


def _tree(repo: Repo, commit: Commit, folder: str, request: Request) -> Response:
    """One page of a listing; the next one is named by a Link header."""
    if folder and folder not in _folders(commit):
        raise entry_not_found(folder, commit.id)
    below = f"{folder}/" if folder else ""
    listed = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in _folders(commit)]
    listed += [_file(path, entry) for path, entry in commit.files.items()]
    listed = [item for item in listed if item["path"].startswith(below) and item["path"] != folder]
    if request.query_params.get("recursive") != "true":
        listed = [item for item in listed if "/" not in item["path"][len(below) :]]
    if request.query_params.get("expand") == "true":
        for item in listed:
            item["lastCommit"] = {"id": commit.id, "title": commit.title, "date": commit.date}
    listed.sort(key=lambda item: item["path"])
    begin, size = int(request.query_params.get("cursor", 0)), int(request.query_params.get("limit", 1000))
    headers = {}
    if begin + size < len(listed):
        query = urlencode(dict(request.query_params) | {"cursor": begin + size})
        headers["Link"] = f'<{request.url.replace(query=query)}>; rel="next"'
    return JSONResponse(listed[begin : begin + size], headers=headers)


def _paths(commit: Commit, paths: list[str]) -> list[dict[str, Any]]:
    found = [_file(path, commit.files[path]) for path in paths if path in commit.files]
    folders = [path for path in paths if path in _folders(commit)]
    return found + [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders]


async def listing(kind: str, request: Request, store: Store, account: Account | None) -> Response:
    """Repositories one may see."""
    author, search = request.query_params.get("author"), request.query_params.get("search", "")
    seen = [repo for repo in store.repos(kind) if not repo.private or (account and account.belongs_to(repo.owner))]
    seen = [repo for repo in seen if author in (None, repo.owner) and search in repo.id]
    return JSONResponse([_information(store, repo, commit_of(store, repo, "main"), request) for repo in seen])


async def page(kind: str, repo_id: str, store: Store, account: Account | None) -> Response:
    """The card of a repository, for a browser."""
    repo = readable(store, kind, repo_id, account)
    files = commit_of(store, repo, "main").files
    card = store.content(files["README.md"]).decode() if "README.md" in files else "There is no card."
    return PlainTextResponse(card)
