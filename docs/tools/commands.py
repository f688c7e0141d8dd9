"""Write docs/commands.md: every command with its options, and every exit code."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from cli.exit_codes import ExitCode
from cli.parser import build
from docs.tools.parts import DOCS, rewritten, table

PAGE = DOCS / "commands.md"
EVERYWHERE = {"--help", "--db", "--config", "--new-store", "--set"}
"""Options of nearly every command, which the page explains once."""

PLAIN = {"--json", "--yes"}
"""Options that need no words: where a command has no other ones, its usage shows them."""


def page() -> str:
    """Return the whole page."""
    writers = {"commands": _groups, "exit codes": _exit_codes}
    return rewritten(PAGE, lambda name, _: writers[name]())


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parser of every command that runs something, in the order of the grammar."""
    for child in _below(parser):
        yield from [child] if child.get_default("run") else commands(child)


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def _exit_codes() -> str:
    return table(("code", "meaning"), [(str(int(one)), one.description) for one in ExitCode])


def _groups() -> str:
    """Write each noun with its commands, and at the end the commands without one."""
    whole = build()
    nouns = [one for one in _below(whole) if not one.get_default("run")]
    others = [one for one in _below(whole) if one.get_default("run")]
    sections = [
        f"## {noun.prog}\n\n{noun.description}\n\n{_group([*commands(noun)])}" for noun in nouns
    ]
    return "\n".join([*sections, f"## Other commands\n\n{_group(others)}"])


def _group(members: list[argparse.ArgumentParser]) -> str:
    rows = [(f"`{_usage(one)}`", _words(one)) for one in members]
    explained = [one for one in members if _is_explained(one)]
    return "\n".join([table(("command", "what it does"), rows), *map(_section, explained)])


def _is_explained(command: argparse.ArgumentParser) -> bool:
    """Return whether it has options that need words."""
    return any({*one.option_strings} - PLAIN for one in _own(command))


def _words(command: argparse.ArgumentParser) -> str:
    text = command.description or ""
    return f"{text[0].lower()}{text[1:].removesuffix('.')}"


def _usage(command: argparse.ArgumentParser) -> str:
    own = _own(command)
    words = [_positional(one) for one in own if not one.option_strings]
    options = [f"[{one.option_strings[-1]}]" for one in own if one.option_strings]
    return " ".join([command.prog, *words, *(["[OPTIONS]"] if _is_explained(command) else options)])


def _section(command: argparse.ArgumentParser) -> str:
    """Write the arguments and options of a command, and what its help says at the end."""
    rows = [(_name(one), _help(one)) for one in _own(command)]
    epilog = f"\n{command.epilog}\n" if command.epilog else ""
    return f"### {command.prog}\n\n{table(('option', 'what it does'), rows)}{epilog}"


def _own(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments of a command, and then its options."""
    own = [one for one in command._actions if not EVERYWHERE.intersection(one.option_strings)]
    return sorted(own, key=lambda action: bool(action.option_strings))


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_metavar(action)}`"
    value = "" if action.nargs == 0 else f" {_metavar(action)}"
    return f"`{action.option_strings[-1]}{value}`"


def _positional(action: argparse.Action) -> str:
    name = _metavar(action)
    if action.nargs == "+" and " " not in name:
        return f"{name}..."
    return {"?": f"[{name}]", "*": f"[{name}...]"}.get(str(action.nargs), name)


def _metavar(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%")
    if not action.choices:
        return text
    *first, last = map(str, action.choices)
    return f"{text}: {', '.join(first)} or {last}"
