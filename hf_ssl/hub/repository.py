"""A model's repository as it is at one commit."""

import json
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Self

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from hf_ssl.errors import UserError

CARD, RESULTS = "README.md", "results.json"
WEIGHTS = ("*.safetensors", "*.bin")


@dataclass(frozen=True)
class Repository:
    """What one looks at before one commits on top of it.

    Attributes:
        api: of the Hub.
        id: owner/name.
        head: the newest commit of the default branch.
        private: whether only its owner sees it.
        files: names.
    """

    api: HfApi
    id: str
    head: str
    private: bool
    files: list[str]

    @classmethod
    def look(cls, api: HfApi, model_id: str) -> Self:
        """Read the newest state."""
        information = api.model_info(model_id)
        head = str(information.sha)
        files = [f.path for f in api.list_repo_tree(model_id, recursive=True, revision=head) if isinstance(f, RepoFile)]
        return cls(api, model_id, head, bool(information.private), files)

    def read(self, name: str) -> str:
        """A text file; empty where there is none."""
        if name not in self.files:
            return ""
        with tempfile.TemporaryDirectory() as cache:  # a cache that lasts would hide what has gone wrong
            path = self.api.hf_hub_download(self.id, name, revision=self.head, cache_dir=cache)
            return Path(path).read_text()

    def check_owner(self, run: str) -> None:
        """Refuse to overwrite a model that another run published.

        Raises:
            UserError: if there is one.
        """
        published = self.read(RESULTS)
        try:
            owner = json.loads(published or "{}").get("run")
        except (ValueError, AttributeError):
            owner = None
        holds_model = bool(published) or any(fnmatch(name, pattern) for name in self.files for pattern in WEIGHTS)
        if holds_model and owner != run:
            raise UserError(
                f"{self.id} holds a model that another run published, which is left as it is; give another --hub_model_id, "
                "or train without --push_to_hub and then use scripts/publish.py with --replace"
            )
