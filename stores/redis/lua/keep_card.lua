-- Write a note into a slot, on a condition.
-- KEYS: 1 card
-- ARGV: 1 slot, 2 note, 3 '1' if there is a condition, 4 the text that the slot must hold, '' for none
-- Returns 1 if written, 0 if not.
if ARGV[3] == '1' and (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[4] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
