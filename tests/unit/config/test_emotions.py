"""The catalogue of emotions, and what a bad row does."""

from pathlib import Path

import pytest

from config.emotions import NEUTRAL, Emotion, EmotionsError, emotions, load_emotions

GO_EMOTIONS = [
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
]


def test_there_are_more_than_fifty_and_those_of_a_friend_among_them():
    assert len(emotions()) >= 54
    assert {"teasing", "sleepy", "playful", "sarcastic", "comforting", "whispering"} <= set(emotions().names)


def test_each_is_a_point_of_its_own():
    points = {(felt.valence, felt.arousal, felt.dominance) for felt in emotions()}
    assert len(points) == len(emotions())


def test_all_of_go_emotions_are_known_by_their_names():
    assert [name for name in GO_EMOTIONS if not emotions().knows(name)] == []


def test_only_the_everyday_voice_is_the_origin():
    assert [felt for felt in emotions() if not (felt.valence or felt.arousal or felt.dominance)] == [NEUTRAL]
    assert Emotion("neutral", 0, 0, 0) == NEUTRAL


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("teasing", "teasing"),
        ("Teasingly", "teasing"),
        ("happily", "happy"),
        ("in a very teasing tone", "teasing"),
        ("sad, but hopeful", "neutral"),
        ("sad and hopeful", "sad"),
        ("SELF-SATISFIED", "smug"),
        ("self_satisfied", "smug"),
        ("गुस्सा", "angry"),
        ("laughs", "laughing"),
        ("Love Actually", "neutral"),
        ("very", "neutral"),
        ("", "neutral"),
        ("1", "neutral"),
        ("🙂", "neutral"),
    ],
)
def test_it_is_found_by_what_a_model_may_call_it(written, name):
    assert emotions().find(written).name == name


ROW = '[[emotion]]\nname = "neutral"\npoint = [0, 0, 0]\n[[emotion]]\n'


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('name = "sad"\npoint = [-2, 0, 0]', "emotion 'sad' point 0: Input should be greater"),
        ('name = "sad"\npoint = [0, nan, 0]', "emotion 'sad' point 1"),
        ('name = "sad"\npoint = [0, 1]', "emotion 'sad' point"),
        ('name = "Sad Song"\npoint = [0, 0, 1]', "emotion 'Sad Song' name"),
        ("point = [0, 0, 1]", "emotion number 2 name: Field required"),
        ('name = "sad"\npoint = [0, 0, 1]\nmood = "x"', "emotion 'sad' mood: Extra"),
        ('name = "sad"\npoint = [0, 0, 1]\naliases = ["neutral"]', "'sad' is called 'neutral'"),
        ('name = "sad"\npoint = [0, 0, 1]\ncues = ["x", "X"]', "'sad' shows by 'x'"),
        ('name = "sad"\npoint = [0, 0, 1]\ncues = [""]', "emotion 'sad' cues 0"),
        ("name = ", "emotions.toml: "),
    ],
)
def test_a_bad_row_is_refused_by_name(row: str, reason: str, tmp_path: Path):
    file = tmp_path / "emotions.toml"
    file.write_text(ROW + row, encoding="utf-8")
    with pytest.raises(EmotionsError) as refused:
        load_emotions(file)
    assert reason in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_catalogue_without_an_everyday_voice_is_refused(tmp_path: Path):
    file = tmp_path / "emotions.toml"
    file.write_text('[[emotion]]\nname = "sad"\npoint = [0, 0, 1]\n', encoding="utf-8")
    with pytest.raises(EmotionsError, match="no 'neutral'"):
        load_emotions(file)
    with pytest.raises(EmotionsError, match="No such file"):
        load_emotions(tmp_path / "none.toml")
