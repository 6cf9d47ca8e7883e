-- Take a final record away, whole, if it has been kept for long enough.
-- Not by an expiry of its keys: a server that evicts would take those first, and one by one, and a
-- request without its state or its consumption looks as if it were still to be decided or run.
-- KEYS: 1 request, 2 state, 3 use, 4 card, 5 ended
-- ARGV: 1 record key, 2 the retention in seconds
-- Returns 1 if it is gone, 0 if its time has not come.
local ended = redis.call('ZSCORE', KEYS[5], ARGV[1])
local now = tonumber(redis.call('TIME')[1])
if not ended or now - tonumber(ended) < tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('ZREM', KEYS[5], ARGV[1])
return 1
