-- Note a newer schema version.
-- KEYS: 1 meta
-- ARGV: 1 schema version
-- Returns 1.
redis.call('HSET', KEYS[1], 'schema', ARGV[1])
return 1
