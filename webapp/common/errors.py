"""The service's error tree. `problems` alone turns it into HTTP; messages are safe to show to people."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input: where (node and input, or a field), which rule, what to do."""

    node: str | None
    input: str | None
    code: str
    message: str


class DomainError(Exception):
    """Something that the caller can understand and act on."""

    status = 400
    code = "bad_request"
    title = "The request cannot be served"

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.faults = tuple(faults)


class Malformed(DomainError):
    """The body is not what its content type says."""

    code = "malformed"
    title = "The request cannot be read"


class NotSignedIn(DomainError):
    """Nobody is signed in, or the credentials are wrong."""

    status = 401
    code = "not_signed_in"
    title = "Sign in first"


class NotAllowed(DomainError):
    """The role does not carry the right."""

    status = 403
    code = "not_allowed"
    title = "Not allowed"


class NotFound(DomainError):
    """No such thing, or none that this person may know of: the two look the same."""

    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(DomainError):
    """The thing has changed, or the name is taken."""

    status = 409
    code = "conflict"
    title = "Conflict"


class Gone(DomainError):
    """It was there, and can be used no more."""

    status = 410
    code = "gone"
    title = "Gone"


class TooLarge(DomainError):
    """The body exceeds a limit."""

    status = 413
    code = "too_large"
    title = "Too large"


class UnsupportedType(DomainError):
    """The file is of no kind that is taken."""

    status = 415
    code = "unsupported_type"
    title = "Unsupported kind of file"


class Invalid(DomainError):
    """Well-formed and wrong; `faults` tells all that is."""

    status = 422
    code = "invalid"
    title = "Invalid"


class TooMany(DomainError):
    """Asked too often."""

    status = 429
    code = "too_many"
    title = "Too many attempts"
