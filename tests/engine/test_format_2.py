"""A run saved in format 2, by version 0.1, is listed, opens, samples and trains on as before.

`runs_format_2/old-harbour` is such a run: 60 steps, then 3 of 60 more, its learning rate changed at
step 4. `continued.json` is what version 0.1 went on to produce from there.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from driving import Driver, Happens, is_a, of, only

from engine.config import SampleConfig, nano, override
from engine.protocol import (
    RECORDED,
    AnnotateRun,
    Close,
    Failed,
    Opened,
    OpenRun,
    RunChanged,
    RunSummary,
    Sample,
    SampleDone,
    Step,
    StepDone,
    TextSampled,
    Train,
    from_json,
)
from engine.storage import library
from engine.storage.manifest import checkpoints_of
from engine.storage.paths import folder_of
from engine.storage.run_info import read_info
from engine.storage.saved_run import load_run

pytestmark = pytest.mark.timeout(30)

SAVED = Path(__file__).with_name("runs_format_2")
NAME = "old-harbour"
CONFIG = override(
    nano("harbour.txt"),
    [
        "model.context_length=16",
        "model.n_layer=1",
        "model.n_embd=16",
        "model.rope_base=10000",
        "model.local_start=0",
        "train.optimizer=muon",
        "train.momentum_share=0.9",
        "train.steps=60",
        "train.batch_size=4",
        "train.context_warmup=0.5",
        "train.warmup_fraction=0.1",
        "train.decay_fraction=0.5",
        "train.val_fraction=0.2",
        "train.evaluation_interval=30",
        "train.device=cpu",
        "train.precision=float32",
        "train.threads=1",
        "sample.temperature=0.7",
        "sample.stop=~",
    ],
)


@pytest.fixture(autouse=True)
def folder(home: Path) -> Path:
    """A copy of the old run, among the saved runs."""
    return shutil.copytree(SAVED / NAME, home / "runs" / NAME)


@pytest.fixture(scope="module")
def continued() -> Any:
    """What version 0.1 produced after the run was saved."""
    return json.loads((SAVED / "continued.json").read_text(encoding="utf-8"))


def info_on_disk(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def set_format(folder: Path, value: object) -> None:
    info = {**info_on_disk(folder), "format": value}
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")


def test_the_saved_run_is_in_format_2(folder: Path) -> None:
    """Or the tests below would show nothing."""
    info = info_on_disk(folder)
    assert info["format"] == 2
    assert info["config"]["model"]["width"] == 16


def test_it_is_listed(folder: Path) -> None:
    (listed,) = library.summaries()
    assert listed == RunSummary(
        name=NAME,
        corpus="harbour.txt",
        preset="nano",
        step=63,
        steps=120,
        best_loss=listed.best_loss,
        used=checkpoints_of(folder)[-1].stat().st_mtime,
        size=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        note="saved as format 2",
        parameters=4_096,
    )
    assert listed.best_loss == pytest.approx(2.8, abs=0.2)


def test_it_opens_with_its_settings_and_its_history(folder: Path) -> None:
    events = Driver().run(OpenRun(NAME), Close())
    opened = only(events, Opened)
    assert opened.config == CONFIG
    assert (opened.phase, opened.step, opened.steps) == ("paused", 63, 120)
    assert opened.learning_rate == 0.02
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [event for event in events if isinstance(event, RECORDED)] == [*map(from_json, lines)]


@pytest.mark.parametrize(("wanted", "newest", "step"), [("", -1, 63), ("@best", -2, 60)])
def test_it_has_the_weights_that_were_saved(wanted: str, newest: int, step: int) -> None:
    saved = load_run(NAME + wanted)
    checkpoint = checkpoints_of(SAVED / NAME)[newest]
    for group, tensors in saved.state.items():
        expected = safetensors.torch.load_file(checkpoint / f"{group}.safetensors")
        assert tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert saved.manifest.progress.step == step


def test_it_samples_what_it_sampled_before(continued: Any) -> None:
    config = SampleConfig(temperature=0, characters=60)
    events = (
        Driver().when(is_a(SampleDone), Close()).run(OpenRun(NAME), Sample(1, "The ferry", config))
    )
    assert "".join(event.text for event in of(events, TextSampled)) == continued["greedy"]


def test_it_trains_on_as_it_would_have(continued: Any) -> None:
    """Up to rounding: the checkpoint may have been written on another machine."""
    events = Driver().when(is_a(StepDone, step=90), Close()).run(OpenRun(NAME), Train())
    steps = [event for event in of(events, StepDone) if event.step > 63]
    assert [event.step for event in steps] == [step for step, _ in continued["losses"]]
    losses = [loss for _, loss in continued["losses"]]
    assert [event.loss for event in steps] == pytest.approx(losses, rel=1e-3)
    assert [event.learning_rate for event in steps] == pytest.approx(continued["rates"])


@pytest.mark.parametrize(
    ("command", "done"),
    [(Step(), is_a(StepDone, step=64)), (AnnotateRun(NAME, "mine"), is_a(RunChanged))],
    ids=["step", "note"],
)
def test_once_written_it_is_in_format_3(
    folder: Path, command: Step | AnnotateRun, done: Happens
) -> None:
    before = Driver().run(OpenRun(NAME), Close())
    assert info_on_disk(folder)["format"] == 2, "opening alone writes nothing"
    Driver().when(done, Close()).run(OpenRun(NAME), command)
    info = info_on_disk(folder)
    assert info["format"] == 3
    assert info["config"]["model"]["n_embd"] == 16
    assert "width" not in info["config"]["model"]
    after = Driver().run(OpenRun(NAME), Close())
    assert only(after, Opened).config == only(before, Opened).config
    history = [event for event in before if isinstance(event, RECORDED)]
    assert [event for event in after if isinstance(event, RECORDED)][: len(history)] == history


def test_a_note_on_a_run_that_is_not_open_writes_format_3(folder: Path) -> None:
    old = read_info(folder)
    library.annotate(NAME, "mine")
    assert info_on_disk(folder)["format"] == 3
    new = read_info(folder)
    assert (new.config, new.corpus, new.created) == (old.config, old.corpus, old.created)
    assert new.note == "mine"


def test_format_2_with_a_field_of_format_3_is_refused(folder: Path) -> None:
    info = info_on_disk(folder)
    info["config"]["model"]["n_embd"] = 32
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")
    failed = only(Driver().run(OpenRun(NAME), Close()), Failed)
    assert failed.message == (
        f"The run '{NAME}' cannot be read: Format 2 has no field `model.n_embd`."
    )


OLDER = "open it with the version that saved it, or train a new run on its corpus.txt"


@pytest.mark.parametrize(
    ("value", "shown", "advice"),
    [
        (1, "1", OLDER),
        (4, "4", "upgrade to open it"),
        ("x", '"x"', OLDER),
        (None, "null", OLDER),
        ("\x1b" + 1000 * "x", '"\\u001bxxxxxxxxxxxxx', OLDER),
        (10**400, "10000000000000000000", OLDER),
    ],
)
def test_an_unknown_format_is_refused_with_advice(
    folder: Path, value: object, shown: str, advice: str
) -> None:
    set_format(folder, value)
    failed = only(Driver().run(OpenRun(NAME), Close()), Failed)
    assert failed.message.startswith(f"The run '{NAME}' cannot be read: ")
    assert f"format ({shown})" in failed.message or f"(format {shown})" in failed.message
    assert failed.message.endswith(f"{advice}.")
    (listed,) = library.summaries()
    assert listed.problem in failed.message
    assert listed.problem.endswith(advice)
    assert folder_of(NAME).is_dir()
