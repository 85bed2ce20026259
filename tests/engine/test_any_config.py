"""Any config gives a run, or one user-facing message that says why not."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from driving import FakeClock, IdleInbox, losses, of, only, tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.prompts import MAX_LENGTH, default_prompt
from data.statistics import measure
from engine.config import (
    ModelConfig,
    RunConfig,
    SampleConfig,
    TrainConfig,
    all_settings,
    override,
    small,
)
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    Close,
    Command,
    Event,
    Failed,
    Measure,
    Measured,
    Open,
    Opened,
    OpenRun,
    Sample,
    SampleDone,
    Saved,
    SetLearningRate,
    Step,
    StepDone,
    TextSampled,
    to_json,
)
from engine.session.session import Session
from engine.settings import Setting
from engine.storage.saved_run import load_run

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

TEXT = "\n".join(
    f"{number} owls upon the wall, said she;\nand {number} mice below, said he."
    for number in range(30)
)
NASTY = "\0\x1b\n\x7f\x9b\u202e\ud800\udcff~/@.=\ufeff\u0301"
ANY_TEXT = st.lists(st.characters() | st.sampled_from(NASTY), max_size=40).map("".join)
"""Text with many a nasty character: in `st.text` they would be as rare as any other."""
TECHNICAL = ("codec can't", "null byte", "Traceback", "Error")

# Configs.


def fitting(setting: Setting) -> st.SearchStrategy[str]:
    """An assignment of a value that this setting can have."""
    low, high = setting.low, setting.high
    typed: st.SearchStrategy[str] = st.sampled_from(setting.choices or ("",))
    if low is not None and high is not None:
        whole = st.integers(math.ceil(low), math.floor(high)).map(str)
        typed = whole if setting.kind is int else st.floats(low, high).map(repr)
    return typed.map(f"{setting.key}={{}}".format)


FITTING = (
    st.sampled_from([*all_settings().values()]).flatmap(fitting)
    | ANY_TEXT.map("sample.stop={}".format)
)  # fmt: skip
KEYS = st.sampled_from([*all_settings(), "corpus", "preset", "model", "train."]) | ANY_TEXT
VALUES = ANY_TEXT | st.integers().map(str) | st.floats().map(repr)
ASSIGNMENTS = st.lists(FITTING, max_size=3) | st.lists(
    FITTING | ANY_TEXT | st.builds("{}={}".format, KEYS, VALUES), max_size=3
)


def shapes(context_lengths: st.SearchStrategy[int]) -> st.SearchStrategy[ModelConfig]:
    """Small models: width and heads that fit together."""
    fitting = st.sampled_from([(16, 1), (16, 8), (24, 2), (48, 3), (64, 1), (64, 32)])
    return fitting.flatmap(
        lambda shape: st.builds(
            ModelConfig,
            context_length=context_lengths,
            n_layer=st.integers(1, 3),
            n_head=st.just(shape[1]),
            n_embd=st.just(shape[0]),
            dropout=st.floats(0, 0.9),
        )
    )


FRACTIONS = st.floats(0, 1)
TRAIN_CONFIGS = st.tuples(FRACTIONS, FRACTIONS).flatmap(
    lambda fractions: st.builds(
        TrainConfig,
        steps=st.integers(1, 10_000_000),
        minutes=st.just(0.0) | st.floats(0, 100_000),
        batch_size=st.integers(1, 9) | st.just(40),  # one micro-batch, or more
        learning_rate=st.floats(1e-5, 1),
        adam_learning_rate=st.floats(1e-6, 1),
        weight_decay=st.floats(0, 10),
        momentum_share=FRACTIONS,
        warmup_fraction=st.just(fractions[0] / 2),
        decay_fraction=st.just(fractions[1] / 2),
        context_warmup=FRACTIONS,
        evaluation_interval=st.integers(1, 1_000_000),
        val_fraction=st.floats(0.01, 0.5),
        seed=st.integers(0, 2**31 - 1),
        device=st.sampled_from(["cpu", "cpu", "cpu", "auto", "cuda", "mps"]),
        precision=st.sampled_from(["auto", "float32", "bfloat16", "int16", "int8"]),
        threads=st.sampled_from([1, 1, 2, 3, 256]),
    )
)
SAMPLE_CONFIGS = st.builds(
    SampleConfig,
    temperature=st.floats(0, 5),
    top_k=st.integers(0, 100_000),
    top_p=FRACTIONS,
    seed=st.integers(0, 2**31 - 1),
    characters=st.integers(1, 40),
    stop=ANY_TEXT.map(lambda text: text.encode("utf-8", "ignore").decode()),
)


def configs(context_lengths: st.SearchStrategy[int]) -> st.SearchStrategy[RunConfig]:
    """Any config of a small model."""
    return st.builds(
        RunConfig,
        corpus=st.just("text.txt"),
        preset=st.just("nano"),
        model=shapes(context_lengths),
        train=TRAIN_CONFIGS,
        sample=SAMPLE_CONFIGS,
    )


SHORT = st.integers(8, 70)
TOO_LONG = st.just(4096)
"""For the text."""

# The engine.


def events_of(*commands: Command) -> list[Event]:
    """All events; every failure among them is a user-facing message."""
    events: list[Event] = []
    Session(events.append, clock=FakeClock()).run(IdleInbox(*commands, last=Close()))
    for failed in of(events, Failed):
        assert_user_facing(failed.message)
        assert failed.during != "engine"
    return events


def assert_user_facing(message: str) -> None:
    """One line of plain words that fits a terminal and a file."""
    assert message.strip()
    assert "\n" not in message
    assert len(message) < 12_000
    assert not [word for word in TECHNICAL if word in message], message


@contextmanager
def a_home() -> Iterator[Path]:
    """An empty folder to work in, with a text."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        home = Path(folder)
        patch.setenv("TINYGPT_HOME", str(home / "home"))
        patch.setenv("HOME", str(home))
        patch.setattr(os, "fsync", lambda _descriptor: None)
        patch.setattr("engine.training.cost.STEP_FLOPS", 1e7)
        patch.chdir(home)
        (home / "text.txt").write_text(TEXT, encoding="utf-8")
        yield home


@given(ASSIGNMENTS)
def test_any_settings_are_a_config_that_can_be_saved_or_a_message(assignments: list[str]) -> None:
    try:
        config = override(small("any"), assignments)
    except ValueError as refusal:
        assert_user_facing(str(refusal))
    else:
        assert msgspec.json.decode(msgspec.json.encode(config), type=RunConfig) == config


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(configs(SHORT | TOO_LONG), ANY_TEXT, st.floats())
def test_any_config_is_a_run_or_a_message(config: RunConfig, prompt: str, rate: float) -> None:
    with a_home():
        sample = Sample(1, prompt, config.sample)
        events = events_of(Open(config), Step(), sample, SetLearningRate(rate), Step(), sample)
        assert all(to_json(event) for event in events)
        assert len(of(events, Opened)) + len(of(events, Failed)) >= 1
        if not of(events, Opened):
            return
        assert len(of(events, SampleDone)) == 2
        assert len("".join(event.text for event in of(events, TextSampled))) <= (
            2 * config.sample.characters
        )
        if of(events, StepDone):
            name = only(events, Opened).run
            again = events_of(OpenRun(name))
            assert only(again, Opened).config == only(events, Opened).config
            assert only(again, Opened).step == of(events, Saved)[-1].step
            assert set(losses(events)) <= set(losses(again))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(configs(SHORT), min_size=1, max_size=3))
def test_the_cost_of_any_config_is_a_figure_or_a_message(asked: list[RunConfig]) -> None:
    with a_home():
        events = events_of(Open(tiny("text.txt")), *(Measure(config, 30) for config in asked))
        assert len(of(events, Measured)) + len(of(events, Failed)) == len(asked)
        for measured in of(events, Measured):
            assert measured.config in asked
            assert measured.step_seconds > 0
            assert measured.memory > 4 * measured.parameters > 0


# Texts.

NOWHERE = ANY_TEXT.filter(lambda name: name[:1] != "/" and not set(name) <= set("./~"))
"""Names of nothing in an empty folder, or of the catalog."""


@given(NOWHERE | NOWHERE.map("~{}".format) | st.integers(200, 10_000).map("x".__mul__))
def test_any_corpus_name_is_a_run_or_a_message(name: str) -> None:
    with a_home():
        events = events_of(Open(tiny(name)))
        assert len(of(events, Opened)) + len(of(events, Failed)) == 1


@given(ANY_TEXT | st.builds("@".join, st.lists(ANY_TEXT, max_size=3)))
def test_any_unknown_run_name_is_a_message(name: str) -> None:
    with a_home():
        assert len(of(events_of(OpenRun(name)), Failed)) == 1
        with pytest.raises(ValueError, match=r"^There is no run ") as refusal:
            load_run(name)
        assert_user_facing(str(refusal.value))


@given(ANY_TEXT, st.sampled_from(["", "tales", "shakespeare"]))
def test_the_statistics_of_a_text_agree_with_its_vocabulary(text: str, name: str) -> None:
    statistics = measure(text)
    vocabulary = Vocabulary("".join(statistics.vocabulary))
    assert statistics.characters == len(text)
    assert set(vocabulary.characters) == set(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    opening = default_prompt(name, text)
    assert opening in text
    assert len(opening) <= MAX_LENGTH
