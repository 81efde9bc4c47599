"""What headers tell about limits."""

import pytest

from tests.fakes.recorded_exchanges import NOW
from workers.cloud.allowance import allowance_of
from workers.cloud.dialect import Allowance


def openai(kind: str, left: str, limit: str, reset: str = "") -> dict[str, str]:
    told = {f"X-RateLimit-Remaining-{kind}": left, f"x-ratelimit-limit-{kind}": limit}
    return told | ({f"x-ratelimit-reset-{kind}": reset} if reset else {})


@pytest.mark.parametrize(
    ("headers", "allowance"),
    [
        ({}, None),
        ({"content-type": "text/event-stream"}, None),
        (openai("requests", "14370", "14400", "2m59.56s"), Allowance(14370, 14400, 179.56)),
        (openai("requests", "0", "5"), Allowance(0, 5, None)),
        (openai("requests-day", "12", "20"), Allowance(12, 20, 86_400)),
        (openai("req-minute", "59", "60"), Allowance(59, 60, 60)),
        (openai("requests-minute", "4", "5", "9") | openai("requests-day", "1", "90", "50000"), Allowance(1, 90, 5e4)),
        # One with a policy behind it.
        ({"x-ratelimit-remaining": "2", "x-ratelimit-limit": "9, 9;w=60", "x-ratelimit-reset": "1"},
         Allowance(2, 9, 1)),
        ({"ratelimit-remaining": "3.0", "ratelimit-limit": "10.0", "ratelimit-reset": "7"}, Allowance(3, 10, 7)),
        ({"x-ratelimit-remaining-requests": "3"}, Allowance(3, None, None)),
        (openai("requests", "many", "10", "1s"), None),
        (openai("requests", "inf", "nan", "1s"), None),
        (openai("requests", "5", "10", "soon"), Allowance(5, 10, None)),
        (openai("requests", "-5", "10", "1s"), None),
        (openai("tokens", "0", "6000", "7s"), None),
        (
            {
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:12Z",
            },
            Allowance(49, 50, 12),
        ),
    ],
)  # fmt: skip
def test_the_tightest_limit_is_told(headers: dict[str, str], allowance: Allowance | None) -> None:
    assert allowance_of(headers, NOW) == allowance
