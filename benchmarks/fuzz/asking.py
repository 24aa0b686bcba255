"""One view asked by schemathesis: cases, what became of them, and what was found."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import schemathesis
from hypothesis.errors import HypothesisWarning
from schemathesis.config import CacheConfig, SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.generation import GenerationMode

from . import checks, documents
from .seeds import Seeds, read, told

Document = dict[str, Any]
Hook = Callable[[Any, Any], Any]
SEED = 1
FIELD = "field"
"""The name of the phase in which every parameter is a text of ours."""
DATA = 2
"""How many times as often questions to data are asked as people write."""
REFUSED = ("413", "414", "416")
"""Statuses by which a server may refuse, beside those that schemathesis knows of."""
UNASKED = ("positive_data_acceptance",)
"""A text that fits its schema may still be no WKT and no CQL2: to refuse it is right."""


@dataclass(frozen=True, slots=True)
class View:
    """A view of the server: its path, and whether all that its document can say is covered."""

    path: str
    kind: str
    thorough: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found in the answer to a request."""

    view: str
    operation: str
    check: str
    said: str
    request: str


@dataclass
class Told:
    """What became of a view: cases by operation and phase, answers by operation and class of status, findings."""

    view: View
    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def asked(view: View, host: str, most: int, seed: int = SEED) -> Told:
    """Asks a view by its document, then as people write."""
    _quietly()
    base = host + view.path
    document, seeds = read(f"{base}/openapi?f=json"), told(base)
    documents.registered(seeds)
    checks.registered()
    found = Told(view)
    phases = ["examples", "coverage", "fuzzing"] if view.thorough else ["examples"]
    _count(found, _events(documents.documented(document, seeds), base, phases, most, seed), base)
    for data, cases in ((True, most * DATA), (False, most if view.thorough else 0)):
        field = documents.in_the_field(document, data=data)
        if cases:
            _count(found, _events(field, base, ["fuzzing"], cases, seed, seeds), base, FIELD)
    return found


def _quietly() -> None:
    """Draws and nothing more: no smaller example of a finding is looked for, and none that is accepted more often."""
    warnings.simplefilter("ignore", HypothesisWarning)  # of strategies whose texts are long: they are meant to be
    hypothesis.settings.register_profile("asked", phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate))
    hypothesis.settings.load_profile("asked")


def _events(
    document: Document, base: str, phases: list[str], most: int, seed: int, seeds: Seeds | None = None
) -> Iterator[events.EngineEvent]:
    """A run of schemathesis that learns nothing from answers and code, so that it asks the same each time.

    With seeds it asks as people write, be it right or wrong, and nobody says which is which.
    """
    config = SchemathesisConfig(seed=seed, cache=CacheConfig(enabled=False))
    schema = schemathesis.openapi.from_dict(document, config=config)
    ours = schema.config
    ours.update(base_url=base, continue_on_failure=True, request_timeout=60)
    ours.analysis.constants.enabled = False
    ours.phases.update(phases=phases)
    ours.phases.fuzzing.error_feedback.is_enabled = False
    for phase in (ours.phases.examples, ours.phases.coverage, ours.phases.fuzzing):
        phase.extra_data_sources.responses = False
    modes = list(GenerationMode) if seeds is None else [GenerationMode.POSITIVE]
    ours.generation.update(max_examples=most, database="none", unique_inputs=True, modes=modes)
    ours.checks.update(excluded_check_names=[*UNASKED, *(["negative_data_rejection"] if seeds is not None else [])])
    ours.checks.negative_data_rejection.expected_statuses.extend(REFUSED)
    if seeds is not None:
        schema.hook("before_generate_query")(_asking(seeds))
        schema.hook("before_generate_body")(_executing(seeds))
    yield from from_schema(schema).execute()


def _asking(seeds: Seeds) -> Hook:
    """In the place of any query that the document allows: those of a few parameters."""
    made: dict[str, Any] = {}

    def asking(context: Any, strategy: Any) -> Any:
        operation = context.operation
        named = {p.name: p.is_required for p in operation.query} if operation is not None else {}
        if not named:
            return strategy
        if operation.label not in made:
            made[operation.label] = documents.questions(operation.path, named, seeds)
        return made[operation.label]

    return asking


def _executing(seeds: Seeds) -> Hook:
    """In the place of any execute request: one with some of the inputs of its process."""
    made = {name: documents.executions(inputs, seeds) for name, inputs in seeds.inputs.items()}

    def executing(context: Any, strategy: Any) -> Any:
        path = context.operation.path if context.operation is not None else ""
        return made.get(path.removesuffix("/execution").rpartition("/")[2], strategy)

    return executing


def _count(found: Told, happened: Iterator[events.EngineEvent], base: str, phase: str | None = None) -> None:
    for event in happened:
        match event:
            case events.ScenarioFinished():
                _judge(found, event, base, phase or event.phase.value)
            case events.NonFatalError():
                found.findings.append(
                    _broken(found.view, event.label, f"{event.info.title}: {event.info.message}", base)
                )
            case events.FatalError():
                raise event.exception


def _judge(found: Told, event: events.ScenarioFinished, base: str, phase: str) -> None:
    recorder, operation = event.recorder, _short(event.recorder.label, found.view)
    found.cases[operation, phase] += len(recorder.interactions)
    for interaction in recorder.interactions.values():
        status = interaction.response.status_code // 100 if interaction.response is not None else 0
        found.answers[operation, f"{status}xx"] += 1
    for judged in recorder.checks.values():
        for check in judged:
            if (info := check.failure_info) is not None:
                said = f"{info.failure.title}: {info.failure.message}"
                finding = Finding(found.view.path or "/", operation, check.name, said, info.code_sample)
                found.findings.append(_plain(finding, base))


def _broken(view: View, label: str, said: str, base: str) -> Finding:
    """A connection that broke, an answer that did not come, a document that cannot be asked."""
    return _plain(Finding(view.path or "/", _short(label, view), "asked", said, ""), base)


def _plain(finding: Finding, base: str) -> Finding:
    """Without the address of this run."""
    return Finding(
        finding.view,
        finding.operation,
        finding.check,
        finding.said.replace(base, ""),
        finding.request.replace(base, ""),
    )


def _short(label: str, view: View) -> str:
    """An operation without the name of the one collection of a view."""
    return label.replace(f"/collections/{view.path.rsplit('/', 1)[-1]}", "/collections/…") if view.path else label
