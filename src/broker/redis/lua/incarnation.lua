#!lua flags=no-writes,allow-oom
-- Identifies the current run of the server that has this key. The run id changes with a restart, the replication id with a promotion.
-- KEYS 1 any key of the stream
-- Returns {role, '<run_id>:<master_replid>'}.
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local function field(name) return string.match(info, '\n' .. name .. ':([^\r\n]*)') or '' end
return {field('role'), field('run_id') .. ':' .. field('master_replid')}
