-- What several statements share.

-- name: now
-- As Prisma writes "updatedAt": UTC without a time zone. Worked out once for a statement, not for each row.
(SELECT clock_timestamp() AT TIME ZONE 'UTC')

-- name: ten_minutes_ago
(now() AT TIME ZONE 'UTC') - interval '10 min'

-- name: same_row
-- The row of settlement f, if it is still ours: in processing, or pending as its claim found it. Such a row may have been
-- deleted and inserted again meanwhile, which "createdAt" tells, to the microseconds that are lost on the way here and
-- back. "attempts", which anybody may set, tells nothing. Only the index on id can serve it, and only from f to the row:
-- the one on status looks cheaper while statistics say that nothing is in processing.
o.id = ANY (ARRAY[f.id]) AND (o.status IS NOT DISTINCT FROM 'processing' OR o.status IS NOT DISTINCT FROM 'pending'
    AND o."createdAt" BETWEEN (to_timestamp(f.created) AT TIME ZONE 'UTC') - interval '10 microseconds'
                          AND (to_timestamp(f.created) AT TIME ZONE 'UTC') + interval '10 microseconds')

-- name: newest_claim
-- No later claim names the id of f. One does if the job was given back by hand and claimed anew.
NOT EXISTS (SELECT FROM sluice.claim c WHERE c.id > f.claim AND f.id = ANY (c.ids))

-- name: next_attempt
-- An attempts column at the end of its range must not make the row unclaimable.
least(o.attempts, 2147483646) + 1

-- name: this_attempt
-- Of a row o that a claim names, the attempt that runs: it is counted when the row is marked, or with its outcome.
CASE WHEN o.status IS NOT DISTINCT FROM 'pending' THEN least(o.attempts, 2147483646) + 1 ELSE o.attempts END

-- name: is_ours
-- What a claim may name; no index can serve it.
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
-- Runtime r.
sluice.is_alive(r.beat_at, r.lease)

-- name: is_stuck
-- A row that no live runtime has, though it is in processing: a claim names it, and its runtime is lost; or none does, and
-- for so long that no other drainer can be at work on it either.
(o.status = 'processing' AND o.id NOT IN {live_ids}
  AND (o."updatedAt" < {ten_minutes_ago} OR o.id IN (SELECT unnest(c.ids) FROM sluice.claim c)))

-- name: is_abandoned
-- The same without those that a claim names: these are left to rescue, which fences their runtime first.
({is_unclaimed} AND o."updatedAt" < {ten_minutes_ago})

-- name: is_waiting
-- A failed job whose schedule still holds, or one that waits.
(o.status = 'scheduled' OR (o.status = 'pending' AND NOT {is_claimed})
  OR (o.status = 'error' AND EXISTS (SELECT FROM sluice.schedule s WHERE s.job_id = o.id AND s.status = 'error')))
