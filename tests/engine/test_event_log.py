"""TensorBoard's event file of a run: what is in it, whatever happens to the run."""

import errno
import os
import shutil
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from statistics import fmean

import pytest
from driving import Driver, history_of, is_a, of, only, run_to_end, saved_run, tiny
from event_records import Record, crc32c, event_file_of, records_of
from stored import digest

from engine.protocol import (
    Close,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    Open,
    Opened,
    OpenRun,
    Pause,
    RenameRun,
    Save,
    Saved,
    StepDone,
    Train,
)
from engine.storage import event_file
from engine.storage.appended_file import AppendedFile
from engine.storage.manifest import DamagedError
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run

ON = "log.tensorboard=on"


def float32(value: float) -> float:
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    return float(rounded)


def curve(records: list[Record], tag: str) -> list[tuple[int, float]]:
    """The numbers of a tag, in the order of the file."""
    return [(record.step, record.scalars[tag]) for record in records if tag in record.scalars]


def assert_holds(records: list[Record], events: list[Event], created: str) -> None:
    """The file holds this history, each step once, and nothing else."""
    first, second, *rest = records
    assert first.file_version == "brain.Event:2"
    assert (second.starts_session, second.step) == (True, 0)
    assert not any(record.starts_session or record.file_version for record in rest)
    steps, evaluations = of(events, StepDone), of(events, Evaluated)
    expected: dict[str, list[tuple[int, float]]] = {
        "train/loss": [(e.step, e.loss) for e in steps],
        "train/loss_smoothed": [
            (e.step, fmean(one.loss for one in steps[max(0, i - 19) : i + 1]))
            for i, e in enumerate(steps)
        ],
        "train/learning_rate": [(e.step, e.learning_rate) for e in steps],
        "train/grad_norm": [(e.step, e.gradient_norm) for e in steps],
        "train/tokens_per_second": [(e.step, e.tokens / e.seconds) for e in steps],
        "train/context_length": [(e.step, e.context_length) for e in steps],
        "val/loss": [(e.step, e.loss) for e in evaluations],
        "val/bits_per_char": [(e.step, e.bits_per_char) for e in evaluations],
        "val/bits_per_byte": [(e.step, e.bits_per_byte or 0.0) for e in evaluations],
        "val/accuracy": [(e.step, e.accuracy) for e in evaluations],
    }
    assert {tag for record in records for tag in record.scalars} == {*expected}
    for tag, values in expected.items():
        got = curve(records, tag)
        assert [step for step, _ in got] == [step for step, _ in values]
        assert [value for _, value in got] == [
            pytest.approx(float32(value), rel=1e-7) for _, value in values
        ]
    samples = [(r.step, r.texts["sample"]) for r in records if r.texts]
    assert samples == [
        (e.step, "".join(f"    {line}\n" for line in (e.prompt + e.text).split("\n")))
        for e in of(events, Excerpt)
    ]
    began = datetime.fromisoformat(created).astimezone(UTC).timestamp()
    assert [r.seconds - began for r in records if "train/loss" in r.scalars] == [
        pytest.approx(e.elapsed, abs=1e-5) for e in steps
    ]


def test_it_holds_the_history_and_training_is_the_same(verse_file: Path) -> None:
    plain, logged = saved_run(verse_file), saved_run(verse_file, ON)
    assert list(folder_of(plain).glob("*tfevents*")) == []
    run = load_run(logged)
    records = records_of(event_file_of(folder_of(logged)))
    assert_holds(records, history_of(run), run.info.created)
    assert len(curve(records, "train/loss")) == 20
    assert digest(logged) == digest(plain)


def test_a_step_is_there_while_the_run_trains(verse_file: Path) -> None:
    seen: list[list[tuple[int, float]]] = []
    (driver := Driver()).call_when(
        is_a(StepDone, step=15),
        lambda: seen.append(curve(records_of(event_file_of(folder_of(name()))), "val/loss")),
    )

    def name() -> str:
        return only(driver.events, Opened).run

    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file, ON)), Train())
    assert seen == [[(e.step, float32(e.loss)) for e in of(events, Evaluated)[:2]]]


@pytest.mark.parametrize("what", ["renamed", "deleted"])
def test_the_folder_of_an_open_run_is_moved(verse_file: Path, what: str) -> None:
    driver = Driver()

    def move() -> None:
        name = only(driver.events, Opened).run
        if what == "renamed":
            driver.send(RenameRun(name, "another"))
        else:
            shutil.rmtree(folder_of(name))
            driver.when(is_a(Failed), Train())  # writes it again

    driver.call_when(is_a(StepDone, step=12), move).when(is_a(Saved), Close())
    run = load_run(only(driver.run(Open(tiny(verse_file, ON)), Train()), Saved).run)
    assert (run.name == "another") == (what == "renamed")
    assert_holds(records_of(event_file_of(folder_of(run.name))), history_of(run), run.info.created)


def test_after_a_run_has_gone_back_it_holds_no_step_twice(verse_file: Path) -> None:
    """From a later step than the checkpoint's, where the program was killed in the middle of a
    record."""
    driver = Driver().when(is_a(StepDone, step=12), Save())
    driver.when(is_a(StepDone, step=17), Close(save=False))
    name = only(driver.run(Open(tiny(verse_file, ON)), Train()), Opened).run
    folder = folder_of(name)
    earlier = event_file_of(folder)
    earlier.write_bytes(earlier.read_bytes()[:-3])

    run_to_end(OpenRun(name, assignments=("train.learning_rate=0.001",)), Train())

    run = load_run(name)
    assert_holds(records_of(event_file_of(folder)), history_of(run), run.info.created)
    assert earlier.read_bytes() == b"", "a TensorBoard that reads it goes on to the next"
    run_to_end(OpenRun(name), Train(steps=2))
    assert not earlier.exists()
    assert len(curve(records_of(event_file_of(folder)), "train/loss")) == 22


def test_it_is_turned_on_later_with_all_that_was_before(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the environment, which the run does not keep."""
    name = saved_run(verse_file)
    monkeypatch.setenv("TINYGPT_TENSORBOARD", "1")
    run_to_end(OpenRun(name), Train(steps=3))
    run = load_run(name)
    assert not run.info.config.log.tensorboard
    assert_holds(records_of(event_file_of(folder_of(name))), history_of(run), run.info.created)

    monkeypatch.setenv("TINYGPT_TENSORBOARD", "off")
    before = event_file_of(folder_of(name)).read_bytes()
    run_to_end(OpenRun(name), Train(steps=3))
    assert event_file_of(folder_of(name)).read_bytes() == before


def test_a_full_disk_is_reported_once_and_training_goes_on(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = AppendedFile.flush
    full = True

    def flush(file: AppendedFile) -> None:
        if full and file._file is not None and "tfevents" in str(file._file.name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file)

    def free_space() -> None:
        nonlocal full
        full = False

    monkeypatch.setattr(AppendedFile, "flush", flush)
    driver = Driver().call_when(is_a(StepDone, step=15), free_space)
    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file, ON)), Train())
    assert only(events, Failed) == Failed(
        "TensorBoard's event file could not be written: No space left on device. Training goes on.",
        "log",
    )
    run = load_run(only(events, Saved).run)
    assert_holds(records_of(event_file_of(folder_of(run.name))), history_of(run), run.info.created)


def test_what_a_stranger_named_like_it_is_not_written_through(verse_file: Path) -> None:
    name = saved_run(verse_file)
    precious = verse_file.with_name("precious")
    precious.write_text("mine", encoding="utf-8")
    link = folder_of(name) / "events.out.tfevents.1.tinygpt-tui"
    link.symlink_to(precious)
    run_to_end(OpenRun(name, assignments=(ON,)), Train(steps=1))
    assert precious.read_text(encoding="utf-8") == "mine"
    assert not link.is_symlink()


def test_a_paused_run_is_up_to_date(verse_file: Path) -> None:
    driver = Driver().when(is_a(StepDone, step=5), Pause(), Close(save=False))
    name = only(driver.run(Open(tiny(verse_file, ON)), Train()), Opened).run
    records = records_of(event_file_of(folder_of(name)))
    assert [step for step, _ in curve(records, "train/loss")] == [1, 2, 3, 4, 5]


def test_numbers_that_a_float32_cannot_hold() -> None:
    content = event_file.scalars(-1, 0.0, {"large": 1e300, "small": -1e300, "none": float("nan")})
    record = event_file.record(content)
    assert crc32c(b"123456789") == 0xE3069283, "the check value of CRC-32C"
    large, small, none = struct.unpack(
        "<fff", b"".join(content[i : i + 4] for i in _ends(content, (b"large", b"small", b"none")))
    )
    assert (large, small, none != none) == (float("inf"), float("-inf"), True)
    assert list(event_file.contents(BytesIO(record))) == [content]


def _ends(content: bytes, tags: tuple[bytes, ...]) -> list[int]:
    """Where the values after these tags are."""
    return [content.index(tag) + len(tag) + 1 for tag in tags]


def test_of_a_file_that_was_cut_off_the_whole_records_are_read() -> None:
    parts = [event_file.scalars(step, 1.5, {"a": step}) for step in range(3)]
    whole = b"".join(map(event_file.record, parts))
    third = len(whole) // 3
    for size in range(len(whole)):
        read = list(event_file.contents(BytesIO(whole[:size])))
        assert read == parts[: size // third]


@pytest.mark.parametrize("damage", [lambda i: 1 << i % 8, lambda _: 255], ids=["bit", "byte"])
def test_damage_is_noticed(damage: Callable[[int], int]) -> None:
    whole = event_file.record(event_file.scalars(7, 1.5, {"a": 1.0}))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= damage(place)
        with pytest.raises(DamagedError, match="damaged"):
            list(event_file.contents(BytesIO(bytes(damaged))))
