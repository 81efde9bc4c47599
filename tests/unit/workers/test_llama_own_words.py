"""Her answers in the tokens that wrote them, and a history that is shortened without being read again."""

from pathlib import Path

import pytest

from tests.fakes.chat_models import text_of
from workers.engines import ChatMessage, Conversation
from workers.language.llama import LlamaChat
from workers.language.native import NativeModel
from workers.language.own_words import OwnWords

SYSTEM = ChatMessage("system", "You are Priya, a warm, funny friend from Pune. You love old songs and ginger tea.")


@pytest.fixture(scope="module")
def weights(models_folder: Path) -> NativeModel:
    return NativeModel(next((models_folder / "smollm2-135m").glob("*.gguf")))


@pytest.fixture
def own_words(weights) -> OwnWords:
    return OwnWords(weights)


def letter_by_letter(weights: NativeModel, text: str) -> list[int]:
    """Tokens of ``text`` that no tokenizer would choose."""
    return [token for letter in text for token in weights.tokenize(letter)]


def text_of_tokens(weights: NativeModel, tokens: list[int]) -> str:
    return b"".join(weights.piece(token) for token in tokens).decode()


def test_an_answer_comes_back_in_its_own_tokens(weights, own_words):
    tokens = letter_by_letter(weights, "Come home soon.")
    own_words.remember("one", tokens)
    assert own_words.tokens_of("one", "Come home soon.") == tokens
    assert own_words.tokens_of("two", "Come home soon.") is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Haan,  yaar.\n\nChalo!", "Haan, yaar. Chalo!"),
        (" Come home.", "Come home."),
        ("Chai? Chai!", "Chai?"),
        ("Arre, it rains.", "Arre, it"),
    ],
)
def test_white_space_and_what_was_not_heard_do_not_matter(weights, own_words, written, kept):
    tokens = letter_by_letter(weights, written)
    own_words.remember("one", tokens)
    own = own_words.tokens_of("one", kept)
    assert own == tokens[: len(own or [])]
    assert "".join(text_of_tokens(weights, own).split()) == "".join(kept.split())


@pytest.mark.parametrize("answer", ["Come home, my dear Asha.", "Come home 🎧🎧", "Come homes"])
def test_the_text_is_whole_where_the_tokens_end_early(weights, own_words, answer):
    own_words.remember("one", letter_by_letter(weights, "Come home"))
    own = own_words.tokens_of("one", answer)
    assert text_of_tokens(weights, own) == answer


def test_no_character_is_split(weights, own_words):
    own_words.remember("one", weights.tokenize("नमस्ते 🎧"))
    for kept in ("नमस्", "नमस्ते", "नमस्ते 🎶"):
        own = own_words.tokens_of("one", kept)
        assert own is None or text_of_tokens(weights, own) == kept


def test_the_longest_of_several_beginnings_is_taken(weights, own_words):
    longer = letter_by_letter(weights, "Haan haan, of course!")
    own_words.remember("one", longer)
    own_words.remember("one", letter_by_letter(weights, "Haan!"))
    assert own_words.tokens_of("one", "Haan haan, of course!") == longer


def read_by(chat: LlamaChat, conversation: Conversation) -> tuple[int, str]:
    before = chat.prompt_tokens_read
    answer = text_of(chat.reply(conversation))
    return chat.prompt_tokens_read - before, answer


def turn(said: list[ChatMessage], seed: int) -> Conversation:
    return Conversation("one", (SYSTEM, *said), max_tokens=40, temperature=1.3, seed=seed)


def test_nothing_of_an_answer_is_read_again(weights):
    chat = LlamaChat(weights, 2048)
    said: list[ChatMessage] = []
    read = []
    for seed in range(8):
        said.append(ChatMessage("user", "And then?"))
        count, answer = read_by(chat, turn(said, seed))
        read.append(count)
        said.append(ChatMessage("assistant", " ".join(answer.split()) or "Hm."))
    # The question, the template around it, and the last token of the answer, which was never decoded.
    assert max(read[1:]) <= 16, read


def test_dropping_old_turns_reads_only_what_is_new(weights):
    chat = LlamaChat(weights, 2048)
    said: list[ChatMessage] = []
    for seed in range(8):
        said.append(ChatMessage("user", f"Tell me something about mango number {seed}."))
        _, answer = read_by(chat, turn(said, seed))
        said.append(ChatMessage("assistant", answer.strip() or "Hm."))
    kept = [*said[8:], ChatMessage("user", "What was it about?")]
    count, answer = read_by(chat, turn(kept, 1))
    assert count <= 20
    assert answer.strip()


def test_a_gap_is_not_closed_under_a_conversation_that_shares_it(weights):
    chat = LlamaChat(weights, 2048)
    said: list[ChatMessage] = []
    for seed in range(6):
        said.append(ChatMessage("user", f"Tell me something about mango number {seed}."))
        _, answer = read_by(chat, turn(said, seed))
        said.append(ChatMessage("assistant", answer.strip() or "Hm."))
    ask = ChatMessage("user", "What was it about?")
    shared = Conversation("other", (SYSTEM, *said, ask), max_tokens=12, temperature=0)
    before = text_of(chat.reply(shared))
    read_by(chat, turn([*said[6:], ask], 1))
    assert text_of(chat.reply(shared)) == before


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("[teasing] Come home, my dear. [sad] It rains.", "Come home, my dear. It rains."),
        ("Come home. [very excited] It rains.", "Come home. It rains."),
        ("[teasing] Come [1] home.", "Come [1] home."),
    ],
)
def test_the_tags_that_she_hid_in_an_answer_come_back_with_its_tokens(weights, own_words, written, kept):
    tokens = letter_by_letter(weights, written)
    own_words.remember("one", tokens)
    assert own_words.tokens_of("one", kept) == tokens


def test_a_bracket_that_is_no_tag_is_not_taken_for_one(weights, own_words):
    own_words.remember("one", letter_by_letter(weights, "Come home [1] today."))
    own = own_words.tokens_of("one", "Come home today.")
    assert text_of_tokens(weights, own).split() == ["Come", "home", "today."]
