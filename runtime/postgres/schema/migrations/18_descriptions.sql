-- name: descriptions
-- What pages show about plugins and runtimes: the schema of a type's payloads, as its plugin declares it; the version that
-- is compared as a canary; and the keys of a runtime's configuration that differ from the defaults, without secrets.
ALTER TABLE sluice.job_type ADD COLUMN payload_schema text NOT NULL DEFAULT '';
ALTER TABLE sluice.plugin ADD COLUMN canary text NOT NULL DEFAULT '';
ALTER TABLE sluice.runtime ADD COLUMN settings jsonb;
