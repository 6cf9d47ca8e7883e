-- Note how far a reader has come, if its fence is the newest. Never backwards.
-- KEYS: 1 reader, 2 fence, 3 events
-- ARGV: 1 cursor, 2 fence or ''
-- Returns 1, or 0 if the fence is not the newest.
if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end

-- Read from a server that died with it: the next events may get places before it.
if #redis.call('XRANGE', KEYS[3], ARGV[1], ARGV[1]) == 0 then return 1 end

-- Stream ids are two numbers of up to 64 bits, more than a Lua number keeps: longer text is larger.
local function before(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local noted = redis.call('GET', KEYS[1])
if noted then
  local old_time, old_place = string.match(noted, '^(%d+)-(%d+)$')
  local time, place = string.match(ARGV[1], '^(%d+)-(%d+)$')
  local forward = before(old_time, time) or (old_time == time and before(old_place, place))
  if not forward then return 1 end
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
