"""The app over a real engine thread, which does a unit of work only when the test lets it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
from looking import TIMEOUT, shown, until
from textual.pilot import Pilot

from engine.config import RunConfig, nano
from engine.protocol import Event, Excerpt, Open, PhaseChanged
from engine.session.thread import EngineThread
from tui.app import TinyGPTApp

E = TypeVar("E", bound=Event)


def tiny(path: Path, **train: object) -> RunConfig:
    """A model so small that a step takes no time worth telling."""
    config = nano(str(path))
    return msgspec.structs.replace(
        config,
        model=msgspec.structs.replace(
            config.model, n_embd=16, n_layer=1, n_head=1, context_length=16
        ),
        train=msgspec.structs.replace(
            config.train,
            **{
                "batch_size": 4,
                "evaluation_interval": 1_000,
                "device": "cpu",
                "precision": "float32",
                "threads": 1,
                **train,
            },
        ),
    )


def engine_threads() -> list[str]:
    """The engine threads that live."""
    return [thread.name for thread in threading.enumerate() if thread.name == "engine"]


class Stage:
    """An app, its engine thread, and the gate between two units of its work."""

    def __init__(self, config: RunConfig, *, gated: bool) -> None:
        self.events: list[Event] = []
        self.parked = 0  # how many times the engine has come to the gate
        self._tickets = threading.Semaphore(0)
        self._open = not gated
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self.app = TinyGPTApp(Open(config), engine=self._engine)
        # The engine has only the work that a test gives it.
        self.app._ask_about_samples = lambda: None  # type: ignore[method-assign]
        self.pilot: Pilot[None]

    def _engine(self, emit: Callable[[Event], None]) -> EngineThread:
        def tell(event: Event) -> None:
            emit(event)
            self.events.append(event)
            self._loop.call_soon_threadsafe(self._changed.set)

        return EngineThread(tell, gate=self._gate)

    def _gate(self) -> None:
        if self._open:
            return
        self.parked += 1
        self._loop.call_soon_threadsafe(self._changed.set)
        self._tickets.acquire()

    def open_gate(self) -> None:
        """Hold the engine no more."""
        self._open = True
        self._tickets.release()

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait for something that the engine reports or does."""
        async with asyncio.timeout(TIMEOUT):
            while not happened():
                self._changed.clear()
                if not happened():
                    await self._changed.wait()

    async def let(self, units: int, stops: Callable[[], object] = lambda: False) -> None:
        """Let the engine do this many units of work, and wait until it is parked again or idle."""
        for _ in range(units):
            before = self.parked
            self._tickets.release()
            await self.until(partial(self._went_on, before, stops))

    def _went_on(self, before: int, stops: Callable[[], object]) -> bool:
        return self.parked > before or bool(stops())

    async def sees(self, *texts: str) -> None:
        """Wait until every text is on the screen; only while the engine is parked."""
        await until(
            self.pilot,
            lambda: all(any(text in row for row in shown(self.app)) for text in texts),
            f"for {texts}",
        )

    def reported(self, kind: type[E]) -> list[E]:
        """The events of one kind, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]

    def phase(self) -> str:
        """The last phase that the engine reported."""
        changes = self.reported(PhaseChanged)
        return changes[-1].phase if changes else "untrained"


@asynccontextmanager
async def on_stage(config: RunConfig, *, gated: bool = True) -> AsyncIterator[Stage]:
    """An app with an open run after its first evaluation; at the end its thread must be gone."""
    stage = Stage(config, gated=gated)
    async with stage.app.run_test(size=(120, 40)) as stage.pilot:
        try:
            if gated:
                await stage.until(lambda: stage.parked)
            while not stage.reported(Excerpt):
                if gated:
                    await stage.let(1, lambda: stage.reported(Excerpt))
                else:
                    await stage.until(lambda: stage.reported(Excerpt))
            yield stage
        finally:
            stage.open_gate()
    assert engine_threads() == []
