-- Remove what is under a key, on a condition.
-- KEYS: 1 checkpoint, 2 index
-- ARGV: 1 key, 2 '1' if there is a condition, 3 the version that must stand
-- Returns 1 if removed, 0 if not, 'corrupt' if what stands has no version.
if ARGV[2] == '1' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  local front = redis.call('GETRANGE', KEYS[1], 0, 128)
  local standing = string.match(front, '^(%S+) ')
  if not standing then return 'corrupt' end
  if standing ~= ARGV[3] then return 0 end
end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
