-- What is done by hand.

-- name: note_by_hand
-- $1 to $3: the actor, $4: the action, $5: names and values of details, $6: the first ids, $7: how many jobs it affected.
INSERT INTO sluice.audit (actor, role, source, action, filter, ids, affected, over)
VALUES ($1, $2, $3, $4, CASE WHEN $5::text[] <> '{}' THEN jsonb_object($5::text[]) END, $6::text[], $7::bigint, true) RETURNING id

-- name: note_walk
-- A walk begins. $5 and later: statuses, types, since and until how many seconds before $15, when the walk began, jobs were
-- created, attempts, code, whether they are unscheduled, whether they are stuck, message and frame of a group of failures;
-- $16 and $17: from and before when they were created, in seconds since 1970.
INSERT INTO sluice.audit (actor, role, source, action, filter)
SELECT $1, $2, $3, $4, jsonb_strip_nulls(jsonb_build_object('statuses', nullif($5::text[], '{}'), 'types', nullif($6::text[], '{}'),
  'created_from', to_char(greatest(since, timestamp 'epoch' + make_interval(secs => $16::float8)), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'created_before', to_char(least(until, timestamp 'epoch' + make_interval(secs => $17::float8)), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  'attempts_below', $9::int, 'code', nullif($10::text, ''), 'unscheduled', nullif($11::bool, false),
  'stuck', nullif($12::bool, false), 'message', nullif($13::text, ''), 'frame', nullif($14::text, '')))
FROM (SELECT $15::timestamp - make_interval(secs => $7::float8) AS since,
             $15::timestamp - make_interval(secs => $8::float8) AS until) walk
RETURNING id

-- name: add_affected
UPDATE sluice.audit SET affected = affected + $2::bigint, over = $3::bool WHERE id = $1::bigint

-- name: pause
INSERT INTO sluice.paused (type, actor, reason) VALUES ($1, $2, $3)
ON CONFLICT (type) DO UPDATE SET actor = excluded.actor, reason = excluded.reason RETURNING xmax = 0

-- name: resume
DELETE FROM sluice.paused WHERE type = $1 RETURNING type
