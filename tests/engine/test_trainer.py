"""A trainer learns, the same way each time, and a loss that is not finite changes nothing."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from driving import FakeClock, tiny
from torch import Tensor

from engine.config import SampleConfig, small
from engine.device import Hardware
from engine.generation.generator import TextGenerator
from engine.model.products import integer_formats
from engine.model.tokenizer import Vocabulary
from engine.training import replica
from engine.training.dataset import Dataset
from engine.training.schedule import lr_factor
from engine.training.split import LEAST_VAL_CHARACTERS
from engine.training.trainer import Evaluation, StepResult, Trainer
from engine.training.workers import WorkerPool

FIFTY = "The quick brown fox jumps over a lazy dog's hat.\n?"
TEXT = (FIFTY + "How vexingly quick daft zebras jump, said the owl.\n") * 4
VOCABULARY = Vocabulary(TEXT)
HARDWARE = Hardware(torch.device("cpu"), 1, torch.float32, "for a test")


def make_trainer(
    *assignments: str, text: str = TEXT, precision: torch.dtype = torch.float32
) -> Trainer:
    config = tiny("any", *assignments)
    dataset = Dataset(
        VOCABULARY.encode_corpus(text),
        config.model.context_length,
        config.train.val_fraction,
        config.train.seed,
    )
    hardware = HARDWARE._replace(precision=precision)
    return Trainer(config, len(VOCABULARY), dataset, hardware, WorkerPool(1))


def step_of(trainer: Trainer, progress: float) -> StepResult:
    """A step with the whole context."""
    factor = lr_factor(progress, trainer.config.train)
    return trainer.step(factor, trainer.config.model.context_length)


def train(trainer: Trainer, steps: int = 12, between: Callable[[], object] = int) -> list[float]:
    losses = []
    for step in range(steps):
        losses.append(step_of(trainer, step / steps).loss)
        between()
    return losses


def evaluation_of(trainer: Trainer) -> Evaluation:
    *_, last = trainer.evaluate(trainer.config.model.context_length)
    assert isinstance(last, Evaluation)
    return last


def bits(trainer: Trainer) -> dict[str, Tensor]:
    """Everything that the next step depends on, as raw bits: there NaN equals itself."""
    return {
        f"{group}.{name}": tensor.detach().clone().contiguous().view(torch.int32)
        for group, tensors in trainer.state_dict().items()
        for name, tensor in tensors.items()
    }


def assert_equal(one: Trainer, other: Trainer) -> None:
    """Both would take the same next step, to the last bit."""
    ours, theirs = bits(one), bits(other)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


def test_shakespeare_starts_at_ln_65(shakespeare_file: Path) -> None:
    vocabulary = Vocabulary(text := shakespeare_file.read_text(encoding="utf-8"))
    assert (len(text), len(vocabulary)) == (1_115_394, 65)
    config = small(str(shakespeare_file))
    dataset = Dataset(vocabulary.encode_corpus(text), config.model.context_length, 0.1, 1)
    assert (len(dataset.train), len(dataset.validation)) == (1_003_854, 111_540)
    trainer = Trainer(config, 65, dataset, HARDWARE, WorkerPool(1))
    assert round(step_of(trainer, 0).loss, 3) == 4.174


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, *integer_formats()])
def test_it_memorizes_fifty_characters(precision: torch.dtype) -> None:
    assert len(FIFTY) == 50
    trainer = make_trainer(
        "model.n_embd=32", "model.context_length=32", "model.n_layer=2", text=FIFTY,
        precision=precision,
    )  # fmt: skip
    losses = train(trainer, 200)
    assert losses[0] == pytest.approx(math.log(len(VOCABULARY)), abs=0.01)
    assert sum(losses[-10:]) / 10 < 0.1


def test_the_evaluation_is_the_mean_over_every_validation_character() -> None:
    trainer = make_trainer("train.val_fraction=0.3")
    train(trainer)
    ids = trainer.dataset.validation.long()
    context = trainer.config.model.context_length
    losses, correct = [], 0
    for place in range(1, len(ids)):
        first = (place - 1) // context * context
        with torch.no_grad():
            logits = trainer.model(ids[None, first:place])[0, -1]
        losses.append(float(F.cross_entropy(logits, ids[place])))
        correct += int(logits.argmax()) == int(ids[place])
    found = evaluation_of(trainer)
    assert found.loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert found.accuracy == correct / len(losses)
    assert 0 < found.accuracy < 1


def test_an_evaluation_of_a_sample_says_how_many_characters_it_predicts() -> None:
    trainer = make_trainer("train.val_fraction=0.5")
    assert evaluation_of(trainer).characters == len(trainer.dataset.validation) - 1
    ids = VOCABULARY.encode_corpus(TEXT)
    trainer.dataset = Dataset(ids, 16, 0.5, 1, val_characters=50)
    assert evaluation_of(trainer).characters == 48
    assert evaluation_of(trainer) == evaluation_of(trainer)


def test_an_untrained_model_is_evaluated_on_a_few_characters() -> None:
    """Its loss is the same on all of them."""
    trainer = make_trainer("train.val_fraction=0.5", text=TEXT * 100)
    untrained = evaluation_of(trainer)
    assert untrained.characters == LEAST_VAL_CHARACTERS < len(trainer.dataset.validation) / 4
    assert untrained.loss == pytest.approx(math.log(len(VOCABULARY)))
    step_of(trainer, 0.5)
    assert evaluation_of(trainer).characters == len(trainer.dataset.validation) - 1


def test_a_step_that_is_abandoned_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "MICRO_BATCH", 16)
    plain, interrupted = make_trainer("model.dropout=0.2"), make_trainer("model.dropout=0.2")
    for done in (0.25, 0.5, 0.75):
        slices = interrupted.slices(0.5, 16)
        assert next(result for result in slices if result == done)
        assert_equal(plain, interrupted)
    assert train(plain) == train(interrupted)
    assert_equal(plain, interrupted)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("micro_batch", [1, 16, 48, 1024])
def test_a_step_in_slices_has_the_loss_and_gradient_of_the_whole(
    workers: int, micro_batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = step_of(make_trainer("train.batch_size=7"), 0.5)
    monkeypatch.setattr(replica, "MICRO_BATCH", micro_batch)
    trainer = make_trainer("train.batch_size=7")
    with WorkerPool(workers) as pool:
        trainer = Trainer(trainer.config, len(VOCABULARY), trainer.dataset, HARDWARE, pool)
        *fractions, result = trainer.slices(0.5, 16)
    rows = max(1, micro_batch // 16)
    slices = math.ceil(math.ceil(7 / workers) / rows)
    assert fractions == [i / slices for i in range(1, slices)]
    assert isinstance(result, StepResult)
    assert result.loss == pytest.approx(expected.loss, rel=1e-6)
    assert result.gradient_norm == pytest.approx(expected.gradient_norm, rel=1e-4)


def test_the_evaluation_reports_its_progress() -> None:
    *fractions, _ = make_trainer().evaluate(16)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_the_evaluation_leaves_training_as_it_was() -> None:
    plain, evaluated = make_trainer("model.dropout=0.2"), make_trainer("model.dropout=0.2")
    assert train(plain) == train(evaluated, between=lambda: evaluation_of(evaluated))


def test_the_learning_rate_follows_the_schedule() -> None:
    trainer = make_trainer(
        "train.learning_rate=0.02", "train.warmup_fraction=0.1", "train.decay_fraction=0.5"
    )
    rates = [step_of(trainer, progress).learning_rate for progress in (0.05, 0.3, 0.75, 1)]
    assert rates == pytest.approx([0.01, 0.02, 0.01, 0])


@pytest.mark.parametrize("poison", [math.nan, math.inf, 1e38])
def test_a_loss_that_is_not_finite_changes_nothing(poison: float) -> None:
    trainer = make_trainer()
    train(trainer, 3)
    assert trainer.model.head is not None
    with torch.no_grad():
        trainer.model.embedding.weight[:, 0] = poison
        trainer.model.head.weight[0] = poison
    before = bits(trainer)
    with pytest.raises(
        ArithmeticError, match=r"^At step 4 the loss .* lower learning rate helps\.$"
    ):
        step_of(trainer, 0.5)
    after = bits(trainer)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert trainer.step_number == 3


@pytest.mark.parametrize("name", [name for name, _ in make_trainer().model.named_parameters()])
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_weight_that_is_not_finite_never_goes_unnoticed(name: str, poison: float) -> None:
    trainer = make_trainer()
    train(trainer, 3)
    with torch.no_grad():
        trainer.model.get_parameter(name)[:, 0] = poison
    with pytest.raises(ArithmeticError):
        step_of(trainer, 0.5)


def test_a_gradient_that_is_not_finite_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, plain = make_trainer(), make_trainer()
    train(trainer, 3)
    train(plain, 3)
    (learner,) = trainer.replicas
    micro_batch_grads = learner.micro_batch_grads

    def poison(*work: Any) -> tuple[float, tuple[Tensor, ...]]:
        loss, grads = micro_batch_grads(*work)
        grads[-1].mul_(math.nan)
        return loss, grads

    with monkeypatch.context() as for_a_step:
        for_a_step.setattr(learner, "micro_batch_grads", poison)
        with pytest.raises(ArithmeticError):
            step_of(trainer, 0.5)
    # The same step is then taken as if nothing had happened.
    assert step_of(trainer, 0.5) == step_of(plain, 0.5)
    assert_equal(trainer, plain)


def test_a_skipped_batch_is_never_trained_on() -> None:
    skipping, plain = make_trainer(), make_trainer()
    skipping.skip()
    first = step_of(plain, 0)
    assert step_of(skipping, 0) != first
    assert skipping.step_number == 1


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_the_same_seed_is_the_same_run(dropout: str) -> None:
    choice = f"model.dropout={dropout}"
    first = train(make_trainer(choice))
    assert first == train(make_trainer(choice))
    assert first != train(make_trainer(choice, "train.seed=2"))


def test_dropout_does_drop() -> None:
    assert train(make_trainer("model.dropout=0.2")) != train(make_trainer())


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_sampling_in_between_leaves_training_bit_identical(dropout: str) -> None:
    choice = f"model.dropout={dropout}"
    plain, disturbed = make_trainer(choice), make_trainer(choice)
    generator = TextGenerator(disturbed.model, VOCABULARY, FakeClock())

    def sample() -> None:
        generator.start("The", SampleConfig(characters=40), disturbed.config.model.context_length)
        assert generator.generate(0.01)
        torch.rand(3)  # other draws from the global generator do not matter either

    assert train(plain) == train(disturbed, between=sample)
    assert_equal(plain, disturbed)


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_a_saved_state_continues_bit_identically(dropout: str) -> None:
    choice = f"model.dropout={dropout}"
    whole, first, second = make_trainer(choice), make_trainer(choice), make_trainer(choice)
    expected = train(whole)
    losses = [step_of(first, step / 12).loss for step in range(5)]
    second.load_state_dict(first.state_dict(), 5)
    losses += [step_of(second, step / 12).loss for step in range(5, 12)]
    assert losses == expected
    assert_equal(whole, second)


@pytest.mark.parametrize(
    ("group", "name"),
    [(group, name) for group, tensors in make_trainer().state_dict().items() for name in tensors],
)
def test_every_item_of_the_saved_state_is_needed(group: str, name: str) -> None:
    """Left out one at a time, each leads to another run."""
    whole, first, second = make_trainer(), make_trainer(), make_trainer()
    train(whole)
    train(first, 5)
    saved = first.state_dict()
    saved[group] = {**saved[group], name: second.state_dict()[group][name].clone()}
    second.load_state_dict(saved, 5)
    for step in range(5, 12):
        step_of(second, step / 12)
    ours, theirs = whole.state_dict()["model"], second.state_dict()["model"]
    assert any(not torch.equal(ours[key], theirs[key]) for key in ours)


def test_pieces_may_be_a_part_of_the_context() -> None:
    trainer = make_trainer("model.context_length=18", "train.batch_size=2")
    tokens = [trainer.step(0.5, context_length).tokens for context_length in (4, 9, 18)]
    assert tokens == [2 * 4 * 4, 2 * 2 * 9, 2 * 18]
