"""Who is connected with whom (关联关系): a graph around one enterprise or organisation, on one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backend.subjects.models import Subject, SubjectRelation

DEEPEST = 4
MOST_NODES = 150


@dataclass(frozen=True)
class GraphNode:
    """`depth` is the number of steps from the root, which has 0."""

    subject: Subject
    depth: int


@dataclass(frozen=True)
class RelationGraph:
    """`edges` join nodes that are both in the graph. `cut_off`: there would have been more than MOST_NODES."""

    nodes: Sequence[GraphNode]
    edges: Sequence[SubjectRelation]
    cut_off: bool

    @property
    def persons(self) -> Sequence[Subject]:
        return [node.subject for node in self.nodes if node.subject.kind == "person"]


def relation_graph(
    session: Session,
    root: Subject,
    *,
    depth: int,
    on: date,
    with_persons: bool,
    most_nodes: int = MOST_NODES,
) -> RelationGraph:
    """Everyone within `depth` steps (1 to DEEPEST) of the root by relations that hold on the day.

    Without persons nobody is reached through one either: what the public sees tells nothing of who stands behind
    two enterprises. Raises ValueError for a depth outside its bounds.
    """
    if not 1 <= depth <= DEEPEST:
        raise ValueError(f"a relation graph is 1 to {DEEPEST} steps deep")
    nodes = {root.id: GraphNode(root, 0)}
    border: set[int] = {root.id}
    cut_off = False
    for step in range(1, depth + 1):
        if not border:
            break
        relations = _relations_of(session, border, on)
        reached = {end for relation in relations for end in (relation.enterprise_id, relation.principal_id)}
        found = _subjects(session, reached - nodes.keys(), with_persons=with_persons)
        room = most_nodes - len(nodes)
        cut_off = cut_off or len(found) > room
        added = found[:room]
        nodes |= {subject.id: GraphNode(subject, step) for subject in added}
        border = {subject.id for subject in added}
    edges = [
        relation
        for relation in _relations_of(session, set(nodes), on)
        if relation.enterprise_id in nodes and relation.principal_id in nodes
    ]
    return RelationGraph(list(nodes.values()), edges, cut_off)


def _relations_of(session: Session, subject_ids: set[int], on: date) -> Sequence[SubjectRelation]:
    return session.scalars(
        select(SubjectRelation)
        .where(
            or_(SubjectRelation.enterprise_id.in_(subject_ids), SubjectRelation.principal_id.in_(subject_ids)),
            SubjectRelation.valid_from <= on,
            or_(SubjectRelation.valid_to.is_(None), SubjectRelation.valid_to >= on),
        )
        .order_by(SubjectRelation.id)
    ).all()


def _subjects(session: Session, subject_ids: set[int], *, with_persons: bool) -> Sequence[Subject]:
    if not subject_ids:
        return []
    query = select(Subject).where(Subject.id.in_(subject_ids)).order_by(Subject.id)
    if not with_persons:
        query = query.where(Subject.kind != "person")
    return session.scalars(query).all()
