#!lua flags=no-writes,allow-oom
-- Reads one page of the streams that were entered into the index after a place.
-- The member '#' of the index is not a stream, and is left out of the page. Its score is the newest place. So it is sorted directly before
-- the newest stream, which has the same score. The next page begins after the last stream of this page.
-- KEYS 1 index   ARGV 1 place, 2 maximum number of entries; at least 2, because '#' may be one of them
-- Returns {newest place, place after which the next page begins ('' after the last page), identity of the index ('' if it is not
-- complete, see complete.lua), time of the server in ms, then for each stream: its name, its place}.
local newest = redis.call('ZSCORE', KEYS[1], '#') or '0'
local identity = redis.call('ZSCORE', KEYS[1], '!') or ''
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local reply, last = {newest, '', identity, now}, ''
for i = 1, #found, 2 do
  if found[i] ~= '#' then
    reply[#reply + 1] = found[i]
    reply[#reply + 1] = found[i + 1]
    last = found[i + 1]
  end
end
if #found == ARGV[2] * 2 then reply[2] = last end
return reply
