"""Authorizations (授权): consents as artefacts, and the OAuth 2.0 tokens that partners call with."""
