"""Hosts whose agents report here: adding one, a new set-up code, and the two files it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain import clients as kinds
from domain import source_kinds
from domain.clients import AGENT
from domain.ids import new_code, new_event_id
from domain.options import Default, Option
from domain.source_option_kinds import URL
from store import clients
from store.records import Client, StoredSource
from tui.desk import Desk, Refused
from tui.screens.conf_files import Files
from tui.screens.option_form import Form
from tui.widgets.option_fields import Asked, name_asked

NOT_SERVED = (
    "No source serves agents yet: add one of kind HTTP that serves agents, with a certificate, "
    "on an address of WireGuard, or on 127.0.0.1 for a host that is this machine."
)


def form_to_add_host(desk: Desk, existing: Sequence[StoredSource]) -> Form:
    """Ends with the files of the new host."""

    async def save(given: Mapping[str, str]) -> Files:
        code = new_code(desk.random_bytes)
        user_id = new_event_id(lambda: int.from_bytes(desk.random_bytes(8), "big"))
        client = await desk.change(clients.add, AGENT, given["name"], user_id, code)
        return _files(client, given["url"], code)

    url = _served_url(existing)
    found = Default(Option("url", URL, "where the host finds this Tocsin"), "")
    what = "An unmodified Pro Custodibus agent reports the WireGuard of a host to this Tocsin."
    return Form(
        crumb="Add host",
        title="Add a host",
        about=f"{what} {_about_reach(url)}".rstrip(),
        asked=(
            name_asked(source_kinds.check_name, "its name here", ""),
            Asked(found, url or "", required=True),
        ),
        save=save,
    )


async def renewed(desk: Desk, name: str, existing: Sequence[StoredSource]) -> Files:
    """Give it a new set-up code; the files with it. Raises Refused."""
    url = _served_url(existing)
    if url is None:
        raise Refused(NOT_SERVED)
    code = new_code(desk.random_bytes)
    client = await desk.change(clients.renew, AGENT, name, code)
    return _files(client, url, code)


def _files(client: Client, url: str, code: str) -> Files:
    until_ms = client.setup_until_ms or 0
    files = kinds.agent_files(url, client.host_id, client.user_id, code, until_ms)
    return Files(client.name, files, kinds.reach_warning(url))


def _about_reach(url: str | None) -> str:
    """What to know of where this Tocsin is found, before a host is told of it."""
    if url is None:
        return NOT_SERVED
    warning = kinds.reach_warning(url)
    return f"▲ {warning}." if warning else ""


def _served_url(existing: Sequence[StoredSource]) -> str | None:
    return kinds.served_url(AGENT, ((one.kind, one.options) for one in existing))
