#!lua
-- Announces a source loss to the subscribers on every node (GAP-2). Like an event, the loss is numbered and kept: a node whose subscription
-- was interrupted, and a resume from its position or an earlier one, must also report it. A client at the newest position can resume as
-- long as `meta` exists, even if the log has expired. Therefore the losses expire together with `meta`.
-- KEYS 1 meta, 2 losses
-- ARGV 1 channel, 2 PUBLISH or SPUBLISH, 3 maximum number of losses to keep, 4 TTL of the stream in ms (0: none), 5 the paths as JSON
-- Returns the number of the loss. If nothing was written, returns only the reason: 'unborn' (the stream must be opened first), 'foreign'
-- (another version wrote the stream) or 'denied <command>' (the user lacks a permission).
local state = redis.call('GET', KEYS[1])
if not state then return 'unborn' end
local head, sequence, epoch, losses, evicted =
  string.match(state, '^(f2 (%d+) %d+ %S+ (%S+) %S+) (%d+) (%d)$')
if not head then return 'foreign' end
-- No command may fail after the first write (publish.lua), so the permissions for all commands are checked first.
local writes = {
  {'XADD', KEYS[2], '*', 'l', ''}, {'PEXPIRE', KEYS[2], 1}, {'SET', KEYS[1], ''}, {ARGV[2], ARGV[1], ''},
}
for i = 1, #writes do
  if not redis.acl_check_cmd(unpack(writes[i])) then return 'denied ' .. writes[i][1] end
end
losses = losses + 1
local text = epoch .. ' ' .. sequence .. ' ' .. ARGV[5]
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], losses .. '-0', 'l', text)
redis.call('SET', KEYS[1], head .. ' ' .. losses .. ' ' .. evicted)
if ARGV[4] ~= '0' then
  for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
end
redis.call(ARGV[2], ARGV[1], '?' .. losses .. ' ' .. text)
return tostring(losses)
