-- Count a record of an agent that did not come by the front door.
-- KEYS: 1 account
-- ARGV: 1 record key
-- Returns 1 if it was not counted yet.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
return redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', now), ARGV[1])
