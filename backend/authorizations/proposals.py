"""Letting an institution do more, with four eyes: one officer proposes, another decides (核定与复核).

What takes something away (ending a scope, removing an address, stopping a key or the institution) needs no second
person and works at once; see `clients`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.authorizations.clients import add_redirect_uri, approve_scope, check_redirect_uri, check_scope
from backend.authorizations.errors import (
    KeyNeedsSecondPerson,
    OnlyInstitutionsAsk,
    OnlyProposerWithdraws,
    ProposalDecided,
    ProposalNotFound,
    ProposerMayNotDecide,
)
from backend.authorizations.models import AccessProposal, ProposalKind, ProposalState
from backend.notifications.service import Recipient, notify
from backend.partners.models import Partner
from backend.partners.service import add_key, get_partner

DECIDED_BY = "reviewer"
KIND_NAMES: Mapping[ProposalKind, str] = {"scope": "授权范围", "redirect_uri": "回调地址", "key": "公钥"}
Decision = Literal["approved", "returned"]


@dataclass(frozen=True)
class ByOfficer:
    """Who proposes or decides: a stable id, and the name that others read."""

    id: str
    name: str


def propose_scope(
    session: Session,
    partner: Partner,
    *,
    scope: str,
    purpose: str,
    longest_days: int,
    frequency_most: int | None,
    frequency_days: int | None,
    grounds: str,
    by: ByOfficer,
    now: datetime,
) -> AccessProposal:
    """That citizens may be asked for it, in these words and on these terms.

    Raises OnlyInstitutionsAsk, ScopeUnknown or TermRequired.
    """
    check_scope(partner, scope=scope, longest_days=longest_days, now=now)
    content = {
        "scope": scope,
        "purpose": purpose.strip(),
        "longest_days": longest_days,
        "frequency_most": frequency_most,
        "frequency_days": frequency_days,
    }
    return _propose(session, partner, "scope", content, grounds=grounds, by=by, now=now)


def propose_redirect_uri(
    session: Session, partner: Partner, *, uri: str, grounds: str, by: ByOfficer, now: datetime
) -> AccessProposal:
    """That the institution may be answered there. Raises OnlyInstitutionsAsk or RedirectUriNotAcceptable."""
    check_redirect_uri(partner, uri)
    return _propose(session, partner, "redirect_uri", {"uri": uri}, grounds=grounds, by=by, now=now)


def propose_key(
    session: Session,
    partner: Partner,
    *,
    public_jwk: Mapping[str, Any],
    grounds: str,
    by: ByOfficer,
    now: datetime,
) -> AccessProposal:
    """That whoever holds the key may act as the institution, beside its present keys. (With a present key it can
    rotate by itself.) Raises OnlyInstitutionsAsk."""
    if partner.kind != "institution":
        raise OnlyInstitutionsAsk
    content = {"public_jwk": dict(public_jwk)}
    return _propose(session, partner, "key", content, grounds=grounds, by=by, now=now)


def check_key_alone(partner: Partner) -> None:
    """Whether one officer may register a key of the partner. Raises KeyNeedsSecondPerson for an institution, which
    citizens let read more than yes or no."""
    if partner.kind == "institution":
        raise KeyNeedsSecondPerson


def decide_proposal(
    session: Session, proposal_id: UUID, *, decision: Decision, reason: str, by: ByOfficer, now: datetime
) -> AccessProposal:
    """Approved, it holds at once, and the institution is told. Of two decisions at once the second is refused.

    Raises ProposalNotFound, ProposerMayNotDecide, ProposalDecided, and what carrying it out raises: the rules may
    have changed since.
    """
    proposal = get_proposal(session, proposal_id)
    if proposal.proposed_by == by.id:
        raise ProposerMayNotDecide
    _move(session, proposal, decision, decided_by=by, reason=reason, now=now)
    if decision == "approved":
        partner = get_partner(session, proposal.partner_id)
        _carry_out(session, partner, proposal, now=now)
        notify(
            session,
            Recipient(partner_code=partner.code),
            kind="access_approved",
            title=f"信用办已核定：{describe(proposal)}",
            body="立即生效。",
            now=now,
        )
    return proposal


def withdraw_proposal(session: Session, proposal_id: UUID, *, by: ByOfficer, now: datetime) -> AccessProposal:
    """Raises ProposalNotFound, OnlyProposerWithdraws or ProposalDecided."""
    proposal = get_proposal(session, proposal_id)
    if proposal.proposed_by != by.id:
        raise OnlyProposerWithdraws
    _move(session, proposal, "withdrawn", decided_by=by, reason="", now=now)
    return proposal


def get_proposal(session: Session, proposal_id: UUID) -> AccessProposal:
    """Raises ProposalNotFound."""
    proposal = session.get(AccessProposal, proposal_id)
    if proposal is None:
        raise ProposalNotFound
    return proposal


def proposals_of(session: Session, partner_id: UUID, *, most: int = 50) -> Sequence[AccessProposal]:
    """Newest first, decided ones included."""
    return session.scalars(
        select(AccessProposal)
        .where(AccessProposal.partner_id == partner_id)
        .order_by(AccessProposal.proposed_at.desc(), AccessProposal.id)
        .limit(most)
    ).all()


def waiting_proposals(session: Session, *, most: int = 100) -> Sequence[AccessProposal]:
    """Of all institutions, oldest first."""
    return session.scalars(
        select(AccessProposal)
        .where(AccessProposal.state == "proposed")
        .order_by(AccessProposal.proposed_at, AccessProposal.id)
        .limit(most)
    ).all()


def describe(proposal: AccessProposal) -> str:
    """What it is about, in one line."""
    content = proposal.content
    if proposal.kind == "scope":
        return f"可以请市民授权 {content['scope']}，最长 {content['longest_days']} 天"
    if proposal.kind == "redirect_uri":
        return f"回调地址 {content['uri']}"
    return f"公钥 {content['public_jwk']['kid']}"


def _propose(
    session: Session,
    partner: Partner,
    kind: ProposalKind,
    content: Mapping[str, Any],
    *,
    grounds: str,
    by: ByOfficer,
    now: datetime,
) -> AccessProposal:
    proposal = AccessProposal(
        partner_id=partner.id,
        kind=kind,
        content=dict(content),
        grounds=grounds.strip(),
        state="proposed",
        proposed_by=by.id,
        proposer_name=by.name,
        proposed_at=now,
    )
    session.add(proposal)
    session.flush()
    notify(
        session,
        Recipient(officer_role=DECIDED_BY),
        kind="access_proposed",
        title=f"请复核：{partner.name}",
        body=f"{by.name}提出：{describe(proposal)}。",
        about=f"access_proposal:{proposal.id}",
        now=now,
    )
    return proposal


def _carry_out(session: Session, partner: Partner, proposal: AccessProposal, *, now: datetime) -> None:
    content = proposal.content
    if proposal.kind == "redirect_uri":
        add_redirect_uri(session, partner, content["uri"], now=now)
    elif proposal.kind == "key":
        add_key(session, partner, public_jwk=content["public_jwk"], now=now)
    else:
        most, days = content["frequency_most"], content["frequency_days"]
        approve_scope(
            session,
            partner,
            scope=content["scope"],
            purpose=content["purpose"],
            longest_days=content["longest_days"],
            frequency=(most, days) if most and days else None,
            approved_by=f"{proposal.proposer_name}提出，{proposal.decider_name}复核",
            now=now,
        )


def _move(
    session: Session,
    proposal: AccessProposal,
    state: ProposalState,
    *,
    decided_by: ByOfficer,
    reason: str,
    now: datetime,
) -> None:
    moved = session.execute(
        update(AccessProposal)
        .where(AccessProposal.id == proposal.id, AccessProposal.state == "proposed")
        .values(
            state=state,
            decided_by=decided_by.id,
            decider_name=decided_by.name,
            decided_at=now,
            decision_reason=reason.strip(),
        )
        .returning(AccessProposal.id)
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(proposal)
    if moved is None:
        raise ProposalDecided
