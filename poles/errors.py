"""The one tree of errors: each class carries its HTTP status and OGC exception code."""


class PolesError(Exception):
    """What went wrong, said kindly: `<subject>: <what was found>; <what would do>`.

    `subject` is a parameter, a key of the configuration or a path. A path is for the command line
    only: `public` is the text for clients, and leaves it out.
    """

    status = 500
    code = "NoApplicableCode"
    title = "Internal server error"

    def __init__(self, subject: str, found: str, remedy: str) -> None:
        super().__init__(f"{subject}: {found}; {remedy}")
        self.subject, self.found, self.remedy = subject, found, remedy

    @property
    def public(self) -> str:
        """The sentence a client may see."""
        return str(self)


class Invalid(PolesError):
    """The question is malformed, or names something that is not there."""

    status, code, title = 400, "InvalidParameterValue", "Invalid parameter value"


class NotFound(PolesError):
    """The resource does not exist."""

    status, code, title = 404, "NotFound", "Not found"


class NotAcceptable(PolesError):
    """No format that the client accepts can carry the answer."""

    status, code, title = 406, "NotAcceptable", "Not acceptable"


class TooLarge(PolesError):
    """The answer would exceed the limit of values."""

    status, code, title = 413, "RequestEntityTooLarge", "Answer too large"


class Busy(PolesError):
    """The server cannot take the request now."""

    status, code, title = 503, "ServiceUnavailable", "Service unavailable"


class Unreadable(PolesError):
    """A source cannot be read, or not read rightly."""

    status, code, title = 503, "DataUnavailable", "Data unavailable"

    @property
    def public(self) -> str:
        return f"data: {self.found}; {self.remedy}"
