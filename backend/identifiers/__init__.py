"""Identity numbers of citizens, enterprises and organisations: check, normalise, complete, mask, seal."""

from backend.identifiers.checking import check, check_person_number, mask
from backend.identifiers.citizen_number import birth_date, check_citizen_number, complete_citizen_number
from backend.identifiers.findings import PERSONAL_KINDS, Finding, IdentifierCheck, IdentifierKind
from backend.identifiers.organisation_code import check_organisation_code, complete_organisation_code
from backend.identifiers.permanent_residence_card import (
    check_permanent_residence_card,
    complete_permanent_residence_card,
)
from backend.identifiers.registration_number import check_registration_number, complete_registration_number
from backend.identifiers.social_credit_code import (
    check_social_credit_code,
    complete_social_credit_code,
    organisation_code_within,
)

__all__ = [
    "PERSONAL_KINDS",
    "Finding",
    "IdentifierCheck",
    "IdentifierKind",
    "birth_date",
    "check",
    "check_citizen_number",
    "check_organisation_code",
    "check_permanent_residence_card",
    "check_person_number",
    "check_registration_number",
    "check_social_credit_code",
    "complete_citizen_number",
    "complete_organisation_code",
    "complete_permanent_residence_card",
    "complete_registration_number",
    "complete_social_credit_code",
    "mask",
    "organisation_code_within",
]
