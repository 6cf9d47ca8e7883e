-- Count records of an agent no more.
-- KEYS: 1 account, 2 when its agent asked lately
-- ARGV: 1 the moment of a request that was never made, or '', 2... record keys
-- Returns how many were counted.
if ARGV[1] ~= '' then redis.call('LREM', KEYS[2], 1, ARGV[1]) end
local gone = 0
for i = 2, #ARGV do gone = gone + redis.call('ZREM', KEYS[1], ARGV[i]) end
return gone
