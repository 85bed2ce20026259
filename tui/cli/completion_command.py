"""`tinygpt-tui completion`: the script that has a shell complete the command line."""

import click

from tui.cli.help import SectionedCommand


@click.command("completion", cls=SectionedCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, texts and runs.

    \b
    tinygpt-tui completion bash >> ~/.bashrc
    tinygpt-tui completion zsh >> ~/.zshrc
    tinygpt-tui completion fish > ~/.config/fish/completions/tinygpt-tui.fish
    """
    from tui.cli.shells import script  # for completion only

    click.echo(script(context.find_root().command, shell), nl=False)
