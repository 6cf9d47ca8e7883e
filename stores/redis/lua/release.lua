-- Give a lease back, if the holder has it.
-- KEYS: 1 lease
-- ARGV: 1 holder
-- Returns how many leases were given back.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
