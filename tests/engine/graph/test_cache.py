from dataclasses import dataclass

from engine.graph.cache import Result, ResultCache, measure
from engine.graph.events import OutputFile


@dataclass(frozen=True)
class Tensor:
    """Stands for a tensor."""

    nbytes: int


@dataclass(frozen=True)
class Value:
    samples: Tensor
    mask: Tensor | None = None


def result_of(size_bytes: int) -> Result:
    return Result((Tensor(size_bytes),))


def test_what_was_kept_is_found() -> None:
    cache, result = ResultCache(10_000), result_of(100)
    cache.keep("studio", "k", result)
    assert cache.find("studio", "k") is result


def test_what_was_not_kept_is_not_found() -> None:
    assert ResultCache(10_000).find("studio", "k") is None


def test_scopes_do_not_see_each_other() -> None:
    cache = ResultCache(10_000)
    cache.keep("studio", "k", result_of(100))
    assert cache.find("rivals", "k") is None


def test_the_least_recently_used_goes_first() -> None:
    cache = ResultCache(10_000)
    for key in ("a", "b"):
        cache.keep("studio", key, result_of(4000))
    cache.find("studio", "a")
    cache.keep("studio", "c", result_of(4000))
    assert [key for key in "abc" if cache.find("studio", key)] == ["a", "c"]


def test_the_budget_holds_over_all_scopes() -> None:
    cache = ResultCache(10_000)
    for scope in map(str, range(20)):
        cache.keep(scope, "k", result_of(3000))
    assert cache.size_bytes <= 10_000


def test_a_result_larger_than_the_budget_is_not_kept_and_pushes_nothing_out() -> None:
    cache = ResultCache(10_000)
    cache.keep("studio", "small", result_of(100))
    cache.keep("studio", "huge", result_of(20_000))
    assert cache.find("studio", "huge") is None
    assert cache.find("studio", "small") is not None


def test_keeping_a_key_again_counts_it_once() -> None:
    cache = ResultCache(10_000)
    cache.keep("studio", "k", result_of(3000))
    once = cache.size_bytes
    cache.keep("studio", "k", result_of(3000))
    assert cache.size_bytes == once


def test_tensors_are_measured_inside_values() -> None:
    assert 1500 <= measure((Value(Tensor(1000), Tensor(500)),)) < 2500


def test_files_are_measured() -> None:
    file = OutputFile("output", "image", "p", ".png", "image/png", b"x" * 5000)
    assert measure(Result((), (file,))) >= 5000


def test_a_deep_value_is_measured_without_recursion() -> None:
    value: object = Tensor(7)
    for _ in range(100_000):
        value = (value,)
    assert measure(value) > 7
