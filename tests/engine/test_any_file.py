"""Whatever is in a run's files, or in a text: the run opens as it was saved, or is refused with a
reason."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, NamedTuple

import filelock
import msgspec
import pytest
import torch
from driving import Driver, FakeClock, IdleInbox, is_a, of, tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.catalog import load
from engine.config import SampleConfig
from engine.protocol import (
    AnnotateRun,
    Close,
    Command,
    Compare,
    ConfirmationRequired,
    CorpusLoaded,
    Event,
    Failed,
    Open,
    Opened,
    OpenRun,
    RenameRun,
    Sample,
    Save,
    Saved,
    Step,
    StepDone,
    Train,
)
from engine.session.session import Session
from engine.storage import library
from engine.storage.checkpoints import State, read_checkpoint
from engine.storage.format2 import RENAMED
from engine.storage.manifest import MANIFEST, Manifest, checkpoints_of
from engine.storage.paths import folder_of, run_names
from engine.storage.saved_run import load_run
from tui.cli.runs import list_runs

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]

MAX_SECONDS = 2.0
FILES = ("run.json", "corpus.txt", "metrics.jsonl", "manifest", "model", "optimizer")
TEXT = "\n".join(
    f"{number} owls upon the wall, said she;\nand {number} mice below, said he."
    for number in range(30)
)

# Hostile content.

HOSTILE = st.sampled_from(
    [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "NaN",
        "-Infinity",
        "1e308",
        "1e999",
        "5e-324",
        str(2**31),
        str(2**63),
        str(2**64),
        "1" + "0" * 400,
        "9" * 5000,
        '""',
        '"\\ud800"',
        '"\\u0000\\u001b[2J\\n"',
        '"' + "x" * 100_000 + '"',
        '"\xff\udcff"',
        "[]",
        "{}",
        "[" * 100_000,
        '{"a":' * 100_000,
        "",
    ]
)
"""JSON, or nearly, that replaces a value."""
SAMPLE_AND_STEP = (Sample(1, "and", SampleConfig(characters=3)), Step())
MARK = "\x00here\x00"


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values within a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_in(child, (*path, key))


def with_raw(value: Any, path: tuple[Any, ...], raw: str, how: str) -> str:
    """The JSON with `raw` at this path, or added next to it under an unknown key; or without the value
    at this path."""
    if not path:
        return raw
    changed = json.loads(json.dumps(value))
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    if how == "remove":
        del parent[path[-1]]
    elif how == "add" and isinstance(parent, dict):
        first = {"unknown": MARK, **parent}
        parent.clear()
        parent.update(first)
    else:
        parent[path[-1]] = MARK
    return json.dumps(changed).replace(json.dumps(MARK), raw)


@st.composite
def corrupted(draw: st.DrawFn, content: bytes) -> bytes:
    """Other content in place of this one: anything, or almost the same."""
    how = draw(st.sampled_from(["anything", "truncate", "splice", "value", "value", "number"]))
    if how == "anything" or not content:
        return draw(st.binary(max_size=400))
    place = draw(st.integers(0, len(content) - 1))
    if how == "truncate":
        return content[:place]
    if how == "splice":
        new = draw(st.binary(max_size=20))
        return content[:place] + new + content[place + draw(st.integers(0, 20)) :]
    # One line of JSON, or a whole file of it.
    lines = content.split(b"\n") if content.count(b'"type"') > 1 else [content]
    number = draw(st.integers(0, len(lines) - 1))
    try:
        value = json.loads(lines[number])
    except ValueError:
        return content[:place] + draw(st.binary(max_size=20))
    path = draw(st.sampled_from(sorted(paths_in(value), key=repr)))
    numbers = st.integers().map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    raw = draw(HOSTILE if how == "value" else numbers)
    changed = with_raw(value, path, raw, draw(st.sampled_from(["replace", "add", "remove"])))
    lines[number] = changed.encode("utf-8", "surrogateescape")
    return b"\n".join(lines)


# A saved run.


class Intact(NamedTuple):
    """A saved run as it was written."""

    folder: Path
    states: list[str]


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intact]:
    """A run with two checkpoints, and the digests of their weights."""
    home = tmp_path_factory.mktemp("intact")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGPT_HOME", str(home))
        torch.set_num_threads(1)
        text = home / "text.txt"
        text.write_text(TEXT, encoding="utf-8")
        (
            Driver()
            .when(is_a(StepDone, step=5), Save())
            .when(is_a(Saved, step=5), Step())
            .when(is_a(StepDone, step=7), Close())
            .run(Open(tiny(text, "model.n_embd=16", "train.steps=12")), Train())
        )
        (name,) = run_names()
        folder = folder_of(name)
        states = [digest(read_checkpoint(path, 1 << 20)[1]) for path in checkpoints_of(folder)]
        assert len(states) > 1
        made = Intact(folder, states)
        with suppress(AssertionError), copy_of(made) as copy:
            opened(OpenRun(copy.name), *SAMPLE_AND_STEP)  # the first opening is slow
        yield made


def digest(state: State) -> str:
    """One hash of all tensors of a checkpoint."""
    return hashlib.sha256(
        b"".join(
            tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
            for _, group in sorted(state.items())
            for _, tensor in sorted(group.items())
        )
    ).hexdigest()


@contextmanager
def copy_of(intact: Intact) -> Iterator[Path]:
    """A copy of the run, in a temporary home."""
    with TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGPT_HOME", home)
        patch.setattr("engine.storage.lock.TIMEOUT", 0.01)
        patch.setattr(os, "fsync", lambda _descriptor: None)
        folder = Path(home, "runs", "a-run")
        shutil.copytree(intact.folder, folder)
        yield folder


def files_of(folder: Path, file: str) -> list[Path]:
    """The files of this name: one per checkpoint, or the only one."""
    if file in ("run.json", "corpus.txt", "metrics.jsonl"):
        return [folder / file]
    name = MANIFEST if file == "manifest" else f"{file}.safetensors"
    return [checkpoint / name for checkpoint in checkpoints_of(folder)]


def write_as_format_2(path: Path) -> None:
    """Write a `run.json` as version 0.1 did."""
    info = json.loads(path.read_text(encoding="utf-8"))
    for section, names in RENAMED.items():
        fields = info["config"][section]
        for old, new in names.items():
            fields[old] = fields.pop(new)
    path.write_text(json.dumps({**info, "format": 2}), encoding="utf-8")


def seal(content: bytes) -> bytes:
    """The manifest with a matching digest, as an attacker would write it."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (ValueError, RecursionError):
        return content
    return msgspec.json.encode(manifest.sealed())


# What must hold.


def assert_user_facing(message: str) -> None:
    """One line, without a traceback."""
    assert message.strip()
    assert "\n" not in message
    assert "Traceback" not in message
    assert len(message) < 1000


def opened(*commands: Command) -> list[Event]:
    """The events of these commands: quick, without a crash, each failure with a message."""
    events: list[Event] = []
    began = process_time()
    Session(events.append, clock=FakeClock()).run(IdleInbox(*commands, last=Close(save=False)))
    assert process_time() - began < MAX_SECONDS
    for failed in of(events, Failed):
        assert_user_facing(failed.message)
        assert failed.during != "engine"
    assert len(of(events, Opened)) <= 1
    return events


def assert_its_own_weights(intact: Intact, name: str) -> None:
    """It loads with weights that were saved, or not at all."""
    try:
        saved = load_run(name)
    except ValueError as refusal:
        assert_user_facing(str(refusal))
    else:
        assert digest(saved.state) in intact.states


def assert_listed() -> None:
    """The runs can be listed and printed."""
    assert len(library.summaries()) <= 1
    with redirect_stdout(io.StringIO()):
        list_runs()


def assert_usable(name: str) -> None:
    """It opens and trains on, or is refused with a reason."""
    managing = (Compare((name,)), AnnotateRun(name, "mine"), RenameRun(name, "another"))
    events = opened(OpenRun(name), *SAMPLE_AND_STEP, *managing)
    assert any(isinstance(event, Opened | Failed | ConfirmationRequired) for event in events)
    for asked in of(events, ConfirmationRequired):
        assert_user_facing(asked.question)
        opened(msgspec.structs.replace(asked.command, name="another"), *SAMPLE_AND_STEP)


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    file=st.sampled_from(FILES),
    newest=st.booleans(),
    sealed=st.booleans(),
    old=st.booleans(),
)
def test_any_content_of_any_file_of_a_run(
    intact: Intact, data: st.DataObject, file: str, newest: bool, sealed: bool, old: bool
) -> None:
    with copy_of(intact) as folder:
        if old:
            write_as_format_2(folder / "run.json")
        for path in files_of(folder, file)[-1 if newest else 0 :]:
            content = data.draw(corrupted(path.read_bytes()), label=str(path.relative_to(folder)))
            path.write_bytes(seal(content) if sealed and file == "manifest" else content)
        assert_its_own_weights(intact, folder.name)
        assert_listed()
        assert_usable(folder.name)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_content_of_the_holder_file(intact: Intact, data: st.DataObject) -> None:
    """While another program trains the run, and this one is asked to."""
    with copy_of(intact) as folder:
        holder = json.dumps({"pid": os.getpid() + 1, "since": 1.5e9}).encode()
        (folder / "holder.json").write_bytes(data.draw(corrupted(holder), label="holder.json"))
        name = folder.name
        with filelock.FileLock(folder / "lock"):
            events = opened(OpenRun(name), Train(), RenameRun(name, "another"))
            assert of(events, Failed), "it was neither trained nor renamed"
            with pytest.raises(ValueError, match=r"^The run 'a-run' is open in another program"):
                library.delete(name)


# Texts.

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")
BEGINNINGS = (b"", b"\x1f\x8b", b"PK\x03\x04", b"%PDF-", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\0")
TEXTS = (
    st.binary(max_size=300)
    | st.text(max_size=100).map(str.encode)
    | st.builds(
        lambda text, encoding: text.encode(encoding, "ignore"),
        st.text(max_size=100),
        st.sampled_from(ENCODINGS),
    )
)
CONTENTS = st.builds(
    lambda first, content, times: first + times * content,
    st.sampled_from(BEGINNINGS),
    TEXTS,
    st.sampled_from([1, 60]),
)


@settings(max_examples=70, suppress_health_check=list(HealthCheck))
@given(st.lists(CONTENTS, min_size=1, max_size=3), st.booleans())
def test_any_bytes_as_a_text(intact: Intact, contents: list[bytes], as_folder: bool) -> None:
    """They make a run that opens again with its text, or are refused with a reason."""
    with copy_of(intact) as folder:
        shutil.rmtree(folder)
        texts = folder.with_name("texts")
        texts.mkdir()
        for number, content in enumerate(contents):
            (texts / f"{number}.txt").write_bytes(content)
        config = tiny(texts if as_folder else texts / "0.txt", "model.context_length=8")
        events = opened(Open(config), *SAMPLE_AND_STEP)
        assert len(of(events, Opened)) + len(of(events, Failed)) == 1
        for fresh in of(events, Opened):
            assert len(of(events, CorpusLoaded)) == 1
            saved = load_run(fresh.run)
            assert saved.text == load(config.corpus).text
            assert len(of(opened(OpenRun(fresh.run)), Opened)) == 1
