"""The files of the Space: its header, the page, the package, and all that was computed beforehand."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

import hf_ssl
from hf_ssl.errors import UserError
from hf_ssl.hub.repository import CARD
from hf_ssl.pretrained import Pretrained

RECORD = "deployed.json"  # by which the Space is known again
INDEX = "index"
SOURCE = ("app.py", "requirements.txt", "page/*.js", "page/*.css")


def space_files(index: Path, models: Sequence[Pretrained], datasets: Sequence[str]) -> dict[str, Path | bytes]:
    """All files of a deployed Space: name -> file or content. None of them says where anything lies on one's own disk.

    Args:
        index: folder that `hf_ssl.demo.opening.save_demo` wrote.
        models: of the Hub.
        datasets: as one would open them.

    Raises:
        UserError: if the app is not beside the package.
    """
    package = Path(hf_ssl.__file__).parent
    space = package.parent / "spaces" / "ssl_vs_clustering"
    if not space.is_dir():
        raise UserError(f"there is no {space}; deploy from a copy of the whole project, not from an installed package")
    contents: dict[str, Path | bytes] = {
        path.relative_to(space).as_posix(): path for pattern in SOURCE for path in sorted(space.glob(pattern))
    }
    contents |= {f"{package.name}/{path.relative_to(package).as_posix()}": path for path in package.rglob("*.py")}
    contents |= {f"{INDEX}/{path.relative_to(index).as_posix()}": path for path in index.rglob("*") if path.is_file()}
    contents[CARD] = space_card((space / CARD).read_text(), models, datasets).encode()
    record = {"made_by": f"{package.name} {hf_ssl.__version__}", "files": sorted(contents)}
    contents[RECORD] = (json.dumps(record, indent=1) + "\n").encode()
    return contents


def space_card(template: str, models: Sequence[Pretrained], datasets: Sequence[str]) -> str:
    """The card with the header that the Hub builds a Space by, which names what is shown.

    Args:
        template: with a header of its own.
        models: of the Hub.
        datasets: as one would open them.
    """
    _, header, body = template.split("---\n", 2)
    on_hub = [name for name in datasets if not name.startswith("embedded:")]
    data = yaml.safe_load(header) | {"models": [model.name for model in models]}
    data |= ({"datasets": on_hub} if on_hub else {}) | {"preload_from_hub": [_preloaded(model) for model in models]}
    shown = [f"- model [{model.name}](https://huggingface.co/{model.name}) at {model.path.name}" for model in models]
    shown += [
        f"- rows of [{name}](https://huggingface.co/datasets/{name})" if name in on_hub else f"- rows of `{name}`"
        for name in datasets
    ]
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n{body.rstrip()}\n\n## Shown here\n\n" + "\n".join(shown) + "\n"


def _preloaded(model: Pretrained) -> str:
    """Id, files and commit: they are there before the app starts."""
    names = [path.name for path in sorted(model.path.iterdir()) if re.fullmatch(r"[\w.-]+", path.name)]
    return f"{model.name} {','.join(names)} {model.path.name}"
