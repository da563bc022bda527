"""HTTP for the officers' console: parses, calls one service, answers. The Vue application is in `web/`."""

from __future__ import annotations

from flask_smorest import Blueprint

from admin.access_alerts import blp as access_alerts
from admin.access_alerts import own as own_access_alerts
from admin.access_complaints import blp as access_complaints
from admin.applicants import blp as applicants
from admin.catalogue import blp as catalogue
from admin.commitments import blp as commitments
from admin.complaints import blp as complaints
from admin.credit_checks import blp as credit_checks
from admin.deletion_requests import blp as deletion_requests
from admin.deliveries import blp as deliveries
from admin.department import cases as department_cases
from admin.department import inbox as department_inbox
from admin.department import quality as department_quality
from admin.department import rows as department_rows
from admin.enterprises import blp as enterprises
from admin.institutions import blp as institutions
from admin.joint_incentives import blp as joint_incentives
from admin.joint_incentives import requests as incentive_requests
from admin.known_records import blp as known_records
from admin.ledger import blp as ledger
from admin.notifications import blp as notifications
from admin.objections import blp as objections
from admin.overview import blp as overview
from admin.partners import blp as partners
from admin.policy_trials import blp as policy_trials
from admin.quality import blp as quality
from admin.quarantine import blp as quarantine
from admin.recipient_deletions import blp as recipient_deletions
from admin.repairs import blp as repairs
from admin.reports import blp as reports
from admin.runs import blp as runs
from admin.schemes import blp as schemes
from admin.settlements import blp as settlements
from admin.sign_in import blp as sign_in
from admin.supplements import blp as supplements


def admin_surfaces() -> list[Blueprint]:
    """What the server mounts for officers."""
    return [
        sign_in,
        overview,
        runs,
        policy_trials,
        deliveries,
        quarantine,
        quality,
        objections,
        department_inbox,
        department_cases,
        department_quality,
        department_rows,
        credit_checks,
        notifications,
        known_records,
        applicants,
        reports,
        access_alerts,
        own_access_alerts,
        access_complaints,
        recipient_deletions,
        ledger,
        enterprises,
        catalogue,
        repairs,
        supplements,
        commitments,
        schemes,
        partners,
        institutions,
        settlements,
        complaints,
        deletion_requests,
        joint_incentives,
        incentive_requests,
    ]
