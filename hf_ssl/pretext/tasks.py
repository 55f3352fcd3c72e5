"""Which tasks there are: the files of this folder."""

import importlib
import pkgutil
from dataclasses import dataclass, field

from hf_ssl import pretext
from hf_ssl.errors import UserError
from hf_ssl.pretext.base import PretextTask

NO_TASKS = {"base", "tasks"}


def task_names() -> list[str]:
    """Names of all tasks, in alphabetical order."""
    return sorted({module.name for module in pkgutil.iter_modules(pretext.__path__)} - NO_TASKS)


def task_class(name: str) -> type[PretextTask]:
    """The class of a task: in the file ``masked_image`` it is ``MaskedImage``.

    Raises:
        UserError: if there is no such task.
    """
    if name not in task_names():
        raise UserError(f"there is no task '{name}'; there are {', '.join(task_names())}")
    found = getattr(importlib.import_module(f"hf_ssl.pretext.{name}"), "".join(map(str.capitalize, name.split("_"))))
    assert issubclass(found, PretextTask)
    return found


@dataclass
class TaskChoice:
    """Which task."""

    _argument_group_name = "task"

    task: str | None = field(default=None, metadata={"help": f"One of {', '.join(task_names())}."})
