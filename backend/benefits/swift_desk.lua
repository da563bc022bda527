-- One check in one step: everything that takes a code, counts, answers and remembers happens together or not at all.
-- Whatever is not plainly right is left untouched for the full path, which reads the database.
--
-- KEYS  1 the code  2 the partner's request  3 the stream  4 the configuration epoch  5 the partner's limit
-- ARGV  1 fingerprint  2 epoch the caller knows  3 run id of this Redis  4 scheme  5 its version's id  6 partner id
--       7 now, ms  8 day in the city  9 check id  10 most per partner  11 its window, s  12 most per citizen
--       13 its window, s  14 seconds to remember the answer  15 request key  16 prefix of all keys
local earlier = redis.call('GET', KEYS[2])
if earlier then return {'again', earlier} end
if redis.call('GET', KEYS[4]) ~= ARGV[2] then return {'reload'} end
local raw = redis.call('GET', KEYS[1])
if not raw then return {'ask'} end
local code = cjson.decode(raw)
if code.run ~= ARGV[3] or code.day ~= ARGV[8] or tonumber(ARGV[7]) >= code.ends_ms then return {'ask'} end
if type(code.scheme) == 'string' and code.scheme ~= ARGV[4] then return {'ask'} end
local decided = code.decided[ARGV[4]]
if not decided or decided[1] ~= ARGV[5] then return {'ask'} end
local holder, beneficiary, tier = code.holder_id, decided[2], decided[3]
local fence = ARGV[16] .. 'changed:'
if redis.call('EXISTS', fence .. 'everything', fence .. 'scheme:' .. ARGV[4], fence .. 'subject:' .. holder,
              fence .. 'subject:' .. beneficiary) > 0 then return {'ask'} end
local of_citizen = ARGV[16] .. 'checks:' .. ARGV[6] .. ':' .. holder
if tonumber(redis.call('GET', KEYS[5]) or '0') >= tonumber(ARGV[10]) then return {'ask'} end
if tonumber(redis.call('GET', of_citizen) or '0') >= tonumber(ARGV[12]) then return {'ask'} end
redis.call('DEL', KEYS[1])
local counted = redis.call('INCR', KEYS[5])
if counted == 1 then redis.call('EXPIRE', KEYS[5], ARGV[11]) end
if redis.call('INCR', of_citizen) == 1 then redis.call('EXPIRE', of_citizen, ARGV[13]) end
redis.call('XADD', KEYS[3], '*', 'check', ARGV[9], 'scheme', ARGV[5], 'partner', ARGV[6], 'holder', holder,
           'beneficiary', beneficiary, 'tier', tier, 'made', code.made_ms, 'at', ARGV[7],
           'key', ARGV[15], 'fingerprint', ARGV[1])
local answer = table.concat({ARGV[1], ARGV[9], ARGV[5], tier, ARGV[7]}, '|')
redis.call('SET', KEYS[2], answer, 'EX', ARGV[14])
return {'new', answer, counted}
