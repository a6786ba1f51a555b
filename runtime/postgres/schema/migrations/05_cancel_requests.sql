-- name: cancel_requests
-- Requests to stop jobs that a runtime has. The runtime's caretaker looks here.
CREATE TABLE sluice.cancel_request (
  job_id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now());
