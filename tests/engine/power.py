"""A model of a disk that loses power: every state in which the recorded work may leave it.

Whatever was not fsynced may be lost: each name by itself; contents entirely, from some point on, or
replaced by zeros.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import TypeVar

from recording_calls import (
    Change,
    Disk,
    NamesChanged,
    Node,
    Operation,
    Reported,
    Synced,
    Tree,
    Written,
)

T = TypeVar("T")

MAX_COMBINATIONS = 256
"""Up to this many, all combinations of outcomes are tried."""


class Power:
    """A disk that, in a power failure, may lose whatever was not fsynced."""

    def __init__(self, before: Disk) -> None:
        self._durable = before.copy()
        self._pending: list[Change] = []

    def apply(self, operation: Operation) -> None:
        """Apply the next operation of the work."""
        if isinstance(operation, Synced):
            for change in self._pending:
                if change.node == operation.node:
                    self._durable.apply(change)
            self._pending = [c for c in self._pending if c.node != operation.node]
        elif not isinstance(operation, Reported):
            self._pending.append(operation)

    def trees(self) -> Iterator[Tree]:
        """All states in which the disk may be after a power failure now, or since the last fsync."""
        for arrived in combinations(self._outcomes()):
            disk = self._durable.copy()
            for change in arrived:
                if change is not None:
                    disk.apply(change)
            yield disk.tree()

    def _outcomes(self) -> list[list[Change | None]]:
        """The possible outcomes of each change, in order: lost first, durable last."""
        reachable = self._reachable()
        outcomes: dict[object, list[Change | None]] = {}
        for change in self._pending:
            if change.node not in reachable:
                continue
            if isinstance(change, NamesChanged):
                outcomes[id(change)] = [None, change]
            elif change.node not in outcomes:
                before = self._durable.files.get(change.node, b"")
                contents = [
                    later.content
                    for later in self._pending
                    if isinstance(later, Written) and later.node == change.node
                ]
                outcomes[change.node] = [
                    Written(change.node, content) for content in torn(before, contents)
                ]
        return list(outcomes.values())

    def _reachable(self) -> set[Node]:
        """The nodes that may have a name after the failure: the others do not matter."""
        reachable: set[Node] = set()
        ahead = [self._durable.root]
        while ahead:
            node = ahead.pop()
            reachable.add(node)
            ahead += self._durable.folders.get(node, {}).values()
            ahead += (
                named
                for change in self._pending
                if isinstance(change, NamesChanged) and change.node == node
                for _, named in change.changes
                if named is not None
            )
        return reachable


def torn(before: bytes, contents: Sequence[bytes]) -> list[bytes]:
    """The possible contents after a failure of a file that had these contents one after the other:
    the one before first, the last one last."""
    found = [before]
    for old, new in pairwise([before, *contents]):
        if new.startswith(old):
            added = len(new) - len(old)
            found += [new[: len(old) + added // 2], old + bytes(added)]
        found.append(new)
    if new.startswith(before):
        found.append(before + bytes(len(new) - len(before)))
    return [*dict.fromkeys(content for content in found if content != new), new]


def combinations(outcomes: Sequence[Sequence[T]]) -> Iterator[Sequence[T]]:
    """One outcome for each change: all combinations if they are few. Otherwise one change has any
    outcome while all others are lost, or are durable, or those before it are durable and those after
    it are lost."""
    if math.prod(map(len, outcomes)) <= MAX_COMBINATIONS:
        yield from product(*outcomes)
        return
    lost, durable = [outcome[0] for outcome in outcomes], [outcome[-1] for outcome in outcomes]
    for k, choice in enumerate(outcomes):
        for before, after in ((lost, lost), (durable, durable), (durable, lost)):
            for outcome in choice:
                yield [*before[:k], outcome, *after[k + 1 :]]


def power_losses(before: Disk, operations: Sequence[Operation]) -> Iterator[tuple[int, Tree]]:
    """Each distinct state after a failure at any moment of the work, with how many parts the work had
    reported as done by then."""
    power = Power(before)
    done = 0
    seen: set[Tree] = set()
    for operation in [*operations, Reported()]:
        if isinstance(operation, Synced | Reported):
            for tree in power.trees():
                if tree not in seen:
                    seen.add(tree)
                    yield done, tree
        if isinstance(operation, Reported):
            done += 1
            seen.clear()
        power.apply(operation)
