"""Record the file system calls of some work with strace, and replay them on a model of a disk.

The replayed result is compared with the real folder, so that a call this parser does not know cannot
go unnoticed.
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
from forking import DONE, child, exit_code, traced

CALLS = (
    "openat,write,fsync,fdatasync,close,"
    "?rename,?renameat,?renameat2,?mkdir,?mkdirat,?unlink,?unlinkat,?rmdir"
)
"""All calls that create, change or remove files and names; not every platform has those with a "?"."""
CALL = re.compile(r"(\w+)\((.*)\)\s+= (\d+)")
"""A line of strace, for a call that succeeded."""

Tree = frozenset[tuple[str, bytes | None]]
"""Content by path; folders have None."""


class Node(NamedTuple):
    """An inode: a file or a folder, independent of its names."""

    number: int
    is_folder: bool


class NamesChanged(NamedTuple):
    """The changes that one call makes to the names in a folder, atomically. None: the name is removed."""

    node: Node
    changes: tuple[tuple[str, Node | None], ...]


class Written(NamedTuple):
    """A file has this content now."""

    node: Node
    content: bytes


class Synced(NamedTuple):
    """A file's content, or the names in a folder, were fsynced."""

    node: Node


class Reported(NamedTuple):
    """The work reported that a part of it is done."""


Change = NamesChanged | Written
Operation = Change | Synced | Reported

REPORTS = Node(-1, is_folder=False)
"""The file to which the work reports."""


def report_done() -> None:
    """Called by the recorded work when a part of it is done."""
    Path(os.devnull).write_bytes(b"done")


@dataclass
class Disk:
    """A model of a disk: inodes with contents and names."""

    root: Node
    files: dict[Node, bytes]
    folders: dict[Node, dict[str, Node]]

    def copy(self) -> "Disk":
        """An independent copy."""
        folders = {folder: dict(names) for folder, names in self.folders.items()}
        return Disk(self.root, dict(self.files), folders)

    def apply(self, operation: Change) -> None:
        """Apply a change."""
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
        """A new inode."""
        return Node(len(self.files) + len(self.folders), is_folder)

    def tree(self) -> Tree:
        """All paths and contents."""
        return frozenset(self._below(self.root, ""))

    def _below(self, folder: Node, path: str) -> Iterator[tuple[str, bytes | None]]:
        for name, node in self.folders[folder].items():
            if node.is_folder:
                yield path + name, None
                yield from self._below(node, f"{path}{name}/")
            else:
                yield path + name, self.files[node]


def disk_with(folder: Path) -> Disk:
    """A disk that holds only this folder."""
    root = Node(0, is_folder=True)
    disk = Disk(root, {}, {root: {}})

    def add(path: Path, parent: Node) -> None:
        node = disk.new_node(path.is_dir())
        disk.apply(NamesChanged(parent, ((path.name, node),)))
        if node.is_folder:
            for inner in sorted(path.iterdir()):
                add(inner, node)
        else:
            disk.apply(Written(node, path.read_bytes()))

    add(folder, root)
    return disk


class Recording(NamedTuple):
    """A disk before the work, and the operations of the work."""

    before: Disk
    operations: Sequence[Operation]


def record(work: Callable[[], object], folder: Path) -> Recording:
    """Do the work in a child process; its operations on the folder."""
    before = disk_with(folder)
    reader = _Reader(folder, before)
    for line in _calls(work):
        reader.read(line)
    assert reader.disk.tree() == disk_with(folder).tree(), (
        "the calls do not account for all changes"
    )
    return Recording(before, reader.operations)


def _calls(work: Callable[[], object]) -> list[str]:
    """Do the work in a child process; the lines of strace."""
    with child(work) as (pid, start):
        command = ["strace", "-qq", "-xx", "-s", str(1 << 28), "-e", f"trace={CALLS}"]
        with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE) as strace:
            assert strace.stderr is not None
            while not traced(pid):
                if strace.poll() is not None:
                    os.kill(pid, signal.SIGKILL)
                    exit_code(pid)
                    pytest.skip(f"strace cannot attach here: {strace.stderr.read().decode()}")
            start()
            lines = strace.stderr.read().decode("ascii").splitlines()
            assert exit_code(pid) == DONE
    return lines


class _Reader:
    """Parses the lines of strace and applies them to its own disk."""

    def __init__(self, folder: Path, before: Disk) -> None:
        self.disk = before.copy()
        self.operations: list[Operation] = []
        self._folder = folder
        self._opened: dict[int, Node] = {}

    def read(self, line: str) -> None:
        """Parse and apply one line."""
        match = CALL.match(line)
        if match is None:
            return
        call, arguments, result = match[1], match[2].split(", "), int(match[3])
        if call == "write":
            self._write(int(arguments[0]), _content(arguments[1])[:result])
        elif call in ("fsync", "fdatasync"):
            if (node := self._opened.get(int(arguments[0]))) is not None:
                self.operations.append(Synced(node))
        elif call == "close":
            self._opened.pop(int(arguments[0]), None)
        else:
            self._with_paths(call, arguments, result)

    def _write(self, descriptor: int, content: bytes) -> None:
        """Append: this program writes files only at their ends."""
        node = self._opened.get(descriptor)
        if node == REPORTS:
            self.operations.append(Reported())
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
            self._change(NamesChanged(folder, ((name, self.disk.new_node(is_folder=True)),)))
        elif call in ("rmdir", "unlink", "unlinkat"):
            folder, name = places[0]
            self._change(NamesChanged(folder, ((name, None),)))
        else:
            (folder, old), target = places[0], places[1]
            assert target is not None
            assert target[0] == folder, "a rename across folders is not modelled"
            node = self.disk.folders[folder][old]
            self._change(NamesChanged(folder, ((old, None), (target[1], node))))

    def _open(
        self, place: tuple[Node, str] | None, path: bytes, flags: str, descriptor: int
    ) -> None:
        self._opened.pop(descriptor, None)
        if path == os.fsencode(os.devnull):
            self._opened[descriptor] = REPORTS
        if place is None:
            return
        folder, name = place
        node = self.disk.folders[folder].get(name)
        if node is None:
            node = self.disk.new_node(is_folder=False)
            self._change(NamesChanged(folder, ((name, node),)))
        elif "O_TRUNC" in flags and self.disk.files[node]:
            self._change(Written(node, b""))
        self._opened[descriptor] = node

    def _change(self, operation: Change) -> None:
        self.disk.apply(operation)
        self.operations.append(operation)

    def _place(self, descriptor: str, argument: str) -> tuple[Node, str] | None:
        """The parent and the name of a path, if it is in the recorded folder. A relative path starts
        at the folder of the descriptor."""
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
    """The bytes of a string that strace printed in hexadecimal."""
    return bytes.fromhex(argument.strip('"').replace("\\x", ""))
