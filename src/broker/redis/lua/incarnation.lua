#!lua flags=no-writes,allow-oom
-- Identifies the run of the server that has this key: changes with a restart (run_id) and with a promotion (replication id).
-- KEYS 1 any key of the stream. Returns {role, '<run_id>:<master_replid>'}.
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local function field(name) return string.match(info, '\n' .. name .. ':([^\r\n]*)') or '' end
return {field('role'), field('run_id') .. ':' .. field('master_replid')}
