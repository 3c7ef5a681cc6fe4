"""A cache keeps what was used lately, within its bytes."""

from filterscope.engine.cache import Cache


def test_the_least_recently_used_go_first():
    cache = Cache(30, len)
    for key in "abc":
        cache[key] = key * 10
    assert cache["a"] == "aaaaaaaaaa"  # used
    cache["d"] = "d" * 10
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]
    assert (cache.nbytes, cache.newest()) == (30, "d")


def test_a_value_larger_than_all_is_kept_alone():
    cache = Cache(30, len)
    cache["a"] = "a" * 10
    cache["b"] = "b" * 100
    assert ("a" in cache, "b" in cache, cache.nbytes) == (False, True, 100)
    cache["c"] = "c"
    assert ("b" in cache, cache.nbytes) == (False, 1)


def test_a_value_that_is_replaced_or_dropped_counts_no_more():
    cache = Cache(30, len)
    cache["a"] = "a" * 10
    cache["a"] = "a" * 4
    assert (cache.nbytes, len(cache)) == (4, 1)
    cache.pop("a")
    cache.pop("a")
    assert (cache.nbytes, len(cache), cache.newest()) == (0, 0, None)
    cache["b"] = "b"
    cache.clear()
    assert (cache.nbytes, "b" in cache) == (0, False)
