"""Grammar of `tocsin source ...`."""

from __future__ import annotations

from cli.parser import Commands, Parser, add_commands, add_json, add_leaf, add_yes, metavar_of
from domain.options import Option
from domain.source_kinds import KINDS

RUN = "cli.source.commands"
ADDABLE = tuple(kind.name for kind in KINDS if kind.is_addable)


def build(parser: Parser) -> None:
    """Add the commands about sources."""
    commands = add_commands(parser)
    listing = add_leaf(commands, "list", f"{RUN}:list_all", "list the sources and how they do")
    show = add_leaf(commands, "show", f"{RUN}:show", "show one source whole")
    _add(commands)
    _edit(commands)
    pause = add_leaf(
        commands, "pause", f"{RUN}:pause", "make sources inactive: no worker runs them"
    )
    unpause = add_leaf(commands, "unpause", f"{RUN}:unpause", "make sources active: they go on")
    delete = add_leaf(commands, "delete", f"{RUN}:delete", "forget sources and what they remember")
    add_yes(delete)
    for command in (pause, unpause, delete):
        command.add_argument("names", nargs="+", metavar="NAME", help="the source")
    run = add_leaf(commands, "run", f"{RUN}:run", "run one source in a process of its own")
    run.add_argument("--once", action="store_true", help="look once and end")
    for command in (show, run):
        command.add_argument("name", metavar="NAME", help="the source")
    for command in (listing, show):
        add_json(command)


def _add(commands: Commands) -> None:
    add = add_leaf(commands, "add", f"{RUN}:add", "make a source, which is active at once")
    add.add_argument("kind", choices=ADDABLE, help="what it watches or serves")
    add.add_argument(
        "name", nargs="?", metavar="NAME", help="its name (default: local, or that of its kind)"
    )
    add.add_argument(
        "--if-absent", action="store_true", help="do nothing if there is a source of this name"
    )
    add_yes(add)
    _add_options(add)
    _add_setup_code(add)
    add_json(add)


def _edit(commands: Commands) -> None:
    edit = add_leaf(commands, "edit", f"{RUN}:edit", "change what is set for a source")
    edit.add_argument("name", metavar="NAME", help="the source")
    _add_options(edit)
    _add_setup_code(edit)
    edit.add_argument(
        "--unset",
        action="append",
        metavar="OPTION",
        help="let the default of an option hold again (repeatable)",
    )
    add_json(edit)


def _add_options(parser: Parser) -> None:
    """Add each option of each kind; its help names the kinds that have it."""
    for name, (option, kinds) in _options().items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"option_{name}",
            metavar=metavar_of(option.kind),
            help=f"{option.description} ({', '.join(kinds)})".replace("%", "%%"),
        )


def _add_setup_code(parser: Parser) -> None:
    parser.add_argument(
        "--setup-code",
        metavar="@FILE",
        help="sign up as the broker with the code that their site shows, in a file or in stdin "
        "(@-); makes a key, whose public half is sent (procustodibus)",
    )


def _options() -> dict[str, tuple[Option, list[str]]]:
    found: dict[str, tuple[Option, list[str]]] = {}
    for kind in KINDS:
        for default in kind.defaults:
            _, kinds = found.setdefault(default.name, (default, []))
            kinds.append(kind.name)
    return found
