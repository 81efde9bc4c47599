"""Mend how nextcord 3.2 counts rate limits: by kind of request alone, as if all channels were one.

Discord counts most of them for each channel, but names the bucket without the channel (X-RateLimit-Bucket is
"non-inclusive of top-level resources in the path"). nextcord takes one name for one bucket: five messages in five
seconds for all of Discord together. With its register of names empty, it counts for each route and channel. What it
then counts too kindly, Discord refuses with a 429, and nextcord waits and tries again.
"""

from nextcord.http import HTTPClient, RateLimit


class NoRegister(dict[str, RateLimit]):
    """Keeps nothing, so that nobody is sent to another channel's bucket."""

    def __setitem__(self, name: str, bucket: RateLimit) -> None:
        """Forget it."""


def keep_channels_apart(http: HTTPClient) -> None:
    """Before the client logs in, or at any time later."""
    http._buckets = NoRegister()  # noqa: SLF001  # nothing public reaches it
