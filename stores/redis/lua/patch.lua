-- Replace a record's state if its version is the expected one and it is not too late.
-- KEYS: 1 request, 2 state, 3 use, 4 pending, 5 deadlines, 6 events, 7 wake channel,
--       8 how many its agent has pending, 9 ended
-- ARGV: 1 expected version, 2 new state text, 3 latest moment in microseconds or '',
--       4 record key, 5 new version, 6 score of its deadline or '' (final),
--       7 use text or '', 8... event texts
-- Returns 'applied', 'missing', 'stale', 'late', 'corrupt', or {'use', <standing use text>}.

-- Counted is what has a deadline: it comes in and goes out there once.
local function count(more)
  if more == 0 then return end
  local asking = (tonumber(redis.call('GET', KEYS[8])) or 0) + more
  if asking > 0 then
    redis.call('SET', KEYS[8], string.format('%.0f', asking))
  else
    redis.call('DEL', KEYS[8])
  end
end

if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
local head = redis.call('GETRANGE', KEYS[2], 0, 20)
local version = '1'
if head ~= '' then
  version = string.match(head, '^([0-9]+):')
  if not version then return 'corrupt' end
end
if version ~= ARGV[1] then return 'stale' end
local time = redis.call('TIME')
if ARGV[3] ~= '' then
  -- The store's clock, in the write itself: nothing can come between looking and writing.
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  if now >= tonumber(ARGV[3]) then return 'late' end
end
local writes_use = false
if ARGV[7] ~= '' then
  local standing = redis.call('GET', KEYS[3])
  if standing and standing ~= ARGV[7] then return {'use', standing} end
  writes_use = not standing
end
redis.call('SET', KEYS[2], ARGV[2])
if writes_use then redis.call('SET', KEYS[3], ARGV[7]) end
if ARGV[6] == '' then
  redis.call('ZREM', KEYS[4], ARGV[4])
  count(-redis.call('ZREM', KEYS[5], ARGV[4]))
  redis.call('ZADD', KEYS[9], time[1], ARGV[4])
else
  -- Also what did not come by `put` counts from here on.
  count(redis.call('ZADD', KEYS[5], ARGV[6], ARGV[4]))
end
for i = 8, #ARGV do redis.call('XADD', KEYS[6], '*', 'e', ARGV[i]) end
redis.call('PUBLISH', KEYS[7], ARGV[5])
return 'applied'
