-- Take away the beginning of the chain; its last entry stays.
-- KEYS: 1 audit
-- ARGV: 1 number of the last entry to go
-- Returns how many are gone.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last then return 0 end
local kept = tonumber(string.match(last[1], '^(%d+)'))
local first = math.min(tonumber(ARGV[1]) + 1, kept)
return redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-0', first))
