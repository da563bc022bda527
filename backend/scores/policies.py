"""Which policy scores whom on which day."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalogue.service import catalogue_in_force
from backend.scores.errors import (
    NoPolicyInForce,
    PolicyBreaksRules,
    PolicyDoesNotFitCatalogue,
    PolicyFileNotReadable,
)
from backend.scores.models import PolicyVersion
from scoring.compiled import CompiledPolicy, compile_policy
from scoring.policy import (
    CategoryFacts,
    Policy,
    check_against_catalogue,
    load_policy,
    shipped_policy,
    shipped_policy_names,
)
from scoring.problems import PolicyInvalid


def read_policy(name_or_path: str) -> Policy:
    """A shipped policy by its name, or the policy in a file.

    Raises PolicyFileNotReadable or PolicyBreaksRules, both of which name the path and what to do.
    """
    names = shipped_policy_names()
    if name_or_path in names and not Path(name_or_path).exists():
        return shipped_policy(name_or_path)
    try:
        return load_policy(Path(name_or_path))
    except FileNotFoundError as error:
        raise PolicyFileNotReadable(name_or_path, "没有这个文件", names) from error
    except UnicodeDecodeError as error:
        raise PolicyFileNotReadable(name_or_path, "内容不是 UTF-8 文本，请另存为 UTF-8", names) from error
    except OSError as error:
        raise PolicyFileNotReadable(name_or_path, error.strerror or "文件打不开", names) from error
    except PolicyInvalid as invalid:
        raise PolicyBreaksRules(name_or_path, [str(problem) for problem in invalid.problems]) from invalid


def adopt_policy(session: Session, policy: Policy, *, adopted_by: str, now: datetime, on: date) -> PolicyVersion:
    """Put a policy in force from its date of effect; adopting the same document twice changes nothing.

    `on` is the day whose catalogue the policy must fit. Raises PolicyDoesNotFitCatalogue.
    """
    if adopted := session.get(PolicyVersion, policy.hash):
        return adopted
    check_fits_catalogue(session, policy, on=on)
    version = PolicyVersion(
        hash=policy.hash,
        code=policy.code,
        version=policy.version,
        name=policy.name,
        subject_kind=policy.subject_kind,
        document=policy.source_text,
        effective_from=policy.effective_from,
        adopted_at=now,
        adopted_by=adopted_by,
    )
    session.add(version)
    session.flush()
    return version


def check_fits_catalogue(session: Session, policy: Policy, *, on: date) -> None:
    """Raise PolicyDoesNotFitCatalogue unless the catalogue of the day has what the policy reads."""
    catalogue = catalogue_in_force(session, on)
    facts = {
        category.code: CategoryFacts(
            code=category.code,
            name=category.name,
            polarity=category.polarity,
            legal_basis=category.legal_basis,
            levels=tuple(level.code for level in category.levels),
            subject_kinds=frozenset(category.subject_kinds),
        )
        for category in catalogue.categories.values()
    }
    if problems := check_against_catalogue(policy, facts):
        raise PolicyDoesNotFitCatalogue([problem.message for problem in problems])


def policy_in_force(session: Session, subject_kind: str, on: date) -> PolicyVersion:
    """The newest policy of the kind whose date of effect has come. Raises NoPolicyInForce."""
    version = session.scalars(
        select(PolicyVersion)
        .where(PolicyVersion.subject_kind == subject_kind, PolicyVersion.effective_from <= on)
        .order_by(PolicyVersion.effective_from.desc(), PolicyVersion.adopted_at.desc())
        .limit(1)
    ).first()
    if version is None:
        raise NoPolicyInForce(subject_kind, on)
    return version


def policy_of(session: Session, policy_hash: str) -> tuple[Policy, CompiledPolicy]:
    """The policy behind a stored score, loaded and compiled once per process: a hash never changes meaning."""
    if policy_hash not in _hashes_loaded():
        document = session.get_one(PolicyVersion, policy_hash).document
        _hashes_loaded()[policy_hash] = _load(document)
    return _hashes_loaded()[policy_hash]


@lru_cache(maxsize=1)
def _hashes_loaded() -> dict[str, tuple[Policy, CompiledPolicy]]:
    return {}


def _load(document: str) -> tuple[Policy, CompiledPolicy]:
    policy = load_policy(document)
    return policy, compile_policy(policy)
