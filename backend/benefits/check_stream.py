"""Carrying the checks that the swift desk has answered from the stream into the tables and the ledger.

An entry is deleted from the stream only after its rows are committed, and rows that are there already are left
alone: whoever is killed in between, nothing is lost and nothing is doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import redis
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.authorizations.tokens import PartnerIdentity
from backend.benefits.checks import REDEEMABLE_FOR, CheckAnswer, answer_of, record_check
from backend.benefits.models import BenefitCheck
from backend.benefits.schemes import SchemeInForce, version_by_id
from backend.benefits.swift_desk import STREAM
from backend.database import Database, insert_into
from backend.ephemeral import StoreUnavailable
from backend.partners.service import get_partner

log = structlog.get_logger(__name__)
_AT_ONCE = 500

Remember = Callable[[Session, list[tuple["StreamedCheck", CheckAnswer]]], None]
"""Keeps answers for retries of the same request that come after Redis has forgotten it."""


@dataclass(frozen=True)
class StreamedCheck:
    check_id: UUID
    scheme_id: UUID
    partner_id: UUID
    holder_id: int
    beneficiary_id: int
    tier: str | None
    code_shown_at: datetime
    checked_at: datetime
    request_key: str
    fingerprint: bytes


class CheckStream:
    def __init__(self, redis_url: str, database: Database, *, remember: Remember) -> None:
        self._client = redis.Redis.from_url(redis_url, socket_timeout=10, socket_connect_timeout=2)
        self._database = database
        self._remember = remember

    def drain(self) -> int:
        """Write what is waiting; how many checks were new. An entry that cannot be written stays and is logged.

        Raises StoreUnavailable while Redis is gone.
        """
        try:
            return self._drain()
        except redis.RedisError as error:
            raise StoreUnavailable from error

    def _drain(self) -> int:
        written, after = 0, "-"
        while entries := cast(list[tuple[bytes, dict[bytes, bytes]]], self._client.xrange(
            STREAM, min=after, count=_AT_ONCE
        )):  # fmt: skip
            checks = {entry_id: _read(fields) for entry_id, fields in entries}
            try:
                written += self._write(list(checks.values()))
                self._client.xdel(STREAM, *checks)
            except IntegrityError:
                for entry_id, check in checks.items():
                    try:
                        written += self._write([check])
                        self._client.xdel(STREAM, entry_id)
                    except IntegrityError as error:
                        log.error("check_not_written", check=str(check.check_id), error=type(error.orig).__name__)
            if len(entries) < _AT_ONCE:
                break
            after = "(" + entries[-1][0].decode()
        return written

    def _write(self, checks: list[StreamedCheck]) -> int:
        """In one transaction: the check, its ledger rows and the remembered answer."""
        with self._database.transaction() as session:
            versions = {
                scheme_id: version_by_id(session, scheme_id) for scheme_id in {check.scheme_id for check in checks}
            }
            partners: dict[UUID, PartnerIdentity] = {}
            answers: list[tuple[StreamedCheck, CheckAnswer]] = []
            fresh = _insert_checks(session, checks, versions)
            for check in checks:
                if check.check_id not in fresh:
                    continue
                scheme = versions[check.scheme_id]
                if check.partner_id not in partners:
                    row = get_partner(session, check.partner_id)
                    partners[row.id] = PartnerIdentity(
                        partner_id=row.id, code=row.code, name=row.name, kind=row.kind, scopes=frozenset(),
                    )  # fmt: skip
                record_check(
                    session,
                    partner=partners[check.partner_id],
                    scheme=scheme.rules,
                    subject_ids={check.holder_id, check.beneficiary_id},
                    tier_code=check.tier,
                    now=check.checked_at,
                )
                answer = answer_of(
                    check.check_id, scheme.rules, check.tier, expires_at=check.checked_at + REDEEMABLE_FOR
                )
                answers.append((check, answer))
            if answers:
                self._remember(session, answers)
        return len(fresh)


def _insert_checks(
    session: Session, checks: list[StreamedCheck], versions: Mapping[UUID, SchemeInForce]
) -> set[UUID]:
    """The ids of those that were not there yet."""
    insert = insert_into(session, BenefitCheck).on_conflict_do_nothing(index_elements=["id"])
    rows = [
        {
            "id": check.check_id,
            "scheme_id": check.scheme_id,
            "partner_id": check.partner_id,
            "subject_id": check.beneficiary_id,
            "holder_id": check.holder_id,
            "eligible": check.tier is not None,
            "tier": check.tier,
            "terms": versions[check.scheme_id].rules.terms_of(check.tier),
            "code_shown_at": check.code_shown_at,
            "checked_at": check.checked_at,
            "expires_at": check.checked_at + REDEEMABLE_FOR,
        }
        for check in checks
    ]
    return set(session.scalars(insert.returning(BenefitCheck.id), rows))


def _read(fields: Mapping[bytes, bytes]) -> StreamedCheck:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return StreamedCheck(
        check_id=UUID(text["check"]),
        scheme_id=UUID(text["scheme"]),
        partner_id=UUID(text["partner"]),
        holder_id=int(text["holder"]),
        beneficiary_id=int(text["beneficiary"]),
        tier=text["tier"] or None,
        code_shown_at=_moment(text["made"]),
        checked_at=_moment(text["at"]),
        request_key=text["key"],
        fingerprint=bytes.fromhex(text["fingerprint"]),
    )


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
