"""A large window shows more of the chart."""

from looking import Opener
from recording import STEPS, trained, untrained

from engine.protocol import Excerpt
from tui.panes.loss import LossPane
from tui.panes.samples import SamplesPane

DONE = (*untrained(), *trained(STEPS))
WORDS = ("first", "second", "third", "fourth", "fifth", "sixth")


async def test_a_large_window_gives_the_chart_more_room(desk: Opener) -> None:
    async with desk(*DONE, size=(300, 100)) as it:
        loss, samples = it.app.query_one(LossPane), it.app.query_one(SamplesPane)
        assert loss.size.height > 1.3 * samples.size.height
        await it.resize(120, 40)
        assert abs(loss.size.height - samples.size.height) <= 1


async def test_a_large_chart_tells_values_and_compares_with_pairs(desk: Opener) -> None:
    async with desk(*DONE, size=(300, 100)) as it:
        await it.sees("◆ 1.81", "lowest held-out 1.5532 at step 2,000")
        await it.press("a")
        await it.sees("a uniform guess 4.14", "letter frequencies 3.31", "letter pairs 2.45")
        await it.resize(120, 40)
        await it.until(lambda: "letter pairs 2.45" not in "".join(it.rows))


async def test_a_large_window_shows_more_of_each_sample(desk: Opener) -> None:
    verse = "\n".join(f"{word} of the lines of a sample" for word in WORDS)
    async with desk(*untrained(), Excerpt(1, "ROMEO:", verse), size=(300, 100)) as it:
        await it.sees("ROMEO:first of", "sixth of the lines of a sample")
        for size in ((120, 40), (80, 24)):
            await it.resize(*size)
            await it.sees("ROMEO:first of", "second of the lines")
            assert "third of" not in "".join(it.rows)
        await it.resize(120, 40)
        await it.press("z", "v")
        await it.sees("third of the lines")


async def test_an_old_sample_of_two_lines_is_shown_as_it_is(desk: Opener) -> None:
    old = Excerpt(1, "ROMEO:", "\nOne line\nand another")
    async with desk(*untrained(), old, size=(300, 100)) as it:
        await it.sees("ROMEO: / One line / and another")
