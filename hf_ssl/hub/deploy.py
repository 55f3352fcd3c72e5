"""Deploy the demo as a Space: everything is computed here, one commit brings it there."""

import shlex
import tempfile
from pathlib import Path

from huggingface_hub import HfApi

from hf_ssl.demo.arguments import DemoArguments
from hf_ssl.demo.choosing import find_comparison
from hf_ssl.demo.difference import part_of
from hf_ssl.demo.opening import Opened, open_demo, save_demo
from hf_ssl.demo.panel import Panel
from hf_ssl.errors import UserError, in_one_line
from hf_ssl.hub.access import open_writable, with_owner
from hf_ssl.hub.arguments import SpaceArguments
from hf_ssl.hub.download import asking
from hf_ssl.hub.repository import CARD, KEPT, Published, Repository, keep_at_it
from hf_ssl.hub.space import RECORD, space_files
from hf_ssl.patience import BRIEF, LONG, patiently
from hf_ssl.training.run_folder import RunFolder


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
        UserError: for whatever the user can mend.
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
    panels = [panel for panel in (opened.demo.text, opened.demo.images) if panel is not None]
    for panel in panels:
        if panel.source not in what.dataset:
            _check_data(api, panel.source, where.private)
    parts = _parts(panels, [Path(folder) for folder in where.comparison])
    # Only now, so that what is refused leaves no empty Space behind.
    repository = open_writable(api, space, "space", where.private, lambda there: _check_made_here(there, where.replace))
    with tempfile.TemporaryDirectory() as folder:
        save_demo(Opened(opened.demo, parts), Path(folder))
        models = [run for panel in panels for run in panel.runs]
        contents = space_files(Path(folder), models, [panel.source for panel in panels])

        def attempt() -> Published:
            now = Repository.look(api, repository.id, "space")
            _check_made_here(now, where.replace)
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
    if name.startswith("embedded:"):
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
    """Figures of each panel; nothing of a comparison that was not named."""
    for folder in comparisons:
        if not RunFolder.existing(folder).results.exists():
            raise UserError(f"{folder} holds no finished comparison; leave it out of --comparison")
        if not any(find_comparison(panel.data, [folder]) for panel in panels):
            raise UserError(f"{folder} compares on no rows that the Space shows; leave it out of --comparison")
    return [part_of(panel, find_comparison(panel.data, comparisons)) for panel in panels]


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
