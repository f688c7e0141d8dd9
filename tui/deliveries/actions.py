"""Actions on deliveries: retry now, skip, reseal, copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from textual.binding import Binding, BindingType

from delivery.outcome import refused_events, refused_member
from delivery.report import failed_attempts
from domain.wording import counted
from store.queue import deliveries, delivery_list, delivery_requests
from store.queue.delivery_list import ListedDelivery
from store.queue.delivery_requests import RequestResult
from store.records import Delivery
from tui.deliveries.copying import CHOICES, copied_text
from tui.deliveries.reseal import LeftOut, ResealChoice, ResealScreen, left_out
from tui.deliveries.rows import DeliveryFormatter, short_result
from tui.questions import Question
from tui.screens.base import TocsinScreen
from tui.screens.dialogs import MenuScreen
from tui.shell.clipboard import copy
from tui.state.store_access import Refused
from tui.webhooks.results import FAILED, AttemptNews, any_failed, summary

SHORT_ID = 12
LATER = "an attempt is under way: this follows it, unless it is taken"


class ActionResults:
    """Deliveries by the result of an action: done, done after the attempt under way, refused."""

    def __init__(self) -> None:
        self.done: list[Delivery] = []
        self.later: list[Delivery] = []
        self._refusals: list[str] = []

    async def add(self, delivery: Delivery, request: Awaitable[RequestResult]) -> bool:
        """Await the action on a delivery; return False if it was refused."""
        try:
            answer = await request
        except Refused as refused:
            self._refusals.append(str(refused))
            return False
        (self.done if answer.done else self.later).append(delivery)
        return True

    @property
    def refusal(self) -> str | None:
        """The reason why some were refused, None if none was."""
        if not self._refusals:
            return None
        more = len(self._refusals) - 1
        return self._refusals[0] + (f" (and {more:,} more were refused)" if more else "")

    def notice(self, done: str) -> str | None:
        """Return what was done, with the deliveries in place of {}, and what follows later."""
        parts = [done.format(names_of(self.done))] if self.done else []
        if self.later:
            parts.append(f"{names_of(self.later)}: {LATER}" if self.done else LATER)
        return "; ".join(parts) or None


def short_id(id_: str) -> str:
    """Return the start of a delivery's id."""
    return f"{id_[:SHORT_ID]}…"


def names_of(deliveries: Sequence[Delivery]) -> str:
    """Return a single delivery by its id, several by their number."""
    if len(deliveries) == 1:
        return short_id(deliveries[0].id)
    return f"{len(deliveries):,} deliveries"


DELIVERY_KEYS: list[BindingType] = [
    Binding(
        "n,r",
        "retry",
        "retry now",
        id="deliveries.retry",
        tooltip="make the next attempt of the chosen ones now; several are asked about",
    ),
    Binding(
        "s",
        "skip",
        "skip",
        id="deliveries.skip",
        tooltip="give the chosen ones up, after asking with the number of events",
    ),
    Binding(
        "b",
        "reseal",
        "reseal",
        id="deliveries.reseal",
        tooltip="end it and seal its events anew: fewer a request, or without one of them",
    ),
    Binding(
        "y",
        "copy",
        "copy",
        id="deliveries.copy",
        tooltip="copy the id, URL, headers, a curl command, the payload or the answer",
    ),
]


class DeliveryActions:
    """Actions of a screen on which deliveries can be chosen.

    `chosen` returns the deliveries that an action is for, given True if a question names them
    first; `event_in_sight` the place of the event under the cursor in the body, if any; `done` is
    called after an action.
    """

    def __init__(
        self,
        screen: TocsinScreen,
        chosen: Callable[[bool], Awaitable[list[Delivery]]],
        *,
        event_in_sight: Callable[[], int | None] = lambda: None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self._screen = screen
        self._access = screen.access
        self._chosen = chosen
        self._event_in_sight = event_in_sight
        self._when_done = done
        self._watched: dict[str, int] = {}
        self._over: list[AttemptNews] = []

    async def retry(self) -> None:
        """Make the chosen deliveries due now."""
        pending = await self._pending("retry now", asks=False)
        if len(pending) == 1:
            self._screen.queue_change(self._retry, pending)
        elif pending:
            question = Question(
                f"Retry {names_of(pending)} now?",
                (f"The same POST again, with {_events_of(pending)} in all.",),
                yes="Retry",
            )
            self._screen.confirm(question, self._retry, pending)

    async def skip(self) -> None:
        """Ask with the numbers, then skip the chosen deliveries."""
        pending = await self._pending("skip")
        if not pending:
            return
        question = Question(
            f"Skip {names_of(pending)}?",
            (
                f"{_events_of(pending)} will never be sent again.",
                *([LATER] if _in_flight(pending) else []),
            ),
            yes="Skip",
        )
        self._screen.confirm(question, self._skip, pending)

    async def reseal(self) -> None:
        """Ask how to seal the events of the delivery anew."""
        pending = await self._pending("reseal")
        if len(pending) > 1:
            self._screen.show_notice_here("one at a time: take the marks away and choose one")
        elif pending and not self._screen.refuses_changes():
            self._ask_reseal(pending[0], await self._refused_event(pending[0]))

    async def _refused_event(self, delivery: Delivery) -> LeftOut | None:
        """Return the first of its events that another Tocsin refused at the last attempt."""
        attempts = await self._access.read(deliveries.attempts, delivery.id, limit=1)
        refused = [event for it in attempts for event in refused_events(it.status, it.answer_body)]
        if not refused:
            return None
        members = await self._access.read(delivery_list.members, delivery.id)
        event = refused_member(refused, members)
        return None if event is None else left_out(event, members)

    def _ask_reseal(self, delivery: Delivery, refused: LeftOut | None) -> None:
        def answered(choice: ResealChoice | None) -> None:
            if choice is not None:
                self._screen.queue_change(self._reseal, delivery, choice)

        screen = ResealScreen(self._access, delivery, self._event_in_sight(), without=refused)
        self._screen.app.push_screen(screen, answered)

    async def copy(self) -> None:
        """Ask what to copy."""
        chosen = await self._chosen(True)

        def answered(choice: str | None) -> None:
            if choice is not None:
                self._screen.in_background(self._copy(chosen, choice))

        if chosen:
            title = f"Copy of {names_of(chosen)}"
            self._screen.app.push_screen(MenuScreen(title, CHOICES), answered)

    async def _copy(self, chosen: Sequence[Delivery], choice: str) -> None:
        await copy(self._screen, await copied_text(self._access, chosen, choice))

    async def _pending(self, action: str, *, asks: bool = True) -> list[Delivery]:
        """Return the chosen deliveries that are pending; say so if there is none."""
        chosen = await self._chosen(asks)
        pending = [delivery for delivery in chosen if delivery.state == "pending"]
        if chosen and not pending:
            states = {delivery.state for delivery in chosen}
            state = states.pop() if len(states) == 1 else "over"
            self._screen.show_notice_here(
                f"{names_of(chosen)}: {state} already, {action} is for pending ones"
            )
        return pending

    async def _retry(self, pending: Sequence[Delivery]) -> None:
        results = ActionResults()
        for delivery in pending:
            if await results.add(
                delivery, self._access.change(delivery_requests.retry, delivery.id)
            ):
                self._watched[delivery.id] = failed_attempts(delivery)
        await self._done(results, results.notice("{}: the next attempt is due now"))
        if results.done and results.refusal is None:
            self._show_hindrance(results.done[0])

    def _show_hindrance(self, delivery: Delivery) -> None:
        """Say why a delivery that is due is not sent."""
        if self._screen.live.report is None or delivery.id not in self._watched:
            return
        waits = DeliveryFormatter(self._screen.live.report).waiting(delivery)
        if waits.next_ms is None and delivery.sending_since_ms is None and delivery.blocked is None:
            self._screen.show_notice(f"it waits: {waits.reason}", bad=True)

    async def _skip(self, pending: Sequence[Delivery]) -> None:
        results = ActionResults()
        for delivery in pending:
            await results.add(delivery, self._ask_beside_workers(delivery_requests.skip, delivery))
        await self._done(results, results.notice("skipped {}"))

    async def _reseal(self, delivery: Delivery, choice: ResealChoice) -> None:
        results = ActionResults()
        event = choice.without
        request = self._ask_beside_workers(
            delivery_requests.reseal,
            delivery,
            max_events=choice.max_events,
            without=None if event is None else event.seq,
        )
        await results.add(delivery, request)
        set_aside = "" if event is None else f"; {event.name} is in quarantine"
        left = delivery.events - (0 if event is None else 1)
        anew = "event is" if left == 1 else "events are"
        notice = results.notice("ended {}" + (f", its {anew} sealed anew" if left else ""))
        await self._done(results, f"{notice}{set_aside}" if results.done else notice)

    async def _done(self, results: ActionResults, notice: str | None) -> None:
        """Show in a single notice what was done and what was refused: only the newest is seen."""
        parts = [part for part in (notice, results.refusal) if part]
        self._screen.show_notice("; ".join(parts), bad=results.refusal is not None)
        if self._screen.is_running:
            self._when_done()
        await self._screen.show_what_changed()

    def _ask_beside_workers(
        self, request: Callable[..., RequestResult], delivery: Delivery, **named: Any
    ) -> Awaitable[RequestResult]:
        path, ask = self._access.store.path, delivery_requests.with_idle
        return self._access.change(ask, request, path, delivery.id, **named)

    async def show_results(self) -> None:
        """Show the results of attempts that were started here and are over now."""
        if not self._watched:
            return
        ids = await self._access.read(delivery_list.row_ids, list(self._watched))
        over = [
            listed
            for listed in (await self._access.read(delivery_list.listed, ids)).values()
            if _is_over(listed.delivery, self._watched[listed.delivery.id])
        ]
        if not over:
            return
        for listed in over:
            del self._watched[listed.delivery.id]
        self._over += map(_news_of, over)
        self._screen.show_notice(
            summary(self._over, len(self._watched)), bad=any_failed(self._over)
        )
        if not self._watched:
            self._over = []


def _is_over(delivery: Delivery, failed_before: int) -> bool:
    return delivery.state != "pending" or failed_attempts(delivery) > failed_before


def _news_of(listed: ListedDelivery) -> AttemptNews:
    delivery = listed.delivery
    words = listed.words or "no record of its attempt"
    answer = short_result(delivery)
    if delivery.state == "pending":
        sentence = f"{names_of([delivery])}: attempt {failed_attempts(delivery)} failed: {words}"
        return AttemptNews(FAILED, answer, sentence)
    return AttemptNews(
        delivery.state,
        answer,
        f"{names_of([delivery])}: {delivery.state}, attempt {delivery.attempts}: {words}",
    )


def _events_of(deliveries: Sequence[Delivery]) -> str:
    return counted(sum(delivery.events for delivery in deliveries), "event")


def _in_flight(deliveries: Sequence[Delivery]) -> bool:
    return any(delivery.sending_since_ms is not None for delivery in deliveries)
