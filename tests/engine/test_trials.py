"""The range test and the step microscope: they tell what the steps of a run would do, and leave every
bit of it as it is."""

import math
import re
from pathlib import Path

import pytest
import torch
from driving import (
    Driver,
    ask,
    history_of,
    is_a,
    losses,
    of,
    only,
    saved_run,
    tiny,
)
from plain_gpt import plain_log_probs, plain_pass

from engine.model.byte_level import ByteLevel
from engine.model.gpt import GPT
from engine.protocol import (
    HIGHEST_RATE,
    LOWEST_RATE,
    Close,
    Command,
    Event,
    Failed,
    FindLearningRate,
    InspectStep,
    LearningRateFound,
    Open,
    Opened,
    PhaseChanged,
    RateTried,
    Saved,
    Step,
    StepDone,
    StepInspected,
    StopTrial,
    TaughtEvaluated,
    Teach,
    Train,
)
from engine.session import trials
from engine.storage.saved_run import SavedRun, load_run
from engine.training.optimizers import Optimizer
from engine.training.range_test import STEPS, Suggestion, Tried, rate, suggest

pytestmark = pytest.mark.timeout(60)

DROPOUT = "model.dropout=0.2"
"""A run that draws random numbers at every step."""


def trained(text: Path, *on_the_way: tuple[int, Command]) -> list[Event]:
    """The events of a tiny run that is trained to its end, with commands after these steps."""
    driver = Driver()
    for step, command in on_the_way:
        driver.when(is_a(StepDone, step=step), command)
    return driver.when(is_a(Saved), Close()).run(Open(tiny(text, DROPOUT)), Train())


def state_of(events: list[Event]) -> dict[str, torch.Tensor]:
    """Every tensor of the saved run: weights and optimizer."""
    state = load_run(only(events, Opened).run).state
    return {f"{group}.{name}": t for group, some in state.items() for name, t in some.items()}


@pytest.mark.parametrize("command", [FindLearningRate(1), InspectStep(1)])
def test_a_trial_in_the_middle_of_training_changes_no_bit(
    verse_file: Path, command: Command
) -> None:
    alone, tried = trained(verse_file), trained(verse_file, (7, command))
    assert of(tried, LearningRateFound) or of(tried, StepInspected)
    assert losses(tried) == losses(alone)
    expected, found = state_of(alone), state_of(tried)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    kinds = [
        {*map(type, history_of(load_run(only(events, Opened).run)))} for events in (alone, tried)
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.thorough
@pytest.mark.timeout(240)
@pytest.mark.parametrize("trial", [FindLearningRate(1), InspectStep(1)])
def test_a_trial_changes_no_bit_wherever_it_is_made(
    verse_file: Path, trial: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first step, while another text is taught, before the last step, and at the end,
    from where the run goes on: with dropout, a context that grows, two workers and bfloat16."""
    monkeypatch.setattr(trials, "STEPS", 12)
    alone, tried = everywhere(verse_file), everywhere(verse_file, trial)
    assert len(of(tried, LearningRateFound | StepInspected)) == 4  # type: ignore[arg-type]
    assert len(of(alone, StepDone)) == 26
    assert losses(tried) == losses(alone)
    assert of(tried, TaughtEvaluated) == of(alone, TaughtEvaluated)
    expected, found = state_of(alone), state_of(tried)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    first, second = (load_run(only(e, Opened).run).manifest.progress for e in (alone, tried))
    assert (first.evaluated, first.loss, first.taught) == (26, second.loss, second.taught)
    assert (first.step, first.skipped, first.learning_rate) == (26, 0, second.learning_rate)


@pytest.mark.parametrize("trial", [FindLearningRate(1), InspectStep(1)])
def test_a_trial_of_a_run_whose_step_failed_is_of_the_batch_that_follows(
    verse_file: Path, trial: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, norms = Optimizer.grad_norm, [1.0] * 5 + [math.nan]
    monkeypatch.setattr(
        Optimizer, "grad_norm", lambda self: norms.pop(0) * sound(self) if norms else sound(self)
    )
    driver = Driver().when(is_a(PhaseChanged, phase="failed", step=5), trial, Train())
    driver.when(is_a(Saved), Close())
    tried = driver.run(Open(tiny(verse_file, DROPOUT)), Train())
    norms += [1.0] * 5 + [math.nan]
    driver = Driver().when(is_a(PhaseChanged, phase="failed", step=5), Train())
    driver.when(is_a(Saved), Close())
    assert losses(driver.run(Open(tiny(verse_file, DROPOUT)), Train())) == losses(tried)
    (sixth,) = [event.loss for event in of(tried, StepDone) if event.step == 6]
    seen = of(tried, RateTried | StepInspected)  # type: ignore[arg-type]
    assert seen[0].loss == sixth


def everywhere(text: Path, *trial: Command) -> list[Event]:
    """The events of a run that is trained to its end and on, with a trial at each of its turns."""
    exacting = ("train.context_warmup=0.8", "train.threads=2", "train.precision=bfloat16")
    driver = Driver().when(is_a(StepDone, step=5), Teach("a bell", 0.5), *trial)
    driver.when(is_a(StepDone, step=19), *trial)
    driver.when(is_a(PhaseChanged, phase="done", step=20), *trial, Train(6))
    driver.when(is_a(Saved, step=26), Close())
    return driver.run(Open(tiny(text, DROPOUT, *exacting)), *trial, Train())


def test_the_microscope_shows_the_very_step_that_follows(verse_file: Path) -> None:
    events = trained(verse_file, (7, InspectStep(3, row=1, place=4)))
    seen = only(events, StepInspected)
    (real,) = [step for step in of(events, StepDone) if step.step == seen.step]
    assert (seen.request, seen.step, seen.row, seen.place) == (3, 8, 1, 5)
    assert (seen.loss, seen.gradient_norm) == (real.loss, real.gradient_norm)
    assert (seen.learning_rate, seen.context_length) == (real.learning_rate, real.context_length)
    assert math.hypot(*(t.gradient for t in seen.tensors)) == pytest.approx(seen.gradient_norm)
    assert seen.text[:-1] == seen.rows[1]
    assert seen.before.character == seen.text[5]
    of_row = (seen.bits_before[4], seen.bits_after[4])
    assert (seen.before.bits, seen.after.bits) == pytest.approx(of_row, rel=1e-6)
    assert sum(seen.bits_after) < sum(seen.bits_before)
    assert seen.loss_after < seen.loss


def test_the_update_of_each_tensor_is_that_of_the_real_step(verse_file: Path) -> None:
    name = saved_run(verse_file)
    before = load_run(name).state["model"]
    events = ask(name, InspectStep(1), Step())
    real, seen = of(events, StepDone)[-1], only(events, StepInspected)
    assert real.step == seen.step == 21
    assert (real.loss, real.learning_rate) == (seen.loss, seen.learning_rate)
    after = load_run(name).state["model"]
    assert {tensor.name for tensor in seen.tensors} == before.keys()
    assert {t.optimizer for t in seen.tensors if "blocks" in t.name} == {"NorMuon"}
    assert {t.optimizer for t in seen.tensors if "blocks" not in t.name} == {"Adam"}
    for tensor in seen.tensors:
        assert tensor.weight == pytest.approx(float(before[tensor.name].norm()), rel=1e-5)
        update = after[tensor.name] - before[tensor.name]
        assert tensor.update == pytest.approx(float(update.norm()), rel=1e-5)


@pytest.mark.parametrize("tokens", ["bytes", "bpe"])
def test_the_microscope_shows_tokens(tmp_path: Path, tokens: str) -> None:
    """Their surprises against a plain pass; their bytes in a row are those of the text."""
    corpus = tmp_path / "owls.txt"
    corpus.write_text("The owl: naïve, été. 日本語 🦉!\n" * 40, encoding="utf-8")
    name = saved_run(corpus, f"model.tokenizer={tokens}", "model.vocabulary=270")
    saved = load_run(name)
    events = ask(name, InspectStep(1, row=2, place=7), Step())
    real, seen = of(events, StepDone)[-1], only(events, StepInspected)
    assert (seen.loss, seen.gradient_norm, seen.noun) == (real.loss, real.gradient_norm, "token")
    made = saved.tokenizer
    assert isinstance(made, ByteLevel)
    ids = [made.pieces.index(piece) for piece in seen.pieces]
    assert len(ids) == seen.context_length + 1
    assert b"".join(made.tokens[i] for i in ids) in saved.text.encode()
    assert any("\\x" in piece for piece in seen.pieces), "part of a character"
    row = b"".join(made.tokens[i] for i in ids[:-1])
    escaped = row.decode(errors="backslashreplace")
    assert seen.rows[2] == re.sub(r"\\x..", lambda byte: f"\\x{byte[0][2:].upper()}", escaped)
    assert (seen.place, seen.before.character) == (8, seen.pieces[8])
    assert seen.bits_before == pytest.approx(plain_bits(saved, ids), abs=1e-3)
    assert seen.bits_after == pytest.approx(plain_bits(load_run(name), ids), abs=1e-3)


def plain_bits(saved: SavedRun, ids: list[int]) -> list[float]:
    """The surprise at each token but the first."""
    model = GPT(saved.info.config.model, len(saved.tokenizer))
    model.load_state_dict(saved.state["model"])
    log_probs = plain_log_probs(model, plain_pass(model, torch.tensor(ids[:-1])).streams[-1])
    return [-log_probs[at, id_] / math.log(2) for at, id_ in enumerate(ids[1:])]


def test_the_rates_rise_and_the_loss_is_smoothed(verse_file: Path) -> None:
    events = ask(saved_run(verse_file), FindLearningRate(5))
    tried, found = of(events, RateTried), only(events, LearningRateFound)
    assert {one.request for one in (*tried, found)} == {5}
    assert [one.number for one in tried] == list(range(1, len(tried) + 1))
    rates = [one.learning_rate for one in tried]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(LOWEST_RATE)
    assert (found.ended == "tried all") == (len(tried) == STEPS)
    assert of(events, StepDone)[-1].step == found.step == 20
    assert not found.suggested or LOWEST_RATE <= found.suggested <= found.high <= HIGHEST_RATE


def test_a_trial_that_is_stopped_is_not_answered(verse_file: Path) -> None:
    driver = Driver().when(is_a(RateTried, number=3), StopTrial(), Train())
    driver.when(is_a(Saved), Close())
    events = driver.run(Open(tiny(verse_file)), FindLearningRate(1))
    assert not of(events, LearningRateFound)
    assert len(of(events, StepDone)) == 20


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (InspectStep(4, row=4), "The batch has 4 rows, counted from 0: there is no 4."),
        (InspectStep(4, place=16), "A row has 16 predictions, counted from 0: there is no 16."),
    ],
)
def test_a_place_outside_the_batch_is_refused(
    verse_file: Path, command: InspectStep, reason: str
) -> None:
    assert only(ask(saved_run(verse_file), command), Failed) == Failed(reason, "inspect", 4)


# What is suggested: made-up curves of smoothed losses.


def curve(*losses: float) -> list[Tried]:
    return [Tried(rate(i, len(losses)), loss, loss) for i, loss in enumerate(losses)]


def falling(i: int, *, floor: float = 2.0, rises_at: int = 70) -> float:
    """A loss that falls from 4, most steeply at step 40, and rises late."""
    return floor + (4 - floor) / (1 + math.exp((i - 40) / 5)) + 0.2 * max(0, i - rises_at)


def test_the_steepest_descent_is_suggested() -> None:
    found = suggest(curve(*map(falling, range(100))))
    assert found.suggested == pytest.approx(rate(40, 100))
    assert rate(20, 100) < found.low < rate(30, 100)
    assert rate(69, 100) <= found.high < rate(75, 100)


def test_the_suggested_rate_is_in_its_range_however_much_is_noise() -> None:
    noise = [0.4 * (-1) ** i for i in range(100)]
    tried = [Tried(rate(i, 100), falling(i) + noise[i], falling(i)) for i in range(100)]
    found = suggest(tried)
    assert found.low == found.suggested == pytest.approx(rate(40, 100))


def test_the_first_losses_whose_mean_is_of_few_suggest_nothing() -> None:
    losses = [*(falling(0) + high for high in (0.9, 0.6, 0.3)), *map(falling, range(3, 100))]
    found = suggest(curve(*losses))
    assert found.suggested == pytest.approx(rate(40, 100))
    assert found.low > rate(10, 100)


def test_without_a_clear_fall_only_the_rise_is_known() -> None:
    noise = [0.05 * (-1) ** i for i in range(100)]
    losses = [2 + noise[i] + 0.1 * max(0, i - 60) for i in range(100)]
    found = suggest(curve(*losses))
    assert (found.suggested, found.low) == (0.0, 0.0)
    assert rate(58, 100) <= found.high <= rate(62, 100)


def test_a_loss_that_never_rises_leaves_the_range_open_to_the_end() -> None:
    found = suggest(curve(*(falling(i, rises_at=100) for i in range(100))))
    assert found.high == pytest.approx(HIGHEST_RATE)


def test_from_a_few_steps_nothing_is_suggested() -> None:
    assert suggest(curve(4.0, 3.0, 2.0)) == Suggestion(0.0, 0.0, 0.0)
