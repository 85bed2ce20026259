"""The engine: trains a GPT and generates text. It draws nothing, and imports torch when needed.

These names, `engine.config` and `engine.protocol` are the public interface; the packages below may
change. A name is imported when it is first used, so `import engine` itself loads nothing. A script
sends commands and gets events:

    from queue import SimpleQueue

    from engine import Session, config, protocol as p

    inbox = SimpleQueue()

    def on_event(event):
        match event:
            case p.Evaluated():
                print(f"step {event.step}: validation loss {event.loss:.3f}")
            case p.Saved():
                inbox.put(p.Sample(1, "The owl", config.SampleConfig(characters=100)))
            case p.TextSampled():
                print(event.text, end="")
            case p.SampleDone():
                inbox.put(p.Close())
            case p.Failed():
                raise SystemExit(event.message)

    run = config.override(config.preset("nano", "verse.txt"), ["train.steps=100"])
    inbox.put(p.Open(run))
    inbox.put(p.Train())
    Session(on_event).run(inbox)

A saved run opens in torch without a session:

    from engine import GPT, load_run

    saved = load_run("amber-otter@best")
    model = GPT(saved.info.config.model, len(saved.info.corpus.characters))
    model.load_state_dict(saved.state["model"])
"""

from typing import TYPE_CHECKING

__all__ = [
    "GPT",
    "EngineThread",
    "Launch",
    "LaunchFile",
    "ProcessGroup",
    "RankLostError",
    "SavedRun",
    "Session",
    "SweepResults",
    "TextGenerator",
    "Trainer",
    "Vocabulary",
    "begun_sweep",
    "check_name",
    "config",
    "end_ranks",
    "follow_rank_0",
    "home",
    "launched",
    "load_run",
    "protocol",
    "race_names",
    "read_sweep",
    "replace_file",
    "run_in_training",
    "run_names",
    "run_written_by",
    "sweep_names",
    "write_log",
]

if TYPE_CHECKING:
    from data.home import home
    from engine import config, protocol
    from engine.generation.generator import TextGenerator
    from engine.launch import Launch, RankLostError, launched
    from engine.model.gpt import GPT
    from engine.model.tokenizer import Vocabulary
    from engine.session.session import Session
    from engine.session.thread import EngineThread, write_log
    from engine.storage.atomic import replace_file
    from engine.storage.launch_file import LaunchFile
    from engine.storage.library import run_in_training, run_written_by
    from engine.storage.names import check_name
    from engine.storage.paths import run_names
    from engine.storage.race_file import race_names
    from engine.storage.saved_run import SavedRun, load_run
    from engine.storage.sweep_file import SweepResults, begun_sweep, read_sweep, sweep_names
    from engine.training.process_group import ProcessGroup
    from engine.training.rank_trainer import end_ranks, follow_rank_0
    from engine.training.trainer import Trainer
else:
    from importlib import import_module

    _SOURCES = {
        "GPT": "engine.model.gpt",
        "EngineThread": "engine.session.thread",
        "Launch": "engine.launch",
        "LaunchFile": "engine.storage.launch_file",
        "ProcessGroup": "engine.training.process_group",
        "RankLostError": "engine.launch",
        "SavedRun": "engine.storage.saved_run",
        "Session": "engine.session.session",
        "SweepResults": "engine.storage.sweep_file",
        "TextGenerator": "engine.generation.generator",
        "Trainer": "engine.training.trainer",
        "Vocabulary": "engine.model.tokenizer",
        "begun_sweep": "engine.storage.sweep_file",
        "check_name": "engine.storage.names",
        "config": "engine",
        "end_ranks": "engine.training.rank_trainer",
        "follow_rank_0": "engine.training.rank_trainer",
        "home": "data.home",
        "launched": "engine.launch",
        "load_run": "engine.storage.saved_run",
        "protocol": "engine",
        "race_names": "engine.storage.race_file",
        "read_sweep": "engine.storage.sweep_file",
        "replace_file": "engine.storage.atomic",
        "run_in_training": "engine.storage.library",
        "run_names": "engine.storage.paths",
        "run_written_by": "engine.storage.library",
        "sweep_names": "engine.storage.sweep_file",
        "write_log": "engine.session.thread",
    }

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used (PEP 562)."""
        if name not in _SOURCES:
            raise AttributeError(f"module 'engine' has no attribute {name!r}")
        if _SOURCES[name] == "engine":
            return import_module(f"engine.{name}")
        value = getattr(import_module(_SOURCES[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return __all__
