#!lua flags=allow-oom
-- Renews a node's lease and reads the other nodes (fence/membership.ts).
-- KEYS 1 registry
-- ARGV 1 node, 2 count, 3 '1' for a member, 4 the nodes that it knows (separated by commas, '-' for none),
--      5 how long Redis keeps the registry after its last renewal, in ms,
--      then the nodes to remove, each with the count that its entry must have ('' for any)
-- Returns {'known' or, if the node had no entry, 'forgotten', then node, entry, node, entry…}.
-- An entry is '<count> <member> <known nodes>'.
for i = 6, #ARGV, 2 do
  local entry = redis.call('HGET', KEYS[1], ARGV[i])
  if entry and (ARGV[i + 1] == '' or string.match(entry, '^%d+') == ARGV[i + 1]) then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
local known = redis.call('HGET', KEYS[1], ARGV[1])
-- A node whose entry was lost is not a member until the nodes that have registered since then know it.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. (known and ARGV[3] or '0') .. ' ' .. ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local reply = redis.call('HGETALL', KEYS[1])
table.insert(reply, 1, known and 'known' or 'forgotten')
return reply
