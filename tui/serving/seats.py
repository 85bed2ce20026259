"""Which command a session runs: the first trains, those that come meanwhile follow its run."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import engine

FULL = (
    "All {limit} sessions of this server are taken (--sessions). This page looks again by itself."
)
NOTHING_YET = (
    "Nothing is trained yet that could be followed here, or nothing of it is saved. This page looks "
    "again by itself."
)


class NoSeatError(ValueError):
    """No session can begin now. The message is for the user."""


class Seat:
    """A place for one session."""

    def __init__(self, arguments: list[str], *, trains: bool, run: str = "") -> None:
        """`arguments`: of its app. `run`: the saved run that it trains on."""
        self.arguments = arguments
        self.trains = trains
        self.run = run
        self.leaving = False
        """Whether its page has gone, and its app saves and ends."""
        self.pid = 0
        """The process of its app, once that has started."""
        self.since = time.time()


class Seats:
    """The places of a server."""

    def __init__(self, arguments: Sequence[str], *, limit: int, training: int = 1) -> None:
        """`arguments`: of an app that trains. `limit`: how many sessions there may be, of which
        `training` may train."""
        self._arguments = [*arguments]
        self._limit = limit
        self._training = training
        self._taken: list[Seat] = []
        self._left_runs: list[str] = []
        """The runs of sessions that have trained and ended: the next ones go on with them."""
        self._changed = asyncio.Condition()

    def refusal(self, *, follows: bool) -> str:
        """Why no session can begin now, as a user-facing message; empty if one can. `follows`:
        whether one may only follow."""
        staying = [seat for seat in self._taken if not seat.leaving]
        if len(staying) >= self._limit:
            return FULL.format(limit=self._limit)
        if self._may_train(staying, follows=follows) or engine.run_in_training():
            return ""
        return NOTHING_YET

    @asynccontextmanager
    async def taken(self, *, follows: bool) -> AsyncIterator[Seat]:
        """A place for as long as the session lasts. NoSeatError if there is none. `follows`: as for
        `refusal`.

        It first waits for the sessions that train and whose pages have gone: a page that is loaded
        again goes on with the run that it has just saved.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: not any(map(_saves, self._taken)))
            if refusal := self.refusal(follows=follows):
                raise NoSeatError(refusal)
            if self._may_train(self._taken, follows=follows):
                seat = self._that_trains()
            else:
                seat = Seat(["--follow"], trains=False)
            self._taken.append(seat)
        try:
            yield seat
        finally:
            async with self._changed:
                self._taken.remove(seat)
                if seat.trains:
                    self._keep_run(seat)
                self._changed.notify_all()

    def _may_train(self, seats: Sequence[Seat], *, follows: bool) -> bool:
        """Whether one more session trains in addition to these."""
        return not follows and sum(seat.trains for seat in seats) < self._training

    def _that_trains(self) -> Seat:
        """Trains on with a run that was left, if it still exists; otherwise what was asked for."""
        saved = engine.run_names()
        while self._left_runs:
            run = self._left_runs.pop()
            if run in saved:
                return Seat(["--run", run], trains=True, run=run)
        return Seat(self._arguments, trains=True)

    def _keep_run(self, seat: Seat) -> None:
        run = engine.run_written_by(seat.pid, seat.since) or seat.run
        if run:
            self._left_runs.append(run)


def _saves(seat: Seat) -> bool:
    return seat.trains and seat.leaving
