-- Write the bounds.
-- KEYS: 1 bounds
-- ARGV: 1 pending, 2 per minute, 3 retention in seconds
-- Returns 1.
redis.call('HSET', KEYS[1], 'pending', ARGV[1], 'minute', ARGV[2], 'retention', ARGV[3])
return 1
