-- Keep a text under a key, on a condition.
-- KEYS: 1 checkpoint, 2 index
-- ARGV: 1 key, 2 new version, 3 text, 4 '1' if there is a condition,
--       5 the version that must stand, '' for none
-- Returns 1 if written, 0 if not, 'corrupt' if what stands has no version.
if ARGV[4] == '1' then
  local standing = ''
  if redis.call('EXISTS', KEYS[1]) == 1 then
    -- The longest version and the space behind it: the text itself may have megabytes.
    local front = redis.call('GETRANGE', KEYS[1], 0, 128)
    standing = string.match(front, '^(%S+) ')
    if not standing then return 'corrupt' end
  end
  if standing ~= ARGV[5] then return 0 end
end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3])
return 1
