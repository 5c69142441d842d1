"""Why a call failed."""

from __future__ import annotations

import json
from typing import Any, Mapping, Optional


class OutlayError(Exception):
    """A refusal or a failure, in the server's words."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        field: Optional[str] = None,
        remedy: Optional[str] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(status, code, detail, field, remedy, retry_after)
        self.status = status
        """The HTTP status, or 0 where no answer came."""
        self.code = code
        """A stable word for programs."""
        self.detail = detail
        """What is wrong, for people."""
        self.field = field
        """The field or parameter at fault."""
        self.remedy = remedy
        """What to do about it."""
        self.retry_after = retry_after
        """Seconds after which to try again, where the server said so."""

    def __str__(self) -> str:
        at = f"`{self.field}`: " if self.field else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.code} ({self.status}): {at}{self.detail}{remedy}"

    @property
    def is_passing(self) -> bool:
        """Whether the same may work later: the server is busy, starts, or cannot be reached."""
        return self.status in (0, 408, 429) or self.status >= 500

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> OutlayError:
        """Reads a refusal; a proxy in between may answer with a page of its own."""
        told: Any = None
        try:
            told = json.loads(body)
        except ValueError:
            pass
        after = seconds(headers.get("retry-after"))
        if isinstance(told, dict) and isinstance(told.get("detail"), str):
            code = str(told.get("code", "unexpected"))
            return cls(status, code, told["detail"], told.get("field"), told.get("remedy"), after)
        return cls(status, "unexpected", f"the server answered {status}", retry_after=after)


class Unreachable(OutlayError):
    """No answer came."""

    def __init__(self, detail: str) -> None:
        super().__init__(0, "unreachable", detail)
        self.args = (detail,)


def seconds(text: Optional[str]) -> Optional[float]:
    """The seconds of a `Retry-After`; a date is nothing that this server sends."""
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None
