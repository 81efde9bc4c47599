"""Situations of who starts when, who wins and who is stopped."""

from tests.fakes.chat_models import Pause
from tests.fakes.providers import Pause as Wait
from tests.fakes.providers import Reset, Silence, breaks_off, fails, goes_on, never_answers, says
from tests.fakes.providers.script import Answer
from tests.integration.failover_room import ANSWER, Engine, Peer
from tests.integration.failover_situation import Situation
from workers.errors import EngineBusy, EngineMisconfigured, EngineUnavailable
from workers.failover.ledger import Record

SOON = 0.2
"""Seconds: the expected time of those who are to be overtaken."""
A_SECOND = 1.0
"""The same for those who are not to be so late, on a busy machine, that they count as hanging."""
DOWN = EngineUnavailable("own", "its model broke")
HALF = "My day was long and"
RESET = (Wait(10), Reset())
"""What is reset is lost, even if it had arrived: so the words get time to be read."""
SENTENCE = "My day was long and good."

OWN_ENGINES = (
    Situation(
        name="a healthy engine of one's own answers and no provider is asked",
        engines={"own": Engine(script=(ANSWER,))},
        peers={"first": Peer()},
        by=("own",),
        asked={"first": 0},
        counted=(("began", "own"), ("succeeded", "own")),
    ),
    Situation(
        name="one's own engine is down",
        engines={"own": Engine(script=(DOWN,))},
        peers={"first": Peer()},
        by=("first",),
        asked={"first": 1},
        errors={"own": EngineUnavailable},
        counted=(("succeeded", "first"),),
    ),
    Situation(
        name="one's own engine is misconfigured",
        engines={"own": Engine(script=(EngineMisconfigured("own", "no model"),))},
        peers={"first": Peer()},
        by=("first",),
        errors={"own": EngineMisconfigured},
    ),
    Situation(
        name="one's own engine has no free lane",
        engines={"own": Engine(script=(EngineBusy("own", "full"),))},
        peers={"first": Peer()},
        by=("first",),
        errors={"own": EngineBusy},
    ),
    Situation(
        name="one's own engine says nothing at all",
        engines={"own": Engine(script=())},
        peers={"first": Peer()},
        by=("first",),
    ),
    Situation(
        name="one's own engine is slow and a provider overtakes it",
        engines={"own": Engine(script=(Pause(), ANSWER), patience_seconds=SOON)},
        peers={"first": Peer()},
        by=("first",),
        not_before_seconds={"first": SOON},
        earliest_seconds=SOON,
        not_counted=(("failed", "own"), ("succeeded", "own")),
    ),
    Situation(
        name="one's own engine dies in the middle and a provider goes on",
        engines={"own": Engine(script=(HALF, DOWN))},
        peers={"first": Peer(script=goes_on(ANSWER))},
        by=("own", "first"),
        asked={"first": 1},
        errors={"own": EngineUnavailable},
        counted=(("succeeded", "first"),),
    ),
    Situation(
        name="who repeats what was said and falls silent has not won, and the next one is asked",
        engines={"own": Engine(script=(HALF, DOWN))},
        peers={
            "first": Peer(script=breaks_off(HALF, Silence()), expected_seconds=SOON),
            "second": Peer(script=goes_on(ANSWER)),
        },
        by=("own", "second"),
        cancelled=("first",),
        counted=(("wasted", "first"), ("succeeded", "second")),
        not_counted=(("failed", "first"),),
    ),
    Situation(
        name="the second of one's own engines answers before any provider",
        engines={"own": Engine(script=(DOWN,)), "other": Engine(script=(ANSWER,))},
        peers={"first": Peer()},
        by=("other",),
        asked={"first": 0},
    ),
    Situation(
        name="a server on this machine answers before any cloud",
        peers={"cloud": Peer(), "near": Peer(is_local=True)},
        by=("near",),
        asked={"cloud": 0},
    ),
    Situation(
        name="a server on this machine that is not running is passed over",
        peers={"cloud": Peer(), "near": Peer(is_local=True, is_up=False)},
        by=("cloud",),
        errors={"near": EngineUnavailable},
    ),
)

RACES = (
    Situation(
        name="the best provider answers alone",
        peers={"first": Peer(), "second": Peer()},
        by=("first",),
        asked={"first": 1, "second": 0},
        counted=(("admitted", "first"), ("began", "first"), ("succeeded", "first")),
        not_counted=(("admitted", "second"), ("wasted", "first")),
    ),
    Situation(
        name="the first is slow to its headers and the second overtakes it",
        peers={"first": Peer(script=never_answers(), expected_seconds=A_SECOND), "second": Peer()},
        by=("second",),
        not_before_seconds={"second": A_SECOND},
        earliest_seconds=A_SECOND,
        latest_seconds=20,
        cancelled=("first",),
        counted=(("wasted", "first"), ("succeeded", "second")),
        not_counted=(("failed", "first"), ("began", "first")),
    ),
    Situation(
        name="the first is slow to its first word and the second overtakes it",
        peers={"first": Peer(script=Answer(steps=(Silence(),)), expected_seconds=A_SECOND), "second": Peer()},
        by=("second",),
        not_before_seconds={"second": A_SECOND},
        cancelled=("first",),
        counted=(("wasted", "first"),),
        not_counted=(("failed", "first"),),
    ),
    Situation(
        name="two are slow and the third answers",
        peers={
            "first": Peer(script=never_answers(), expected_seconds=SOON),
            "second": Peer(script=never_answers(), expected_seconds=SOON),
            "third": Peer(),
        },
        by=("third",),
        not_before_seconds={"second": SOON, "third": 2 * SOON},
        cancelled=("first", "second"),
        counted=(("wasted", "first"), ("wasted", "second"), ("succeeded", "third")),
    ),
    Situation(
        name="the first is late and still first",
        peers={
            "first": Peer(script=says(ANSWER, after=20), expected_seconds=SOON),
            "second": Peer(script=never_answers()),
        },
        by=("first",),
        earliest_seconds=1.0,
        cancelled=("second",),
        counted=(("succeeded", "first"), ("wasted", "second")),
        not_counted=(("failed", "second"), ("began", "second")),
    ),
    Situation(
        name="the second fails while the first is slow and the third starts at once",
        peers={
            "first": Peer(script=never_answers(), expected_seconds=SOON),
            "second": Peer(script=fails(401)),
            "third": Peer(),
        },
        by=("third",),
        latest_seconds=30,
        cancelled=("first",),
        errors={"second": EngineMisconfigured},
    ),
    Situation(
        name="three silent ones are not waited for when there is a fourth",
        peers={
            **{name: Peer(script=never_answers(), expected_seconds=SOON) for name in ("first", "second", "third")},
            "fourth": Peer(),
        },
        by=("fourth",),
        not_before_seconds={"fourth": 3 * SOON},
        latest_seconds=3.0 + 3 * SOON,
        cancelled=("first", "second", "third"),
    ),
    Situation(
        name="three that try again and again do not keep a fourth from answering",
        peers={
            **{name: Peer(script=fails(500), expected_seconds=SOON) for name in ("first", "second", "third")},
            "fourth": Peer(),
        },
        by=("fourth",),
        errors=dict.fromkeys(("first", "second", "third"), EngineUnavailable),
    ),
    Situation(
        name="all fail and each one's cause is named",
        engines={"own": Engine(script=(DOWN,))},
        peers={"first": Peer(script=fails(401, "invalid_api_key")), "second": Peer(script=fails(400, "odd"))},
        answer="",
        causes=("own: its model broke", "first: 401", "second: 400"),
        errors={"first": EngineMisconfigured},
    ),
    Situation(
        name="there is nobody",
        answer="",
        causes=("no engine is left",),
    ),
    Situation(
        name="whoever fails once is tried again when nobody else is there",
        peers={"first": Peer(script=(fails(500), says(ANSWER)))},
        by=("first",),
        asked={"first": 2},
        earliest_seconds=0.1,
        errors={"first": EngineUnavailable},
        counted=(("succeeded", "first"),),
    ),
    Situation(
        name="whoever fails always is tried again only so often",
        peers={"first": Peer(script=fails(500))},
        answer="",
        asked={"first": 3},
        earliest_seconds=0.3,
    ),
    Situation(
        name="while one tries again the next one answers",
        peers={"first": Peer(script=(fails(503), never_answers())), "second": Peer()},
        by=("second",),
        latest_seconds=20,
        errors={"first": EngineUnavailable},
    ),
    Situation(
        name="one who refuses the key is not asked twice",
        peers={"first": Peer(script=fails(401)), "second": Peer()},
        by=("second",),
        asked={"first": 1},
    ),
)

HEALTH = (
    Situation(
        name="one who rests is passed over",
        peers={"first": Peer(), "second": Peer()},
        records={"first": Record(rests_for_seconds=9, why="failed")},
        by=("second",),
        asked={"first": 0},
    ),
    Situation(
        name="one who rests is asked when nobody else is left",
        peers={"first": Peer(), "second": Peer(script=fails(400))},
        records={"first": Record(rests_for_seconds=9, why="failed")},
        by=("first",),
        asked={"first": 1},
    ),
    Situation(
        name="one who rests is asked when the last one who is well is slow",
        peers={"first": Peer(), "second": Peer(script=never_answers(), expected_seconds=SOON)},
        records={"first": Record(rests_for_seconds=9, why="failed")},
        by=("first",),
        not_before_seconds={"first": SOON},
        cancelled=("second",),
    ),
    Situation(
        name="one who said when to come back is left alone even then",
        peers={"first": Peer(), "second": Peer(script=fails(400))},
        records={"first": Record(rests_for_seconds=9, why="429", was_told_to_wait=True)},
        answer="",
        asked={"first": 0},
    ),
    Situation(
        name="one who is out is never asked",
        peers={"first": Peer()},
        records={"first": Record(is_out=True, why="401")},
        answer="",
        asked={"first": 0},
    ),
    Situation(
        name="one whose limit is reached is not asked and has not failed",
        peers={"first": Peer(), "second": Peer()},
        refusals={"first": "30 requests a minute are used up"},
        by=("second",),
        asked={"first": 0},
        counted=(("refused", "first"),),
        not_counted=(("failed", "first"), ("wasted", "first")),
    ),
    Situation(
        name="the day's budget is spent and nobody may be asked",
        peers={"first": Peer(), "second": Peer()},
        refusals={"first": "the budget of the day is used up", "second": "the budget of the day is used up"},
        answer="",
        asked={"first": 0, "second": 0},
        causes=("the budget of the day is used up",),
        not_counted=(("failed", "first"), ("failed", "second")),
    ),
    Situation(
        name="the quicker one is asked first",
        peers={"first": Peer(), "second": Peer()},
        records={"first": Record(first_seconds=2.0), "second": Record(first_seconds=0.2)},
        by=("second",),
        asked={"first": 0},
    ),
    Situation(
        name="the more reliable one is asked first",
        peers={"first": Peer(), "second": Peer()},
        records={
            "first": Record(first_seconds=0.5, success_rate=0.3),
            "second": Record(first_seconds=0.5, success_rate=1.0),
        },
        by=("second",),
    ),
    Situation(
        name="the last of a quota is kept",
        peers={"first": Peer(), "second": Peer()},
        records={"first": Record(first_seconds=0.5, quota_left=0.01), "second": Record(first_seconds=0.5)},
        by=("second",),
    ),
    Situation(
        name="the cheaper one of two alike is asked first",
        peers={"first": Peer(row={"usd_per_million_in": 5.0, "usd_per_million_out": 15.0}), "second": Peer()},
        by=("second",),
    ),
)

SITUATIONS = (*OWN_ENGINES, *RACES, *HEALTH)
