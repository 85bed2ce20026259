"""Packs and unpacks runs, in slices."""

from collections.abc import Iterator

from data.typed_path import typed_path
from engine.protocol import Packed, PackRun, Unpacked, UnpackRun
from engine.storage.atomic import make_folder
from engine.storage.paths import check_target, folder_of


def packed(command: PackRun) -> Iterator[float | Packed]:
    """Pack a run: the fractions done, then the event. Errors as from `engine.storage.packing`."""
    from engine.storage.packing import PackedFile, pack  # with what reads archives

    path = typed_path(command.path)
    check_target(path)
    make_folder(path.parent)
    for result in pack(command.run, path, moments=command.moments):
        if isinstance(result, PackedFile):
            yield Packed(command.run, result.step, str(path), result.size)
        else:
            yield result


def unpacked(command: UnpackRun) -> Iterator[float | Unpacked]:
    """Unpack a run: the fractions done, then the event. Errors as from `engine.storage.unpacking`."""
    # torch, which is loaded with the first run or export
    from engine.session.context import check_state
    from engine.storage.unpacking import UnpackedRun, unpack

    path = typed_path(command.path)
    for result in unpack(path, command.name, check_state):
        if isinstance(result, UnpackedRun):
            yield Unpacked(result.name, result.step, str(folder_of(result.name)))
        else:
            yield result
