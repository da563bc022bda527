"""Institutions (机构) such as banks: what they read on a citizen's consent, and loan referrals (贷款推荐)."""
