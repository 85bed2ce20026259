"""A run that travels: packed into one file here, unpacked elsewhere."""

from engine.protocol.message import Message


class PackRun(Message, frozen=True):
    """Pack a saved run into a file where nothing is yet; answered by `Packed`, or by `Failed` during
    "export". The open run is saved first."""

    run: str
    path: str  # of the new file; ~ is the user's home
    moments: bool = True  # with the weights that were kept of earlier steps


class Packed(Message, frozen=True):
    """A run was packed, as it was at its newest checkpoint."""

    run: str
    step: int
    path: str  # absolute
    bytes: int


class UnpackRun(Message, frozen=True):
    """Make a saved run of a packed one; answered by `Unpacked`, or by `Failed` during "export"."""

    path: str  # of the file; ~ is the user's home
    name: str = ""  # empty: the one that it was packed with, or one like it if that is taken


class Unpacked(Message, frozen=True):
    """A packed run is a saved run now."""

    run: str
    step: int  # of its newest checkpoint
    path: str  # of its folder
