#!lua flags=no-writes,allow-oom
-- Reads what a node needs for its testimony (fence/verdict.ts): the state of the stream, and the event at the position that the node knows.
-- KEYS 1 meta, 2 log   ARGV 1 at, 2 sequence of the position that the node knows (both '' if it knows none)
-- Returns {state or false, 'event <eventId>' | 'trimmed' | 'missing'}.
local state = redis.call('GET', KEYS[1])
if ARGV[2] == '' then return {state, 'missing'} end
local id = ARGV[1] .. '-' .. ARGV[2]
local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
if entry then return {state, 'event ' .. string.match(entry[2][2], '^%S+ %S+ %S+ (%S+)')} end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
if first and tonumber(string.match(first[1], '%d+$')) <= tonumber(ARGV[2]) then return {state, 'missing'} end
return {state, 'trimmed'}
