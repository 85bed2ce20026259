"""Completion in bash, zsh and fish: the scripts, and what they are answered.

A script gives the line up to the cursor in COMP_LINE, and gets a line for each word that the last
one may be. click asks the options and arguments for them.
"""

import os
import re
from collections.abc import Iterator

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

from data.safe_text import safe_text
from tui.cli.commands import COMPLETION
from tui.cli.hints import PROGRAM

_BASH = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null ||
    complete -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s
%(complete_func)s() {
    local -a found
    found=(${(f)"$(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" %(complete_var)s=zsh_complete \
"$words[1]" 2>/dev/null)"})
    compadd -V words -- ${found:#*[=/]}
    compadd -V words -S '' -- ${(M)found:#*[=/]}
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    env COMP_LINE=(commandline -cp | string collect) %(complete_var)s=fish_complete \
%(prog_name)s 2>/dev/null
end
complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
"""

BREAKS = "=@:"
"""Characters in a word at which bash begins a new one, and replaces only that; an @ with it."""
_SPECIAL = re.compile(r"[^\w@%+=:,./~-]")
_SPECIAL_IN_QUOTES = {"'": re.compile("'"), '"': re.compile(r'["$`\\!]')}


class _Shell(ShellComplete):
    """What the shells have in common."""

    @property
    def line(self) -> str:
        """The line up to the cursor."""
        return os.environ.get("COMP_LINE", "")

    def get_completion_args(self) -> tuple[list[str], str]:
        """The whole words after the program's name, and the one that is being typed."""
        *words, last = split_arg_string(self.line + "x")
        return words[1:], last[:-1]

    def get_completions(self, args: list[str], incomplete: str) -> "list[CompletionItem[str]]":
        """What the last word may be, without what a terminal would obey. A value after an option
        and = comes with the option, as it was typed."""
        option, equals, value = incomplete.partition("=")
        before = ""
        if equals and option.startswith("--"):
            before, args, incomplete = option + equals, [*args, option], value
        found = super().get_completions(args, incomplete)
        return [
            CompletionItem(before + item.value)
            for item in found
            if safe_text(item.value) == item.value
        ]

    def format_completion(self, item: "CompletionItem[str]") -> str:
        """A line for the script."""
        return item.value


class _Bash(_Shell):
    """bash inserts what it is given as it is, and sees several words where there is one."""

    name = "bash"
    source_template = _BASH

    def complete(self) -> str:
        """The lines for the script."""
        args, incomplete = self.get_completion_args()
        values = (item.value for item in self.get_completions(args, incomplete))
        return "\n".join(_replacing(_last_word(self.line), values))


class _Zsh(_Shell):
    name = "zsh"
    source_template = _ZSH


class _Fish(_Shell):
    name = "fish"
    source_template = _FISH


SHELLS = {shell.name: add_completion_class(shell) for shell in (_Bash, _Zsh, _Fish)}


def script(command: click.Command, shell: str) -> str:
    """What a shell reads to complete the words of a command."""
    return SHELLS[shell](command, {}, PROGRAM, COMPLETION).source()


def _last_word(line: str) -> str:
    """The word that is being typed, as it was typed, with its quotes and backslashes."""
    start, quote, escaped = 0, "", False
    for place, character in enumerate(line):
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character.isspace():
            start = place + 1
    return line[start:]


def _replacing(typed: str, values: Iterator[str]) -> Iterator[str]:
    """What bash puts in the place of a typed word, or of its part after the last break: each value
    with backslashes, or as it is after an open quote."""
    if typed[:1] in ("'", '"'):
        special = _SPECIAL_IN_QUOTES[typed[0]]
        yield from (value for value in values if not special.search(value))
        return
    last = max(map(typed.rfind, BREAKS))
    kept = typed[: last if typed[last:].startswith("@") else last + 1]
    for value in values:
        quoted = _SPECIAL.sub(r"\\\g<0>", value)
        if quoted.startswith(kept):
            yield quoted.removeprefix(kept)
