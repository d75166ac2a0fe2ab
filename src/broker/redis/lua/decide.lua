#!lua flags=allow-oom
-- Executes a decision about the epoch of a stream (fence/verdict.ts), if the state and the testimonies on which it is based have not
-- changed.
-- KEYS 1 meta, 2 log, 3 latest, 4 order, 5 losses, 6 witnesses
-- ARGV 1 state on which the decision is based, 2 number of the last testimony on which it is based,
--      3 'begin' for a new epoch, 'extend' to continue the epoch, or 'end' for a new epoch even if the state or the testimonies have
--        changed; with 'end', ARGV 1 is the epoch that ends,
--      4 id of the new epoch, 5 incarnation, 6 channel, 7 PUBLISH or SPUBLISH, 8 TTL of the stream in ms (0: none)
-- Returns {'done', new state}, or {'changed'} if nothing was done.
local state = redis.call('GET', KEYS[1])
if not state then return {'changed'} end
local seq, at, last, epoch, rest = string.match(state, '^f2 (%d+) (%d+) (%S+) (%S+) %S+ (%d+ %d)$')
if ARGV[3] == 'end' then
  if epoch ~= ARGV[1] then return {'changed'} end
elseif state ~= ARGV[1] or (redis.call('HGET', KEYS[6], '#') or '') ~= ARGV[2] then
  return {'changed'}
end
if ARGV[3] == 'extend' then
  state = 'f2 ' .. seq .. ' ' .. at .. ' ' .. last .. ' ' .. epoch .. ' ' .. ARGV[5] .. ' ' .. rest
  local left = redis.call('PTTL', KEYS[1])
  redis.call('SET', KEYS[1], state)
  if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
  redis.call('DEL', KEYS[6])
else
  state = 'f2 0 ' .. at .. ' - ' .. ARGV[4] .. ' ' .. ARGV[5] .. ' 0 0'
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
  redis.call('SET', KEYS[1], state)
  if ARGV[8] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[8]) end
  redis.call(ARGV[7], ARGV[6], '!')
end
return {'done', state}
