"""Opens the sides of a race for one repetition, each with a model of its own."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from data.text import Text
from engine.config import RunConfig
from engine.protocol import LABELS, OpenRun, RepetitionInfo, are_mixed
from engine.session.building import activate, build_context, fresh_progress
from engine.session.loader import open_saved
from engine.session.opened_run import Clock, Emit
from engine.session.other_text import OtherText
from engine.session.race_rules import with_seed
from engine.session.race_side import RacingRun, Scale, Side
from engine.settings import errors_about
from engine.storage.lock import RunLock
from engine.storage.paths import check_exists, folder_of, run_names
from engine.storage.race_file import note_of
from engine.storage.run_info import CorpusInfo, read_info

if TYPE_CHECKING:  # imports torch, which the race loads
    from engine.model.tokenizer import Tokenizer


class RepetitionOpener(NamedTuple):
    """Opens the repetitions of one race."""

    race: str
    corpus: CorpusInfo
    text: Text
    configs: tuple[RunConfig, ...]  # of the sides in the first repetition
    others: tuple[OtherText, ...]  # what the sides are trained on in place of the text
    tokenizers: tuple["Tokenizer", ...]
    characters_each: tuple[float, ...]  # as in the file of the race
    emit: Emit
    clock: Clock
    saving: bool

    def fresh(self, number: int) -> tuple[RepetitionInfo, list[Side]]:
        """A new repetition, from 0. ValueError, with a user-facing message, if it cannot be opened."""
        seed = self.configs[0].train.seed + number
        names = [
            f"{self.race}-{label}" + (f"-{number + 1}" if number else "")
            for label in LABELS[: len(self.configs)]
        ]

        for name, label in zip(names, LABELS, strict=False):
            if name in run_names() and read_info(folder_of(name)).note != note_of(self.race, label):
                raise ValueError(f"There is already a run {name!r}: rename that, or the race.")

        def opened(side: Side) -> RacingRun:
            # torch, which the race has loaded
            from engine.storage.run import Run, new_info

            config = with_seed(self.configs[side.number], seed)
            tokenizer = self.tokenizers[side.number]
            other = self.others[side.number]
            info = replace(
                new_info(config, self.corpus, tokenizer, other=other.info),
                note=note_of(self.race, side.label),
            )
            parts = (info, self.text, tokenizer, None)
            context = build_context(*parts, side.on_event, self.clock, other.text)
            run = Run(names[side.number], tokenizer=tokenizer, other=other.text)
            racing = activate(
                context,
                run,
                info,
                self.text,
                fresh_progress(config),
                side.on_event,
                self.clock,
                saving=self.saving,
                kind=RacingRun,
            )
            assert isinstance(racing, RacingRun), "a new run has its text"
            return racing

        return RepetitionInfo(seed, tuple(names)), self._open(opened)

    def saved(self, repetition: RepetitionInfo) -> list[Side]:
        """A repetition as it was saved. ValueError, with a user-facing message that names the side."""

        def opened(side: Side) -> RacingRun:
            name = repetition.runs[side.number]
            with errors_about(f"Side {side.label}, the run {name!r}"):
                check_exists(name)
                holder = RunLock(folder_of(name)).held_elsewhere()
                if holder:
                    raise ValueError(f"another program trains it ({holder})")
                run = open_saved(
                    OpenRun(name), side.on_event, self.clock, saving=self.saving, kind=RacingRun
                )
            if isinstance(run, RacingRun):
                return run
            if run is not None:
                run.close()
            raise ValueError(
                f"Side {side.label}, the run {name!r}, is not on the text that it was trained on."
            )

        return self._open(opened)

    def _open(self, opened: Callable[[Side], RacingRun]) -> list[Side]:
        with ExitStack() as stack:  # closes those that are open if one cannot be opened
            sides = []
            for number in range(len(self.configs)):
                side = Side(number, self.emit)
                side.run = opened(side)
                stack.callback(side.run.close)
                sides.append(side)
            tokens = [side.run.context.tokens for side in sides]
            if are_mixed(tokens) != bool(self.characters_each):
                raise ValueError("The sides have other tokens than the file of their race says.")
            stack.pop_all()
        for side, own, each in zip(sides, tokens, self.characters_each, strict=False):
            side.use_scale(Scale(own, each))
        return sides
