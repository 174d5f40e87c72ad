import json
from pathlib import Path
from typing import Any

import pytest
from transformers import CLIPTokenizerFast

from engine.text import clip_tokenizer
from engine.text.clip_tokenizer import ClipTokenizer, load_clip_tokenizer

AWKWARD = [
    "a photo of a cat",
    "It's we'll they'd I'm you've can't DON'T",
    "1024x768, f/1.8 -- 35mm @ ISO200 #nofilter",
    "naïve café Ångström — “quotes” … §",
    "日本語 русский العربية ไทย 한국어",
    "👩‍🚀🏳️‍🌈 emoji",
    "  tabs\tand\n\nnew lines  ",
    "<|startoftext|>marks<|endoftext|>",
    "a_b-c.d/e\\f",
    "ＦＵＬＬ ｗｉｄｔｈ",
    "İstanbul ß ﬁ",
    "",
]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """transformers' tokenizer over the same merges."""
    folder = tmp_path_factory.mktemp("clip")
    merges = clip_tokenizer.read_merges()
    (folder / "vocab.json").write_text(json.dumps(clip_tokenizer.build_vocabulary(merges)))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))


@pytest.mark.parametrize("text", AWKWARD)
def test_its_ids_are_those_of_transformers(reference: Any, text: str) -> None:
    assert ClipTokenizer().encode(text) == reference(text, add_special_tokens=False).input_ids


def test_the_vocabulary_has_the_size_that_clip_was_trained_with() -> None:
    vocabulary = clip_tokenizer.build_vocabulary(clip_tokenizer.read_merges())
    assert len(vocabulary) == 49_408
    assert (vocabulary[clip_tokenizer.BOS], vocabulary[clip_tokenizer.EOS]) == (49_406, 49_407)


def test_it_is_read_once() -> None:
    assert load_clip_tokenizer() is load_clip_tokenizer()


def test_the_vocabulary_comes_with_its_licence() -> None:
    notice = Path(clip_tokenizer.__file__).parent / "vocabulary" / "NOTICE"
    assert "Permission is hereby granted, free of charge" in notice.read_text()
