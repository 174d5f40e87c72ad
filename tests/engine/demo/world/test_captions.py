"""Captions tell what scenes hold, and nothing else."""

import re

import numpy as np

from engine.demo.world.captions import AFTER_STYLE, BEFORE_STYLE, NAMES, RELATION_WORDS, SIZE_WORDS, caption
from engine.demo.world.scene import Scene, sample_scene
from engine.text.chunks import CHUNK_LENGTH
from engine.text.clip_tokenizer import load_clip_tokenizer


def pairs(count: int = 500) -> list[tuple[Scene, str]]:
    rng = np.random.default_rng(9)
    scenes = [sample_scene(rng) for _ in range(count)]
    return [(scene, caption(scene, rng)) for scene in scenes]


def test_every_thing_is_named_with_its_colour() -> None:
    for scene, text in pairs():
        for thing in scene.things:
            names = NAMES.get(thing.shape, (thing.shape,))
            sizes = "|".join(word for words in SIZE_WORDS.values() for word in words)
            forms = [
                rf"({thing.colour} {name}|(a|an) (({sizes}) )?{name} that is {thing.colour})"
                for name in names
            ]
            assert any(re.search(form, text) for form in forms), text


def test_articles_fit_the_word_after_them() -> None:
    for _, text in pairs():
        assert not re.search(r"\ba [aeiou]", text), text
        assert not re.search(r"\ban [^aeiou]", text), text


def test_relations_are_told_in_their_words_in_the_order_of_the_things() -> None:
    for scene, text in pairs():
        if len(scene.things) != 2:
            continue
        first, second = (text.index(thing.colour) for thing in scene.things)
        if scene.things[0].colour != scene.things[1].colour:
            assert first < second
        assert any(f" {words} " in text for words in RELATION_WORDS[scene.relation])


def test_a_style_other_than_flat_is_always_named() -> None:
    for scene, text in pairs():
        words = [
            form.replace("{}", "").strip(" ,")
            for form in (*BEFORE_STYLE[scene.style], *AFTER_STYLE[scene.style])
        ]
        assert scene.style == "flat" or any(word.removesuffix(" of") in text for word in words), text


def test_a_scene_has_many_wordings_all_within_one_chunk() -> None:
    rng = np.random.default_rng(1)
    scene = sample_scene(rng, things=2, related=True)
    texts = {caption(scene, rng) for _ in range(200)}
    assert len(texts) > 40
    tokenizer = load_clip_tokenizer()
    assert all(len(tokenizer.encode(text)) <= CHUNK_LENGTH - 2 for _, text in pairs(200))
