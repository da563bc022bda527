"""HTTP for citizens: the phone and the same client as a web page."""

from __future__ import annotations

from flask_smorest import Blueprint

from miniprogram_api.citizen.authorization_requests import blp as authorization_requests
from miniprogram_api.citizen.authorizations import blp as authorizations
from miniprogram_api.citizen.benefits import blp as benefits
from miniprogram_api.citizen.choices import blp as choices
from miniprogram_api.citizen.commitments import blp as commitments
from miniprogram_api.citizen.deletion_requests import blp as deletion_requests
from miniprogram_api.citizen.evidence import blp as evidence
from miniprogram_api.citizen.export import blp as export
from miniprogram_api.citizen.joint_incentives import blp as joint_incentives
from miniprogram_api.citizen.ledger import blp as ledger
from miniprogram_api.citizen.ledger import complaints as access_complaints
from miniprogram_api.citizen.lists import blp as lists
from miniprogram_api.citizen.loan_referrals import blp as loan_referrals
from miniprogram_api.citizen.me import blp as me
from miniprogram_api.citizen.notifications import blp as notifications
from miniprogram_api.citizen.objections import blp as objections
from miniprogram_api.citizen.records import blp as records
from miniprogram_api.citizen.repairs import blp as repairs
from miniprogram_api.citizen.reports import blp as reports
from miniprogram_api.citizen.score import blp as score
from miniprogram_api.citizen.sign_in import blp as sign_in
from miniprogram_api.citizen.supplements import blp as supplements
from miniprogram_api.citizen.uses import blp as uses


def citizen_surfaces() -> list[Blueprint]:
    """What the server mounts for citizens."""
    return [
        sign_in,
        me,
        score,
        records,
        lists,
        joint_incentives,
        benefits,
        uses,
        authorizations,
        authorization_requests,
        loan_referrals,
        objections,
        evidence,
        ledger,
        notifications,
        reports,
        export,
        access_complaints,
        choices,
        deletion_requests,
        repairs,
        supplements,
        commitments,
    ]
