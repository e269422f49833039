/**
 * What changes a shared room, each one script, so that no other replica comes in between. A change and the news of it
 * are one: the script that makes it also appends its event to the one stream that all replicas read, so that the order
 * of changes is the order of events, and the same for all. Times are Redis's own clock, ms since 1970.
 *
 * Keys, under one prefix (one Redis, no cluster): `room:<id>` hash of the room · `members:<id>` users by when they came ·
 * `sockets:<id>` open sockets by user · `rooms` ids by the time at which they expire · `replica:<id>` its sockets, each
 * with room and user · `replicas` ids by the time until which they are taken for alive · `graves` replicas that are
 * gone and whose sockets are being taken out · `seq`, `events` the stream, whose ids count 1-0, 2-0, … without a gap ·
 * `population` members of all rooms.
 */

/** Events that the stream keeps: at 5,000 updates a second a replica that lost its connection has 20 s to come back. */
const EVENTS_MAX = 100_000;

const PRELUDE = `
local P = KEYS[1]
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + t[2] / 1000
end
local function tell(...)
  local n = redis.call('INCR', P .. 'seq')
  redis.call('XADD', P .. 'events', 'MAXLEN', '~', ${EVENTS_MAX}, string.format('%.0f-0', n), ...)
end
local function whole(ms) return string.format('%.0f', math.floor(ms)) end
local function touch(id, life) redis.call('ZADD', P .. 'rooms', 'XX', string.format('%.3f', now() + life), id) end
local function position(time, playing, speed, updated)
  if playing ~= 'true' then return time end
  local elapsed = (now() - updated) * speed
  if elapsed <= 0 then return time end
  return string.format('%.0f', math.min(math.floor(time + elapsed + 0.5), 9007199254740991))
end
local function takeOut(replica, socket)
  local key = P .. 'replica:' .. replica
  local held = redis.call('HGET', key, socket)
  if not held then return end
  redis.call('HDEL', key, socket)
  local id, user = string.sub(held, 1, 36), string.sub(held, 37)
  if redis.call('EXISTS', P .. 'room:' .. id) == 0 then return end
  if redis.call('HINCRBY', P .. 'sockets:' .. id, user, -1) > 0 then return end
  redis.call('HDEL', P .. 'sockets:' .. id, user)
  redis.call('ZREM', P .. 'members:' .. id, user)
  redis.call('DECR', P .. 'population')
  local heir = ''
  if redis.call('HGET', P .. 'room:' .. id, 'host') == user then
    heir = redis.call('ZRANGE', P .. 'members:' .. id, 0, 0)[1] or ''
    if heir ~= '' then redis.call('HSET', P .. 'room:' .. id, 'host', heir) end
  end
  tell('kind', 'left', 'room', id, 'user', user, 'count', redis.call('ZCARD', P .. 'members:' .. id), 'host', heir)
end
`;

/** id, creator, name, isPublic, places, mediaUrl and mediaType as JSON, isPlaying, life, most rooms. Gives its creation, or nil. */
const create = `
local id, creator, name, public, places, url, kind, playing, life, most = unpack(ARGV)
if redis.call('ZCARD', P .. 'rooms') >= tonumber(most) then return nil end
local at = now()
redis.call('HSET', P .. 'room:' .. id, 'name', name, 'public', public, 'places', places, 'created', whole(at), 'host', creator,
  'url', url, 'type', kind, 'playing', playing, 'time', '0', 'speed', '1', 'by', creator, 'updated', string.format('%.3f', at), 'joins', 0)
redis.call('ZADD', P .. 'members:' .. id, 0, creator)
redis.call('ZADD', P .. 'rooms', string.format('%.3f', at + life), id)
redis.call('INCR', P .. 'population')
return whole(at)
`;

/** room, user, replica, socket, life. Gives `joined`, `unknown`, `full`, or `buried`: the replica is taken for dead. */
const join = `
local id, user, replica, socket, life = unpack(ARGV)
if not redis.call('ZSCORE', P .. 'replicas', replica) then return 'buried' end
local places = redis.call('HGET', P .. 'room:' .. id, 'places')
if not places then return 'unknown' end
local members = P .. 'members:' .. id
local present = redis.call('ZCARD', members)
local isMember = redis.call('ZSCORE', members, user)
if not isMember and present >= tonumber(places) then return 'full' end
local host = ''
if present == 0 and redis.call('HGET', P .. 'room:' .. id, 'host') ~= user then
  host = user
  redis.call('HSET', P .. 'room:' .. id, 'host', user)
end
if not isMember then
  redis.call('ZADD', members, redis.call('HINCRBY', P .. 'room:' .. id, 'joins', 1), user)
  redis.call('INCR', P .. 'population')
end
local sockets = redis.call('HINCRBY', P .. 'sockets:' .. id, user, 1)
redis.call('HSET', P .. 'replica:' .. replica, socket, id .. user)
touch(id, life)
tell('kind', 'joined', 'room', id, 'user', user, 'count', redis.call('ZCARD', members), 'host', host,
  'replica', replica, 'socket', socket, 'first', sockets == 1 and '1' or '0')
return 'joined'
`;

/** replica, socket. Twice does no harm. */
const leave = `takeOut(ARGV[1], ARGV[2])`;

/** room, user, replica, life, then field and JSON of each change. Gives 1, or 0 where the room is gone. */
const update = `
local id, user, replica, life = unpack(ARGV, 1, 4)
local key = P .. 'room:' .. id
local s = redis.call('HMGET', key, 'url', 'type', 'playing', 'time', 'speed', 'updated')
if not s[1] then return 0 end
local at = now()
local state = { url = s[1], type = s[2], playing = s[3], time = position(s[4], s[3], s[5], s[6]), speed = s[5] }
for i = 5, #ARGV, 2 do state[ARGV[i]] = ARGV[i + 1] end
redis.call('HSET', key, 'url', state.url, 'type', state.type, 'playing', state.playing, 'time', state.time, 'speed', state.speed,
  'by', user, 'updated', string.format('%.3f', at))
touch(id, life)
tell('kind', 'updated', 'room', id, 'user', user, 'replica', replica, 'at', whole(at), 'url', state.url, 'type', state.type,
  'playing', state.playing, 'time', state.time, 'speed', state.speed)
return 1
`;

/** room, life. Notes an act that keeps the room. */
const keep = `touch(ARGV[1], ARGV[2])`;

const STATE = `
local function state(id)
  local s = redis.call('HMGET', P .. 'room:' .. id, 'name', 'public', 'places', 'created', 'host', 'url', 'type', 'playing', 'time',
    'speed', 'by', 'updated')
  if not s[1] then return nil end
  s[9] = position(s[9], s[8], s[10], s[12])
  s[12] = whole(s[12])
  return { s, redis.call('ZRANGE', P .. 'members:' .. id, 0, -1) }
end
`;

/** room. Gives the room's fields with its position now, then its members; nil without it. */
const read = `${STATE} return state(ARGV[1])`;

/**
 * room, replica, socket, life. The state as \`read\` gives it goes to the socket as an event, at its place among the
 * others: an answer on a connection of its own could come after news of what it does not hold yet.
 */
const ask = `${STATE}
local id, replica, socket, life = unpack(ARGV)
local found = state(id)
if not found then return 0 end
touch(id, life)
tell('kind', 'asked', 'room', id, 'replica', replica, 'socket', socket, 'state', cjson.encode(found))
return 1
`;

/** rooms. Gives id, name, public, places, created, host and number of members of each that is there. */
const list = `
local found = {}
for _, id in ipairs(ARGV) do
  local s = redis.call('HMGET', P .. 'room:' .. id, 'name', 'public', 'places', 'created', 'host')
  if s[1] then
    table.insert(s, 1, id)
    table.insert(s, redis.call('ZCARD', P .. 'members:' .. id))
    table.insert(found, s)
  end
end
return found
`;

/** most. Deletes rooms whose time is over; gives how many. */
const expire = `
local ids = redis.call('ZRANGEBYSCORE', P .. 'rooms', '-inf', string.format('%.3f', now()), 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  redis.call('DECRBY', P .. 'population', redis.call('ZCARD', P .. 'members:' .. id))
  redis.call('DEL', P .. 'room:' .. id, P .. 'members:' .. id, P .. 'sockets:' .. id)
  redis.call('ZREM', P .. 'rooms', id)
  tell('kind', 'gone', 'room', id)
end
return #ids
`;

/** replica, how long it is taken for alive. Gives the number of the last event. */
const enrol = `
redis.call('ZADD', P .. 'replicas', string.format('%.3f', now() + ARGV[2]), ARGV[1])
return tonumber(redis.call('GET', P .. 'seq') or '0')
`;

/** As \`enrol\`, for one that is enrolled. Gives the replicas that are gone; nil where this one is taken for dead. */
const beat = `
if not redis.call('ZSCORE', P .. 'replicas', ARGV[1]) then return nil end
redis.call('ZADD', P .. 'replicas', string.format('%.3f', now() + ARGV[2]), ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'replicas', '-inf', string.format('%.3f', now()))) do
  redis.call('ZREM', P .. 'replicas', id)
  redis.call('SADD', P .. 'graves', id)
end
return redis.call('SMEMBERS', P .. 'graves')
`;

/** replica, most. Takes sockets of a replica that is gone out of their rooms; gives how many are left. */
const bury = `
redis.call('ZREM', P .. 'replicas', ARGV[1])
redis.call('SADD', P .. 'graves', ARGV[1])
local key = P .. 'replica:' .. ARGV[1]
local some = redis.call('HSCAN', key, 0, 'COUNT', ARGV[2])[2]
for i = 1, #some, 2 do takeOut(ARGV[1], some[i]) end
local left = redis.call('HLEN', key)
if left == 0 then redis.call('SREM', P .. 'graves', ARGV[1]) end
return left
`;

/** The scripts by name, each whole. */
export const SCRIPTS = Object.fromEntries(
  Object.entries({ create, join, leave, update, keep, read, ask, list, expire, enrol, beat, bury }).map(([name, body]) => [
    name,
    PRELUDE + body,
  ]),
) as Readonly<Record<ScriptName, string>>;

export type ScriptName = "create" | "join" | "leave" | "update" | "keep" | "read" | "ask" | "list" | "expire" | "enrol" | "beat" | "bury";
