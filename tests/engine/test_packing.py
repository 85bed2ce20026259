"""A run travels in one file: it goes on elsewhere bit for bit, and a forged file leaves nothing."""

import errno
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_IFCHR, S_IFLNK
from zipfile import ZipFile, ZipInfo

import pytest
from driving import Driver, is_a, losses, of, only, run_to_end, saved_run, tiny
from forking import needs_fork
from stored import digest
from test_followed_run import Watcher, trained_elsewhere
from test_untrusted_runs import other_model, seal

from engine.protocol import (
    Busy,
    Close,
    Failed,
    MomentsKept,
    Open,
    Opened,
    OpenRun,
    Packed,
    PackRun,
    Step,
    StepDone,
    Train,
    Unpacked,
    UnpackRun,
)
from engine.session.context import check_state
from engine.storage import unpacking
from engine.storage.history import read_history
from engine.storage.lock import locked
from engine.storage.manifest import checkpoints_of
from engine.storage.packing import pack
from engine.storage.paths import folder_of, run_names, runs_folder
from engine.storage.unpacking import unpack

pytestmark = pytest.mark.timeout(60)


def answer(command: PackRun | UnpackRun) -> Packed | Unpacked | Failed:
    """What comes of a command."""
    happens = is_a((Packed, Unpacked, Failed))  # type: ignore[arg-type]
    (event,) = of(Driver().when(happens, Close()).run(command), (Packed, Unpacked, Failed))  # type: ignore[arg-type]
    return event  # type: ignore[no-any-return]


def packed(name: str, path: Path, *, moments: bool = True) -> Path:
    event = answer(PackRun(name, str(path), moments))
    assert isinstance(event, Packed), event
    assert (event.run, event.path, event.bytes) == (name, str(path), path.stat().st_size)
    return path


def unpacked(path: Path, name: str = "") -> str:
    event = answer(UnpackRun(str(path), name))
    assert isinstance(event, Unpacked), event
    assert Path(event.path) == folder_of(event.run)
    return event.run


def refusal(path: Path, name: str = "") -> str:
    """Why a file is refused: nothing of it is left."""
    before = sorted(runs_folder().rglob("*"))
    event = answer(UnpackRun(str(path), name))
    assert isinstance(event, Failed), event
    assert event.during == "export"
    assert sorted(runs_folder().rglob("*")) == before
    return event.message


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was packed on another machine."""
    folder = tmp_path_factory.mktemp("another")
    text = folder / "owl.txt"
    text.write_text("The owl was up before the moon,\nand counted every star aloud;\n" * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGPT_HOME", str(folder))
        return packed(saved_run(text), folder / "one.tinygpt")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Goes to another home, where no run is saved."""
    return lambda: monkeypatch.setenv("TINYGPT_HOME", str(tmp_path / "elsewhere"))


def test_a_run_goes_on_elsewhere_bit_for_bit(
    verse_file: Path, tmp_path: Path, elsewhere: Callable[[], None]
) -> None:
    config = tiny(verse_file, "model.dropout=0.2")
    whole = run_to_end(Open(config), Train())
    expected = digest(only(whole, Opened).run)
    driver = Driver().when(is_a(StepDone, step=7), Close())
    name = only(driver.run(Open(config), Train()), Opened).run
    (folder_of(name) / "letters.txt").write_text("of this machine")
    path = packed(name, tmp_path / "new" / "one.tinygpt")
    assert path.read_bytes() == packed(name, tmp_path / "again.tinygpt").read_bytes()
    names = {file.partition("/")[2].split("/")[0] for file in ZipFile(path).namelist()}
    needed = {"run.json", "metrics.jsonl", "corpus.txt", "checkpoints", "moments"}
    assert names - {"ladder.json"} == needed
    assert bytes(tmp_path) not in path.read_bytes(), "where the text lies is nobody's business"

    elsewhere()
    assert unpacked(path) == name
    on = run_to_end(OpenRun(name), Train())
    assert losses(on) == losses(whole)
    assert digest(name) == expected
    steps = (0, 1, 2, 4, 8, 10, 16, 20)
    assert of(on, MomentsKept)[-1].steps == of(whole, MomentsKept)[-1].steps == steps


def test_without_moments_it_has_the_model_alone(
    verse_file: Path, tmp_path: Path, elsewhere: Callable[[], None]
) -> None:
    path = packed(saved_run(verse_file), tmp_path / "one.tinygpt", moments=False)
    elsewhere()
    assert only(Driver().run(OpenRun(unpacked(path)), Close()), MomentsKept).steps == ()


def test_it_can_be_trained_here_without_being_changed(genuine: Path) -> None:
    """What the command line calls --no-save."""
    name = unpacked(genuine)
    before = {path: path.stat().st_mtime_ns for path in folder_of(name).rglob("*")}
    driver = Driver(saving=False).when(is_a(StepDone, step=21), Close())
    driver.run(OpenRun(name), Step())
    assert {path: path.stat().st_mtime_ns for path in folder_of(name).rglob("*")} == before


@needs_fork
def test_what_another_program_is_training_is_packed_as_it_was_at_its_newest_checkpoint(
    verse_file: Path, tmp_path: Path, elsewhere: Callable[[], None]
) -> None:
    config = tiny(verse_file, "train.steps=100000")
    driver = Driver().when(is_a(StepDone), Close())
    name = only(driver.run(Open(config), Step()), Opened).run
    at: dict[int, Path] = {}
    with trained_elsewhere(name):
        while len(at) < 3:
            event = answer(PackRun(name, str(tmp_path / "one.tinygpt")))
            assert isinstance(event, Packed), event
            at[event.step] = Path(event.path).rename(tmp_path / f"at {event.step}")
    whole = losses(read_history(folder_of(name)))
    elsewhere()
    for step, path in at.items():
        opened = Driver().run(OpenRun(unpacked(path)), Close())
        assert only(opened, Opened).step == step
        assert losses(opened) == [loss for loss in whole if loss[0] <= step]


def test_packing_and_training_take_turns(verse_file: Path, tmp_path: Path) -> None:
    """The open run is packed as it is when that is asked for, and trains on meanwhile, unchanged."""
    config = tiny(verse_file)
    alone = losses(run_to_end(Open(config), Train()))
    driver = Watcher()

    def ask() -> None:
        driver.send(PackRun(only(driver.events, Opened).run, str(tmp_path / "one.tinygpt")))

    driver.call_when(is_a(StepDone, step=5), ask).when(is_a(Packed))
    driver.when(is_a(StepDone, step=20), Close())
    events = driver.run(Open(config), Train())
    assert only(events, Packed).step == 5
    what = f"packing {only(events, Opened).run}"
    fractions = [event.done for event in of(events, Busy) if event.what == what]
    assert fractions == sorted(fractions), "its progress is reported"
    assert events[events.index(only(events, Packed)) - 1] == Busy("")
    assert losses(events)[: len(alone) - 1] == alone[:-1]


@pytest.mark.parametrize(
    ("name", "message"),
    [("mine", "There is already a run 'mine'."), ("../mine", "A run's name has up to 60")],
)
def test_a_name_that_is_taken_or_invalid(genuine: Path, name: str, message: str) -> None:
    assert unpacked(genuine, "mine") == "mine"
    assert message in refusal(genuine, name)


def test_a_run_of_the_same_name_stays(genuine: Path) -> None:
    name = unpacked(genuine)
    assert [unpacked(genuine), unpacked(genuine)] == [f"{name}-2", f"{name}-3"]
    assert digest(name) == digest(f"{name}-2") == digest(f"{name}-3")


def test_nothing_that_is_there_is_overwritten(verse_file: Path) -> None:
    event = answer(PackRun(saved_run(verse_file), str(verse_file)))
    assert isinstance(event, Failed)
    assert f"{verse_file} exists already" in event.message


def test_a_damaged_checkpoint_is_left_at_home(verse_file: Path, tmp_path: Path) -> None:
    name = saved_run(verse_file)
    newest = checkpoints_of(folder_of(name))[-1] / "optimizer.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"x")
    run = unpacked(packed(name, tmp_path / "one.tinygpt"))
    assert only(Driver().run(OpenRun(run), Close()), Opened).step == 10
    shutil.rmtree(folder_of(name) / "checkpoints")
    event = answer(PackRun(name, str(tmp_path / "two.tinygpt")))
    assert event == Failed(f"The run {name!r} has no complete checkpoint.", "export")
    assert not (tmp_path / "two.tinygpt.unfinished").exists()


# Files from an untrusted source.

Entries = dict[str, bytes]
"""Contents by name. A name may have a mode for the entry behind a "?"."""


def complete(work: Iterator[object]) -> int:
    """Do all of it; the number of slices, the result among them."""
    return sum(1 for _ in work)


class Forger:
    """Takes a packed run apart, and puts together what somebody might send."""

    def __init__(self, genuine: Path, path: Path) -> None:
        self.path = Path(shutil.copy(genuine, path))
        with ZipFile(self.path) as archive:
            self.run = archive.namelist()[0].partition("/")[0]
            self.files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}

    def write(self, entries: Entries, **options: int) -> None:
        """Rewrite the file from these entries."""
        with ZipFile(self.path, "w", **options) as archive:  # type: ignore[call-overload]
            for name, content in entries.items():
                name, _, mode = name.partition("?")
                header = ZipInfo(name)
                header.external_attr = int(mode or "0") << 16
                header.compress_type = options.get("compression", 0)
                archive.writestr(header, content)

    def also(self, name: str, content: bytes = b"x") -> None:
        """With one more entry."""
        self.write({**self.named(), name: content})

    def named(self, files: Entries | None = None) -> Entries:
        """The entries of these files of the run."""
        return {f"{self.run}/{name}": content for name, content in (files or self.files).items()}

    def replaced(self, name: str, content: bytes) -> None:
        """With another content of a file."""
        self.write(self.named({**self.files, name: content}))

    def without(self, start: str) -> None:
        """Without some files."""
        kept = {name: file for name, file in self.files.items() if not name.startswith(start)}
        self.write(self.named(kept))

    def patched(self, old: bytes, new: bytes, where: int = -1) -> None:
        """With some bytes of the archive changed, from the last place where they are."""
        content = self.path.read_bytes()
        place = content.rfind(old) if where < 0 else where
        self.path.write_bytes(content[:place] + new + content[place + len(old) :])


def foreign_tensors(forger: Forger) -> None:
    """With manifests that match them."""
    folder = folder_of(unpacked(forger.path))
    for checkpoint in checkpoints_of(folder):
        (checkpoint / "model.safetensors").write_bytes(other_model())
        seal(checkpoint)
    forger.write(forger.named({name: (folder / name).read_bytes() for name in forger.files}))
    shutil.rmtree(folder)


def huge_model(forger: Forger) -> None:
    info = json.loads(forger.files["run.json"])
    info["config"]["model"].update(n_embd=2048, n_layer=48, n_head=32, context_length=4096)
    forger.replaced("run.json", json.dumps(info).encode())


def newer_format(forger: Forger) -> None:
    info = json.loads(forger.files["run.json"])
    forger.replaced("run.json", json.dumps({**info, "format": 99}).encode())


def repeated(forger: Forger) -> None:
    with ZipFile(forger.path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"{forger.run}/run.json", b"{}")


def overlapping(forger: Forger) -> None:
    """Hundreds of entries that share the same bytes of the archive."""
    forger.write(forger.named())
    with ZipFile(forger.path, "a") as archive:
        model = next(info for info in archive.infolist() if info.file_size > 10_000)
        for number in range(100):
            entry = ZipInfo(f"{forger.run}/moments/{number:010d}.{64 * 'a'}.safetensors")
            entry.file_size = entry.compress_size = model.file_size
            entry.header_offset, entry.CRC = model.header_offset, model.CRC
            archive.filelist.append(entry)
        archive._didModify = True


def a_directory_of_2_gib(forger: Forger) -> None:
    end = b"PK\5\6" + bytes(8) + (2**31).to_bytes(4, "little") + bytes(6)
    with forger.path.open("wb") as file:
        file.truncate(2**31)  # sparse
        file.seek(0, os.SEEK_END)
        file.write(end)


MOMENT = f"moments/0000000099.{64 * 'a'}.safetensors"
LINK, DEVICE = S_IFLNK | 0o777, S_IFCHR | 0o666
HEADS = b"PK\1\2"

FORGED: dict[str, tuple[Callable[[Forger], object], str]] = {
    "above": (lambda f: f.also("../evil", b"x"), "'../evil' is not a file of a run"),
    "above the run": (lambda f: f.also(f"{f.run}/../../evil"), "is not a file of a run"),
    "absolute": (lambda f: f.also("/evil"), "'/evil' is not a file of a run"),
    "a drive": (lambda f: f.also("C:\\evil"), "is not a file of a run"),
    "backslashes": (lambda f: f.also(f"{f.run}/..\\..\\evil"), "is not a file of a run"),
    "a hidden run": (lambda f: f.also(".hidden/run.json"), "is not a file of a run"),
    "a program": (lambda f: f.also(f"{f.run}/model.pkl"), "is not a file of a run"),
    "a lock": (lambda f: f.also(f"{f.run}/lock"), "is not a file of a run"),
    "a folder": (lambda f: f.also(f"{f.run}/checkpoints/", b""), "is not a file of a run"),
    "a name to be shown": (lambda f: f.also("\x1b[31mred"), r"'\x1b[31mred' is not"),
    "a link": (lambda f: f.also(f"{f.run}/{MOMENT}?{LINK}", b"/etc"), "is not a file of a run"),
    "a device": (lambda f: f.also(f"{f.run}/{MOMENT}?{DEVICE}"), "is not a file of a run"),
    "two runs": (lambda f: f.also(f"other/{MOMENT}"), "it has more than one folder"),
    "twice": (repeated, "it has 'run.json' twice"),
    "a bomb": (
        lambda f: f.write(f.named({**f.files, "corpus.txt": bytes(10**8)}), compression=8),
        "is compressed",
    ),
    "overlapping": (overlapping, "claim to be larger than it is"),
    "2,000 files": (
        lambda f: f.write(
            f.named(
                {**f.files, **{f"checkpoints/{n:06d}/manifest.json": b"" for n in range(2_000)}}
            )
        ),
        "it has too many files",
    ),
    "a directory of 2 GiB": (a_directory_of_2_gib, "is damaged, or not a packed run"),
    "encrypted": (lambda f: f.patched(b"\0\0", b"\1\0", f.path.read_bytes().find(HEADS) + 8), "is"),
    "truncated": (lambda f: f.path.write_bytes(f.path.read_bytes()[:-500]), "not a packed run"),
    "a changed byte": (lambda f: f.patched(b"The owl", b"The olw"), "Bad CRC-32 for file"),
    "empty": (lambda f: f.path.write_bytes(b""), "not a packed run"),
    "a picture": (lambda f: f.path.write_bytes(b"\x89PNG\r\n\x1a\n" * 9), "not a packed run"),
    "another archive": (lambda f: f.write({"a/run.json": b"{}"}), "it has no corpus.txt"),
    "no history": (lambda f: f.without("metrics.jsonl"), "it has no metrics.jsonl"),
    "no checkpoint": (lambda f: f.without("checkpoints"), "has no complete checkpoint"),
    "half a checkpoint": (
        lambda f: f.without("checkpoints/000003/model"),
        "model in checkpoint 000003: No such file",
    ),
    "a newer format": (newer_format, "a newer version of tinygpt-tui saved it (format 99)"),
    "a huge model": (huge_model, "The checkpoint does not fit its model"),
    "another model": (foreign_tensors, "The checkpoint does not fit its model"),
    "other text": (
        lambda f: f.replaced("corpus.txt", b"\xe2\x98\x83 The owl"),
        "it has characters that the model does not know: ☃",
    ),
    "no text": (lambda f: f.replaced("corpus.txt", b"\xff\xfe"), "cannot be read"),
    "a torn history": (
        lambda f: f.replaced("metrics.jsonl", f.files["metrics.jsonl"] + b'{"type":'),
        "of metrics.jsonl is not readable.",
    ),
    "a forged ladder": (lambda f: f.replaced("ladder.json", b"[" * 70_000), "ladder.json cannot"),
    "a manifest": (
        lambda f: f.replaced("checkpoints/000003/manifest.json", b"[" * (1 << 20)),
        "checkpoint 000003 has no readable manifest",
    ),
    "a moment": (
        lambda f: f.replaced(next(n for n in f.files if n.startswith("moments")), b"x" * 90),
        "in moments has been changed",
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_file_is_refused_and_leaves_nothing(
    genuine: Path, tmp_path: Path, forged: str
) -> None:
    make, reason = FORGED[forged]
    forger = Forger(genuine, tmp_path / "one.tinygpt")
    make(forger)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    message = refusal(forger.path)
    assert reason in message
    assert len(message) < 300
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_whatever_is_changed_in_a_file_is_refused_or_does_no_harm(
    genuine: Path, tmp_path: Path
) -> None:
    """A few bytes anywhere, most of them in the headers; or an end that is missing."""
    whole, path = genuine.read_bytes(), tmp_path / "one.tinygpt"
    expected = digest(unpacked(genuine, "whole"))
    rng, directory = random.Random(1), whole.find(HEADS)
    refused = 0
    for number in range(100):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 2, 8])):
            place = rng.randrange(directory if number % 3 else 0, len(content))
            content[place] = rng.choice([0, 255, rng.randrange(256)])
        if number % 10 == 9:
            del content[rng.randrange(len(content)) :]
        path.write_bytes(content)
        try:
            complete(unpack(path, "other", check_state))
        except ValueError:
            refused += 1
        else:
            assert digest("other") == expected
            shutil.rmtree(folder_of("other"))
        assert [path.name for path in runs_folder().iterdir()] == ["whole"]
    assert refused > 70


# What interrupts it.


def test_what_is_given_up_leaves_nothing(genuine: Path, tmp_path: Path) -> None:
    slices = complete(unpack(genuine, "other", check_state))
    shutil.rmtree(folder_of("other"))
    for stop in range(1, slices, 4):
        work = unpack(genuine, "other", check_state)
        for _ in range(stop):
            next(work)
        assert run_names() == [], "it is not listed before it is complete"
        work.close()
        assert [*runs_folder().iterdir()] == []
    name = unpacked(genuine)
    for stop in range(1, complete(pack(name, tmp_path / "whole", moments=True)) - 1, 4):
        work = pack(name, tmp_path / "one.tinygpt", moments=True)
        for _ in range(stop):
            next(work)
        work.close()
    assert sorted(tmp_path.iterdir()) == [runs_folder().parent, tmp_path / "whole"]


def test_a_full_disk_is_reported_and_leaves_nothing(
    genuine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_new = unpacking.write_new

    def full(target: Path, parts: Iterator[bytes]) -> None:
        write_new(target, parts)
        if target.name == "corpus.txt":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "write_new", full)
        assert refusal(genuine).endswith("corpus.txt: No space left on device.")
    monkeypatch.setattr(unpacking, "free_space", lambda folder: 100_000)
    assert f"MB in {runs_folder()}, where 0 MB are free." in refusal(genuine)


def test_what_a_kill_has_left_is_removed_by_the_next(genuine: Path) -> None:
    left, in_progress = runs_folder() / ".a.unfinished", runs_folder() / ".b.unfinished"
    for folder in (left, in_progress):
        folder.mkdir(parents=True)
        (folder / "corpus.txt").write_text("half a te")
    with locked(in_progress):
        unpacked(genuine)
    assert not left.exists()
    assert in_progress.exists()
