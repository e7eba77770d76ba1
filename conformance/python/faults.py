"""Faults that a test orders: refusals, delays, lost answers and partial batches."""

import os
import signal
from dataclasses import dataclass, field, fields
from typing import Optional


@dataclass
class Fault:
    """One ordered fault. What it does is said by the first of these that is set:

    `drop_request` closes the connection and applies nothing; `code` answers that error and applies nothing;
    `drop_reply` applies the call and closes the connection without an answer; `partial` answers that many keys of a
    BatchGetItem and names the rest as UnprocessedKeys. `delay_ms` comes before any of them, and may stand alone.
    `kill` goes with either drop: the process whose number that file holds dies at that moment, as by a power cut.
    """

    operation: str  # "PutItem", or "DynamoDB_20120810.PutItem", or "PutItem|UpdateItem", or "*"
    times: int = 1
    skip: int = 0  # calls that pass before it strikes
    table: Optional[str] = None  # only calls naming this table
    access_key: Optional[str] = None  # only calls signed by this key
    delay_ms: float = 0
    drop_request: bool = False
    code: Optional[str] = None
    message: str = "ordered by the test"
    status: int = 400
    extra: dict = field(default_factory=dict)  # more fields of the error body, such as CancellationReasons
    drop_reply: bool = False
    partial: Optional[int] = None
    kill: Optional[str] = None  # a file that holds the number of the process that makes the call

    @classmethod
    def parse(cls, order):
        """Refuses what it does not know, so that a mistyped order cannot pass as a test without faults."""
        unknown = set(order) - {known.name for known in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        if not isinstance(order.get("operation"), str):
            raise ValueError("operation is missing")
        fault = cls(**order)
        if not (fault.delay_ms or fault.drop_request or fault.code or fault.drop_reply or fault.partial is not None):
            raise ValueError("the fault does nothing")
        if fault.partial is not None and fault.operation.split(".")[-1] != "BatchGetItem":
            raise ValueError("partial is for BatchGetItem")
        if fault.kill and not (fault.drop_request or fault.drop_reply):
            raise ValueError("kill goes with drop_request or drop_reply")
        return fault

    def name(self):
        """What the record of calls says about it."""
        if self.drop_request:
            return "drop_request"
        if self.code:
            return self.code
        if self.drop_reply:
            return "drop_reply"
        return "delay" if self.partial is None else "partial"

    def strike_the_caller(self):
        if self.kill:
            with open(self.kill, encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)

    def meets(self, call):
        if not {"*", call.operation, call.target} & set(self.operation.split("|")):
            return False
        if self.access_key not in (None, call.access_key):
            return False
        return self.table is None or self.table in call.tables()


class Faults:
    """The orders that are still open, first come first served."""

    def __init__(self):
        self.open = []

    def order(self, body):
        for one in body if isinstance(body, list) else [body]:
            self.open.append(Fault.parse(one))

    def reset(self, access_key=None):
        """Forgets the orders about one access key, or all."""
        self.open = [fault for fault in self.open if access_key not in (None, fault.access_key)]

    def next_for(self, call):
        """The fault that strikes this call, if any."""
        for fault in self.open:
            if not fault.meets(call):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.open.remove(fault)
            return fault
        return None


def keep_keys(body, count):
    """A BatchGetItem request cut to its first `count` keys, and the rest in the shape of UnprocessedKeys."""
    kept, rest = {}, {}
    for table, wanted in body["RequestItems"].items():
        keys = wanted["Keys"]
        here, count = keys[:count], max(0, count - len(keys))
        if here:
            kept[table] = {**wanted, "Keys": here}
        if len(here) < len(keys):
            rest[table] = {**wanted, "Keys": keys[len(here) :]}
    return kept, rest
