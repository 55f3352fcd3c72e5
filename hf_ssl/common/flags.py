"""Command lines built from dataclasses; a YAML file can set defaults, and the command line takes precedence."""

from __future__ import annotations

import argparse
import contextlib
import copy
import dataclasses
import difflib
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml
from transformers import HfArgumentParser

from hf_ssl.common.errors import UserError


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Preserve the line breaks of a description, show one spelling of each flag, and describe each default in words."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        spelled = copy.copy(action)
        spelled.option_strings = action.option_strings[:1] if action.dest != "help" else action.option_strings
        return super()._format_action_invocation(spelled)

    def _get_help_string(self, action: argparse.Action) -> str:
        text = (action.help or "").replace("%", "%%")
        if action.dest in ("help", "config") or action.default is argparse.SUPPRESS or not action.option_strings:
            return text
        words = getattr(action, "default_words", None) or _in_words(action.default)
        return f"{text.rstrip('.')} (default: {words.replace('%', '%%')})." if words else text


def _in_words(default: Any) -> str:
    if default in (None, []):
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


class ArgumentParser(HfArgumentParser):
    """HfArgumentParser that reports errors in one sentence with the closest flag, and whose help shows each flag once.

    A field's metadata may describe its default in words, under "default".
    """

    def __init__(self, types: Iterable[Any], **options: Any) -> None:
        """Build the parser from dataclasses whose fields are the flags."""
        types = list(types)
        super().__init__(types, formatter_class=HelpFormatter, usage="%(prog)s [flags]", **options)
        words = {
            field.name: field.metadata["default"]
            for kind in types
            for field in dataclasses.fields(kind)
            if "default" in field.metadata
        }
        for action in self._actions:
            if any(option.startswith("--no_") for option in action.option_strings):
                action.help = argparse.SUPPRESS  # the flag itself accepts "false"
            action.default_words = words.get(action.dest)  # type: ignore[attr-defined] # read by the formatter
            if action.metavar is None and action.choices is None and action.option_strings and action.nargs != 0:
                action.metavar = _placeholder(action)

    def set_other_defaults(self, defaults: dict[str, Any]) -> None:
        """Set the defaults of those flags that there are, whose help then says the new value."""
        for action in self._actions:
            if action.dest in defaults:
                action.default, action.default_words = defaults[action.dest], None  # type: ignore[attr-defined] # ours

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with status 2."""
        print(f"{self.prog}: {message} (--help lists all flags)", file=sys.stderr)
        raise SystemExit(2)

    def flags(self) -> list[str]:
        """Return the names of all flags, without dashes."""
        return [action.dest for action in self._actions if action.dest != "help"]

    def unknown(self, name: str, place: str) -> str:
        """Return an error message for an unknown name, suggesting the closest known one."""
        near = difflib.get_close_matches(name, self.flags(), n=1, cutoff=0.5)
        return f"unknown key '{name}' in {place}" + (f"; did you mean '{near[0]}'?" if near else "")


def _placeholder(action: argparse.Action) -> str:
    names: dict[Any, str] = {int: "NUMBER", float: "NUMBER", Path: "PATH", str: "VALUE"}
    return names.get(action.type, "true|false" if isinstance(action.default, bool) else "VALUE")


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
        arguments: the command line without the program name; ``--config FILE`` names a flat YAML file.
        description: shown by ``--help``, line by line.
        defaults: override those of the dataclasses.
        positional: name of a required positional path.

    Returns:
        One instance of each type, in order, followed by the positional path if there is one.

    Raises:
        SystemExit: with status 2 after an error message, if a flag or a key of the file is unknown or its value is invalid.
    """
    parser = ArgumentParser(types, description=description, allow_abbrev=False)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="Flat YAML file of defaults; the command line overrides it."
    )
    parser.set_other_defaults(defaults or {})
    if positional:
        parser.add_argument(positional, type=Path)
    given, _ = parser.parse_known_args(list(arguments))
    from_file = _read_yaml(given.config, parser) if given.config else []
    parsed, rest = parser.parse_known_args([*from_file, *arguments])
    if rest:
        unknown = [word for word in rest if word.startswith("--")]
        if unknown:
            parser.error(parser.unknown(unknown[0][2:].split("=")[0], "the command line"))
        parser.error(f"unexpected arguments on the command line: {' '.join(rest)}")
    try:
        built = tuple(_build(kind, parsed) for kind in types)
    except UserError as error:
        parser.error(str(error))
    return (*built, getattr(parsed, positional)) if positional else built


def values_given(names: Sequence[str], arguments: Sequence[str]) -> dict[str, str]:
    """Return the unchecked values of some flags from the command line or, failing that, from the ``--config`` file."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}")
    parser.add_argument("--config", type=Path)
    known, _ = parser.parse_known_args(list(arguments))
    from_file: dict[str, Any] = {}
    if known.config is not None and known.config.is_file():
        with contextlib.suppress(yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError):  # reported by the parser
            from_file = dict(_words(known.config) or {})
    found = {name: getattr(known, name) or from_file.get(name) for name in names}
    return {name: str(_at_home(value)) for name, value in found.items() if value is not None}


def _build(kind: Any, parsed: Namespace) -> Any:
    return kind(
        **{field.name: _at_home(getattr(parsed, field.name)) for field in dataclasses.fields(kind) if field.init}
    )


def _at_home(value: Any) -> Any:
    """Return a path with the home folder in the place of ~, which shells only expand at the beginning of a word."""
    if isinstance(value, list):
        return [_at_home(each) for each in value]
    return os.path.expanduser(value) if isinstance(value, str) and value.startswith("~") else value


SWITCHED = {"on": "true", "off": "false"}  # in YAML 1.1


class Words(yaml.SafeLoader):
    """Reads YAML whose values stay words, as on the command line: `no` is no boolean; only null is none."""


Words.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in several if tag == "tag:yaml.org,2002:null"]
    for letter, several in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _words(path: Path) -> Any:
    """Return the content of a YAML file, whose values stay words."""
    loader = Words(path.read_text(encoding="utf-8"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _read_yaml(path: Path, parser: ArgumentParser) -> list[str]:
    """Turn a flat YAML mapping into command-line arguments, so that both are converted in the same way."""
    try:
        content = _words(path) or {}
    except OSError as error:
        parser.error(f"cannot read the configuration {path}: {error.strerror}")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        parser.error(f"the configuration {path} is not YAML: {' '.join(str(error).split())}")
    if not isinstance(content, dict):
        parser.error(f"the configuration {path} must be a flat mapping of flag names to values")
    words: list[str] = []
    several = {action.dest for action in parser._actions if action.nargs == "+"}
    switches = {action.dest for action in parser._actions if isinstance(action.default, bool)}
    for key, value in content.items():
        if key not in parser.flags() or key == "config":
            parser.error(parser.unknown(str(key), str(path)))
        if isinstance(value, list) and key in several:
            words += [f"--{key}", *map(str, value)]
        elif isinstance(value, dict | list):
            parser.error(f"the value of '{key}' in {path} must be a single number or string")
        elif value is not None:
            words.append(f"--{key}={SWITCHED.get(value.lower(), value) if key in switches else value}")
    return words
