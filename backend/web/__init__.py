"""The only Flask in the backend: the server, its guards and the way errors are told."""

from backend.web.app import API_PREFIX, create_app
from backend.web.context import Services

__all__ = ["API_PREFIX", "Services", "create_app"]
