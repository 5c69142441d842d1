"""Questions are answered in the words of the API, and refusals say what to mend."""

from __future__ import annotations

import unittest
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Dict, Optional

from outlay import Outlay, OutlayError, Unreachable

from .servers import PATIENCE, Reply, Scripted, Server, Silent

DAY = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


class Asking(unittest.TestCase):
    server: Server
    client: Outlay

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.end)
        cls.client = Outlay(cls.server.url, cls.server.token)
        cls.addClassCleanup(cls.client.close, 0)
        for at in range(7):
            cls.client.record(
                service="a,b" if at == 0 else "search", cost=Decimal("0.25"), occurred_at=DAY,
                id=f"event-{at}", tags={"feature": "x"},
            )  # fmt: skip
        assert cls.client.flush(PATIENCE)

    def test_sums_are_exact_texts(self) -> None:
        march: Dict[str, Any] = {"since": "2026-03-01", "until": "2026-04-01"}

        total = self.client.usage_total(**march, compare=True)
        by_day = self.client.usage_by_time("week", **march, measures="spend")
        by_service = self.client.usage_by_group(["service"], **march, measures=["spend", "events"])

        self.assertEqual(total["total"]["spend"], "1.75")
        self.assertIn("previous", total)
        self.assertEqual(sum(Decimal(row["spend"]) for row in by_day["rows"]), Decimal("1.75"))
        rows = {row["service"]: (row["spend"], row["events"]) for row in by_service["rows"]}
        self.assertEqual(rows, {"search": ("1.5", 6), "a,b": ("0.25", 1)})

    def test_values_of_filters_may_have_commas_in_them(self) -> None:
        def events(**filters: Any) -> Any:
            return self.client.usage_total(measures="events", filters=filters)["total"]["events"]

        self.assertEqual(events(service="a,b"), 1)
        self.assertEqual(events(service=["a,b", "search"]), 7)
        self.assertEqual(events(**{"service!": "a,b", "tag.feature": "x"}), 6)

    def test_every_event_comes_once_whatever_the_page_holds(self) -> None:
        found = [event["id"] for event in self.client.events(since=DAY, page=3)]

        self.assertEqual(sorted(found), [f"event-{at}" for at in range(7)])

    def test_a_hard_budget_says_what_may_be_spent(self) -> None:
        draft = {
            "id": "search", "name": "Search", "amount": "2", "scope": {"service": ["search"]},
            "period": {"every": "once", "first": "2026-03-01", "last": "2035-12-31"},
            "enforcement": "hard",
        }  # fmt: skip
        self.client.ask("POST", "/api/v1/budgets", draft)

        self.assertEqual([budget["id"] for budget in self.client.budgets()], ["search"])
        self.assertTrue(self.client.may_spend("0.4", service="search")["allowed"])
        refused = self.client.may_spend(Decimal("0.6"), service="search")
        self.assertEqual([one["id"] for one in refused["refused_by"]], ["search"])

    def test_a_refusal_names_the_field_and_the_remedy(self) -> None:
        with self.assertRaises(OutlayError) as raised:
            self.client.usage_total(tz="Europe/Nowhere")

        error = raised.exception
        self.assertEqual((error.status, error.field), (400, "tz"))
        self.assertIn("IANA", error.remedy or "")
        self.assertIn("IANA", str(error))
        self.assertFalse(error.is_passing)

    def test_a_wrong_token_is_told_at_once(self) -> None:
        stranger = Outlay(self.server.url, "olk_nobody")
        self.addCleanup(stranger.close, 0)

        with self.assertRaises(OutlayError) as raised:
            stranger.budgets()

        self.assertEqual(raised.exception.status, 401)

    def test_a_server_that_does_not_answer_is_unreachable(self) -> None:
        silent = Silent()
        silent.end()
        client = Outlay(silent.url, "olk_x")

        with self.assertRaises(Unreachable):
            client.ask("POST", "/api/v1/budgets", {})

    def test_what_changes_something_is_sent_once_although_nothing_is_heard(self) -> None:
        def reply(_: int, body: Any) -> Optional[Reply]:
            return (200, {}, {}) if "provider" in body else None

        server = Scripted(reply)
        self.addCleanup(server.end)
        client = Outlay(server.url, "olk_x")
        self.addCleanup(client.close, 0)
        # So that there is a connection that could be stale.
        client.quote(provider="openai")

        with self.assertRaises(Unreachable):
            client.ask("POST", "/api/v1/keys", {"name": "shop", "scopes": ["events:write"]})

        self.assertEqual(len(server.bodies), 2)

    def test_an_address_that_is_none_is_refused_when_the_client_is_made(self) -> None:
        for address in ("127.0.0.1:8440", "ftp://x", "http://user:secret@host", "http://host/?a=b"):
            with self.assertRaises(ValueError):
                Outlay(address)


if __name__ == "__main__":
    unittest.main()
