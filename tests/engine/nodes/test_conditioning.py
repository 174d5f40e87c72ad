import torch

from tests.engine.nodes.studio import Studio
from tests.engine.oracles.make_checkpoint import TINY


def test_a_prompt_becomes_one_entry_of_77_tokens(studio: Studio) -> None:
    (entry,) = studio.encode("a cat").entries
    assert entry.cond.shape == (1, 77, TINY.text.width)
    assert entry.pooled is None


def test_a_long_prompt_becomes_several_chunks_in_one_entry(studio: Studio) -> None:
    (entry,) = studio.encode("word " * 100).entries
    assert entry.cond.shape == (1, 154, TINY.text.width)


def test_a_weight_changes_the_words_it_is_given_to_and_no_others(studio: Studio) -> None:
    plain, weighted = (
        studio.encode("a red cat").entries[0].cond,
        studio.encode("a (red:1.4) cat").entries[0].cond,
    )
    # The words stand at 1 to 3, after the mark of the beginning.
    assert (plain != weighted).any(dim=-1)[0].nonzero().flatten().tolist() == [2]


def test_the_empty_prompt_is_a_prompt(studio: Studio) -> None:
    assert torch.isfinite(studio.encode("").entries[0].cond).all()
