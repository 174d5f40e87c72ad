"""Rates and order of what agents send; pacing of what clients get."""

import pytest

from webapp.runs.outbox import TokenBucket
from webapp.runs.pacing import Pacer
from webapp.runs.watching import CLIENT_MESSAGE, Subscribe, Watch

KEY = ("run", "3")


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_lets_a_burst_pass_then_a_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(3, 10, clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now_s = 0.1
    assert [bucket.take(), bucket.take()] == [True, False]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(2, 10, clock)
    clock.now_s = 100
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_two_frames_are_under_way_and_the_newest_waits() -> None:
    pacer = Pacer()
    sent = [pacer.offer(KEY, bytes([number])) for number in range(4)]
    assert sent == [[b"\x00"], [b"\x01"], [], []]
    assert pacer.acknowledge(2) == [b"\x03"]


def test_each_node_waits_for_itself() -> None:
    pacer = Pacer()
    for number in range(2):
        pacer.offer(KEY, bytes([number]))
    pacer.offer(("run", "4"), b"a")
    pacer.offer(("run", "5"), b"b")
    assert pacer.acknowledge(2) == [b"a", b"b"]


def test_acknowledging_too_much_makes_no_debt() -> None:
    pacer = Pacer()
    pacer.acknowledge(100)
    sent = [pacer.offer(KEY, b"%d" % number) for number in range(3)]
    assert sent == [[b"0"], [b"1"], []]


@pytest.mark.parametrize(
    ("runs", "covered"),
    [("all", (True, True)), ("mine", (True, False)), ([], (False, False))],
)
def test_a_watch_covers_what_was_asked_for(runs: object, covered: tuple[bool, bool]) -> None:
    watch = Watch("me")
    message = CLIENT_MESSAGE.validate_python({"type": "subscribe", "runs": runs})
    assert isinstance(message, Subscribe)
    watch.subscribe(message)
    assert (watch.covers("r", "me"), watch.covers("r", "you")) == covered
