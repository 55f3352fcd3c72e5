"""A model's repository as it is at one commit."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from huggingface_hub import HfApi

from hf_ssl.errors import UserError

CARD, RESULTS = "README.md", "results.json"
WEIGHTS = (".safetensors", ".bin")


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
        files = [file.rfilename for file in information.siblings or ()]
        return cls(api, model_id, str(information.sha), bool(information.private), files)

    def read(self, name: str) -> str:
        """A text file; empty where there is none."""
        if name not in self.files:
            return ""
        with tempfile.TemporaryDirectory() as cache:  # a cache that lasts would hide what has gone wrong
            path = self.api.hf_hub_download(self.id, name, revision=self.head, cache_dir=cache)
            return Path(path).read_bytes().decode(errors="replace")

    def results(self) -> dict[str, Any]:
        """The results of the run that was published here; empty where there are none that can be read."""
        try:
            found = json.loads(self.read(RESULTS) or "{}")
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}

    def check_owner(self, run: str) -> None:
        """Refuse to overwrite a model that another run published.

        Raises:
            UserError: if there is one.
        """
        holds_model = RESULTS in self.files or any(name.endswith(WEIGHTS) for name in self.files)
        if holds_model and self.results().get("run") != run:
            raise UserError(
                f"{self.id} holds a model that another run published, which is left as it is; give another --hub_model_id, "
                "or train without --push_to_hub and then use scripts/publish.py with --replace"
            )
