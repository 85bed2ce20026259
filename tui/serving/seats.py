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
    "Another page has the session that trains, and has saved nothing yet that could be followed "
    "here. This page looks again by itself."
)


class Seat:
    """A place for one session."""

    def __init__(self, command: list[str], *, trains: bool) -> None:
        self.command = command
        self.trains = trains
        self.leaving = False
        """Whether its page has gone, and its app saves and ends."""
        self.pid = 0
        self.since = time.time()


class Seats:
    """The places of a server. One of them trains, by default."""

    def __init__(
        self,
        program: Sequence[str],
        arguments: Sequence[str],
        *,
        limit: int,
        training: int = 1,
    ) -> None:
        """`program` and `arguments`: the command of a session that trains. `limit`: how many
        sessions there may be, of which `training` train."""
        self._program = [*program]
        self._arguments = [*arguments]
        self._limit = limit
        self._training = training
        self._taken: list[Seat] = []
        self._left_runs: list[str] = []
        """The runs of sessions that have trained and ended: the next ones go on with them."""
        self._changed = asyncio.Condition()

    def refusal(self) -> str:
        """Why no session can begin now, in a sentence; empty if one can."""
        staying = [seat for seat in self._taken if not seat.leaving]
        if len(staying) >= self._limit:
            return FULL.format(limit=self._limit)
        if sum(seat.trains for seat in staying) < self._training:
            return ""
        return "" if engine.run_in_training() else NOTHING_YET

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Seat]:
        """A place for as long as the session lasts. PermissionError, with a user-facing message, if
        there is none.

        It first waits for the sessions that train and whose pages have gone: a page that is loaded
        again goes on with the run that it has just saved.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: not any(map(_saves, self._taken)))
            if refusal := self.refusal():
                raise PermissionError(refusal)
            seat = self._new_seat()
            self._taken.append(seat)
        try:
            yield seat
        finally:
            async with self._changed:
                self._taken.remove(seat)
                if seat.trains:
                    self._keep(seat)
                self._changed.notify_all()

    def _new_seat(self) -> Seat:
        if sum(seat.trains for seat in self._taken) < self._training:
            return Seat([*self._program, *self._trained_on()], trains=True)
        return Seat([*self._program, "--follow"], trains=False)

    def _trained_on(self) -> list[str]:
        """The arguments of a session that trains: a run that was left, or what was asked for."""
        there = engine.run_names()
        while self._left_runs:
            run = self._left_runs.pop()
            if run in there:
                return ["--run", run]
        return self._arguments

    def _keep(self, seat: Seat) -> None:
        run = engine.run_written_by(seat.pid, seat.since)
        if run:
            self._left_runs.append(run)


def _saves(seat: Seat) -> bool:
    return seat.trains and seat.leaving
