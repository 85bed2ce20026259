"""A run that AdamW trains: it is that of torch, resumes exactly, and says its own learning rate."""

from pathlib import Path

import pytest
import torch
from driving import Driver, ask, is_a, losses, of, only, run_to_end, saved_run, tiny

from engine.changes import change
from engine.config import ModelConfig, TrainConfig, nano, override
from engine.model.gpt import GPT
from engine.protocol import (
    Close,
    Fork,
    InspectStep,
    Open,
    Opened,
    OpenRun,
    StepDone,
    StepInspected,
    Train,
)
from engine.storage.saved_run import load_run
from engine.training.optimizers import ADAMW_BETAS, Optimizer
from engine.training.workers import WorkerPool

ADAMW = "train.optimizer=adamw"


def test_all_tensors_change_as_by_adamw_of_torch() -> None:
    shape = ModelConfig(context_length=8, n_layer=1, n_head=2, n_embd=16)
    ours, theirs = (GPT(shape, 7).init_weights(torch.Generator().manual_seed(1)) for _ in range(2))
    config = TrainConfig(optimizer="adamw", adam_learning_rate=0.01, weight_decay=0.5)
    optimizer = Optimizer(ours, config, WorkerPool(1))
    decayed = list(theirs.blocks.parameters())
    others = [p for name, p in theirs.named_parameters() if not name.startswith("blocks")]
    groups = [
        {"params": decayed, "weight_decay": 0.5},
        {"params": others, "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.01, betas=ADAMW_BETAS)
    for step in range(5):
        generator = torch.Generator().manual_seed(step)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.grad = torch.randn(p.shape, generator=generator)
            q.grad = p.grad.clone()
        optimizer.step(0.01)
        reference.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_a_run_resumes_exactly_and_says_the_rate_of_adamw(verse_file: Path) -> None:
    config = tiny(verse_file, ADAMW, "train.adam_learning_rate=0.004")
    whole = run_to_end(Open(config), Train())
    driver = Driver().when(is_a(StepDone, step=7), Close())
    first = driver.run(Open(config), Train())
    name = only(first, Opened).run
    seen = only(ask(name, InspectStep(1)), StepInspected)
    resumed = run_to_end(OpenRun(name), Train())
    assert losses(resumed) == losses(whole)
    assert only(whole, Opened).learning_rate == 0.004
    peak = max(step.learning_rate for step in of(whole, StepDone))
    assert peak == pytest.approx(0.004)
    assert {tensor.optimizer for tensor in seen.tensors} == {"AdamW"}
    (real,) = [step for step in of(whole, StepDone) if step.step == seen.step]
    assert seen.learning_rate == seen.adam_learning_rate == real.learning_rate


def test_a_fork_to_adamw_begins_with_a_fresh_optimizer_at_its_own_rate(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    driver = Driver().when(is_a(StepDone, step=12), Close())
    events = driver.run(Fork(parent, 10, (ADAMW,)), Train())
    opened = only(events, Opened)
    assert opened.note == f"Forked from {parent} at step 10, with a fresh optimizer."
    assert of(events, StepDone)[-1].learning_rate < TrainConfig().adam_learning_rate
    state = load_run(opened.run).state["optimizer"]
    assert not any(name.startswith("muon") for name in state)


def test_the_rate_in_force_stays_unless_adamws_is_named() -> None:
    config = override(nano("text"), [ADAMW])
    assert change(config, 0.001, ["train.weight_decay=0"])[1] == 0.001
    assert change(config, 0.001, ["train.adam_learning_rate=0.002"])[1] == 0.002
