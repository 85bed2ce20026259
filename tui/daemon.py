"""Slow work in a background thread, which the end of the program does not wait for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def in_daemon(work: Callable[[], T], name: str) -> T:
    """What `work` returns, done in a daemon thread of that name; its ValueError is raised here.

    Not asyncio's pool, which is joined at the end: a network folder that does not answer must not
    hold that up.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def report(answer: Callable[[], None]) -> None:
        if not done.done():  # cancelled when the form closes
            answer()

    def run() -> None:
        try:
            answer = partial(done.set_result, work())
        except ValueError as error:
            answer = partial(done.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(report, answer)

    Thread(target=run, name=name, daemon=True).start()
    return await done
