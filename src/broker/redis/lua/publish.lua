#!lua
-- A publish is one atomic step (STR-4): epoch -> sequence -> XADD -> newest per key -> idempotency -> PUBLISH. One call publishes all
-- events that wait for the stream on one node, because a call costs Redis more than an event. For the same reason, all retained events of a
-- call are written together.
--
-- Redis does not undo what a script has written, so nothing may fail after the first write. If Redis is out of memory, or its disk or a
-- replica fails, Redis does not run this script at all, because its first line has neither the flag `allow-oom` nor `no-writes`. Everything
-- else that can fail is checked before the first write: the types of the keys, by reading them, and the permissions of the user. PUBLISH
-- comes last, so that no event is announced that was not stored.
--
-- KEYS 1 meta, 2 log, 3 latest, 4 order, 5 losses, 6… idempotency keys
-- ARGV 1 incarnation, 2 id that the newest event must have ('': any), 3 channel, 4 PUBLISH or SPUBLISH,
--      5 bounds "events bytes age ttl keys window" (ms, 0: none), 6 names of the events that this node keeps per key,
--      7 the numbers of the events that have an idempotency key ('1 4': KEYS 6 is the key of the first event, KEYS 7 that of the fourth),
--      8… two arguments for each event: its line from the id on, and what to retain ('+key': it is the newest of its name under the key,
--        '-key': the key is cleared, '': nothing)
-- Returns 'published <epoch> <sequence of the event before> <at>', then for each event '', or the first result '<epoch> <sequence>
-- <eventId> <at>' of a duplicate. If nothing was written, returns only the reason: 'unborn' (the stream must be opened first), 'fenced'
-- (the fence must decide first), 'moved' (ARGV 2 is not the newest event), 'foreign' (another version wrote the stream) or 'denied
-- <command>' (the user lacks a permission).
--
-- Numbers are joined to texts without formatting. Lua writes all digits of a number below 1e14; from there on, it would round. A stream
-- reaches this number after 30 years at 100,000 events per second.
local call = redis.call
local state = call('GET', KEYS[1])
if not state then return {'unborn'} end
local seq, at, last, epoch, run, losses, evicted =
  string.match(state, '^f2 (%d+) (%d+) (%S+) (%S+) (%S+) (%d+) (%d)$')
if not seq then return {'foreign'} end
if run ~= ARGV[1] then return {'fenced'} end
if ARGV[2] ~= '' and ARGV[2] ~= last then return {'moved'} end

local max_events, max_bytes, max_age, ttl, max_keys, window =
  string.match(ARGV[5], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
seq, at = tonumber(seq), tonumber(at)
if now > at then at = now end

local first_event = 8
local count = (#ARGV - 7) / 2
local trims, retains = seq % 64 + count >= 64, false
for i = first_event + 1, #ARGV, 2 do
  if ARGV[i] ~= '' then retains = true end
end
local needed = {{'XADD', KEYS[2], '*', 'e', ''}, {'PEXPIRE', KEYS[2], 1}, {'SET', KEYS[1], ''}, {ARGV[4], ARGV[3], ''}}
if retains then
  needed[5], needed[6], needed[7] = {'HSET', KEYS[3], 'f', ''}, {'HDEL', KEYS[3], 'f'}, {'ZADD', KEYS[4], 0, 'm'}
  needed[8], needed[9] = {'ZREM', KEYS[4], 'm'}, {'ZPOPMIN', KEYS[4]}
end
if trims then
  needed[#needed + 1] = {'XTRIM', KEYS[2], 'MAXLEN', 0}
  needed[#needed + 1] = {'MEMORY', 'USAGE', KEYS[2]}
end
for i = 1, #needed do
  if not redis.acl_check_cmd(unpack(needed[i])) then return {'denied ' .. needed[i][1]} end
end
-- The names of the events that any node retains per key. Nodes may have different contracts, so this node adds its own names.
local names, grown = '', false
if retains then
  names = call('HGET', KEYS[3], 'names') or ''
  for name in string.gmatch(ARGV[6], '%S+') do
    if not string.find(names .. ' ', ' ' .. name .. ' ', 1, true) then names, grown = names .. ' ' .. name, true end
  end
  call('ZCARD', KEYS[4])
end
local length = call('XLEN', KEYS[2])
-- The keys of a session stream expire together, except `meta` and `losses` while the stream is attached. So if the log is gone, the
-- retained events are gone too.
local expired = ttl ~= '0' and seq > 0 and length == 0
local used = trims and call('MEMORY', 'USAGE', KEYS[2]) or 0

-- Drops retained keys, with the newest event of every name under these keys. The key of a `latest` event is 'name <event>'. `step` is 2 if
-- `keys` also has the score of each key, as from ZPOPMIN.
local function drop(keys, step)
  local gone = {KEYS[3]}
  for i = 1, #keys, step do
    local under = string.match(keys[i], '^name (.*)$') or names
    for name in string.gmatch(under, '%S+') do gone[#gone + 1] = name .. ' ' .. keys[i] end
    -- A Lua call can have only a few thousand arguments.
    if #gone > 1000 then
      call('HDEL', unpack(gone))
      gone = {KEYS[3]}
    end
  end
  if #gone > 1 then call('HDEL', unpack(gone)) end
end

-- The retained events of this call that are not written yet: lines by field of `latest`, and sequence numbers by key.
local fields, scores = {}, {}
local function keep_newest()
  local latest, order = {KEYS[3]}, {KEYS[4]}
  for field, line in pairs(fields) do
    latest[#latest + 1] = field
    latest[#latest + 1] = line
  end
  for key, score in pairs(scores) do
    order[#order + 1] = score
    order[#order + 1] = key
  end
  if #latest == 1 then return end
  call('HSET', unpack(latest))
  call('ZADD', unpack(order))
  fields, scores = {}, {}
end

-- For each event: its idempotency key, and the result of an earlier publish with that key.
local once, firsts, owner = {}, {}, 6
for number in string.gmatch(ARGV[7], '%d+') do
  local i = first_event + 2 * (number - 1)
  once[i] = KEYS[owner]
  firsts[i] = call('GET', KEYS[owner])
  owner = owner + 1
end

local replies, lines, kept, placed = {'published ' .. epoch .. ' ' .. seq .. ' ' .. at}, {}, false, {}
local before_sequence, after_sequence = epoch .. ' ', ' ' .. at .. ' '
for i = first_event, #ARGV, 2 do
  local unique = once[i]
  local first = unique and (firsts[i] or placed[unique])
  if first then
    replies[#replies + 1] = first
  else
    seq = seq + 1
    local line = before_sequence .. seq .. after_sequence .. ARGV[i]
    call('XADD', KEYS[2], at .. '-' .. seq, 'e', line)
    local retain = ARGV[i + 1]
    if retain ~= '' then
      local key = string.sub(retain, 2)
      if string.byte(retain) == 43 then
        fields[string.match(ARGV[i], '^%S+ (%S+)') .. ' ' .. key] = line
        scores[key] = seq
        kept = true
      else
        keep_newest()
        drop({key}, 1)
        call('ZREM', KEYS[4], key)
      end
    end
    if unique then
      local place = epoch .. ' ' .. seq .. ' ' .. string.match(ARGV[i], '^%S+') .. ' ' .. at
      call('SET', unique, place, 'PX', window)
      placed[unique] = place
    end
    last = i
    lines[#lines + 1] = line
    replies[#replies + 1] = ''
  end
end
if #lines == 0 then return replies end
keep_newest()
if expired then evicted = '1' end

if kept then
  if grown then call('HSET', KEYS[3], 'names', names) end
  local excess = call('ZCARD', KEYS[4]) - max_keys
  if excess > 0 then
    drop(call('ZPOPMIN', KEYS[4], excess), 2)
    evicted = '1'
  end
end
-- With '~', Redis removes only whole listpacks (its blocks of entries), so the log may exceed its bounds slightly.
if trims then
  call('XTRIM', KEYS[2], 'MAXLEN', '~', max_events)
  call('XTRIM', KEYS[2], 'MINID', '~', at - max_age)
  if used > max_bytes * 1.25 then
    call('XTRIM', KEYS[2], 'MAXLEN', '~', math.floor((length + #lines) * max_bytes / used))
  end
end

local newest = string.match(ARGV[last], '^%S+')
call('SET', KEYS[1], 'f2 ' .. seq .. ' ' .. at .. ' ' .. newest .. ' ' .. epoch .. ' ' .. run .. ' ' .. losses .. ' ' .. evicted)
call('PEXPIRE', KEYS[2], max_age * 2)
if ttl ~= '0' then
  for i = 1, 5 do call('PEXPIRE', KEYS[i], ttl) end
end
call(ARGV[4], ARGV[3], '@' .. run .. '\n' .. table.concat(lines, '\n'))
return replies
