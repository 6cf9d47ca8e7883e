-- Write a record's state as it stands, so that WAIT on this connection waits for it.
-- KEYS: 1 state
-- Returns 1 if there is a state, 0 if there is none.
local standing = redis.call('GET', KEYS[1])
if not standing then return 0 end
-- WAIT is promised only for what this connection itself wrote.
redis.call('SET', KEYS[1], standing, 'KEEPTTL')
return 1
