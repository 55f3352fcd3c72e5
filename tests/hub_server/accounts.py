"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from .answers import HubError, repo_not_found
from .store import Repo, Store


@dataclass(frozen=True)
class Account:
    """The owner of a token; ``role``: "read" or "write"."""

    name: str
    role: str


@dataclass
class Accounts:
    """Tokens that are valid now; taking one out revokes it."""

    tokens: dict[str, Account] = field(default_factory=dict)

    def of(self, request: Request) -> Account | None:
        """Whose token a request carries; None without one."""
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            return None
        account = self.tokens.get(header.removeprefix("Bearer "))
        if account is None:
            raise HubError(401, "Invalid credentials in Authorization header")
        return account


def require_account(account: Account | None) -> Account:
    if account is None:
        raise HubError(401, "You must be logged in")
    return account


def require_write(account: Account | None, owner: str) -> Account:
    """Refuse read tokens and other people's namespaces."""
    account = require_account(account)
    if account.role != "write":
        raise HubError(403, "This token has no write permission")
    if account.name != owner:
        raise HubError(403, f"You don't have the rights to create or change a repository of {owner}")
    return account


def readable(store: Store, kind: str, repo_id: str, account: Account | None) -> Repo:
    """The repository, if this account may see it."""
    repo = store.repo(kind, repo_id)
    if repo is None or (repo.private and (account is None or account.name != repo.owner)):
        raise repo_not_found(account is not None)
    return repo


def require_files(repo: Repo, account: Account | None) -> None:
    """Files of a gated repository are for its owner only."""
    if repo.gated and (account is None or account.name != repo.owner):
        raise HubError(403 if account else 401, f"Access to {repo.id} is restricted", "GatedRepo")
