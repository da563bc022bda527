"""HTTP for source departments: deliver what they answer for, and set right what could not be taken in."""

from __future__ import annotations

from flask_smorest import Blueprint

from miniprogram_api.department.cases import cases, objections
from miniprogram_api.department.credit_checks import blp as credit_checks
from miniprogram_api.department.deliveries import blp as deliveries
from miniprogram_api.department.joint_incentives import blp as joint_incentives
from miniprogram_api.department.joint_incentives import requests as incentive_requests
from miniprogram_api.department.notifications import blp as notifications
from miniprogram_api.department.profile import blp as profile
from miniprogram_api.department.quality import blp as quality
from miniprogram_api.department.quarantine import blp as quarantine


def department_surfaces() -> list[Blueprint]:
    """What the server mounts for source departments."""
    return [
        profile,
        deliveries,
        quarantine,
        quality,
        objections,
        notifications,
        cases,
        credit_checks,
        joint_incentives,
        incentive_requests,
    ]
