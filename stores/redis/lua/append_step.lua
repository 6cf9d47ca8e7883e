-- Add a row to the log of a run, if the run is its worker's or the last row is the expected one.
-- KEYS: 1 steps
-- ARGV: 1 worker, 2 id of the row, 3 row, 4 '1' if another worker may be followed,
--       5 the id that the last row must have then, '' for an empty log
-- Returns 1 if added, 0 if not, 'corrupt' if the last row has no worker and id in front.
local entry = redis.call('LINDEX', KEYS[1], -1)
local worker, last = '', ''
if entry then
  worker, last = string.match(entry, '^(%S+) (%S+) ')
  if not last then return 'corrupt' end
end
if worker ~= ARGV[1] and not (ARGV[4] == '1' and last == ARGV[5]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
return 1
