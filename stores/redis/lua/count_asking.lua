-- Bring a bucket from layout 1 to 2: what an agent has pending was a sorted set, and is its count.
-- KEYS: 1 pending, which tells the slot
-- ARGV: 1 pattern of the names
-- Returns how many there were.
local changed = 0
for _, name in ipairs(redis.call('KEYS', ARGV[1])) do
  if redis.call('TYPE', name).ok == 'zset' then
    redis.call('SET', name, redis.call('ZCARD', name))
    changed = changed + 1
  end
end
return changed
