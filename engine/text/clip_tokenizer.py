"""CLIP's byte-pair tokenizer (Radford et al. 2021) on the `tokenizers` library."""

import gzip
from functools import cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

BOS = "<|startoftext|>"
EOS = "<|endoftext|>"
BOS_ID, EOS_ID = 49406, 49407

_MERGES = Path(__file__).parent / "vocabulary" / "clip_bpe_merges.txt.gz"
_END_OF_WORD = "</w>"
# 256 bytes, 256 bytes at a word's end, one token a merge, two marks.
_VOCABULARY_SIZE = 49408
_MERGE_COUNT = _VOCABULARY_SIZE - 2 * 256 - 2
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class ClipTokenizer:
    """Text to token ids, without marks and padding."""

    def __init__(self) -> None:
        merges = read_merges()
        model = models.BPE(
            vocab=build_vocabulary(merges), merges=merges, end_of_word_suffix=_END_OF_WORD, unk_token=EOS
        )
        self._tokenizer = Tokenizer(model)
        self._tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        self._tokenizer.add_special_tokens([BOS, EOS])

    def encode(self, text: str) -> list[int]:
        """The ids of all tokens of `text`."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids


@cache
def load_clip_tokenizer() -> ClipTokenizer:
    """The tokenizer: a constant of this package, read when it is first needed (0.2 s)."""
    return ClipTokenizer()


def read_merges() -> list[tuple[str, str]]:
    """The pairs that are merged, the most frequent first."""
    with gzip.open(_MERGES, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")[1 : _MERGE_COUNT + 1]  # the first line is a version
    pairs = (line.split(" ") for line in lines)
    return [(left, right) for left, right in pairs]


def build_vocabulary(merges: list[tuple[str, str]]) -> dict[str, int]:
    """The id of each token, as it follows from the merges."""
    characters = _byte_characters()
    tokens = characters + [character + _END_OF_WORD for character in characters]
    tokens += [left + right for left, right in merges] + [BOS, EOS]
    return {token: number for number, token in enumerate(tokens)}


def _byte_characters() -> list[str]:
    """The character that stands for each byte, in the vocabulary's order: printable ones first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(code) for code in printable] + [chr(256 + place) for place in range(256 - len(printable))]
