"""The command line under a launcher such as torchrun, and a run that another machine trains."""

from pathlib import Path

import pytest
from command_line import invoked, locked_elsewhere

from engine.storage.lock import RunLock
from engine.storage.paths import folder_of


@pytest.mark.parametrize(
    ("arguments", "named"), [((), "app"), (("lab", "a.txt"), "lab"), (("sweep", "a.toml"), "sweep")]
)
def test_a_launcher_starts_train_alone(
    arguments: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "9"}.items():
        monkeypatch.setenv(name, value)
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        result = invoked(*arguments)
        assert result.exit_code == 2
        said = f"torchrun starts tinygpt-tui train: {named} is one process" in result.stderr
        assert said == (rank == "0")


def test_the_machine_of_another_writer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path))
    folder_of("amber-otter").mkdir(parents=True)
    lock = RunLock(folder_of("amber-otter"))
    with locked_elsewhere("amber-otter", host="far-away"):
        assert " on far-away, since " in lock.held_elsewhere()
    with locked_elsewhere("amber-otter"):
        assert " on " not in lock.held_elsewhere()
