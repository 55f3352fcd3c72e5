"""The registry of tasks (the files of this folder), and the pairing of a task with a modality, which defines a run."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hf_ssl import pretext
from hf_ssl.common.errors import UserError
from hf_ssl.modalities.known import MODALITIES, flags_of, modality_class
from hf_ssl.pretext.base import PretextTask

if TYPE_CHECKING:  # --help must not import torch
    from hf_ssl.modalities.base import Modality

NO_TASKS = {"base", "pairing", "parts"}


def task_names() -> list[str]:
    """Return the names of all tasks, in alphabetical order."""
    return sorted({module.name for module in pkgutil.iter_modules(pretext.__path__)} - NO_TASKS)


def task_class(name: str) -> type[PretextTask]:
    """Return the class of a task, such as ``MaskedImage`` for the file ``masked_image``.

    Raises:
        UserError: if there is no such task.
    """
    if name not in task_names():
        raise UserError(f"there is no task '{name}'; choose one of {', '.join(task_names())}")
    found = getattr(importlib.import_module(f"hf_ssl.pretext.{name}"), "".join(map(str.capitalize, name.split("_"))))
    assert issubclass(found, PretextTask)
    return found


@dataclass
class PairingChoice:
    """Flags of the task and the kind of data."""

    _argument_group_name = "task"

    task: str | None = field(
        default=None, metadata={"help": f"One of {', '.join(task_names())}.", "default": "must be given"}
    )
    modality: str | None = field(
        default=None,
        metadata={"help": f"Kind of data: {' or '.join(MODALITIES)}.", "default": "what the data set holds"},
    )


@dataclass(frozen=True)
class Pairing:
    """A task on a modality.

    Attributes:
        task: the pretext task.
        modality: the kind of data, with its views.
    """

    task: PretextTask
    modality: Modality

    def __post_init__(self) -> None:
        for name, value in self.task.requires.items():
            if getattr(self.modality, name) != value:
                raise UserError(f"{self.task.name} needs --{name} {value}, not {getattr(self.modality, name)}")
        self.task.check(self.modality)

    def settings(self) -> dict[str, Any]:
        """Return all flags of task, modality and views, and the names of both, from which `pair` recreates this."""
        views = vars(self.modality.views) if self.task.needs_views else {}
        own = {name: value for name, value in vars(self.modality).items() if name != "views"}
        return {"task": self.task.name, "modality": self.modality.name} | vars(self.task) | own | views

    @property
    def learning_rates(self) -> dict[str, float]:
        """Return the default peak learning rate of each optimizer."""
        rates = dict(self.modality.learning_rates)
        if self.modality.embeddings_alone:
            rates["adamw"] = rates["muon"]
        return rates | self.task.learning_rates


def modalities_of(task: type[PretextTask]) -> tuple[str, ...]:
    """Return the modalities that a task supports."""
    return tuple(MODALITIES) if task.modalities is None else task.modalities


def flag_types(task: str, modality: str) -> list[type[Any]]:
    """Return the dataclasses whose fields are the flags of a task on a modality.

    Raises:
        UserError: if the task does not support the modality.
    """
    chosen = task_class(task)
    if modality not in modalities_of(chosen):
        raise UserError(f"--task {task} is not for {modality} but for {', '.join(modalities_of(chosen))}")
    flags, views = flags_of(modality)
    return [chosen, flags, *([views] if chosen.needs_views else [])]


def defaults_of(task: str, modality: str) -> dict[str, Any]:
    """Return the defaults of flags, including those of training, that differ from those of the dataclasses."""
    chosen, (flags, _) = task_class(task), flags_of(modality)
    return flags.defaults | chosen.requires | chosen.defaults | flags.recipes.get(task, {})


def pair(task: str, modality: str, **settings: Any) -> Pairing:
    """Pair a task with a modality.

    Args:
        task: name of the task.
        modality: name of the modality.
        settings: flags of task, modality and views that differ from their defaults.

    Raises:
        UserError: if the task does not support the modality, or a flag has an invalid value.
    """
    chosen, *kinds = flag_types(task, modality)
    known = {each.name for kind in (chosen, *kinds) for each in dataclasses.fields(kind)}
    unknown = set(settings) - known
    if unknown:
        raise UserError(f"{task} on {modality} has no setting {', '.join(sorted(unknown))}")
    given = defaults_of(task, modality) | settings
    return pair_parsed(modality, [_build(kind, given) for kind in (chosen, *kinds)])


def pair_parsed(modality: str, parts: list[Any]) -> Pairing:
    """Build a pairing from parsed flags.

    Args:
        modality: name of the modality.
        parts: the task, flags of the modality and optionally of its views, in the order of `flag_types`.
    """
    task, flags, *views = parts
    options = {"views": views[0]} if views else {}
    return Pairing(task, modality_class(modality)(**vars(flags), **options))


def pair_recorded(record: dict[str, Any]) -> Pairing:
    """Rebuild a pairing from the record of a run: "task", "modality" and their flags, among others.

    Raises:
        UserError: if the task or the modality is unknown.
    """
    types = flag_types(record["task"], record["modality"])
    return pair_parsed(record["modality"], [_build(kind, record) for kind in types])


def _build(kind: type[Any], settings: dict[str, Any]) -> Any:
    names = {each.name for each in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in settings.items() if name in names})
