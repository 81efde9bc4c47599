"""The scripts by which Redis itself keeps what is known of engines: each is one trip, and happens whole or not at all.

Knows keys and numbers, no engine and no provider. Time is Redis's own, one clock for all machines, unless it is given.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_CLOCK: Final = """
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end
"""

_LIMITS: Final = """
local WINDOWS = {{name = 'minute', seconds = 10, slices = 6}, {name = 'day', seconds = 3600, slices = 24}}
local function used(requests, window, now)
  if not window.fields then  -- the same for every engine
    local slice = math.floor(now / window.seconds)
    window.fields = {}
    for age = 0, window.slices do window.fields[age + 1] = string.format('%s:%d', window.name, slice - age) end
  end
  local sum = 0
  for _, count in ipairs(redis.call('HMGET', requests, unpack(window.fields))) do
    if count then sum = sum + tonumber(count) end
  end
  return sum
end
-- Why no request is to be sent now, for how long at least, and how many of how many may be. Of an engine: what it told.
local function limits(kept, requests, now, per_minute, per_day)
  local told_left, told_limit, margin, told_until =
    tonumber(kept[1]) or 0, tonumber(kept[2]) or 0, tonumber(kept[3]) or 0, tonumber(kept[4]) or 0
  local why, seconds, share, left = '', 0, 1, -1
  local function note(remains, limit)
    remains = math.max(0, remains)
    share = math.min(share, remains / limit)
    if left < 0 or remains < left then left = remains end
  end
  if told_until > now then
    if told_left <= margin then why, seconds = 'told', told_until - now end
    note(told_left - margin, math.max(told_limit, 1))
  end
  for index, limit in ipairs({per_minute, per_day}) do
    if limit > 0 then
      local window = WINDOWS[index]
      local taken = used(requests, window, now)
      note(limit - taken, limit)
      if taken >= limit and why == '' then why, seconds = window.name, window.seconds - now % window.seconds end
    end
  end
  return why, seconds, share, left
end
"""

_BUDGET: Final = """
local function turn_the_day(spending, now, lifetime)
  local day = string.format('%d', math.floor(now / 86400))
  if redis.call('HGET', spending, 'day') ~= day then
    redis.call('DEL', spending)
    redis.call('HSET', spending, 'day', day)
  end
  redis.call('EXPIRE', spending, lifetime)
end
local function reserved(member) return string.match(member, '^(.*)#.*|([^|]+)$') end
local function pay(spending, label, usd)
  if usd <= 0 then return end
  usd = string.format('%.10f', usd)
  redis.call('HINCRBYFLOAT', spending, 'usd', usd)
  redis.call('HINCRBYFLOAT', spending, 'usd:' .. label, usd)
end
"""

RECORDS: Final = (
    _CLOCK
    + _LIMITS
    + """
local now, probe_before, answer = clock(ARGV[1]), tonumber(ARGV[2]), {}
for index, asked in ipairs(cjson.decode(ARGV[3])) do
  local engine, requests, per_minute, per_day, fingerprint, own = unpack(asked)
  local kept = redis.call('HMGET', engine, 'told_left', 'told_limit', 'told_margin', 'told_until', 'first', 'rate',
    'busy_until', 'rest_until', 'out_until:' .. fingerprint, 'model')
  local why, seconds, share, left = limits(kept, requests, now, per_minute, per_day)
  local busy, rest, out = tonumber(kept[7]) or 0, tonumber(kept[8]) or 0, tonumber(kept[9]) or 0
  local told, probe_at, model = seconds > 0, nil, kept[10] or ''
  -- Most engines are well: what is wrong with the others is asked for only then.
  if busy > now or rest > 0 or out > now or model ~= '' then
    local more = redis.call('HMGET', engine, 'busy_told', 'busy_why', 'rest_why', 'probe_at',
      'out_why:' .. fingerprint, 'model_of')
    told, probe_at = told or (busy > now and more[1] == '1'), tonumber(more[4])
    if busy - now > seconds then why, seconds = more[2] or '', busy - now end
    if rest - now > seconds then why, seconds = more[3] or '', rest - now end
    if out > now then why, probe_at = more[5] or '', out - probe_before end
    if more[6] ~= own then model = '' end
  end
  answer[index] = {tonumber(kept[5]) or -1, tonumber(kept[6]) or 1, share, math.max(0, seconds), why, told, out > now,
    model, probe_at and math.max(0, probe_at - now) or -1, left}
end
return cjson.encode(answer)
"""
)
"""Arguments: time, the seconds before its return that one that is out is probed, and what ``asked_of`` makes. Its keys
are in there and not declared: 64 of them cost the asker more than all of the rest, and Celery knows no cluster."""

ADMIT: Final = (
    _CLOCK
    + _LIMITS
    + _BUDGET
    + """
local engine, requests, spending, set_aside = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, usd, cap, member = clock(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local told = redis.call('HMGET', engine, 'told_left', 'told_limit', 'told_margin', 'told_until')
local why = limits(told, requests, now, tonumber(ARGV[2]), tonumber(ARGV[3]))
if why ~= '' then return why end
if usd > 0 then
  turn_the_day(spending, now, ARGV[9])
  for _, lost in ipairs(redis.call('ZRANGEBYSCORE', set_aside, '-inf', now)) do
    local label, most = reserved(lost)
    pay(spending, label, tonumber(most))
    redis.call('ZREM', set_aside, lost)
  end
  local sum = tonumber(redis.call('HGET', spending, 'usd') or '0')
  for _, running in ipairs(redis.call('ZRANGE', set_aside, 0, -1)) do
    local _, most = reserved(running)
    sum = sum + tonumber(most)
  end
  if sum + usd > cap then return 'budget' end
  redis.call('ZADD', set_aside, now + tonumber(ARGV[7]), member)
  redis.call('EXPIRE', set_aside, ARGV[9])
end
for _, window in ipairs(WINDOWS) do
  redis.call('HINCRBY', requests, string.format('%s:%d', window.name, math.floor(now / window.seconds)), 1)
end
redis.call('EXPIRE', requests, ARGV[8])
if redis.call('HLEN', requests) > 64 then
  for _, window in ipairs(WINDOWS) do
    local oldest = math.floor(now / window.seconds) - window.slices
    for _, field in ipairs(redis.call('HKEYS', requests)) do
      local slice = string.match(field, '^' .. window.name .. ':(%d+)$')
      if slice and tonumber(slice) < oldest then redis.call('HDEL', requests, field) end
    end
  end
end
if (tonumber(told[4]) or 0) > now then redis.call('HINCRBY', engine, 'told_left', -1) end
return ''
"""
)
"""Keys: engine, requests, spending, set aside. Arguments: time, requests a minute and a day, dollars at most, cap,
member, and the lifetimes of what is set aside, of requests and of spending. Returns what stands against it."""

PAY: Final = (
    _CLOCK
    + _BUDGET
    + """
local spending, set_aside = KEYS[1], KEYS[2]
local label, member, usd = ARGV[2], ARGV[3], tonumber(ARGV[4])
turn_the_day(spending, clock(ARGV[1]), ARGV[9])
if member ~= '' and redis.call('ZREM', set_aside, member) == 0 then
  local _, counted = reserved(member)
  usd = math.max(0, usd - tonumber(counted))
end
pay(spending, label, usd)
redis.call('HINCRBY', spending, 'in:' .. label, ARGV[5])
redis.call('HINCRBY', spending, 'out:' .. label, ARGV[6])
redis.call('HINCRBY', spending, ARGV[7] .. ':' .. label, 1)
redis.call('HINCRBY', spending, 'wasted:' .. label, ARGV[8])
"""
)
"""Keys: spending, set aside. Arguments: time, label, member (already counted whole when it has run out), dollars,
tokens in and out, what to count one of, tokens wasted, lifetime."""

AVERAGE: Final = """
local old = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[4])
local new = old and old + tonumber(ARGV[3]) * (tonumber(ARGV[2]) - old) or tonumber(ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.6f', new))
redis.call('EXPIRE', KEYS[1], ARGV[5])
"""
"""Key: engine. Arguments: field, value, weight, what it is before the first (empty: the first value), lifetime."""

REST: Final = (
    _CLOCK
    + """
local now, kind, field = clock(ARGV[1]), ARGV[2], ARGV[2] .. '_until'
local seconds, earlier = tonumber(ARGV[3]), tonumber(redis.call('HGET', KEYS[1], kind .. 's')) or 0
if seconds < 0 then
  seconds = math.min(tonumber(ARGV[5]), tonumber(ARGV[4]) * 2 ^ math.min(earlier, 30)) * tonumber(ARGV[6])
  redis.call('HINCRBY', KEYS[1], kind .. 's', 1)
end
local till = now + seconds + tonumber(ARGV[7])
local is_longer = till > (tonumber(redis.call('HGET', KEYS[1], field)) or 0)
if is_longer then
  redis.call('HSET', KEYS[1], field, string.format('%.3f', till), kind .. '_why', ARGV[9],
    kind .. '_told', tonumber(ARGV[3]) < 0 and '0' or '1')
end
if ARGV[8] == '1' then redis.call('HSET', KEYS[1], 'probe_at', string.format('%.3f', now + seconds)) end
redis.call('EXPIRE', KEYS[1], ARGV[10])
"""
)
"""Key: engine. Arguments: time, kind (busy or rest), seconds that it asked for (-1: none), first and longest rest,
jitter, grace, whether it is probed, why, lifetime."""

OUT: Final = (
    _CLOCK
    + """
local field = 'out_until:' .. ARGV[2]
local was = redis.call('HGET', KEYS[1], field)
local till = string.format('%.3f', clock(ARGV[1]) + tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], field, till, 'out_why:' .. ARGV[2], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return was and 0 or 1
"""
)
"""Key: engine. Arguments: time, fingerprint, seconds, why, lifetime. Returns 1 when that is new."""

TOLD: Final = (
    _CLOCK
    + """
redis.call('HSET', KEYS[1], 'told_left', ARGV[2], 'told_limit', ARGV[3], 'told_margin', ARGV[4],
  'told_until', string.format('%.3f', clock(ARGV[1]) + tonumber(ARGV[5])))
redis.call('EXPIRE', KEYS[1], ARGV[6])
"""
)
"""Key: engine. Arguments: time, requests left, limit, margin, seconds to its reset, lifetime."""

ANNOUNCE: Final = (
    _CLOCK
    + """
local now = clock(ARGV[1])
local said = redis.call('HGETALL', KEYS[1])
for index = 1, #said, 2 do
  if (tonumber(string.match(said[index + 1], '^[^ ]+')) or 0) < now then redis.call('HDEL', KEYS[1], said[index]) end
end
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.3f', now + tonumber(ARGV[3])) .. ' ' .. ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
)
"""Key: announced. Arguments: time, worker, lifetime, what it says. Strikes off who has not said so for long."""

LIMIT_WORDS: Final = {
    "told": "its own limit is used up",
    "minute": "its requests of a minute are used up",
    "day": "its requests of a day are used up",
    "budget": "the budget of the day is used up",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One engine as Redis has it."""

    first_seconds: float | None
    success_rate: float
    quota_left: float
    rests_for_seconds: float
    why: str
    was_told_to_wait: bool
    is_out: bool
    model: str
    """What serves in place of a retired one."""
    probe_in_seconds: float | None
    requests_left: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An engine that RECORDS is asked for."""

    engine_key: str
    requests_key: str
    per_minute: int
    per_day: int
    fingerprint: str
    model: str
    """The row's own."""


def asked_of(engines: Sequence[Asked]) -> str:
    return json.dumps(
        [
            (each.engine_key, each.requests_key, each.per_minute, each.per_day, each.fingerprint, each.model)
            for each in engines
        ]
    )


def standings(answer: bytes) -> Sequence[Standing]:
    """What RECORDS returned. Without keys, Lua's empty table is an empty object."""
    told: list[list[Any]] = json.loads(answer) or []
    return [
        Standing(
            first_seconds=None if first < 0 else first,
            success_rate=rate,
            quota_left=share,
            rests_for_seconds=seconds,
            why=LIMIT_WORDS.get(why, why),
            was_told_to_wait=was_told,
            is_out=is_out,
            model=model,
            probe_in_seconds=None if probe < 0 else probe,
            requests_left=None if left < 0 else int(left),
        )
        for first, rate, share, seconds, why, was_told, is_out, model, probe, left in told
    ]
