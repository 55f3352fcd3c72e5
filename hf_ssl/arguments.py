"""Command lines out of dataclasses: a YAML file gives defaults, the command line wins."""

import argparse
import contextlib
import dataclasses
import difflib
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml
from transformers import HfArgumentParser

from hf_ssl.errors import UserError


class ArgumentParser(HfArgumentParser):
    """HfArgumentParser whose errors are one sentence that names the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and leave with status 2."""
        print(f"{self.prog}: {message} (--help lists all flags)", file=sys.stderr)
        raise SystemExit(2)

    def flags(self) -> list[str]:
        """Names of all flags, without dashes."""
        return [action.dest for action in self._actions if action.dest != "help"]

    def unknown(self, name: str, place: str) -> str:
        """Sentence about an unknown name, with the nearest known one."""
        near = difflib.get_close_matches(name, self.flags(), n=1, cutoff=0.5)
        return f"unknown key '{name}' in {place}" + (f"; did you mean '{near[0]}'?" if near else "")


def parse_arguments(
    types: Sequence[Any],
    arguments: Sequence[str],
    description: str,
    defaults: dict[str, Any] | None = None,
    positional: str | None = None,
) -> tuple[Any, ...]:
    """Parse flags into one instance of each dataclass in ``types``.

    Args:
        types: dataclasses whose fields are the flags.
        arguments: the command line without the program's name; ``--config FILE`` names a flat YAML file.
        description: shown by ``--help``.
        defaults: instead of those of the dataclasses.
        positional: name of a path that must be given without a flag.

    Returns:
        One instance of each type, in order; then that path.

    Raises:
        SystemExit: with status 2 after one sentence, if a flag or a key of the file is unknown or has no valid value.
    """
    parser = ArgumentParser(list(types), description=description, allow_abbrev=False)
    parser.add_argument("--config", type=Path, help="Flat YAML file of defaults; the command line wins.")
    parser.set_defaults(**(defaults or {}))
    if positional:
        parser.add_argument(positional, type=Path)
    given, _ = parser.parse_known_args(list(arguments))
    from_file = _read_yaml(given.config, parser) if given.config else []
    parsed, rest = parser.parse_known_args([*from_file, *arguments])
    if rest:
        unknown = [word for word in rest if word.startswith("--")]
        if unknown:
            parser.error(parser.unknown(unknown[0][2:].split("=")[0], "the command line"))
        parser.error(f"unexpected words on the command line: {' '.join(rest)}")
    try:
        built = tuple(_build(kind, parsed) for kind in types)
    except UserError as error:
        parser.error(str(error))
    return (*built, getattr(parsed, positional)) if positional else built


def value_given(name: str, arguments: Sequence[str]) -> str | None:
    """What the command line, or else the file that ``--config`` names, says of one flag; nothing is checked."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(f"--{name}")
    parser.add_argument("--config", type=Path)
    known, _ = parser.parse_known_args(list(arguments))
    value = getattr(known, name)
    if value is None and known.config is not None and known.config.is_file():
        with contextlib.suppress(yaml.YAMLError, UnicodeDecodeError, AttributeError):  # the real parsing tells
            value = (yaml.safe_load(known.config.read_text()) or {}).get(name)
    return None if value is None else str(value)


def _build(kind: Any, parsed: Namespace) -> Any:
    return kind(**{field.name: getattr(parsed, field.name) for field in dataclasses.fields(kind) if field.init})


def _read_yaml(path: Path, parser: ArgumentParser) -> list[str]:
    """Turn a flat YAML mapping into words of a command line, so that both are converted alike."""
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        parser.error(f"cannot read the configuration {path}: {error.strerror}")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        parser.error(f"the configuration {path} is not YAML: {' '.join(str(error).split())}")
    if not isinstance(content, dict):
        parser.error(f"the configuration {path} must be a flat mapping of flag names to values")
    words: list[str] = []
    several = {action.dest for action in parser._actions if action.nargs == "+"}
    for key, value in content.items():
        if key not in parser.flags() or key == "config":
            parser.error(parser.unknown(str(key), str(path)))
        if isinstance(value, list) and key in several:
            words += [f"--{key}", *map(str, value)]
        elif isinstance(value, dict | list):
            parser.error(f"the value of '{key}' in {path} must be a single number or word")
        elif value is not None:
            words.append(f"--{key}={value}")
    return words
