"""Situations of refusals: every status, and every way to say when to come back."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.fakes.providers import Raw, fails, goes_on, says, web_page
from tests.fakes.providers.script import Answer, Asked, Choose
from tests.integration.failover_room import ANSWER, KEY, Peer
from tests.integration.failover_situation import Situation
from workers.errors import EngineBusy, EngineError, EngineMisconfigured, EngineTimeout, EngineUnavailable
from workers.failover.ledger import Record


def refused(status: int, kind: type[EngineError], *, code: str = "failed", asked: int | None = None) -> Situation:
    """The first always answers with ``status``; the second is well. ``asked``: how often the first may be."""
    return Situation(
        name=f"the first answers {status} {code}",
        peers={"first": Peer(script=fails(status, code)), "second": Peer()},
        by=("second",),
        errors={"first": kind},
        asked={} if asked is None else {"first": asked},
        counted=(("admitted", "first"), ("failed", "first"), ("succeeded", "second")),
        not_counted=(("began", "first"), ("succeeded", "first")),
    )


def busy(how: str, seconds: float | None, answer: "Answer | Choose", dialect: str = "openai") -> Situation:
    """The first is busy, and says ``how`` for how long."""
    return Situation(
        name=f"the first is busy and tells {how}",
        peers={"first": Peer(script=answer, dialect=dialect), "second": Peer()},  # type: ignore[arg-type]
        by=("second",),
        asked={"first": 1},
        errors={"first": EngineBusy},
        told_to_wait_seconds={"first": seconds},
    )


def told_at(name: str, form: str, seconds: float, **more: str) -> Choose:
    """A header that names a point of time, ``seconds`` after the request came."""

    def answer(_: Asked) -> Answer:
        then = datetime.now(UTC) + timedelta(seconds=seconds)
        moment = {
            "http": format_datetime(then, usegmt=True),
            "rfc3339": then.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "epoch": str(int(then.timestamp())),
            "epoch-ms": str(int(then.timestamp() * 1000)),
        }[form]
        return fails(429, "rate_limit_exceeded", **{name: moment, **more})

    return answer


STATUSES = (
    refused(400, EngineUnavailable, code="bad_request", asked=1),
    refused(401, EngineMisconfigured, code="invalid_api_key", asked=1),
    refused(402, EngineBusy, code="insufficient_balance", asked=1),
    refused(403, EngineMisconfigured, code="forbidden", asked=1),
    refused(405, EngineUnavailable),
    refused(408, EngineTimeout),
    refused(409, EngineUnavailable),
    refused(413, EngineUnavailable, code="too_large", asked=1),
    refused(422, EngineUnavailable, code="unprocessable", asked=1),
    refused(429, EngineBusy, code="rate_limit_exceeded", asked=1),
    refused(429, EngineBusy, code="insufficient_quota", asked=1),
    refused(500, EngineUnavailable),
    refused(502, EngineUnavailable),
    refused(503, EngineUnavailable),
    refused(504, EngineTimeout),
    refused(529, EngineBusy, code="overloaded", asked=1),
    Situation(
        name="the first sends us elsewhere and the key goes nowhere",
        peers={
            "first": Peer(script=Answer(status=307, headers={"Location": "/v2/chat/completions"})),
            "second": Peer(),
        },
        by=("second",),
        asked={"first": 1},
        errors={"first": EngineMisconfigured},
    ),
    Situation(
        name="the first wants another key",
        peers={"first": Peer(key="another"), "second": Peer(key=KEY)},
        by=("second",),
        asked={"first": 1},
        errors={"first": EngineMisconfigured},
    ),
    Situation(
        name="a proxy before the first answers with a page of its own",
        peers={"first": Peer(script=web_page(502)), "second": Peer()},
        by=("second",),
        errors={"first": EngineUnavailable},
    ),
)

BUSY = (
    busy("nothing", None, fails(429, "rate_limit_exceeded")),
    busy("the seconds", 20, fails(429, "rate_limit_exceeded", retry_after="20")),
    busy("the milliseconds", 7, fails(429, "rate_limit_exceeded", retry_after_ms="7000")),
    busy("a date", 40, told_at("retry_after", "http", 40)),
    busy(
        "when its requests come back",
        90,
        fails(
            429,
            "rate_limit_exceeded",
            x_ratelimit_remaining_requests="0",
            x_ratelimit_reset_requests="1m30s",
            x_ratelimit_remaining_tokens="900",
            x_ratelimit_reset_tokens="2s",
        ),
    ),
    busy(
        "when its tokens come back",
        7.66,
        fails(
            429,
            "rate_limit_exceeded",
            x_ratelimit_remaining_requests="12",
            x_ratelimit_reset_requests="23h59m1s",
            x_ratelimit_remaining_tokens="0",
            x_ratelimit_reset_tokens="7.66s",
        ),
    ),
    busy("an epoch", 30, told_at("x_ratelimit_reset", "epoch", 30, x_ratelimit_remaining="0")),
    busy("an epoch in milliseconds", 30, told_at("x_ratelimit_reset", "epoch-ms", 30, x_ratelimit_remaining="0")),
    busy(
        "as Anthropic does",
        50,
        told_at("anthropic_ratelimit_requests_reset", "rfc3339", 50, anthropic_ratelimit_requests_remaining="0"),
        "anthropic",
    ),
    busy("as Anthropic does when overloaded", 5, fails(529, "overloaded_error"), "anthropic"),
    busy("nonsense", None, fails(429, "rate_limit_exceeded", retry_after="soon")),
    busy("with a 503", 15, fails(503, "overloaded", retry_after="15")),
    Situation(
        name="one who is busy for a moment is waited for when nobody else is there",
        peers={"first": Peer(script=(fails(429, "rate_limit_exceeded", retry_after="1"), says(ANSWER)))},
        by=("first",),
        asked={"first": 2},
        earliest_seconds=1.0,
        errors={"first": EngineBusy},
        counted=(("succeeded", "first"),),
    ),
    Situation(
        name="one who is busy for a minute is not waited for",
        peers={"first": Peer(script=(fails(429, "rate_limit_exceeded", retry_after="60"), says(ANSWER)))},
        answer="",
        asked={"first": 1},
        told_to_wait_seconds={"first": 60},
    ),
)

RETIRED = (
    Situation(
        name="a retired model is followed by the closest that is there",
        peers={"first": Peer(models=("whisper-large", "small-9b", "huge-405b")), "second": Peer()},
        by=("first",),
        asked={"first": 2, "second": 0},
        counted=(("healed", "first"), ("succeeded", "first")),
        not_counted=(("failed", "first"),),
    ),
    Situation(
        name="a model that was healed before is asked for at once",
        peers={"first": Peer(models=("small-9b",))},
        records={"first": Record(model="small-9b")},
        by=("first",),
        asked={"first": 1},
        not_counted=(("healed", "first"),),
    ),
    Situation(
        name="a retired model without another that chats takes the provider out",
        peers={"first": Peer(models=("whisper-large", "text-embedding-3")), "second": Peer()},
        by=("second",),
        errors={"first": EngineMisconfigured},
        not_counted=(("healed", "first"),),
    ),
    Situation(
        name="a retired model and a list that can not be had",
        peers={"first": Peer(models=("small-9b",), models_answer=fails(500)), "second": Peer()},
        by=("second",),
        errors={"first": EngineUnavailable},
    ),
    Situation(
        name="a retired model that is told of with a 400",
        peers={
            "first": Peer(
                script=lambda asked: (
                    fails(400, "model_decommissioned", "The model has been decommissioned and is no longer supported.")
                    if asked.model == "small-8b"
                    else says(ANSWER)
                ),
                models_answer=Answer(
                    steps=(Raw(b'{"data": [{"id": "small-9b"}]}'),), content_type="application/json", framing="length"
                ),
            )
        },
        by=("first",),
        asked={"first": 2},
        counted=(("healed", "first"),),
    ),
    Situation(
        name="a retired model at Anthropic",
        peers={"first": Peer(models=("claude-small-9",), dialect="anthropic", script=goes_on(ANSWER))},
        by=("first",),
        asked={"first": 2},
        counted=(("healed", "first"),),
    ),
)

SITUATIONS = (*STATUSES, *BUSY, *RETIRED)
