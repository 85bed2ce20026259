"""Folders that were exported become runs again; untrusted ones are refused."""

import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest
import safetensors.torch
import torch
from driving import Driver, ask, losses, of, only, run_to_end, saved_run

from data.catalog import Corpus
from engine.config import SampleConfig
from engine.export import importing
from engine.protocol import (
    Close,
    CorpusLoaded,
    Event,
    Exported,
    ExportRun,
    Failed,
    Fork,
    Imported,
    ImportRun,
    Inspect,
    Inspected,
    Opened,
    OpenRun,
    Sample,
    Step,
    StepDone,
    TextSampled,
    Train,
)
from engine.storage import library
from engine.storage.paths import run_names, runs_folder
from engine.storage.saved_run import load_run


def after(*commands: ExportRun | ImportRun) -> list[Event]:
    """The events of a session that does this and ends."""
    done = Driver().when(lambda event: isinstance(event, Exported | Imported | Failed), Close())
    return done.run(*commands)


def imported(folder: Path, name: str = "", corpus: str = "") -> Imported:
    return only(after(ImportRun(str(folder), name, corpus)), Imported)


@pytest.fixture
def run(verse_file: Path) -> str:
    """A run that was trained to step 20."""
    return saved_run(verse_file)


@pytest.fixture
def folder(run: str, tmp_path: Path) -> Path:
    """What it was exported to."""
    only(after(ExportRun(run, "hf", str(tmp_path / "out"))), Exported)
    return tmp_path / "out"


def test_a_run_comes_back_with_its_text_and_trains_on(run: str, folder: Path) -> None:
    event = imported(folder)
    assert (event.run, event.step) == (f"{run}-2", 20)
    assert event.note == f"It has its text, verse.txt, which the run {run} has too."
    before, back = load_run(run), load_run(event.run)
    assert back.info.config.model == before.info.config.model
    assert back.info.config.train == before.info.config.train
    assert back.text == before.text
    assert back.manifest.progress == before.manifest.progress
    for name, tensor in before.state["model"].items():
        assert torch.equal(tensor, back.state["model"][name]), name
    opened = only(ask(event.run), Opened)
    assert (opened.step, opened.note) == (20, "")
    events = run_to_end(OpenRun(event.run), Train(steps=3))
    assert [step for step, _ in losses(of(events, StepDone))] == [21, 22, 23]


def test_without_its_text_it_writes_and_is_looked_inside_but_not_trained(
    run: str, folder: Path, verse_file: Path
) -> None:
    original = load_run(run)
    sample = Sample(1, "The", SampleConfig(characters=40))
    answers = ask(run, sample, Inspect(1, "The owl"))
    library.delete(run)
    event = imported(folder)
    assert event.run == run
    assert event.note.startswith("Its text, verse.txt, is not here: it can be prompted")
    events = ask(run, sample, Inspect(1, "The owl"), Step(), Train())
    written = "".join(event.text for event in of(events, TextSampled))
    assert written == "".join(event.text for event in of(answers, TextSampled))
    assert only(events, Inspected).bits == pytest.approx(only(answers, Inspected).bits)
    assert only(events, CorpusLoaded).name == "written by the model"
    assert "was written by the model" in only(events, Opened).note
    refused = of(events, Failed)
    assert [failed.during for failed in refused] == ["open", "open"]
    assert "it cannot be trained on" in refused[0].message
    assert of(events, StepDone) == []

    again = folder.with_name("again")  # it is still known what it was trained on
    only(after(ExportRun(run, "hf", str(again))), Exported)
    assert json.loads((again / "tinygpt.json").read_text()) == json.loads(
        (folder / "tinygpt.json").read_text()
    )
    message = only(Driver().run(Fork(run), Close()), Failed).message
    assert "name a text for the fork" in message
    forked = run_to_end(Fork(run, corpus=str(verse_file), assignments=("train.steps=22",)), Train())
    assert [step for step, _ in losses(of(forked, StepDone))] == [21, 22]
    assert original.manifest.progress.loss == load_run(run).manifest.progress.loss


def test_a_text_may_be_given(run: str, folder: Path, tmp_path: Path) -> None:
    verse, other = tmp_path / "verse.txt", tmp_path / "other.txt"
    other.write_text("the owl and the mouse\n" * 40)
    same = imported(folder, "same", str(verse))
    assert same.note == "It has the text that it was trained on: verse.txt."
    assert load_run("same").manifest.progress == load_run(run).manifest.progress
    event = imported(folder, "elsewhere", str(other))
    assert event.note == "It has another text than it was trained on: other.txt."
    progress = load_run("elsewhere").manifest.progress
    assert (progress.step, progress.loss, progress.best_loss) == (20, None, None)

    other.write_text("über der Eule\n" * 40)
    message = only(after(ImportRun(str(folder), corpus=str(other))), Failed).message
    assert "has characters that the model does not know: Eü" in message


def test_a_text_of_the_catalog_is_found(
    run: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = load_run(run).text
    library.delete(run)
    monkeypatch.setattr(importing, "names", lambda: ("verse.txt",))
    monkeypatch.setattr(importing, "load", lambda name: Corpus(name, text, "a catalog", "MIT"))
    assert imported(folder, "one").note == "It has its text, verse.txt."
    assert load_run("one").text == text
    text = text[1:]  # of another edition
    assert imported(folder, "two").note.startswith("It has its text, verse.txt, which the run one")


MAX_SECONDS, MAX_BYTES = 2.0, 200e6


def assert_refused(folder: Path, why: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, perf_counter()
    runs = run_names()
    failed = only(after(ImportRun(str(folder))), Failed)
    assert perf_counter() - began < MAX_SECONDS
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < MAX_BYTES
    assert why in failed.message
    assert len(failed.message) < 400
    assert "\x1b" not in failed.message
    assert run_names() == runs
    assert [*runs_folder().glob(".*")] == []


def edited(name: str, edit: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    """Change a JSON file."""

    def act(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        edit(document)
        (folder / name).write_text(json.dumps(document))

    return act


def weights(edit: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    """Change the weights, and update their sha256 as an attacker would."""

    def act(folder: Path) -> None:
        from hashlib import sha256

        path = folder / "model.safetensors"
        tensors = safetensors.torch.load_file(path)
        edit(tensors)
        path.write_bytes(safetensors.torch.save(tensors))
        digest = sha256(path.read_bytes()).hexdigest()
        edited("tinygpt.json", lambda document: document.update(sha256=digest))(folder)

    return act


def both(*acts: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: [act(folder) for act in acts]


def link(folder: Path) -> None:
    (folder / "config.json").rename(folder / "elsewhere.json")
    (folder / "config.json").symlink_to(folder / "elsewhere.json")


def huge(name: str) -> Callable[[Path], object]:
    def act(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            file.truncate(2 << 30)  # sparse

    return act


def vocabulary(**changes: int) -> Callable[[Path], object]:
    return edited("tokenizer.json", lambda document: document["model"]["vocab"].update(changes))  # type: ignore[index]


LAYER = "model.layers.0"
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "another family": (
        edited("config.json", lambda document: document.update(model_type="llama\x1b[2J")),
        "a model of the family 'llama␛[2J'",
    ),
    "no settings": (
        lambda folder: (folder / "tinygpt.json").unlink(),
        "was not exported by tinygpt-tui",
    ),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        "has no model.safetensors",
    ),
    "a link": (link, "config.json is no plain file"),
    "huge weights": (huge("model.safetensors"), "larger than that of such a model"),
    "a huge config": (huge("config.json"), "larger than that of such a model"),
    "deep JSON": (
        lambda folder: (folder / "tokenizer.json").write_text("[" * 1_000_000),
        "tokenizer.json cannot be read",
    ),
    "a huge model": (
        edited(
            "tinygpt.json",
            lambda document: document["config"]["model"].update(n_embd=2048, n_layer=48),  # type: ignore[index]
        ),
        "config.json does not fit tinygpt.json: hidden_size is 16, not 2048",
    ),
    "another epsilon": (
        edited("config.json", lambda document: document.update(rms_norm_eps=1e-6)),
        "rms_norm_eps is 1e-06, not 1e-05",
    ),
    "an option outside the family": (
        edited(
            "tinygpt.json",
            lambda document: document["config"]["model"].update(norm="layernorm"),  # type: ignore[index]
        ),
        "model.norm=layernorm",
    ),
    "a context beyond the longest": (
        both(
            edited("tinygpt.json", lambda document: document.update(context_length=10**12)),
            edited("config.json", lambda document: document.update(max_position_embeddings=10**12)),
        ),
        "a context longer than 16 tokens",
    ),
    "no characters": (
        both(
            edited("tokenizer.json", lambda document: document["model"].update(vocab={})),  # type: ignore[index]
            edited("tinygpt.json", lambda document: document["corpus"].update(characters="")),  # type: ignore[index]
        ),
        "does not have a token for each character",
    ),
    "a long list of merges": (
        lambda folder: (folder / "tokenizer.json").write_text(
            '{"model": {"vocab": {"a": 0}, "merges": [' + "[]," * 1_000_000 + "[]]}}"
        ),
        "does not have a token for each character",
    ),
    "a character twice": (vocabulary(o=3), "does not have a token for each character"),
    "a token of two characters": (vocabulary(ow=30), "does not have a token for each character"),
    "changed weights": (
        lambda folder: os.truncate(folder / "model.safetensors", 9_000),
        "has been changed since it was exported",
    ),
    "pickle": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04N."),
        "has been changed",
    ),
    "a tensor more": (
        weights(lambda tensors: tensors.update(extra=torch.zeros(1))),
        "does not fit config.json: extra",
    ),
    "another shape": (
        weights(lambda tensors: tensors.update({"lm_head.weight": torch.zeros(1, 1)})),
        "shape or type of lm_head.weight",
    ),
    "another type": (
        weights(
            lambda tensors: tensors.update({"lm_head.weight": tensors["lm_head.weight"].half()})
        ),
        "shape or type of lm_head.weight",
    ),
    "not a number": (
        weights(lambda tensors: tensors["lm_head.weight"].fill_(float("nan"))),
        "not finite: lm_head.weight",
    ),
    "a trained norm": (
        weights(lambda tensors: tensors[f"{LAYER}.self_attn.q_norm.weight"].fill_(2)),
        "a trained model.layers.0.self_attn.q_norm.weight",
    ),
    "another activation": (
        weights(lambda tensors: tensors[f"{LAYER}.mlp.act_fn.beta"].fill_(0.5)),
        "a trained model.layers.0.mlp.act_fn.beta",
    ),
}


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder, for copies."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "verse.txt").write_text("the owl was up before the moon;\n" * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGPT_HOME", str(folder / "home"))
        name = saved_run(folder / "verse.txt", "train.steps=1", "train.evaluation_interval=1")
        only(after(ExportRun(name, "hf", str(folder / "out"))), Exported)
    return folder / "out"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_folder_is_refused(genuine: Path, tmp_path: Path, hostile: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(genuine, folder)
    act, why = HOSTILE[hostile]
    act(folder)
    assert_refused(folder, why)


def test_a_folder_that_is_none_is_refused(run: str, tmp_path: Path) -> None:
    assert_refused(tmp_path / "nothing", "has no config.json")
    assert_refused(tmp_path / "verse.txt", "Not a directory")
