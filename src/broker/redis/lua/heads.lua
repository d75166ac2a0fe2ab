#!lua flags=no-writes,allow-oom
-- Reads the states of several streams.
-- KEYS meta of each stream
-- Returns the state of each stream: '' for a stream that does not exist, and '?' for a stream whose state is not a string, so that the
-- other states are still read.
local states = {}
for i = 1, #KEYS do
  local state = redis.pcall('GET', KEYS[i]) or ''
  states[i] = type(state) == 'string' and state or '?'
end
return states
