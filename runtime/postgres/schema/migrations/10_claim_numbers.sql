-- name: claim_numbers
-- Numbers that were used before the schema was recreated are not used again, because a runtime may still hold some.
PERFORM setval('sluice.claim_id_seq', greatest(nextval('sluice.claim_id_seq'),
                                               (date_part('epoch', clock_timestamp()) * 1000)::bigint));
