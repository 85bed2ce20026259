"""What keys, mouse and typed text do: the commands to the engine, and what the screen shows."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from looking import Desk, Opener, engine_of, recorded_app, shown
from recording import (
    CONFIG,
    GIBBERISH,
    OPENING,
    PROMPT,
    RUN,
    STEPS,
    VERSE,
    closed,
    corpus_loaded,
    opened,
    opening,
    step_done,
    trained,
    untrained,
    written,
)
from rich.cells import cell_len
from textual import events
from textual.app import App
from textual.widgets import Input

from engine.config import SampleConfig
from engine.protocol import (
    Busy,
    Close,
    Command,
    Excerpt,
    Failed,
    LearningRateChanged,
    OpenRun,
    Pause,
    Phase,
    PhaseChanged,
    Rollback,
    Sample,
    SampleStarted,
    Saved,
    SetExcerptPrompt,
    SetLearningRate,
    Step,
    Stop,
    StopReading,
    StopSample,
    Train,
)
from tui.app import TinyGPTApp
from tui.panes.keys import KeysLine
from tui.panes.prompt import PromptInput, SamplingControlsLine, WrittenText
from tui.panes.samples import SamplesPane
from tui.panes.text import TextPane
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.help import KEYS, HelpScreen
from tui.screens.new_run import NewRunScreen


def prompt_of(desk: Desk) -> PromptInput:
    return desk.app.query_one(PromptInput)


# The start.


def test_the_app_is_made_of_plain_parts() -> None:
    """A subclass of Textual's `App` delays the first paint, and in a plain class `@on` does nothing."""
    bases = TinyGPTApp.__mro__
    made = [base.__name__ for base in bases if issubclass(base, App)]
    assert made == ["TinyGPTApp", "EngineApp", "PatchedApp", "App"]
    parts = [base for base in bases if base.__name__.endswith("Actions")]
    assert len(parts) > 10
    for part in parts:
        assert not [name for name, method in vars(part).items() if hasattr(method, "_textual_on")]


async def test_the_screen_is_painted_before_the_engine_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    painted: list[str] = []
    at_start: list[list[str]] = []
    paint = App._display

    def watch_paint(app: App[None], screen: object, renderable: object) -> None:
        paint(app, screen, renderable)  # type: ignore[arg-type]
        painted[:] = shown(app)

    monkeypatch.setattr(App, "_display", watch_paint)
    app = recorded_app()
    engine = engine_of(app)
    monkeypatch.setattr(engine, "start", lambda: at_start.append(list(painted)))
    async with app.run_test(size=(120, 40)) as pilot:
        desk = Desk(app, pilot)
        await desk.until(lambda: engine.commands)

        assert engine.commands == [OPENING]

    assert len(at_start) == 1
    assert any("warming up" in row for row in at_start[0])
    assert any("─ samples ─" in row for row in at_start[0])


async def test_while_torch_loads_the_text_is_already_there(desk: Opener) -> None:
    async with desk(*opening()[:4]) as it:
        await it.sees("warming up: loading torch", "1,188,624 characters", "63 different")


@pytest.fixture
def not_collecting() -> Iterator[None]:
    """As the command starts the app."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("not_collecting")
async def test_once_a_run_is_open_garbage_is_collected(desk: Opener) -> None:
    async with desk(play=False) as it:
        assert not gc.isenabled()

        await it.play(*opening())

        await it.sees("1,188,624 characters")
        assert gc.isenabled()
        assert gc.get_freeze_count() > 10_000


async def test_a_long_sentence_is_read_whole_in_a_small_window(desk: Opener) -> None:
    sentence = " ".join(f"word{number}" for number in range(25))
    async with desk(size=(80, 24)) as it:
        await it.play(Failed(sentence, "save"))
        await it.until(lambda: sentence in " ".join(" ".join(shown(it.app)).split()))
        await it.play(PhaseChanged("training", 0))
        await it.sees("● training")
        assert shown(it.app)[2].startswith("╭")


async def test_it_says_why_this_text(desk: Opener) -> None:
    async with desk(why="No text was named, so this is tales.") as it:
        await it.sees("No text was named, so this is", "tales.")


async def test_an_untrained_run_says_what_to_press(desk: Opener) -> None:
    async with desk() as it:
        await it.sees("each character is one of 63 at random. Space trains; t: a tour.")
        await it.sees("● untrained", f"run {RUN}", "qZ&kx'Jw ;eVNDpB!fT")


async def test_keys_before_anything_is_open_are_harmless(desk: Opener) -> None:
    async with desk(play=False) as it:
        await it.press("c", "<", ">", "l", "v", "escape", "]", "?", "escape")

        assert it.asked == []
        assert it.app.return_code is None


async def test_at_the_pace_of_a_screen_the_last_word_is_shown_too() -> None:
    app = recorded_app()
    async with app.run_test(size=(120, 40)) as pilot:
        desk = Desk(app, pilot)
        await desk.until(lambda: desk.engine.started)
        await desk.play(*untrained(), PhaseChanged("training", 0))
        await desk.play(*map(step_done, range(1, 20)))
        await desk.play(step_done(20))

        await desk.sees("step 20 / 2,000", "● training", "seen 0.04 times", "34,133 char/s")


# Keys.


async def test_space_trains_or_pauses(desk: Opener) -> None:
    expected: dict[Phase, Command] = {
        "untrained": Train(),
        "training": Pause(),
        "paused": Train(),
        "done": Train(),
        "failed": Train(),
    }
    async with desk() as it:
        for phase in expected:
            await it.play(PhaseChanged(phase, 3))
            await it.press("space")

        assert it.asked == list(expected.values())


async def test_a_failed_step_names_the_ways_out_and_b_goes_back(desk: Opener) -> None:
    async with desk() as it:
        await it.press("b")  # no way out is needed yet
        failed = Failed("At step 7 the loss is no longer a number.", "train")
        await it.play(PhaseChanged("failed", 6), failed)
        await it.sees("At step 7 the loss", "b returns to the last save at half the learning rate")
        await it.press("b")

        assert it.asked == [Rollback()]


async def test_after_an_error_of_the_engine_space_opens_the_run_again(desk: Opener) -> None:
    async with desk() as it:
        failed = Failed("The engine stopped: KeyError. Space opens the run.", "engine")
        await it.play(PhaseChanged("training", 0), step_done(1), failed)
        await it.sees("The engine stopped", "● failed")
        await it.press("space")

        assert it.asked == [OpenRun(RUN)]


async def test_what_is_not_as_it_was_is_said_until_the_next_step(desk: Opener) -> None:
    note = "Opened as it was at step 250, since model in checkpoint 000004 has been changed."
    saved = msgspec.structs.replace(opened(), phase="paused", step=250, note=note)
    async with desk(corpus_loaded(), saved, play=True) as it:
        await it.sees("Opened as it was at step 250")


async def test_keys_are_commands(desk: Opener) -> None:
    async with desk() as it:
        await it.press("n", "<", ">", "w", "escape")
        await it.play(PhaseChanged("training", 0))
        await it.press("x")

        assert it.asked == [
            Step(),
            SetLearningRate(0.024),
            SetLearningRate(0.03),
            Sample(1, "", SampleConfig()),
            Stop(),
        ]


async def test_esc_stops_the_reading_of_a_text_wherever_that_is_shown(desk: Opener) -> None:
    half = Busy("counting big.txt", 0.34, stoppable=True)
    async with desk(play=False) as it:
        await it.play(half)
        await it.sees("warming up: counting big.txt 34%  (Esc stops)")
        await it.press("escape")
        assert it.asked == [StopReading()]
    async with desk() as it:
        await it.press("2")
        await it.play(half)
        await it.sees("counting big.txt 34%  (Esc stops)", "▸2")
        await it.press("escape")
        assert it.asked[-1] == StopReading()
        await it.play(Busy(""), Failed("Stopped before the text was read.", "open"))
        await it.sees("Stopped before the text was read.", "▸2")


async def test_every_press_counts_from_the_rate_asked_for_last(desk: Opener) -> None:
    """Though the engine answers only after its step."""
    async with desk(*untrained(), PhaseChanged("training", 0), step_done(1_240)) as it:
        await it.press(*">>>>")
        asked = [0.0375, 0.0469, 0.0586, 0.0732]
        assert it.engine.sent(SetLearningRate) == [SetLearningRate(rate) for rate in asked]

        await it.play(*(LearningRateChanged(1_241, rate) for rate in asked[:2]))
        await it.press("<")
        assert it.engine.sent(SetLearningRate)[-1] == SetLearningRate(0.0586)

        await it.play(LearningRateChanged(1_241, 0.0586), step_done(1_241))
        await it.sees("learning rate 0.0190, peak 0.0586")


async def test_a_refused_learning_rate_is_not_the_base_of_the_next(desk: Opener) -> None:
    async with desk() as it:
        await it.press(">")
        await it.play(Failed("The learning rate goes to 1.", "train"))
        await it.press("<")

        assert it.engine.sent(SetLearningRate)[-1] == SetLearningRate(0.024)


async def test_a_sampling_control_shows_its_value_and_the_next_text_uses_it(desk: Opener) -> None:
    async with desk() as it:
        for keys, line, config in (
            ("]", "temperature 0.9", SampleConfig(temperature=0.9)),
            ("[[", "temperature 0.7", SampleConfig(temperature=0.7)),
            ("]===", "top-k 3", SampleConfig(top_k=3)),
            ("--", "top-k 1", SampleConfig(top_k=1)),
            ("-}}", "top-p off", SampleConfig(top_p=1.0)),
            ("{{{", "top-p 0.90", SampleConfig(top_p=0.9)),
            ("}sss", "seed 4", SampleConfig(seed=4)),
            ("SSSS", "seed 0", SampleConfig(seed=0)),
        ):
            await it.press(*keys)
            await it.sees(line)
            await it.press("w")

            assert it.engine.sent(Sample)[-1].config == config


async def test_a_run_brings_its_own_sampling_settings(desk: Opener) -> None:
    import msgspec

    config = msgspec.structs.replace(CONFIG, sample=SampleConfig(temperature=0.3, seed=7))
    async with desk(*opening()[:-1], opened(config)) as it:
        await it.sees("temperature 0.3", "seed 7")


async def test_the_step_axis_becomes_logarithmic_and_linear_again(desk: Opener) -> None:
    async with desk(*untrained(), *trained(STEPS)) as it:
        linear = it.row(" steps ")
        await it.press("l")
        await it.until(lambda: it.row(" steps ") != linear)
        await it.press("l")
        await it.until(lambda: it.row(" steps ") == linear)


async def test_help_lists_the_keys_and_closes(desk: Opener) -> None:
    async with desk() as it:
        await it.press("?")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen))
        await it.sees("train, or pause", "top-p: sample from", "learning rate, from the next step")
        await it.press("space", "n", "x", "escape")
        await it.until(lambda: not isinstance(it.app.screen, HelpScreen))

        assert it.asked == []


async def test_in_a_small_window_every_key_of_the_help_fits_its_line(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        await it.press("?")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen))
        await it.sees(*(text for _, text in KEYS[:20]))


async def test_c_opens_the_form(desk: Opener) -> None:
    async with desk() as it:
        await it.press("c")
        await it.until(lambda: isinstance(it.app.screen, NewRunScreen))
        await it.sees("new run", "Start (Enter)")


# The prompt.


async def test_a_typed_prompt_is_written_on(desk: Opener) -> None:
    async with desk() as it:
        await it.press("p")
        await it.type("To be")
        await it.press("enter")

        assert it.asked == [Sample(1, "To be", SampleConfig())]


async def test_tab_goes_to_the_prompt_and_on_to_what_it_wrote(desk: Opener) -> None:
    async with desk() as it:
        await it.press("tab")
        assert prompt_of(it).has_focus
        await it.press("tab")
        assert it.app.query_one("#written").has_focus
        await it.press("p")
        assert prompt_of(it).has_focus


async def test_each_text_has_a_number_of_its_own(desk: Opener) -> None:
    async with desk() as it:
        await it.press("w", "w", "w")

        assert [sample.sample_id for sample in it.engine.sent(Sample)] == [1, 2, 3]


KEYS_OF_COMMANDS = "x q n c ? [ ] w l v s S { } - = < > p"


async def test_what_is_typed_into_the_prompt_is_text(desk: Opener) -> None:
    async with desk() as it:
        await it.press("p")
        await it.type(KEYS_OF_COMMANDS)

        assert prompt_of(it).value == KEYS_OF_COMMANDS
        assert it.asked == []
        assert len(it.app.screen_stack) == 1
        assert it.app.sample_config == SampleConfig()


async def test_what_is_typed_right_after_p_is_text(desk: Opener) -> None:
    async with desk() as it:
        for character in "p" + KEYS_OF_COMMANDS:  # all at once, as a fast hand or a slow line
            it.app.post_message(events.Key("space" if character == " " else character, character))
        await it.until(lambda: len(prompt_of(it).value) == len(KEYS_OF_COMMANDS))

        assert prompt_of(it).value == KEYS_OF_COMMANDS
        assert it.asked == []


async def test_after_the_prompt_is_left_keys_are_commands_again(desk: Opener) -> None:
    async with desk() as it:
        await it.press("p", "a", "escape", "n")

        assert it.asked == [Step()]
        assert prompt_of(it).value == "a"


async def test_escape_stops_the_writing_and_then_leaves(desk: Opener) -> None:
    async with desk(*untrained(), *written("abc", end=False)) as it:
        await it.press("p", "escape")
        assert it.asked == [StopSample()]
        assert prompt_of(it).has_focus

        await it.play(*written("abc"))
        await it.press("escape")
        assert it.asked == [StopSample()]
        assert not prompt_of(it).has_focus


async def test_how_much_more_it_trains_can_be_said(desk: Opener) -> None:
    async with desk(*untrained(), *trained(STEPS)) as it:
        await it.press("T", *"10 min", "enter")
        await it.until(lambda: it.engine.sent(Train))
        assert it.engine.sent(Train) == [Train(minutes=10)]
        await it.press("T", *"a lot", "enter")
        await it.sees("That is no length: 500 are steps, 10 min are minutes.")
        assert it.engine.sent(Train) == [Train(minutes=10)]


async def test_u_uses_the_prompt_for_the_samples(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("p", *"Ay", "enter", "escape", "u")
        await it.until(lambda: it.engine.sent(SetExcerptPrompt))
        assert it.engine.sent(SetExcerptPrompt) == [SetExcerptPrompt("Ay")]


async def test_u_without_a_prompt_asks_for_one(desk: Opener) -> None:
    async with desk(*untrained()) as it:
        await it.press("u")
        (notification,) = it.app._notifications
        assert notification.message == "Type a prompt first (p): u has the samples continue it."
        assert it.engine.sent(SetExcerptPrompt) == []


async def test_prompts_come_back(desk: Opener) -> None:
    async with desk() as it:
        await it.press("p", "a", "enter", "backspace", "b", "enter", "enter", "backspace")

        recalled = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await it.press(key)
            recalled.append(prompt_of(it).value)

        assert recalled == ["b", "a", "a", "b", "", ""]


async def test_a_line_end_is_typed_as_one_reads_it(desk: Opener) -> None:
    async with desk() as it:
        await it.press("p")
        await it.type("A:\\nB")
        await it.press("enter")

        assert [sample.prompt for sample in it.engine.sent(Sample)] == ["A:\nB"]


async def paste_as_prompt(it: Desk, text: str) -> str:
    """Paste a text into the prompt and send it; the prompt that the model gets."""
    await it.press("p")
    it.app.post_message(events.Paste(text))
    await it.until(lambda: prompt_of(it).value)
    await it.press("enter")
    (sample,) = it.engine.sent(Sample)
    return sample.prompt


async def test_pasted_lines_stay_lines(desk: Opener) -> None:
    async with desk() as it:
        pasted = await paste_as_prompt(it, "ROMEO:\r\nO night,\rso dark\n\n")
        assert pasted == "ROMEO:\nO night,\nso dark"


async def test_what_a_terminal_would_obey_or_hide_is_kept_in_a_pasted_prompt(desk: Opener) -> None:
    """A tab, an emoji joiner and a variation selector are in the text, so the model knows them."""
    text = "a\tb 👩\u200d🔬 ❤\ufe0f!"
    async with desk() as it:
        assert await paste_as_prompt(it, text) == text
        assert "a␉b 👩\ufffd🔬 ❤\ufffd!" in it.row("a␉b")


async def test_the_text_streams_under_the_prompt(desk: Opener) -> None:
    async with desk(*untrained(), *written("", end=False)) as it:
        for event in written(GIBBERISH)[1:4]:
            await it.play(event)

        await it.sees("ROMEO:qZ&kx'Jw ;eVNDpB!fT.hQm uG?ysRLc-Wzo:Ki j&UEXv,aMtb")
        await it.sees("gIdYl'nOAr;SHfCw eFxq!Zk.Vp", "810 char/s", "by step 0")


async def test_while_it_writes_a_cursor_stands_at_the_end(desk: Opener) -> None:
    async with desk(*untrained(), *written("abc", end=False)) as it:
        await it.sees("ROMEO:abc▌")
        await it.play(*written("abc"))
        await it.until(lambda: not any("abc▌" in row for row in it.rows))


async def test_characters_it_has_never_seen_are_named(desk: Opener) -> None:
    async with desk(*untrained(), SampleStarted(1, 0, "Rome", "é中", 0)) as it:
        await it.sees("never seen, left out: é中")


async def test_a_prompt_beyond_the_context_is_reported(desk: Opener) -> None:
    async with desk(*untrained(), SampleStarted(1, 0, "x" * 400, "", 272)) as it:
        await it.sees("sees only the end: 272 characters beyond its context")


async def test_a_long_text_is_followed_unless_one_scrolls_up(desk: Opener) -> None:
    lines = "".join(f"line {number}\n" for number in range(40))
    async with desk(*untrained(), *written(lines, end=False)) as it:
        await it.sees("line 39")

        await it.pilot.click("#written")
        await it.press("home")
        await it.until(lambda: any("line 1 " in row for row in it.rows))
        more = written(lines + "more\n", end=False)[-1]
        await it.play(more)
        assert not any("more" in row for row in it.rows)


# The mouse, the footer and the palette.

WORDS = ("train", "step", "prompt", "new run", "saved", "help", "quit")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_footer_has_the_keys(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(size=size) as it:
        footer = it.rows[-1]

        for word in WORDS:
            assert f" {word}" in footer


async def test_the_footer_can_be_clicked(desk: Opener) -> None:
    clicks = {"train": Train(), "step": Step(), "quit": Close()}
    async with desk() as it:
        for word in clicks:
            await it.pilot.click(KeysLine, offset=(it.rows[-1].index(f" {word}") + 1, 0))

        assert it.asked == list(clicks.values())


async def test_a_sampling_control_can_be_clicked(desk: Opener) -> None:
    async with desk() as it:
        line = it.app.query_one(SamplingControlsLine)
        for key, expected in (
            ("[", "temperature 0.7"),
            ("]", "temperature 0.8"),
            ("=", "top-k 1"),
            ("-", "top-k off"),
            ("{", "top-p 0.90"),
            ("}", "top-p 0.95"),
            ("s", "seed 2"),
            ("S", "seed 1"),
        ):
            place = f"{it.row('temperature')} ".index(f" {key} ") + 1 - line.region.x
            await it.pilot.click(line, offset=(place, 0))

            await it.sees(expected)


async def test_the_prompt_can_be_clicked(desk: Opener) -> None:
    async with desk() as it:
        await it.pilot.click(PromptInput)
        await it.type("x q")

        assert prompt_of(it).value == "x q"


async def test_a_command_of_the_palette_does_what_its_key_does(desk: Opener) -> None:
    async with desk() as it:
        await it.press("ctrl+p")
        await it.until(lambda: len(it.app.screen_stack) == 2)
        await it.type("raise top-k")
        await it.sees("Raise top-k")
        await it.press("enter")
        await it.until(lambda: len(it.app.screen_stack) == 1)

        await it.sees("top-k 1")


# The end.


async def test_q_closes_the_engine_and_waits_for_it(desk: Opener) -> None:
    async with desk() as it:
        await it.press("q")
        assert it.asked == [Close()]
        assert it.app.return_code is None

        it.engine.play([Saved(RUN, 3, "runs/x"), closed()])
        await it.until(lambda: it.app.return_code is not None)

    assert it.app.return_code == 0
    assert it.engine.closed == 1


async def test_without_being_asked_to_close_the_app_stays(desk: Opener) -> None:
    async with desk(*untrained(), Failed("The engine stopped.", "engine"), closed()) as it:
        await it.sees("The engine stopped.")
        assert it.app.return_code is None

        await it.press("?")
        await it.sees("train, or pause")


async def test_a_run_that_is_not_saved_says_so_and_quitting_asks(desk: Opener) -> None:
    unsaved = msgspec.structs.replace(opened(), saving=False)
    events = [unsaved if event == opened() else event for event in untrained()]
    async with desk(*events) as it:
        await it.sees("not saved  ● untrained")
        await it.play(*trained(3))
        await it.press("q")
        await it.sees("This run is not saved (--no-save). Quit without saving?")
        assert it.engine.sent(Close) == []
        await it.press("y")
        await it.until(lambda: it.engine.sent(Close))
        assert it.engine.sent(Close) == [Close(save=False)]


async def test_when_the_engine_has_ended_q_still_quits(desk: Opener) -> None:
    async with desk(*untrained(), Failed("The engine stopped.", "engine"), closed()) as it:
        await it.press("q")
        await it.until(lambda: it.app.return_code is not None)

    assert it.app.return_code == 0


async def test_a_run_that_cannot_be_opened_ends_the_app_with_a_sentence(
    desk: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk(play=False) as it:
        it.engine.play([Failed("There is no file a.txt.", "open")])
        await it.until(lambda: it.app.return_code is not None)

    assert it.app.return_code == 2
    assert capsys.readouterr().err == "There is no file a.txt.\n"


async def test_what_is_said_at_the_end_names_the_run(
    desk: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    async with desk() as it:
        await it.press("q")
        it.engine.play([Saved(RUN, 1_240, "runs/x"), closed()])
        await it.until(lambda: it.app.return_code is not None)

    said = capsys.readouterr().err
    assert said == f"Saved as {RUN} at step 1,240. Go on with: tinygpt-tui --run {RUN}\n"


async def failed_to_save(it: Desk) -> None:
    await it.press("q")
    await it.play(Failed("The disk is full.", "save"))
    await it.until(lambda: isinstance(it.app.screen, ConfirmDialog))
    await it.sees("The disk is full. Quit without saving?")


@pytest.mark.parametrize("key", ["n", "escape"])
async def test_what_would_be_lost_is_kept_on_no(desk: Opener, key: str) -> None:
    async with desk() as it:
        await failed_to_save(it)
        await it.press(key)
        await it.until(lambda: len(it.app.screen_stack) == 1)
        await it.sees("The disk is full.")
        await it.press("space")

        assert it.asked == [Close(), Train()]
        assert it.app.return_code is None


async def press_yes(it: Desk) -> None:
    await it.press("y")


async def click_yes(it: Desk) -> None:
    await it.pilot.click("#yes")


@pytest.mark.parametrize("answer", [press_yes, click_yes])
async def test_what_would_be_lost_is_lost_on_yes(
    desk: Opener, answer: Callable[[Desk], object]
) -> None:
    async with desk() as it:
        await failed_to_save(it)
        await answer(it)  # type: ignore[misc]
        assert it.asked == [Close(), Close(save=False)]

        it.engine.play([closed()])
        await it.until(lambda: it.app.return_code is not None)

    assert it.app.return_code == 0


async def test_a_failed_save_without_quitting_asks_nothing(desk: Opener) -> None:
    async with desk(*untrained(), Failed("The disk is full.", "save")) as it:
        await it.sees("The disk is full.")

        assert len(it.app.screen_stack) == 1


async def test_when_training_ends_the_app_goes_on(desk: Opener) -> None:
    async with desk(*untrained(), *trained(STEPS)) as it:
        await it.sees(
            "● done",
            f"Held-out loss 1.5532; saved as {RUN}. Space trains 2,000 more steps",
            "100%",
        )
        await it.press("p")
        await it.type(PROMPT)
        await it.press("enter")
        await it.play(*written(VERSE, step=STEPS))
        await it.sees("Upon the wall, and give her hand to heaven", "by step 2,000")
        await it.press("escape", "space")

        assert it.asked == [Sample(1, PROMPT, SampleConfig()), Train()]


async def test_while_it_trains_the_numbers_move(desk: Opener) -> None:
    async with desk(*untrained(), PhaseChanged("training", 0)) as it:
        await it.play(step_done(1_240, 1.6))
        await it.sees("● training", "step 1,240 / 2,000", "62%", "34,133 char/s")
        await it.sees("━ training 1.600", "seen 2.37 times")
        await it.sees("◆ held-out 4.1432 (untrained)")


async def test_the_samples_can_be_read_from_the_first_one_on(desk: Opener) -> None:
    async with desk(*untrained(), *trained(STEPS)) as it:
        await it.sees("step  2,000  ROMEO: / Good night, sweet lady")
        await it.pilot.click("SamplesPane")
        await it.press("home")

        await it.sees("step      0  ROMEO:qZ&kx'Jw")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_long_history_that_comes_at_once_leaves_room_for_the_scrollbar(
    desk: Opener, size: tuple[int, int]
) -> None:
    words = [f"w{number:03}" for number in range(24)]
    history = [Excerpt(250 * number, PROMPT, " ".join(words)) for number in range(50)]
    async with desk(*opening(), *history, *written(" ".join(words * 9)), size=size) as it:
        await it.sees("step 12,250")
        for pane in (it.app.query_one(SamplesPane), it.app.query_one(WrittenText)):
            assert pane.show_vertical_scrollbar
            assert max(cell_len(line.plain) for line in pane._lines) <= pane.size.width - 1
        seen = " ".join(it.rows).split()
        assert {word for word in seen if word.startswith("w")} >= set(words[1:])


async def test_the_panes_say_what_they_are(desk: Opener) -> None:
    async with desk() as it:
        for title in ("text", "loss, in nats per character", "training", "samples", "prompt"):
            await it.sees(f"─ {title} ─")
        assert it.app.query_one(TextPane).size.height > 8
        assert it.app.query_one(KeysLine).size.height == 1
        assert isinstance(it.app, TinyGPTApp)
        assert it.app.query_one("#prompt-input", Input).size.width > 100


async def test_an_error_of_the_screen_is_one_line_and_a_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = recorded_app()
    async with app.run_test():
        secret = "a line of the user's text"
        try:
            raise ValueError("[@click=app.quit]\x1b]0;x\x07")
        except ValueError:
            app._fatal_error()
    printed = capsys.readouterr().err
    assert printed.startswith(
        "The screen stopped: ValueError: [@click=app.quit]␛]0;x␇ (all of it in"
    )
    assert secret not in printed
    (log,) = (home / "log").iterdir()
    assert "test_an_error_of_the_screen" in log.read_text()


async def test_after_an_error_of_the_screen_the_last_line_says_where_the_run_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = recorded_app()
    async with app.run_test():
        app._link.emit(Saved("amber\x1botter", 20, "somewhere"))
        try:
            raise ValueError("a bug")
        except ValueError:
            app._fatal_error()
    assert "saved" not in capsys.readouterr().err
    assert app.last_words == (
        "Saved as amber␛otter at step 20. Go on with: tinygpt-tui --run amber␛otter"
    )
