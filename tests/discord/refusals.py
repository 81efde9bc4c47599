"""Discord's refusals: an HTTP status, its own code, a sentence (docs/topics/opcodes-and-status-codes)."""

from typing import Any


class Refusal(Exception):
    """A request that is refused. The message is what Discord says."""

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors


def unauthorized() -> Refusal:
    return Refusal(401, 0, "401: Unauthorized")


def unknown(what: str, code: int) -> Refusal:
    return Refusal(404, code, f"Unknown {what}")


def missing_access() -> Refusal:
    return Refusal(403, 50001, "Missing Access")


def missing_permissions() -> Refusal:
    return Refusal(403, 50013, "Missing Permissions")


def invalid_form(field: str, code: str, message: str) -> Refusal:
    errors = {field: {"_errors": [{"code": code, "message": message}]}}
    return Refusal(400, 50035, "Invalid Form Body", errors)
