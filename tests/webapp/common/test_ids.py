from itertools import pairwise

from webapp.common.ids import new_id, parse_id


def test_ids_are_uuids_of_version_7() -> None:
    assert (new_id().version, new_id().variant) == (7, "specified in RFC 4122")


def test_ids_made_one_after_the_other_are_in_order() -> None:
    # The clock's steps are of 244 ns at most in an id; making one takes longer.
    ids = [new_id() for _ in range(2000)]
    assert all(first < second for first, second in pairwise(ids))


def test_an_id_is_read_back() -> None:
    made = new_id()
    assert parse_id(str(made)) == made


def test_nonsense_is_no_id() -> None:
    assert parse_id("../etc") is None
