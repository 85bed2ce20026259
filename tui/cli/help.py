"""How the command line describes itself: options in sections, and messages that are safe to print."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from data.safe_text import safe_text
from tui.cli.commands import COMPLETION
from tui.cli.streams import tolerate_any_text

if TYPE_CHECKING:  # for completion only
    from click.shell_completion import CompletionItem

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

GENERAL = "General"
"""The section of options that name none."""


class _Option(click.Option):
    """An option with the section of the help that lists it."""

    def __init__(self, *args: Any, section: str = GENERAL, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


def option(
    section: str, *names: str, help: str, otherwise: str = "", **attributes: Any
) -> Callable[[Decorated], Decorated]:
    """click's option, listed under a heading of the help. `otherwise`: what goes without it."""
    text = f"{help}  [default: {otherwise}]" if otherwise else help
    return click.option(*names, cls=_Option, section=section, help=text, **attributes)


class Refusal(click.ClickException):
    """Invalid input: a user-facing message, exit code 2."""

    exit_code = 2


@contextmanager
def refusals() -> Iterator[None]:
    """A ValueError inside becomes a Refusal."""
    try:
        yield
    except ValueError as error:
        raise Refusal(str(error)) from None


class SectionedCommand(click.Command):
    """A command whose help lists its options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_sections(self.get_params(ctx), ctx, formatter)


class Program(click.Group):
    """The commands, one of which is taken when none is named; its options are in the help."""

    def __init__(
        self, *args: Any, default_command: str, others: Mapping[str, str], **attributes: Any
    ) -> None:
        """`others`: the commands that are imported when they are asked for, each as
        "module:name"."""
        super().__init__(*args, **attributes)
        self.default_command = default_command
        self._others = others

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were defined."""
        return [*self.commands, *self._others]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, imported if it was not before."""
        if cmd_name not in self._others:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._others[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command), "that is what is listed"
        return command

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [TEXT]")
        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS] ...", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        default = self.commands[self.default_command]
        _write_sections([*default.params, *self.get_params(ctx)], ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """The commands, and what the default command takes."""
        found = super().shell_complete(ctx, incomplete)
        name = self.default_command
        command = self.commands[name]
        with command.make_context(name, [], parent=ctx, resilient_parsing=True) as inner:
            found += command.shell_complete(inner, incomplete)
            if not incomplete.startswith("-"):
                for parameter in command.params:
                    if isinstance(parameter, click.Argument):
                        found += parameter.shell_complete(inner, incomplete)
        return [*{item.value: item for item in found}.values()]

    def main(self, *args: Any, **extra: Any) -> Any:
        """click's own, but any text can be printed, and an error message, which quotes untrusted
        text, is made safe to print."""
        tolerate_any_text()
        if COMPLETION in os.environ:
            import tui.cli.shells  # noqa: F401  # has click know our scripts, for completion only
        try:
            return super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            message = safe_text(error.format_message())
            if isinstance(error, click.UsageError):
                click.UsageError(message, error.ctx).show()
            else:
                Refusal(message).show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(1)


class UnnamedCommand(SectionedCommand):
    """A command that is not named on the command line, and so not in messages about it."""

    class _Context(click.Context):
        @property
        def command_path(self) -> str:
            assert self.parent is not None, "it belongs to a group"
            return self.parent.command_path

    context_class = _Context


def _write_sections(
    parameters: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Options by section, in the order in which the sections first appear; general ones last."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is not None and not isinstance(parameter, click.Argument):
            section = parameter.section if isinstance(parameter, _Option) else GENERAL
            sections.setdefault(section, []).append(record)
    for name in sorted(sections, key=lambda name: name == GENERAL):
        with formatter.section(name):
            formatter.write_dl(sections[name])
