"""What is felt in a sentence that nobody named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.emotions import emotions
from workers.language.emotion_guess import guess

# As she answers; several names where more than one is right.
FELT = [
    ("Hahahaha stop it yaar!", "laughing"),
    ("Hehehe, you and your jokes, I'm laughing!", "laughing"),
    ("Arre, that is so funny.", "amused"),
    ("I missed you today, where have you been?", "affectionate"),
    ("Aww, come here.", "affectionate"),
    ("Oh no, I'm sorry to hear that.", "sympathetic"),
    ("It's okay, I'm right here.", "comforting"),
    ("Koi baat nahi yaar, main hoon na.", "comforting"),
    ("Thank you so much, yaar.", "grateful"),
    ("I'm sorry, my bad.", "apologetic"),
    ("Wow, that is amazing!!", "excited"),
    ("I can't wait for Friday!", "excited"),
    ("No way, are you serious?", "surprised"),
    ("Ugh, kya yaar, again?", "annoyed"),
    ("I'm so proud of you!", "proud"),
    ("You can do it, don't give up.", "encouraging"),
    ("Good night, sleep well.", "sleepy"),
    ("Neend aa rahi hai mujhe.", "sleepy"),
    ("I'm so bored here.", "bored"),
    ("Hurry up, jaldi karo!", "impatient"),
    ("Shh, it's a secret.", "whispering"),
    ("Oho, look who is here!", "teasing"),
    ("I told you so, didn't I?", "smug"),
    ("Are you okay? I'm worried.", "worried"),
    ("Mujhe bahut dar lag raha hai.", "fearful"),
    ("यार, बहुत दुख हुआ सुनकर।", "sad"),
    ("अरे वाह, सच में?", "surprised"),
    ("मुझे तुम्हारी याद आ रही थी।", "affectionate"),
    ("Done for today 😴", "sleepy"),
    ("What a day 😂😂", "laughing"),
    ("Tell me more, phir kya hua?", "curious"),
    ("Hey, kaise ho?", "cheerful"),
    ("Remember when we got lost in Goa?", "nostalgic"),
    ("Yuck, so gross.", "disgusted"),
    ("Sab theek ho jayega.", "hopeful"),
]

PLAIN = [
    "The bus is at nine.",
    "Okay.",
    "I am Priya.",
    "You should come over on Friday.",
    "It rained in Pune all day.",
    "Main ghar par hoon abhi.",
    "Do you want tea or coffee?",
    "I'm not happy with the colour.",
    "Are you sad?",
    "She said she doesn't love that film.",
    "मैं अभी बाज़ार जा रही हूँ।",
    "It costs 500 rupees!",
    "",
    "...",
    "1234",
]


@pytest.mark.parametrize(("text", "emotion"), FELT)
def test_what_is_plainly_felt_is_guessed(text, emotion):
    assert guess(text) == emotion


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_said_in_an_everyday_voice_stays_so(text):
    assert guess(text) == ""


def test_capitals_and_typographic_marks_make_no_difference():
    assert guess("I’M SO PROUD OF YOU") == guess("i'm so proud of you") == "proud"


def test_drawn_out_words_are_known():
    assert guess("Sooo funny, hahahahaaa") in {"amused", "laughing"}
    assert guess("yayyyyyy") == "excited"


@given(st.text(max_size=300))
def test_any_text_gives_a_known_emotion_or_none(text):
    assert guess(text) in {"", *emotions().names} - {"neutral"}
