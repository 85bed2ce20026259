"""How fast it samples: alone, compared with nanoGPT's own generator and with llama.cpp, and while it
trains."""

import importlib.util
import sys
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from time import perf_counter

import pytest
import torch
from building import CORES, config_of, trainer_of
from driving import only, run_to_end
from figures import Table
from pytest_benchmark.fixture import BenchmarkFixture

from engine.config import SampleConfig
from engine.generation.generator import TextGenerator
from engine.model.tokenizer import Vocabulary
from engine.protocol import (
    Close,
    Command,
    Event,
    Open,
    Opened,
    Precision,
    Sample,
    SampleDone,
    SampleStarted,
    StepDone,
    Train,
)
from engine.session.session import Session
from engine.session.sources import source_of

PAIRS = 5
CONTEXT = 256
CHARACTERS = 1_000
REPLIES = 5
WITHIN_CONTEXT = 240
"""Characters: llama.cpp ends where the context is full."""


def test_characters_per_second(
    benchmark: BenchmarkFixture, text: Path, table: Table, nanogpt: Path
) -> None:
    """The small model with a context of 256, a cache that is full or fills, default sampling."""
    trainer = trainer_of(config_of(text, f"model.context_length={CONTEXT}"))
    trainer.step(0.5, CONTEXT)
    generator = TextGenerator(trainer.model, Vocabulary(text.read_text()), perf_counter)
    generate = nanogpt_generator(nanogpt)
    ours, theirs = [], []

    def pair() -> None:
        generator.start("ROMEO:", SampleConfig(characters=CHARACTERS), CONTEXT)
        while generator.active:
            generator.generate(10.0)
        ours.append(generator.characters / generator.seconds)
        torch.set_num_threads(CORES)
        began = perf_counter()
        generate(CHARACTERS // 4)
        theirs.append(CHARACTERS // 4 / (perf_counter() - began))
        torch.set_num_threads(1)

    pair()
    ours.clear(), theirs.clear()
    benchmark.pedantic(pair, rounds=PAIRS)
    trainer.workers.close()
    table.row("characters/s sampled", f"{median(ours):,.0f}")
    table.row("characters/s by nanoGPT's generate", f"{median(theirs):,.0f}")
    ratio = median(our / their for our, their in zip(ours, theirs, strict=True))
    table.row("ours over nanoGPT's", f"{ratio:.1f}", "12")


def nanogpt_generator(folder: Path):  # type: ignore[no-untyped-def]
    """A function that samples a number of characters from an untrained nanoGPT of the same shape."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    shape = module.GPTConfig(
        block_size=CONTEXT, vocab_size=65, n_layer=4, n_head=2, n_embd=128, dropout=0.0, bias=False
    )
    model = module.GPT(shape).eval()
    start = torch.zeros((1, CONTEXT), dtype=torch.long)

    @torch.no_grad()
    def generate(characters: int) -> None:
        model.generate(start, characters, temperature=0.8, top_k=200)

    return generate


def test_characters_per_second_in_llama_cpp(
    benchmark: BenchmarkFixture, text: Path, table: Table, tmp_path: Path
) -> None:
    """The same model and sampling, each on one thread, until the context of 256 is nearly full."""
    pytest.importorskip("xllamacpp", reason="make interop installs it")
    from running_llama import Llama

    from engine.export import gguf

    opened = run_to_end(Open(config_of(text, "train.steps=1", "train.context_warmup=0")), Train())
    source = source_of(only(opened, Opened).run)
    generator = TextGenerator(source.model, source.tokenizer, perf_counter)
    precisions: tuple[Precision, ...] = ("f32", "f16")
    llamas = {}
    for precision in precisions:
        gguf.write(source, tmp_path / precision, precision)
        llamas[precision] = Llama(tmp_path / precision)
    rates: dict[str, list[float]] = {"ours": [], **{precision: [] for precision in precisions}}

    def round_of_each() -> None:
        began = perf_counter()
        generator.start("ROMEO:", SampleConfig(characters=WITHIN_CONTEXT), CONTEXT)
        while generator.active:
            generator.generate(10.0)
        rates["ours"].append(WITHIN_CONTEXT / (perf_counter() - began))
        for precision, llama in llamas.items():
            began = perf_counter()
            llama.complete("ROMEO:", WITHIN_CONTEXT, temperature=0.8, top_p=0.95, top_k=0)
            rates[precision].append(WITHIN_CONTEXT / (perf_counter() - began))

    round_of_each()
    for measured in rates.values():
        measured.clear()
    benchmark.pedantic(round_of_each, rounds=PAIRS)
    table.row(f"characters/s sampled, {WITHIN_CONTEXT} at a time", f"{median(rates['ours']):,.0f}")
    for precision in precisions:
        rate = median(rates[precision])
        table.row(f"characters/s by llama.cpp, {precision}", f"{rate:,.0f}")


def test_characters_per_second_while_training(
    benchmark: BenchmarkFixture, text: Path, table: Table
) -> None:
    """From a prompt to the end of its reply, by the wall clock, while the default preset trains."""
    inbox: SimpleQueue[Command] = SimpleQueue()
    seconds: list[float] = []
    began = 0.0

    def handle(event: Event) -> None:
        nonlocal began
        match event:
            case StepDone(step=step) if step % 20 == 10:
                inbox.put(Sample(step, "ROMEO:", SampleConfig(characters=CHARACTERS)))
            case SampleStarted():
                began = perf_counter()
            case SampleDone():
                seconds.append(perf_counter() - began)
                if len(seconds) == REPLIES:
                    inbox.put(Close(save=False))

    inbox.put(Open(config_of(text, "train.evaluation_interval=1000000")))
    inbox.put(Train())
    benchmark.pedantic(lambda: Session(handle).run(inbox))
    rate = median(CHARACTERS / taken for taken in seconds)
    table.row("characters/s sampled while training", f"{rate:,.0f}", "300")
