"""Forged checkpoints from an untrusted source: refused with a reason, quickly, using little memory."""

import hashlib
import json
import resource
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import msgspec
import pytest
import safetensors.torch
import torch
from driving import Driver, of, only, saved_run

from engine.protocol import Close, Failed, Opened, OpenRun
from engine.storage.manifest import MANIFEST, checkpoints_of, read_manifest
from engine.storage.paths import folder_of

pytestmark = pytest.mark.timeout(30)

MAX_SECONDS, MAX_BYTES = 2.0, 200e6


def header(content: dict[str, object]) -> bytes:
    text = json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text


def tensor(shape: list[int], end: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}


def many() -> bytes:
    return header({f"t{i}": tensor([0], 0) for i in range(100_000)})


def other_model() -> bytes:
    return safetensors.torch.save({"embedding.weight": torch.zeros(9, 9)})


FORGED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "a header of 8 EiB": lambda: (2**63).to_bytes(8, "little") + b"{}",
    "a header beyond the end": lambda: (900).to_bytes(8, "little") + b"{}",
    "a header that is not JSON": lambda: (4).to_bytes(8, "little") + b"\x80\x04N.",
    "a shape that overflows": lambda: header({"head.weight": tensor([2**40, 2**40], 4)}) + b"1234",
    "data beyond the end": lambda: header({"head.weight": tensor([1000], 4000)}) + b"1234",
    "four-bit numbers": lambda: (
        header({"head.weight": {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}}) + b"1234"
    ),
    "100,000 tensors": many,
    "another model": other_model,
    "too large": lambda: bytes(4 << 20),
}


def seal(checkpoint: Path) -> None:
    """Update the manifest to match the files, as an attacker would."""
    files = {
        name: (checkpoint / f"{name}.safetensors").read_bytes() for name in ("model", "optimizer")
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = msgspec.structs.replace(read_manifest(checkpoint), sha256=digests).sealed()
    (checkpoint / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def assert_refused(name: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, perf_counter()
    events = Driver().run(OpenRun(name), Close())
    assert perf_counter() - began < MAX_SECONDS
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < MAX_BYTES
    failed = only(events, Failed)
    assert failed.during == "open"
    assert "Traceback" not in failed.message
    assert len(failed.message) < 400
    assert of(events, Opened) == []


@pytest.mark.parametrize("group", ["model", "optimizer"])
@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_checkpoint_is_refused(verse_file: Path, forged: str, group: str) -> None:
    name = saved_run(verse_file)
    content = FORGED[forged]()
    for checkpoint in checkpoints_of(folder_of(name)):
        (checkpoint / f"{group}.safetensors").write_bytes(content)
        seal(checkpoint)
    assert_refused(name)


def test_a_config_of_a_huge_model_is_refused_before_it_is_built(verse_file: Path) -> None:
    name = saved_run(verse_file)
    path = folder_of(name) / "run.json"
    info = json.loads(path.read_text())
    info["config"]["model"].update(n_embd=2048, n_layer=48, n_head=32, context_length=4096)
    path.write_text(json.dumps(info))
    assert_refused(name)


def test_a_huge_manifest_is_refused(verse_file: Path) -> None:
    name = saved_run(verse_file)
    for checkpoint in checkpoints_of(folder_of(name)):
        (checkpoint / MANIFEST).write_bytes(b"[" * (32 << 20))
    assert_refused(name)


def test_a_huge_run_json_is_refused(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with (folder_of(name) / "run.json").open("r+b") as file:
        file.truncate(2 << 30)  # sparse
    assert_refused(name)
