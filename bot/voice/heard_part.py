"""How much of an answer was heard, in words, from how much of its sound was sent. Pure."""

from collections.abc import Mapping


def heard_part(sentences: Mapping[int, str], whole_ms: Mapping[int, int], sent_ms: Mapping[int, int]) -> str:
    """The sentences that were said, and of the one that was cut short the words that were.

    By index: what is said, how long its sound is, how much of that was sent. What has no sound was not heard.
    """
    parts = [
        _beginning(sentences[index], sent_ms.get(index, 0) / whole_ms[index])
        for index in sorted(sentences)
        if whole_ms.get(index, 0) > 0
    ]
    return " ".join(part for part in parts if part)


def _beginning(sentence: str, share: float) -> str:
    """The words that fit into this share of the sentence: speech is about as fast in every part of it."""
    if share >= 1:
        return sentence.strip()
    words: list[str] = []
    length = 0
    for word in sentence.split():
        length += len(word) + (1 if words else 0)
        if length > share * len(sentence):
            break
        words.append(word)
    return " ".join(words)
