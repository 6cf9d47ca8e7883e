-- Create a record if its key is free, with index entries, events and wake-up.
-- KEYS: 1 request, 2 state, 3 use, 4 pending, 5 deadlines, 6 events, 7 wake channel
-- ARGV: 1 request text, 2 state text or '', 3 use text or '', 4 record key,
--       5 score of its creation or '' (not pending), 6 score of its deadline, 7... event texts
-- Returns {1} if created, {0, request, state, use} if taken, {-1} if parts of a lost record are left.
local request = redis.call('GET', KEYS[1])
if request then
  return {0, request, redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])}
end
-- A decision that outlived its request must never become the decision of a new one.
if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then
  return {-1}
end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2]) end
if ARGV[3] ~= '' then redis.call('SET', KEYS[3], ARGV[3]) end
if ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[4], ARGV[5], ARGV[4])
  redis.call('ZADD', KEYS[5], ARGV[6], ARGV[4])
end
for i = 7, #ARGV do redis.call('XADD', KEYS[6], '*', 'e', ARGV[i]) end
redis.call('PUBLISH', KEYS[7], '1')
return {1}
