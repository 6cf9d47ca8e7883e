-- Add sealed entries behind the head, if the head is the expected one.
-- KEYS: 1 audit
-- ARGV: 1 id of the expected last entry or '', 2 its hash, 3... pairs of id and line
-- Returns 1 if added, 0 if the head is another.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local id, hash = '', ''
if last then
  id = last[1]
  -- A line ends with its hash: `"hash":"<64 digits>"}`.
  hash = string.sub(last[2][2], -66, -3)
end
if id ~= ARGV[1] or (last and hash ~= ARGV[2]) then return 0 end
for i = 3, #ARGV, 2 do redis.call('XADD', KEYS[1], ARGV[i], 'e', ARGV[i + 1]) end
return 1
