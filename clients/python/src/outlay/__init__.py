"""Sends usage to Outlay in the background, and asks what it cost."""

from ._client import Outlay
from ._errors import OutlayError, Unreachable
from ._sender import Refusal, Stats

__all__ = ["Outlay", "OutlayError", "Refusal", "Stats", "Unreachable"]
__version__ = "0.1.0"
