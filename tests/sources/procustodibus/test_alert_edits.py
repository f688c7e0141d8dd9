"""An edit of alerts reaches a source that serves agents, and ends none of their sessions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from domain.clients import AGENT
from domain.event_types import EventType
from domain.settings import DEFAULTS
from domain.source_kinds import HTTP, WIREGUARD
from sources.runner import Sources
from store import alert_settings, sources
from store.database import Store
from store.events import reading
from tests.sources.http.serving import Served
from tests.sources.procustodibus.custodians import NOW, Custodian, add_client
from tests.sources.procustodibus.test_pings import ping
from tests.support.program_store import free_port
from tests.support.stores import ACTOR
from tests.support.wireguard.dumps import key

KEY_CHANGED = "endpoint_preshared_key_changed"


class Centre:
    """A worker's sources, one of which serves agents."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failures: list[str] = []
        self.sources = Sources(
            store, lambda: NOW, on_appended=lambda: None, on_failure=self.failures.append
        )
        self.port = free_port()
        options = {"listen": f"127.0.0.1:{self.port}", "serves": "agents"}
        store.call(sources.add, HTTP, "http", options, ACTOR, NOW)

    async def runs(self, name: str) -> None:
        """Let the sources run that there are, and wait until all is well with this one."""
        self.sources.adapt(True, DEFAULTS)
        async with asyncio.timeout(30):
            while (await self.store.run(sources.find, name)).last_ok_ms is None:
                pass

    async def edit_alert(self, kind: str, **options: str) -> None:
        """Set an alert; a source that is added with that tells when it is in force."""
        self.store.call(alert_settings.edit, [kind], options, ACTOR, NOW)
        self.store.call(sources.add, WIREGUARD, f"of-{kind}", {"command": "true"}, ACTOR, NOW)
        await self.runs(f"of-{kind}")

    def custodian(self) -> Custodian:
        """An agent that may set itself up."""
        client = add_client(self.store, AGENT, "hub")
        served = Served(self.port, [], asyncio.Event(), asyncio.create_task(asyncio.sleep(0)))
        return Custodian(served, client.user_id, client.host_id)

    def alerts(self) -> list[dict[str, Any]]:
        found = self.store.call(reading.after, EventType.ALERTS, 0, limit=100)
        return [json.loads(one.body)["attributes"] for one in found]


def test_an_edit_of_alerts_holds_at_once_and_agents_stay_signed_in(store: Store) -> None:
    async def act(centre: Centre) -> None:
        await centre.runs("http")
        agent = centre.custodian()
        assert (await agent.set_up()).status == 200
        assert (await agent.sign_in()).status == 200
        assert (await agent.ping(ping())).status == 200
        await centre.edit_alert(KEY_CHANGED, danger="9")
        await centre.edit_alert("authn_failures", failures="2")
        changed = ping({"preshared_key_hash": key("psk")})
        assert (await agent.ping(changed)).status == 200
        impostor = Custodian(agent.served, agent.user)
        assert [(await impostor.sign_in()).status for _ in range(2)] == [401, 401]

    async def whole() -> Centre:
        centre = Centre(store)
        try:
            await act(centre)
        finally:
            async with asyncio.timeout(30):
                await centre.sources.end()
        return centre

    centre = asyncio.run(whole())
    told = {one["type"]: one for one in centre.alerts()}
    assert told[KEY_CHANGED]["danger"] == 9
    assert told["authn_failures"]["params"]["count"] == 2
    assert not [one for one in centre.failures if one.startswith("source http: ")]
