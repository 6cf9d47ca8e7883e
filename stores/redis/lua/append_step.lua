-- Add a row to the log of a run, if the run is this worker's or was the expected one's.
-- KEYS: 1 steps
-- ARGV: 1 worker, 2 row, 3 '1' if another worker may be followed, 4 that worker, '' for an empty log
-- Returns 1 if added, 0 if not, 'corrupt' if the last row names no worker.
local last = redis.call('LINDEX', KEYS[1], -1)
local holder = ''
if last then
  holder = string.match(last, '^(%S+) ')
  if not holder then return 'corrupt' end
end
if holder ~= ARGV[1] and not (ARGV[3] == '1' and holder == ARGV[4]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
return 1
