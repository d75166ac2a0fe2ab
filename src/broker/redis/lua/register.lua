#!lua flags=allow-oom
-- Enters a stream into the index of streams, and announces the stream to the nodes (keys.ts).
-- KEYS 1 index, 2 departed streams
-- ARGV 1 stream
--      2 'created': the stream has no events yet. 'found': the stream may have events; if it is already in the index, nothing is changed.
--        'replaced': the stream exists in a new epoch, and its earlier events were lost
--      3 channel of the nodes
--      4 the position '<epoch> <sequence>' up to which the events of a found or replaced stream are not new, '' if the stream has no events
--      5 maximum number of departed streams to keep, 6 how long they are kept after the last departure, in ms
--      7 the epoch of a created stream, '' if it is unknown
-- Returns 1, or 0 if nothing was changed.
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[2] == 'found' and before then return 0 end
local time = redis.call('TIME')
local newest = tonumber(redis.call('ZSCORE', KEYS[1], '#') or '0') + 1
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > newest then newest = now end
local place, text = newest, 'stream ' .. ARGV[1]
-- A replaced stream that is entered again stays marked as replaced, so that nodes still learn that its earlier events were lost.
local replaced = before and tonumber(before) % 1 == 0.75
if ARGV[2] == 'created' and replaced then place = newest - 0.25 end
if ARGV[4] ~= '' then
  place = newest - (ARGV[2] == 'replaced' and 0.25 or 0.5)
  text = 'found ' .. ARGV[4] .. ' ' .. ARGV[1]
end
redis.call('ZADD', KEYS[1], place, ARGV[1], newest, '#')
-- The entry of an expired stream of this name was still in the index. That stream has now left the index.
if ARGV[2] == 'created' and before and not replaced then
  redis.call('ZADD', KEYS[2], before, before .. ' ' .. ARGV[1])
  local excess = redis.call('ZCARD', KEYS[2]) - ARGV[5]
  if excess > 0 then
    local dropped = redis.call('ZPOPMIN', KEYS[2], excess + 1)
    redis.call('ZADD', KEYS[2], 'GT', dropped[#dropped], '#')
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
text = text .. ' ' .. string.format('%.2f', place)
if ARGV[4] == '' and ARGV[7] ~= '' then text = text .. ' ' .. ARGV[7] end
redis.call('PUBLISH', ARGV[3], text)
return 1
