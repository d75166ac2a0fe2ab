#!lua flags=no-writes,allow-oom
-- Reads one page of the newest events per key, and the state of the stream at the same instant.
-- KEYS 1 meta, 2 latest, 3 order
-- ARGV 1 lowest score ('-inf' or '(<score>'), 2 maximum number of keys
-- Returns {state or false, score after which the next page begins ('' after the last page), line…}.
local state = redis.call('GET', KEYS[1])
local keys = redis.call('ZRANGEBYSCORE', KEYS[3], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local names = redis.call('HGET', KEYS[2], 'names') or ''
local reply = {state, ''}
if #keys == ARGV[2] * 2 then reply[2] = '(' .. keys[#keys] end
for i = 1, #keys, 2 do
  local under = string.match(keys[i], '^name (.*)$') or names
  for name in string.gmatch(under, '%S+') do
    local line = redis.call('HGET', KEYS[2], name .. ' ' .. keys[i])
    if line then reply[#reply + 1] = line end
  end
end
return reply
