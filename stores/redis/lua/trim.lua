-- Take away the beginning of the events that is sealed and that every reader has passed.
-- KEYS: 1 events, 2 audit, 3... readers
-- ARGV: 1 how many of those events stay
-- Returns how many events are gone.

-- Stream ids are two numbers of up to 64 bits, more than a Lua number keeps: longer text is larger.
local function before(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local sealed = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if not sealed then return 0 end
-- The first field is the cursor of its event, or the whole line, which begins with it.
local text = sealed[2][2]
local lowest = string.match(text, '^(%d+%-%d+)$')
  or string.match(text, '^{"entry":{"cursor":"(%d+%-%d+)"')
if not lowest then return 0 end
for i = 3, #KEYS do
  local noted = redis.call('GET', KEYS[i])
  if not noted then return 0 end
  local time, place = string.match(noted, '^(%d+)-(%d+)$')
  local low_time, low_place = string.match(lowest, '^(%d+)-(%d+)$')
  if not time then return 0 end
  if before(time, low_time) or (time == low_time and before(place, low_place)) then
    lowest = noted
  end
end
local kept = redis.call('XREVRANGE', KEYS[1], lowest, '-', 'COUNT', ARGV[1])
if #kept < tonumber(ARGV[1]) then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', kept[#kept][1])
