"""What work asks of the disk, call by call, as strace sees it; and a disk on which to do it again.

What is read from the calls is checked against the folder itself: a call that is not known here
cannot go unnoticed.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from forking import DONE, child, ended, traced

CALLS = (
    "openat,write,fsync,fdatasync,close,"
    "?rename,?renameat,?renameat2,?mkdir,?mkdirat,?unlink,?unlinkat,?rmdir"
)
"""The calls by which files and names come, change and go; some machines lack some."""
CALL = re.compile(r"(\w+)\((.*)\)\s+= (\d+)")
"""A line of strace, of a call that was not refused."""

Tree = frozenset[tuple[str, bytes | None]]
"""What a person finds: the files by their paths, and the folders (None)."""


class Node(NamedTuple):
    """A file or a folder, whatever names it has."""

    number: int
    is_folder: bool


class Named(NamedTuple):
    """One call's changes of a folder's names, which come together or not at all. None: no more."""

    node: Node
    changes: tuple[tuple[str, Node | None], ...]


class Written(NamedTuple):
    """A file has this content now."""

    node: Node
    content: bytes


class Forced(NamedTuple):
    """A file's content, or a folder's names, were forced to the disk."""

    node: Node


class Told(NamedTuple):
    """The work told that a part of it is done."""


Change = Named | Written
Operation = Change | Forced | Told

NOWHERE = Node(-1, is_folder=False)
"""Where the work tells how far it is."""


def tell() -> None:
    """Called by the work that is recorded, when a part of it is done."""
    Path(os.devnull).write_bytes(b"done")


@dataclass
class Disk:
    """Files and folders."""

    root: Node
    files: dict[Node, bytes]
    folders: dict[Node, dict[str, Node]]

    def copy(self) -> "Disk":
        """Another disk with the same on it."""
        folders = {folder: dict(names) for folder, names in self.folders.items()}
        return Disk(self.root, dict(self.files), folders)

    def change(self, operation: Change) -> None:
        """Do it here."""
        if isinstance(operation, Written):
            self.files[operation.node] = operation.content
            return
        names = self.folders.setdefault(operation.node, {})
        for name, node in operation.changes:
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node
                if node.is_folder:
                    self.folders.setdefault(node, {})
                else:
                    self.files.setdefault(node, b"")

    def new_node(self, is_folder: bool) -> Node:
        """A node that is not here yet."""
        return Node(len(self.files) + len(self.folders), is_folder)

    def tree(self) -> Tree:
        """What a person finds."""
        return frozenset(self._below(self.root, ""))

    def _below(self, folder: Node, path: str) -> Iterator[tuple[str, bytes | None]]:
        for name, node in self.folders[folder].items():
            if node.is_folder:
                yield path + name, None
                yield from self._below(node, f"{path}{name}/")
            else:
                yield path + name, self.files[node]


def disk_with(folder: Path) -> Disk:
    """A disk with this folder, and nothing beside it."""
    root = Node(0, is_folder=True)
    disk = Disk(root, {}, {root: {}})

    def add(path: Path, parent: Node) -> None:
        node = disk.new_node(path.is_dir())
        disk.change(Named(parent, ((path.name, node),)))
        if node.is_folder:
            for inner in sorted(path.iterdir()):
                add(inner, node)
        else:
            disk.change(Written(node, path.read_bytes()))

    add(folder, root)
    return disk


class Recording(NamedTuple):
    """How a disk was before the work, and what the work did to it."""

    before: Disk
    operations: Sequence[Operation]


def recorded(work: Callable[[], object], folder: Path) -> Recording:
    """Do the work in a child; what it did to the folder."""
    before = disk_with(folder)
    reader = _Reader(folder, before)
    for line in _calls(work):
        reader.read(line)
    assert reader.disk.tree() == disk_with(folder).tree(), "the calls tell all that was done"
    return Recording(before, reader.operations)


def _calls(work: Callable[[], object]) -> list[str]:
    """Do the work in a child; what strace tells of it."""
    with child(work) as (pid, begin):
        command = ["strace", "-qq", "-xx", "-s", str(1 << 28), "-e", f"trace={CALLS}"]
        with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE) as strace:
            assert strace.stderr is not None
            while not traced(pid):
                if strace.poll() is not None:
                    os.kill(pid, signal.SIGKILL)
                    ended(pid)
                    pytest.skip(f"strace cannot attach here: {strace.stderr.read().decode()}")
            begin()
            told = strace.stderr.read().decode("ascii").splitlines()
            assert ended(pid) == DONE
    return told


class _Reader:
    """Understands what strace tells, and does it on a disk of its own."""

    def __init__(self, folder: Path, before: Disk) -> None:
        self.disk = before.copy()
        self.operations: list[Operation] = []
        self._folder = folder
        self._opened: dict[int, Node] = {}

    def read(self, line: str) -> None:
        """Understand a line."""
        match = CALL.match(line)
        if match is None:
            return
        call, arguments, result = match[1], match[2].split(", "), int(match[3])
        if call == "write":
            self._write(int(arguments[0]), _content(arguments[1])[:result])
        elif call in ("fsync", "fdatasync"):
            if (node := self._opened.get(int(arguments[0]))) is not None:
                self.operations.append(Forced(node))
        elif call == "close":
            self._opened.pop(int(arguments[0]), None)
        else:
            self._with_paths(call, arguments, result)

    def _write(self, descriptor: int, content: bytes) -> None:
        """Files are only ever written at their ends."""
        node = self._opened.get(descriptor)
        if node == NOWHERE:
            self.operations.append(Told())
        elif node is not None:
            self._change(Written(node, self.disk.files[node] + content))

    def _with_paths(self, call: str, arguments: list[str], result: int) -> None:
        before = ["", *arguments]
        places = [
            self._place(place, argument)
            for place, argument in zip(before, arguments, strict=False)
            if argument.startswith('"')
        ]
        if call == "openat":
            self._open(places[0], _content(arguments[1]), arguments[2], result)
        elif places[0] is None:
            return
        elif call in ("mkdir", "mkdirat"):
            folder, name = places[0]
            self._change(Named(folder, ((name, self.disk.new_node(is_folder=True)),)))
        elif call in ("rmdir", "unlink", "unlinkat"):
            folder, name = places[0]
            self._change(Named(folder, ((name, None),)))
        else:
            (folder, old), target = places[0], places[1]
            assert target is not None
            assert target[0] == folder, "nothing is renamed from one folder into another"
            node = self.disk.folders[folder][old]
            self._change(Named(folder, ((old, None), (target[1], node))))

    def _open(
        self, place: tuple[Node, str] | None, path: bytes, flags: str, descriptor: int
    ) -> None:
        self._opened.pop(descriptor, None)
        if path == os.fsencode(os.devnull):
            self._opened[descriptor] = NOWHERE
        if place is None:
            return
        folder, name = place
        node = self.disk.folders[folder].get(name)
        if node is None:
            node = self.disk.new_node(is_folder=False)
            self._change(Named(folder, ((name, node),)))
        elif "O_TRUNC" in flags and self.disk.files[node]:
            self._change(Written(node, b""))
        self._opened[descriptor] = node

    def _change(self, operation: Change) -> None:
        self.disk.change(operation)
        self.operations.append(operation)

    def _place(self, descriptor: str, argument: str) -> tuple[Node, str] | None:
        """The folder and the name that a path leads to, if that lies in the recorded folder. A path
        that begins nowhere begins at the open folder given before it."""
        path = Path(os.fsdecode(_content(argument)))
        start: Node | None = None
        if not path.is_absolute():
            start = self._opened.get(int(descriptor)) if descriptor.isdecimal() else None
        elif path.is_relative_to(self._folder):
            start, path = self.disk.root, path.relative_to(self._folder.parent)
        if start is None:
            return None
        *folders, name = path.parts
        for folder in folders:
            start = self.disk.folders[start][folder]
        return start, name


def _content(argument: str) -> bytes:
    """The bytes that strace tells in hexadecimal digits."""
    return bytes.fromhex(argument.strip('"').replace("\\x", ""))
