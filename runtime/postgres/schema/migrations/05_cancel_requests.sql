-- name: cancel_requests
-- Jobs that someone asked to stop while a runtime has them; its caretaker looks here.
CREATE TABLE sluice.cancel_request (
  job_id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now());
