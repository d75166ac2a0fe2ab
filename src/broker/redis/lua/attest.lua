#!lua flags=allow-oom
-- A node says what it knows of a stream whose server has changed underneath (docs/decisions: epoch fence). Until
-- everybody who may know more has spoken, the stream takes no event, because a number that was lost could be given out
-- a second time. Whoever knows a position that the log does not have proves a loss: a new epoch begins at once.
--
-- KEYS 1 meta, 2 log, 3 latest, 4 order, 5 losses, 6 witnesses
-- ARGV 1 incarnation, 2 node, 3 epoch for a new life, 4 channel, 5 PUBLISH or SPUBLISH, 6 ttl ms (0: none),
--      7 the other nodes it knows (space between), 8 what it knows: 'none', 'unsure' or
--      '<epoch> <sequence> <at> <eventId>', 9 'decide' ends the waiting, '' otherwise
-- Returns {'unborn' | 'settled' | 'waiting' | 'begun', state, node still to be heard…}.
local state = redis.call('GET', KEYS[1])
if not state then return {'unborn', ''} end
local seq, at, last, epoch, run = string.match(state, '^(%d+) (%d+) (%S+) (%S+) (%S+)')
local fenced = run ~= ARGV[1]

local function begin()
  local fresh = '0 ' .. at .. ' - ' .. ARGV[3] .. ' ' .. ARGV[1] .. ' 0 0'
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
  redis.call('SET', KEYS[1], fresh)
  if ARGV[6] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
  redis.call(ARGV[5], ARGV[4], '!')
  return {'begun', fresh}
end

-- Whether the stream as it stands cannot be the one that the node saw.
local function contradicts(known)
  local k_epoch, k_seq, k_at, k_id = string.match(known, '^(%S+) (%d+) (%d+) (%S+)$')
  if not k_epoch then return known == 'unsure' and fenced end
  if k_epoch ~= epoch then return fenced end
  if tonumber(k_seq) > tonumber(seq) then return true end
  if tonumber(k_seq) == 0 then return false end
  if k_seq == seq then return k_id ~= last end
  local entry = redis.call('XRANGE', KEYS[2], k_at .. '-' .. k_seq, k_at .. '-' .. k_seq)[1]
  if entry then return string.match(entry[2][2], '^%S+ %S+ %S+ (%S+)') ~= k_id end
  -- Not there: trimmed away, or another event stands at that number.
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  return first ~= nil and tonumber(string.match(first[1], '%d+$')) <= tonumber(k_seq)
end

if contradicts(ARGV[8]) then return begin() end
if not fenced then return {'settled', state} end
if ARGV[9] == 'decide' then return begin() end

local knows = string.find(ARGV[8], ' ', 1, true) and '1' or '0'
redis.call('HSET', KEYS[6], ARGV[2], ARGV[1] .. '|' .. knows .. '|' .. ARGV[7])
redis.call('PEXPIRE', KEYS[6], 10000)
local heard, awaited, vouched = {}, {}, false
local all = redis.call('HGETALL', KEYS[6])
for i = 1, #all, 2 do
  local w_run, w_knows, w_peers = string.match(all[i + 1], '^([^|]*)|([^|]*)|(.*)$')
  if w_run == ARGV[1] then
    heard[all[i]] = true
    vouched = vouched or w_knows == '1'
    for peer in string.gmatch(w_peers, '%S+') do awaited[peer] = true end
  end
end
local missing = {}
for peer in pairs(awaited) do
  if not heard[peer] then missing[#missing + 1] = peer end
end
if #missing == 0 and vouched then
  local rest = string.match(state, '(%d+ %d)$')
  local settled = seq .. ' ' .. at .. ' ' .. last .. ' ' .. epoch .. ' ' .. ARGV[1] .. ' ' .. rest
  local left = redis.call('PTTL', KEYS[1])
  redis.call('SET', KEYS[1], settled)
  if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
  redis.call('DEL', KEYS[6])
  return {'settled', settled}
end
return {'waiting', state, unpack(missing)}
