"""When the number of threads has changed, the screen and the command line say so."""

import io

import pytest
from looking import Opener
from recording import opened, opening, step_done
from rich.console import Console

from engine.protocol import PhaseChanged, ThreadsChosen
from tui.cli.progress import ProgressReporter
from tui.panes.header import THREADS_TOLD
from tui.screens.terms import terms

STEP = 1_240
CHOSEN = ThreadsChosen(STEP, step_done(STEP).elapsed, 1, "measured: 1 × bf16 1.0, 2 × bf16 1.4")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_screen_says_for_a_while_that_the_threads_have_changed(
    desk: Opener, size: tuple[int, int]
) -> None:
    training = [*opening(), PhaseChanged("training", 0), step_done(STEP)]
    async with desk(*training, size=size) as it:
        await it.sees("Training: each step predicts")
        await it.play(CHOSEN)
        await it.sees("Measured again: faster now with 1 thread, from step 1,241 on.")

        steps = round(THREADS_TOLD / step_done(1).seconds)
        await it.play(step_done(STEP + steps + 1))
        await it.sees("Training: each step predicts")


async def test_the_facts_of_training_name_the_new_number_and_why(desk: Opener) -> None:
    training = [*opening(), PhaseChanged("training", 0), step_done(STEP)]
    async with desk(*training, size=(120, 40)) as it:
        await it.sees("cpu, 2 threads")
        await it.play(CHOSEN)
        await it.sees("cpu, 1 thread")
        assert CHOSEN.choice in str(terms(it.app.state))


def test_the_command_line_says_it_in_a_line() -> None:
    out = io.StringIO()
    with ProgressReporter(Console(file=out)) as reporter:
        reporter.show(opened())
        reporter.show(CHOSEN)
    assert out.getvalue().splitlines()[-1] == (
        "step   1,240  trains on with 1 thread, faster now  (measured: 1 × bf16 1.0, 2 × bf16 1.4)"
    )
