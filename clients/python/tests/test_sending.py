"""Events are sent in the background, counted once, and never in the way of the program."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import unittest
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Union

from outlay import Outlay, Refusal

from .servers import PATIENCE, Reply, Scripted, Server, Silent, Swallowing, accept_all, wait_until

QUANTITIES = {"input_tokens": 1200, "output_tokens": 300}
NEVER = 3600.0
"""Longer than any test: whoever waited for the network would not come back."""


def senders_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "outlay-sender":
            thread.join(PATIENCE)


class AgainstTheProgram(unittest.TestCase):
    """With the real server."""

    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.end)

    def client(self, source: str, **options: Any) -> Outlay:
        client = Outlay(self.server.url, self.server.token, source=source, **options)
        self.addCleanup(client.close, 0)
        return client

    def test_events_are_kept_priced_and_counted_once(self) -> None:
        client = self.client("plain")

        for _ in range(1_200):
            client.record(provider="openai", model="gpt-4o", quantities=QUANTITIES)
        self.assertTrue(client.flush(PATIENCE))

        self.assertEqual(client.stats(), (1_200, 0, 0, 0, 0))
        total = client.usage_total(measures=["events", "spend"], filters={"source": "plain"})
        each = Decimal(client.quote(provider="openai", model="gpt-4o", quantities=QUANTITIES)["amount"])
        self.assertEqual(total["total"]["events"], 1_200)
        self.assertEqual(Decimal(total["total"]["spend"]), 1_200 * each)

    def test_nothing_is_lost_or_doubled_when_the_server_is_killed_while_events_wait(self) -> None:
        client = self.client("killed", batch_events=50, batch_seconds=0.0)
        go_on = threading.Event()

        def record() -> None:
            for at in range(2_000):
                if at == 1_000:
                    go_on.wait(PATIENCE)
                client.record(service="crawler", cost="0.001")

        recording = threading.Thread(target=record)
        recording.start()
        wait_until(lambda: client.stats().accepted > 0, "some events are kept")
        self.server.kill()
        go_on.set()
        recording.join()
        self.assertGreater(client.stats().waiting, 0)
        self.server.start()

        self.assertTrue(client.flush(PATIENCE))
        stats = client.stats()
        self.assertEqual((stats.accepted + stats.repeated, stats.dropped), (2_000, 0))
        self.assertEqual(self.server.count("killed"), 2_000)

    def test_events_whose_answer_is_lost_are_sent_again_and_counted_once(self) -> None:
        way = Swallowing(self.server, lost=1)
        self.addCleanup(way.end)
        client = Outlay(way.url, self.server.token, source="swallowed", batch_events=10)
        self.addCleanup(client.close, 0)

        for _ in range(30):
            client.record(service="crawler", cost="0.001")
        self.assertTrue(client.flush(PATIENCE))

        self.assertEqual(client.stats()[:3], (20, 10, 0))
        self.assertEqual(self.server.count("swallowed"), 30)

    def test_a_refused_event_is_told_with_its_field_and_harms_no_other(self) -> None:
        told: List[Refusal] = []
        client = self.client("refusals", on_refused=told.append)

        client.record(provider="openai", model="gpt-4o", quantities=QUANTITIES)
        wrong = client.record(provider="openai", quantities={"input_tokens": -1})
        unwritable = client.record(provider="openai", metadata={"when": object()})
        client.record(provider="openai", model="gpt-4o", quantities=QUANTITIES)
        self.assertTrue(client.flush(PATIENCE))

        self.assertIsNone(unwritable)
        self.assertEqual(client.stats()[:3], (2, 0, 2))
        by_id = {refusal.id: refusal for refusal in told}
        self.assertEqual(len(by_id), 2)
        refused = by_id[str(wrong)]
        self.assertEqual(refused.field, "quantities.input_tokens")
        self.assertTrue(refused.detail)
        self.assertEqual(refused.event["quantities"], {"input_tokens": -1})

    def test_a_callback_that_fails_does_not_stop_the_sending(self) -> None:
        def fail(_: Refusal) -> None:
            raise RuntimeError("of the host")

        client = self.client("callback", on_refused=fail, batch_events=1)

        with self.assertLogs("outlay", "ERROR"):
            client.record(provider="openai", quantities={"input_tokens": -1})
            client.record(service="crawler", cost=Decimal("0.1"))
            self.assertTrue(client.flush(PATIENCE))

        self.assertEqual(client.stats()[:3], (1, 0, 1))

    def test_what_waits_is_sent_when_the_program_ends(self) -> None:
        self.run_program("ends", "client.record(service='crawler', cost='1')")

        self.assertEqual(self.server.count("ends"), 1)

    def test_what_is_recorded_while_the_program_ends_is_sent(self) -> None:
        late = "import atexit; atexit.register(client.record, service='crawler', cost='1')"
        self.run_program("ends-late", late)

        self.assertEqual(self.server.count("ends-late"), 1)

    def test_a_client_that_nobody_holds_still_sends_what_it_has(self) -> None:
        # It would wait for others longer than the test lasts, were it not let go.
        client = Outlay(self.server.url, self.server.token, source="let-go", batch_seconds=NEVER)
        client.record(service="crawler", cost="1")

        del client

        wait_until(lambda: self.server.count("let-go") == 1, "the event is kept")

    @unittest.skipUnless(hasattr(os, "fork"), "there are no forks here")
    def test_a_child_sends_its_own_events_and_none_of_its_parents(self) -> None:
        program = """
import os
client.record(service='parent', cost='1')
child = os.fork()
if child == 0:
    assert client.stats() == (0, 0, 0, 0, 0), client.stats()
    client.record(service='child', cost='1')
    raise SystemExit(0)
assert os.waitpid(child, 0)[1] == 0
"""
        self.run_program("forks", program, batch_seconds=NEVER)

        self.assertEqual(self.server.count("forks"), 2)
        answer = self.server.ask("GET", "/api/v1/usage/breakdown?by=service&source=forks&measures=events")
        counts = {row["service"]: row["events"] for row in answer["rows"]}
        self.assertEqual(counts, {"parent": 1, "child": 1})

    @unittest.skipUnless("fork" in multiprocessing.get_all_start_methods(), "there are no forks here")
    def test_a_process_of_a_pool_sends_its_events_before_it_ends(self) -> None:
        program = """
import multiprocessing
client.record(service='parent', cost='1')
def work():
    client.record(service='child', cost='1')
child = multiprocessing.get_context('fork').Process(target=work)
child.start()
child.join()
assert child.exitcode == 0
"""
        self.run_program("pool", program, batch_seconds=NEVER)

        self.assertEqual(self.server.count("pool"), 2)

    def run_program(self, source: str, program: str, **options: Any) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in {"source": source, **options}.items())
        folder = str(Path(__file__).resolve().parents[1] / "src")
        variables = {"OUTLAY_URL": self.server.url, "OUTLAY_TOKEN": self.server.token}
        subprocess.run(
            [sys.executable, "-c", f"from outlay import Outlay\nclient = Outlay({given}, exit_seconds=60)\n{program}"],
            env={**os.environ, **variables, "PYTHONPATH": folder},
            check=True,
            timeout=PATIENCE,
        )


class AgainstBadDays(unittest.TestCase):
    """With servers that do what the real one does seldom."""

    def setUp(self) -> None:
        # Last of all that is cleaned up: no sender of this test is left to log in the next one.
        self.addCleanup(senders_end)

    def scripted(self, reply: Any) -> Scripted:
        server = Scripted(reply)
        self.addCleanup(server.end)
        return server

    def client(self, url: str, **options: Any) -> Outlay:
        client = Outlay(url, "olk_test", **options)
        self.addCleanup(client.close, 0)
        return client

    def test_a_server_that_never_answers_is_not_waited_for(self) -> None:
        silent = Silent()
        self.addCleanup(silent.end)
        client = self.client(silent.url, timeout=NEVER, queue_events=100, batch_events=10)

        with self.assertLogs("outlay", "WARNING") as logged:
            ids = [client.record(service="crawler", cost=1) for _ in range(150)]

        self.assertEqual([name is not None for name in ids], [True] * 100 + [False] * 50)
        self.assertEqual(client.stats(), (0, 0, 0, 50, 100))
        self.assertEqual(len(logged.records), 1, "the same is said once, not for each event")
        self.assertFalse(client.flush(0))
        client.close(0)
        self.assertEqual(client.stats(), (0, 0, 0, 150, 0))

    def test_a_host_that_asks_for_it_waits_for_room(self) -> None:
        may_answer = threading.Event()

        def reply(_: int, body: List[Any]) -> Reply:
            may_answer.wait(PATIENCE)
            return accept_all(body)

        server = self.scripted(reply)
        client = self.client(server.url, queue_events=1, block_seconds=NEVER)
        client.record(service="first", cost=1)
        recorded: List[Any] = []
        second = threading.Thread(target=lambda: recorded.append(client.record(service="second", cost=1)))

        second.start()
        wait_until(lambda: len(server.bodies) == 1, "the first is on its way")
        self.assertEqual(recorded, [])
        may_answer.set()
        second.join(PATIENCE)

        self.assertIsNotNone(recorded[0])
        self.assertTrue(client.flush(PATIENCE))
        self.assertEqual(client.stats(), (2, 0, 0, 0, 0))

    def test_a_busy_server_is_sent_the_same_events_again(self) -> None:
        def reply(times: int, body: List[Any]) -> Reply:
            busy = {"status": 429, "code": "too_many_requests", "detail": "too much waits"}
            if times == 1:
                return 429, {"retry-after": "0"}, busy
            return (503, {}, "a page of some proxy") if times == 2 else accept_all(body)

        server = self.scripted(reply)
        client = self.client(server.url)
        names = [client.record(service="crawler", cost=1) for _ in range(5)]

        self.assertTrue(client.flush(PATIENCE))

        self.assertEqual(len(server.bodies), 3)
        for body in server.bodies:
            self.assertEqual([event["id"] for event in body], names)
        self.assertEqual(client.stats(), (5, 0, 0, 0, 0))

    def test_what_was_given_up_is_not_said_to_wait(self) -> None:
        hang_up = threading.Event()
        server = self.scripted(lambda _, body: None if hang_up.wait(PATIENCE) else accept_all(body))
        client = self.client(server.url, batch_events=1)

        with self.assertLogs("outlay", "WARNING") as logged:
            client.record(service="crawler", cost=1)
            wait_until(lambda: len(server.bodies) > 0, "the event is on its way")
            client.close(0)
            hang_up.set()
            senders_end()

        self.assertEqual([record.args for record in logged.records], [(1, "they could not be sent before the end")])

    def test_a_token_that_is_not_right_loses_nothing(self) -> None:
        def reply(times: int, body: List[Any]) -> Reply:
            refused = {"status": 401, "code": "unauthorized", "detail": "the key has ended"}
            return (401, {}, refused) if times == 1 else accept_all(body)

        server = self.scripted(reply)
        client = self.client(server.url)

        with self.assertLogs("outlay", "WARNING") as logged:
            client.record(service="crawler", cost=1)
            self.assertTrue(client.flush(PATIENCE))

        self.assertEqual(len(logged.output), 1)
        self.assertIn("the key has ended", logged.output[0])
        self.assertEqual(client.stats(), (1, 0, 0, 0, 0))

    def test_a_request_that_is_too_large_is_sent_in_halves(self) -> None:
        def reply(_: int, body: List[Any]) -> Reply:
            if len(body) > 2 or any(event["service"] == "huge" for event in body):
                return 413, {}, {"status": 413, "code": "too_large", "detail": "so", "field": "body"}
            return accept_all(body)

        told: List[Refusal] = []
        server = self.scripted(reply)
        client = self.client(server.url, on_refused=told.append)
        for at in range(9):
            client.record(service="huge" if at == 4 else "small", cost=1)

        self.assertTrue(client.flush(PATIENCE))

        self.assertEqual(client.stats(), (8, 0, 1, 0, 0))
        self.assertEqual([(refusal.code, refusal.field) for refusal in told], [("too_large", "body")])
        order = [event["id"] for body in server.bodies if len(body) <= 2 for event in body]
        self.assertEqual(len(set(order)), 9)

    def test_an_event_is_what_it_was_when_it_was_recorded(self) -> None:
        server = self.scripted(lambda _, body: accept_all(body))
        client = self.client(server.url, source="shop")
        quantities: Dict[str, Union[int, Decimal]] = {"input_tokens": 1, "seconds": Decimal("1.50")}

        client.record(provider="openai", quantities=quantities, cost=Decimal("1E-7"))
        quantities["input_tokens"] = 999
        self.assertTrue(client.flush(PATIENCE))

        sent = server.bodies[0][0]
        self.assertEqual(sent["quantities"], {"input_tokens": 1, "seconds": "1.50"})
        self.assertEqual((sent["cost"], sent["source"]), ("0.0000001", "shop"))
        self.assertRegex(sent["occurred_at"], r"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$")

    def test_a_closed_client_takes_nothing_and_says_so(self) -> None:
        server = self.scripted(lambda _, body: accept_all(body))
        with self.client(server.url) as client:
            client.record(service="crawler", cost=1)

        with self.assertLogs("outlay", "WARNING"):
            self.assertIsNone(client.record(service="crawler", cost=1))
        self.assertEqual(client.stats(), (1, 0, 0, 1, 0))


if __name__ == "__main__":
    unittest.main()
