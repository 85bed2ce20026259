"""A large window shows more of the chart."""

from looking import Opener
from recording import STEPS, trained, untrained

from tui.panes.loss import LossPane
from tui.panes.samples import SamplesPane

DONE = (*untrained(), *trained(STEPS))


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
