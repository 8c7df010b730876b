"""What a workflow author imports: the words of a definition, frozen data without any I/O."""

from breakers.machine import Policy as BreakerPolicy
from workflows.dsl.call import Call, Pending
from workflows.dsl.contracts import Choice, Contract, Decision, Event, Personal
from workflows.dsl.definition import COMPENSATE, IRREVERSIBLE, WAIT, Deadline, Definition, Kind, Node
from workflows.dsl.dependency import INTERNAL, Dependency, Retry
from workflows.dsl.durations import days, hours, minutes, seconds
from workflows.dsl.errors import (
    DefinitionError,
    OutcomeUnknown,
    PermanentFailure,
    PersonNeeded,
    Refused,
    StepOutcome,
    TemporaryFailure,
)
from workflows.dsl.nodes import (
    ANSWER,
    alert,
    approval,
    callback,
    choose,
    given,
    publish,
    query,
    stage,
    step,
    timer,
)  # fmt: skip
from workflows.dsl.status import Endings, Status
from workflows.dsl.workflow import Workflow

__all__ = [
    "ANSWER", "COMPENSATE", "INTERNAL", "IRREVERSIBLE", "WAIT", "BreakerPolicy", "Call", "Choice", "Contract",
    "Deadline", "Decision", "Definition", "DefinitionError", "Dependency", "Endings", "Event", "Kind", "Node",
    "OutcomeUnknown", "Pending", "PermanentFailure", "Personal", "PersonNeeded", "Refused", "Retry", "Status",
    "StepOutcome", "TemporaryFailure", "Workflow", "alert", "approval", "callback", "choose", "days", "given", "hours",
    "minutes", "publish", "query", "seconds", "stage", "step", "timer",
]  # fmt: skip
