"""Let citizens authorize institutions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.database import BigId, Json, UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approved_scopes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("longest_days", sa.Integer(), nullable=False),
        sa.Column("frequency_most", sa.Integer(), nullable=True),
        sa.Column("frequency_days", sa.Integer(), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_approved_scopes_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approved_scopes")),
    )
    with op.batch_alter_table("approved_scopes", schema=None) as batch_op:
        batch_op.create_index(
            "one_approval_per_scope",
            ["partner_id", "scope"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "oauth_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name=op.f("fk_oauth_grants_partner_id_partners")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_oauth_grants_subject_id_subjects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_grants")),
    )
    op.create_table(
        "redirect_uris",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_redirect_uris_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("partner_id", "uri", name=op.f("pk_redirect_uris")),
    )
    op.create_table(
        "authorization_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("handle_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("client_state", sa.String(), nullable=True),
        sa.Column("code_challenge", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("code_used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["oauth_grants.id"], name=op.f("fk_authorization_requests_grant_id_oauth_grants")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_authorization_requests_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization_requests")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_authorization_requests_code_hash")),
        sa.UniqueConstraint("handle_hash", name=op.f("uq_authorization_requests_handle_hash")),
    )
    with op.batch_alter_table("authorization_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_authorization_requests_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "granted_consents",
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consents.id"], name=op.f("fk_granted_consents_consent_id_consents")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["oauth_grants.id"], name=op.f("fk_granted_consents_grant_id_oauth_grants")
        ),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_granted_consents")),
    )
    with op.batch_alter_table("granted_consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_granted_consents_grant_id"), ["grant_id"], unique=False)

    op.create_table(
        "loan_referrals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("subject_id", BigId, nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("scheme_code", sa.String(), nullable=False),
        sa.Column("scheme_name", sa.String(), nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("granted_cents", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consents.id"], name=op.f("fk_loan_referrals_consent_id_consents")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_loan_referrals_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name=op.f("fk_loan_referrals_subject_id_subjects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_referrals")),
        sa.UniqueConstraint("number", name=op.f("uq_loan_referrals_number")),
    )
    with op.batch_alter_table("loan_referrals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loan_referrals_consent_id"), ["consent_id"], unique=False)
        batch_op.create_index("ix_loan_referrals_partner_id_sent_at", ["partner_id", "sent_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_loan_referrals_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(
            "one_open_referral",
            ["subject_id", "scheme_code", "partner_id"],
            unique=True,
            postgresql_where=sa.text("state IN ('sent', 'applied')"),
            sqlite_where=sa.text("state IN ('sent', 'applied')"),
        )

    op.create_table(
        "loan_referral_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["loan_referrals.id"], name=op.f("fk_loan_referral_events_referral_id_loan_referrals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_referral_events")),
    )
    with op.batch_alter_table("loan_referral_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loan_referral_events_referral_id"), ["referral_id"], unique=False)

    # Tokens live for ten minutes; one that rested on a consent must not go on without it.
    op.execute("DELETE FROM oauth_tokens WHERE consent_id IS NOT NULL")
    with op.batch_alter_table("oauth_tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), server_default="access", nullable=False))
        batch_op.add_column(sa.Column("grant_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("used_at", UtcDateTime(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_oauth_tokens_consent_id"))
        batch_op.create_index(batch_op.f("ix_oauth_tokens_grant_id"), ["grant_id"], unique=False)
        batch_op.drop_constraint(batch_op.f("fk_oauth_tokens_consent_id_consents"), type_="foreignkey")
        batch_op.create_foreign_key(
            batch_op.f("fk_oauth_tokens_grant_id_oauth_grants"), "oauth_grants", ["grant_id"], ["id"]
        )
        batch_op.drop_column("consent_id")


def downgrade() -> None:
    op.execute("DELETE FROM oauth_tokens WHERE grant_id IS NOT NULL")
    with op.batch_alter_table("oauth_tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("consent_id", sa.Uuid(), nullable=True))
        batch_op.drop_constraint(batch_op.f("fk_oauth_tokens_grant_id_oauth_grants"), type_="foreignkey")
        batch_op.create_foreign_key(
            batch_op.f("fk_oauth_tokens_consent_id_consents"), "consents", ["consent_id"], ["id"]
        )
        batch_op.drop_index(batch_op.f("ix_oauth_tokens_grant_id"))
        batch_op.create_index(batch_op.f("ix_oauth_tokens_consent_id"), ["consent_id"], unique=False)
        batch_op.drop_column("used_at")
        batch_op.drop_column("grant_id")
        batch_op.drop_column("kind")

    with op.batch_alter_table("loan_referral_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loan_referral_events_referral_id"))

    op.drop_table("loan_referral_events")
    with op.batch_alter_table("loan_referrals", schema=None) as batch_op:
        batch_op.drop_index(
            "one_open_referral",
            postgresql_where=sa.text("state IN ('sent', 'applied')"),
            sqlite_where=sa.text("state IN ('sent', 'applied')"),
        )
        batch_op.drop_index(batch_op.f("ix_loan_referrals_subject_id"))
        batch_op.drop_index("ix_loan_referrals_partner_id_sent_at")
        batch_op.drop_index(batch_op.f("ix_loan_referrals_consent_id"))

    op.drop_table("loan_referrals")
    with op.batch_alter_table("granted_consents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_granted_consents_grant_id"))

    op.drop_table("granted_consents")
    with op.batch_alter_table("authorization_requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_authorization_requests_expires_at"))

    op.drop_table("authorization_requests")
    op.drop_table("redirect_uris")
    op.drop_table("oauth_grants")
    with op.batch_alter_table("approved_scopes", schema=None) as batch_op:
        batch_op.drop_index(
            "one_approval_per_scope",
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("approved_scopes")
