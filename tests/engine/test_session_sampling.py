"""Prompts get a reply before, during and after training, and no bit of training depends on it."""

from pathlib import Path

import pytest
from driving import Driver, is_a, losses, of, only, run_to_end, tiny, transcript

from engine.config import RunConfig, SampleConfig, nano
from engine.protocol import (
    Close,
    CorpusLoaded,
    Event,
    Excerpt,
    Failed,
    Measure,
    Measured,
    Open,
    Opened,
    OpenRun,
    Pause,
    PhaseChanged,
    Sample,
    SampleDone,
    SampleStarted,
    Saved,
    SetExcerptPrompt,
    StepDone,
    StopSample,
    TextSampled,
    Train,
)

pytestmark = pytest.mark.timeout(30)

SHORT = SampleConfig(characters=50)
ENDLESS = SampleConfig(characters=1_000_000)


def reply_of(events: list[Event], sample_id: int = 1) -> str:
    return "".join(e.text for e in of(events, TextSampled) if e.sample_id == sample_id)


def sample_untrained(config: RunConfig, prompt: str, sample: SampleConfig) -> list[Event]:
    return Driver().when(is_a(SampleDone), Close()).run(Open(config), Sample(1, prompt, sample))


def test_before_training_a_sample_is_gibberish_of_known_characters(verse_file: Path) -> None:
    events = sample_untrained(tiny(verse_file), "The owl", SHORT)
    started = only(events, SampleStarted)
    assert (started.sample_id, started.step, started.prompt) == (1, 0, "The owl")
    assert (started.unknown, started.unseen) == ("", 0)
    text = reply_of(events)
    assert len(text) == 50
    assert len(set(text)) > 10
    assert set(text) <= set(verse_file.read_text())
    done = only(events, SampleDone)
    assert (done.characters, done.reason) == (50, "length")
    assert of(events, TextSampled)[-1].characters == 50
    assert done.seconds == of(events, TextSampled)[-1].seconds > 0


def test_the_reply_comes_in_pieces_that_add_up(verse_file: Path) -> None:
    events = sample_untrained(tiny(verse_file), "The", SampleConfig(characters=300))
    pieces = of(events, TextSampled)
    assert len(pieces) > 3
    counted = 0
    for piece in pieces:
        counted += len(piece.text)
        assert piece.characters == counted


def test_the_reply_to_a_prompt_is_generated_while_training_goes_on(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=3), Sample(1, "The owl", SHORT))
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert only(events, SampleStarted).step == 3
    course = [type(event).__name__ for event in transcript(events)]
    first, last = course.index("TextSampled"), course.index("SampleDone")
    assert "StepDone" in course[first:last]
    assert len(reply_of(events)) == 50
    assert [e.step for e in of(events, StepDone)] == list(range(1, 21))


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_prompts_during_training_change_no_bit_of_it(verse_file: Path, dropout: str) -> None:
    config = tiny(verse_file, f"model.dropout={dropout}")
    quiet = run_to_end(Open(config), Train())
    prompted = (
        Driver()
        .when(is_a(StepDone, step=2), Sample(1, "The owl", SHORT))
        .when(is_a(StepDone, step=9), Sample(2, "", ENDLESS))
        .when(is_a(StepDone, step=15), StopSample(), Sample(3, "mouse", SHORT))
        .when(is_a(Saved), Close())
        .run(Open(config), Train())
    )
    assert len(reply_of(prompted, 2)) > 1
    assert losses(quiet) == losses(prompted)


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_measuring_changes_no_bit_of_training(verse_file: Path, dropout: str) -> None:
    config = tiny(verse_file, f"model.dropout={dropout}")
    quiet = run_to_end(Open(config), Train())
    measuring = (
        Driver()
        .when(is_a(StepDone, step=7), Measure(tiny(verse_file, "model.dropout=0.5"), 30))
        .when(is_a(Saved), Close())
        .run(Open(config), Train())
    )
    assert len(of(measuring, Measured)) == 1
    assert losses(quiet) == losses(measuring)


def test_training_shows_in_the_samples(verse_file: Path) -> None:
    driver = Driver().when(is_a(Saved), Sample(2, "The owl", SHORT))
    driver.when(is_a(SampleDone, sample_id=2), Close())
    events = driver.run(Open(tiny(verse_file)), Sample(1, "The owl", SHORT), Train())
    assert [event.step for event in of(events, SampleStarted)] == [0, 20]
    assert reply_of(events, 1) != reply_of(events, 2)


def test_a_newer_prompt_supersedes_the_older(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(TextSampled), Sample(2, "mouse", SHORT))
        .when(is_a(SampleDone, sample_id=2), Close())
        .run(Open(tiny(verse_file)), Sample(1, "owl", ENDLESS))
    )
    superseded, _ = of(events, SampleDone)
    assert (superseded.sample_id, superseded.reason) == (1, "stopped")
    end = events.index(superseded)
    assert isinstance(events[end + 1], SampleStarted)
    assert {e.sample_id for e in of(events[end:], TextSampled)} == {2}
    assert len(reply_of(events, 2)) == 50


def test_stop_ends_the_reply(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(TextSampled), StopSample())
        .when(is_a(SampleDone), Close())
        .run(Open(tiny(verse_file)), Sample(1, "owl", ENDLESS))
    )
    done = only(events, SampleDone)
    assert (done.reason, done.characters) == ("stopped", len(reply_of(events)))


def test_stop_with_nothing_to_stop_does_nothing(verse_file: Path) -> None:
    events = Driver().run(Open(tiny(verse_file)), StopSample(), Close())
    assert [e for e in events if isinstance(e, SampleDone | Failed)] == []


def test_unknown_characters_are_reported_and_left_out(verse_file: Path) -> None:
    odd = sample_untrained(tiny(verse_file), "The ☃owl🦉, ☃\udcff?", SHORT)
    started = only(odd, SampleStarted)
    assert (started.prompt, started.unknown) == ("The owl, ?", "☃🦉\udcff")
    assert reply_of(odd) == reply_of(sample_untrained(tiny(verse_file), "The owl, ?", SHORT))


@pytest.mark.parametrize("prompt", ["", "☃☃"])
def test_an_empty_prompt_gets_a_reply(verse_file: Path, prompt: str) -> None:
    events = sample_untrained(tiny(verse_file), prompt, SHORT)
    assert only(events, SampleStarted).prompt == ""
    assert len(reply_of(events)) == 50


def test_a_long_prompt_reports_how_much_of_it_is_unseen(verse_file: Path) -> None:
    events = sample_untrained(tiny(verse_file), "the mouse below him hummed", SHORT)
    assert only(events, SampleStarted).unseen == 26 - 16
    end = sample_untrained(tiny(verse_file), "the mouse below him hummed"[-16:], SHORT)
    assert only(end, SampleStarted).unseen == 0
    assert reply_of(events) == reply_of(end)


def test_a_stop_character_ends_the_reply(verse_file: Path) -> None:
    whole = reply_of(sample_untrained(tiny(verse_file), "The", SHORT))
    stop = whole[20]
    config = SampleConfig(characters=50, stop=stop)
    events = sample_untrained(tiny(verse_file), "The", config)
    assert only(events, SampleDone).reason == "stop character"
    assert reply_of(events) == whole[: whole.index(stop)]


def test_the_excerpts_are_the_same_whatever_is_prompted_meanwhile(verse_file: Path) -> None:
    wild = SampleConfig(characters=1, stop="e", temperature=2, seed=5, top_p=1)
    prompted = (
        Driver()
        .when(is_a(StepDone, step=3), Sample(1, "mouse", wild))
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    alone = run_to_end(Open(tiny(verse_file)), Train())
    # The last ones: those before may be cut short by the next.
    assert of(prompted, Excerpt)[-1] == of(alone, Excerpt)[-1]
    opening = only(alone, CorpusLoaded).opening
    assert {event.prompt for event in of(alone, Excerpt)} == {opening}


def test_the_excerpts_follow_the_prompt_that_was_set_for_them_even_when_reopened(
    verse_file: Path,
) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=3), SetExcerptPrompt("mouse☃"))
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    prompts = [(event.step, event.prompt) for event in of(events, Excerpt)]
    opening = only(events, CorpusLoaded).opening
    assert prompts == [(0, opening), (3, "mouse"), (10, "mouse"), (20, "mouse")]
    again = run_to_end(OpenRun(only(events, Opened).run), Train())
    assert of(again, Excerpt)[-1].prompt == "mouse"
    assert of(again, Excerpt)[-1].step > 20


def test_a_prompt_for_the_excerpts_of_unknown_characters_only_is_refused(verse_file: Path) -> None:
    events = run_to_end(Open(tiny(verse_file)), SetExcerptPrompt("☃☃"), Train())
    assert only(events, Failed).message == (
        "The text has none of these characters: the samples keep their prompt."
    )
    opening = only(events, CorpusLoaded).opening
    assert {event.prompt for event in of(events, Excerpt)} == {opening}


def test_sampling_goes_on_while_paused(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=5), Sample(1, "owl", SHORT), Pause())
        .when(is_a(SampleDone), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert len(reply_of(events)) == 50
    assert of(events, StepDone)[-1].step == 5


def test_opening_another_run_ends_the_reply(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(TextSampled), Open(tiny(verse_file)), Close())
        .run(Open(tiny(verse_file)), Sample(1, "owl", ENDLESS))
    )
    assert only(events, SampleDone).reason == "stopped"
    assert len(of(events, Opened)) == 2


def test_measuring_reports_the_cost_of_a_config(verse_file: Path) -> None:
    small = tiny(verse_file)
    large = nano(str(verse_file))
    vocabulary = len(set(verse_file.read_text(encoding="utf-8")))
    asked = (
        Measure(small, vocabulary),
        Measure(small, 10 * vocabulary),
        Measure(large, vocabulary),
    )
    events = Driver().run(Open(small), *asked, Close())
    opened = only(events, Opened)
    first, other_text, second = of(events, Measured)
    assert (first.config, other_text.config, second.config) == (small, small, large)
    assert first.parameters == opened.parameters
    # Embedding and head have a row for each character.
    more = 2 * 9 * vocabulary * small.model.n_embd
    assert other_text.parameters == first.parameters + more < second.parameters
    assert all(4 * one.parameters < one.memory < 8e9 for one in (first, second))
    assert 0 < first.step_seconds < second.step_seconds < 60
    assert of(events, PhaseChanged) == []
