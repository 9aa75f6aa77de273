"""One seed: traffic in both directions, faults between, then everything is let go and the ledger must balance."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable

import gevent

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.box_wire import Sms
from tests.fakes.smpp_wire import Message, Pdu
from tests.faults.customer import Customer
from tests.faults.lane import ACCOUNTS, PASSWORD, Lane
from tests.faults.ledger import TEMPORARY, Inbound, Ledger, Submit

DRAIN = 90.0
"""Seconds within which everything must have arrived once it is let go."""
RSYSERR = 0x08
_KEY = re.compile(rb"(s\d+[mi]\d+)\.")
_MISBEHAVIOURS = (
    "box nacks", "box never", "box late", "esme temporary", "esme permanent", "esme never", "esme late",
)  # fmt: skip


class Scenario:
    """The scenario of a seed; each decision about one message depends on nothing but the seed and the message."""

    def __init__(self, lane: Lane, seed: int) -> None:
        self.lane = lane
        self.seed = seed
        self.ledger = Ledger()
        self._random = random.Random(seed)
        share = self._random.choice((0.0, 0.3, 0.5))
        self.habits = {habit for habit in _MISBEHAVIOURS if self._random.random() < share}
        self.faults = self._choose_faults()
        self._calm = False
        self._times: Counter[str] = Counter()
        self._of_sequence: dict[tuple[int, int], Submit] = {}
        self._of_id: dict[bytes, Inbound] = {}
        self._reported: set[str] = set()
        self._number = 0
        self._late_answers = 0
        self._customers = [
            Customer(lane.daemon.smpp_port, system_id, PASSWORD, self._judge_deliver)
            for system_id in ("faulta", "faulta", "faultb")
        ]
        for customer in self._customers:
            customer.answered = self._answered
            customer.taken = self._taken
        lane.box.decide = self._judge_mt
        lane.box.acked = self._acked
        lane.box.verdict_given = self._verdict_given
        lane.box.cuts = 0

    def __str__(self) -> str:
        return f"seed {self.seed}: habits {sorted(self.habits)}, faults {self.faults}"

    def run(self) -> list[str]:
        """Everything that doesn't add up."""
        self._note_excuses()
        for customer in self._customers:
            customer.start()
        self._everybody_there()
        self._forget_refusals()
        duration = self._random.uniform(0.6, 1.6)
        traffic = [gevent.spawn(self._submit_for, customer, duration) for customer in self._customers]
        traffic.append(gevent.spawn(self._receive_for, duration))
        faults = [gevent.spawn_later(when, self._happen, fault) for when, fault in self.faults]
        gevent.joinall(traffic + faults, raise_error=True)
        self._calm = True
        left = self._drain()
        live = {customer.session for customer in self._customers}
        found = left + self.ledger.balance(live) + self.lane.box.problems
        for customer in self._customers:
            excused = self.ledger.excuses & {
                "database",
                "stop",
            }  # a bind that waits while the server stops, too
            if set(customer.refused_binds) - ({RSYSERR} if excused else set()):
                found.append(f"binds refused: {customer.refused_binds}")
            customer.stop()
        self.lane.box.problems = []
        return found

    # -- schedule ----------------------------------------------------------------------------------------------

    def _choose_faults(self) -> list[tuple[float, str]]:
        menu = ["kill", "kill", "term", "freeze", "box cut", "box cut", "box away", "box denies", "box freeze",
                "esme cut", "esme cut", "esme away", "esme deaf", "database freeze", "database freeze"]  # fmt: skip
        if self.lane.server is not None:
            menu += ["database restart", "database kill", "database connections", "database connections"]
        count = self._random.choice((0, 1, 1, 2, 2, 3))
        return sorted((self._random.uniform(0.05, 1.2), self._random.choice(menu)) for _ in range(count))

    def _note_excuses(self) -> None:
        excuses = {
            "kill": {"kill"},
            "term": {"stop"},
            "freeze": {"box late", "esme late"},
            "box cut": {"box cut"},
            "box away": {"box cut"},
            "box denies": {"box cut"},
            "box freeze": {"box late"},
            "esme cut": {"esme cut"},
            "esme away": {"esme cut"},
            "esme deaf": {"esme late"},
        }
        for _, fault in self.faults:
            self.ledger.excuses |= excuses.get(fault, {"database"})
        for habit in self.habits:
            if habit in ("box never", "box late"):
                self.ledger.excuses.add("box late")
            elif habit in ("esme never", "esme late"):
                self.ledger.excuses |= {"esme late", "esme cut"}  # its bind is closed for it

    def _happen(self, fault: str) -> None:
        lane, rng = self.lane, random.Random(f"{self.seed} {fault}")
        customer = rng.choice(self._customers)
        long = 6.5 if rng.random() < 0.07 else rng.uniform(0.1, 2.0)
        deeds: dict[str, Callable[[], None]] = {
            "kill": lambda: lane.kill(rng.uniform(0, 0.3)),
            "term": lane.terminate,
            "freeze": lambda: lane.freeze(rng.uniform(0.1, 1.8)),
            "box cut": lane.box.cut,
            "box away": lambda: lane.box.away(long),
            "box denies": lambda: lane.box.deny(min(long, 3)),
            "box freeze": lambda: lane.box.freeze(rng.uniform(0.2, 2.5)),
            "esme cut": customer.cut,
            "esme away": lambda: customer.away(min(long, 2)),
            "esme deaf": lambda: customer.deafen(rng.uniform(0.2, 2.0)),
            "database freeze": lambda: lane.freeze_database(long),
            "database restart": lambda: lane.restart_database(crash=False),
            "database kill": lambda: lane.restart_database(crash=True),
            "database connections": lane.kill_connections,
        }
        with lane.one_at_a_time(fault):
            deeds[fault]()

    def _everybody_there(self) -> None:
        for customer in self._customers:
            if not customer.bound.wait(60):
                raise AssertionError(f"{self}: not bound within 60 s: {customer.refused_binds}")
        deadline = time.monotonic() + 60
        while self.lane.box.connection is None and time.monotonic() < deadline:
            gevent.sleep(0.02)

    def _forget_refusals(self) -> None:
        """The database may have come back from the last scenario's faults only now: 0x08, for a second, is right."""
        for customer in self._customers:
            customer.refused_binds = [status for status in customer.refused_binds if status != RSYSERR]

    # -- traffic -----------------------------------------------------------------------------------------------

    def _next(self, direction: str) -> str:
        self._number += 1
        return f"s{self.seed}{direction}{self._number}"

    def _submit_for(self, customer: Customer, duration: float) -> None:
        end = time.monotonic() + duration
        rng = random.Random(f"{self.seed} {customer}")
        gap = self._random.choice((0.004, 0.02, 0.05))
        while time.monotonic() < end:
            key = self._next("m")
            text = f"{key}.".encode()
            body = wire.pack_message(
                Message(
                    source_addr=b"100",
                    destination_addr=b"491701234567",
                    registered_delivery=1,
                    short_message=text,
                )
            )
            session = customer.session
            submit = Submit(key, session)
            number = customer.send(wire.SUBMIT_SM, body)
            if number:
                submit.sequence_number = number
                self._of_sequence[session, number] = self.ledger.submits[key] = submit
            gevent.sleep(rng.expovariate(1 / gap))

    def _receive_for(self, duration: float) -> None:
        end = time.monotonic() + duration
        gap = self._random.choice((0.004, 0.02, 0.05))
        while time.monotonic() < end:
            key = self._next("i")
            long = self._random.random() < 0.05
            text = f"{key}.".encode() * (40 if long else 1)
            inbound = Inbound(key, parts=0 if long else 1)
            self._expect(inbound, Sms(
                sender=b"491701234567", receiver=self._random.choice(list(ACCOUNTS.values())).encode(),
                msgdata=text, time=int(time.time()), smsc_id=b"FAKE", sms_type=box_wire.MO, coding=0,
            ))  # fmt: skip
            gevent.sleep(self._random.expovariate(1 / gap))

    def _expect(self, inbound: Inbound, sms: Sms) -> None:
        self.ledger.inbound[inbound.key] = inbound
        self._of_id[sms.id] = inbound
        self.lane.box.send(sms)

    # -- the bearerbox's side ----------------------------------------------------------------------------------

    def _judge_mt(self, sms: Sms) -> tuple[int | None, float]:
        submit = self._submit_of(sms)
        if submit is None or self._calm:
            return 0, 0.0
        rng = random.Random(f"{submit.key} {self._times[submit.key]}")
        self._times[submit.key] += 1
        nack: int | None = 0
        if "box nacks" in self.habits:
            nack = rng.choices((0, 1, 2, 3), (70, 8, 12, 10))[0]
        if "box never" in self.habits and rng.random() < 0.03:
            nack = None
        delay = rng.uniform(0.05, 2.5) if "box late" in self.habits and rng.random() < 0.1 else 0.0
        if nack is None:
            submit.verdicts.append(None)
        return nack, delay

    def _submit_of(self, sms: Sms) -> Submit | None:
        match = _KEY.search(sms.msgdata or b"")
        return self.ledger.submits.get(match[1].decode()) if match else None

    def _verdict_given(self, sms: Sms, nack: int) -> None:
        submit = self._submit_of(sms)
        if submit is None:
            return
        submit.verdicts.append(nack)
        message_id = sms.id.decode()
        if nack == 2 or message_id in self._reported or random.Random(message_id).random() < 0.3:
            return
        self._reported.add(message_id)
        report = Sms(
            sender=sms.sender, receiver=sms.receiver, msgdata=b"" if nack != 1 else b"NACK/no SMSC",
            time=int(time.time()), smsc_id=b"FAKE", foreign_id=sms.id, service=sms.service,
            sms_type=box_wire.REPORT_MO, dlr_mask=16 if nack == 1 else 1, dlr_url=sms.dlr_url,
            boxc_id=sms.boxc_id,
        )  # fmt: skip
        if nack == 1:  # another report of the bearerbox may be dropped or delivered: both are right here
            gevent.spawn_later(0.01, self.lane.box.send, report)
        else:
            gevent.spawn_later(
                random.Random(message_id).uniform(0, 0.2),
                self._expect,
                Inbound(f"report on {message_id}"),
                report,
            )

    def _acked(self, sms: Sms, nack: int) -> None:
        inbound = self._of_id.get(sms.id)
        if inbound is not None:
            inbound.acks.append(nack)

    # -- the ESMEs' side ---------------------------------------------------------------------------------------

    def _answered(self, session: int, sequence_number: int, pdu: Pdu) -> None:
        submit = self._of_sequence.get((session, sequence_number))
        if submit is None:
            self.ledger.problems.append(f"answer {pdu.command_id:#x} to {sequence_number}, without a request")
            return
        submit.answers.append(pdu.command_status)
        submit.message_id = pdu.text.decode()

    def _inbound_of(self, message: Message) -> tuple[Inbound | None, int]:
        """The message that this is a part of, and which part."""
        if message.is_receipt:
            return self.ledger.inbound.get(f"report on {message.receipt.get('id', '')}"), 1
        match = _KEY.search(message.short_message)
        inbound = self.ledger.inbound.get(match[1].decode()) if match else None
        if inbound is None or not message.esm_class & 0x40:
            return inbound, 1
        inbound.parts = message.short_message[4]
        return inbound, message.short_message[5]

    def _judge_deliver(self, message: Message) -> tuple[int | None, float]:
        inbound, part = self._inbound_of(message)
        if inbound is None or self._calm:
            return 0, 0.0
        attempt = f"{inbound.key} {part}"
        rng = random.Random(f"{attempt} {self._times[attempt]}")
        self._times[attempt] += 1
        status: int | None = 0
        if "esme temporary" in self.habits and rng.random() < 0.15:
            status = rng.choice((*TEMPORARY, 0x400))
        if "esme permanent" in self.habits and rng.random() < 0.05:
            status = 0x0B
        if "esme never" in self.habits and rng.random() < 0.02:
            status = None
        delay = rng.uniform(0.05, 2.0) if "esme late" in self.habits and rng.random() < 0.05 else 0.0
        return status, delay

    def _taken(self, message: Message, status: int) -> None:
        inbound, part = self._inbound_of(message)
        if inbound is not None:
            if status == 0:
                inbound.accepted[part] += 1
            elif status not in TEMPORARY and not 0x400 <= status <= 0x4FF:
                inbound.refused[part] += 1
        if message.is_receipt and message.receipt.get("stat") != "DELIVRD" and status in (0, 0x0B):
            self.ledger.failure_reports[message.receipt.get("id", "")] += 1

    # -- the end -----------------------------------------------------------------------------------------------

    def _drain(self) -> list[str]:
        """Wait until nothing is under way; what is after DRAIN seconds."""
        deadline = time.monotonic() + DRAIN
        self._everybody_there()
        quiet_since = 0.0
        while True:
            open_ends = self._open_ends()
            now = time.monotonic()
            if open_ends:
                quiet_since = 0.0
            elif not quiet_since:
                quiet_since = now
            elif now - quiet_since > 0.25:  # reports may still be on their way to the box
                return []
            if now > deadline:
                return [f"not drained within {DRAIN:g} s: {open_ends}\n{self.lane.greenlets()[-20000:]}"]
            gevent.sleep(0.05)

    def _open_ends(self) -> str:
        live = {customer.session for customer in self._customers}
        waiting = [s.key for s in self.ledger.submits.values() if s.session in live and not s.answers]
        if waiting:
            return f"{len(waiting)} submits, {waiting[:5]}"
        if self.lane.box.busy:
            box = self.lane.box
            held = list(box.connection.unacked.values()) if box.connection else []
            return f"bearerbox: {len(box.queue)} queued, unacked {[s.msgdata for s in held][:5]}"
        rows = self.lane.stored()
        return f"{rows} rows" if rows else ""
