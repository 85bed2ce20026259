"""The view of a race whose sides have different tokens: one unit for all."""

from looking import Opener
from msgspec.structs import replace
from racing import NANO, race_opened, side_opened, verdict
from recording import corpus_loaded

from engine.config import override
from engine.protocol import Evaluated, Event, Opened, OpenRace, SideEvent, StepDone, Tokens
from tui.lab.chart import SidesChart
from tui.lab.guess_screen import GuessScreen
from tui.lab.page import page
from tui.state import RunState, fold

BPE = Tokens("bpe", 512, characters_each=2.5, bytes_each=2.5)
BYTES = Tokens("bytes", 256, bytes_each=1.0)


def raced(*tokens: Tokens, unit: str, counted: str, each: tuple[float, ...]) -> RunState:
    """After one evaluation of each side, at 100 tokens and a loss of 2 nats per token."""
    configs = tuple(override(NANO, [f"model.tokenizer={one.kind}"]) for one in tokens)
    opened = race_opened("bytes or bpe", configs)
    sides = tuple(
        replace(side, characters_each=of_side)
        for side, of_side in zip(opened.sides, each, strict=True)
    )
    events: list[Event] = [replace(opened, sides=sides, unit=unit, counted=counted)]
    for number, (config, own) in enumerate(zip(configs, tokens, strict=True)):
        of_run = side_opened(number, config)
        assert isinstance(of_run.event, Opened)
        events += [
            SideEvent(number, replace(of_run.event, tokens=own)),
            SideEvent(number, StepDone(1, 2.0, 0.4, 0.03, 100, 64, 0.03, 1.0, 9.0)),
            SideEvent(number, Evaluated(1, 2.0, 2.9, 0.4, 64, 0.2, 1.0)),
        ]
    state = fold(RunState(), corpus_loaded())
    for event in events:
        state = fold(state, event)
    return state


def test_curves_of_different_tokens_are_in_bits_per_byte_by_characters() -> None:
    state = raced(BYTES, BPE, unit="bits per byte", counted="characters", each=(0.9, 2.4))
    one, other = (side.curve for side in state.lab.sides)
    assert one.losses == ((1, BYTES.bits_per_byte(2.0)),)
    assert other.losses == ((1, BPE.bits_per_byte(2.0)),)
    assert (one.characters, other.characters) == ((90,), (240,))
    chart = SidesChart()
    assert chart.titles(state)[1].plain == "bits per byte"
    assert "characters" in chart.draw(state, 60, 12)[-1].plain
    words = " ".join(line.plain.strip() for line in page(state.lab, 50, 40))
    assert "The same are the text, its held-out part, the seed, and" in words


async def test_before_the_race_it_is_said_what_is_the_same_for_all(desk: Opener) -> None:
    async with desk() as it:
        for side, said in (("model.tokenizer=bytes", True), ("model.n_head=8", False)):
            race = OpenRace((NANO, override(NANO, [side])))
            screen = GuessScreen(race, None)
            it.app.push_screen(screen)
            await it.sees("Which will have the lowest held-out loss?")
            assert any("The same are the text" in row for row in it.rows) is said
            await it.press("escape")


def test_losses_of_the_same_tokens_are_in_nats_with_the_bits_in_brackets() -> None:
    state = raced(BPE, BPE, unit="nats per token", counted="tokens", each=(1.0, 1.0))
    assert [side.curve.losses for side in state.lab.sides] == [((1, 2.0),)] * 2
    assert [side.curve.characters for side in state.lab.sides] == [(100,)] * 2
    assert "tokens" in SidesChart().draw(state, 60, 12)[-1].plain
    known = replace(verdict(1, (2.0, 2.1), final=True), bits_per_byte=(1.154, 1.212))
    lines = page(fold(state, known).lab, 50, 40)
    assert any("2.000 (1.154 bits/byte)" in line.plain for line in lines)
