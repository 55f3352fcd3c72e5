"""What of a run is nobody else's business: where files lie on one's own disk."""

import re
import shlex
from pathlib import Path
from typing import Any


def without_private_paths(results: dict[str, Any]) -> dict[str, Any]:
    """Results for others: local data and models by name only, no list of files, no names of rows."""
    data = {name: value for name, value in results["data"].items() if name not in ("files", "skipped_examples")}
    if not data["on_hub"]:
        data["name"] = last_part(data["name"])
    model = dict(results["model"])
    if not model["base_on_hub"]:
        model["base"] = last_part(model["base"])
    settings = {name: last_part(value) for name, value in results.get("settings", {}).items()}
    words = [_shared_word(word) for word in shlex.split(results["command"])]
    shared = {"data": data, "model": model, "command": shlex.join(words)}
    return results | shared | ({"settings": settings} if settings else {})


def last_part(value: Any) -> Any:
    """The name of what lies at an absolute path; anything else as it is."""
    return Path(value).name if isinstance(value, str) and value.startswith(("/", "~")) else value


def _shared_word(word: str) -> str:
    flag, sign, value = word.partition("=")
    if word.startswith("--") and sign:
        return f"{flag}={last_part(value)}"
    script = re.search(r"scripts/[\w-]+\.py$", word)
    return script.group() if script else str(last_part(word))
