-- Fix the schema version and the number of buckets at the first start.
-- KEYS: 1 meta
-- ARGV: 1 schema version, 2 buckets
-- Returns {schema version, buckets} as they stand.
redis.call('HSETNX', KEYS[1], 'schema', ARGV[1])
redis.call('HSETNX', KEYS[1], 'buckets', ARGV[2])
return redis.call('HMGET', KEYS[1], 'schema', 'buckets')
