"""Deploy the demo as a Space: everything is computed here, one commit brings it there."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml
from huggingface_hub import HfApi

import hf_ssl
from hf_ssl.common.errors import UserError, in_one_line
from hf_ssl.common.patience import BRIEF, LONG, patiently
from hf_ssl.common.run_folder import RunFolder
from hf_ssl.data.embedded import PREFIX
from hf_ssl.demo.arguments import DemoArguments, SpaceArguments
from hf_ssl.demo.difference import part_of
from hf_ssl.demo.opening import Opened, open_demo, save_demo
from hf_ssl.demo.panel import Panel
from hf_ssl.demo.selection import find_comparison
from hf_ssl.hub.access import open_writable, with_owner
from hf_ssl.hub.download import asking
from hf_ssl.hub.repository import CARD, KEPT, Address, Published, Repository, keep_at_it
from hf_ssl.runs.owner_metadata import HEADER, merge_metadata, metadata_in
from hf_ssl.runs.pretrained import Pretrained

RECORD = "deployed.json"  # by which the Space is known again
INDEX = "index"
OWNERS = ("license", "short_description", "thumbnail", "pinned")  # metadata that only an owner sets
LOOKS = ("title", "emoji", "colorFrom", "colorTo", "header")  # the Hub fills them in when a Space is made
SOURCE = ("app.py", "requirements.txt", "page/*.js", "page/*.css")


def deploy(where: SpaceArguments, what: DemoArguments, api: HfApi, seconds: float = LONG) -> Published:
    """Bring a Space to the state that flags describe: app, package, page, and all that it would compute.

    All changes are one commit: after a failure anywhere the Space is in the old or the new state, and where it is in the new
    one already, no commit is made. The Space gets no token, so its models must be public.

    Args:
        where: the Space.
        what: is shown.
        api: of the Hub.
        seconds: for the commit, in all.

    Raises:
        UserError: for anything that the user can fix.
    """
    space = with_owner(api, str(where.space), "space")
    if what.run:
        raise UserError(
            f"{what.run[0]} is on this machine only; publish it with scripts/publish.py and name it with --model"
        )
    if not (what.model or what.dataset):
        raise UserError("there is nothing to show; name models of the Hub with --model, or a --dataset")
    for name in what.model:
        _check_model(api, name)
    for name in what.dataset:
        _check_data(api, name, where.private)
    opened = open_demo(what, api)
    panels = list(opened.demo.panels.values())
    for panel in panels:
        if panel.source not in what.dataset:
            _check_data(api, panel.source, where.private)
    parts = _parts(panels, [Path(folder) for folder in where.comparison])
    # Only now, so that what is refused leaves no empty Space behind.
    repository = open_writable(
        api, Address(space, "space"), where.private, lambda there: _check_made_here(there, where.replace)
    )
    with tempfile.TemporaryDirectory() as folder:
        save_demo(Opened(opened.demo, parts), Path(folder))
        models = [run for panel in panels for run in panel.runs]
        contents = space_files(Path(folder), models, [panel.source for panel in panels])
        written = contents[CARD]
        assert isinstance(written, bytes)

        def attempt() -> Published:
            now = repository.again()
            _check_made_here(now, where.replace)
            contents[CARD] = with_owner_metadata(written.decode(), now).encode()
            known = now.files if where.replace else now.read_json(RECORD).get("files", [])
            return now.commit(contents, set(known) - set(contents) - KEPT, "Deploy")

        def failed(how: str) -> str:
            return f"{repository.id} was not deployed ({how}); nothing there was changed, so try again: {_command(where, what)}"

        return keep_at_it(attempt, seconds, failed)


def _check_model(api: HfApi, name: str) -> None:
    if Path(name).exists():
        raise UserError(f"{name} is a folder; publish it with scripts/publish.py and name the model's id")
    with asking(api, name):
        information = patiently(lambda: api.model_info(name), BRIEF)
    if information.private or information.gated:
        kind = "private" if information.private else "gated"
        raise UserError(f"'{name}' is {kind}, and a Space has no token to read it with; make it public or leave it out")


def _check_data(api: HfApi, name: str, private: bool) -> None:
    """Rows are copied into the Space."""
    if name.startswith(PREFIX):
        return
    if Path(name).exists():
        raise UserError(f"'{name}' is on this machine only; put it on the Hub, or name another --dataset")
    try:
        information = patiently(lambda: api.dataset_info(name), BRIEF)
    except Exception as error:  # the client's own errors and those of its transports share no class
        raise UserError(f"cannot read the data set '{name}': {in_one_line(error)}") from error
    if (information.private or information.gated) and not private:
        raise UserError(f"'{name}' is not open to all, and the Space would show its rows; give --private true")


def _parts(panels: list[Panel], comparisons: list[Path]) -> list[dict[str, object]]:
    """Return figures of each panel; nothing of a comparison that was not named."""
    for folder in comparisons:
        if not RunFolder.existing(folder).results.exists():
            raise UserError(f"{folder} holds no finished comparison; leave it out of --comparison")
        if not any(find_comparison(panel, [folder]) for panel in panels):
            raise UserError(f"{folder} compares on no rows that the Space shows; leave it out of --comparison")
    return [part_of(panel, find_comparison(panel, comparisons)) for panel in panels]


def _check_made_here(there: Repository, replace: bool) -> None:
    if set(there.files) - KEPT - {CARD} and RECORD not in there.files and not replace:
        raise UserError(
            f"{there.id} is a Space that something else made, which is left as it is; give another --space, or --replace"
        )


def _command(where: SpaceArguments, what: DemoArguments) -> str:
    words = ["python", "scripts/deploy_space.py"]
    for part in (where, what):
        for name, value in vars(part).items():
            if value not in (None, False, []) and value != getattr(type(part), name, None):
                words += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return shlex.join(words)


def space_files(index: Path, models: Sequence[Pretrained], datasets: Sequence[str]) -> dict[str, Path | bytes]:
    """Return all files of a deployed Space: name -> file or content. None of them says where anything lies on one's own disk.

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
    contents[CARD] = space_card((space / CARD).read_text(encoding="utf-8"), models, datasets).encode()
    record = {"made_by": f"{package.name} {hf_ssl.__version__}", "files": sorted(contents)}
    contents[RECORD] = (json.dumps(record, indent=1) + "\n").encode()
    return contents


def with_owner_metadata(card: str, there: Repository) -> str:
    """Return a card with the metadata that the owner of a Space added there, or changed where that breaks nothing."""
    theirs, ours = metadata_in(there.read(CARD), there.id), metadata_in(card, there.id)
    kept = OWNERS + (LOOKS if RECORD in there.files else ())  # once deployed, only the owner changes how it looks
    ours |= {key: theirs[key] for key in kept if key in theirs}
    merged = merge_metadata({key: value for key, value in theirs.items() if key not in ours}, {}, ours)
    text = yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n{HEADER.sub('', card)}"


def space_card(template: str, models: Sequence[Pretrained], datasets: Sequence[str]) -> str:
    """Return the card with the header that the Hub builds a Space by, which names what is shown.

    Args:
        template: with a header of its own.
        models: of the Hub.
        datasets: as one would open them.
    """
    _, header, body = template.split("---\n", 2)
    on_hub = [name for name in datasets if not name.startswith(PREFIX)]
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
    """Return id, files and commit: they are there before the app starts."""
    names = [path.name for path in sorted(model.path.iterdir()) if re.fullmatch(r"[\w.-]+", path.name)]
    return f"{model.name} {','.join(names)} {model.path.name}"
