#!lua
-- A publish: one atomic step (STR-4) of epoch -> sequence -> XADD -> newest per key -> idempotency -> PUBLISH.
-- It takes every event that one node has for the stream at that moment: a call costs Redis more than an event does.
--
-- Nothing may fail once something has been written, because Redis does not undo what a script wrote. Redis refuses a
-- command that may need memory only as long as a script has not written yet; so out of memory, a failing disk or a lost
-- replica fail the publish as a whole at the first XADD. What else can fail is tried before it: the types of the keys by
-- reading them, and the permissions of the user. (PUBLISH alone would go through where XADD is refused; so it comes last.)
--
-- KEYS 1 meta, 2 log, 3 latest, 4 order, 5… idempotency keys
-- ARGV 1 incarnation, 2 channel, 3 PUBLISH or SPUBLISH, 4 bounds "events bytes age ttl keys window" (ms, 0: none),
--      5 names of the events that this node keeps per key, then four for each event: its id, its line without the place, what
--      to retain ('+key': it is the newest of its name under the key, '-key': the key is cleared, '': nothing), which of
--      KEYS is its idempotency key ('' for none)
-- Returns one text for each event: 'published <epoch> <sequence> <eventId> <at>' or 'duplicate …' with the first result; or
-- only 'unborn' (open.lua first), 'fenced' (the fence first), 'foreign' (written by another version) or
-- 'denied <command>' (the user lacks a permission). Only the first two kinds of reply have written something.
--
-- Numbers are joined as they are: Lua writes them in full below 1e14, which a stream reaches after 30 years at
-- 100,000 events per second.
local state = redis.call('GET', KEYS[1])
if not state then return {'unborn'} end
local seq, at, last, epoch, run, losses, evicted =
  string.match(state, '^f2 (%d+) (%d+) (%S+) (%S+) (%S+) (%d+) (%d)$')
if not seq then return {'foreign'} end
if run ~= ARGV[1] then return {'fenced'} end

local max_events, max_bytes, max_age, ttl, max_keys, window =
  string.match(ARGV[4], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
seq, at = tonumber(seq), tonumber(at)
if now > at then at = now end

local count = (#ARGV - 5) / 4
local trims = seq % 64 + count >= 64
local needed = {
  {'XADD', KEYS[2], '*', 'e', ''}, {'HSET', KEYS[3], 'f', ''}, {'HDEL', KEYS[3], 'f'}, {'ZADD', KEYS[4], 0, 'm'},
  {'ZREM', KEYS[4], 'm'}, {'ZPOPMIN', KEYS[4]}, {'XTRIM', KEYS[2], 'MAXLEN', 0}, {'PEXPIRE', KEYS[2], 1},
  {'SET', KEYS[1], ''}, {ARGV[3], ARGV[2], ''},
}
if trims then needed[#needed + 1] = {'MEMORY', 'USAGE', KEYS[2]} end
for i = 1, #needed do
  if not redis.acl_check_cmd(unpack(needed[i])) then return {'denied ' .. needed[i][1]} end
end
-- Nodes may have different contracts, so every node reads the keys that any node retains.
local names, grown = redis.call('HGET', KEYS[3], 'names') or '', false
for name in string.gmatch(ARGV[5], '%S+') do
  if not string.find(names .. ' ', ' ' .. name .. ' ', 1, true) then names, grown = names .. ' ' .. name, true end
end
redis.call('ZCARD', KEYS[4])
local length = redis.call('XLEN', KEYS[2])
local used = trims and redis.call('MEMORY', 'USAGE', KEYS[2]) or 0

-- `latest` events have their own key: 'name <event>'.
local function drop(key)
  local under = string.match(key, '^name (.*)$') or names
  for name in string.gmatch(under, '%S+') do redis.call('HDEL', KEYS[3], name .. ' ' .. key) end
end

local firsts = {}
for i = 6, #ARGV, 4 do
  local once = ARGV[i + 3]
  if once ~= '' then firsts[i] = redis.call('GET', KEYS[tonumber(once)]) end
end

local replies, lines, kept, placed = {}, {}, false, {}
for i = 6, #ARGV, 4 do
  local id, once = ARGV[i], ARGV[i + 3]
  local first = once ~= '' and (firsts[i] or placed[KEYS[tonumber(once)]])
  if first then
    replies[#replies + 1] = 'duplicate ' .. first
  else
    seq = seq + 1
    local line = epoch .. ' ' .. seq .. ' ' .. at .. ' ' .. id .. ' ' .. ARGV[i + 1]
    redis.call('XADD', KEYS[2], at .. '-' .. seq, 'e', line)
    local retain = ARGV[i + 2]
    if retain ~= '' then
      local key = string.sub(retain, 2)
      if string.byte(retain) == 43 then
        redis.call('HSET', KEYS[3], string.match(ARGV[i + 1], '^%S+') .. ' ' .. key, line)
        redis.call('ZADD', KEYS[4], seq, key)
        kept = true
      else
        drop(key)
        redis.call('ZREM', KEYS[4], key)
      end
    end
    local place = epoch .. ' ' .. seq .. ' ' .. id .. ' ' .. at
    if once ~= '' then
      redis.call('SET', KEYS[tonumber(once)], place, 'PX', window)
      placed[KEYS[tonumber(once)]] = place
    end
    last = id
    lines[#lines + 1] = line
    replies[#replies + 1] = 'published ' .. place
  end
end
if #lines == 0 then return replies end

if kept then
  if grown then redis.call('HSET', KEYS[3], 'names', names) end
  local excess = redis.call('ZCARD', KEYS[4]) - max_keys
  if excess > 0 then
    local out = redis.call('ZPOPMIN', KEYS[4], excess)
    for i = 1, #out, 2 do drop(out[i]) end
    evicted = '1'
  end
end
-- Only whole listpacks are trimmed ('~'), so the log may exceed its bounds slightly.
if trims then
  redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', max_events)
  redis.call('XTRIM', KEYS[2], 'MINID', '~', at - max_age)
  if used > max_bytes * 1.25 then
    redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', math.floor((length + #lines) * max_bytes / used))
  end
end

redis.call('SET', KEYS[1], 'f2 ' .. seq .. ' ' .. at .. ' ' .. last .. ' ' .. epoch .. ' ' .. run .. ' ' .. losses .. ' ' .. evicted)
redis.call('PEXPIRE', KEYS[2], max_age * 2)
if ttl ~= '0' then
  for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ttl) end
end
redis.call(ARGV[3], ARGV[2], '@' .. run .. '\n' .. table.concat(lines, '\n'))
return replies
