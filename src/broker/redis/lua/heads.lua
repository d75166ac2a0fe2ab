#!lua flags=no-writes,allow-oom
-- Reads the states of several streams.
-- KEYS meta of each stream. Returns their states, '' for a stream that does not exist.
local states = {}
for i = 1, #KEYS do states[i] = redis.call('GET', KEYS[i]) or '' end
return states
