-- Take or renew a lease.
-- KEYS: 1 lease, 2 fence
-- ARGV: 1 holder, 2 milliseconds
-- Returns the fence, or nil if somebody else holds the lease.
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(redis.call('GET', KEYS[2]))
end
if holder then return nil end
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return fence
