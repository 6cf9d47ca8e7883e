-- Add sealed entries behind the head, if the head is the expected one.
-- KEYS: 1 audit
-- ARGV: 1 id of the expected last entry or '', 2 and 3 its hash in digits and short,
--       4... of each entry: id, how many fields, fields
-- Returns 1 if added, 0 if the head is another.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if (last and last[1] or '') ~= ARGV[1] then return 0 end
if last then
  -- The last field is the hash, or a whole line, which ends with it: `"hash":"<64 digits>"}`.
  local text = last[2][#last[2]]
  if text ~= ARGV[3] and string.sub(text, -66, -3) ~= ARGV[2] then return 0 end
end
local i = 4
while ARGV[i] do
  local fields = tonumber(ARGV[i + 1])
  redis.call('XADD', KEYS[1], ARGV[i], unpack(ARGV, i + 2, i + 1 + fields))
  i = i + 2 + fields
end
return 1
