"""A definition as text, JSON or a Mermaid diagram, and the fingerprint that tells two versions apart."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any, get_args

from pydantic import BaseModel

from breakers import policies
from breakers.machine import Policy
from workflows.dsl.contracts import personal_paths
from workflows.dsl.definition import Definition, Function, Irreversible, Node
from workflows.dsl.dependency import Dependency


def as_json(definition: Definition) -> dict[str, Any]:
    """The whole definition as JSON data: stages, nodes, edges, statuses, dependencies, contracts."""
    return {
        "name": definition.name,
        "version": definition.version,
        "title": definition.title,
        "noun": definition.noun,
        "owner": definition.owner,
        "runbook": definition.runbook,
        "given": {
            "name": definition.given,
            "key": definition.key,
            "attributes": list(definition.attributes),
            "contract": _contract(definition.contract),
        },
        "stages": [{"name": s.name, "owner": s.owner, "runbook": s.runbook} for s in definition.stages],
        "steps": [_node(definition, node) for node in definition.nodes],
        "when_compensating": [_node(definition, node) for node in definition.alerts],
        "edges": [
            {"from": before, "to": node.name}
            for node in definition.nodes
            for before in sorted(node.after, key=definition.position.__getitem__)
        ],
        "statuses": list(definition.statuses),
        "endings": {
            name: getattr(definition.endings, name) for name in ("completed", "compensated", "cancelled", "failed")
        },
        "deadline": _deadline(definition),
        "diverts": [{"when": rule.text(), "to": other} for rule, other in definition.diverts],
        "dependencies": [_dependency(dependency) for dependency in definition.dependencies],
    }


def fingerprint(definition: Definition) -> str:
    """SHA-256 over everything that changes what runs; titles, owners, runbooks and sentences do not count."""
    data = as_json(definition)
    for wording in ("title", "owner", "runbook"):
        data.pop(wording)
    for part in (*data["stages"], *data["steps"], *data["when_compensating"]):
        part.pop("owner", None), part.pop("runbook", None)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def as_text(definition: Definition) -> str:
    """The definition for people, one line per node; the golden file of a released version."""
    lines = [f"{definition.name} v{definition.version}: {definition.title}", ""]
    lines.append(f"given {definition.given}: {definition.contract.__name__}, key {definition.key}")
    if definition.deadline:
        deadline = _deadline(definition) or {}
        lines.append(f"deadline {deadline['after']}, warns {deadline['warn_before']} before")
    for index, stage in enumerate(definition.stages):
        owner = f" (owner {stage.owner})" if stage.owner else ""
        lines += ["", f"stage {stage.name}{owner}"]
        lines += [_text(definition, node) for node in definition.nodes if node.stage == index]
    if definition.alerts:
        lines += ["", "when compensating", *(_text(definition, node) for node in definition.alerts)]
    endings = definition.endings
    lines += ["", f"ends {endings.completed}, {endings.compensated}, {endings.cancelled} or {endings.failed}", ""]
    for dependency in definition.dependencies:
        lines.append(_dependency_text(dependency))
    lines.append(f"fingerprint {fingerprint(definition)}")
    return "\n".join(lines) + "\n"


def as_mermaid(definition: Definition) -> str:
    """The graph as a Mermaid flowchart, a subgraph per stage."""
    lines = ["flowchart LR"]
    for index, stage in enumerate(definition.stages):
        lines.append(f'  subgraph s{index}["{stage.name}"]')
        lines += [f'    {node.name}["{node.name}<br/>{node.kind}"]' for node in definition.nodes if node.stage == index]
        lines.append("  end")
    for node in definition.nodes:
        lines += [f"  {before} --> {node.name}" for before in sorted(node.after, key=definition.position.__getitem__)]
    return "\n".join(lines) + "\n"


def _text(definition: Definition, node: Node) -> str:
    parts = [f"  {node.kind} {node.name}"]
    if node.function:
        parts.append(f"{node.function.name}({', '.join(name for name, _ in node.function.parameters)})")
    if node.message:
        parts.append(
            f"{node.message} matching {node.match.text() if node.match is not None else ''} within {_span(node.within)}"
        )
    elif node.within:
        parts.append(_span(node.within) or "")
    if node.event:
        parts.append(f"{node.event.__name__} v{node.event.schema_version}")
    if node.calls and (node.function or node.otherwise):
        parts.append(f"calls {node.calls.name}")
    if node.after:
        parts.append("after " + ", ".join(sorted(node.after, key=definition.position.__getitem__)))
    if node.when is not None:
        parts.append(f"when {node.when.text()}")
    if node.refused_when is not None:
        parts.append(f"refused when {node.refused_when.text()}")
    if node.otherwise:
        parts.append(f"otherwise {node.otherwise.name}")
    if node.question:
        needed = f"{node.quorum} of " if node.quorum > 1 else ""
        parts += [f"“{node.question}” by {needed}{node.audience}", f"{node.default} without a decision"]
    if node.evidence:
        parts.append(f"evidence {', '.join(node.evidence)}")
    for name, rule in node.choices:
        parts.append(f"{name} when {rule.text()}")
    if node.otherwise_choice:
        parts.append(f"otherwise {node.otherwise_choice}")
    if node.check:
        parts.append(f"check {node.check.name}")
    if node.fallback:
        parts.append(f"fallback {node.fallback.name}")
    if node.compensate is not None:
        parts.append(
            "irreversible" if isinstance(node.compensate, Irreversible) else f"compensate {_function(node.compensate)}"
        )
    if not node.critical:
        parts.append("not critical")
    if node.status:
        parts.append(f"status {node.status.pending} … {node.status.done}")
    return "; ".join(parts)


def _node(definition: Definition, node: Node) -> dict[str, Any]:
    every = {
        "name": node.name,
        "kind": str(node.kind),
        "stage": definition.stages[node.stage].name,
        "after": sorted(node.after, key=definition.position.__getitem__),
        "when": node.when.text() if node.when is not None else None,
        "function": _function(node.function),
        "parameters": [name for name, _ in node.function.parameters] if node.function else [],
        "calls": node.calls.name if node.calls else None,
        "critical": node.critical,
        "compensate": "IRREVERSIBLE" if isinstance(node.compensate, Irreversible) else _function(node.compensate),
        "check": _function(node.check),
        "fallback": _function(node.fallback),
        "exhausted": str(node.exhausted),
        "idempotent_by": node.idempotent_by.text() if node.idempotent_by is not None else None,
        "statuses": list(node.status.names()) if node.status else [],
        "output": _contract(node.output) if node.output else None,
        "message": node.message or None,
        "match": node.match.text() if node.match is not None else None,
        "within": _span(node.within),
        "otherwise": _function(node.otherwise),
        "refused_when": node.refused_when.text() if node.refused_when is not None else None,
        "refusal_reason": node.refusal_reason.text() if node.refusal_reason is not None else None,
        "event": {"type": node.event.__name__, "version": node.event.schema_version} if node.event else None,
        "fields": {name: ref.text() for name, ref in node.fields},
        "question": node.question or None,
        "audience": node.audience or None,
        "quorum": node.quorum if node.question else None,
        "default": node.default or None,
        "evidence": list(node.evidence),
        "choices": {name: rule.text() for name, rule in node.choices},
        "otherwise_choice": node.otherwise_choice or None,
        "owner": definition.owner_of(node),
        "runbook": definition.runbook_of(node),
    }
    return {name: value for name, value in every.items() if value not in (None, [], {})}


def _contract(contract: type[BaseModel]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": contract.__name__,
        "fields": {name: str(info.annotation).replace("typing.", "") for name, info in contract.model_fields.items()},
        "personal": sorted(personal_paths(contract)),
    }
    parts = [_contract(part) for info in contract.model_fields.values() for part in _contracts_in(info.annotation)]
    return {**described, "parts": parts} if parts else described


def _contracts_in(annotation: Any) -> list[type[BaseModel]]:
    """The contracts a field is made of: its own type, or those inside a list, a union, a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [contract for part in get_args(annotation) for contract in _contracts_in(part)]


def _dependency(dependency: Dependency) -> dict[str, Any]:
    retry = dependency.retry
    return {
        "name": dependency.name,
        "timeout": _span(dependency.timeout),
        "repeats": dependency.repeats,
        "retry": {
            "attempts": retry.attempts,
            "first": _span(retry.first),
            "factor": retry.factor,
            "cap": _span(retry.cap),
            "jitter": retry.jitter,
        },
        "pool": dependency.pool,
        "concurrency": dependency.concurrency,
        "adapter": dependency.adapter,
        **_breaker(dependency),
        "owns": list(dependency.owns),
        "failure_modes": list(dependency.failure_modes),
        "contact": dependency.contact,
    }


def _breaker(dependency: Dependency) -> dict[str, Any]:
    """The breaker's rule where it is not the usual one."""
    if dependency.breaker is None or dependency.breaker == Policy():
        return {}
    return {"breaker": policies.dump(dependency.breaker)}


def _dependency_text(dependency: Dependency) -> str:
    retry = dependency.retry
    return (
        f"dependency {dependency.name}: {dependency.adapter}, {_span(dependency.timeout)} time-out, "
        f"repeats {dependency.repeats}, "
        f"{retry.attempts} attempts from {_span(retry.first)} to {_span(retry.cap)}, pool {dependency.pool}"
    )


def _deadline(definition: Definition) -> dict[str, Any] | None:
    deadline = definition.deadline
    if deadline is None:
        return None
    return {
        "after": _span(deadline.after),
        "warn_before": _span(deadline.warn_before),
        "escalate_to": deadline.escalate_to,
    }


def _function(function: Function | Irreversible | None) -> str | None:
    return function.name if isinstance(function, Function) else None


def _span(span: timedelta | None) -> str | None:
    if span is None:
        return None
    total = span.total_seconds()
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if total >= size and total % size == 0:
            return f"{total / size:g} {word}"
    return f"{total:g} s"
