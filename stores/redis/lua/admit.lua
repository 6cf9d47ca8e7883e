-- Count a record of an agent, before it is written in whichever bucket it belongs to.
-- KEYS: 1 bounds, 2 account, 3 when its agent asked lately
-- ARGV: 1 record key, 2 and 3 the bounds where none are set (pending, per minute)
-- Returns {1, <moment>} if it was counted, {0} if it is counted already,
-- {-2, <bound>, <limit>} if it is one too many.
local MINUTE = 60000000
local MOST = 1000000

-- What the hash of bounds says, if it is a whole number that a bound can be; else *otherwise*.
local function bound(name, most, otherwise)
  local value = tonumber(redis.call('HGET', KEYS[1], name))
  if value and value >= 1 and value <= most and value == math.floor(value) then return value end
  return tonumber(otherwise)
end

if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {0} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local most, rate = bound('pending', MOST, ARGV[2]), bound('minute', MOST, ARGV[3])
if redis.call('ZCARD', KEYS[2]) >= most then return {-2, 'pending', most} end
local oldest = tonumber(redis.call('LINDEX', KEYS[3], rate - 1))
-- A clock that was set back must not shut the agent out until it is where it was.
if oldest and math.abs(now - oldest) < MINUTE then return {-2, 'minute', rate} end
local moment = string.format('%.0f', now)
redis.call('LPUSH', KEYS[3], moment)
redis.call('LTRIM', KEYS[3], 0, rate - 1)
redis.call('PEXPIRE', KEYS[3], MINUTE / 1000)
redis.call('ZADD', KEYS[2], moment, ARGV[1])
return {1, moment}
