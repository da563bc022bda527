"""The families of refusals. What a family means over HTTP is decided in `backend.web.problems` alone."""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A refusal by a rule of the domain.

    `code` is stable once released: clients branch on it. `detail` is a Chinese sentence for the person in
    front of the screen: what happened, why, and what they can do next. `data` carries what a client needs to
    help (a date, the list of unmet conditions); it never carries another person's data.
    """

    code: ClassVar[str] = "error"

    def __init__(self, detail: str, **data: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.data = data


class NotFound(DomainError):
    """The thing does not exist, or is not this caller's to see: the two look alike so ids cannot be probed."""

    code = "not_found"


class Conflict(DomainError):
    """The thing is not in a state that allows this now."""

    code = "conflict"


class Refused(DomainError):
    """The request is understood and a rule refuses it."""

    code = "refused"


class Unauthenticated(DomainError):
    """Nobody is signed in, or the sign-in has ended."""

    code = "unauthenticated"


class Forbidden(DomainError):
    """Signed in, and not allowed to do this."""

    code = "forbidden"


class TooMany(DomainError):
    """A limit on how often this may be done is reached. `retry_after_seconds` says when it opens again."""

    code = "too_many_requests"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(DomainError):
    """A part this answer depends on is down; nothing was done, so the caller may simply try again."""

    code = "unavailable"
