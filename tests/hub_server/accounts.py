"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from .answers import HubError, repo_not_found
from .store import Repo, Store


@dataclass(frozen=True)
class Account:
    """The owner of a token.

    ``role``: of the token, "read", "write" or "fineGrained"; ``organisations``: name -> role in it; ``scopes``: of a
    fine-grained token, name of an owner or a repository -> permissions.
    """

    name: str
    role: str
    organisations: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def belongs_to(self, owner: str) -> bool:
        return owner == self.name or owner in self.organisations

    def may_write(self, owner: str, repo_id: str) -> bool:
        if self.role == "fineGrained":
            return any("repo.write" in self.scopes.get(scope, ()) for scope in (owner, repo_id))
        return owner == self.name or self.organisations.get(owner) in ("contributor", "write", "admin")

    def may_ask(self, owner: str, repo_id: str) -> bool:
        """Whether a pull request may be made, to a repository that the account sees."""
        if self.role == "fineGrained":
            given = [*self.scopes.get(owner, ()), *self.scopes.get(repo_id, ())]
            return bool({"discussion.write", "repo.write"} & set(given))
        return self.role == "write"


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


def require_write(account: Account | None, repo_id: str) -> Account:
    """Refuse read tokens, what fine-grained tokens do not cover, and other people's namespaces."""
    account, owner = require_account(account), repo_id.split("/")[0]
    if account.role == "read":
        raise HubError(403, "This token has no write permission")
    if not account.may_write(owner, repo_id):
        raise HubError(403, f"You don't have the rights to create or change a repository of {owner}")
    return account


def require_change(account: Account | None, repo: Repo, revision: str, create_pr: bool) -> Account:
    """Refuse whoever may not commit: to a pull request of their own, or a new one, all may who may ask."""
    asked = require_account(account)
    own = repo.pulls.get(revision, {}).get("author") == asked.name
    if create_pr or own:
        if not asked.may_ask(repo.owner, repo.id):
            raise HubError(403, "This token may not open pull requests")
        return asked
    return require_write(account, repo.id)


def readable(store: Store, kind: str, repo_id: str, account: Account | None) -> Repo:
    """The repository, if this account may see it."""
    repo = store.repo(kind, repo_id)
    if repo is None or (repo.private and (account is None or not account.belongs_to(repo.owner))):
        raise repo_not_found(account is not None)
    return repo


def require_files(repo: Repo, account: Account | None) -> None:
    """Files of a gated repository are for its owner only."""
    if repo.gated and (account is None or not account.belongs_to(repo.owner)):
        raise HubError(403 if account else 401, f"Access to {repo.id} is restricted", "GatedRepo")
