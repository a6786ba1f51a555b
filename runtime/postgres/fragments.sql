-- Fragments that several statements share.

-- name: now
-- The time as Prisma writes "updatedAt": UTC without a time zone. Computed once for a statement, not for each row.
(SELECT clock_timestamp() AT TIME ZONE 'UTC')

-- name: ten_minutes_ago
(now() AT TIME ZONE 'UTC') - interval '10 min'

-- name: same_row
-- The row of settlement f, if it is still ours: in processing, or pending as its claim found it. Such a row may have
-- been deleted and inserted again meanwhile. "createdAt" tells, up to the microseconds that are lost on the way here
-- and back; "attempts", which anybody may set, does not. Only the index on id can serve it, and only from f to the row.
-- The index on status looks cheaper while the statistics say that nothing is in processing.
o.id = ANY (ARRAY[f.id]) AND (o.status IS NOT DISTINCT FROM 'processing' OR o.status IS NOT DISTINCT FROM 'pending'
    AND o."createdAt" BETWEEN (to_timestamp(f.created) AT TIME ZONE 'UTC') - interval '10 microseconds'
                          AND (to_timestamp(f.created) AT TIME ZONE 'UTC') + interval '10 microseconds')

-- name: newest_claim
-- No later claim names the id of f. A later claim does if the job was given back by hand and claimed again.
NOT EXISTS (SELECT FROM sluice.claim c WHERE c.id > f.claim AND f.id = ANY (c.ids))

-- name: next_attempt
-- An attempts column at the end of its range must not make the row unclaimable.
least(o.attempts, 2147483646) + 1

-- name: this_attempt
-- For a row o that a claim names, the present attempt. It is counted when the row is marked, or with its outcome.
CASE WHEN o.status IS NOT DISTINCT FROM 'pending' THEN least(o.attempts, 2147483646) + 1 ELSE o.attempts END

-- name: is_ours
-- Rows that a claim may name. No index can serve it.
(o.status IN ('pending', 'processing')) IS TRUE

-- name: is_claimed
-- Row o is pending, and a claim names it.
(o.status = 'pending' AND o.id IN (SELECT i FROM sluice.claim c, unnest(c.ids) i WHERE NOT c.marked))

-- name: claimed_rows
-- Finds such rows by their ids, whatever the planner thinks of the index on status.
o.status IS NOT DISTINCT FROM 'pending' AND o.id = ANY (ARRAY (SELECT i FROM sluice.claim c, unnest(c.ids) i WHERE NOT c.marked))

-- name: shown_status
-- The status that row o is shown with.
CASE WHEN {is_claimed} THEN 'processing' ELSE o.status END

-- name: is_unclaimed
-- In processing, and no claim names it.
o.status = 'processing' AND o.id NOT IN (SELECT unnest(c.ids) FROM sluice.claim c)

-- name: live_ids
-- The jobs of live runtimes.
(SELECT unnest(c.ids) FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime WHERE {is_alive})

-- name: is_alive
-- The function is in schema/migrations/08_who_is_alive.sql.
-- Runtime r.
sluice.is_alive(r.beat_at, r.lease)

-- name: is_stuck
-- A row in processing that no live runtime holds. Either a claim names it and its runtime is lost, or no claim has
-- named it for so long that no other program can still be working on it.
(o.status = 'processing' AND o.id NOT IN {live_ids}
  AND (o."updatedAt" < {ten_minutes_ago} OR o.id IN (SELECT unnest(c.ids) FROM sluice.claim c)))

-- name: is_abandoned
-- The same without rows that a claim names. These are left to the rescue, which fences their runtime first.
({is_unclaimed} AND o."updatedAt" < {ten_minutes_ago})

-- name: is_waiting
-- A failed job whose schedule still applies, or a job that waits.
(o.status = 'scheduled' OR (o.status = 'pending' AND NOT {is_claimed})
  OR (o.status = 'error' AND EXISTS (SELECT FROM sluice.schedule s WHERE s.job_id = o.id AND s.status = 'error')))

-- name: first_line
-- Of attempt a's error.
left(split_part(a.error, E'\n', 1), 300)

-- name: words
-- The same without differences in digits.
translate({first_line}, '123456789', '000000000')

-- name: frame
-- The innermost frame of its stack.
left(split_part(a.stack, E'\n', 2), 300)
