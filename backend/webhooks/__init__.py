"""Webhooks (回调): telling a partner's own system what happened, signed, retried, each under one id."""
