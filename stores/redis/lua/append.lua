-- Add events that change no record, all or none.
-- KEYS: 1 events
-- ARGV: event texts
-- Returns how many there were.
for i = 1, #ARGV do redis.call('XADD', KEYS[1], '*', 'e', ARGV[i]) end
return #ARGV
