"""A run on a large text is the run on the same text in memory, to the last bit."""

from pathlib import Path

import pytest
from driving import Driver, only, tiny

from data import files, raw_bytes
from engine.protocol import (
    Busy,
    Close,
    ConfirmationRequired,
    CorpusLoaded,
    Evaluated,
    Event,
    Failed,
    LadderMeasured,
    Open,
    Opened,
    OpenRun,
    Saved,
    StepDone,
    StopReading,
    Train,
)
from engine.storage import corpus_text
from engine.storage.paths import folder_of


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Texts of some kilobytes go the way of large ones."""
    for module in (files, corpus_text):
        monkeypatch.setattr(module, "LARGE_BYTES", 1_000)
    monkeypatch.setattr(raw_bytes, "_CHUNK_BYTES", 999)


def trained(text: Path, *assignments: str) -> list[Event]:
    """A run from its opening to its end, and the whole ladder."""
    driver = Driver().when(
        lambda event: isinstance(event, LadderMeasured) and event.complete, Close()
    )
    return driver.run(Open(tiny(text, *assignments)), Train())


def _exact(event: Event) -> object:
    match event:
        case Evaluated() | StepDone():
            return event.step, event.loss
        case Opened():
            return event.tokens
        case _:
            return event


def measured(events: list[Event]) -> list[object]:
    """What does not depend on where the text is."""
    return [
        _exact(event)
        for event in events
        if isinstance(event, CorpusLoaded | Opened | Evaluated | StepDone | LadderMeasured)
    ]


@pytest.mark.parametrize("tokenizer", ["characters", "bytes", "bpe"])
def test_it_takes_the_same_course(
    verse_file: Path, request: pytest.FixtureRequest, tokenizer: str
) -> None:
    settings = (f"model.tokenizer={tokenizer}", "model.vocabulary=300")
    in_memory = trained(verse_file, *settings)
    request.getfixturevalue("small_is_large")
    large = trained(verse_file, *settings)
    assert [event.what for event in large if isinstance(event, Busy) and event.done == 0][:3] == [
        f"{what} {verse_file}" for what in ("reading", "counting", "encoding")
    ]
    assert measured(large) == measured(in_memory)


@pytest.mark.usefixtures("small_is_large")
def test_it_is_resumed_and_a_changed_text_is_told(verse_file: Path) -> None:
    first = Driver().when(lambda event: isinstance(event, Saved), Close())
    name = only(first.run(Open(tiny(verse_file)), Train()), Opened).run
    verse_file.unlink()  # the run has its own text

    again = Driver().when(lambda event: isinstance(event, Opened), Close())
    events = again.run(OpenRun(name))
    assert only(events, Opened).step == 20
    assert not [event for event in events if isinstance(event, Busy) and event.done >= 0]

    text = folder_of(name) / "corpus.txt"
    text.write_text(text.read_text()[::-1])
    changed = Driver().when(lambda event: isinstance(event, ConfirmationRequired), Close())
    assert (
        "is not the one it was trained on"
        in only(changed.run(OpenRun(name)), ConfirmationRequired).question
    )


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("what", ["reading", "counting", "encoding"])
def test_reading_is_stopped_and_begun_again(verse_file: Path, what: str) -> None:
    def half(event: Event) -> bool:
        return isinstance(event, Busy) and event.what.startswith(what) and event.done > 0.3

    driver = Driver().when(half, StopReading())
    driver.when(lambda event: isinstance(event, Failed), Open(tiny(verse_file)))
    driver.when(lambda event: isinstance(event, Opened), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    assert only(events, Failed).message == "Stopped before the text was read."
    assert len([event for event in events if isinstance(event, Opened)]) == 1

    late = Driver().when(lambda event: isinstance(event, Opened), StopReading(), Train())
    late.when(lambda event: isinstance(event, Saved), Close())
    assert not [e for e in late.run(Open(tiny(verse_file))) if isinstance(e, Failed)]

    closed = Driver().when(half, Close()) if what == "reading" else None
    if closed is not None:
        verse_file.write_text(verse_file.read_text() + "more")
        assert not [e for e in closed.run(Open(tiny(verse_file))) if isinstance(e, Opened | Failed)]


@pytest.mark.parametrize("large", [False, True])
def test_whole_files_are_held_out(
    tmp_path: Path, request: pytest.FixtureRequest, large: bool
) -> None:
    """The held-out loss is that of a run whose text has these files at its end."""
    if large:
        request.getfixturevalue("small_is_large")
    folder = tmp_path / "letters"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.txt").write_text(f"letter {number:02}, to you and yours\n" * 9)
    driver = Driver().when(lambda event: isinstance(event, Saved), Close())
    events = driver.run(Open(tiny(folder, "train.val_documents=on")), Train())
    corpus, opened = only(events, CorpusLoaded), only(events, Opened)
    assert (corpus.documents, corpus.held_out_documents) == (12, 2)

    text = (folder_of(opened.run) / "corpus.txt").read_text()
    assert corpus.train_characters == opened.config.held_out_from
    held_out = text[opened.config.held_out_from :]
    names = {line[7:9] for line in held_out.split("\n") if line}
    assert len(names) == 2
    assert not any(f"letter {name}" in text[: corpus.train_characters] for name in names)

    again = Driver().when(lambda event: isinstance(event, Opened), Close())
    saved = only(again.run(OpenRun(opened.run)), CorpusLoaded)
    assert (saved.documents, saved.train_characters) == (12, corpus.train_characters)
    assert saved.held_out_documents == 2
