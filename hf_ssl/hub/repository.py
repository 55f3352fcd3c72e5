"""The state of a repository at one commit, and a commit on top of it."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError

from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.patience import AskedToWaitError, patiently, status_of

CARD, RESULTS = "README.md", "results.json"
WEIGHTS = (".safetensors", ".bin")
PULL_REQUESTS = "refs/pr/"
KEPT = {".gitattributes"}  # whatever is replaced
Kind = Literal["model", "space"]


class StaleError(Exception):
    """Somebody made a commit between reading and committing."""


@dataclass(frozen=True)
class Published:
    """The outcome of publishing.

    Attributes:
        url: of the repository's page.
        commit: the newest one.
        changed: whether that commit was made now.
    """

    url: str
    commit: str
    changed: bool


def tell(published: Published) -> None:
    """Print the outcome."""
    done = "published" if published.changed else "nothing to publish, everything is up to date"
    print(f"{done}: {published.url} at {published.commit}")


def keep_at_it(attempt: Callable[[], Published], seconds: float, failed: Callable[[str], str]) -> Published:
    """Try until the attempt succeeds or ``seconds`` have passed.

    Args:
        attempt: reads the repository and commits on top of it; may be called again after any failure.
        seconds: in all.
        failed: what went wrong -> a sentence that says what to do.

    Raises:
        UserError: what the attempt refuses, or that sentence.
    """
    try:
        # After 412 the repository is read again: another run's model is left alone, other changes are built upon.
        return patiently(attempt, seconds, also=(StaleError,))
    except Exception as error:  # the client's own errors and those of its transports share no class
        if isinstance(error, UserError) and not isinstance(error, AskedToWaitError):
            raise
        raise UserError(failed(in_one_line(error))) from error


@dataclass(frozen=True)
class Address:
    """Where a commit goes to.

    Attributes:
        id: owner/name.
        kind: of what is there.
        branch: None for the default branch.
    """

    id: str
    kind: Kind = "model"
    branch: str | None = None


@dataclass(frozen=True)
class Repository:
    """The state of a repository that a commit is made on top of.

    Attributes:
        api: of the Hub.
        id: owner/name.
        head: the newest commit of the default branch.
        private: whether only its owner sees it.
        files: names.
        kind: of what it holds.
        branch: that is committed to; None for the default branch.
        pull_request: title of the pull request to make or to go on with; None commits to the branch itself.
    """

    api: HfApi
    id: str
    head: str
    private: bool
    files: list[str]
    kind: Kind = "model"
    branch: str | None = None
    pull_request: str | None = None

    @classmethod
    def look(
        cls,
        api: HfApi,
        repo_id: str,
        kind: Kind = "model",
        branch: str | None = None,
        pull_request: str | None = None,
    ) -> Self:
        """Return the newest state of a branch, or of the pull request by this title, if it is open."""
        if pull_request is not None:
            found = api.get_repo_discussions(
                repo_id, repo_type=kind, discussion_type="pull_request", discussion_status="open"
            )
            branch = next((each.git_reference for each in found if each.title == pull_request), branch)
        information: Any = api.repo_info(repo_id, repo_type=kind, revision=branch)
        files = [file.rfilename for file in information.siblings or ()]
        return cls(api, repo_id, str(information.sha), bool(information.private), files, kind, branch, pull_request)

    def again(self) -> Self:
        """Return the newest state of the same place."""
        branch = None if self.in_pull_request else self.branch
        return self.look(self.api, self.id, self.kind, branch, self.pull_request)

    @property
    def in_pull_request(self) -> bool:
        """Return whether this is the state of an open pull request."""
        return (self.branch or "").startswith(PULL_REQUESTS)

    @property
    def url(self) -> str:
        """Return the page's address."""
        page = f"{self.api.endpoint}/{'spaces/' if self.kind == 'space' else ''}{self.id}"
        if self.in_pull_request:
            return f"{page}/discussions/{str(self.branch).removeprefix(PULL_REQUESTS)}"
        return f"{page}/tree/{self.branch}" if self.branch else page

    def read(self, name: str) -> str:
        """Return the text of a file; empty if there is none."""
        if name not in self.files:
            return ""
        with tempfile.TemporaryDirectory() as cache:  # a cache that lasts would hide what has gone wrong
            path = self.api.hf_hub_download(self.id, name, revision=self.head, cache_dir=cache, repo_type=self.kind)
            return Path(path).read_bytes().decode("utf-8-sig", errors="replace")

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file; empty if there is none that can be read."""
        try:
            found = json.loads(self.read(name) or "{}")
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}

    def commit(self, contents: Mapping[str, Path | bytes], gone: Iterable[str], message: str) -> Published:
        """Make one commit on top of this state, or none if it would change nothing.

        Args:
            contents: name -> file or content.
            gone: names to remove, if they exist.
            message: of the commit.

        Raises:
            StaleError: if this is no longer the newest state.
        """
        removals = [CommitOperationDelete(name) for name in sorted(set(gone) & set(self.files))]
        additions = [CommitOperationAdd(*item) for item in contents.items()]
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "It seems that you are about to commit a data file")  # a Space's rows
                commit = self.api.create_commit(
                    self.id,
                    [*additions, *removals],
                    commit_message=message if self.pull_request is None else self.pull_request,
                    parent_commit=self.head,
                    repo_type=self.kind,
                    revision=self.branch,
                    create_pr=self.pull_request is not None and not self.in_pull_request,
                )
        except HfHubHTTPError as error:
            if status_of(error) == 412:
                raise StaleError(f"{self.id} changed in the meantime") from error
            raise
        return Published(commit.pr_url or self.url, commit.oid, changed=commit.oid != self.head)

    def check_owner(self, run: str) -> None:
        """Refuse to overwrite a model that another run published.

        Raises:
            UserError: if there is one.
        """
        holds_model = RESULTS in self.files or any(name.endswith(WEIGHTS) for name in self.files)
        if holds_model and self.read_json(RESULTS).get("run") != run:
            raise UserError(
                f"{self.id} holds a model that another run published, which is never overwritten unless you ask for it; give "
                "another --hub_model_id, or train without --push_to_hub and then run scripts/publish.py with --replace"
            )
