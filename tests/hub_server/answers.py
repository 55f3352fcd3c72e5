"""Answers as the clients expect them: for errors the headers decide, because HEAD has no body."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response


class HubError(Exception):
    """An answer that is not a success; raised anywhere, sent by the application."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers

    def response(self) -> Response:
        headers = {name.replace("_", "-"): value for name, value in self.headers.items()}
        headers["X-Error-Message"] = self.message
        if self.code:
            headers["X-Error-Code"] = self.code
        return JSONResponse({"error": self.message}, self.status, headers)


def repo_not_found(authenticated: bool) -> HubError:
    """Missing, or private and somebody else's: an outsider cannot tell which."""
    return HubError(404 if authenticated else 401, "Repository not found", "RepoNotFound")


def revision_not_found(revision: str) -> HubError:
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(path: str, commit: str) -> HubError:
    return HubError(404, f"{path} does not exist", "EntryNotFound", X_Repo_Commit=commit)
