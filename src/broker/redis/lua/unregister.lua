#!lua flags=allow-oom
-- Removes expired streams from the index, and records them as departed. A stream that was created again in the meantime has a newer place
-- than the given one, and is not removed.
-- KEYS 1 index, 2 departed streams
-- ARGV 1 maximum number of departed streams to keep, 2 how long they are kept after the last departure, in ms,
--      then for each stream: its name, its place when it was found expired
-- Returns the number of removed streams.
local removed = 0
for i = 3, #ARGV, 2 do
  local place = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if place and tonumber(place) == tonumber(ARGV[i + 1]) then
    removed = removed + redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZADD', KEYS[2], place, place .. ' ' .. ARGV[i])
  end
end
local excess = redis.call('ZCARD', KEYS[2]) - ARGV[1]
if excess > 0 then
  local dropped = redis.call('ZPOPMIN', KEYS[2], excess + 1)
  redis.call('ZADD', KEYS[2], 'GT', dropped[#dropped], '#')
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return removed
