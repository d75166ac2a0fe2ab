#!lua flags=allow-oom
-- Stores the testimony of a node about a stream (fence/verdict.ts), if the state of the stream is still the one that the node read.
-- KEYS 1 meta, 2 witnesses   ARGV 1 state that the node has read, 2 node, 3 its testimony, 4 how long it is kept, in ms
-- Returns {'changed'}, or {'testimonies', number of the testimony, node, testimony, node, testimony…}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'changed'} end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
local reply = {'testimonies', tostring(redis.call('HINCRBY', KEYS[2], '#', 1))}
redis.call('PEXPIRE', KEYS[2], ARGV[4])
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
  if all[i] ~= '#' then
    reply[#reply + 1] = all[i]
    reply[#reply + 1] = all[i + 1]
  end
end
return reply
