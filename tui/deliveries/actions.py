"""Actions on deliveries: retry now, skip, reseal, copy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from delivery.refusals import refused_events
from delivery.waiting import failed_attempts
from domain.wording import counted
from store import listing, reads, requests
from store.listing import Listed
from store.records import Delivery
from store.requests import Asked
from tui.deliveries.copying import CHOICES, copied_text
from tui.deliveries.reseal import ResealScreen, Wish
from tui.deliveries.rows import Reader, short_result
from tui.questions import Question
from tui.screens.dialogs import MenuScreen
from tui.screens.lists import LookingScreen
from tui.shell.clipboard import copy
from tui.state.store_access import Refused
from tui.webhooks.results import FAILED, Outcome, any_failed, summary

SHORT_ID = 12
LATER = "an attempt is under way: this follows it, unless it is taken"


class Answers:
    """Deliveries by the result of an action: done, done after the attempt under way, refused."""

    def __init__(self) -> None:
        self.done: list[Delivery] = []
        self.later: list[Delivery] = []
        self._refusals: list[str] = []

    async def add(self, one: Delivery, request: Awaitable[Asked]) -> bool:
        """Await the action on a delivery; return False if it was refused."""
        try:
            asked = await request
        except Refused as refused:
            self._refusals.append(str(refused))
            return False
        (self.done if asked.done else self.later).append(one)
        return True

    @property
    def refusal(self) -> str | None:
        """The reason why some were refused, None if none was."""
        if not self._refusals:
            return None
        more = len(self._refusals) - 1
        return self._refusals[0] + (f" (and {more:,} more were refused)" if more else "")

    def told(self, done: str) -> str | None:
        """Return what was done, with the deliveries in place of {}, and what follows later."""
        parts = [done.format(named(self.done))] if self.done else []
        if self.later:
            parts.append(f"{named(self.later)}: {LATER}" if self.done else LATER)
        return "; ".join(parts) or None


def short_id(id_: str) -> str:
    """Return the start of a delivery's id."""
    return f"{id_[:SHORT_ID]}…"


def named(some: Sequence[Delivery]) -> str:
    """Return a single delivery by its id, several by their number."""
    if len(some) == 1:
        return short_id(some[0].id)
    return f"{len(some):,} deliveries"


class DeliveryActions(LookingScreen):
    """Base of a screen on which deliveries can be chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
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

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._watched: dict[str, int] = {}
        self._over: list[Outcome] = []

    async def after_look(self) -> None:
        await self._tell_outcomes()

    async def chosen(self, *, asks: bool = True) -> list[Delivery]:
        """Return the deliveries that an action is for; `asks` if a question names them first."""
        raise NotImplementedError

    @property
    def event_in_sight(self) -> str | None:
        """The id of the event under the cursor, if there is one."""
        return None

    async def action_retry(self) -> None:
        """Make the chosen deliveries due now."""
        pending = await self._pending("retry now", asks=False)
        if len(pending) == 1:
            self.in_turn(self._retry, pending)
        elif pending:
            question = Question(
                f"Retry {named(pending)} now?",
                (f"The same POST again, with {_events_of(pending)} in all.",),
                yes="Retry",
            )
            self.when_sure(question, self._retry, pending)

    async def action_skip(self) -> None:
        """Ask with the numbers, then skip the chosen deliveries."""
        pending = await self._pending("skip")
        if not pending:
            return
        question = Question(
            f"Skip {named(pending)}?",
            (
                f"{_events_of(pending)} will never be sent again.",
                *([LATER] if _in_flight(pending) else []),
            ),
            yes="Skip",
        )
        self.when_sure(question, self._skip, pending)

    async def action_reseal(self) -> None:
        """Ask how to seal the events of the delivery anew."""
        pending = await self._pending("reseal")
        if len(pending) > 1:
            self.tell_here("one at a time: take the marks away and choose one")
        elif pending:
            self._ask_reseal(pending[0], await self._refused_event(pending[0]))

    async def _refused_event(self, one: Delivery) -> str | None:
        """Return the first of its events that another Tocsin refused at the last attempt."""
        attempts = await self.desk.read(reads.attempts, one.id, limit=1)
        refused = [id_ for it in attempts for id_ in refused_events(it.status, it.answer_body)]
        if not refused:
            return None
        members = {event.id for event in await self.desk.read(listing.members, one.id)}
        return next((id_ for id_ in refused if id_ in members), None)

    def _ask_reseal(self, one: Delivery, refused: str | None) -> None:
        def answered(wish: Wish | None) -> None:
            if wish is not None:
                self.in_turn(self._reseal, one, wish)

        screen = ResealScreen(self.desk, one, self.event_in_sight, without=refused)
        self.app.push_screen(screen, answered)

    async def action_copy(self) -> None:
        """Ask what to copy."""
        chosen = await self.chosen()

        def answered(choice: str | None) -> None:
            if choice is not None:
                self.in_background(self._copy(chosen, choice))

        if chosen:
            title = f"Copy of {named(chosen)}"
            self.app.push_screen(MenuScreen(title, CHOICES), answered)

    async def _copy(self, chosen: Sequence[Delivery], choice: str) -> None:
        await copy(self, await copied_text(self.desk, chosen, choice))

    async def _pending(self, wish: str, *, asks: bool = True) -> list[Delivery]:
        """Return the chosen deliveries that are pending; say so if there is none."""
        chosen = await self.chosen(asks=asks)
        pending = [one for one in chosen if one.state == "pending"]
        if chosen and not pending:
            states = {one.state for one in chosen}
            state = states.pop() if len(states) == 1 else "over"
            self.tell_here(f"{named(chosen)}: {state} already, {wish} is for pending ones")
        return pending

    async def _retry(self, pending: Sequence[Delivery]) -> None:
        answers = Answers()
        for one in pending:
            if await answers.add(one, self.desk.change(requests.retry, one.id)):
                self._watched[one.id] = failed_attempts(one)
        await self._done(answers, answers.told("{}: the next attempt is due now"))
        if answers.done and answers.refusal is None:
            self._tell_hindrance(answers.done[0])

    def _tell_hindrance(self, one: Delivery) -> None:
        """Say why a delivery that is due is not sent."""
        if self.live.report is None or one.id not in self._watched:
            return
        waits = Reader(self.live.report).waiting(one)
        if waits.next_ms is None and one.sending_since_ms is None and one.blocked is None:
            self.tell(f"it waits: {waits.reason}", bad=True)

    async def _skip(self, pending: Sequence[Delivery]) -> None:
        answers = Answers()
        for one in pending:
            await answers.add(one, self._ask_beside_workers(requests.skip, one))
        await self._done(answers, answers.told("skipped {}"))

    async def _reseal(self, one: Delivery, wish: Wish) -> None:
        answers = Answers()
        request = self._ask_beside_workers(
            requests.reseal, one, max_events=wish.max_events, without=wish.without
        )
        await answers.add(one, request)
        set_aside = f"; {wish.without} is in quarantine" if wish.without else ""
        told = answers.told("ended {}, its events are sealed anew")
        await self._done(answers, f"{told}{set_aside}" if answers.done else told)

    async def _done(self, answers: Answers, told: str | None) -> None:
        """Show in a single notice what was done and what was refused: only the newest is seen."""
        parts = [part for part in (told, answers.refusal) if part]
        self.tell("; ".join(parts), bad=answers.refusal is not None)
        if self.is_running:
            self.chosen_done()
        await self.show_what_changed()

    def chosen_done(self) -> None:
        """Clear marks, as an action is done."""

    def _ask_beside_workers(
        self, request: Callable[..., Asked], one: Delivery, **named: Any
    ) -> Awaitable[Asked]:
        path = self.desk.store.path
        return self.desk.change(requests.beside_workers, request, path, one.id, **named)

    async def _tell_outcomes(self) -> None:
        """Show the results of attempts that were started here and are over now."""
        if not self._watched:
            return
        ids = await self.desk.read(listing.numbers, list(self._watched))
        over = [
            listed
            for listed in (await self.desk.read(listing.deliveries, ids)).values()
            if _is_over(listed.delivery, self._watched[listed.delivery.id])
        ]
        if not over:
            return
        for listed in over:
            del self._watched[listed.delivery.id]
        self._over += map(_outcome, over)
        self.tell(summary(self._over, len(self._watched)), bad=any_failed(self._over))
        if not self._watched:
            self._over = []


def _is_over(one: Delivery, failed_before: int) -> bool:
    return one.state != "pending" or failed_attempts(one) > failed_before


def _outcome(listed: Listed) -> Outcome:
    one = listed.delivery
    words = listed.words or "no record of its attempt"
    answer = short_result(one)
    if one.state == "pending":
        told = f"{named([one])}: attempt {failed_attempts(one)} failed: {words}"
        return Outcome(FAILED, answer, told)
    return Outcome(
        one.state, answer, f"{named([one])}: {one.state}, attempt {one.attempts}: {words}"
    )


def _events_of(some: Sequence[Delivery]) -> str:
    return counted(sum(one.events for one in some), "event")


def _in_flight(some: Sequence[Delivery]) -> bool:
    return any(one.sending_since_ms is not None for one in some)
