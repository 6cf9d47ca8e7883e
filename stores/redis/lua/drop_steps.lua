-- Remove the log of a run.
-- KEYS: 1 steps
-- Returns 1 if there was one, else 0.
return redis.call('DEL', KEYS[1])
