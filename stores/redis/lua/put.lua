-- Create a record if its key is free, with index entries, events and wake-up.
-- KEYS: 1 request, 2 state, 3 use, 4 pending, 5 deadlines, 6 events, 7 wake channel,
--       8 bounds, 9 how many its agent has pending, 10 when its agent asked lately, 11 ended
-- ARGV: 1 request text, 2 state text or '', 3 use text or '', 4 record key,
--       5 score of its creation or '' (not pending), 6 score of its deadline,
--       7 and 8 the bounds where none are set (pending, per minute), 9... event texts
-- Returns {1} if created, {0, request, state, use} if taken, {-1} if parts of a lost record are left,
-- {-2, <bound>, <limit>} if it is one too many, {-3} if the server's memory is needed for the rest.
local MINUTE = 60000000
-- Of the memory limit. Beyond it new requests wait, so that what is pending can still be answered.
local SHARE = 0.8
local MOST = 1000000

-- What the hash of bounds says, if it is a whole number that a bound can be; else *otherwise*.
local function bound(name, most, otherwise)
  local value = tonumber(redis.call('HGET', KEYS[8], name))
  if value and value >= 1 and value <= most and value == math.floor(value) then return value end
  return tonumber(otherwise)
end

local request = redis.call('GET', KEYS[1])
if request then
  return {0, request, redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])}
end
-- A decision that outlived its request must never become the decision of a new one.
if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then
  return {-1}
end
local pending = ARGV[5] ~= ''
local asking = tonumber(redis.call('GET', KEYS[9])) or 0
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
if pending then
  -- Some microseconds. Not every user may ask: then only the server's own limit counts.
  local memory = redis.pcall('INFO', 'memory')
  if type(memory) == 'string' then
    local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
    local limit = tonumber(string.match(memory, 'maxmemory:(%d+)'))
    if used and limit and limit > 0 and used > SHARE * limit then return {-3} end
  end
  local most, rate = bound('pending', MOST, ARGV[7]), bound('minute', MOST, ARGV[8])
  if asking >= most then return {-2, 'pending', most} end
  -- Exact, where a counter for each minute would let twice as many through at its turn.
  local oldest = tonumber(redis.call('LINDEX', KEYS[10], rate - 1))
  -- A clock that was set back must not shut the agent out until it is where it was.
  if oldest and math.abs(now - oldest) < MINUTE then return {-2, 'minute', rate} end
  redis.call('LPUSH', KEYS[10], string.format('%.0f', now))
  redis.call('LTRIM', KEYS[10], 0, rate - 1)
  redis.call('PEXPIRE', KEYS[10], MINUTE / 1000)
end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2]) end
if ARGV[3] ~= '' then redis.call('SET', KEYS[3], ARGV[3]) end
if pending then
  redis.call('ZADD', KEYS[4], ARGV[5], ARGV[4])
  -- Counted is what has a deadline: it comes in and goes out there once.
  if redis.call('ZADD', KEYS[5], ARGV[6], ARGV[4]) == 1 then
    redis.call('SET', KEYS[9], string.format('%.0f', asking + 1))
  end
else
  redis.call('ZADD', KEYS[11], time[1], ARGV[4])
end
for i = 9, #ARGV do redis.call('XADD', KEYS[6], '*', 'e', ARGV[i]) end
redis.call('PUBLISH', KEYS[7], '1')
return {1}
