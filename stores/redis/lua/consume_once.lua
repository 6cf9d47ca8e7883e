-- Write a consumption if there is none, with events and wake-up.
-- KEYS: 1 request, 2 use, 3 events, 4 wake channel, 5 ended
-- ARGV: 1 use text, 2 '1' to write also when one stands (its own text again),
--       3 record key, 4... event texts
-- Returns {1} if written, {0, <standing use text>} if one stands, {-1} if there is no record.
local standing = redis.call('GET', KEYS[2])
if standing then
  -- WAIT is promised only for what this connection itself wrote, so a repeat writes as well.
  if ARGV[2] == '1' then redis.call('SET', KEYS[2], standing) end
  return {0, standing}
end
if redis.call('EXISTS', KEYS[1]) == 0 then return {-1} end
redis.call('SET', KEYS[2], ARGV[1])
-- Kept as long as if it had ended now; what is still open has no end.
redis.call('ZADD', KEYS[5], 'XX', redis.call('TIME')[1], ARGV[3])
for i = 4, #ARGV do redis.call('XADD', KEYS[3], '*', 'e', ARGV[i]) end
redis.call('PUBLISH', KEYS[4], 'use')
return {1}
