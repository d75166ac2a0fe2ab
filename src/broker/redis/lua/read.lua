#!lua flags=no-writes,allow-oom
-- Reads one page of the log, and the state of the stream at the same instant. A page ends at about 1 MiB, so that no read blocks Redis for
-- long.
-- KEYS 1 meta, 2 log   ARGV 1 first id of the range ('-' or '(<at>-<sequence>'), 2 maximum number of events
-- Returns {state or false, 1 if the log has more, line…}.
local state = redis.call('GET', KEYS[1])
local reply = {state, 0}
local from, room, bytes = ARGV[1], tonumber(ARGV[2]), 0
while true do
  local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', math.min(room, 64))
  for _, entry in ipairs(entries) do
    reply[#reply + 1] = entry[2][2]
    bytes = bytes + #entry[2][2]
    from = '(' .. entry[1]
  end
  room = room - #entries
  if #entries == 0 then break end
  if room <= 0 or bytes > 1048576 then
    reply[2] = 1
    break
  end
end
return reply
