"""Everything that crosses between the engine thread and the rest: the whole boundary.

Commands go in, events come out. An event is at once the type, its check and its JSON line:
`metrics.jsonl` and `train --json` hold the same lines that the app folds.
"""

from engine.protocol.commands import AnnotateRun as AnnotateRun
from engine.protocol.commands import Close as Close
from engine.protocol.commands import Command as Command
from engine.protocol.commands import Compare as Compare
from engine.protocol.commands import DeleteRun as DeleteRun
from engine.protocol.commands import ListRuns as ListRuns
from engine.protocol.commands import Measure as Measure
from engine.protocol.commands import Open as Open
from engine.protocol.commands import OpenRun as OpenRun
from engine.protocol.commands import Pause as Pause
from engine.protocol.commands import RenameRun as RenameRun
from engine.protocol.commands import Rollback as Rollback
from engine.protocol.commands import Sample as Sample
from engine.protocol.commands import Save as Save
from engine.protocol.commands import SetExcerptPrompt as SetExcerptPrompt
from engine.protocol.commands import SetLearningRate as SetLearningRate
from engine.protocol.commands import Step as Step
from engine.protocol.commands import Stop as Stop
from engine.protocol.commands import StopSample as StopSample
from engine.protocol.commands import Train as Train
from engine.protocol.events import RECORDED as RECORDED
from engine.protocol.events import Busy as Busy
from engine.protocol.events import Closed as Closed
from engine.protocol.events import Compared as Compared
from engine.protocol.events import ConfirmationRequired as ConfirmationRequired
from engine.protocol.events import CorpusLoaded as CorpusLoaded
from engine.protocol.events import Evaluated as Evaluated
from engine.protocol.events import Event as Event
from engine.protocol.events import Excerpt as Excerpt
from engine.protocol.events import Extended as Extended
from engine.protocol.events import Failed as Failed
from engine.protocol.events import LearningRateChanged as LearningRateChanged
from engine.protocol.events import Measured as Measured
from engine.protocol.events import NotSaved as NotSaved
from engine.protocol.events import Opened as Opened
from engine.protocol.events import PhaseChanged as PhaseChanged
from engine.protocol.events import Recorded as Recorded
from engine.protocol.events import RunChanged as RunChanged
from engine.protocol.events import RunCurve as RunCurve
from engine.protocol.events import RunsListed as RunsListed
from engine.protocol.events import RunSummary as RunSummary
from engine.protocol.events import SampleDone as SampleDone
from engine.protocol.events import SampleStarted as SampleStarted
from engine.protocol.events import Saved as Saved
from engine.protocol.events import StepDone as StepDone
from engine.protocol.events import StepProgress as StepProgress
from engine.protocol.events import TextSampled as TextSampled
from engine.protocol.events import ThreadsChosen as ThreadsChosen
from engine.protocol.insight import INSIGHT_COMMANDS as INSIGHT_COMMANDS
from engine.protocol.insight import CopiesFound as CopiesFound
from engine.protocol.insight import FindCopies as FindCopies
from engine.protocol.insight import InsightCommand as InsightCommand
from engine.protocol.insight import Inspect as Inspect
from engine.protocol.insight import Inspected as Inspected
from engine.protocol.insight import InspectPlace as InspectPlace
from engine.protocol.insight import Likely as Likely
from engine.protocol.insight import Piece as Piece
from engine.protocol.insight import Place as Place
from engine.protocol.insight import PlaceInspected as PlaceInspected
from engine.protocol.lines import from_json as from_json
from engine.protocol.lines import to_json as to_json
from engine.protocol.message import Phase as Phase
