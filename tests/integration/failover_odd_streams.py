"""Situations of streams that are malformed, cut, empty, or odd and yet good."""

from tests.fakes.providers import (
    Answer,
    Close,
    Fault,
    Finish,
    Pause,
    Raw,
    Reset,
    Say,
    Script,
    Silence,
    Step,
    Think,
    breaks_off,
    fails,
    goes_on,
    hangs_up,
    raw,
    says,
    web_page,
    words,
)
from tests.fakes.providers.wire import Dialect
from tests.integration.failover_room import ANSWER, Peer
from tests.integration.failover_situation import Situation
from workers.errors import EngineBusy, EngineError, EngineUnavailable

SENTENCE = "My day was long and good."
HINDI = "मेरा दिन लंबा था, पर अच्छा था। हमने आम खाए 🥭।"


def good(name: str, script: Script, *, answer: str = ANSWER, dialect: Dialect = "openai") -> Situation:
    """Odd, but an answer: nobody else is asked."""
    return Situation(
        name=name,
        peers={"first": Peer(script=script, dialect=dialect), "second": Peer()},
        answer=answer,
        by=("first",),
        asked={"first": 1, "second": 0},
        counted=(("began", "first"), ("succeeded", "first")),
        not_counted=(("failed", "first"), ("wasted", "first")),
    )


def bad(
    name: str, script: Script, kind: type[EngineError] = EngineUnavailable, *, dialect: Dialect = "openai"
) -> Situation:
    """No answer: the second gives it, and nothing of the first is heard."""
    return Situation(
        name=name,
        peers={"first": Peer(script=script, dialect=dialect), "second": Peer()},
        by=("second",),
        errors={"first": kind},
        counted=(("failed", "first"), ("succeeded", "second")),
        not_counted=(("began", "first"), ("succeeded", "first")),
    )


def broken(name: str, *then: Step, framing: str = "chunked", dialect: Dialect = "openai") -> Situation:
    """Good to the end of its first sentence; the second goes on."""
    script = breaks_off(SENTENCE, *then, framing=framing)
    return Situation(
        name=name,
        peers={"first": Peer(script=script, dialect=dialect), "second": Peer(script=goes_on(ANSWER))},
        by=("first", "second"),
        asked={"first": 1, "second": 1},
        counted=(("began", "first"), ("failed", "first"), ("succeeded", "second")),
        not_counted=(("succeeded", "first"),),
    )


ODD = (
    good("lines end with CR LF", says(ANSWER, newline="\r\n")),
    good("a byte order mark stands before the stream", Answer(steps=(Raw(b"\xef\xbb\xbf"), *words(ANSWER), Finish()))),
    good("comments keep the connection alive", Answer(steps=(Raw(b": ping\n\n"), *words(ANSWER), Finish()))),
    good("the stream ends without its mark", Answer(steps=(*words(ANSWER), Finish(is_marked=False)))),
    good("the body ends with the connection", says(ANSWER, framing="close")),
    good("the answer came to its longest", Answer(steps=(*words(ANSWER), Finish("length")))),
    good("bytes arrive one by one in the middle of letters", says(HINDI, cut_every=1), answer=HINDI),
    good("the stream says that it is plain text", says(ANSWER, content_type="text/plain")),
    good("the stream says nothing about itself", says(ANSWER, content_type="")),
    good("it thinks before it speaks", Answer(steps=(Think("Hm, mangoes."), *words(ANSWER), Finish()))),
    good(
        "it thinks aloud between marks",
        Answer(steps=(Say("<think>"), *words("Hm, mangoes."), Say("</think>"), *words(ANSWER), Finish())),
    ),
    good("it sends empty pieces first", Answer(steps=(Say(""), Say("\n"), Say(""), *words(ANSWER), Finish()))),
    good("something follows its end", Answer(steps=(*words(ANSWER), Finish(), Say(" And more!")))),
    good("the connection stays open behind the end", Answer(steps=(*words(ANSWER), Finish(), Silence()))),
    good(
        "it never tells its usage and stays open behind its reason",
        Answer(steps=(*words(ANSWER), Finish(is_marked=False), Pause(400))),
    ),
    good(
        "the whole answer comes as one object though a stream was asked for",
        Answer(
            steps=(Raw(b'{"choices": [{"message": {"content": "%b"}, "finish_reason": "stop"}]}' % ANSWER.encode()),),
            content_type="application/json",
            framing="length",
        ),
    ),
    good("Anthropic answers", says(ANSWER), dialect="anthropic"),
    good(
        "Anthropic thinks before it speaks",
        Answer(steps=(Think("Hm, mangoes."), *words(ANSWER), Finish())),
        dialect="anthropic",
    ),
)

BAD = (
    bad("its JSON is broken", Answer(steps=(Raw(b'data: {"choices": [{"del\n\n'), *words(ANSWER), Finish()))),
    bad("its JSON is no object", raw(b"data: 5\n\n", b"data: [DONE]\n\n")),
    bad("it sends a page of HTML with status 200", web_page()),
    bad("it sends HTML and calls it a stream", raw(b"<!DOCTYPE html><html><body>Login</body></html>")),
    bad("it sends a line of a hundred megabytes", raw(*[b"data: " + b"x" * (1 << 20)] + [b"x" * (1 << 20)] * 99)),
    bad("it sends a huge line without an end", raw(b"data: ", *[b"x" * (1 << 20)] * 8)),
    bad("it sends nothing", Answer(steps=())),
    bad("it sends nothing but an end", Answer(steps=(Finish(),))),
    bad("it sends nothing but spaces", Answer(steps=(Say(" "), Say("\n \n"), Say("\t"), Finish()))),
    bad("it sends nothing but thoughts", Answer(steps=(Think("Hm."), Think("Mangoes."), Finish("length")))),
    bad("it sends nothing but an open thought", Answer(steps=(Say("<think>"), *words("Hm. Mangoes."), Finish()))),
    bad("it filters its whole answer", Answer(steps=(Finish("content_filter"),))),
    bad("it sends an error object with status 200", Answer(steps=(Fault(),))),
    bad(
        "it is busy with status 200",
        Answer(steps=(Fault("slow down", "rate_limit_exceeded"),)),
        EngineBusy,
    ),
    bad("it hangs up without a word", hangs_up()),
    bad("it resets the connection without a word", hangs_up(with_reset=True)),
    bad("it hangs up behind its headers", Answer(steps=(Close(),))),
    bad("it answers in a compression that nobody asked for", says(ANSWER, headers={"Content-Encoding": "gzip"})),
    bad("it has no content", Answer(status=204, framing="length")),
    bad("Anthropic is overloaded with status 200", Answer(steps=(Fault("Overloaded", "overloaded_error"),)), EngineBusy,
        dialect="anthropic"),
    bad("Anthropic thinks and says nothing", Answer(steps=(Think("Hm."), Finish())), dialect="anthropic"),
    Situation(
        name="its port refuses",
        peers={"first": Peer(is_up=False), "second": Peer()},
        by=("second",),
        errors={"first": EngineUnavailable},
    ),
)  # fmt: skip

BROKEN = (
    broken("it hangs up in the middle", Close()),
    broken("it hangs up in the middle and HTTP can not tell", Close(), framing="close"),
    broken("it resets the connection in the middle", Pause(10), Reset()),
    broken("it sends an error object in the middle", Fault()),
    broken("it sends broken JSON in the middle", Raw(b'data: {"choices": [{"del\n\n')),
    broken("it sends HTML in the middle", Raw(b"data: <html>502 Bad Gateway</html>\n\n")),
    broken("it is cut in the middle of a letter", Raw(b'data: {"choices": [{"delta": {"content": "\xe0\xa4'), Close()),
    broken("it filters the rest of its answer", Finish("content_filter")),
    broken("Anthropic hangs up in the middle", Close(), framing="close", dialect="anthropic"),
    broken("Anthropic sends an error in the middle", Fault("Overloaded", "overloaded_error"), dialect="anthropic"),
    Situation(
        name="the one who goes on speaks another dialect",
        peers={
            "first": Peer(script=breaks_off(SENTENCE, Pause(10), Reset())),
            "second": Peer(script=goes_on(ANSWER), dialect="anthropic"),
        },
        by=("first", "second"),
    ),
    Situation(
        name="the only one breaks once and goes on itself",
        peers={
            "first": Peer(
                script=lambda asked: (
                    breaks_off(SENTENCE, Pause(10), Reset()) if not asked.said_of(ANSWER) else goes_on(ANSWER)(asked)
                )
            )
        },
        by=("first",),
        asked={"first": 2},
    ),
    Situation(
        name="a refused field is left out and the provider asked again",
        peers={
            "first": Peer(
                script=lambda asked: (
                    fails(400, "invalid_request_error", "Unknown field: stream_options")
                    if "stream_options" in asked.body
                    else says(ANSWER)
                )
            )
        },
        by=("first",),
        asked={"first": 2},
    ),
)

SITUATIONS = (*ODD, *BAD, *BROKEN)
