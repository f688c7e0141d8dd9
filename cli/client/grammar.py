"""Grammar of `tocsin host ...` and `tocsin broker ...`: clients that sign in to this Tocsin."""

from __future__ import annotations

from functools import partial

from cli.parser import Parser, add_commands, add_json, add_leaf, add_yes

RUN = "cli.client.commands"


def build_host(parser: Parser) -> None:
    """Add the commands about hosts that report by an agent."""
    _build(
        parser,
        "host",
        add="add a host, and print the two files that its Pro Custodibus agent needs",
        listing="list the hosts that report by an agent, and when each did last",
        show="show one host, and the file that its agent needs",
        renew="give a host a new set-up code; the key that its agent has is worth nothing any more",
        delete="delete hosts; what their agents report is refused from then on",
    )


def build_broker(parser: Parser) -> None:
    """Add the commands about brokers that pull events."""
    _build(
        parser,
        "broker",
        add="add a Pro Custodibus broker that may pull events, and print the two files it needs",
        listing="list the brokers, and how many events each has yet to pull",
        show="show one broker, and the file that it needs",
        renew="give a broker a new set-up code; the key that it has is worth nothing any more",
        delete="delete brokers, and give up what they have yet to pull",
    )


def _build(
    parser: Parser, noun: str, *, add: str, listing: str, show: str, renew: str, delete: str
) -> None:
    leaf = partial(add_leaf, add_commands(parser))
    adding = leaf("add", f"{RUN}:add", add)
    lists = leaf("list", f"{RUN}:list_all", listing)
    showing = leaf("show", f"{RUN}:show", show)
    renewing = leaf("renew", f"{RUN}:renew", renew)
    deleting = leaf("delete", f"{RUN}:delete", delete)
    for command in (adding, lists, showing, renewing, deleting):
        command.set_defaults(noun=noun)
    for command in (adding, showing, renewing):
        command.add_argument("name", metavar="NAME", help=f"the {noun}")
        command.add_argument(
            "--url",
            metavar="URL",
            help="the address of this Tocsin as seen from there "
            "(default: public_url or listen of the HTTP source)",
        )
    for command in (adding, renewing):
        command.add_argument(
            "--into",
            metavar="FOLDER",
            help="write the two files into this folder, and print their paths instead",
        )
    deleting.add_argument("names", nargs="+", metavar="NAME", help=f"the {noun}")
    add_yes(renewing)
    add_yes(deleting)
    for command in (adding, lists, showing, renewing):
        add_json(command)
