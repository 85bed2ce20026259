"""TensorBoard reads what a run writes: with its own reader, live, and after the run has gone back."""

from pathlib import Path

import numpy as np
import pytest
from driving import Driver, history_of, is_a, of, only, run_to_end, tiny

pytest.importorskip("tensorboard", reason="make interop installs TensorBoard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator as PluginEventAccumulator,  # what TensorBoard's own pages read with
)
from tensorboard.util.tensor_util import make_ndarray

from engine.protocol import (
    Close,
    Evaluated,
    Event,
    Excerpt,
    Open,
    Opened,
    OpenRun,
    Save,
    StepDone,
    Train,
)
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run

ON = "log.tensorboard=on"
Reader = EventAccumulator | PluginEventAccumulator


def reader_of(name: str, kind: type[Reader] = PluginEventAccumulator) -> Reader:
    return kind(str(folder_of(name)), size_guidance={"tensors": 0, "scalars": 0})


def numbers(reader: Reader, tag: str) -> list[tuple[int, float]]:
    """The steps and values of a tag."""
    if isinstance(reader, EventAccumulator):
        return [(scalar.step, scalar.value) for scalar in reader.Scalars(tag)]
    return [(one.step, float(make_ndarray(one.tensor_proto))) for one in reader.Tensors(tag)]


def assert_shows(shown: Reader, events: list[Event]) -> None:
    """Each number is that of the history, rounded to float32, and each sample is there."""
    steps, evaluations = of(events, StepDone), of(events, Evaluated)
    for tag, values in {
        "train/loss": [(e.step, e.loss) for e in steps],
        "train/learning_rate": [(e.step, e.learning_rate) for e in steps],
        "train/tokens_per_second": [(e.step, e.tokens / e.seconds) for e in steps],
        "val/loss": [(e.step, e.loss) for e in evaluations],
    }.items():
        assert numbers(shown, tag) == [(step, float(np.float32(value))) for step, value in values]
    samples = [
        (one.step, make_ndarray(one.tensor_proto).tolist()) for one in shown.Tensors("sample")
    ]
    assert samples == [
        (e.step, ["".join(f"    {line}\n" for line in (e.prompt + e.text).split("\n")).encode()])
        for e in of(events, Excerpt)
    ]
    plugin = shown.SummaryMetadata("sample").plugin_data.plugin_name
    assert plugin == "text"


def test_it_follows_a_run_that_is_trained_killed_and_gone_back(verse_file: Path) -> None:
    """One reader all the while, as in a TensorBoard that stays open, and one that is opened last."""
    driver = Driver()
    readers: list[Reader] = []

    def look() -> None:
        name = only(driver.events, Opened).run
        readers.append(reader_of(name))
        assert_shows(readers[0].Reload(), history_of(load_run(name)))

    driver.when(is_a(StepDone, step=12), Save())
    driver.call_when(is_a(StepDone, step=14), look)
    driver.when(is_a(StepDone, step=17), Close(save=False))
    name = only(driver.run(Open(tiny(verse_file, ON)), Train()), Opened).run
    (reader,) = readers
    (path,) = folder_of(name).glob("*tfevents*")
    path.write_bytes(path.read_bytes()[:-3])
    reader.Reload()

    run_to_end(OpenRun(name, assignments=("train.learning_rate=0.001",)), Train())

    events = history_of(load_run(name))
    assert len(of(events, StepDone)) == 20
    assert_shows(reader.Reload(), events)
    for kind in (EventAccumulator, PluginEventAccumulator):
        assert_shows(reader_of(name, kind).Reload(), events)
