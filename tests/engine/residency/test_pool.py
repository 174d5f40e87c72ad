import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import OutOfMemory
from engine.residency.handle import Handle
from engine.residency.pool import MAX_NOTES, Pool
from tests.engine.residency.fake_card import FakeCard, handle

A, B, C = handle("a", 40), handle("b", 40), handle("c", 40)


@pytest.fixture
def fake_card() -> FakeCard:
    return FakeCard()


def touch(pool: Pool, *handles: Handle) -> None:
    for each in handles:
        with pool.lease(each):
            pass


def test_a_module_is_loaded_once_and_kept(fake_card: FakeCard) -> None:
    pool = fake_card.pool(100)
    touch(pool, A, A, B, A)
    assert fake_card.loaded == ["a", "b"]
    assert pool.used_bytes == 80


def test_the_least_recently_used_makes_room(fake_card: FakeCard) -> None:
    pool = fake_card.pool(100)
    touch(pool, A, B, A, C)
    assert pool.resident == (A, C)


def test_only_as_many_go_as_must(fake_card: FakeCard) -> None:
    pool = fake_card.pool(120)
    touch(pool, A, B, C, handle("small", 8))
    assert pool.resident == (B, C, handle("small", 8))


def test_what_is_leased_stays_even_if_it_is_the_oldest(fake_card: FakeCard) -> None:
    pool = fake_card.pool(100)
    with pool.lease(A):
        touch(pool, B, C)
        assert pool.resident == (A, C)


def test_what_does_not_fit_beside_leased_modules_is_refused_with_names_and_bytes(fake_card: FakeCard) -> None:
    pool = fake_card.pool(100)
    with (
        pool.lease(A),
        pool.lease(B),
        pytest.raises(OutOfMemory, match=r"unet of c\.safetensors needs 40 bytes.*80"),
    ):
        touch(pool, C)
    assert fake_card.loaded == ["a", "b"]


def test_what_is_larger_than_the_budget_is_refused(fake_card: FakeCard) -> None:
    with pytest.raises(OutOfMemory, match=r"needs 400 bytes; on cpu 0 of 100 bytes"):
        touch(fake_card.pool(100), handle("huge", 400))


def test_a_lease_ends_when_its_block_fails(fake_card: FakeCard) -> None:
    pool = fake_card.pool(100)
    with pytest.raises(ValueError, match="broken step"), pool.lease(A):
        raise ValueError("broken step")
    touch(pool, B, C)
    assert A not in pool.resident


def test_two_leases_of_one_module_share_it(fake_card: FakeCard) -> None:
    pool = fake_card.pool(100)
    with pool.lease(A) as first, pool.lease(A) as second:
        assert first is second
    assert fake_card.loaded == ["a"]


def test_a_card_that_is_fuller_than_thought_is_emptied_and_tried_again() -> None:
    card = FakeCard()
    pool = card.pool(1000)
    touch(pool, A, B)
    card.fails = 1
    touch(pool, C)
    assert pool.resident == (C,)


def test_a_card_that_stays_full_is_an_error_that_names_the_module() -> None:
    with pytest.raises(OutOfMemory, match=r"unet of a\.safetensors needs 40 bytes; cpu has no such room"):
        touch(FakeCard(fails=2).pool(1000), A)


def test_a_failed_load_leaves_nothing_behind() -> None:
    card = FakeCard(fails=2)
    pool = card.pool(100)
    with pytest.raises(OutOfMemory):
        touch(pool, A)
    touch(pool, A)
    assert pool.used_bytes == 40


def test_threads_that_want_the_same_module_load_it_once(fake_card: FakeCard) -> None:
    pool, gate = fake_card.pool(100), threading.Barrier(8)

    def work(_: int) -> None:
        gate.wait()
        touch(pool, A)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert fake_card.loaded == ["a"]


def test_threads_never_see_the_budget_broken(fake_card: FakeCard) -> None:
    pool = fake_card.pool(100)

    def work(number: int) -> int:
        with pool.lease((A, B, C)[number % 3]):
            return pool.used_bytes

    with ThreadPoolExecutor(2) as threads:
        assert max(threads.map(work, range(300))) <= 100


def test_a_note_is_computed_once_and_outlives_the_module(fake_card: FakeCard) -> None:
    pool = fake_card.pool(40)
    computed: list[int] = []

    def compute() -> int:
        computed.append(1)
        return 7

    assert pool.note(A, "lucky", compute) == 7
    touch(pool, A, B)
    assert pool.note(A, "lucky", compute) == 7
    assert computed == [1]


def test_notes_are_bounded(fake_card: FakeCard) -> None:
    pool = fake_card.pool(40)
    numbers = range(MAX_NOTES + 1)
    assert [pool.note(A, str(number), lambda number=number: number) for number in numbers] == list(numbers)
    assert pool.note(A, "0", lambda: "computed again") == "computed again"
